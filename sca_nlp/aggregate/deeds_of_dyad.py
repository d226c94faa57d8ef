"""The deeds of one dyad: one series per manifestation and data set, each in its own unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.aggregate import periods
from sca_nlp.aggregate.cells import Members, expand
from sca_nlp.aggregate.coverage import covers_any
from sca_nlp.records import DeedSource


def dyad_series(
    frame: pd.DataFrame,
    source: str,
    target: str,
    declared: Mapping[str, DeedSource],
    rules: Mapping[str, str],
    period: str,
    members: Members | None,
    bounds: tuple[str | None, str | None],
    verbal: bool,
) -> list[pd.DataFrame]:
    """Return one frame per manifestation and data set of a dyad that is covered in some period.

    Args:
        frame: all deeds, with their `period`.
        source: who acts, a state or a group.
        target: toward whom.
        declared: data set -> what it declares.
        rules: data set -> sum, share or mean.
        period: grain of the grid.
        members: `members(group, year)`.
        bounds: first and last period; None: those of the dyad's deeds.
        verbal: count verbal deeds too.
    """
    years = sorted({int(p[:4]) for p in frame["period"].unique()} | {int(b[:4]) for b in bounds if b})
    pairs = {y: (expand(source, y, members), expand(target, y, members)) for y in years}
    every_i, every_j = (
        frozenset[str]().union(*(p[k] for p in pairs.values())) if pairs else frozenset[str]() for k in (0, 1)
    )
    mine = frame[frame["source"].isin(every_i) & (frame["target"].isin(every_j) | (frame["target"] == ""))]
    if mine.empty and not all(bounds):
        return []
    year = mine["period"].str[:4].astype(int)
    inside = np.fromiter(
        (
            i in pairs[y][0] and (j in pairs[y][1] or j == "") and i != j
            for i, j, y in zip(mine["source"], mine["target"], year, strict=True)
        ),
        bool,
        len(mine),
    )
    mine = mine[inside]
    if mine.empty and not all(bounds):
        return []
    numbers = [periods.number(p) for p in mine["period"].unique()]
    low = periods.number(bounds[0]) if bounds[0] else min(numbers)
    high = periods.number(bounds[1]) if bounds[1] else max(numbers)
    grid = [periods.name(k, period) for k in range(low, high + 1)]
    out = []
    for (manifestation, dataset), part in mine.groupby(["manifestation", "dataset"], sort=True):
        rule, declaration = rules[str(dataset)], declared[str(dataset)]
        value, count = _series(part, grid, rule, verbal)
        covered = np.fromiter(
            (covers_any(declaration.coverage, p, *_pair(pairs, p, source, target, members)) for p in grid),
            bool,
            len(grid),
        )
        if declaration.measure == "event":
            value = np.where(covered, np.nan_to_num(value), np.nan)
        else:
            value = np.where(covered, value, np.nan)
            covered = covered & ~np.isnan(value)
        if not covered.any():
            continue
        out.append(
            pd.DataFrame(
                {
                    "source": source,
                    "target": target,
                    "period": grid,
                    "manifestation": manifestation,
                    "dataset": dataset,
                    "estimate": value,
                    "n_deeds": np.where(covered, count, 0).astype(np.int64),
                    "covered": covered,
                    "make_up": "",
                }
            )
        )
    return out


def _pair(
    pairs: Mapping[int, tuple[frozenset[str], frozenset[str]]],
    period: str,
    source: str,
    target: str,
    members: Members | None,
) -> tuple[frozenset[str], frozenset[str]]:
    year = int(period[:4])
    return pairs[year] if year in pairs else (expand(source, year, members), expand(target, year, members))


def _series(
    part: pd.DataFrame, grid: list[str], rule: str, verbal: bool
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return value and number of deeds per period; NaN where there is none."""
    if rule == "share":  # one report per dyad, day and class; the loudest of equals
        part = part.sort_values("magnitude", kind="stable").drop_duplicates(
            ["date", "source", "target", "code", "sign", "verbal"], keep="last"
        )
    used = part if verbal else part[~part["verbal"].astype(bool)]
    signed = used["sign"].astype(float) * used["magnitude"].astype(float)
    grouped = signed.groupby(used["period"])
    count = used.groupby("period").size().reindex(grid).fillna(0).to_numpy(float)
    if rule == "mean":
        return grouped.mean().reindex(grid).to_numpy(float), count
    total = grouped.sum().reindex(grid).to_numpy(float)
    if rule == "sum":
        return total, count
    reports = part.groupby("period").size().reindex(grid).fillna(0).to_numpy(float)
    return np.nan_to_num(total) / (reports + 1), count
