"""Deeds: coded events and yearly levels -> one signed series per dyad, manifestation and data set, and their composite.

Positive is toward a security community. Outside a data set's coverage a value is missing, never zero; inside it, no
event is zero and no level is missing. Nothing is carried from a coarse period to a finer one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from sca_nlp.aggregate import periods
from sca_nlp.aggregate.cells import Members
from sca_nlp.aggregate.composites import compose
from sca_nlp.aggregate.deeds_of_dyad import dyad_series
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.records import MANIFESTATIONS, Deed, DeedSource

#: Data sets coded from news, whose counts grow with the number of reports: shares, never sums (first part of their
#: name).
MEDIA_CODED = ("gdelt", "icews", "polecat", "plover", "phoenix", "cline", "acled")
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
        rows += dyad_series(frame, source, target, declared, rules, period, members, (first, last), verbal)
    out = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=COLUMNS)
    composed = compose(out, reference, standardise, weights)
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
