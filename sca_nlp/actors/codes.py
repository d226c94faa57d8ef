"""Read a country from a table's cell, whatever code or name it uses; show a code by name."""

from __future__ import annotations

import difflib
import re
import unicodedata
from functools import lru_cache

from sca_nlp.actors.data import ActorData, load_data
from sca_nlp.actors.tables import EVER
from sca_nlp.errors import InputError, UnknownNameError


def _key(text: str) -> str:
    """Return what two spellings of one name have in common: no case, accents, articles or punctuation."""
    text = unicodedata.normalize("NFKD", text.replace("’", "'"))
    text = "".join(c for c in text if not unicodedata.combining(c)).casefold().replace("&", " and ")
    words = re.sub(r"[^\w]+", " ", re.sub(r"(?<=\b\w)\.(?=\w\b)", "", text)).replace("viet nam", "vietnam").split()
    words = ["saint" if w == "st" else w for w in words if w != "the"]
    return " ".join(words)


#: A key's owners: (rank of the naming system, first year, last year, code); lower rank wins.
_Table = dict[str, list[tuple[int, int, int, str]]]


@lru_cache(maxsize=4)
def _tables(data: ActorData) -> tuple[_Table, dict[str, str]]:
    table: _Table = {}
    shown: dict[str, str] = {}

    def add(name: str, code: str, rank: int, years: tuple[int, int] = EVER) -> None:
        rows = table.setdefault(_key(name), [])
        if (rank, *years, code) not in rows:
            rows.append((rank, *years, code))
        shown.setdefault(_key(name), name)

    for state in data.states.values():
        alive = state.years or EVER
        add(state.code, state.code, 0)
        add(state.iso2 or state.code, state.code, 1)
        add(state.name, state.code, 3, alive)
        for number in state.cow:
            add(number, state.code, 3, alive)
        for abb in state.abb:
            add(abb, state.code, 5, alive)
    for code in data.groups:
        add(code, code, 0)
    for alias, code in data.aliases.items():
        add(alias, code, 2)
    for form in data.forms:
        if form.kind == "name" and len(form.codes) == 1:
            add(form.text, form.codes[0], 4, form.years)
    return table, shown


def country_code(
    value: str | int | float,
    date: str = "",
    *,
    system: str = "",
    where: object = "country",
    data: ActorData | None = None,
) -> str:
    """Return the actor's code (ISO 3166-1 alpha-3 or a group's) of a name, an ISO 2 or 3 code, or a COW number or code.

    Historical states are known (`USSR` -> `RUS`, `West Germany` -> `DEU`, `Zaire` -> `COD`). Where codes clash ISO wins
    (`AUS` is Australia; COW's `AUS`, Austria, needs `system="cow"`). Years of `date` decide where a name changed hands
    (COW 345: `YUG` before 2006, `SRB` after).

    Args:
        value: what stands in the cell.
        date: ISO date of the record; empty = undated.
        system: `cow` reads letters as Correlates of War abbreviations first.
        where: file and line for the error.
        data: other tables than the shipped ones (`load_data().extended(files)`).

    Raises:
        InputError: nothing fits; the message has the nearest name.
    """
    table, shown = _tables(data or load_data())
    text = str(value).strip()
    if re.fullmatch(r"\d+(\.0)?", text):  # a COW number that a table held as a float, or with leading zeros
        text = str(int(float(text)))
    tries = [text]
    if m := re.fullmatch(r"([^,]+),\s*(.+)", text):  # "Korea, Republic of"
        tries.append(f"{m.group(2)} {m.group(1)}")
    if "(" in text:  # "Russia (Soviet Union)"
        tries.append(re.sub(r"\s*\([^)]*\)", "", text))
    for attempt in tries:
        rows = table.get(_key(attempt)) if _key(attempt) else None
        if not rows:
            continue
        if system == "cow":
            rows = [r for r in rows if r[0] == 5] or rows
        if date[:4].isdigit():
            year = int(date[:4])
            rows = [r for r in rows if r[1] <= year <= r[2]] or rows
            return min(rows, key=lambda r: r[0])[3]
        # Undated: the best naming system; in it the state that held the name longest within its open or closed years.
        return min(rows, key=lambda r: (r[0], r[1]))[3]
    near = difflib.get_close_matches(_key(text), list(table), n=1, cutoff=0.6)
    hint = f" (nearest: {shown[near[0]]!r})" if near else ""
    raise InputError(where, f"country {str(value)!r}", f"a country's name, ISO 3166-1 code or COW code{hint}")


def name_of(code: str, data: ActorData | None = None) -> str:
    """Return the name of a state or group by its code; `?` is `unclear`.

    Raises:
        UnknownNameError: no such code.
    """
    data = data or load_data()
    if code == "?":
        return "unclear"
    if code in data.states:
        return data.states[code].name
    if code in data.groups:
        return data.groups[code].name
    raise UnknownNameError("actor code", code, [*data.states, *data.groups])
