"""Who leads? Pre-whitened cross-correlation and local projections, in both directions. Positive lag = words first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sca_nlp.compare import null, series
from sca_nlp.compare.series import Array, Pair

QUESTION = "who leads?"
WORDS_FIRST, DEEDS_FIRST = "words lead deeds", "deeds lead words"
#: Fewest periods with both series.
LEAST = 16


def ccf(x: Array, y: Array, max_lag: int) -> Array:
    """Return correlations of x(t) with y(t + lag) for lags -max_lag .. max_lag, shape (..., 2 * max_lag + 1).

    `x` is (..., periods), `y` (periods,) or (..., periods) with the same leading shape; NaN pairs are left out; both
    are taken around their means. Lags with fewer than four pairs are 0.
    """
    a, b = x - np.nanmean(x, -1, keepdims=True), y - np.nanmean(y, -1, keepdims=True)
    ka, kb = ~np.isnan(a), ~np.isnan(b)
    a, b = np.where(ka, a, 0.0), np.where(kb, b, 0.0)
    t, out = a.shape[-1], []
    for lag in range(-max_lag, max_lag + 1):
        i, j = (slice(0, t - lag), slice(lag, t)) if lag >= 0 else (slice(-lag, t), slice(0, t + lag))
        ai, bj, ki, kj = a[..., i], b[..., j], ka[..., i], kb[..., j]
        n = (ki & kj).sum(-1)
        top = (ai * bj).sum(-1)
        down = np.sqrt((ai**2 * kj).sum(-1) * (bj**2 * ki).sum(-1))
        # Fewer pairs make a larger correlation by chance: weigh by the root of their number.
        out.append(np.where((n >= 4) & (down > 0), top / np.where(down > 0, down, 1.0), 0.0))
    return np.stack(np.broadcast_arrays(*out), -1)


def cross_correlation(
    pair: Pair, *, max_lag: int = 5, permutations: int = 1000, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return two rows, one a direction: the largest pre-whitened cross-correlation over lags 1 to `max_lag`.

    Each series is whitened by its own autoregression (order by BIC, 1 to 3; Haugh 1976). The p-value compares the
    largest absolute correlation over the direction's lags with that of block-permuted deeds, so the choice of lag is
    paid for; the limits (Fisher's z) pay for it as far as there was a choice (`chosen_z`).
    `settings` holds the whole correlogram, -max_lag to max_lag.
    """
    name, nulls = "cross-correlation", "words and deeds each have their own momentum, and nothing else in common"
    why = series.problem(pair, LEAST)
    if not why:
        # Of order 1 at least: BIC overlooks weak momentum in short series, and one filter alone hides a part of a lead.
        orders = [max(null.ar_order(v), 1) for v in (pair.words, pair.deeds)]
        x = null.whiten(np.vstack([pair.words, pair.draws]), orders[0])
        y = null.whiten(pair.deeds, orders[1])
        why = series.foretold(x[0], y)
    if why:
        return [
            series.row(pair, QUESTION, name, direction=d, null=nulls, reason=why) for d in (WORDS_FIRST, DEEDS_FIRST)
        ]
    t = len(y)
    max_lag = min(max_lag, max(1, int(pair.both.sum()) // 4))
    r = ccf(x, np.broadcast_to(y, x.shape), max_lag)
    known = np.flatnonzero(~np.isnan(y))
    order = null.shuffles(len(known), permutations, rng, null.block_length(len(known)))
    shuffled = np.full((permutations, t), np.nan)
    shuffled[:, known] = y[known][order]
    s = ccf(np.broadcast_to(x[0], shuffled.shape), shuffled, max_lag)
    lags = np.arange(-max_lag, max_lag + 1)
    n = int((~np.isnan(x[0]) & ~np.isnan(y)).sum())
    rows = []
    for direction, side in ((WORDS_FIRST, lags > 0), (DEEDS_FIRST, lags < 0)):
        k = int(np.flatnonzero(side)[np.abs(r[0, side]).argmax()])
        low, high = _limits(r[:, k], n - abs(int(lags[k])) - sum(orders), max_lag)
        rows.append(
            series.row(
                pair,
                QUESTION,
                name,
                direction=direction,
                estimate=float(r[0, k]),
                low=low,
                high=high,
                p=null.p_value(float(np.abs(r[0, side]).max()), np.abs(s[:, side]).max(1)),
                null=nulls,
                n=n,
                lag=int(lags[k]),
                settings={
                    "max_lag": max_lag,
                    "permutations": permutations,
                    "correlogram": [round(float(v), 4) for v in r[0]],
                    "null": "block permutation of pre-whitened deeds",
                    "draws_with_this_lag": _same(r[1:, side], r[0, side]),
                },
            )
        )
    return rows


def chosen_z(size: Array, of: int) -> Array:
    """Return how many standard errors to each side hold the truth of the largest of `of` estimates in 95 of 100 cases.

    `size` is the true absolute value of the one that was chosen, in standard errors; the others are 0, all are normal
    and independent (with five alike and each four errors from 0 the limits hold in 88 of 100). From 1.96 where the
    choice was certain, to Sidak's (1967) figure where nothing is there.
    """
    from scipy.special import ndtr

    size = np.asarray(size, float)
    if of < 2:
        return np.full(size.shape, series.Z95)
    z = np.linspace(-5, 5, 1001)
    weight = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])

    def others(x: Array) -> Array:  # all of them within x
        return np.asarray((2 * ndtr(x) - 1) ** (of - 1))

    m = np.linspace(0, 5, 501)
    largest = np.diff(others(m))
    middle = (m[1:] + m[:-1]) / 2
    found = np.empty(size.shape)
    for place, s in np.ndenumerate(size):
        right = weight * others(np.abs(z + s))  # it is chosen, and errs by z
        wrong = largest * (ndtr(middle - s) - ndtr(-middle - s))  # another is, and errs by all that it shows
        held = np.array([right[np.abs(z) <= c].sum() + wrong[middle <= c].sum() for c in m])
        found[place] = m[int(np.argmax(held >= 0.95 * held[-1]))]
    return np.maximum(found, series.Z95)


@lru_cache
def _table(of: int) -> tuple[Array, Array]:
    """Return a grid of sizes and their `chosen_z`."""
    sizes = np.linspace(0, 6, 25)
    return sizes, chosen_z(sizes, of)


def _limits(r: Array, n: int, of: int) -> tuple[float, float]:
    """Return 95 % limits of a correlation, the largest of `of`; the first is the estimate, the others are its draws.

    `n` are the pairs that it rests on, less what the whitening took.
    """
    drawn = np.arctanh(np.clip(r, -0.999999, 0.999999))
    low, high = series.rubin(drawn[1:], np.full(len(r) - 1, 1 / max(n - 3, 1)), point=float(drawn[0]), z=1.0)
    error = (high - low) / 2
    if not error > 0:
        return float("nan"), float("nan")
    # Every truth is held that is not too far from the estimate for a choice among truths of its size.
    at, widths = _table(of)
    truths = np.linspace(-6, 6, 2401) * error + drawn[0]
    far = np.abs(truths - drawn[0]) / error
    held = truths[far <= np.interp(np.abs(truths) / error, at, widths)]
    return float(np.tanh(held.min())), float(np.tanh(held.max()))


def _same(drawn: Array, point: Array) -> float:
    """Return the share of draws whose largest correlation is at the same lag."""
    return round(float((np.abs(drawn).argmax(1) == np.abs(point).argmax()).mean()), 3)


def _design(x: Array, y: Array, horizon: int, lags: int) -> tuple[Array, Array, Array]:
    """Return outcome y(t + horizon), impulse x(t), and controls (constant, lags of both), rows without NaN."""
    t = len(x)
    ahead = max(-horizon, 0)  # the placebo: the impulse comes `ahead` periods after the outcome
    start, end = lags + ahead, t - max(horizon, 0)
    rows = np.arange(start, end)
    past = range(1, lags + 1)
    z = np.column_stack([np.ones(len(rows)), *(y[rows - ahead - k] for k in past), *(x[rows - k] for k in past)])
    out, impulse = y[rows + horizon], x[rows]
    good = ~(np.isnan(out) | np.isnan(impulse) | np.isnan(z).any(1))
    return out[good], impulse[good], z[good]


@dataclass(frozen=True)
class Fit:
    """One local projection: slope, its HAC error, rows, and p by permutation (NaN where none was asked for)."""

    slope: float
    error: float
    n: int
    p: float = float("nan")


def projection(
    x: Array, y: Array, horizon: int, lags: int, *, permutations: int = 0, rng: np.random.Generator | None = None
) -> Fit:
    """Return the projection of y(t + horizon) on x(t) given `lags` past values of both (Jorda 2005; Newey & West 1987).

    A negative horizon gives the placebo: y that long before x, given the past of both at its own time.
    """
    out, impulse, z = _design(x, y, horizon, lags)
    n, nan = len(out), float("nan")
    if n < z.shape[1] + 6:
        return Fit(nan, nan, n)
    order = null.shuffles(n, permutations, rng, null.block_length(n)) if permutations and rng is not None else None
    slope, rx, ry, shuffled = null.partial(out, impulse, z, order)
    if np.isnan(slope):
        return Fit(nan, nan, n)
    # By Frisch-Waugh-Lovell the impulse's entry of the sandwich needs its residual alone.
    k, bandwidth = z.shape[1] + 1, max(abs(horizon), round(0.75 * n ** (1 / 3)))
    u = rx * (ry - slope * rx)
    alone = s = float(u @ u)
    for lag in range(1, min(bandwidth, n - 1) + 1):
        s += 2 * (1 - lag / (bandwidth + 1)) * float(u[lag:] @ u[:-lag])
    # In short series the autocovariances come out too low: never less than the robust error without them, which the
    # past among the controls would alone justify (Montiel Olea & Plagborg-Moller 2021).
    error = float(np.sqrt(max(s, alone) * n / max(n - k, 1)) / (rx @ rx))
    p = null.p_value(abs(null.correlation(rx, ry)), np.abs(shuffled)) if order is not None else nan
    return Fit(slope, error, n, p)


def local_projections(
    pair: Pair, *, horizons: int = 3, lags: int = 2, permutations: int = 1000, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return one row per direction and horizon (1 to `horizons`), and per direction a placebo (the impulse comes late).

    Estimate: change of the outcome, in its own standard deviations, `lag` periods after one standard deviation more of
    the impulse, given `lags` past values of both. Limits: HAC errors, robust ones at least (t), and the spread over
    draws. The p-value
    permutes the impulse's residual (Freedman & Lane 1983), since HAC errors alone reject too often in short series.
    The placebo
    regresses the outcome before the impulse: it finds reverse order and common anticipation, and should be null.
    """
    from scipy.special import stdtrit

    why = series.problem(pair, LEAST)
    rows: list[dict[str, Any]] = []
    both = pair.both
    for direction in (WORDS_FIRST, DEEDS_FIRST):
        words_first = direction == WORDS_FIRST
        first, second = ("words", "deeds") if words_first else ("deeds", "words")
        for horizon in (*range(1, horizons + 1), -1):
            statistic = "local projection" if horizon > 0 else "local projection, placebo"
            later = f"given the past of both, {first} say nothing of {second} {horizon} periods later"
            common: dict[str, Any] = {
                "direction": direction,
                "null": later if horizon > 0 else f"{first} say nothing of {second} one period before",
                "lag": horizon if words_first else -horizon,
            }
            if why:
                rows.append(series.row(pair, QUESTION, statistic, reason=why, **common))
                continue
            deeds = pair.deeds / np.nanstd(pair.deeds[both])
            many = np.vstack([pair.words, pair.draws]) / np.nanstd(pair.words[both])
            sides = [(w, deeds) if words_first else (deeds, w) for w in many]
            point = projection(sides[0][0], sides[0][1], horizon, lags, permutations=permutations, rng=rng)
            if np.isnan(point.slope):
                rows.append(
                    series.row(pair, QUESTION, statistic, n=point.n, reason="too few periods in a row", **common)
                )
                continue
            fits = [projection(a, b, horizon, lags) for a, b in sides[1:]]
            errors = np.array([f.error for f in fits])
            low, high = series.rubin(np.array([f.slope for f in fits]), errors**2, point=point.slope)
            widen = float(stdtrit(max(point.n - 2 * lags - 2, 1), 0.975)) / series.Z95
            half = (high - low) / 2 * widen
            settings = {
                "lags": lags,
                "permutations": permutations,
                "errors": "Newey-West",
                "unit": "standard deviations",
            }
            limits: dict[str, Any] = {"low": point.slope - half, "high": point.slope + half, "p": point.p, "n": point.n}
            rows.append(
                series.row(pair, QUESTION, statistic, estimate=point.slope, settings=settings, **limits, **common)
            )
    return rows
