"""What a reader sees first: a pair in a few sentences, its places on the scale, and the line over each folded table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sca_nlp.report.model.condition import READINGS, Condition
from sca_nlp.report.pairs import Direction, Pair
from sca_nlp.report.rows import rows_of_pair
from sca_nlp.report.summary import change, n_corrected, tests_sentence
from sca_nlp.report.wording import count, finite, interval, join, num, plain, plural, pvalue, span, start

#: A test stands below this q; the sentences say it as .05.
LEVEL = 0.05


@dataclass(frozen=True)
class Fact:
    """One thing that the run says of a pair: short for a table, as a sentence for the head of its section."""

    name: str
    short: str
    sentence: str
    rank: int  # 0: something was found; 1: a description; 2: nothing can be told


@dataclass(frozen=True)
class Place:
    """Neighbouring spans at one stage of the scale, drawn together."""

    stage: str
    first: str
    last: str

    def __str__(self) -> str:
        return f"{plain(self.stage)} {span(self.first, self.last)}"


def places(position: pd.DataFrame | None, pair: Pair) -> list[Place]:
    """Return where the pair stood on the scale, in order of time, equal neighbours drawn together."""
    if position is None or not {"source", "target", "first", "last", "stage"} <= set(position.columns):
        return []
    out: list[Place] = []
    for r in rows_of_pair(position, pair).sort_values(["first", "last"]).to_dict("records"):
        stage, first, last = str(r["stage"]), str(r["first"]), str(r["last"])
        if out and out[-1].stage == stage:
            out[-1] = Place(stage, out[-1].first, last)
        else:
            out.append(Place(stage, first, last))
    return out


def facts(pair: Pair, tests: pd.DataFrame, stood: Sequence[Place]) -> list[Fact]:
    """Return what the run says of a pair in the order of a table: words, gap, breaks, tests, place on the scale."""
    return [_words(pair), _gap(pair), _breaks(pair), _tests(tests), _place(stood)]


def lead(found: Sequence[Fact]) -> list[str]:
    """Return the sentences at the head of a pair: what was found, then descriptions, then what cannot be told."""
    return [f.sentence for f in sorted(found, key=lambda f: f.rank) if f.sentence]


def _who(d: Direction) -> str:
    return d.source_name or d.source


def _of(d: Direction) -> str:
    return d.target_name or d.target


def _words(pair: Pair) -> Fact:
    moved, still, silent, short = [], [], [], []
    for d in pair.directions:
        how = change(d)
        if how is None:
            silent.append(d.name)
            short.append(f"{d.source} too few")
            continue
        which, value, low, high = how
        way = "warmer" if finite(low) and low > 0 else "colder" if finite(high) and high < 0 else ""
        if not way:
            still.append(d.name)
            short.append(f"{d.source} no clear change")
            continue
        span = which.split(" (")[0]
        moved.append(
            f"{_who(d)} speaks {way} of {_of(d)} than before, {num(value, signed=True)}"
            f" {interval(low, high, signed=True)} {span}"
        )
        short.append(f"{d.source} {way} {num(value, signed=True)}")
    parts = list(moved)
    if still and not moved and not silent:
        short = ["no clear change"]
    if still:
        parts.append(f"no change between first and last can be told in the words of {join(still)}")
    if silent:
        parts.append(f"too few sentences for a change of {join(silent)}")
    text = "; ".join(parts)
    return Fact(
        "Words, first to last",
        "; ".join(short) or "—",
        f"{start(text)}." if text else "",
        0 if moved else 2,
    )


def _gap(pair: Pair) -> Fact:
    parts, short, n = [], [], 0
    for d in pair.directions:
        if not d.gap:
            continue
        warm = sum(v.low > 0 for v in d.gap.values())
        cold = sum(v.high < 0 for v in d.gap.values())
        n += warm + cold
        way = [f"{k} {how}" for k, how in ((warm, "warmer in words"), (cold, "colder in words")) if k]
        if way:
            top = max(d.gap, key=lambda p: abs(d.gap[p].estimate))
            way.append(f"widest in {top}, {num(d.gap[top].estimate, 1, signed=True)}")
        said = f" ({', '.join(way)})" if way else ""
        parts.append(f"{warm + cold} of {len(d.gap)} periods for {_who(d)}{said}")
        short.append(f"{d.source} {warm + cold} of {len(d.gap)}")
    if not parts:
        return Fact("Gap, periods apart", "—", "", 2)
    text = f"Words and deeds part, beyond the interval of their gap, in {join(parts)}."
    return Fact(
        "Gap, periods apart",
        "; ".join(short),
        text if n else "Words and deeds never part beyond the interval of their gap.",
        0 if n else 2,
    )


def _breaks(pair: Pair) -> Fact:
    parts, short = [], []
    for d in pair.directions:
        own = sorted((b for b in d.breaks if not b.make_up), key=lambda b: (b.series, b.period))
        for series in dict.fromkeys(b.series for b in own):
            at = [b for b in own if b.series == series]
            name = d.name if series == "words" else d.toward
            parts.append(f"{series} of {name} in {join([f'{b.period} (p {pvalue(b.p)})' for b in at])}")
            short.append(f"{d.source}, {series} {', '.join(b.period for b in at)}")
    text = f"The level changes: {'; '.join(parts)}." if parts else "No break of level was found."
    return Fact("Breaks", "; ".join(short) or "none", text, 0 if parts else 2)


def _tests(tests: pd.DataFrame) -> Fact:
    n = n_corrected(tests)
    if not n:
        return Fact("Tests at q < .05", "—", tests_sentence(tests), 2)
    found = int((pd.to_numeric(tests["q"], errors="coerce") < LEVEL).sum())
    text = tests_sentence(tests) if found else f"None of {plural(n, 'test')} stands at q < .05."
    return Fact("Tests at q < .05", f"{found} of {n}", text, 0 if found else 2)


def _place(stood: Sequence[Place]) -> Fact:
    if not stood:
        return Fact("Place on the scale", "—", "", 2)
    now = stood[-1]
    known = [p for p in stood if p.stage != "unknown"]
    text = f"By the written criteria the pair stands at {plain(now.stage)} since {now.first}."
    if now.stage == "unknown":
        text = f"Its place on the scale is unknown since {now.first}"
        text += f"; before, {known[-1]}." if known else "."
    return Fact("Place on the scale", str(now), text, 1 if known else 2)


def tally(conditions: Sequence[Condition]) -> str:
    """Return how many conditions have which reading: `1 for a community, 2 against a community`."""
    n = Counter(c.reading for c in conditions)
    names = {"for": "for a community", "against": "against a community", "mixed": "mixed or not to be told"}
    names |= {"shown": "described", "untold": "not in the data"}
    return ", ".join(f"{n[r]} {names[r]}" for r in READINGS if n[r])


def line_of_tests(rows: Sequence[dict[str, Any]]) -> str:
    """Return what the tests of one question say: how many, how many stand, the smallest q and whose it is."""
    counted = [r for r in rows if finite(r["q"])]
    if not counted:
        return "none could be computed"
    found = sum(float(r["q"]) < LEVEL for r in counted)
    best = counted[0]  # the smallest q stands first
    who = "all pairs" if best["source"] == best["target"] else f"{best['source']} → {best['target']}"
    way = f", {plain(str(best['direction']))}" if best.get("direction") else ""
    return (
        f"{found} of {plural(len(counted), 'test')} at q < .05; smallest q {pvalue(best['q'])}"
        f" ({plain(str(best['statistic']))}, {who}{way})"
    )


def choices_line(choices: tuple[list[str], list[dict[str, Any]]]) -> str:
    """Return what other choices do to the central statistics: how many change sign, how many cross p .05."""
    names, rows = choices
    return (
        f"{count(sum(bool(r['turned']) for r in rows))} of {plural(len(rows), 'statistic')} change sign,"
        f" {count(sum(bool(r['crossed']) for r in rows))} cross p .05 ({len(names)} choices)"
    )
