"""The ties between two actors: how much they have to do with each other, and where they meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sca_nlp.report.chart_main import anchor
from sca_nlp.report.model.behind import deeds, said_of_tests
from sca_nlp.report.model.condition import Condition, Known, Row, Table
from sca_nlp.report.wording import finite, join, num, plural, start

#: Kinds of transactions, and the reader that would bring each.
_KINDS = {
    "memberships": "shared memberships (igo)",
    "alliances": "treaties (alliances)",
    "arms": "arms (sipri_arms)",
    "agreements": "defence agreements (dcad)",
    "exercises": "exercises (exercises)",
}


def density(k: Known) -> Condition:
    """Return how dense the transactions of the pair are, beside pairs of the reference group, and how they move."""
    c = Condition(
        "density",
        "Transaction density",
        "How much do they have to do with each other, and does it grow?",
        f"For: at least half of the kinds that can be set beside pairs of {k.reference} are denser than half of those"
        " pairs in the last years, and as many grow as fall. Against: none is as dense. Otherwise mixed.",
    )
    rows = []
    for x in k.densities:
        beside = (
            f"{num(x.ref_first)} → {num(x.ref_last)}, {x.ref_way}" if finite(x.ref_last) else "not in this run's data"
        )
        moved = f"{num(x.first)} → {num(x.last)}, {x.way} ({x.first_years}, {x.last_years})"
        rows.append(Row([f"{x.name} ({x.unit}; {x.dataset})", x.spark, moved, beside, x.dense]))
    if rows:
        head = ["Transactions", "By year", "First → last years", f"Median pair of {k.reference}", "Dense?"]
        text = f"Line: the pair. Band: middle half of all pairs of {k.reference} in the year, with their median."
        c.tables.append(Table(text, head, rows))
        judged = [x for x in k.densities if finite(x.below)]
        dense = [x for x in judged if x.below >= 0.5]
        up, down = (sum(x.way == w for x in judged) for w in ("growing", "falling"))
        if judged:
            c.reading = "for" if 2 * len(dense) >= len(judged) and up >= down else "against" if not dense else "mixed"
            c.headline = (
                f"{len(dense)} of {plural(len(judged), 'kind')} denser than the median pair of {k.reference};"
                f" {up} growing, {down} falling."
            )
        else:
            c.reading, c.headline = "shown", f"No kind can be set beside {k.reference}."
    table = _meetings_table(k)
    c.tables += [table] if table else []
    there = {x.kind for x in k.densities}
    gone = [text for key, text in _KINDS.items() if key not in there]
    if gone:
        c.untold.append(f"Not in this run's data: {join(gone)}; in brackets the reader that would bring them.")
    c.untold.append("Trade, travel, mail and students abroad have no reader: not in this run's data.")
    return c


def _meetings_table(k: Known) -> Table | None:
    """Return how many sentences about the other name a meeting, beside states of the reference group on each other."""
    rows = []
    for d in k.pair.directions:
        heard = k.said.get(d.source)
        if heard is None or heard.about.empty:
            continue
        n = heard.about["period"].value_counts().to_dict()
        there = sorted(map(str, n))
        third = max(1, min(5, len(there) // 3))

        def share(periods: Sequence[str], n: Mapping[Any, int] = n, m: Mapping[str, int] = heard.meetings) -> str:
            total = sum(int(n[p]) for p in periods)
            return f"{num(100 * sum(m.get(p, 0) for p in periods) / total, 1)} % of {total}"

        total = sum(heard.meetings.values())
        href = f"#{anchor(d, max(heard.meetings, key=lambda p: (heard.meetings[p], p)))}" if heard.meetings else ""
        whole = f"{num(100 * total / len(heard.about), 1)} %"
        rows.append(Row([start(d.name), whole, share(there[:third]), share(there[-third:])], href))
    if not rows:
        return None
    n_west, n_met = k.west_meetings
    beside = f"{num(100 * n_met / n_west, 1)} % of {n_west}" if n_west >= 50 else "not in this run's data"
    rows.append(Row([f"States of {k.reference} about each other, in this run", beside, "", ""]))
    head = ["Meetings named in sentences about the other", "All periods", "First periods", "Last periods"]
    text = "Sentences about the other that name a summit, talks, visit or commission (terms in configs/model.toml)."
    return Table(text, head, rows)


def organisations(k: Known) -> Condition:
    """Return whether there are places to learn in: shared memberships and deeds of institutionalisation. No reading."""
    c = Condition(
        "organisations", "Organisations and social learning", "Are there places to learn in?", "No reading.", "untold"
    )
    for x in k.densities:
        if x.kind == "memberships":
            text = f"Shared memberships {num(x.first, 0)} in {x.first_years}, {num(x.last, 0)} in {x.last_years}"
            c.says.append((f"{text}; {x.dense}", []))
    for d in k.pair.directions:
        points = d.manifestations.get("institutionalisation", {})
        n = sum(p.n for p in points.values())
        if points:
            text = f"{plural(n, 'deed')} of institutionalisation in {plural(len(points), 'period')}"
            c.says.append((f"{start(d.toward)}: {text}", []))
    c.deeds = deeds(k, ("institutionalisation", "verification"), most=3)
    if c.says or c.deeds:
        c.reading = "shown"
        c.headline = (
            (c.says[0][0] + ".") if c.says else f"{plural(len(c.deeds), 'deed')} of institutionalisation shown."
        )
    else:
        c.untold.append("Shared memberships and institutionalisation: not in this run's data.")
    c.says += said_of_tests(k, ("lead", "predict"), "deeds before words", direction="deeds lead words", most=2)
    c.untold.append(
        "Learning itself is not seen: that words turn after institutions are founded (deeds lead words, above) would"
        " fit it and would not show it."
    )
    return c
