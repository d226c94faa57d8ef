"""The tables of actors in `configs/actors/`: states, groups, leaders, and what must not be mistaken for a state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sca_nlp.actors.tables import (
    EVER,
    Form,
    Group,
    State,
    code_and_name,
    language_forms,
    own_forms,
    read_groups,
    read_states,
    read_toml,
    span,
    split_form,
    tables,
    text_of,
    texts,
)
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.share import share_path


@dataclass(frozen=True, eq=False)
class ActorData:
    """All tables, checked."""

    states: Mapping[str, State]
    groups: Mapping[str, Group]
    forms: tuple[Form, ...]
    aliases: Mapping[str, str]

    def extended(self, files: Iterable[Path | str]) -> ActorData:
        """Return these tables with the actors of further files (form: `corpus/sample/actors.toml`).

        Raises:
            InputError: a file is missing, is no TOML, or an actor lacks its code or name.
        """
        states, groups, forms = dict(self.states), dict(self.groups), list(self.forms)
        for path in map(Path, files):
            content = read_toml(path)
            for n, row in enumerate(tables(content, "actor", path), 1):
                where = f"{path}: actor {n}"
                code, name = code_and_name(row, where)
                states[code] = State(code, name, "", (), (), EVER, frozenset())
                forms += own_forms(row, code, name, where)
            for n, row in enumerate(tables(content, "group", path), 1):
                where = f"{path}: group {n}"
                code, name = code_and_name(row, where)
                spans = tuple(
                    (*span(m, where), frozenset({text_of(m, "code", where)})) for m in tables(row, "members", where)
                )
                groups[code] = Group(code, name, "group", spans)
                forms += [Form(f, (code,), "group") for f in dict.fromkeys([name, *texts(row, "names", where)])]
        return ActorData(states, groups, tuple(forms), self.aliases)

    def in_language(self, language: str, folder: Path | None = None) -> ActorData:
        """Return these tables with the names that texts in another language use.

        A language with a table in `configs/actors/languages/` has its own names; beside them stay leaders and, in Latin
        script, English names of states that its table lacks. Any other language keeps the English names.

        Args:
            language: ISO 639-1 code.
            folder: the tables' folder; None for the shipped one.

        Raises:
            InputError: the language's table is wrong.
        """
        path = language_file(language, folder)
        if path is None:
            return self
        own, covered = language_forms(path, set(self.states) | set(self.groups))
        latin = any("a" <= c.lower() <= "z" for c in own[0].text)
        kept = [f for f in self.forms if f.kind == "leader"]
        if latin:
            kept += [f for f in self.forms if f.kind == "name" and covered.isdisjoint(f.codes)]
        return ActorData(self.states, self.groups, (*own, *kept), self.aliases)


def language_file(language: str, folder: Path | None = None) -> Path | None:
    """Return the table of names of a language (ISO 639-1); None where there is none."""
    if not re.fullmatch(r"[a-z]{2}", language):
        return None
    base = Path(folder) if folder is not None else share_path("configs", "actors")
    path = base / "languages" / f"{language}.toml"
    return path if path.is_file() else None


def languages(folder: Path | None = None) -> list[str]:
    """Return the languages (ISO 639-1) whose names of actors are known, English included."""
    base = Path(folder) if folder is not None else share_path("configs", "actors")
    return sorted({"en", *(p.stem for p in (base / "languages").glob("*.toml"))})


@lru_cache(maxsize=4)
def load_data(folder: Path | None = None) -> ActorData:
    """Read and check the tables of a folder (default: `configs/actors`).

    Raises:
        InputError: a file is missing or a row is wrong.
    """
    folder = Path(folder) if folder is not None else share_path("configs", "actors")
    states, forms = read_states(folder / "states.toml")
    groups, more = read_groups(folder / "groups.toml")
    forms += more
    for code, entries in read_toml(folder / "leaders.toml").items():
        where = f"{folder / 'leaders.toml'}: {code}"
        if code not in states:
            raise InputError(where, f"state {code!r}", "a code of states.toml")
        forms += [Form(f, (code,), "leader", y) for e in entries for f, y in split_form(e, where)]
    other = read_toml(folder / "other.toml")
    where = str(folder / "other.toml")
    forms += [Form(f, (), "none", y) for e in other.get("none", ()) for f, y in split_form(e, where)]
    for codes, entries in other.get("several", {}).items():
        pair = tuple(codes.split())
        forms += [Form(f, pair, "group", y) for e in entries for f, y in split_form(e, where)]
    for codes, entries in other.get("cues", {}).items():
        pointed = tuple(codes.split())
        forms += [Form(f, pointed, "cue", y) for e in entries for f, y in split_form(e, where)]
    known = set(states) | set(groups)
    for form in forms:
        if unknown := set(form.codes) - known:
            raise InputError(
                where, f"code {sorted(unknown)[0]!r} of {form.text!r}", "a code of states.toml or groups.toml"
            )
    return ActorData(states, groups, tuple(forms), dict(other.get("aliases", {})))


#: Regions whose states count as the South (developing or non-aligned countries).
_SOUTH = frozenset({"AFR", "ARAB", "AMER", "SASIA", "SEASIA", "PAC"})


def members(group: str, year: int, data: ActorData | None = None) -> frozenset[str]:
    """Return the states (ISO3) that belonged to a group in a year, by accession and withdrawal dates.

    A state is its own only member. `WEST` also holds `NATO` and `EU`, for what is said of, or done by, these as such.
    `AFR`, `AMER` (Latin America and the Caribbean), `SOUTH`, `UN` and `ALL` are made from the states that were
    independent in that year; the other lists stand in `groups.toml`.

    Raises:
        UnknownNameError: no such group or state, or a group without members (`NONSTATE`, `?`).
    """
    data = data or load_data()
    if group in data.states:
        return frozenset({group})
    if group in data.groups and data.groups[group].spans:
        return frozenset().union(*(names for first, last, names in data.groups[group].spans if first <= year <= last))
    alive = {s.code: s.regions for s in data.states.values() if s.years and s.years[0] <= year <= s.years[1]}
    if group in ("ALL", "UN"):
        return frozenset(alive)
    if group in ("AFR", "AMER"):
        return frozenset(c for c, r in alive.items() if group in r)
    if group == "SOUTH":
        north = {"AUS", "NZL"} | ({"ZAF"} if year < 1994 else set())
        return frozenset(c for c, r in alive.items() if (r & _SOUTH or c in ("IRN", "MNG")) and c not in north)
    known = [g for g, row in data.groups.items() if row.spans] + ["AFR", "AMER", "SOUTH", "UN", "ALL"]
    raise UnknownNameError("group of states", group, known)
