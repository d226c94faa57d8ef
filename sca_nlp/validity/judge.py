"""How well a score tells positives from negatives: AUROC with an interval by pairs, at equal attention, reliability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """An AUROC: the chance that a positive scores above a negative, ties half; 95 % interval over pairs of states."""

    auroc: float
    low: float
    high: float
    n_positive: int
    n_negative: int
    n_dyads: int


def auroc(
    score: Array,
    positive: NDArray[np.bool_],
    dyad: NDArray[np.int64],
    *,
    strata: NDArray[np.int64] | None = None,
    draws: int = 500,
    seed: int = 0,
) -> Judged:
    """Return the area under the ROC curve with a percentile bootstrap over dyads (whole dyads are drawn).

    Args:
        score: (n,), larger = more of the positive; rows with NaN are left out.
        positive: (n,).
        dyad: (n,), the cluster of each row.
        strata: compare only within these (0 ... k): all positive-negative couples of one stratum count alike.
        draws: bootstrap draws; 0: no interval.
        seed: of the draws.
    """
    known = ~np.isnan(score)
    score, positive, dyad = score[known], positive[known].astype(bool), dyad[known]
    block = np.zeros(len(score), np.int64) if strata is None else strata[known]
    n_positive, n_dyads = int(positive.sum()), len(np.unique(dyad))
    if n_positive in (0, len(score)):
        return Judged(np.nan, np.nan, np.nan, n_positive, len(score) - n_positive, n_dyads)
    order = np.lexsort((score, block))
    block, score, positive, dyad = block[order], score[order], positive[order], dyad[order]
    new = np.ones(len(score), bool)
    new[1:] = (score[1:] != score[:-1]) | (block[1:] != block[:-1])
    tie = np.cumsum(new) - 1  # rows of one block and score share a number
    first_of_block = np.searchsorted(block[new], block[new])  # of each tie, the first tie of its block
    size = tie[-1] + 1
    clusters, member = np.unique(dyad, return_inverse=True)

    def area(weight: Array) -> float:
        p = np.bincount(tie, weight * positive, size)
        q = np.bincount(tie, weight * ~positive, size)
        below = np.concatenate([[0.0], np.cumsum(q)])
        under = below[:-1] - below[first_of_block]
        last = np.searchsorted(block[new], block[new], side="right")
        couples = float((p * (below[last] - below[first_of_block])).sum())
        return float((p * (under + q / 2)).sum()) / couples if couples else np.nan

    rng = np.random.default_rng(seed)
    spread = [
        area(np.bincount(rng.integers(0, len(clusters), len(clusters)), minlength=len(clusters))[member].astype(float))
        for _ in range(draws)
    ]
    low, high = np.nanpercentile(spread, [2.5, 97.5]) if spread else (np.nan, np.nan)
    return Judged(area(np.ones(len(score))), float(low), float(high), n_positive, len(score) - n_positive, n_dyads)


def tenths(value: Array, use: NDArray[np.bool_], n: int = 10) -> NDArray[np.int64]:
    """Return the tenth (0 ... n - 1) of each value, with limits from the rows in use."""
    limits = np.quantile(value[use], np.linspace(0, 1, n + 1)[1:-1])
    return np.digitize(value, limits).astype(np.int64)


def split_half(left: Array, right: Array, dyad: NDArray[np.int64], draws: int = 500, seed: int = 0) -> dict[str, float]:
    """Return the Spearman-Brown reliability 2r / (1 + r) of two halves, with a 95 % bootstrap interval over dyads."""
    clusters, member = np.unique(dyad, return_inverse=True)

    def stepped(weight: Array) -> float:
        w = weight / weight.sum()
        x, y = left - w @ left, right - w @ right
        spread = np.sqrt((w @ x**2) * (w @ y**2))
        r = float(w @ (x * y) / spread) if spread > 0 else np.nan
        return 2 * r / (1 + r)

    if len(left) < 3:
        return {"reliability": np.nan, "low": np.nan, "high": np.nan, "r": np.nan, "n": len(left)}
    rng = np.random.default_rng(seed)
    spread = [
        stepped(
            np.bincount(rng.integers(0, len(clusters), len(clusters)), minlength=len(clusters))[member].astype(float)
        )
        for _ in range(draws)
    ]
    value = stepped(np.ones(len(left)))
    low, high = np.nanpercentile(spread, [2.5, 97.5]) if spread else (np.nan, np.nan)
    return {"reliability": value, "low": float(low), "high": float(high), "r": value / (2 - value), "n": len(left)}
