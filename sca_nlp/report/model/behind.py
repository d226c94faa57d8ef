"""What several conditions are shown by: sentences, deeds, tests, and the share of sentences with a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sca_nlp.report.chart_main import anchor
from sca_nlp.report.density import spark
from sca_nlp.report.evidence import Shown
from sca_nlp.report.model.condition import Evidence, Known, Link, Row, Table
from sca_nlp.report.pairs import Point
from sca_nlp.report.rows import rows_of_pair
from sca_nlp.report.wording import finite, num, plain, pvalue, start


def place(evidence: Evidence, source: str, period: str) -> str:
    """Return the address of what is behind a source's point of a period, if the page has it."""
    for d, cells in evidence:
        if d.source == source and any(c.period == period for c in cells):
            return f"#{anchor(d, period)}"
    return ""


def quotes(k: Known, classes: Sequence[str], most: int = 2) -> list[tuple[Shown, str, str]]:
    """Return each side's passages that carry one of the classes most clearly: passage, class, place on the page."""
    out = []
    for d, cells in k.evidence:
        found = [
            (-p, shown.passage_id, shown, code, cell.period)
            for cell in cells
            for shown in cell.passages
            for code, p in shown.codes
            if code in classes
        ]
        seen: set[str] = set()
        for _, _, shown, code, period in sorted(found, key=lambda f: f[:2]):
            if shown.text not in seen and len(seen) < most:
                seen.add(shown.text)
                out.append((shown, code, f"#{anchor(d, period)}"))
    return out


def deeds(k: Known, manifestations: Sequence[str], most: int = 2) -> list[tuple[dict[str, Any], str]]:
    """Return each side's largest described deeds of these manifestations (none named: of any), with their place.

    Data sets of levels measure and tell of no single deed: they are left out.
    """
    out, levels = [], k.levels
    for d, cells in k.evidence:
        found = [
            (bool(e["verbal"]), -abs(float(e["magnitude"])), str(e["date"]), e["description"], e, cell.period)
            for cell in cells
            for e in cell.deeds
            if (not manifestations or e["manifestation"] in manifestations)
            and e["description"]
            and e["sign"]
            and e["dataset"] not in levels
        ]
        seen: set[str] = set()
        for *_, text, e, period in sorted(found, key=lambda f: f[:4]):
            if text not in seen and len(seen) < most:
                seen.add(text)
                out.append((e, f"#{anchor(d, period)}"))
    return sorted(out, key=lambda f: str(f[0]["date"]))


def said_of_tests(
    k: Known, questions: Sequence[str], what: str, *, direction: str = "", most: int = 3
) -> list[tuple[str, list[Link]]]:
    """Return a sentence on the computed tests of these questions, those with the smallest q in full."""
    rows = rows_of_pair(k.frames["compare/tests.parquet"], k.pair)
    if rows.empty:
        return []
    text = rows["question"].astype(str).str.lower()
    kept = rows[text.map(lambda t: any(q in t for q in questions)) & rows["q"].notna()]
    if direction and "direction" in kept.columns:
        kept = kept[kept["direction"].astype(str) == direction]
    link = [Link("tests", f"#tests-{k.pair.slug}")]
    if kept.empty:
        return [(f"Tests, {what}: none could be computed", link)]
    found = kept[kept["q"] < 0.05].sort_values(["q", "statistic"])
    named = [
        f"{plain(str(r['statistic']))} ({r.get('direction') or r['source'] + ' → ' + r['target']})"
        f" {num(r['estimate'], signed=True)},"
        f" q {pvalue(r['q'])}"
        for r in found.head(most).to_dict("records")
    ]
    tail = f": {'; '.join(named)}" if named else ""
    return [(f"Tests, {what}: {len(found)} of {len(kept)} at q < .05{tail}", link)]


def ends(points: Mapping[str, Point]) -> tuple[float, float, int]:
    """Return the means over the first and last shown periods (at most five, at most a third), and their number."""
    there = [p for p in sorted(points) if not points[p].hidden and finite(points[p].estimate)]
    n = max(1, min(5, len(there) // 3))
    if not there:
        return float("nan"), float("nan"), 0
    first, last = (float(np.mean([points[p].estimate for p in part])) for part in (there[:n], there[-n:]))
    return first, last, len(there)


def stance_table(k: Known, classes: Sequence[str]) -> list[Table]:
    """Return the share of sentences about the other with each class, first and last periods, drawn by period."""
    rows = []
    for i in k.book.indicators:
        for value, mark in i.values.items():
            code = f"{i.short}{mark}"
            for d in k.pair.directions if code in classes else ():
                points = d.indicators["stance"].get((i.id, value), {})
                first, last, n = ends(points)
                if n:
                    line = {p: 100 * x.estimate for p, x in points.items() if not x.hidden and finite(x.estimate)}
                    uid = f"spark-{k.pair.slug}-{len(classes)}-{i.short}{'p' if mark == '+' else 'm'}-{d.side}"
                    title = f"{code}, {d.name}, percent of sentences"
                    drawn = spark(uid, title, sorted(line), {d.side: line})
                    shares = [f"{num(100 * first, 1)} %", f"{num(100 * last, 1)} %"]
                    cells = [f"{code} {i.name.lower()} {value}", start(d.name), drawn, *shares, str(n)]
                    rows.append(Row(cells, f"#indicators-{k.pair.slug}"))
    head = ["Indicator", "Who about whom", "By period", "First", "Last", "Periods"]
    caption = "Share of the sentences about the other, means of the first and last shown periods (at most five)."
    return [Table(caption, head, rows)] if rows else []
