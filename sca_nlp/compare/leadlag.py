"""Who leads? Pre-whitened cross-correlation and local projections, in both directions. Positive lag = words first."""

from __future__ import annotations

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

    `x` is (..., periods), `y` (periods,) or (..., periods) with the same leading shape; NaN pairs are left out; both are
    taken around their means. Lags with fewer than four pairs are 0.
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

    Each series is whitened by its own autoregression (order by BIC; Haugh 1976). The p-value compares the largest
    absolute correlation over the direction's lags with that of block-permuted deeds, so the choice of lag is paid for.
    `settings` holds the whole correlogram, -max_lag to max_lag.
    """
    name, nulls = "cross-correlation", "words and deeds each have their own momentum, and nothing else in common"
    why = series.problem(pair, LEAST)
    if not why:
        y = null.whiten(pair.deeds)
        x = null.whiten(np.vstack([pair.words, pair.draws]), null.ar_order(pair.words))
        if (~np.isnan(x[0])).sum() < 8 or (~np.isnan(y)).sum() < 8 or not series.spread(x[0]) or not series.spread(y):
            why = "too few periods in a row"
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
        low, high = series.rubin(r[1:, k], np.full(len(r) - 1, 1 / max(n - 3, 1)), point=float(r[0, k]))
        rows.append(
            series.row(
                pair,
                QUESTION,
                name,
                direction=direction,
                estimate=float(r[0, k]),
                low=max(low, -1.0),
                high=min(high, 1.0),
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
            )  # fmt: skip
        )
    return rows


def _same(drawn: Array, point: Array) -> float:
    """Return the share of draws whose largest correlation is at the same lag."""
    return round(float((np.abs(drawn).argmax(1) == np.abs(point).argmax()).mean()), 3)


def newey_west(z: Array, residual: Array, bandwidth: int) -> Array:
    """Return the covariance of OLS coefficients with Bartlett weights (Newey & West 1987), with n / (n - k)."""
    n, k = z.shape
    inverse = np.linalg.pinv(z.T @ z)
    u = z * residual[:, None]
    s = u.T @ u
    for lag in range(1, min(bandwidth, n - 1) + 1):
        g = u[lag:].T @ u[:-lag]
        s += (1 - lag / (bandwidth + 1)) * (g + g.T)
    return np.asarray(n / max(n - k, 1) * inverse @ s @ inverse)


def _design(x: Array, y: Array, horizon: int, lags: int) -> tuple[Array, Array, Array]:
    """Return outcome y(t + horizon), impulse x(t), and controls (constant, lags of both), rows without NaN."""
    t = len(x)
    ahead = max(-horizon, 0)  # the placebo: the impulse comes `ahead` periods after the outcome
    start, end = lags + ahead, t - max(horizon, 0)
    if end - start < 1:
        return np.zeros(0), np.zeros(0), np.zeros((0, 1 + 2 * lags))
    rows = np.arange(start, end)
    past = range(1, lags + 1)
    z = np.column_stack([np.ones(len(rows)), *(y[rows - ahead - k] for k in past), *(x[rows - k] for k in past)])
    out, impulse = y[rows + horizon], x[rows]
    good = ~(np.isnan(out) | np.isnan(impulse) | np.isnan(z).any(1))
    return out[good], impulse[good], z[good]


def projection(x: Array, y: Array, horizon: int, lags: int) -> tuple[float, float, int, Array, Array]:
    """Return slope of y(t + horizon) on x(t) given their pasts, its HAC error, n, and both residuals (Jorda 2005)."""
    out, impulse, z = _design(x, y, horizon, lags)
    n = len(out)
    if n < z.shape[1] + 6:
        return np.nan, np.nan, n, np.zeros(0), np.zeros(0)
    fit = np.linalg.lstsq(z, np.column_stack([out, impulse]), rcond=None)[0]
    ry, rx = (np.column_stack([out, impulse]) - z @ fit).T
    if rx @ rx <= 1e-10 * max(float(impulse @ impulse), 1e-300):
        return np.nan, np.nan, n, np.zeros(0), np.zeros(0)
    slope = float(rx @ ry / (rx @ rx))
    residual = ry - slope * rx
    # By Frisch-Waugh-Lovell the impulse's sandwich entry needs its residual alone.
    k, bandwidth = z.shape[1] + 1, max(abs(horizon), round(0.75 * n ** (1 / 3)))
    u = rx * residual
    s = u @ u + sum(
        2 * (1 - lag / (bandwidth + 1)) * (u[lag:] @ u[:-lag]) for lag in range(1, min(bandwidth, n - 1) + 1)
    )
    return slope, float(np.sqrt(max(s, 0.0) * n / max(n - k, 1)) / (rx @ rx)), n, rx, ry


def local_projections(
    pair: Pair, *, horizons: int = 3, lags: int = 2, permutations: int = 1000, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return one row per direction and horizon (1 to `horizons`), and a placebo per direction (the impulse comes a period late).

    Estimate: change of the outcome, in its own standard deviations, `lag` periods after one standard deviation more of
    the impulse, given `lags` past values of both. Limits: HAC errors (t) and the spread over draws. The p-value permutes
    the impulse's residual (Freedman & Lane 1983), since HAC errors alone reject too often in short series.
    The placebo regresses the outcome before the impulse: it finds common anticipation or reverse order, and should be null.
    """
    from scipy.special import stdtrit

    name = "local projection"
    why = series.problem(pair, LEAST)
    rows: list[dict[str, Any]] = []
    both = pair.both
    for direction in (WORDS_FIRST, DEEDS_FIRST):
        first, second = ("words", "deeds") if direction == WORDS_FIRST else ("deeds", "words")
        for horizon in (*range(1, horizons + 1), -1):
            statistic = name if horizon > 0 else "local projection, placebo"
            label = (
                f"given the past of both, {first} say nothing of {second} {horizon} periods later" if horizon > 0
                else f"{first} say nothing of {second} one period before"
            )  # fmt: skip
            lag = horizon if direction == WORDS_FIRST else -horizon
            if why:
                rows.append(series.row(pair, QUESTION, statistic, direction=direction, null=label, lag=lag, reason=why))
                continue
            sw, sd = np.nanstd(pair.words[both]), np.nanstd(pair.deeds[both])
            deeds = pair.deeds / sd
            many = np.vstack([pair.words, pair.draws]) / sw
            fits = [
                projection(w, deeds, horizon, lags) if first == "words" else projection(deeds, w, horizon, lags)
                for w in many
            ]
            slope, _, n, rx, ry = fits[0]
            if np.isnan(slope):
                rows.append(
                    series.row(
                        pair,
                        QUESTION,
                        statistic,
                        direction=direction,
                        null=label,
                        n=n,
                        lag=lag,
                        reason="too few periods in a row",
                    )
                )
                continue
            order = null.shuffles(n, permutations, rng, null.block_length(n))
            shuffled = rx[order] @ ry / (rx @ rx)
            slopes, errors = np.array([f[0] for f in fits[1:]]), np.array([f[1] for f in fits[1:]])
            low, high = series.rubin(slopes, errors**2, point=slope)
            widen = float(stdtrit(max(n - 2 * lags - 2, 1), 0.975)) / 1.959963984540054
            rows.append(
                series.row(
                    pair,
                    QUESTION,
                    statistic,
                    direction=direction,
                    estimate=slope,
                    low=slope - (slope - low) * widen,
                    high=slope + (high - slope) * widen,
                    p=null.p_value(abs(slope), np.abs(shuffled)),
                    null=label,
                    n=n,
                    lag=lag,
                    settings={
                        "lags": lags,
                        "permutations": permutations,
                        "errors": "Newey-West",
                        "unit": "standard deviations",
                    },
                )  # fmt: skip
            )
    return rows
