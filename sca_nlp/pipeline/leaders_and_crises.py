"""What trust should outlast: changes of leader and crises, as a config names them, in the periods of a run."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from sca_nlp.config import CrisisSection
from sca_nlp.errors import InputError
from sca_nlp.pipeline.dyads import Dyads, undirected

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sca_nlp.compare.crisis import Window
    from sca_nlp.compare.endurance import Change


def changes_of_leader(path: str, grain: str) -> tuple[Change, ...]:
    """Read changes of leader from a table: code, speaker, office, from. The first office of a state is its head's.

    Raises:
        InputError: no such table, or not these columns.
    """
    from sca_nlp.aggregate.periods import period_of
    from sca_nlp.compare.endurance import Change

    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as f:
            rows = list(csv.DictReader(f))
    except OSError as e:
        raise InputError(path, str(e.strerror), "a CSV with code, speaker, office, from") from None
    if rows and not {"code", "speaker", "office", "from"} <= set(rows[0]):
        raise InputError(path, f"columns {', '.join(rows[0])}", "code, speaker, office, from")
    heads: dict[str, str] = {}
    last: dict[str, str] = {}
    found = []
    for row in sorted(rows, key=lambda r: r["from"]):
        office = heads.setdefault(row["code"], row["office"])
        if row["office"] != office:
            continue
        period = period_of(row["from"], grain)
        if period and row["code"] in last:
            found.append(Change(row["code"], period, last[row["code"]], row["speaker"]))
        last[row["code"]] = row["speaker"]
    return tuple(found)


def crisis_windows(crises: Iterable[CrisisSection], dyads: Dyads, grain: str) -> tuple[Window, ...]:
    """Return each crisis once for its pair of actors, or for every pair where it names none.

    Raises:
        InputError: dates coarser than the periods, or another number of actors.
    """
    from sca_nlp.aggregate.periods import period_of
    from sca_nlp.compare.crisis import Window

    found = []
    for crisis in crises:
        where = f"crisis {crisis.name!r}"
        ends = (period_of(crisis.first, grain), period_of(crisis.last, grain))
        if not all(ends):
            raise InputError(where, f"{crisis.first} to {crisis.last}", f"dates as fine as a {grain}")
        if len(crisis.actors) not in (0, 2):
            raise InputError(where, f"actors {', '.join(crisis.actors)}", "two, or none for every pair")
        pairs = undirected([(crisis.actors[0], crisis.actors[1])] if crisis.actors else dyads)
        found += [Window(crisis.name, pair, str(ends[0]), str(ends[1])) for pair in pairs]
    return tuple(found)
