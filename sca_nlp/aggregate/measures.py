"""Salience, stance (shares of each class) and the trust balance, cell by cell and by each method."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp import prevalence
from sca_nlp.aggregate.cells import Cells, Variable
from sca_nlp.aggregate.variables import signed_weights, slopes
from sca_nlp.aggregate.variance import Array, variance_of_means
from sca_nlp.codebook import Codebook
from sca_nlp.prevalence import ErrorRates

KEYS = ["source", "target", "period"]
#: Fewer periods than this say too little of how periods differ: their cells lean on nothing.
_LEAST_PERIODS = 4
#: The variables whose variance each method takes.
_OF = {"raw_count": "code", "raw_probability": "probability", "adjusted": "adjusted"}


def shares(
    cells: Cells,
    variables: list[Variable],
    book: Codebook,
    measure: str,
    effect: Array,
    rates: ErrorRates | None,
    least: int,
    pool: bool,
) -> list[pd.DataFrame]:
    """Return the frames of salience or stance: each class by each method."""
    if not len(cells.n):
        return []
    at = {v.name: k for k, v in enumerate(variables)}
    mean, var, df = variance_of_means(cells, effect)
    out = []
    for k, c in enumerate(book.classes):
        indicator, value = book.meaning[c]
        i = at[f"code:{c}"]
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.where(
                mean[:, i] * (1 - mean[:, i]) > 0, mean[:, i] * (1 - mean[:, i]) / var[:, i], cells.n / effect[i]
            )
        size = np.minimum(size, cells.n)
        z = prevalence.t_quantile(df[:, i])
        out.append(
            _frame(
                cells,
                measure,
                indicator,
                value,
                "raw_count",
                least,
                mean[:, i],
                *prevalence.wilson(mean[:, i], size, z),
            )
        )
        j = at[f"probability:{c}"]
        half = z * np.sqrt(var[:, j])
        limits = (np.clip(mean[:, j] - half, 0, 1), np.clip(mean[:, j] + half, 0, 1))
        out.append(_frame(cells, measure, indicator, value, "raw_probability", least, mean[:, j], *limits))
        if rates is not None:
            known = rates.tpr[k], rates.fpr[k], rates.n_positive[k], rates.n_negative[k]
            fixed = prevalence.adjusted(mean[:, i], size, *known, z=z)
            out.append(_frame(cells, measure, indicator, value, "adjusted", least, *fixed))
            if pool:
                fixed = prevalence.adjusted(*_pooled(cells, mean[:, i], size), *known)
                leant = _frame(cells, measure, indicator, value, "pooled", least, *fixed)
                out.append(leant[leant["estimate"].notna()])
    return out


def _pooled(cells: Cells, share: Array, size: Array) -> tuple[Array, Array]:
    """Return each cell's share and the number of sentences it is worth, leaning on the other periods of its pair.

    NaN where there are too few.
    """
    share, size = share.copy(), size.copy()
    for rows in cells.keys.groupby(["source", "target", "stratum"]).indices.values():
        if len(rows) >= _LEAST_PERIODS:
            share[rows], size[rows] = prevalence.pool(share[rows], size[rows])
        else:
            share[rows] = np.nan
    return share, size


def balances(
    cells: Cells,
    variables: list[Variable],
    share: Mapping[str, float],
    book: Codebook,
    effect: Array,
    rates: ErrorRates | None,
    least: int,
    headline: str,
    draws: int,
    seed: int,
) -> tuple[list[pd.DataFrame], pd.DataFrame]:
    """Return the frames of the trust balance (all and by indicator) and the draws of `all` by the headline method."""
    empty = pd.DataFrame(columns=[*KEYS, "stratum", "draw", "estimate"])
    if not len(cells.n):
        return [], empty
    at = {v.name: k for k, v in enumerate(variables)}
    mean, var, df = variance_of_means(cells, effect)
    counts = mean[:, [at[f"code:{c}"] for c in book.classes]]
    out = []
    for name in ("all", *(i.id for i in book.indicators)):
        for method in ("raw_count", "raw_probability", *(("adjusted",) if rates is not None else ())):
            k = at[f"{_OF[method]}:{name}"]
            centre, spread = mean[:, k], var[:, k]
            if method == "adjusted" and rates is not None:
                signed = signed_weights(book, share, None if name == "all" else name)
                centre, extra = _corrected(counts, signed, rates)
                spread = spread + extra
            half = prevalence.t_quantile(df[:, k]) * np.sqrt(spread)
            limits = (np.clip(centre, -1, 1), np.clip(centre - half, -1, 1), np.clip(centre + half, -1, 1))
            out.append(_frame(cells, "balance", name, "balance", method, least, *limits))
    shown = np.flatnonzero(cells.n >= least)
    if not draws or not len(shown):
        return out, empty
    k = at[f"{_OF[headline]}:all"]
    noise = np.stack([_noise(tuple(cells.keys.iloc[r]), draws, df[r, k], seed) for r in shown])
    if headline == "adjusted" and rates is not None:
        t, f = rates.draw(draws, np.random.default_rng([seed, 1]))
        weight = np.array([signed_weights(book, share).get(c, 0.0) if s > 0 else 0.0 for c, s in slopes(rates).items()])
        a = weight / np.maximum(t - f, 0.05)
        centre = counts[shown] @ a.T - (a * f).sum(1)
    else:
        centre = np.repeat(mean[shown, k][:, None], draws, 1)
    values = np.clip(centre + noise * np.sqrt(var[shown, k])[:, None], -1, 1)
    drawn = cells.keys.iloc[np.repeat(shown, draws)].reset_index(drop=True)
    return out, drawn.assign(draw=np.tile(np.arange(draws), len(shown)), estimate=values.ravel())


def _noise(key: tuple[Any, ...], draws: int, df: float, seed: int) -> Array:
    """Return standard noise of a cell (Student's t), from its key and the seed alone."""
    digest = hashlib.blake2b("\0".join(map(str, key)).encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "big")]).standard_t(df, draws)


def _corrected(counts: Array, signed: Mapping[str, float], rates: ErrorRates) -> tuple[Array, Array]:
    """Return the signed sum of adjusted counts per cell, and the variance that the error rates add (delta method)."""
    centre, extra = np.zeros(len(counts)), np.zeros(len(counts))
    slope = slopes(rates)
    for k, c in enumerate(rates.classes):
        if c not in signed or slope[c] <= 0:
            continue
        p = (counts[:, k] - rates.fpr[k]) / slope[c]
        var_t = rates.tpr[k] * (1 - rates.tpr[k]) / max(rates.n_positive[k], 1)
        var_f = rates.fpr[k] * (1 - rates.fpr[k]) / max(rates.n_negative[k], 1)
        centre += signed[c] * p
        extra += signed[c] ** 2 * (p**2 * var_t + (1 - p) ** 2 * var_f) / slope[c] ** 2
    return centre, extra


def _frame(
    cells: Cells, measure: str, indicator: str, value: str, method: str, min_passages: int, *limits: Array
) -> pd.DataFrame:
    named = {"measure": measure, "indicator": indicator, "value": value, "method": method}
    numbers = dict(zip(("estimate", "low", "high"), limits, strict=True))
    counts = {
        "n_passages": cells.n.astype(np.int64),
        "n_speeches": cells.m.astype(np.int64),
        "hidden": cells.n < min_passages,
    }
    return pd.DataFrame({**cells.keys, **named, **numbers, **counts}, index=cells.keys.index)
