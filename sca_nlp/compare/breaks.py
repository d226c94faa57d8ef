"""When did it change? Break points in the level of a series, with a permutation p-value and an interval of the place.

The segmentation is the exact minimum of squared error plus a penalty per break, as PELT gives it (Killick et al. 2012;
`ruptures.Pelt(model="l2", jump=1)` is the oracle in the tests). The penalty comes from a noise model
(`segment`): first-order autoregressive noise.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.compare import null, series
from sca_nlp.compare.series import Array, Pair

COLUMNS = ["source", "target", "series", "period", "low", "high", "p", "before", "after", "share_of_draws", "make_up"]
LEAST = 10
#: Of the tests that the limits turn around.
LEVEL = 0.05


def partition(x: Array, penalty: float, min_size: int = 3) -> list[int]:
    """Return the first places (0-based) of all segments but the first, at least `min_size` long, of a series
    without NaN.
    """
    t = len(x)
    s1, s2 = np.concatenate([[0.0], np.cumsum(x)]), np.concatenate([[0.0], np.cumsum(x**2)])
    best, back = np.full(t + 1, np.inf), np.zeros(t + 1, dtype=int)
    best[0] = -penalty
    for end in range(min_size, t + 1):
        starts = np.arange(0, end - min_size + 1)
        cost = best[starts] + s2[end] - s2[starts] - (s1[end] - s1[starts]) ** 2 / (end - starts) + penalty
        k = int(cost.argmin())
        best[end], back[end] = cost[k], k
    places, end = [], t
    while end > 0:
        end = int(back[end])
        places.append(end)
    return sorted(p for p in places if p > 0)


def segment(x: Array, rng: np.random.Generator, *, level: float = 0.95, min_size: int = 3) -> tuple[list[int], float]:
    """Return the places of the breaks of a series without NaN, and the penalty that was paid for each.

    The penalty is the gain that first-order autoregressive noise without a break reaches in 1 - `level` of the cases.
    Its momentum is measured on the series itself, so that momentum is not mistaken for breaks; once a break is found,
    on what the breaks leave, so that a break is not mistaken for momentum.
    """
    shocks = np.random.default_rng(rng.integers(2**63))
    places: list[int] = []
    for _ in range(4):
        rest = x.copy()
        for low, high in itertools.pairwise([0, *places, len(x)]):
            rest[low:high] -= x[low:high].mean()
        rest *= np.sqrt(len(x) / max(len(x) - len(places) - 1, 1))  # what the levels took away
        paths = null.ar1_paths(rest, 400, shocks)
        worst = gains(paths, min_size).max(1) / paths.var(1)  # in units of each path's own variance, as in `p_of_break`
        penalty = max(float(np.quantile(worst, level) * rest.var()), 1e-12)
        found = partition(x, penalty, min_size)
        if found == places or len(found) <= len(places):
            return places, penalty
        places = found
    return places, penalty


def gains(x: Array, min_size: int) -> Array:
    """Return the fall in squared error of one break at each place, shape (..., places); x is (..., periods)."""
    t = x.shape[-1]
    total, left = x.sum(-1, keepdims=True), np.cumsum(x, -1)
    n = np.arange(1, t)
    k = n[min_size - 1 : t - min_size]
    head = left[..., min_size - 1 : t - min_size]
    return np.asarray((head - total * k / t) ** 2 * t / (k * (t - k)))


def p_of_break(x: Array, min_size: int, permutations: int, rng: np.random.Generator) -> float:
    """Return how often noise with the same momentum and no break has as large a best single break."""
    if len(x) < 2 * min_size + 2 or not series.spread(x):
        return float("nan")
    return _p_among(x, null.ar1_paths(x, permutations, rng), min_size)


def _p_among(x: Array, paths: Array, min_size: int) -> float:
    """Return how often a path has as large a best single break as x, each in units of its own spread."""
    paths = paths / np.maximum(paths.std(1, keepdims=True), 1e-300)
    seen = gains((x - x.mean()) / max(float(x.std()), 1e-300), min_size).max()
    return null.p_value(float(seen), gains(paths, min_size).max(1))


def _interval(
    x: Array, place: int, low: int, high: int, min_size: int, draws: Array, rng: np.random.Generator
) -> tuple[int, int]:
    """Return 95 % limits of a break's place between two neighbours: residual block bootstrap, over the draws of
    the series.
    """
    y = x[low:high]
    k = place - low
    level = np.where(np.arange(len(y)) < k, y[:k].mean(), y[k:].mean())
    order = null.shuffles(len(y), max(len(draws), 200), rng, null.block_length(len(y)))
    resampled = level + (y - level)[order]
    if len(draws) > 1:  # measurement error beside the noise of the process
        resampled = resampled + np.resize(draws[:, low:high] - x[low:high], resampled.shape)
    places = gains(resampled, min_size).argmax(1) + min_size + low
    a, b = np.quantile(places, [0.025, 0.975])
    return int(min(np.floor(a), place)), int(max(np.ceil(b), place))


def find(
    pair: Pair,
    which: str,
    *,
    min_size: int = 3,
    level: float = 0.95,
    permutations: int = 1000,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the breaks of the `words` or `deeds` of a pair: first period of the new level, its 95 % limits, p.

    `p` tests the break within the span between its neighbours, against noise with the same momentum; `share_of_draws`
    says in how many draws a break lies inside the limits. Holes are bridged by leaving them out; `before` and `after`
    are the levels in the series' unit. `make_up` marks a break of the deeds where the data sets behind them change, or
    next to it: no history can be told from it. Fewer than 10 periods, or no spread: no rows.
    """
    values = pair.words if which == "words" else pair.deeds
    known = np.flatnonzero(~np.isnan(values))
    if len(known) < LEAST or not series.spread(values):
        return pd.DataFrame(columns=COLUMNS)
    x = values[known]
    draws = pair.draws[:, known] if which == "words" and len(pair.draws) > 1 else np.zeros((0, len(known)))
    places, cost = segment(x, rng, level=level, min_size=min_size)
    drawn = [partition(d, cost, min_size) for d in draws]
    edges = [0, *places, len(x)]
    rows = []
    for k, place in enumerate(places):
        low, high = edges[k], edges[k + 2]
        a, b = _interval(x, place, low, high, min_size, draws, rng)
        rows.append(
            {
                "source": pair.source,
                "target": pair.target,
                "series": which,
                "period": pair.periods[known[place]],
                "low": pair.periods[known[a]],
                "high": pair.periods[known[min(b, len(x) - 1)]],
                "p": p_of_break(x[low:high], min_size, permutations, rng),
                "before": float(x[low:place].mean()),
                "after": float(x[place:high].mean()),
                "share_of_draws": float(np.mean([any(a <= q <= b for q in d) for d in drawn])) if drawn else np.nan,
                "make_up": which == "deeds" and pair.at_joint(int(known[place])),
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def of_history(found: pd.DataFrame) -> pd.DataFrame:
    """Return the breaks that are not at a change of the data sets."""
    return found[~found["make_up"].astype(bool)] if len(found) else found


def any_break(
    pair: Pair, which: str, *, min_size: int = 3, permutations: int = 1000, rng: np.random.Generator
) -> dict[str, Any]:
    """Return the test that the series has a break at all: the largest single change in level, and where.

    The limits are those of the test, turned around (`_limits`), so they pay for the choice of the place; on the words
    they are wider by the spread of the draws.
    """
    label = "the series keeps one level, with its own momentum"
    values = pair.words if which == "words" else pair.deeds
    known = np.flatnonzero(~np.isnan(values))
    if len(known) < LEAST or not series.spread(values):
        why = f"{len(known)} periods; at least {LEAST} needed" if len(known) < LEAST else f"{which} do not vary"
        return series.row(pair, "when did it change?", f"break in {which}", null=label, n=len(known), reason=why)
    x = values[known]
    k = int(gains(x, min_size).argmax()) + min_size
    change = float(x[k:].mean() - x[:k].mean())
    p = p_of_break(x, min_size, permutations, rng)
    low, high = _limits(x, k, min_size)
    if p > LEVEL:  # what is not told from no change is not told from it by the limits either
        low, high = min(low, 0.0), max(high, 0.0)
    if which == "words" and len(pair.draws) > 1:
        drawn = pair.draws[:, known]
        error = drawn[:, k:].mean(1) - drawn[:, :k].mean(1)
        half = series.Z95 * float(np.sqrt(np.nanvar(error, ddof=1) * (1 + 1 / len(error))))
        low, high = change - float(np.hypot(change - low, half)), change + float(np.hypot(high - change, half))
    return series.row(
        pair,
        "when did it change?",
        f"break in {which}",
        estimate=change,
        low=low,
        high=high,
        p=p,
        null=label,
        n=len(x),
        settings={
            "at": pair.periods[known[k]],
            **({"make_up_changes_there": True} if which == "deeds" and pair.at_joint(int(known[k])) else {}),
            "min_size": min_size,
            "simulations": permutations,
            "null": "AR(1) noise",
        },
    )


def _limits(x: Array, k: int, min_size: int, simulations: int = 400) -> tuple[float, float]:
    """Return 95 % limits of the change of level at `k`: the changes which, taken away, leave no break to be seen.

    This turns the test of `p_of_break` around (Neyman 1937): the momentum is measured anew on what each change leaves,
    and the largest of all places is what it is compared with. Limits from the spread around the two levels alone held
    "no change" in 71 to 85 of 100 series without one; but no change leaves a series with other breaks or a trend
    without one, so these stay the least that is given.
    """
    # Shocks of its own, the same for every change: the limits take nothing from the generator of the p-value.
    rng = np.random.default_rng(0)
    shocks = rng.standard_normal((simulations, len(x)))

    def p(change: float) -> float:
        y = x - change * (np.arange(len(x)) >= k)
        return _p_among(y, null.ar1_from(y, shocks), min_size)

    change, unit = float(x[k:].mean() - x[:k].mean()), float(x.std())
    found = []
    for sign in (-1, 1):
        inside, outside = 0.0, 0.5 * unit
        while p(change + sign * outside) > LEVEL and outside < 10 * unit:
            inside, outside = outside, 1.5 * outside
        for _ in range(10):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if p(change + sign * middle) > LEVEL else (inside, middle)
        found.append(max(outside, series.Z95 * _level_error(x, k)))
    return change - found[0], change + found[1]


def _level_error(x: Array, k: int) -> float:
    """Return the standard error of the difference of two levels at a fixed place, under first-order momentum."""
    rest = np.concatenate([x[:k] - x[:k].mean(), x[k:] - x[k:].mean()])
    rho, shock = null.ar1_fit(rest)
    return float(shock / (1 - min(max(rho, 0.0), 0.8)) * np.sqrt(1 / k + 1 / (len(x) - k)))


def nearness(
    pair: Pair, words: pd.DataFrame, deeds: pd.DataFrame, *, permutations: int = 1000, rng: np.random.Generator
) -> dict[str, Any]:
    """Return the test that word breaks lie nearer to deed breaks than they would if the words were shifted in time.

    Estimate: mean distance in periods from each word break to the nearest deed break. `lag` is the mean signed distance
    (positive: words first).
    """
    label = "word breaks fall without regard to deed breaks"
    if words.empty or deeds.empty:
        which = "words" if words.empty else "deeds"
        return series.row(pair, "when did it change?", "nearness of breaks", null=label, reason=f"no break in {which}")
    known = np.flatnonzero(pair.both)
    start, t = series.number(pair.periods[0]), len(pair.periods)
    w = np.array([series.number(p) - start for p in words["period"]])
    d = np.array([series.number(p) - start for p in deeds["period"]])
    distance = d[None, :] - w[:, None]
    nearest = distance[np.arange(len(w)), np.abs(distance).argmin(1)]
    moved = (
        (w + np.arange(1, t)[:, None]) % t if t - 1 <= permutations else (w + rng.integers(1, t, (permutations, 1))) % t
    )
    shuffled = np.abs(d[None, None, :] - moved[:, :, None]).min(2).mean(1)
    observed = float(np.abs(nearest).mean())
    return series.row(
        pair,
        "when did it change?",
        "nearness of breaks",
        estimate=observed,
        p=null.mid_p(-observed, -shuffled),
        null=label,
        n=len(known),
        lag=float(nearest.mean()),
        settings={"word_breaks": len(w), "deed_breaks": len(d), "null": "circular shifts, mid-p"},
    )
