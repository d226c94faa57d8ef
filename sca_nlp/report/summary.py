"""The head of a report: what the frames say of a pair, in sentences, and nothing that they do not say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sca_nlp.report import periods as per
from sca_nlp.report.pairs import Direction, Pair, Point
from sca_nlp.report.wording import finite, interval, join, num, plain, plural, pvalue, start


def spans(periods: list[str], axis: list[str]) -> str:
    """Return periods as text, runs drawn together: `1983, 1990–1994`."""
    index = sorted(axis.index(p) for p in periods if p in axis)
    out: list[list[int]] = []
    for i in index:
        if out and i == out[-1][1] + 1:
            out[-1][1] = i
        else:
            out.append([i, i])
    return ", ".join(axis[a] if a == b else f"{axis[a]}–{axis[b]}" for a, b in out)


def change(d: Direction) -> tuple[str, float, float, float] | None:
    """Return (which periods, change, low, high): the mean of the last shown periods less the mean of the first.

    At most five periods at either end, at most a third of them all. The interval is that of the draws; it is missing
    where there are none.
    """
    shown = list(d.shown())
    k = min(5, len(shown) // 3)
    if k < 1:
        return None
    first, last = shown[:k], shown[-k:]
    value = float(np.mean([d.words[p].estimate for p in last]) - np.mean([d.words[p].estimate for p in first]))
    low = high = float("nan")
    if set(first + last) <= set(d.draws.columns):
        diff = (d.draws[last].mean(axis=1) - d.draws[first].mean(axis=1)).dropna()
        if len(diff) >= 20:
            low, high = (float(v) for v in np.quantile(diff, [0.025, 0.975]))
    if k == 1:
        return f"from {first[0]} to {last[0]}", value, low, high
    return f"from {first[0]}–{first[-1]} to {last[0]}–{last[-1]} (means of {k} shown periods each)", value, low, high


def _verdict(low: float, high: float, up: str, down: str) -> str:
    if not (finite(low) and finite(high)):
        return "no interval, since the run has no draws"
    if low > 0:
        return up
    return down if high < 0 else "the interval includes 0: no change can be told"


def _words(d: Direction) -> str:
    shown = d.shown()
    if not shown:
        n = len(d.words)
        return f"{d.name}: no period has enough sentences to be shown ({n} hidden)." if n else f"{d.name}: no words."
    last = list(shown)[-1]
    v = shown[last]
    out = (
        f"{d.name} stands at {num(v.estimate, signed=True)} {interval(v.low, v.high, signed=True)}"
        f" in {last} on the trust balance, from −1 to +1"
        f" ({plural(v.n, 'sentence')} in {plural(v.n_speeches, 'speech')})."
    )
    moved = change(d)
    if moved:
        which, value, low, high = moved
        verdict = _verdict(low, high, "warmer", "colder")
        out += f" It moved by {num(value, signed=True)} {interval(low, high, signed=True)} {which}: {verdict}."
    hidden = sum(x.hidden for x in d.words.values())
    if hidden:
        out += f" Hidden, since they hold too few sentences: {hidden} of {len(d.words)} periods."
    return out


def _mean(points: Mapping[str, Point], periods: list[str]) -> float:
    values = [points[p].estimate for p in periods if p in points]
    return float(np.mean(values)) if values else float("nan")


def _deeds(d: Direction) -> str:
    there = sorted(d.deeds)
    k = min(5, len(there) // 3)
    if not k:
        return ""
    a, b = _mean(d.deeds, there[:k]), _mean(d.deeds, there[-k:])
    return (
        f"{d.toward} went from {num(a, 2, signed=True)} z ({there[0]}–{there[k - 1]}) to "
        f"{num(b, 2, signed=True)} z ({there[-k]}–{there[-1]})."
    )


def _breaks(d: Direction) -> str:
    parts = []
    for b in sorted(d.breaks, key=lambda b: (b.period, b.series)):
        points = d.words if b.series == "words" else d.deeds
        near = [p for p in sorted(points) if not points[p].hidden and finite(points[p].estimate)]
        others = [o.period for o in d.breaks if o.series == b.series]
        first, last = (
            max((o for o in others if o < b.period), default=""),
            min((o for o in others if o > b.period), default="~"),
        )
        before, after = [p for p in near if first <= p < b.period], [p for p in near if b.period <= p < last]
        way = ""
        if before and after:  # from the break before to the break after: else a fall between two rises reads as a rise
            step = _mean(points, after) - _mean(points, before)
            way = f", level after it {'higher' if step > 0 else 'lower'} by {num(abs(step))}"
        span = f", interval {b.low}–{b.high}" if b.low != b.high else ""
        made = ", where the data sets behind the index change, so that it may be theirs" if b.make_up else ""
        parts.append(f"{b.series} in {b.period}{span}, p {pvalue(b.p)}{way}{made}")
    return f"{d.name}: {'; '.join(parts) if parts else 'none was found'}."


def _gap(d: Direction, axis: list[str], window: str) -> str:
    if not d.gap:
        return ""
    warm = [p for p, v in d.gap.items() if v.low > 0]
    cold = [p for p, v in d.gap.items() if v.high < 0]
    parts = []
    if warm:
        parts.append(f"warmer in words than in deeds in {spans(warm, axis)}")
    if cold:
        parts.append(f"colder in words than in deeds in {spans(cold, axis)}")
    reference = f" (standardised on {window_name(window)})" if window else ""
    if not parts:
        return (
            f"Words and deeds of {d.toward}{reference} never part beyond the interval of their gap,"
            f" in {len(d.gap)} periods."
        )
    top = max(d.gap, key=lambda p: abs(d.gap[p].estimate))
    v = d.gap[top]
    return (
        f"{d.toward}{reference} was {join(parts)}: {len(warm) + len(cold)} of {len(d.gap)} periods,"
        f" beyond the 95 % interval. The gap is widest in {top}: {num(v.estimate, 1, signed=True)}"
        f" {interval(v.low, v.high, 1, signed=True)}."
    )


def window_name(window: str) -> str:
    """Return a reference window as it reads in a sentence."""
    if window == "rank":
        return "ranks (normal scores)"
    return "all periods" if window in ("all", "all periods", "") else f"the window {window}"


def n_corrected(tests: pd.DataFrame) -> int:
    """Return how many tests the q-values count: those that could be computed, placebos left out."""
    return int(pd.to_numeric(tests["q"], errors="coerce").notna().sum())


def tests_sentence(tests: pd.DataFrame) -> str:
    """Return how many tests were made and which stand at q < .05."""
    if tests.empty:
        return ""
    if not n_corrected(tests):
        return "No test could be computed; the tables say why."
    q = pd.to_numeric(tests["q"], errors="coerce")
    n = n_corrected(tests)
    found = tests[q < 0.05].sort_values("q")
    if found.empty:
        return (
            f"Of {n} tests none stands at q < .05, corrected for their number. That does not show that there"
            " is no link, only that these data show none."
        )
    named = []
    for r in found.head(4).to_dict("records"):
        way = f", {plain(str(r['direction']))}" if r.get("direction") else ""
        named.append(f"{plain(str(r['statistic']))} ({r['source']} → {r['target']}{way}; q {pvalue(r['q'])})")
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    verb = "stands" if len(found) == 1 else "stand"
    return f"Of {n} tests {len(found)} {verb} at q < .05: {'; '.join(named)}{more}."


def summarise(pair: Pair, tests: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the answer of a pair as (heading, sentences): words, deeds, gap, breaks, tests."""
    parts = (
        ("Words", _words),
        ("Deeds", _deeds),
        ("Gap", lambda d: _gap(d, pair.periods, pair.window)),
        ("Breaks", _breaks),
    )
    out = [(name, " ".join(start(t) for t in map(say, pair.directions) if t)) for name, say in parts]
    return [(name, text) for name, text in (*out, ("Tests", tests_sentence(tests))) if text]


def period_note(pair: Pair) -> str:
    """Return what a period is, for captions."""
    grain = per.grain_of(pair.periods[0]) if pair.periods else "year"
    return f"{pair.periods[0]}–{pair.periods[-1]}, by {grain}" if pair.periods else ""


def make_up_note(pair: Pair) -> str:
    """Return which data sets begin or end behind the deed index, and when; empty where none does."""
    parts: list[tuple[str, list[str]]] = []
    for d in pair.directions:
        changes = [f"{p} {text}" for p, text in sorted(d.make_up.items()) if p in pair.periods]
        if changes and changes not in [own for _, own in parts]:
            parts.append((d.toward, changes))
    if not parts:
        return ""
    said = "; ".join(", ".join(c) if len(parts) == 1 else f"{who}: {', '.join(c)}" for who, c in parts)
    return (
        f"Thin rules: data sets behind the index begin (+) or end (−) there, and it is linked on what goes on: {said}."
    )
