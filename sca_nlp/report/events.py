"""The large deeds that are marked, with their dates, in the main figure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sca_nlp.report import periods as per
from sca_nlp.report.frames import Frames, of_dyad


@dataclass
class Event:
    """A large deed, marked by its number in the main figure."""

    number: int
    date: str
    source: str
    target: str
    mutual: bool
    sign: int
    magnitude: float
    manifestation: str
    dataset: str
    description: str
    reference: str


def choose_events(
    frames: Frames, a: str, b: str, periods: list[str], most: int, spoken: Collection[str] = ()
) -> tuple[list[Event], int]:
    """Choose the largest material deeds between a pair, described ones first, at most two a period.

    Those from the first to the last of the periods with words (`spoken`) go first: there the two are compared.

    What lasts from year to year (a treaty in force) is one deed, at its beginning.
    """
    deeds = pd.concat([of_dyad(frames["deeds.parquet"], a, b), of_dyad(frames["deeds.parquet"], b, a)])
    events_only = {s.get("name") for s in frames.deed_sources if s.get("measure") == "event"}
    deeds = deeds[(deeds["sign"] != 0) & ~deeds["verbal"].fillna(False).astype(bool)]
    if events_only:
        deeds = deeds[deeds["dataset"].isin(events_only)]
    if deeds.empty or not periods:
        return [], 0
    grain = per.grain_of(periods[0]) or "year"
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for record in deeds.to_dict("records"):
        r = {str(k): v for k, v in record.items()}
        key = (
            r["date"],
            r["dataset"],
            r["manifestation"],
            r["sign"],
            str(r.get("code", "")),
            str(r.get("description", "")),
        )
        if key in found and found[key]["source"] != r["source"]:
            found[key]["mutual"] = True
        else:
            found.setdefault(key, r | {"mutual": False})
    largest = {k: max(float(m), 1e-9) for k, m in deeds.groupby("dataset")["magnitude"].max().items()}
    rows = beginnings([r for r in found.values() if per.period_of(r["date"], "year")])
    first, last = (min(spoken)[:4], max(spoken)[:4]) if spoken else ("0000", "9999")
    rows.sort(
        key=lambda r: (
            not first <= r["date"][:4] <= last,
            not str(r.get("description") or ""),
            -float(r["magnitude"]) / largest[r["dataset"]],
            r["date"],
        )
    )
    chosen: list[dict[str, Any]] = []
    in_period: dict[str, int] = {}
    for r in rows:
        period = per.period_of(r["date"], grain) or r["date"][:4]
        if periods[0][:4] <= r["date"][:4] <= periods[-1][:4] and in_period.get(period, 0) < 2 and len(chosen) < most:
            in_period[period] = in_period.get(period, 0) + 1
            chosen.append(r)
    chosen.sort(key=lambda r: (r["date"], str(r.get("description"))))
    return [_event(n, r) for n, r in enumerate(chosen, 1)], len(found)


def beginnings(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the deeds without those dated by a year alone that repeat what was said of the year before."""

    def said(r: dict[str, Any], year: int) -> tuple[Any, ...]:
        kind = (str(r.get(k, "")) for k in ("code", "description", "reference"))
        return (year, r["dataset"], frozenset((r["source"], r["target"])), r["manifestation"], r["sign"], *kind)

    there = {said(r, int(r["date"][:4])) for r in rows}
    return [r for r in rows if len(r["date"]) > 4 or said(r, int(r["date"]) - 1) not in there]


def _event(number: int, r: dict[str, Any]) -> Event:
    description, reference = ("" if pd.isna(r.get(c)) else str(r[c]) for c in ("description", "reference"))
    return Event(
        number=number,
        date=r["date"],
        source=r["source"],
        target=r["target"],
        mutual=bool(r["mutual"]),
        sign=int(r["sign"]),
        magnitude=float(r["magnitude"]),
        manifestation=r["manifestation"],
        dataset=r["dataset"],
        description=description,
        reference=reference,
    )
