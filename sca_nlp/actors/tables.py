"""How the tables of actors are written: states, groups, names with their years, in TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sca_nlp.errors import InputError

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


#: Codes of a language's table that are no states.
_GROUPS = frozenset({"NATO", "EU", "UN", "WEST", "EAST", "AFR", "ARAB", "ASEAN", "AMER", "SOUTH", "GREAT"})
#: What the parts of a row in a language's table hold, for states.
_PARTS = ("name", "people", "seat")


def language_forms(path: Path, known: set[str]) -> tuple[list[Form], set[str]]:
    """Return the forms of a language's table, and the codes that have a row in it."""
    content = read_toml(path)
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


def code_and_name(row: Mapping[str, Any], where: str) -> tuple[str, str]:
    """Return an actor's code and name; InputError where one is missing."""
    for key in ("code", "name"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise InputError(where, f"no {key}", 'code = "..." and name = "..."')
    return row["code"], row["name"]


def own_forms(row: Mapping[str, Any], code: str, name: str, where: str) -> list[Form]:
    """Return the forms of one actor of a user's file."""
    forms = [Form(f, (code,), "name") for f in dict.fromkeys([name, *texts(row, "names", where)])]
    forms += [Form(f, (code,), "people") for f in texts(row, "demonyms", where)]
    forms += [Form(f, (code,), "seat") for f in texts(row, "capital", where)]
    for leader in tables(row, "leaders", where):
        who, years = text_of(leader, "name", where), span(leader, where)
        forms += [Form(f, (code,), "leader", years) for f in dict.fromkeys([who, who.split()[-1]])]
    return forms


def tables(row: Mapping[str, Any], key: str, where: object) -> list[Mapping[str, Any]]:
    """Return a list of tables; nothing there is an empty one; InputError where something else stands there."""
    value = row.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise InputError(where, f"{key} is {str(value)[:80]!r}", f"{key} as a list of tables")
    return value


def texts(row: Mapping[str, Any], key: str, where: object) -> list[str]:
    """Return a list of texts; nothing there is an empty one; InputError where something else stands there."""
    value = row.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, str) and v.strip() for v in value):
        raise InputError(where, f"{key} is {str(value)[:80]!r}", f"{key} as a list of texts")
    return value


def text_of(row: Mapping[str, Any], key: str, where: object) -> str:
    """Return a text; InputError where there is none."""
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(where, f"{key} is {str(value)[:80]!r}", f"{key} as a text")
    return value


def span(row: Mapping[str, Any], where: object) -> tuple[int, int]:
    """Return (first, last) of `from` and `to`; an open end is that of `EVER`; InputError where these are no years."""
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


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file.

    Raises:
        InputError: no such file, or no TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(path, "no such file", "a table of actors in TOML (configs/actors shows the form)") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as e:
        raise InputError(path, f"not readable as TOML ({e})", "a table of actors in TOML") from None


def read_states(path: Path) -> tuple[dict[str, State], list[Form]]:
    """Return the states of `states.toml` and the forms that name them.

    Raises:
        InputError: a row is wrong.
    """
    states: dict[str, State] = {}
    forms: list[Form] = []
    for code, row in read_toml(path).items():
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


def read_groups(path: Path) -> tuple[dict[str, Group], list[Form]]:
    """Return the groups of `groups.toml` and the forms that name them.

    Raises:
        InputError: years that cannot be read.
    """
    groups: dict[str, Group] = {}
    forms: list[Form] = []
    for key, row in read_toml(path).items():
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
