"""What the sides do toward each other: whether their elites strive for it, and whether each answers the other."""

from __future__ import annotations

from sca_nlp.report.model.behind import deeds, place, quotes, said_of_tests, stance_table
from sca_nlp.report.model.condition import Condition, Known, Link, Row, Table
from sca_nlp.report.pairs import Direction
from sca_nlp.report.rows import rows_of_pair
from sca_nlp.report.said import voices
from sca_nlp.report.summary import change
from sca_nlp.report.wording import finite, interval, join, num, plural, span, spans_line, start


def determination(k: Known) -> Condition:
    """Return whether the elites strive for it: how each side's words moved, and which voices are off their side."""
    c = Condition(
        "determination",
        "Determination",
        "Do the elites strive for it, by speaker and office, and who opposes?",
        "For: the trust balance of each side that speaks rose, beyond its interval. Against: it fell. A voice dissents"
        " where its balance lies off that of the side's other speakers in the same periods, with an interval for all"
        " voices at once.",
    )
    ways = []
    for d in k.pair.directions:
        moved = change(d)
        if moved:
            which, value, low, high = moved
            ways.append(1 if low > 0 else -1 if high < 0 else 0)
            text = (
                f"{start(d.name)}: trust balance {num(value, signed=True)} {interval(low, high, signed=True)} {which}"
            )
            c.says.append((text, k.figure[:1]))
        table, n_alone = _voices_table(k, d)
        if table:
            c.tables.append(table)
            dissent = [
                f"{r.cells[0]} ({r.cells[1] or 'no office given'}, {r.cells[5]})" for r in table.rows if r.marked
            ]
            c.says.append(
                (
                    f"{start(d.name)}: {f'off their side: {join(dissent)}' if dissent else 'no voice is off its side'}",
                    [],
                )
            )
            if n_alone:
                c.untold.append(
                    f"{start(d.name)}: {n_alone} of {plural(len(table.rows), 'voice')} had nobody beside them in their"
                    " periods, so that dissent cannot be told from a change of policy."
                )
        else:
            c.untold.append(
                f"{start(d.name)}: no speaker has enough sentences about the other; opposition cannot be seen."
            )
    c.says += said_of_tests(k, ("outlast",), "after a change of leader")
    if ways:
        c.reading = "for" if min(ways) > 0 else "against" if max(ways) < 0 else "mixed"
        words = {1: "warmer", -1: "colder", 0: "no clear change"}
        sides = [start(d.source_name) for d in k.pair.directions if change(d)]
        c.headline = join([f"{s}: {words[w]}" for s, w in zip(sides, ways, strict=True)]) + "."
    c.quotes = quotes(k, ("SS+", "SS-"))
    c.untold.append("Who is not in the corpus (parties, parliaments, the public) is not heard.")
    return c


def _voices_table(k: Known, d: Direction, most: int = 12) -> tuple[Table | None, int]:
    """Return the voices of a side, dissenting ones first, and how many had too few beside them."""
    said = k.said.get(d.source)
    found = voices(said, k.terms) if said is not None else []
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
        cells = [
            v.speaker,
            v.office,
            span(v.first, v.last),
            f"{plural(v.n, 'sentence')}, {plural(v.n_speeches, 'speech')}",
        ]
        rows.append(Row([*cells, num(v.balance, signed=True), off], place(k.evidence, d.source, busiest), v.dissents))
    more = f"; {len(found) - most} more are not shown" if len(found) > most else ""
    caption = "trust balance by speaker (mean of probabilities), and how far off the side's other speakers"
    head = ["Speaker", "Office", "Periods", "Heard in", "Balance", "Off the others"]
    return Table(f"{start(d.name)}: {caption}{more}.", head, rows), sum(not finite(v.deviation) for v in found[:most])


def responsiveness(k: Known) -> Condition:
    """Return whether each side answers the other's moves without violence: by the tests, and run by run."""
    c = Condition(
        "responsiveness",
        "Responsiveness",
        "Does each side hear the other's messages and answer without violence?",
        "For: conciliatory moves draw conciliatory answers both ways (q < .05). Against: hostile moves do and"
        " conciliatory ones do not. Otherwise mixed.",
    )
    tests = rows_of_pair(k.frames["compare/tests.parquet"], k.pair)
    tests = tests[tests["question"].astype(str).str.contains("answer each other")]
    computed = tests[tests["q"].notna()]
    if len(computed):
        found = computed[(computed["q"] < 0.05) & (computed["estimate"] > 0)]
        kind = {w: found[found["statistic"].astype(str).str.contains(w)] for w in ("conciliatory", "hostile")}
        movers = set(kind["conciliatory"]["direction"].astype(str).str.split(" moves").str[0])
        both = len(movers) >= 2
        c.reading = "for" if both else "against" if len(kind["hostile"]) and kind["conciliatory"].empty else "mixed"
        c.headline = (
            f"{len(kind['conciliatory'])} tests find answers to conciliatory moves, {len(kind['hostile'])} to hostile"
            f" ones, of {plural(len(computed), 'test')}, at q < .05."
        )
    else:
        c.untold.append("Answers to moves: not in this run's data (no test could be computed).")
    c.says += said_of_tests(k, ("answer each other",), "answers", most=4)
    runs = rows_of_pair(k.frames["compare/sequences.parquet"], k.pair).drop_duplicates(
        ["kind", "start", "end", "steps"]
    )
    for kind_name, part in runs.groupby("kind", sort=True):
        when = [{str(key): v for key, v in r.items()} for r in part.sort_values("start").to_dict("records")]
        text = f"{str(kind_name).replace('_', ' ')}: {len(part)} ({spans_line(when)})"
        c.says.append((text, [Link("sequences", f"#sequences-{k.pair.slug}")]))
    c.tables += stance_table(k, ("MU+", "MU-"))
    c.quotes = quotes(k, ("MU+", "MU-"))
    c.deeds = deeds(k, ("response_to_threat",))
    c.untold.append("Whether an answer was adequate, and what went through silent channels, is not in this run's data.")
    return c
