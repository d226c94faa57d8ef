"""Tables, sentences, quotations and deeds that the conditions of the study's model are shown by."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.codebook import Codebook
from sca_nlp.report.chart_main import anchor
from sca_nlp.report.density import spark
from sca_nlp.report.evidence import Cell, Shown
from sca_nlp.report.frames import Frames
from sca_nlp.report.pairs import Direction, Pair, Point
from sca_nlp.report.rows import rows_of_pair
from sca_nlp.report.said import Said, Terms, voices
from sca_nlp.report.wording import MANIFESTATION_NAMES, finite, interval, num, plain, plural, pvalue

Evidence = Sequence[tuple[Direction, Sequence[Cell]]]


@dataclass(frozen=True)
class Link:
    """A place on the page that shows what a sentence says."""

    text: str
    href: str


@dataclass
class Row:
    """A line of a table: cells as text or drawings, and a link behind the first."""

    cells: list[Any]
    href: str = ""
    marked: bool = False


@dataclass
class Table:
    """A table of a condition."""

    caption: str
    head: list[str]
    rows: list[Row]


def _at(evidence: Evidence, source: str, period: str) -> str:
    """Return the address of what is behind a source's point of a period, if the page has it."""
    for d, cells in evidence:
        if d.source == source and any(c.period == period for c in cells):
            return f"#{anchor(d, period)}"
    return ""


def quotes(evidence: Evidence, classes: Sequence[str], most: int = 2) -> list[tuple[Shown, str, str]]:
    """Return each side's passages that carry one of the classes most clearly: passage, class, place on the page."""
    out = []
    for d, cells in evidence:
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


def deeds(
    evidence: Evidence, manifestations: Sequence[str], most: int = 2, levels: Collection[str] = ()
) -> list[tuple[dict[str, Any], str]]:
    """Return each side's largest described deeds of these manifestations (none named: of any), with their place.

    Data sets in `levels` measure and tell of no single deed: they are left out.
    """
    out = []
    for d, cells in evidence:
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
    frames: Frames, pair: Pair, questions: Sequence[str], what: str, *, direction: str = "", most: int = 3
) -> list[tuple[str, list[Link]]]:
    """Return a sentence on the computed tests of these questions, those with the smallest q in full."""
    rows = rows_of_pair(frames["compare/tests.parquet"], pair)
    if rows.empty:
        return []
    text = rows["question"].astype(str).str.lower()
    kept = rows[text.map(lambda t: any(q in t for q in questions)) & rows["q"].notna()]
    if direction and "direction" in kept.columns:
        kept = kept[kept["direction"].astype(str) == direction]
    link = [Link("tests", f"#tests-{pair.slug}")]
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


def voices_table(
    d: Direction, said: Said | None, evidence: Evidence, terms: Terms, most: int = 12
) -> tuple[Table | None, int]:
    """Return the voices of a side, dissenting ones first, and how many had too few beside them."""
    found = voices(said, terms) if said is not None else []
    if not found or said is None:
        return None, 0
    rows = []
    for v in found[:most]:
        own = said.about[(said.about["speaker"] == v.speaker) & (said.about["office"] == v.office)]
        busiest = str(own["period"].value_counts().sort_index().idxmax())
        off = (
            f"{num(v.deviation, signed=True)} {interval(v.low, v.high, signed=True)}"
            if finite(v.deviation)
            else "alone"
        )
        span = v.first if v.first == v.last else f"{v.first}–{v.last}"
        cells = [v.speaker, v.office, span, f"{plural(v.n, 'sentence')}, {plural(v.n_speeches, 'speech')}"]
        rows.append(Row([*cells, num(v.balance, signed=True), off], _at(evidence, d.source, busiest), v.dissents))
    more = f"; {len(found) - most} more are not shown" if len(found) > most else ""
    caption = (
        f"{d.name}: trust balance by speaker (mean of probabilities), and how far off the side's other speakers{more}."
    )
    head = ["Speaker", "Office", "Periods", "Heard in", "Balance", "Off the others"]
    return Table(caption, head, rows), sum(not finite(v.deviation) for v in found[:most])


def _ends(points: Mapping[str, Point]) -> tuple[float, float, int]:
    """Return the means over the first and last shown periods (at most five, at most a third), and their number."""
    there = [p for p in sorted(points) if not points[p].hidden and finite(points[p].estimate)]
    n = max(1, min(5, len(there) // 3))
    if not there:
        return float("nan"), float("nan"), 0
    first, last = (float(np.mean([points[p].estimate for p in part])) for part in (there[:n], there[-n:]))
    return first, last, len(there)


def stance_table(pair: Pair, book: Codebook, classes: Sequence[str]) -> list[Table]:
    """Return the share of sentences about the other with each class, first and last periods, drawn by period."""
    rows = []
    for i in book.indicators:
        for value, mark in i.values.items():
            code = f"{i.short}{mark}"
            for d in pair.directions if code in classes else ():
                points = d.indicators["stance"].get((i.id, value), {})
                first, last, n = _ends(points)
                if n:
                    line = {p: 100 * x.estimate for p, x in points.items() if not x.hidden and finite(x.estimate)}
                    uid = f"spark-{pair.slug}-{len(classes)}-{i.short}{'p' if mark == '+' else 'm'}-{d.side}"
                    title = f"{code}, {d.name}, percent of sentences"
                    drawn = spark(uid, title, sorted(line), {d.side: line})
                    cells = [
                        f"{code} {i.name.lower()} {value}",
                        d.name,
                        drawn,
                        f"{num(100 * first, 1)} %",
                        f"{num(100 * last, 1)} %",
                    ]
                    rows.append(Row([*cells, str(n)], f"#indicators-{pair.slug}"))
    head = ["Indicator", "Who about whom", "By period", "First", "Last", "Periods"]
    caption = "Share of the sentences about the other, means of the first and last shown periods (at most five)."
    return [Table(caption, head, rows)] if rows else []


def manifestations_table(pair: Pair) -> Table | None:
    """Return the deeds by manifestation, first and last periods, in z units."""
    rows = []
    for m, name in MANIFESTATION_NAMES.items():
        for d in pair.directions:
            first, last, n = _ends(d.manifestations.get(m, {}))
            if n:
                total = sum(p.n for p in d.manifestations[m].values())
                cells = [name, d.toward, num(first, signed=True), num(last, signed=True), str(n), str(total)]
                rows.append(Row(cells, f"#deeds-{pair.slug}"))
    head = ["Manifestation", "Who toward whom", "First", "Last", "Periods", "Deeds"]
    return (
        Table("Deeds in z units (up = toward a community), means of the first and last periods.", head, rows)
        if rows
        else None
    )


def norms_table(
    pair: Pair, said: Mapping[str, Said], evidence: Evidence, terms: Terms
) -> tuple[Table | None, list[str], list[str]]:
    """Return the norms that the sides call binding, those both invoke, and those either invokes."""
    rows, shared, either = [], [], []
    sides = [(d, said[d.source].norms) for d in pair.directions if d.source in said]
    for _, name, looked in terms.norms:
        cells: list[Any] = [name]
        invoked, href = [], ""
        for d, norms in sides:
            hit = norms[[bool(looked.search(str(t))) for t in norms["text"]]] if len(norms) else norms
            yes, no = hit[hit["affirmed"].astype(bool)], hit[~hit["affirmed"].astype(bool)]
            near = int(yes["about"].astype(bool).sum())
            invoked.append(len(yes) >= terms.least_sentences)
            cells.append(f"{len(yes)} ({near} about {d.target_name}); called broken {len(no)}")
            best = yes[yes["about"].astype(bool)] if near else yes
            if len(best) and not href:
                href = _at(evidence, d.source, str(best["period"].iloc[0]))
        both = len(invoked) == 2 and all(invoked)
        shared += [name] if both else []
        either += [name] if any(invoked) else []
        if any(c for c in cells[1:] if not str(c).startswith("0 (") or not str(c).endswith(" 0")):
            rows.append(Row([*cells, "both" if both else "one" if any(invoked) else "neither"], href, both))
    if not rows:
        return None, shared, either
    head = ["Norm", *(f"Sentences of {d.source_name}" for d, _ in sides), "Invoked by"]
    caption = (
        "Sentences that call a norm binding (NA+) and name it, in all speeches of the side; in brackets"
        " those about the other."
    )
    return Table(caption, head, rows), shared, either


def meetings_table(pair: Pair, said: Mapping[str, Said], west: tuple[int, int], reference: str) -> Table | None:
    """Return how many sentences about the other name a meeting, beside states of the reference group on each other."""
    rows = []
    for d in pair.directions:
        heard = said.get(d.source)
        if heard is None or heard.about.empty:
            continue
        n = heard.about["period"].value_counts().to_dict()
        there = sorted(map(str, n))
        k = max(1, min(5, len(there) // 3))

        def share(periods: Sequence[str], n: Mapping[Any, int] = n, m: Mapping[str, int] = heard.meetings) -> str:
            total = sum(int(n[p]) for p in periods)
            return f"{num(100 * sum(m.get(p, 0) for p in periods) / total, 1)} % of {total}"

        total = sum(heard.meetings.values())
        href = f"#{anchor(d, max(heard.meetings, key=lambda p: (heard.meetings[p], p)))}" if heard.meetings else ""
        rows.append(
            Row([d.name, f"{num(100 * total / len(heard.about), 1)} %", share(there[:k]), share(there[-k:])], href)
        )
    if not rows:
        return None
    n_west, n_met = west
    beside = f"{num(100 * n_met / n_west, 1)} % of {n_west}" if n_west >= 50 else "not in this run's data"
    rows.append(Row([f"States of {reference} about each other, in this run", beside, "", ""]))
    head = ["Meetings named in sentences about the other", "All periods", "First periods", "Last periods"]
    return Table(
        "Sentences about the other that name a summit, talks, visit or commission (terms in configs/model.toml).",
        head,
        rows,
    )


def position(frames: Frames, pair: Pair) -> tuple[str, str, str, list[list[Any]]]:
    """Return the latest stage of the pair, its span, and the criteria behind it."""
    table = frames.extra.get("position")
    if table is None or not {"source", "target", "first", "last", "stage"} <= set(table.columns):
        return "", "", "", []
    own = rows_of_pair(table, pair).sort_values(["last", "first"])
    if own.empty:
        return "", "", "", []
    latest = own.to_dict("records")[-1]
    rows = []
    criteria = frames.extra.get("criteria")
    if criteria is not None and {"text", "value", "op", "threshold", "met", "n_periods", "last"} <= set(
        criteria.columns
    ):
        behind = rows_of_pair(criteria, pair)
        for r in behind[behind["last"] == latest["last"]].to_dict("records"):
            met = (
                "not known"
                if r["met"] is None or r["met"] is pd.NA or r["met"] != r["met"]
                else "yes"
                if r["met"]
                else "no"
            )
            arrow = "↔" if r.get("together") is True else "→"  # runs of earlier versions have no such column
            who = f"{r['text']} ({r['source']} {arrow} {r['target']}; {plain(str(r['stage']))})"
            met += f" ({r['reason']})" if r.get("reason") else ""
            rows.append([who, num(r["value"]), f"{r['op']} {num(r['threshold'])}", met, str(r["n_periods"])])
    return str(latest["stage"]), str(latest["first"]), str(latest["last"]), rows
