"""Do words and deeds diverge? The gap G = z(words) - z(deeds); positive: warmer in words than in deeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.compare import null, series
from sca_nlp.compare.series import Array, Pair

COLUMNS = ["source", "target", "period", "words_z", "deeds_z", "gap", "low", "high", "window", "headline", "make_up"]
#: Fewest periods with words and deeds inside a reference window.
LEAST = 5


def windows(pair: Pair, declared: tuple[str, str] | None) -> dict[str, np.ndarray[Any, Any]]:
    """Return the reference windows, as masks over periods: the declared one first, then those shown for sensitivity."""
    numbers = np.array([series.number(p) for p in pair.periods])
    both = np.flatnonzero(pair.both)
    every = np.ones(len(numbers), bool)
    out: dict[str, np.ndarray[Any, Any]] = {}
    if declared is not None:
        low, high = (series.number(p) for p in declared)
        out[f"{declared[0]} to {declared[1]}"] = (numbers >= low) & (numbers <= high)
    out["all periods"] = every
    if len(both) >= 2 * LEAST:
        middle = both[len(both) // 2]
        out["first half"], out["second half"] = np.arange(len(numbers)) < middle, np.arange(len(numbers)) >= middle
    return out


def _scale(values: Array, mask: np.ndarray[Any, Any]) -> tuple[float, float]:
    known = values[mask & ~np.isnan(values)]
    return (
        (float(known.mean()), float(known.std(ddof=1)))
        if len(known) >= LEAST and series.spread(known)
        else (np.nan, np.nan)
    )


def _ranks(values: Array) -> Array:
    """Return normal scores of the ranks (van der Waerden), NaN kept."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    out = np.full(values.shape, np.nan)
    known = ~np.isnan(values)
    out[known] = ndtri(rankdata(values[known]) / (known.sum() + 1))
    return out


def gap(pair: Pair, *, window: tuple[str, str] | None = None) -> pd.DataFrame:
    """Return the gap per period under each reference window, with 95 % limits from the draws.

    The declared window (or all periods) is the `headline`; all periods, each half, and `rank` (normal scores of ranks
    over all periods) show what depends on it. Draws keep the scale of the point series, so that their extra noise does
    not shrink the gap; their centre is their own. `make_up` marks the periods from which on the deeds are made of other
    data sets: a gap that opens there may be theirs. Windows with fewer than 5 periods or no spread give no rows.
    """
    frames = []
    w, d, both = pair.words, pair.deeds, pair.both
    for k, (label, mask) in enumerate(windows(pair, window).items()):
        inside = mask & both
        (mw, sw), (md, sd) = _scale(w, inside), _scale(d, inside)
        if np.isnan(sw) or np.isnan(sd):
            continue
        drawn = (pair.draws - pair.draws[:, inside].mean(1, keepdims=True)) / sw
        frames.append(_frame(pair, (w - mw) / sw, (d - md) / sd, drawn, label, k == 0))
    if both.sum() >= LEAST and series.spread(w[both]) and series.spread(d[both]):
        wr, dr = _ranks(np.where(both, w, np.nan)), _ranks(np.where(both, d, np.nan))
        drawn = np.stack([_ranks(np.where(both, x, np.nan)) for x in pair.draws])
        frames.append(_frame(pair, wr, dr, drawn, "rank", False))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)


def _frame(pair: Pair, words_z: Array, deeds_z: Array, drawn: Array, label: str, headline: bool) -> pd.DataFrame:
    g = words_z - deeds_z
    keep = ~np.isnan(g)
    low, high = np.full(len(g), np.nan), np.full(len(g), np.nan)
    if len(drawn) > 1:
        noise = np.quantile(drawn[:, keep] - words_z[keep], [0.025, 0.975], axis=0)
        low[keep], high[keep] = g[keep] + noise[0], g[keep] + noise[1]
    frame = pd.DataFrame(
        {
            "source": pair.source,
            "target": pair.target,
            "period": list(pair.periods),
            "words_z": words_z,
            "deeds_z": deeds_z,
            "gap": g,
            "low": low,
            "high": high,
            "window": label,
            "headline": headline,
            "make_up": [k in set(pair.joints) for k in range(len(pair.periods))],
        }
    )
    return frame[keep].reset_index(drop=True)


def divergence(
    pair: Pair, *, window: tuple[str, str] | None, permutations: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return two tests: do words and deeds move together at all, and has their gap drifted?

    `agreement` is the correlation of pre-whitened words and deeds in the same period; `drift` the gap's change from the
    first to the second half of the periods, in z units, against a gap that is noise with the same momentum.
    """
    why = series.problem(pair, 8)
    label = "words and deeds of the same period have nothing in common"
    if why:
        agreement = series.row(pair, "do they diverge?", "agreement", null=label, reason=why)
        return [agreement, drift(pair, window=window, permutations=permutations, rng=rng)]
    rows = []
    b = null.whiten(pair.deeds)
    a = null.whiten(np.vstack([pair.words, pair.draws]), null.ar_order(pair.words))
    keep = ~np.isnan(a[0]) & ~np.isnan(b)
    n = int(keep.sum())
    why = "too few periods in a row" if n < 6 else series.foretold(a[0][keep], b[keep])
    if why:
        rows.append(series.row(pair, "do they diverge?", "agreement", null=label, n=n, reason=why))
    else:
        x = a[:, keep] - a[:, keep].mean(1, keepdims=True)
        y = b[keep] - b[keep].mean()
        order = null.shuffles(n, permutations, rng, null.block_length(n))
        scale = np.sqrt((x**2).sum(1) * (y @ y))
        r = x @ y / np.maximum(scale, 1e-300)
        shuffled = np.abs(y[order] @ x[0]) / scale[0]
        low, high = series.rubin(r[1:], np.full(len(r) - 1, 1 / max(n - 3, 1)), point=float(r[0]))
        rows.append(
            series.row(
                pair,
                "do they diverge?",
                "agreement",
                estimate=float(r[0]),
                low=max(low, -1.0),
                high=min(high, 1.0),
                p=null.p_value(abs(float(r[0])), shuffled),
                null=label,
                n=n,
                lag=0,
                settings={"permutations": permutations, "null": "block permutation of pre-whitened deeds"},
            )
        )
    rows.append(drift(pair, window=window, permutations=permutations, rng=rng))
    return rows


def drift(pair: Pair, *, window: tuple[str, str] | None, permutations: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return the second test of `divergence`, the only one of its two that hangs on the reference window."""
    label = "the gap is noise with momentum around one level"
    if why := series.problem(pair, 8):
        return series.row(pair, "do they diverge?", "drift", null=label, reason=why)
    g = gap(pair, window=window)
    return _drift(pair, g[g["headline"]] if len(g) else g, label, permutations, rng)


def _drift(pair: Pair, g: pd.DataFrame, label: str, permutations: int, rng: np.random.Generator) -> dict[str, Any]:
    if len(g) < 8:
        return series.row(
            pair,
            "do they diverge?",
            "drift",
            null=label,
            n=len(g),
            reason="fewer than 8 periods in the declared window",
        )
    at = {p: k for k, p in enumerate(pair.periods)}
    where = np.array([at[p] for p in g["period"]])
    values = g["gap"].to_numpy(float)
    half = len(values) // 2
    change = float(values[half:].mean() - values[:half].mean())
    paths = null.ar1_paths(pair_fill(values, where), permutations, rng)[:, where - where[0]]
    shuffled = paths[:, half:].mean(1) - paths[:, :half].mean(1)
    # In units of each path's own spread: a step in the gap swells its measured momentum, but its spread as well.
    relative = np.abs(shuffled) / np.maximum(paths.std(1), 1e-300)
    scale = g["words_z"].to_numpy(float)
    sw = float(np.ptp(pair.words[where]) / np.ptp(scale)) if np.ptp(scale) > 0 else np.nan
    drawn = (pair.draws[:, where[half:]].mean(1) - pair.draws[:, where[:half]].mean(1)) / sw
    low, high = series.rubin(drawn, np.full(len(drawn), float(shuffled.var())), point=change)
    return series.row(
        pair,
        "do they diverge?",
        "drift",
        estimate=change,
        low=low,
        high=high,
        p=null.p_value(abs(change) / max(float(values.std()), 1e-300), relative),
        null=label,
        n=len(values),
        settings={"simulations": permutations, "null": "AR(1) noise fitted to the gap", "unit": "z"},
    )


def pair_fill(values: Array, where: np.ndarray[Any, Any]) -> Array:
    """Return values on the whole grid from the first to the last place, NaN between."""
    out = np.full(int(where[-1] - where[0]) + 1, np.nan)
    out[where - where[0]] = values
    return out
