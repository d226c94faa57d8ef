"""Many tests at once: q-values that control the share of false discoveries."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sca_nlp.errors import UnknownNameError


def q_values(p: ArrayLike, *, method: str = "bh") -> NDArray[np.float64]:
    """Return q-values of p-values in [0, 1]; NaN stays NaN and does not count as a test.

    `bh`: Benjamini & Hochberg (1995); `by`: Benjamini & Yekutieli (2001), under any dependence.
    """
    if method not in ("bh", "by"):
        raise UnknownNameError("method", method, ("bh", "by"))
    p = np.asarray(p, float)
    out = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    n = len(known)
    if not n:
        return out
    order = known[np.argsort(p[known], kind="stable")]
    harmonic = float((1 / np.arange(1, n + 1)).sum()) if method == "by" else 1.0
    steps = p[order] * n * harmonic / np.arange(1, n + 1)
    out[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return out


def adjust(tests: pd.DataFrame, *, method: str = "bh") -> pd.DataFrame:
    """Return the table of tests with `q` over all its tests, and their number in the attribute `n_tests`.

    Placebos are checks of the method, not findings: they get no q.
    """
    out = tests.copy()
    p = out["p"].to_numpy(float).copy()
    p[out["statistic"].str.contains("placebo").to_numpy(bool)] = np.nan
    out["q"] = q_values(p, method=method)
    out.attrs["n_tests"] = int((~np.isnan(p)).sum())
    return out
