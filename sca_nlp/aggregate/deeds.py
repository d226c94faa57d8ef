"""Deeds: coded events and yearly levels -> one signed series per dyad, manifestation and data set, and their composite.

Positive is toward a security community. Outside a data set's coverage a value is missing, never zero; inside it, no
event is zero and no level is missing. Nothing is carried from a coarse period to a finer one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.aggregate import makeup, periods
from sca_nlp.aggregate.cells import Members, expand
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.records import MANIFESTATIONS, Coverage, Deed, DeedSource

#: Data sets coded from news, whose counts grow with the number of reports: shares, never sums (first part of their
#: name).
MEDIA_CODED = ("gdelt", "icews", "polecat", "plover", "phoenix", "cline", "acled")
#: A series that is almost always zero gives its one deed a z of 5 or more; beyond this limit a composite would be that
#: deed alone (Tukey 1962 on winsorising).
Z_LIMIT = 3.0
NORMALISE = ("sum", "share", "mean")
COLUMNS = ["source", "target", "period", "manifestation", "dataset", "estimate", "n_deeds", "covered", "make_up"]
_FINE = {"year": 0, "quarter": 1, "month": 2, "week": 3, "day": 3}


def deed_series(
    deeds: Iterable[Deed] | pd.DataFrame | Path | str,
    sources: Sequence[DeedSource],
    *,
    dyads: Sequence[tuple[str, str]],
    period: str = "year",
    members: Members | None = None,
    first: str | None = None,
    last: str | None = None,
    verbal: bool = False,
    normalise: Mapping[str, str] | None = None,
    reference: tuple[str, str] | None = None,
    standardise: str = "dyad",
    weights: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return the deed series of the dyads (`deed_series.parquet`), with composites named `all`.

    Rows of a data set are in its own unit: events as sums of sign times magnitude (`sum`), or, for data sets coded from
    news, as their mean over all reports of the dyad and period, times n / (n + 1), one report per day and class
    (`share`); levels as means. Rows with dataset `all` are in z units over the reference window: the mean of a
    manifestation's data sets, and (manifestation `all`) the equal-weight mean of the manifestations. Where a data set
    begins or ends, the composite is linked on what goes on (`makeup`); `make_up` names what it is made of, so that a
    change of it can be told from history.

    Args:
        deeds: records, their frame, or a Parquet file.
        sources: what each data set declares: event or level, grain, coverage.
        dyads: directed pairs of states or groups. A level with target "" counts toward every target.
        period: year, quarter or month; data sets of coarser grain, and deeds dated more coarsely, are left out.
        members: `members(group, year)` gives a group's states in a year.
        first: first period to span; None: that of the dyad's first deed.
        last: last period to span; None: that of the dyad's last deed.
        verbal: count verbal deeds too (off: they would correlate speech with reports of speech).
        normalise: data set -> sum, share or mean, against the default.
        reference: first and last period of the window for z; None: all periods.
        standardise: `dyad`: each dyad against its own past; `pool`: all dyads on one scale.
        weights: weight of each manifestation in the composite; equal by default.

    Raises:
        InputError: a deed's data set is not declared.
        UnknownNameError: a manifestation, grain or normalisation is unknown.
    """
    periods.check_grain(period)
    if standardise not in ("dyad", "pool"):
        raise UnknownNameError("standardisation", standardise, ("dyad", "pool"))
    declared = {s.name: s for s in sources}
    frame = _read(deeds)
    unknown = sorted(set(frame["dataset"]) - set(declared))
    if unknown:
        raise InputError(
            "deeds",
            f"data set {unknown[0]!r} declares nothing",
            f"one of {', '.join(sorted(declared)) or 'no declared source'}",
        )
    for m in sorted(set(frame["manifestation"]) - set(MANIFESTATIONS)):
        raise UnknownNameError("manifestation", m, MANIFESTATIONS)
    frame["period"] = frame["date"].map({d: periods.period_of(d, period) for d in frame["date"].unique()})
    frame = frame[frame["period"].notna() & frame["dataset"].map(lambda d: _FINE[declared[d].grain] >= _FINE[period])]
    rules = {n: (normalise or {}).get(n, _default_rule(s)) for n, s in declared.items()}
    for r in set(rules.values()) - set(NORMALISE):
        raise UnknownNameError("normalisation", r, NORMALISE)
    rows: list[pd.DataFrame] = []
    for source, target in sorted(set(dyads)):
        rows += _dyad(frame, source, target, declared, rules, period, members, (first, last), verbal)
    out = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=COLUMNS)
    composed = _compose(out, reference, standardise, weights)
    done = pd.concat([out, composed], ignore_index=True)[COLUMNS]
    return done.sort_values(COLUMNS[:5], kind="stable", ignore_index=True)


def _default_rule(source: DeedSource) -> str:
    if source.measure == "level":
        return "mean"
    return "share" if source.name.lower().startswith(MEDIA_CODED) else "sum"


def _read(deeds: Iterable[Deed] | pd.DataFrame | Path | str) -> pd.DataFrame:
    if isinstance(deeds, (str, Path)):
        deeds = pd.read_parquet(deeds)
    frame = deeds.copy() if isinstance(deeds, pd.DataFrame) else pd.DataFrame([asdict(d) for d in deeds])
    wanted = ["date", "source", "target", "manifestation", "sign", "magnitude", "verbal", "dataset", "code"]
    if frame.empty:
        return pd.DataFrame(columns=wanted)
    missing = [c for c in wanted[:-1] if c not in frame]
    if missing:
        raise InputError("deeds", f"no column {missing[0]!r}", "columns as in records.Deed")
    if "code" not in frame:
        frame["code"] = ""
    frame = frame[wanted].assign(target=frame["target"].fillna(""), code=frame["code"].fillna("").astype(str))
    return frame.sort_values(wanted, kind="stable", ignore_index=True)  # so that sums do not depend on row order


def covers(coverage: Coverage, period: str, source: str, target: str) -> bool:
    """Return whether a data set can speak of a dyad in a period (both ends of the span included)."""
    grain = periods.grain_of(period)
    start, end = periods.period_of(coverage.first, grain), periods.period_of(coverage.last, grain)
    low = start or periods.period_of(coverage.first[:4] + "-01", grain)
    high = end or periods.period_of(coverage.last[:4] + "-12", grain)
    if low is None or high is None or not periods.number(low) <= periods.number(period) <= periods.number(high):
        return False
    if coverage.actors and not (source in coverage.actors and (target in coverage.actors or target == "")):
        return False
    return not coverage.dyads or (source, target) in coverage.dyads or (source, "") in coverage.dyads


def _dyad(
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
    """Return one frame per manifestation and data set of a dyad."""
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
            (_covered(declaration.coverage, p, *_pair(pairs, p, source, target, members)) for p in grid),
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


def _covered(coverage: Coverage, period: str, left: frozenset[str], right: frozenset[str]) -> bool:
    """Return whether at least one pair of members is covered."""
    if not coverage.actors and not coverage.dyads:
        return covers(coverage, period, "", "")
    return any(covers(coverage, period, i, j) for i in sorted(left) for j in sorted(right) if i != j)


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


def zscore(values: np.ndarray[Any, Any], inside: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return z units over the reference `inside`; NaN throughout where it has under three values or no spread."""
    known = values[inside & ~np.isnan(values)]
    if len(known) < 3 or np.ptp(known) <= 1e-12 * max(1.0, float(np.abs(known).max())):
        return np.full(len(values), np.nan)
    return np.asarray((values - known.mean()) / known.std(ddof=1))


def _compose(
    out: pd.DataFrame, reference: tuple[str, str] | None, standardise: str, weights: Mapping[str, float] | None
) -> pd.DataFrame:
    """Return the composites in z units: manifestation with dataset `all`, and `all` with `all`."""
    if out.empty:
        return pd.DataFrame(columns=COLUMNS)
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
    return pd.concat(rows, ignore_index=True).assign(dataset="all")[COLUMNS]


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
