"""Transactions of a pair beside those of the reference group, as rows and small drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from sca_nlp.report.pairs import Pair
from sca_nlp.report.svg import drawing, el, path_of, scale
from sca_nlp.report.wording import finite, num, plural

WIDTH, HEIGHT = 240.0, 44.0


@dataclass(frozen=True)
class Density:
    """One kind of transaction of a pair: its first and last years, and where it stands among the reference pairs."""

    kind: str
    name: str
    unit: str
    dataset: str
    first_years: str
    last_years: str
    first: float
    last: float
    n: int
    ref_first: float
    ref_last: float
    below: float  # share of the reference pairs below it in the last years
    n_ref: int
    spark: Markup

    @property
    def dense(self) -> str:
        """Say how dense: against the quartiles of the reference pairs, by share of them below."""
        if not finite(self.below):
            return "nothing to set it beside"
        place = (
            "denser than three quarters of them"
            if self.below >= 0.75
            else "denser than half of them"
            if self.below >= 0.5
            else "thinner than half of them"
            if self.below >= 0.25
            else "thinner than three quarters of them"
        )
        return f"{place} ({round(100 * self.below)} % of {plural(self.n_ref, 'pair')} lie below)"

    @property
    def way(self) -> str:
        """Say whether it grows: by a tenth of the first years at least, or from nothing."""
        return _way(self.first, self.last)

    @property
    def ref_way(self) -> str:
        """Say the same of the reference pairs' median."""
        return _way(self.ref_first, self.ref_last)


def _way(first: float, last: float) -> str:
    if not (finite(first) and finite(last)):
        return "—"
    if abs(last - first) <= max(0.1 * abs(first), 1e-9):
        return "level"
    return "growing" if last > first else "falling"


def spark(
    uid: str,
    title: str,
    periods: Sequence[str],
    lines: Mapping[str, Mapping[str, float]],
    band: Mapping[str, tuple[float, float, float]] | None = None,
) -> Markup:
    """Return a small drawing: lines by side (`a`, `b`) over periods; a band (low, middle, high) behind them."""
    values = [v for line in lines.values() for v in line.values() if finite(v)]
    values += [v for low, _, high in (band or {}).values() for v in (low, high) if finite(v)]
    if not values or not periods:
        return Markup("")
    low, high = min(0.0, *values), max(values) or 1.0
    x, y = scale(0, len(periods), 26, WIDTH - 2), scale(low, high if high > low else low + 1, HEIGHT - 12, 4)
    at = {p: x(i + 0.5) for i, p in enumerate(periods)}
    out = []
    if band:
        known = [p for p in periods if p in band and all(map(finite, band[p]))]
        if len(known) > 1:
            ring = [(at[p], y(band[p][2])) for p in known] + [(at[p], y(band[p][0])) for p in reversed(known)]
            out.append(el("path", d=path_of([*ring]) + "Z", class_="refband"))
            out.append(el("path", d=path_of([(at[p], y(band[p][1])) for p in known]), class_="refline"))
    for side, line in lines.items():
        known = [p for p in periods if finite(line.get(p, float("nan")))]
        marks = [(at[p], y(line[p])) for p in known]
        out.append(el("path", d=path_of([*marks]), class_=f"line s-{side}"))
        if len(marks) == 1:
            out.append(el("circle", cx=marks[0][0], cy=marks[0][1], r=2.2, class_=f"mark s-{side}"))
    digits = 0 if high >= 10 else 1 if high >= 1 else 2
    out.append(el("text", num(high, digits), x=22, y=10, class_="tick", text_anchor="end"))
    out.append(el("text", num(low, digits), x=22, y=HEIGHT - 10, class_="tick", text_anchor="end"))
    out.append(el("text", periods[0], x=26, y=HEIGHT - 1, class_="tick"))
    out.append(el("text", periods[-1], x=WIDTH - 2, y=HEIGHT - 1, class_="tick", text_anchor="end"))
    return drawing(WIDTH, HEIGHT, out, title, f"{title}, {periods[0]} to {periods[-1]}.", uid)


def densities(transactions: pd.DataFrame, pair: Pair, reference: str) -> list[Density]:
    """Return the kinds of transactions of a pair, from `transactions.parquet`."""
    if transactions.empty:
        return []
    a, b = sorted((pair.a, pair.b))
    own = transactions[(transactions["a"] == a) & (transactions["b"] == b)]
    years = {p[:4] for p in pair.periods}
    out = []
    for number, ((kind, dataset), rows) in enumerate(own.groupby(["kind", "dataset"], sort=False)):
        rows = rows[rows["period"].isin(years)].sort_values("period")
        if rows.empty:
            continue
        k = max(1, min(5, len(rows) // 3))
        head, tail = rows.head(k), rows.tail(k)
        name, unit = str(rows["name"].iloc[0]), str(rows["unit"].iloc[0])
        band = {
            str(r["period"]): (float(r["ref_low"]), float(r["ref_median"]), float(r["ref_high"]))
            for r in rows.to_dict("records")
            if finite(r["ref_median"])
        }
        axis = [str(y) for y in range(int(rows["period"].min()), int(rows["period"].max()) + 1)]
        line = dict(zip(rows["period"].astype(str), rows["value"].astype(float), strict=True))
        title = f"{name} of {pair.title} ({unit})" + (f", over the quartiles of {reference}" if band else "")
        out.append(
            Density(
                *(str(kind), name, unit, str(dataset), _span(head), _span(tail)),
                *(float(head["value"].mean()), float(tail["value"].mean()), len(rows)),
                *(_mean(head["ref_median"]), _mean(tail["ref_median"]), _mean(tail["ref_below"])),
                int(np.nanmax(tail["n_ref"])),
                spark(f"spark-{pair.slug}-{number}", title, axis, {"a": line}, band),
            )
        )
    return out


def _span(rows: pd.DataFrame) -> str:
    first, last = str(rows["period"].iloc[0]), str(rows["period"].iloc[-1])
    return first if first == last else f"{first}–{last}"


def _mean(values: pd.Series) -> float:
    known = values.dropna()
    return float(known.mean()) if len(known) else float("nan")
