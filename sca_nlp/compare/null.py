"""Null worlds: words and deeds with their own momentum, but with nothing between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sca_nlp.compare.series import Array


def shuffles(n: int, count: int, rng: np.random.Generator, block: int = 1) -> NDArray[np.int64]:
    """Return index arrays of shape (count, n): each rotates the series at random and puts its blocks into random order.

    With `block` 1 it is a plain permutation. Blocks keep what short dependence pre-whitening has left.
    """
    if n == 0:
        return np.zeros((count, 0), dtype=np.int64)
    block = max(1, min(block, n))
    pieces = -(-n // block)
    order = np.argsort(rng.random((count, pieces)), axis=1)
    flat = (order[:, :, None] * block + np.arange(block)).reshape(count, pieces * block)
    flat = flat[flat < n].reshape(count, n)  # the last block may be short; every row drops the same number
    return np.asarray((flat + rng.integers(0, n, (count, 1))) % n, dtype=np.int64)


def rotations(n: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return index arrays of circular shifts by 1 to n - 1: all of them where `count` is enough, else a random
    choice.
    """
    shifts = np.arange(1, n) if n - 1 <= count else rng.choice(np.arange(1, n), count, replace=False)
    return np.asarray((np.arange(n) + shifts[:, None]) % max(n, 1), dtype=np.int64)


def p_value(observed: float, null: Array) -> float:
    """Return (1 + number of null values at least as large) / (1 + number of null values)."""
    null = null[~np.isnan(null)]
    return float((1 + (null >= observed - 1e-12).sum()) / (1 + len(null)))


def mid_p(observed: float, null: Array) -> float:
    """Return the mid-p value, for statistics with few distinct values: ties count half (Lancaster 1961)."""
    above, tied = (null > observed + 1e-12).sum(), (np.abs(null - observed) <= 1e-12).sum()
    return float((0.5 + above + 0.5 * tied) / (1 + len(null)))


def ar_order(x: Array, most: int = 3) -> int:
    """Return the order of autoregression (0 to `most`) with the least BIC on the same rows."""
    most = min(most, max((~np.isnan(x)).sum() // 10, 0))
    lagged = np.stack([x[most - k : len(x) - k] for k in range(most + 1)], 1)
    rows = lagged[~np.isnan(lagged).any(1)]
    n = len(rows)
    if n < 8:
        return 0
    best, order = np.inf, 0
    for p in range(most + 1):
        z = np.column_stack([np.ones(n), rows[:, 1 : p + 1]])
        residual = rows[:, 0] - z @ np.linalg.lstsq(z, rows[:, 0], rcond=None)[0]
        bic = n * np.log(max(residual @ residual / n, 1e-300)) + (p + 1) * np.log(n)
        if bic < best - 1e-9:
            best, order = bic, p
    return order


def whiten(x: Array, order: int | None = None) -> Array:
    """Return residuals of an autoregression with constant, for one series or many: shape (..., periods), NaN kept.

    The first `order` values, and those whose past is missing, are NaN. A series that its own past foretells wholly (a
    straight line) leaves zeros, not the rounding of the arithmetic.
    """
    many = np.atleast_2d(x)
    if order is None:
        order = ar_order(many[0])
    out = np.full(many.shape, np.nan)
    t = many.shape[1]
    lagged = np.stack([many[:, order - k : t - k] for k in range(order + 1)], 2)  # (series, rows, 1 + order)
    good = ~np.isnan(lagged).any((0, 2))
    if good.sum() < order + 3:
        return out.reshape(x.shape)
    y, z = lagged[:, good, 0], np.concatenate([np.ones((len(many), int(good.sum()), 1)), lagged[:, good, 1:]], 2)
    gram = np.einsum("bni,bnj->bij", z, z)
    gram += 1e-10 * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(order + 1)
    coefficient = np.linalg.solve(gram, np.einsum("bni,bn->bi", z, y)[..., None])[..., 0]
    left = y - np.einsum("bni,bi->bn", z, coefficient)
    left[left.std(1) <= 1e-6 * y.std(1)] = 0.0
    out[:, np.flatnonzero(good) + order] = left
    return out.reshape(x.shape)


def block_length(n: int) -> int:
    """Return the length of blocks for n periods: the cube root."""
    return max(1, int(np.cbrt(n) + 0.5))


def ar1_fit(x: Array) -> tuple[float, float]:
    """Return the first autocorrelation and the spread of the shocks.

    A third of the small-sample correction (1 + 3 rho) / n of Kendall (1954) is added: with all of it the tests that
    rest on simulated noise reject too seldom (measured: 40 to 80 periods, momentum 0 to .8).
    """
    known = ~np.isnan(x)
    n = int(known.sum())
    c = x - x[known].mean()
    pairs = known[1:] & known[:-1]
    if pairs.sum() < 3:
        return 0.0, float(c[known].std())
    variance = float((c[known] ** 2).mean())
    rho = float((c[1:][pairs] * c[:-1][pairs]).mean() / max(variance, 1e-300))
    rho = min(max(rho + 0.3 * (1 + 3 * rho) / n, -0.95), 0.95)
    return rho, float(np.sqrt(variance * (1 - rho**2)))


def ar1_paths(x: Array, count: int, rng: np.random.Generator) -> Array:
    """Return `count` series of the length of x with its autocorrelation and spread around one level (0)."""
    start = rng.standard_normal((count, 1))
    shocks = rng.standard_normal((count, len(x)))
    shocks[:, :1] = start
    return ar1_from(x, shocks)


def ar1_from(x: Array, shocks: Array) -> Array:
    """Return series with the autocorrelation and spread of x, made of standard normal shocks (count, periods)."""
    from scipy.signal import lfilter

    rho, shock = ar1_fit(x)
    noise = shocks * shock
    noise[:, 0] /= np.sqrt(1 - rho**2)
    return np.asarray(lfilter([1.0], [1.0, -rho], noise, axis=1), dtype=float)


def partial(
    outcome: Array, impulse: Array, controls: Array, order: NDArray[np.int64] | None = None
) -> tuple[float, Array, Array, Array]:
    """Return slope of outcome on impulse given controls, both residuals, and shuffled partial correlations.

    Freedman & Lane (1983): the impulse's residual is shuffled and made orthogonal to the controls again, so the null
    has the right number of degrees of freedom. The last array is empty without `order`; compare it with `correlation`.
    NaN slope where the impulse is collinear with the controls.
    """
    none = np.zeros(0)
    q = np.linalg.qr(controls)[0]
    ry, rx = outcome - q @ (q.T @ outcome), impulse - q @ (q.T @ impulse)
    if rx @ rx <= 1e-8 * max(float(impulse @ impulse), 1e-300) or ry @ ry <= 1e-12 * max(
        float(outcome @ outcome), 1e-300
    ):
        return float("nan"), none, none, none
    slope = float(rx @ ry / (rx @ rx))
    if order is None:
        return slope, rx, ry, none
    moved = rx[order]
    moved = moved - (moved @ q) @ q.T
    return slope, rx, ry, moved @ ry / np.sqrt(np.maximum((moved**2).sum(1) * (ry @ ry), 1e-300))


def correlation(rx: Array, ry: Array) -> float:
    """Return the partial correlation of two residuals."""
    return float(rx @ ry / np.sqrt((rx @ rx) * (ry @ ry)))
