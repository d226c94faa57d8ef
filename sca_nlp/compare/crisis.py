"""Under strain: words and deeds inside windows fixed beforehand (a dispute, a named event) against outside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sca_nlp.compare import null, series
from sca_nlp.compare.series import Pair

QUESTION = "under strain?"


@dataclass(frozen=True)
class Window:
    """A crisis between two actors, from the first to the last period, named in the config before looking."""

    name: str
    actors: tuple[str, str]
    first: str
    last: str


def crisis(
    pair: Pair, windows: Sequence[Window], *, permutations: int = 1000, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return rows for words and deeds: mean inside the pair's crisis windows less mean outside (negative: fallback).

    The null rotates all windows together in time, so their number, length and spacing stay.
    """
    own = [w for w in windows if set(w.actors) == {pair.source, pair.target}]
    if not own or not pair.periods:
        return []
    numbers = np.array([series.number(p) for p in pair.periods])
    inside = np.zeros(len(numbers), bool)
    grain = len(pair.periods[0])
    for w in own:
        if len(w.first) == grain and len(w.last) == grain:
            inside |= (numbers >= series.number(w.first)) & (numbers <= series.number(w.last))
    rows = []
    for what, values, many in (("words", pair.words, pair.draws), ("deeds", pair.deeds, pair.deeds[None, :])):
        label = f"{what} inside the crisis windows are as at other times"
        known = ~np.isnan(values)
        settings = {"windows": [w.name for w in own], "null": "circular shifts of the windows"}
        if (known & inside).sum() < 1 or (known & ~inside).sum() < 8 or not series.spread(values):
            rows.append(
                series.row(
                    pair,
                    QUESTION,
                    f"crisis, {what}",
                    null=label,
                    n=int((known & inside).sum()),
                    settings=settings,
                    reason="no period inside the windows, or fewer than 8 outside",
                )
            )
            continue
        x, mask = values[known], inside[known]
        difference = float(x[mask].mean() - x[~mask].mean())
        rotated = mask[null.rotations(len(x), permutations, rng)]
        shuffled = (rotated @ x) / rotated.sum(1) - (~rotated @ x) / (~rotated).sum(1)
        d = many[:, known]
        drawn = d[:, mask].mean(1) - d[:, ~mask].mean(1)
        low, high = series.rubin(drawn, np.full(len(drawn), float(shuffled.var())), point=difference)
        rows.append(
            series.row(
                pair,
                QUESTION,
                f"crisis, {what}",
                estimate=difference,
                low=low,
                high=high,
                p=null.p_value(abs(difference), np.abs(shuffled)),
                null=label,
                n=int(mask.sum()),
                settings=settings,
            )
        )
    return rows
