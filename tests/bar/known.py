"""Worlds in which something happens: is it found, and where it was put?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sca_nlp.compare import breaks, gap, granger, leadlag, reciprocity
from tests.bar.found import Found
from tests.bar.nothing import DRAWS, NOISE, PERMUTATIONS
from tests.compare.test_reciprocity import answered
from tests.compare.worlds import ar, led, of, pair

Rng = np.random.Generator
RECOVERED = "recovered"


def lag(rng: Rng, periods: int) -> Iterator[Found]:
    """Words come two periods first and share .8 of the deeds' spread: the lag is exact, the slope is in its limits."""
    p = pair(*led(rng, periods, lag=2, momentum=0.3), noise=0.1)
    row = of(leadlag.cross_correlation(p, permutations=PERMUTATIONS, rng=rng), "cross-correlation", leadlag.WORDS_FIRST)
    yield Found("cross-correlation: lag of 2, exactly", RECOVERED, row["p"] <= 0.05 and row["lag"] == 2)
    if row["lag"] == 2:
        yield Found("cross-correlation at the lag", "covered", row["low"] <= 0.8 <= row["high"])
    rows = leadlag.local_projections(p, permutations=PERMUTATIONS, rng=rng)
    row = of(rows, "local projection", leadlag.WORDS_FIRST, 2)
    yield Found("local projection at lag 2", RECOVERED, row["p"] <= 0.05 and row["estimate"] > 0)
    row = of(granger.toda_yamamoto_rows(p), "Toda-Yamamoto", leadlag.WORDS_FIRST)
    yield Found("Toda-Yamamoto, words first", RECOVERED, row["p"] <= 0.05)


def opening(rng: Rng, periods: int) -> Iterator[Found]:
    """The deeds fall three standard deviations behind at half time, in units of the first half."""
    x, y = ar(rng, 2, periods, 0.3)
    y[periods // 2 :] -= 3
    p = pair(x, y, draws=x + NOISE * rng.standard_normal((DRAWS, periods)))
    row = gap.drift(p, window=("1900", str(1899 + periods // 2)), permutations=PERMUTATIONS, rng=rng)
    scale = float(y[: periods // 2].std(ddof=1))
    yield Found("gap: found", RECOVERED, row["p"] <= 0.05)
    yield Found("gap: 3, within 1", RECOVERED, abs(row["estimate"] * scale - 3) <= 1)


def step(rng: Rng, periods: int) -> Iterator[Found]:
    """The level rises by three standard deviations at .6 of the time."""
    x, at = ar(rng, 1, periods, 0.3)[0], round(0.6 * periods)
    x[at:] += 3
    found = breaks.find(pair(x, x, noise=0.2), "words", permutations=PERMUTATIONS, rng=rng)
    years = found["period"].astype(int) - 1900
    yield Found("break: within one period", RECOVERED, bool((abs(years - at) <= 1).any()))
    low, high = found["low"].astype(int) - 1900, found["high"].astype(int) - 1900
    row = breaks.any_break(pair(x, x, noise=0.2), "words", permutations=PERMUTATIONS, rng=rng)
    yield Found("break: size", "covered", row["low"] <= 3 <= row["high"])
    if len(found):
        nearest = int(np.argmin(abs(years - at)))
        yield Found("break: place", "covered", bool(low.iloc[nearest] <= at <= high.iloc[nearest]))


def reply(rng: Rng, periods: int) -> Iterator[Found]:
    """The other side answers .8 of each surprise a period later."""
    mine, other = answered(rng, periods)
    a, b = pair(mine, mine, noise=0.1), pair(other, other, noise=0.1, source="BBB", target="AAA")
    rows = reciprocity.answers(a, b, permutations=PERMUTATIONS, rng=rng)
    for kind in ("conciliatory", "hostile"):
        row = of(rows, f"answer to {kind} deeds", "AAA moves, BBB answers")
        yield Found("answers to deeds", RECOVERED, row["p"] <= 0.05 and row["estimate"] > 0)
