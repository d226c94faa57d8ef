"""What the conditions lead to: mutual trust and identity, in words, in deeds, and by the criteria of the scale."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sca_nlp.report.model.behind import ends, quotes, stance_table
from sca_nlp.report.model.condition import Condition, Known, Row, Table
from sca_nlp.report.pairs import Pair
from sca_nlp.report.rows import rows_of_pair
from sca_nlp.report.wording import MANIFESTATION_NAMES, join, num, plain, span, start


def trust(k: Known) -> Condition:
    """Return where the pair stands on the scale, what its words and deeds show, and which deeds are missing."""
    c = Condition(
        "trust",
        "Mutual trust and identity",
        "Do they show in words and in deeds?",
        "The stage of the latest years on the scale from conflict formation to integration (written criteria,"
        " configs/spectrum.toml): community or integration speaks for, conflict formation against, a regime is mixed.",
    )
    stage, first, last, rows = _position(k)
    if stage:
        c.reading = {"conflict_formation": "against", "security_regime": "mixed"}.get(stage, "for")
        c.reading = "untold" if stage == "unknown" else c.reading
        c.headline = f"{stage.replace('_', ' ').capitalize()} by the criteria, {span(first, last)}."
        if rows:
            head = ["Criterion", "Value", "Wanted", "Met", "Periods"]
            c.tables.append(Table(f"Criteria of the scale, {span(first, last)}.", head, rows))
    else:
        c.untold.append("Place on the scale: not in this run's data (sca compare makes it).")
    c.tables += stance_table(k, tuple(k.book.classes))
    done = _manifestations_table(k.pair)
    c.tables += [done] if done else []
    missing = [
        name.lower()
        for m, name in MANIFESTATION_NAMES.items()
        if not any(d.manifestations.get(m) for d in k.pair.directions)
    ]
    if missing:
        c.untold.append(f"Deeds of {join(missing)}: not in this run's data.")
    c.quotes = quotes(k, ("TP-", "FO-", "TP+", "FO+"))
    c.says.append(("Words, deeds and their gap over time", k.figure))
    c.untold.append(
        "What the public, soldiers and planners expect of each other is not in words of office or in coded deeds."
    )
    return c


def _manifestations_table(pair: Pair) -> Table | None:
    """Return the deeds by manifestation, first and last periods, in z units."""
    rows = []
    for m, name in MANIFESTATION_NAMES.items():
        for d in pair.directions:
            first, last, n = ends(d.manifestations.get(m, {}))
            if n:
                total = sum(p.n for p in d.manifestations[m].values())
                cells = [name, start(d.toward), num(first, signed=True), num(last, signed=True), str(n), str(total)]
                rows.append(Row(cells, f"#deeds-{pair.slug}"))
    head = ["Manifestation", "Who toward whom", "First", "Last", "Periods", "Deeds"]
    caption = "Deeds in z units (up = toward a community), means of the first and last periods."
    return Table(caption, head, rows) if rows else None


def _position(k: Known) -> tuple[str, str, str, list[Row]]:
    """Return the latest stage of the pair, its span, and the criteria behind it."""
    table = k.frames.extra.get("position")
    if table is None or not {"source", "target", "first", "last", "stage"} <= set(table.columns):
        return "", "", "", []
    own = rows_of_pair(table, k.pair).sort_values(["last", "first"])
    if own.empty:
        return "", "", "", []
    latest = own.to_dict("records")[-1]
    rows = []
    criteria = k.frames.extra.get("criteria")
    wanted = {"text", "value", "op", "threshold", "met", "n_periods", "last"}
    if criteria is not None and wanted <= set(criteria.columns):
        behind = rows_of_pair(criteria, k.pair)
        for r in behind[behind["last"] == latest["last"]].to_dict("records"):
            met = _met(r["met"])
            arrow = "↔" if r.get("together") is True else "→"  # runs of earlier versions have no such column
            who = f"{r['text']} ({r['source']} {arrow} {r['target']}; {plain(str(r['stage']))})"
            said = f"{met} ({r['reason']})" if r.get("reason") else met
            cells = [who, num(r["value"]), f"{r['op']} {num(r['threshold'])}", said, str(r["n_periods"])]
            rows.append(Row(cells, marked=met == "yes"))
    return str(latest["stage"]), str(latest["first"]), str(latest["last"]), rows


def _met(value: Any) -> str:
    if value is None or value is pd.NA or value != value:
        return "not known"
    return "yes" if value else "no"
