"""Which passages stand behind a cell of words, so that a test can point to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sca_nlp.pipeline.dyads import Dyads
from sca_nlp.store import iter_passages

if TYPE_CHECKING:
    from sca_nlp.aggregate.cells import Members

Cell = tuple[str, str, str]  # source, target, period


def evidence(folder: Path, dyads: Dyads, grain: str, members: Members, most: int = 5) -> dict[Cell, list[str]]:
    """Return for each cell the ids of up to `most` coded passages, those with most codes first.

    Args:
        folder: the run.
        dyads: directed pairs.
        grain: `year`, `quarter` or `month`.
        members: of groups, as `members_function` returns it.
        most: passages a cell.
    """
    from sca_nlp.aggregate.periods import period_of

    def sides(name: str, year: int) -> frozenset[str]:
        return members(name, year) | {name}

    found: dict[Cell, list[tuple[int, str]]] = {}
    columns = ["passage_id", "source", "date", "targets", "codes"]
    of_source: dict[int, dict[str, list[tuple[tuple[str, str], frozenset[str]]]]] = {}
    for table in iter_passages(folder, columns):
        for row in zip(*(table[c].to_pylist() for c in columns), strict=True):
            passage, source, date, targets, codes = row
            period = period_of(date, grain) if codes and targets else None
            if period is None:
                continue
            year = int(date[:4])
            if year not in of_source:  # a passage looks at its source's dyads alone: with hundreds that is what counts
                of_source[year] = {}
                for a, b in dyads:
                    for left in sides(a, year):
                        of_source[year].setdefault(left, []).append(((a, b), sides(b, year)))
            for dyad, right in of_source[year].get(source, ()):
                if not right.isdisjoint(targets):
                    found.setdefault((*dyad, period), []).append((-len(codes), passage))
    return {cell: [p for _, p in sorted(ids)[:most]] for cell, ids in found.items()}
