"""Composites of deed series in z units: a manifestation over its data sets, and all manifestations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.aggregate import makeup, periods
from sca_nlp.records import MANIFESTATIONS

#: A series that is almost always zero gives its one deed a z of 5 or more; beyond this limit a composite would be that
#: deed alone (Tukey 1962 on winsorising).
Z_LIMIT = 3.0


def zscore(values: np.ndarray[Any, Any], inside: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return z units over the reference `inside`; NaN throughout where it has under three values or no spread."""
    known = values[inside & ~np.isnan(values)]
    if len(known) < 3 or np.ptp(known) <= 1e-12 * max(1.0, float(np.abs(known).max())):
        return np.full(len(values), np.nan)
    return np.asarray((values - known.mean()) / known.std(ddof=1))


def compose(
    out: pd.DataFrame, reference: tuple[str, str] | None, standardise: str, weights: Mapping[str, float] | None
) -> pd.DataFrame:
    """Return the composites in z units: manifestation with dataset `all`, and `all` with `all`."""
    if out.empty:
        return out
    low, high = (periods.number(p) for p in reference) if reference else (-(10**9), 10**9)
    number = out["period"].map({p: periods.number(p) for p in out["period"].unique()})
    out = out.assign(inside=((number >= low) & (number <= high)).to_numpy(bool))
    series = ["manifestation", "dataset"] + (["source", "target"] if standardise == "dyad" else [])
    z = pd.Series(np.nan, out.index)
    for _, part in out.groupby(series, sort=True):
        z.loc[part.index] = zscore(part["estimate"].to_numpy(float), part["inside"].to_numpy(bool))
    out = out.assign(z=z.clip(-Z_LIMIT, Z_LIMIT))
    rows = []
    for (source, target), part in out.groupby(["source", "target"], sort=True):
        rows.append(_joined(part, "all", weights).assign(source=str(source), target=str(target)))
        for manifestation, own in part.groupby("manifestation", sort=True):
            rows.append(_joined(own, str(manifestation), None).assign(source=str(source), target=str(target)))
    return pd.concat(rows, ignore_index=True).assign(dataset="all")


def _joined(part: pd.DataFrame, name: str, weights: Mapping[str, float] | None) -> pd.DataFrame:
    """Return the composite of a dyad's series, its stretches of different make-up linked (`makeup.compose`)."""
    grid = sorted(part["period"].unique(), key=periods.number)
    wide = part.pivot_table(index="period", columns=["manifestation", "dataset"], values="z", dropna=False, sort=True)
    wide = wide.reindex(grid).dropna(axis=1, how="all")
    keys: list[Any] = list(wide.columns)
    labels = [(str(k[0]), str(k[1])) for k in keys]
    of = {m: k for k, m in enumerate(MANIFESTATIONS)}
    group = np.array([of[m] for m, _ in labels], dtype=int)
    weight = np.array([(weights or {}).get(m, 0.0 if weights else 1.0) for m in MANIFESTATIONS])
    estimate, found = makeup.compose(wide.to_numpy(float), group, weight)
    text = [""] * len(grid)
    for first, last, there, linked in found:
        names = sorted({labels[k][1] for k in there})
        own = f"{', '.join(names)}; {len(there)} series" + ("" if linked else "; not linked")
        text[first : last + 1] = [own] * (last - first + 1)
    counted = part.groupby("period").agg(n_deeds=("n_deeds", "sum"), covered=("covered", "max")).reindex(grid)
    return pd.DataFrame(
        {
            "period": grid,
            "manifestation": name,
            "estimate": estimate,
            "n_deeds": counted["n_deeds"].to_numpy(),
            "covered": counted["covered"].to_numpy(bool),
            "make_up": text,
        }
    )
