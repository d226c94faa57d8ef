"""Does it outlast leaders? The level of words and deeds before and after each change of leader (embedded trust: no
drop).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sca_nlp.compare import null, series
from sca_nlp.compare.series import Array, Pair

QUESTION = "does it outlast leaders?"


@dataclass(frozen=True)
class Change:
    """A change of leader: the first period of the new one, in the grain of the series."""

    actor: str
    period: str
    before: str = ""
    after: str = ""


def steps(values: Array, places: np.ndarray[Any, Any], width: int) -> Array:
    """Return the level over `width` periods from each place less that over as many before.

    NaN without two known periods on each side.

    `values` (..., periods) -> (..., places).
    """
    t = values.shape[-1]
    out = []
    for p in places:
        left, right = values[..., max(p - width, 0) : p], values[..., p : min(p + width, t)]
        kl, kr = (~np.isnan(left)).sum(-1), (~np.isnan(right)).sum(-1)
        a, b = np.nansum(left, -1) / np.maximum(kl, 1), np.nansum(right, -1) / np.maximum(kr, 1)
        out.append(np.where((kl >= 2) & (kr >= 2), b - a, np.nan))
    return np.stack(out, -1) if out else np.zeros((*values.shape[:-1], 0))


def endurance(
    pair: Pair, changes: Sequence[Change], *, width: int = 3, permutations: int = 1000, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return one row per change of leader of either side and one over all, for words and for deeds.

    Estimate: level after less level before (negative: a drop); limits from the draws (words) and from the series' own
    noise. The p-value of the mean change compares it with the same spacing of changes at other times (circular shifts).
    """
    rows: list[dict[str, Any]] = []
    own = [c for c in changes if c.actor in (pair.source, pair.target) and c.period[: len(c.period)]]
    if not own or not pair.periods:
        return rows
    start, t = series.number(pair.periods[0]), len(pair.periods)
    own = [c for c in own if len(c.period) == len(pair.periods[0]) and 1 < series.number(c.period) - start < t - 1]
    places = np.array([series.number(c.period) - start for c in own], dtype=int)
    for what, values, many in (("words", pair.words, pair.draws), ("deeds", pair.deeds, pair.deeds[None, :])):
        label = f"the level of {what} changes no more with leaders than at other times"
        if not len(places) or not series.spread(values):
            rows.append(
                series.row(
                    pair,
                    QUESTION,
                    f"change of leader, {what}",
                    null=label,
                    reason="no change inside the series, or no spread",
                )
            )
            continue
        found, drawn = steps(values, places, width), steps(many, places, width)
        everywhere = steps(values, np.arange(t), width)
        known_steps = everywhere[~np.isnan(everywhere)]
        noise = float(known_steps.var()) if len(known_steps) else float("nan")
        for k, c in enumerate(own):
            if np.isnan(found[k]):
                continue
            low, high = series.rubin(drawn[:, k], np.full(len(drawn), noise), point=float(found[k]))
            rows.append(
                series.row(
                    pair,
                    QUESTION,
                    f"one change of leader, {what}",
                    direction=f"{c.actor}: {c.before} to {c.after}".strip(),
                    estimate=float(found[k]),
                    low=low,
                    high=high,
                    null=label,
                    n=int((~np.isnan(values)).sum()),
                    settings={"period": c.period, "width": width},
                )
            )
        known = ~np.isnan(found)
        if known.sum() < 2 or t < 12:
            rows.append(
                series.row(
                    pair,
                    QUESTION,
                    f"change of leader, {what}",
                    null=label,
                    n=int(known.sum()),
                    reason="fewer than 2 changes, or 12 periods",
                )
            )
            continue
        mean = float(np.nanmean(found))
        moved = (places + np.arange(1, t)[:, None]) % t
        with np.errstate(invalid="ignore"):
            sums, counts = np.nansum(everywhere[moved], 1), (~np.isnan(everywhere[moved])).sum(1)
        whole = counts >= known.sum()  # shifts that push a change over the edge have fewer terms and more spread
        whole = whole if whole.sum() >= 19 else counts > 0
        shuffled = (sums / np.maximum(counts, 1))[whole]
        means = np.nanmean(drawn, 1)
        low, high = series.rubin(means, np.full(len(means), float(np.nanvar(shuffled))), point=mean)
        rows.append(
            series.row(
                pair,
                QUESTION,
                f"change of leader, {what}",
                estimate=mean,
                low=low,
                high=high,
                p=null.p_value(abs(mean), np.abs(shuffled)),
                null=label,
                n=int(known.sum()),
                settings={"changes": len(own), "width": width, "null": "circular shifts of the dates"},
            )
        )
    return rows
