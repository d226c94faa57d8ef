"""The tables of actors in `configs/actors/`: states, groups, leaders, and what must not be mistaken for a state."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.share import share_path

#: Before and after all years: an open end of a range.
EVER = (0, 9999)


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which texts name an actor, in the years in which it does."""

    text: str
    codes: tuple[str, ...]  # empty: hides a state's name and is no actor itself ("New Mexico")
    kind: str  # name, people, seat, leader, group, cue, none
    years: tuple[int, int] = EVER


@dataclass(frozen=True, slots=True)
class State:
    """One state since 1945 (or a territory that speeches treat as an actor: then `years` is None)."""

    code: str
    name: str
    iso2: str
    cow: tuple[str, ...]
    abb: tuple[str, ...]
    years: tuple[int, int] | None
    regions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Group:
    """An alliance, organisation or group of states; `code` is what the codebook's targets call it."""

    code: str
    name: str
    kind: str
    spans: tuple[tuple[int, int, frozenset[str]], ...]


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
            content = _read(path)
            for n, row in enumerate(_tables(content, "actor", path), 1):
                where = f"{path}: actor {n}"
                code, name = _code_and_name(row, where)
                states[code] = State(code, name, "", (), (), EVER, frozenset())
                forms += _own_forms(row, code, name, where)
            for n, row in enumerate(_tables(content, "group", path), 1):
                where = f"{path}: group {n}"
                code, name = _code_and_name(row, where)
                spans = tuple(
                    (*_span(m, where), frozenset({_text(m, "code", where)})) for m in _tables(row, "members", where)
                )
                groups[code] = Group(code, name, "group", spans)
                forms += [Form(f, (code,), "group") for f in dict.fromkeys([name, *_texts(row, "names", where)])]
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
        own, covered = _language(path, set(self.states) | set(self.groups))
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


#: Codes of a language's table that are no states.
_GROUPS = frozenset({"NATO", "EU", "UN", "WEST", "EAST", "AFR", "ARAB", "ASEAN", "AMER", "SOUTH", "GREAT"})
#: What the parts of a row in a language's table hold, for states.
_PARTS = ("name", "people", "seat")


def _language(path: Path, known: set[str]) -> tuple[list[Form], set[str]]:
    """Return the forms of a language's table, and the codes that have a row in it."""
    content = _read(path)
    endings = {f"{{@{k}}}": f"{{{v}}}" for k, v in content.get("endings", {}).items()}

    def forms(text: str, codes: tuple[str, ...], kind: str, where: str) -> list[Form]:
        for mark, set_ in endings.items():
            text = text.replace(mark, set_)
        if "{@" in text:
            raise InputError(where, text, f"endings among {', '.join(sorted(endings))}")
        return [
            Form(f, codes, kind, y)
            for entry in filter(None, map(str.strip, text.split(";")))
            for f, y in split_form(entry, where)
        ]

    found: list[Form] = []
    for table, kind in (("actors", ""), ("several", "group"), ("none", "none")):
        for key, row in content.get(table, {}).items():
            where = f"{path}: {key}"
            codes = () if table == "none" else tuple(key.split())
            if unknown := set(codes) - known:
                raise InputError(where, f"code {sorted(unknown)[0]!r}", "a code of states.toml or groups.toml")
            parts = str(row).split("|")
            if len(parts) > len(_PARTS):
                raise InputError(where, f"{len(parts)} parts", "names | demonyms and adjectives | seats")
            group = bool(codes) and codes[0] in _GROUPS
            for part, own in zip(parts, _PARTS, strict=False):
                found += forms(part, codes, kind or ("group" if group else own), where)
    return found, set(content.get("actors", {}))


def _code_and_name(row: Mapping[str, Any], where: str) -> tuple[str, str]:
    for key in ("code", "name"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise InputError(where, f"no {key}", 'code = "..." and name = "..."')
    return row["code"], row["name"]


def _own_forms(row: Mapping[str, Any], code: str, name: str, where: str) -> list[Form]:
    """Return the forms of one actor of a user's file."""
    forms = [Form(f, (code,), "name") for f in dict.fromkeys([name, *_texts(row, "names", where)])]
    forms += [Form(f, (code,), "people") for f in _texts(row, "demonyms", where)]
    forms += [Form(f, (code,), "seat") for f in _texts(row, "capital", where)]
    for leader in _tables(row, "leaders", where):
        who, years = _text(leader, "name", where), _span(leader, where)
        forms += [Form(f, (code,), "leader", years) for f in dict.fromkeys([who, who.split()[-1]])]
    return forms


def _tables(row: Mapping[str, Any], key: str, where: object) -> list[Mapping[str, Any]]:
    value = row.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise InputError(where, f"{key} is {str(value)[:80]!r}", f"{key} as a list of tables")
    return value


def _texts(row: Mapping[str, Any], key: str, where: object) -> list[str]:
    value = row.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, str) and v.strip() for v in value):
        raise InputError(where, f"{key} is {str(value)[:80]!r}", f"{key} as a list of texts")
    return value


def _text(row: Mapping[str, Any], key: str, where: object) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(where, f"{key} is {str(value)[:80]!r}", f"{key} as a text")
    return value


def _span(row: Mapping[str, Any], where: object) -> tuple[int, int]:
    found = (row.get("from", EVER[0]), row.get("to", EVER[1]))
    if not all(isinstance(y, int) and not isinstance(y, bool) for y in found):
        raise InputError(where, f"from {found[0]!r} to {found[1]!r}", "years, as in from = 1990, to = 1995")
    return found


def expand(text: str) -> list[str]:
    """Return the forms that braces stand for: `{great,big} power` gives `great power`, `big power`."""
    m = re.search(r"\{([^{}]*)\}", text)
    if not m:
        return [text]
    return [done for part in m.group(1).split(",") for done in expand(text[: m.start()] + part + text[m.end() :])]


def parse_years(text: str, where: object = "years") -> tuple[int, int]:
    """Return (first, last) of `1991-`, `-1990`, `1967-1990` or `` (always).

    Raises:
        InputError: something else.
    """
    text = text.strip()
    if not text:
        return EVER
    m = re.fullmatch(r"(\d{4})?-(\d{4})?", text)
    if not m or text == "-":
        raise InputError(where, f"years {text!r}", "YYYY-YYYY, YYYY- or -YYYY")
    return int(m.group(1) or EVER[0]), int(m.group(2) or EVER[1])


def split_form(text: str, where: object) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield (form, years) of an entry such as `the {Nine,Ten} [1973-1994]`."""
    m = re.fullmatch(r"(.*?)(?:\s*\[([^\]]*)\])?", text.strip())
    if m is None or not m.group(1):
        raise InputError(where, f"form {text!r}", "a name, then if need be years in brackets")
    years = parse_years(m.group(2) or "", where)
    for form in expand(m.group(1)):
        yield form, years


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(path, "no such file", "a table of actors in TOML (configs/actors shows the form)") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as e:
        raise InputError(path, f"not readable as TOML ({e})", "a table of actors in TOML") from None


def _states(path: Path) -> tuple[dict[str, State], list[Form]]:
    states: dict[str, State] = {}
    forms: list[Form] = []
    for code, row in _read(path).items():
        where = f"{path}: {code}"
        if not isinstance(row, dict) or not row.get("name"):
            raise InputError(where, "no name", 'CODE = { name = "...", ... }')
        years = row.get("years", "")
        states[code] = State(
            code=code,
            name=row["name"],
            iso2=row.get("iso2", ""),
            cow=tuple(filter(None, row.get("cow", "").split(","))),
            abb=tuple(filter(None, row.get("abb", "").split(","))),
            years=None if years == "-" else parse_years(years, where),
            regions=frozenset(filter(None, row.get("regions", "").split(","))),
        )
        found = [
            Form(form, (code,), kind, span)
            for kind, key in (("name", "names"), ("people", "people"), ("seat", "seats"))
            for entry in filter(None, row.get(key, "").split(";"))
            for form, span in split_form(entry, where)
        ]
        # A name whose years are stated ("Georgia [1991-]") is not added again without them.
        if row["name"] not in {f.text for f in found}:
            found.append(Form(row["name"], (code,), "name"))
        forms += found
    return states, forms


def _groups(path: Path) -> tuple[dict[str, Group], list[Form]]:
    groups: dict[str, Group] = {}
    forms: list[Form] = []
    for key, row in _read(path).items():
        where = f"{path}: {key}"
        spans = []
        for line in row.get("members", ()):
            years, _, names = str(line).partition(":")
            spans.append((*parse_years(years, where), frozenset(names.split())))
        groups[key] = Group(row.get("code", key), row["name"], row.get("kind", "group"), tuple(spans))
        codes = (groups[key].code,) if groups[key].code else ()
        # A group outside the codebook hides the states' names within it, and is no target.
        forms += [
            Form(form, codes, "group" if codes else "none", span)
            for entry in row.get("forms", ())
            for form, span in split_form(entry, where)
        ]
        forms += [Form(form, codes, "cue", y) for e in row.get("cues", ()) for form, y in split_form(e, where)]
    return groups, forms


@lru_cache(maxsize=4)
def load_data(folder: Path | None = None) -> ActorData:
    """Read and check the tables of a folder (default: `configs/actors`).

    Raises:
        InputError: a file is missing or a row is wrong.
    """
    folder = Path(folder) if folder is not None else share_path("configs", "actors")
    states, forms = _states(folder / "states.toml")
    groups, more = _groups(folder / "groups.toml")
    forms += more
    for code, entries in _read(folder / "leaders.toml").items():
        where = f"{folder / 'leaders.toml'}: {code}"
        if code not in states:
            raise InputError(where, f"state {code!r}", "a code of states.toml")
        forms += [Form(f, (code,), "leader", y) for e in entries for f, y in split_form(e, where)]
    other = _read(folder / "other.toml")
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
