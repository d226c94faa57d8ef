"""Where does the pair stand? Conflict formation, security regime, security community, integration, by written criteria.

A description, not a verdict: each criterion comes with its number, whether it is met, and how many periods and deeds it
rests on; what is not known, or rests on too few of them, counts neither for nor against, and it is said why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.compare import series
from sca_nlp.compare.criteria import OPS, OVER, SILENCE, Criteria, Criterion, read_criteria
from sca_nlp.compare.pool import Step, by_pair, each

COLUMNS = [
    "source",
    "target",
    "first",
    "last",
    "stage",
    "criterion",
    "text",
    "value",
    "op",
    "threshold",
    "met",
    "n_periods",
    "n_deeds",
    "together",
    "reason",
]


@dataclass(frozen=True)
class Position:
    """The stage of a pair over a span of periods (`unknown` where too few criteria are known), and all criteria as a
    frame: a row a direction, or one where `together` says that both directions were taken as one.
    """

    stage: str
    criteria: pd.DataFrame


@dataclass(frozen=True)
class _Line:
    """What one criterion sees of one direction, over all periods in time order."""

    at: Any  # running numbers of the periods
    value: Any
    n_deeds: Any
    largest: Any  # magnitude of the period's deed, where it has one alone


def _line(c: Criterion, words: pd.DataFrame, deeds: pd.DataFrame, source: str, target: str) -> _Line:
    frame = words if c.frame == "words" else deeds
    rows = frame[(frame["source"] == source) & (frame["target"] == target)]
    if c.frame == "words":
        rows = rows[(rows["measure"] == c.measure) & (rows["indicator"] == c.indicator) & (rows["value"] == c.value)]
        rows = rows[~rows["hidden"].astype(bool)]
        best = next((m for m in ("adjusted", "raw_probability", "raw_count") if (rows["method"] == m).any()), None)
        by = (
            rows[rows["method"] == best]
            .dropna(subset=["estimate"])
            .groupby("period")["estimate"]
            .last()
            .to_frame("value")
        )
        by["n"], by["largest"] = 0, 0.0
    else:
        rows = rows[rows["manifestation"] == c.manifestation].dropna(subset=["estimate"])
        single = rows[(rows["dataset"] != "all") & (rows["n_deeds"] == 1)]
        composite, own = rows[rows["dataset"] == "all"], rows[rows["dataset"] != "all"]
        if c.dataset:
            own = own[own["dataset"] == c.dataset]
        kept = composite.groupby("period") if c.scale == "z" else own.groupby("period")
        by = kept.agg(value=("estimate", "last" if c.scale == "z" or c.dataset else "sum"), n=("n_deeds", "sum"))
        by["largest"] = single["estimate"].abs().groupby(single["period"]).max().reindex(by.index).fillna(0.0)
    by.index = pd.Index([series.number(str(p)) for p in by.index], dtype=int)
    by = by.sort_index()
    return _Line(by.index.to_numpy(), by["value"].to_numpy(float), by["n"].to_numpy(int), by["largest"].to_numpy(float))


def _judge(book: Criteria, c: Criterion, line: _Line, span: tuple[str, str]) -> dict[str, Any]:
    """Return the criterion's number in a span and whether it is met, or why that is not known."""
    inside = (line.at >= series.number(span[0])) & (line.at <= series.number(span[1]))
    values, n = line.value[inside], int(line.n_deeds[inside].sum())
    found: dict[str, Any] = {"value": float("nan"), "met": None, "n_periods": len(values), "n_deeds": n, "reason": ""}
    if not len(values):
        return found | {"reason": "no period", "absent": len(line.at) > 0}
    found["value"] = OVER[c.over](values)
    found["leans"] = met = OPS[c.op](found["value"], c.threshold)
    if len(values) < book.periods:
        return found | {"reason": f"{len(values)} of at least {book.periods} periods"}
    if c.frame == "deeds" and n < book.deeds and float(line.largest[inside].max()) < book.magnitude:
        # A lone small deed in a series that is empty otherwise is many standard deviations off, and weighs nothing.
        told = f"{n} small deed, read as none: at least {book.deeds} wanted, or one of magnitude {book.magnitude:g}"
        return found | {"met": SILENCE[c.silence], "leans": None, "reason": told if n else "no deed"}
    return found | {"met": met}


def position(
    words: pd.DataFrame,
    deed_series: pd.DataFrame,
    source: str,
    target: str,
    *,
    span: tuple[str, str],
    criteria: Criteria | None = None,
) -> Position:
    """Return the stage of a pair over a span of periods, with every criterion, its number and whether it is met."""
    book = criteria or read_criteria()
    return _position(book, _lines(book, words, deed_series, source, target), span)


def _lines(
    book: Criteria, words: pd.DataFrame, deeds: pd.DataFrame, source: str, target: str
) -> list[tuple[Criterion, str, str, _Line]]:
    """Return what each criterion sees: each direction where it must hold in both, else the two together."""
    out = []
    for c in book.criteria:
        there, back = (_line(c, words, deeds, s, t) for s, t in ((source, target), (target, source)))
        if c.both:
            out += [(c, source, target, there), (c, target, source, back)]
        else:
            out.append((c, source, target, _together(there, back)))
    return out


def _together(a: _Line, b: _Line) -> _Line:
    """Return the mean of two directions in each period, of the known one where the other is not known."""
    at = np.union1d(a.at, b.at)
    sides = [
        pd.DataFrame({"value": x.value, "n": x.n_deeds, "largest": x.largest}, index=x.at).reindex(at) for x in (a, b)
    ]
    value = np.nanmean(np.stack([f["value"].to_numpy(float) for f in sides]), 0) if len(at) else np.zeros(0)
    there, back = (f["n"].fillna(0).to_numpy(int) for f in sides)
    # A deed without a direction, such as a treaty, stands on both sides: it is one deed.
    twice = (there == back) & (sides[0]["value"] == sides[1]["value"]).to_numpy(bool)
    n = np.where(twice, there, there + back)
    largest = np.fmax(*(f["largest"].fillna(0.0).to_numpy(float) for f in sides))
    return _Line(at, value, n, largest)


def _position(book: Criteria, lines: Sequence[tuple[Criterion, str, str, _Line]], span: tuple[str, str]) -> Position:
    rows = [
        {
            "source": s,
            "target": t,
            "first": span[0],
            "last": span[1],
            "stage": c.stage,
            "criterion": c.id,
            "text": c.text,
        }
        | {"op": c.op, "threshold": c.threshold, "together": not c.both}
        | _judge(book, c, line, span)
        for c, s, t, line in lines
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["met"] = frame["met"].astype("boolean")
    return Position(_stage(book, rows), frame)


def _stage(book: Criteria, rows: Sequence[dict[str, Any]]) -> str:
    first = reached = book.stages[0][0]
    of = {c.id: [r for r in rows if r["criterion"] == c.id] for c in book.criteria}
    verdicts = {name: _verdict(directions) for name, directions in of.items()}
    for stage, _, _ in book.stages[1:]:
        asked = [c for c in book.criteria if c.stage == stage]
        known = [c for c in asked if verdicts[c.id] is not None]
        open_ = any(c.required and verdicts[c.id] is not False and _open(of[c.id]) for c in asked)
        # One year's words of one side are no ground for a verdict on five years of both.
        if open_ or not known or len(known) < book.known * len(asked):
            return "unknown" if reached == first else reached
        if not all(verdicts[c.id] for c in known if c.required):
            break
        if sum(bool(verdicts[c.id]) for c in known) < book.share * len(known):
            break
        reached = stage
    return reached


def _verdict(directions: Sequence[dict[str, Any]]) -> bool | None:
    """Return whether a criterion is met in each direction that is known: it fails where one of them fails.

    What rests on too little decides nothing; but where it speaks against the other direction, the criterion is unknown.
    """
    known = [r["met"] for r in directions if r["met"] is not None]
    if not all(known):
        return False
    return True if known and not _against(directions) else None


def _against(directions: Sequence[dict[str, Any]]) -> bool:
    """Tell whether a direction that rests on too little would fail."""
    return any(r["met"] is None and r.get("leans") is False for r in directions)


def _open(directions: Sequence[dict[str, Any]]) -> bool:
    """Tell whether a required criterion cannot be told: one side has too little and would fail, or speaks in this run,
    but not in this span. A side that never speaks (most groups) is passed over.
    """
    return _against(directions) or any(r.get("absent") for r in directions)


def positions(
    words: pd.DataFrame,
    deed_series: pd.DataFrame,
    source: str,
    target: str,
    *,
    width: int = 5,
    criteria: Criteria | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the stage over windows of `width` periods one after another (first, last, stage), and all their
    criteria.
    """
    book = criteria or read_criteria()
    mine = [
        f[(f["source"].isin((source, target))) & (f["target"].isin((source, target)))] for f in (words, deed_series)
    ]
    grid: Sequence[str] = series.span(set(mine[0]["period"]) | set(mine[1]["period"]))
    stages, every = [], []
    lines = _lines(book, mine[0], mine[1], source, target)
    for k in range(0, len(grid), width):
        span = (grid[k], grid[min(k + width, len(grid)) - 1])
        found = _position(book, lines, span)
        stages.append({"source": source, "target": target, "first": span[0], "last": span[1], "stage": found.stage})
        every.append(found.criteria)
    columns = ["source", "target", "first", "last", "stage"]
    return pd.DataFrame(stages, columns=columns), pd.concat(every, ignore_index=True) if every else pd.DataFrame(
        columns=COLUMNS
    )


def positions_many(
    words: pd.DataFrame,
    deed_series: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    *,
    workers: int = 1,
    progress: Step | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return `positions` of many pairs by the shipped criteria, in their order.

    Args:
        words: word series of all pairs.
        deed_series: deed series of all pairs.
        pairs: two actors each.
        workers: processes; the numbers do not depend on it.
        progress: called with (done, all) after each pair.
    """
    w, d = by_pair(words, pairs), by_pair(deed_series, pairs)
    tasks = ((w[frozenset(p)], d[frozenset(p)], *p) for p in pairs)
    made = each(_job, tasks, len(pairs), workers=workers, progress=progress)
    return tuple(pd.concat([m[k] for m in made], ignore_index=True) for k in (0, 1))  # type: ignore[return-value]


def _job(task: tuple[pd.DataFrame, pd.DataFrame, str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    return positions(*task)
