"""A share as it was counted, and its interval: Wilson's limits, with as many units as the speeches are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Z95 = 1.959963984540054  # two-sided 95 %


@dataclass(frozen=True)
class Prevalence:
    """One estimate of a share in [0, 1] with its 95 % interval. `n` units, `n_clusters` speeches, `lam` the tuning
    of PPI.
    """

    estimate: float
    low: float
    high: float
    se: float
    n: int
    n_clusters: int
    method: str
    lam: float = float("nan")


def raw(values: ArrayLike, *, clusters: Sequence[Any] | NDArray[Any] | None = None, binary: bool = True) -> Prevalence:
    """Return the uncorrected share: the mean of codes (0/1) or of calibrated probabilities, clustered by speech."""
    y = np.asarray(values, float)
    codes, m = cluster_codes(clusters, len(y))
    if not len(y):
        return Prevalence(np.nan, np.nan, np.nan, np.nan, 0, 0, "raw")
    p = float(y.mean())
    sums = cluster_sums(y - p, codes, m)
    var = float(m / max(m - 1, 1) * (sums**2).sum() / len(y) ** 2)
    if binary:
        low, high = wilson(p, effective_n(p, var, len(y), m))
    else:
        half = float(t_quantile(m - 1)) * var**0.5
        low, high = np.array(max(p - half, 0.0)), np.array(min(p + half, 1.0))
    return Prevalence(p, float(low), float(high), var**0.5, len(y), m, "raw")


def wilson(p: ArrayLike, n: ArrayLike, z: ArrayLike = Z95) -> tuple[Array, Array]:
    """Return Wilson score limits of shares `p` from `n` (effective) units (Wilson 1927); n = 0 gives (0, 1)."""
    share, size = np.clip(np.asarray(p, float), 0, 1), np.maximum(np.asarray(n, float), 1e-9)
    width = np.asarray(z, float)
    z2 = width * width / size
    centre = (share + z2 / 2) / (1 + z2)
    half = width / (1 + z2) * np.sqrt(share * (1 - share) / size + z2 / (4 * size))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def t_quantile(df: ArrayLike) -> Array:
    """Return the two-sided 95 % quantile of Student's t; `df` below 1 counts as 1."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.maximum(np.asarray(df, float), 1.0), 0.975), dtype=float)


def effective_n(p: ArrayLike, var: ArrayLike, n: ArrayLike, clusters: ArrayLike) -> Array:
    """Return the number of independent units that would give variance `var` of a share `p` (Korn & Graubard 1998).

    Few clusters make `var` itself uncertain: the number is lowered by the squared ratio of the t quantiles. Where the
    variance is zero (nothing observed) all `n` units count.
    """
    p, var, n, m = (np.asarray(a, float) for a in (p, var, n, clusters))
    with np.errstate(divide="ignore", invalid="ignore"):
        eff = np.where(var > 0, p * (1 - p) / var, n)
    eff = np.where((eff > 0) & np.isfinite(eff), eff, n)
    ratio = t_quantile(np.maximum(n - 1, 1)) / t_quantile(np.maximum(m - 1, 1))
    return np.asarray(np.where(m >= n, np.minimum(eff, n), np.minimum(eff * ratio**2, n)), dtype=float)


def cluster_codes(labels: Sequence[Any] | NDArray[Any] | None, n: int) -> tuple[NDArray[np.int64], int]:
    """Return the number of each unit's cluster and how many clusters there are; None: every unit is one."""
    if labels is None:
        return np.arange(n), n
    found, codes = np.unique(np.asarray(labels), return_inverse=True)
    return codes.astype(np.int64), len(found)


def cluster_sums(values: Array, codes: NDArray[np.int64], m: int) -> Array:
    """Return the sum of the values in each of `m` clusters."""
    return np.asarray(np.bincount(codes, values, minlength=m), dtype=float)
