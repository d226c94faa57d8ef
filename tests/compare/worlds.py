"""Series with a known structure, made in code."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from sca_nlp.compare.series import Pair


def ar(rng, count, periods, momentum):
    """Return `count` first-order series with unit variance."""
    shocks = rng.standard_normal((count, periods + 60)) * np.sqrt(1 - momentum**2)
    return lfilter([1.0], [1.0, -momentum], shocks, axis=1)[:, 60:]


def grid(periods):
    return tuple(f"{1900 + k:04d}" for k in range(periods))


def pair(words, deeds, draws=None, noise=0.0, source="AAA", target="BBB"):
    """Return a pair; without draws, 20 with the given noise."""
    words, deeds = np.asarray(words, float), np.asarray(deeds, float)
    if draws is None:
        rng = np.random.default_rng(99)
        draws = words + noise * rng.standard_normal((20, len(words)))
    return Pair(source, target, grid(len(words)), words, draws, deeds)


def led(rng, periods=80, lag=2, share=0.8, momentum=0.5):
    """Return words and deeds where the words come `lag` periods first."""
    x = ar(rng, 1, periods + lag, momentum)[0]
    y = share * x[:periods] + np.sqrt(1 - share**2) * ar(rng, 1, periods, momentum)[0]
    return x[lag:], y


def frames(words, deeds, draws=20, source="AAA", target="BBB", noise=0.01, seed=0):
    """Return the three frames that the pipeline hands over, of one dyad."""
    rng = np.random.default_rng(seed)
    words, deeds = np.asarray(words, float), np.asarray(deeds, float)
    t = len(words)
    key = {"source": source, "target": target}
    w = pd.DataFrame(
        key
        | {
            "period": grid(t),
            "measure": "balance",
            "indicator": "all",
            "value": "balance",
            "method": "raw_probability",
            "estimate": words,
            "low": words - 0.1,
            "high": words + 0.1,
            "n_passages": 50,
            "n_speeches": 5,
            "hidden": False,
        }
    )
    d = pd.DataFrame(
        key
        | {
            "period": np.repeat(grid(t), draws),
            "draw": np.tile(np.arange(draws), t),
            "estimate": (words[:, None] + noise * rng.standard_normal((t, draws))).ravel(),
        }
    )
    s = pd.DataFrame(
        key
        | {
            "period": grid(t),
            "manifestation": "all",
            "dataset": "all",
            "estimate": deeds,
            "n_deeds": 1,
            "covered": True,
        }
    )
    return w, d, s


def of(rows, statistic, direction=None, lag=None):
    """Return the only row of a statistic."""
    found = [
        r
        for r in rows
        if r["statistic"] == statistic and direction in (None, r["direction"]) and lag in (None, r["lag"])
    ]
    assert len(found) == 1, found
    return found[0]
