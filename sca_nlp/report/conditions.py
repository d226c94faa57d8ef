"""The study's model of a pair, condition by condition: what the data says, what is behind it, what it cannot say.

The conditions are those of Wilhelmsen (2002), after Adler & Barnett (1998): a frame for questions, not a causal chain.
Each reading is by a rule that stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from sca_nlp.codebook import Codebook
from sca_nlp.report import model_parts as parts
from sca_nlp.report.chart_main import anchor
from sca_nlp.report.density import Density, spark
from sca_nlp.report.evidence import Shown
from sca_nlp.report.frames import Frames, of_dyad
from sca_nlp.report.model_parts import Evidence, Link, Row, Table
from sca_nlp.report.pairs import Pair
from sca_nlp.report.rows import rows_of_pair
from sca_nlp.report.said import Said, Terms
from sca_nlp.report.summary import change
from sca_nlp.report.wording import MANIFESTATION_NAMES, finite, interval, join, num, plural, pvalue

#: What a reading is called; `shown` is a description without a reading.
READINGS = {
    "for": "speaks for a community",
    "against": "speaks against one",
    "mixed": "mixed, or not to be told",
    "shown": "described, not judged",
    "untold": "not in this run's data",
}


@dataclass
class Condition:
    """One condition of the model and what the run says of it."""

    id: str
    name: str
    asks: str
    rule: str
    reading: str = "untold"
    headline: str = ""
    says: list[tuple[str, list[Link]]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    drawings: list[tuple[str, Markup]] = field(default_factory=list)
    quotes: list[tuple[Shown, str, str]] = field(default_factory=list)  # passage, class, place on the page
    deeds: list[tuple[dict[str, Any], str]] = field(default_factory=list)  # deed, place on the page
    untold: list[str] = field(default_factory=list)

    @property
    def reading_name(self) -> str:
        """The reading in words."""
        return READINGS[self.reading]


@dataclass(frozen=True)
class Known:
    """All that the conditions of one pair are read from."""

    frames: Frames
    pair: Pair
    book: Codebook
    evidence: Evidence
    said: Mapping[str, Said]  # by the direction's source
    densities: list[Density]
    terms: Terms
    reference: str  # name of the reference group
    west_meetings: tuple[int, int]  # sentences of reference states about each other in the run, with a meeting

    @property
    def levels(self) -> set[str]:
        """The data sets that measure levels."""
        return {str(s.get("name")) for s in self.frames.deed_sources if s.get("measure") == "level"}

    @property
    def figure(self) -> list[Link]:
        """The pair's figures."""
        return [Link("figure", f"#pair-{self.pair.slug}"), Link("indicators", f"#indicators-{self.pair.slug}")]


def model(k: Known) -> list[Condition]:
    """Return the conditions of a pair in the model's order."""
    return [
        _precipitating(k),
        _determination(k),
        _power(k),
        _responsiveness(k),
        _values(k),
        _density(k),
        _organisations(k),
        _trust(k),
    ]


def _precipitating(k: Known) -> Condition:
    c = Condition(
        "precipitating", "Precipitating conditions", "What set the relation in motion?", "No reading.", "shown"
    )
    for d in k.pair.directions:
        for b in sorted(d.breaks, key=lambda b: b.period):
            near = [e for e in k.pair.events if abs(int(e.date[:4]) - int(b.period[:4])) <= 1]
            links = [Link(b.period, f"#{anchor(d, b.period)}")]
            links += [Link(f"deed {e.number}", f"#event-{k.pair.slug}-{e.number}") for e in near]
            made = " (the set of sources changes there: no history can be told from it)" if b.make_up else ""
            text = f"{d.name if b.series == 'words' else d.toward}: {b.series} change level in {b.period}"
            c.says.append((f"{text}, p {pvalue(b.p)}{made}; marked deeds within a year: {len(near)}", links))
    k_events = [Link(f"deed {e.number}", f"#event-{k.pair.slug}-{e.number}") for e in k.pair.events]
    n = len(c.says)
    c.headline = f"{plural(n, 'break')} of level in words or deeds." if n else "No break of level was found."
    if k_events:
        c.says.append((f"The {len(k_events)} largest deeds of the pair are numbered in the figure", k_events))
    c.deeds = parts.deeds(k.evidence, (), most=2, levels=k.levels)
    c.untold.append(
        "Changes of technology, economy, ideas or of a threat from outside are not in this run's"
        " data; that a deed stands"
        " beside a break does not make it the cause."
    )
    return c


def _determination(k: Known) -> Condition:
    c = Condition(
        "determination",
        "Determination",
        "Do the elites strive for it, by speaker and office, and who opposes?",
        "For: the trust balance of each side that speaks rose, beyond its interval. Against: it"
        " fell. A voice dissents where its"
        " balance lies off that of the side's other speakers in the same periods, with an interval"
        " for all voices at once.",
    )
    ways = []
    for d in k.pair.directions:
        moved = change(d)
        if moved:
            which, value, low, high = moved
            ways.append(1 if low > 0 else -1 if high < 0 else 0)
            text = f"{d.name}: trust balance {num(value, signed=True)} {interval(low, high, signed=True)} {which}"
            c.says.append((text, k.figure[:1]))
        table, n_alone = parts.voices_table(d, k.said.get(d.source), k.evidence, k.terms)
        if table:
            c.tables.append(table)
            dissent = [
                f"{r.cells[0]} ({r.cells[1] or 'no office given'}, {r.cells[5]})" for r in table.rows if r.marked
            ]
            c.says.append(
                (f"{d.name}: {f'off their side: {join(dissent)}' if dissent else 'no voice is off its side'}", [])
            )
            if n_alone:
                c.untold.append(
                    f"{d.name}: {n_alone} of {plural(len(table.rows), 'voice')} had nobody beside"
                    " them in their periods, so"
                    " that dissent cannot be told from a change of policy."
                )
        else:
            c.untold.append(f"{d.name}: no speaker has enough sentences about the other; opposition cannot be seen.")
    c.says += parts.said_of_tests(k.frames, k.pair, ("outlast",), "after a change of leader")
    if ways:
        c.reading = "for" if min(ways) > 0 else "against" if max(ways) < 0 else "mixed"
        words = {1: "warmer", -1: "colder", 0: "no change told"}
        sides = [d.source_name for d in k.pair.directions if change(d)]
        c.headline = join([f"{s}: {words[w]}" for s, w in zip(sides, ways, strict=True)]) + "."
    c.quotes = parts.quotes(k.evidence, ("SS+", "SS-"))
    c.untold.append("Who is not in the corpus (parties, parliaments, the public) is not heard.")
    return c


def _power(k: Known) -> Condition:
    c = Condition("power", "Power", "How do the means of force move?", "No reading.", "untold")
    series = k.frames["deed_series.parquet"]
    rows = []
    for number, name in enumerate(("sipri_milex", "nmc")):
        lines: dict[str, dict[str, float]] = {}
        for d in k.pair.directions:
            own = of_dyad(series, d.source, d.target)
            own = own[(own["dataset"] == name) & own["estimate"].notna()].sort_values("period")
            if own.empty:
                continue
            lines[d.side] = dict(zip(own["period"], own["estimate"].astype(float), strict=True))
            third = max(1, min(5, len(own) // 3))
            first, last = own.head(third), own.tail(third)
            cells = [d.source_name, name, f"{len(own)}", num(-first["estimate"].mean(), 2, signed=True)]
            rows.append(
                Row([*cells, num(-last["estimate"].mean(), 2, signed=True)], f"#{anchor(d, last['period'].iloc[-1])}")
            )
        if lines:
            axis = sorted({p for line in lines.values() for p in line})
            up = {s: {p: -v for p, v in line.items()} for s, line in lines.items()}
            c.drawings.append((f"Yearly change, {name}", spark(f"spark-{k.pair.slug}-power-{number}", name, axis, up)))
    if rows:
        c.reading = "shown"
        head = ["Side", "Source", "Years", "Yearly change, first", "last"]
        c.tables.append(
            Table("Military spending or personnel, change a year in the source's unit (up = more).", head, rows)
        )
        c.headline = "; ".join(f"{r.cells[0]} {r.cells[4]} a year at the end ({r.cells[1]})" for r in rows) + "."
    else:
        c.untold.append("Military spending: not in this run's data (readers sipri_milex, nmc).")
    c.deeds = parts.deeds(k.evidence, ("military_spending", "doctrine"), most=2, levels=k.levels)
    if c.deeds and not rows:
        c.reading, c.headline = "shown", "Deployments and doctrine as coded by hand; no series of spending."
    c.untold.append("Levels of power, economic weight and the pull of a core state are not in this run's data.")
    return c


def _responsiveness(k: Known) -> Condition:
    c = Condition(
        "responsiveness",
        "Responsiveness",
        "Does each side hear the other's messages and answer without violence?",
        "For: conciliatory moves draw conciliatory answers both ways (q < .05). Against: hostile"
        " moves do and conciliatory ones do"
        " not. Otherwise mixed.",
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
            f"{len(kind['conciliatory'])} tests find answers to conciliatory moves,"
            f" {len(kind['hostile'])} to hostile ones,"
            f" of {plural(len(computed), 'test')}, at q < .05."
        )
    else:
        c.untold.append("Answers to moves: not in this run's data (no test could be computed).")
    c.says += parts.said_of_tests(k.frames, k.pair, ("answer each other",), "answers", most=4)
    runs = rows_of_pair(k.frames["compare/sequences.parquet"], k.pair).drop_duplicates(
        ["kind", "start", "end", "steps"]
    )
    for kind_name, part in runs.groupby("kind", sort=True):
        spans = [
            f"{r['start']}–{r['end']}" if r["end"] != r["start"] else str(r["start"]) for r in part.to_dict("records")
        ]
        text = f"{str(kind_name).replace('_', ' ')}: {len(part)} ({', '.join(sorted(set(spans))[:8])})"
        c.says.append((text, [Link("sequences", f"#sequences-{k.pair.slug}")]))
    c.tables += parts.stance_table(k.pair, k.book, ("MU+", "MU-"))
    c.quotes = parts.quotes(k.evidence, ("MU+", "MU-"))
    c.deeds = parts.deeds(k.evidence, ("response_to_threat",), most=2, levels=k.levels)
    c.untold.append("Whether an answer was adequate, and what went through silent channels, is not in this run's data.")
    return c


def _values(k: Known) -> Condition:
    c = Condition(
        "values",
        "Compatible values",
        "Which norms do both sides call binding?",
        f"A side invokes a norm from {k.terms.least_sentences} sentences with NA+ on that name it,"
        " about anyone. For: at least half"
        " of the norms that either invokes are invoked by both. Against: none is. Otherwise mixed.",
    )
    table, shared, either = parts.norms_table(k.pair, k.said, k.evidence, k.terms)
    if table:
        c.tables.append(table)
    if either:
        c.reading = "for" if 2 * len(shared) >= len(either) else "against" if not shared else "mixed"
        c.headline = f"{len(shared)} of {plural(len(either), 'norm')} invoked by either are invoked by both" + (
            f": {join(shared)}." if shared else "."
        )
    else:
        c.untold.append("Norms: too few sentences that call one binding, on both sides.")
    if len(k.pair.directions) < 2 or any(d.source not in k.said for d in k.pair.directions):
        c.untold.append("Only one side speaks in this run.")
    c.tables += parts.stance_table(k.pair, k.book, ("NA+", "NA-"))
    c.quotes = parts.quotes(k.evidence, ("NA+", "NA-"))
    c.untold.append(
        "The list of norms is short and searches for words: the same word can stand for different"
        " things. What societies"
        " value is not in this run's data."
    )
    return c


def _density(k: Known) -> Condition:
    c = Condition(
        "density",
        "Transaction density",
        "How much do they have to do with each other, and does it grow?",
        f"For: at least half of the kinds that can be set beside pairs of {k.reference} are denser"
        " than half of those pairs in the"
        " last years, and as many grow as fall. Against: none is as dense. Otherwise mixed.",
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
                f"{len(dense)} of {plural(len(judged), 'kind')} denser than the median pair of"
                f" {k.reference}; {up} growing,"
                f" {down} falling."
            )
        else:
            c.reading, c.headline = "shown", f"No kind can be set beside {k.reference}."
    table = parts.meetings_table(k.pair, k.said, k.west_meetings, k.reference)
    c.tables += [table] if table else []
    there = {x.kind for x in k.densities}
    names = {
        "memberships": "shared memberships (igo)",
        "alliances": "treaties (alliances)",
        "arms": "arms (sipri_arms)",
    }
    names |= {"agreements": "defence agreements (dcad)", "exercises": "exercises (exercises)"}
    gone = [text for key, text in names.items() if key not in there]
    if gone:
        c.untold.append(f"Not in this run's data: {join(gone)}; in brackets the reader that would bring them.")
    c.untold.append("Trade, travel, mail and students abroad have no reader: not in this run's data.")
    return c


def _organisations(k: Known) -> Condition:
    c = Condition(
        "organisations", "Organisations and social learning", "Are there places to learn in?", "No reading.", "untold"
    )
    own = [x for x in k.densities if x.kind == "memberships"]
    for x in own:
        text = f"Shared memberships {num(x.first, 0)} in {x.first_years}, {num(x.last, 0)} in {x.last_years}"
        c.says.append((f"{text}; {x.dense}", []))
    for d in k.pair.directions:
        points = d.manifestations.get("institutionalisation", {})
        n = sum(p.n for p in points.values())
        if points:
            c.says.append(
                (f"{d.toward}: {plural(n, 'deed')} of institutionalisation in {plural(len(points), 'period')}", [])
            )
    c.deeds = parts.deeds(k.evidence, ("institutionalisation", "verification"), most=3, levels=k.levels)
    if c.says or c.deeds:
        c.reading = "shown"
        c.headline = (
            (c.says[0][0] + ".") if c.says else f"{plural(len(c.deeds), 'deed')} of institutionalisation shown."
        )
    else:
        c.untold.append("Shared memberships and institutionalisation: not in this run's data.")
    c.says += parts.said_of_tests(
        k.frames, k.pair, ("lead", "predict"), "deeds before words", direction="deeds lead words", most=2
    )
    c.untold.append(
        "Learning itself is not seen: that words turn after institutions are founded (deeds lead"
        " words, above) would fit it and"
        " would not show it."
    )
    return c


def _trust(k: Known) -> Condition:
    c = Condition(
        "trust",
        "Mutual trust and identity",
        "Do they show in words and in deeds?",
        "The stage of the latest years on the scale from conflict formation to integration (written"
        " criteria, configs/spectrum.toml):"
        " community or integration speaks for, conflict formation against, a regime is mixed.",
    )
    stage, first, last, rows = parts.position(k.frames, k.pair)
    if stage:
        c.reading = {"conflict_formation": "against", "security_regime": "mixed"}.get(stage, "for")
        c.reading = "untold" if stage == "unknown" else c.reading
        c.headline = f"{stage.replace('_', ' ').capitalize()} by the criteria, {first}–{last}."
        if rows:
            head = ["Criterion", "Value", "Wanted", "Met", "Periods"]
            c.tables.append(
                Table(
                    f"Criteria of the scale, {first}–{last}.",
                    head,
                    [Row(r, "", str(r[3]).startswith("yes")) for r in rows],
                )
            )
    else:
        c.untold.append("Place on the scale: not in this run's data (sca compare makes it).")
    classes = tuple(k.book.classes)
    c.tables += parts.stance_table(k.pair, k.book, classes)
    deeds = parts.manifestations_table(k.pair)
    c.tables += [deeds] if deeds else []
    missing = [
        MANIFESTATION_NAMES[m].lower()
        for m in MANIFESTATION_NAMES
        if not any(d.manifestations.get(m) for d in k.pair.directions)
    ]
    if missing:
        c.untold.append(f"Deeds of {join(missing)}: not in this run's data.")
    c.quotes = parts.quotes(k.evidence, ("TP-", "FO-", "TP+", "FO+"))
    c.says.append(("Words, deeds and their gap over time", k.figure))
    c.untold.append(
        "What the public, soldiers and planners expect of each other is not in words of office or in coded deeds."
    )
    return c


def summary_rows(conditions: Sequence[Condition]) -> list[tuple[Condition, str]]:
    """Return each condition with its one line for the table at the head."""
    return [(c, c.headline or "Nothing in this run's data tells.") for c in conditions]
