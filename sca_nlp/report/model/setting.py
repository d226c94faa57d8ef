"""The setting of a relation: what set it in motion, and how the means of force move."""

from __future__ import annotations

from sca_nlp.report.chart_main import anchor
from sca_nlp.report.density import spark
from sca_nlp.report.frames import of_dyad
from sca_nlp.report.model.behind import deeds
from sca_nlp.report.model.condition import Condition, Known, Link, Row, Table
from sca_nlp.report.wording import join, num, plural, pvalue, start

#: Data sets of military spending or personnel.
_FORCES = ("sipri_milex", "nmc")


def precipitating(k: Known) -> Condition:
    """Return what set the relation in motion: breaks of level and the deeds beside them. No reading."""
    c = Condition(
        "precipitating", "Precipitating conditions", "What set the relation in motion?", "No reading.", "shown"
    )
    for d in k.pair.directions:
        for b in sorted(d.breaks, key=lambda b: b.period):
            near = [e for e in k.pair.events if abs(int(e.date[:4]) - int(b.period[:4])) <= 1]
            links = [Link(b.period, f"#{anchor(d, b.period)}")]
            links += [Link(f"deed {e.number}", f"#event-{k.pair.slug}-{e.number}") for e in near]
            made = " (the set of sources changes there: no history can be told from it)" if b.make_up else ""
            text = f"{start(d.name) if b.series == 'words' else start(d.toward)}: {b.series} change level in {b.period}"
            c.says.append((f"{text}, p {pvalue(b.p)}{made}; marked deeds within a year: {len(near)}", links))
    marked = [Link(f"deed {e.number}", f"#event-{k.pair.slug}-{e.number}") for e in k.pair.events]
    n = len(c.says)
    c.headline = f"{plural(n, 'break')} of level in words or deeds." if n else "No break of level was found."
    if marked:
        c.says.append((f"The {len(marked)} largest deeds of the pair are numbered in the figure", marked))
    c.deeds = deeds(k, ())
    c.untold.append(
        "Changes of technology, economy, ideas or of a threat from outside are not in this run's data; that a deed"
        " stands beside a break does not make it the cause."
    )
    return c


def power(k: Known) -> Condition:
    """Return how the means of force move: spending or personnel, and what was deployed. No reading."""
    c = Condition("power", "Power", "How do the means of force move?", "No reading.", "untold")
    series = k.frames["deed_series.parquet"]
    titles, units = (
        {str(s.get("name")): str(s.get(key) or "") for s in k.frames.deed_sources} for key in ("title", "unit")
    )
    rows, ends = [], []
    for number, name in enumerate(_FORCES):
        lines: dict[str, dict[str, float]] = {}
        for d in k.pair.directions:
            own = of_dyad(series, d.source, d.target)
            own = own[(own["dataset"] == name) & own["estimate"].notna()].sort_values("period")
            if own.empty:
                continue
            lines[d.side] = dict(zip(own["period"], own["estimate"].astype(float), strict=True))
            third = max(1, min(5, len(own) // 3))
            first, last = own.head(third), own.tail(third)
            moved = [num(-part["estimate"].mean(), 2, signed=True) for part in (first, last)]
            cells = [start(d.source_name), titles.get(name) or name, f"{len(own)}", *moved]
            rows.append(Row(cells, f"#{anchor(d, last['period'].iloc[-1])}"))
        if lines:
            sides = [f"{r.cells[0]} {r.cells[4]}" for r in rows[-len(lines) :]]
            unit = f": {units[name]}" if units.get(name) else ""
            ends.append(f"{join(sides)} a year in the last years ({titles.get(name) or name}{unit})")
            axis = sorted({p for line in lines.values() for p in line})
            up = {s: {p: -v for p, v in line.items()} for s, line in lines.items()}
            c.drawings.append(
                (
                    f"Yearly change, {titles.get(name) or name}",
                    spark(f"spark-{k.pair.slug}-power-{number}", name, axis, up),
                )
            )
    if rows:
        c.reading = "shown"
        head = ["Side", "Source", "Years", "Yearly change, first", "last"]
        c.tables.append(
            Table("Military spending or personnel, change a year in the source's unit (up = more).", head, rows)
        )
        c.headline = f"{'; '.join(ends)}."
    else:
        c.untold.append(f"Military spending: not in this run's data (readers {', '.join(_FORCES)}).")
    c.deeds = deeds(k, ("military_spending", "doctrine"))
    if c.deeds and not rows:
        c.reading, c.headline = "shown", "Deployments and doctrine as coded by hand; no series of spending."
    c.untold.append("Levels of power, economic weight and the pull of a core state are not in this run's data.")
    return c
