"""Means per cell and their variance over speeches, stabilised by what all cells of the run have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from sca_nlp.aggregate.cells import Cells

#: How many units the pooled design effect and unit variance count for beside a cell's own speeches and sentences.
_PRIOR_SPEECHES, _PRIOR_SENTENCES = 8.0, 4.0
Array = np.ndarray[Any, Any]


def variance_of_means(cells: Cells, effect: Array) -> tuple[Array, Array, Array]:
    """Return mean, variance of the mean, and degrees of freedom, per cell and variable."""
    mean, unit, over = _moments(cells)
    df = np.maximum(cells.m[:, None] - 1, 0.0)
    expected = unit / cells.n[:, None] * effect
    return (
        mean,
        (df * over + _PRIOR_SPEECHES * expected) / (df + _PRIOR_SPEECHES),
        np.broadcast_to(df + _PRIOR_SPEECHES, mean.shape),
    )


def design_effects(tables: list[Cells]) -> Array:
    """Return each variable's design effect (variance over speeches by variance over sentences), pooled over all
    cells.
    """
    up, down = 0.0, 0.0
    for cells in tables:
        if not len(cells.n):
            continue
        _, unit, over = _moments(cells)
        weight = np.where(cells.m >= 2, cells.m - 1, 0.0)[:, None]
        up, down = up + (weight * over * cells.n[:, None]).sum(0), down + (weight * unit).sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(up) / np.asarray(down)
    return np.maximum(np.where(np.isfinite(ratio), ratio, 1.0), 1.0)


def _moments(cells: Cells) -> tuple[Array, Array, Array]:
    """Return per cell and variable: mean, variance of a sentence (stabilised), variance of the mean over speeches."""
    n, m, nn = cells.n[:, None], cells.m[:, None], cells.nn[:, None]
    mean = cells.total / n
    unit = np.maximum(cells.square / n - mean**2, 0.0)
    pooled = (unit * n).sum(0) / n.sum() if len(n) else unit.sum(0)
    unit = (unit * n + _PRIOR_SENTENCES * pooled) / np.maximum(n - 1 + _PRIOR_SENTENCES, 1)
    over = m / np.maximum(m - 1, 1) * np.maximum(cells.cluster - 2 * mean * cells.cross + mean**2 * nn, 0.0) / n**2
    return mean, unit, over
