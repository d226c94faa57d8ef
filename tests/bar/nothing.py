"""Worlds in which nothing happens: words and deeds each have their momentum, and nothing between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.compare import breaks, coincidence, crisis, endurance, gap, granger, leadlag, reciprocity
from sca_nlp.compare.series import Pair
from tests.bar.found import Found
from tests.compare.worlds import ar, grid, pair

PERMUTATIONS = 199
#: Error of the words, in their standard deviations, and draws that carry it.
NOISE, DRAWS = 0.3, 8
Rng = np.random.Generator


def null_pair(rng: Rng, periods: int, momentum: float, source: str = "AAA", target: str = "BBB") -> Pair:
    """Return words and deeds that have nothing to do with each other."""
    x, y = ar(rng, 2, periods, momentum)
    draws = x + NOISE * rng.standard_normal((DRAWS, periods))
    return pair(x, y, draws=draws, source=source, target=target)


def rejected(rows: Iterable[dict[str, Any]]) -> Iterator[Found]:
    """Yield whether each row rejects, and whether its interval holds the truth, which is 0."""
    for row in rows:
        if not np.isnan(row["p"]):
            yield Found(row["statistic"], "rejected", row["p"] <= 0.05)
        if not np.isnan(row["low"]) and row["statistic"] not in NOT_ZERO:
            yield Found(row["statistic"], "covered", row["low"] <= 0 <= row["high"])


#: Rates that are not 0 where nothing happens.
NOT_ZERO = {f"event coincidence, {kind}" for kind in ("conciliatory", "hostile")}


def gaps(rng: Rng, t: int, m: float) -> Iterator[Found]:
    yield from rejected(gap.divergence(null_pair(rng, t, m), window=None, permutations=PERMUTATIONS, rng=rng))


def lead(rng: Rng, t: int, m: float) -> Iterator[Found]:
    yield from rejected(leadlag.cross_correlation(null_pair(rng, t, m), permutations=PERMUTATIONS, rng=rng))


def projections(rng: Rng, t: int, m: float) -> Iterator[Found]:
    yield from rejected(leadlag.local_projections(null_pair(rng, t, m), permutations=PERMUTATIONS, rng=rng))


def pairwise(rng: Rng, t: int, m: float) -> Iterator[Found]:
    yield from rejected(granger.toda_yamamoto_rows(null_pair(rng, t, m)))


def panel(rng: Rng, t: int, m: float) -> Iterator[Found]:
    pairs = [null_pair(rng, t, m) for _ in range(6)]
    yield from rejected(granger.panel(pairs, lags=1, permutations=99, rng=rng))


def events(rng: Rng, t: int, m: float) -> Iterator[Found]:
    yield from rejected(coincidence.coincidence(null_pair(rng, t, m), permutations=PERMUTATIONS, rng=rng))


def waiting(rng: Rng, t: int, m: float) -> Iterator[Found]:
    happened = rng.random(t) < 0.15
    yield from rejected([coincidence.time_to_next(null_pair(rng, t, m), happened, permutations=PERMUTATIONS, rng=rng)])


def answers(rng: Rng, t: int, m: float) -> Iterator[Found]:
    there, back = null_pair(rng, t, m), null_pair(rng, t, m, "BBB", "AAA")
    yield from rejected(reciprocity.reciprocity(there, back, permutations=PERMUTATIONS, rng=rng)[0])


def changes(rng: Rng, t: int, m: float) -> Iterator[Found]:
    p = null_pair(rng, t, m)
    yield from rejected(breaks.any_break(p, which, permutations=PERMUTATIONS, rng=rng) for which in ("words", "deeds"))
    for which in (p.words, p.deeds):
        yield Found("breaks marked in a series", "rejected", bool(breaks.segment(which, rng)[0]))


def nearness(rng: Rng, t: int, m: float) -> Iterator[Found]:
    """One to three breaks on each side, anywhere, three periods from the ends; momentum plays no part."""
    p = null_pair(rng, t, m)
    years = np.array(grid(t))[3:-3]
    some = [pd.DataFrame({"period": rng.choice(years, rng.integers(1, 4), replace=False)}) for _ in range(2)]
    yield from rejected([breaks.nearness(p, *some, permutations=PERMUTATIONS, rng=rng) | {"low": np.nan}])


def leaders(rng: Rng, t: int, m: float) -> Iterator[Found]:
    years = np.array(grid(t))[4:-4]
    dates = sorted(rng.choice(years, max(t // 8, 2), replace=False))
    changed = [endurance.Change("AAA", str(d)) for d in dates]
    yield from rejected(endurance.endurance(null_pair(rng, t, m), changed, permutations=PERMUTATIONS, rng=rng))


def crises(rng: Rng, t: int, m: float) -> Iterator[Found]:
    starts = rng.choice(t - 3, 2, replace=False)
    windows = [crisis.Window("x", ("AAA", "BBB"), grid(t)[k], grid(t)[k + 2]) for k in starts]
    yield from rejected(crisis.crisis(null_pair(rng, t, m), windows, permutations=PERMUTATIONS, rng=rng))
