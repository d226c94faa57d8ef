"""Who is compared with whom: the directed dyads of a run, their actors by code, and the members of groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from sca_nlp.config import WordsSection
from sca_nlp.errors import InputError
from sca_nlp.store import iter_passages

if TYPE_CHECKING:
    from sca_nlp.aggregate.cells import Members

Dyads = Sequence[tuple[str, str]]


def members_function(files: Iterable[str] = ()) -> Members:
    """Return `members(group, year)` over the shipped actors and those of further files."""
    from sca_nlp.actors import load_data, members

    return partial(members, data=load_data().extended(files))


def directed(section: WordsSection) -> list[tuple[str, str]]:
    """Return the directed dyads of a config, both ways unless it says otherwise.

    Raises:
        InputError: an actor with itself.
    """
    dyads = list(section.dyads)
    if section.both:
        dyads += [(b, a) for a, b in section.dyads]
    same = next((a for a, b in dyads if a == b), None)
    if same:
        raise InputError("words.dyads", f"{same} with itself", "two different actors")
    return list(dict.fromkeys(dyads))


def undirected(dyads: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return each pair of actors once, whichever way it was given, in alphabetical order."""
    return sorted({(a, b) if a < b else (b, a) for a, b in dyads})


def known_dyads(section: WordsSection, actor_files: Iterable[str] = (), folder: Path | None = None) -> WordsSection:
    """Return the section with its actors by code: `Russia` -> `RUS`. Actors of the user's own, or in a run, may stand.

    Raises:
        InputError: no such actor; names the nearest.
    """
    from sca_nlp.actors import country_code, load_data

    files = tuple(actor_files)
    data = load_data().extended(files)

    def code(name: str) -> str:
        if name in data.states or name in data.groups:
            return name
        try:
            return country_code(name, where="dyad", data=data)
        except InputError as e:
            if files or (folder and name in _actors_in(folder)):
                return name
            raise InputError("dyad", f"unknown actor {name!r}", e.wanted.replace("a country's", "a state's")) from None

    return replace(section, dyads=tuple((code(a), code(b)) for a, b in section.dyads))


def _actors_in(folder: Path) -> set[str]:
    """Return who speaks in a run and of whom."""
    found: set[str] = set()
    for table in iter_passages(folder, ["source", "targets"]):
        found.update(table["source"].unique().to_pylist(), pc.list_flatten(table["targets"]).unique().to_pylist())
    return found
