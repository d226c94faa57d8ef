"""Where does the pair stand? Conflict formation, security regime, security community, integration, by written criteria.

A description, not a verdict: each criterion comes with its number, whether it is met, and how many periods it rests on;
what is not known is said to be unknown and counts neither for nor against.
"""

from __future__ import annotations

import operator
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.compare import series
from sca_nlp.compare.pool import Step, by_pair, each
from sca_nlp.errors import InputError
from sca_nlp.share import share_path

_OPS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_OVER: dict[str, Callable[[Any], float]] = {
    "mean": lambda v: float(np.mean(v)),
    "min": lambda v: float(np.min(v)),
    "max": lambda v: float(np.max(v)),
    "sum": lambda v: float(np.sum(v)),
    "last": lambda v: float(v[-1]),
}
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
]


@dataclass(frozen=True)
class Criterion:
    """One written criterion on a level of words or deeds; fields as in `configs/spectrum.toml`."""

    id: str
    stage: str
    text: str
    frame: str
    over: str
    op: str
    threshold: float
    measure: str = "balance"
    indicator: str = "all"
    value: str = "balance"
    manifestation: str = "all"
    dataset: str = ""
    scale: str = "own"
    required: bool = False
    both: bool = False


@dataclass(frozen=True)
class Criteria:
    """Stages in order, from the least to the most community, and the criteria of each."""

    stages: tuple[tuple[str, str, str], ...]  # id, name, text
    criteria: tuple[Criterion, ...]
    share: float
    version: str
    known: float = 0.5


@dataclass(frozen=True)
class Position:
    """The stage of a pair over a span of periods (`unknown` where too few criteria are known), and all criteria as a
    frame.
    """

    stage: str
    criteria: pd.DataFrame


def read_criteria(path: Path | str | None = None) -> Criteria:
    """Read criteria from TOML; None: the shipped ones.

    Raises:
        InputError: a part is missing or unknown.
    """
    path = Path(path) if path is not None else share_path("configs", "spectrum.toml")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        stages = tuple((str(s["id"]), str(s["name"]), str(s["text"])) for s in data["stage"])
        criteria = tuple(Criterion(**c) for c in data["criterion"])
    except FileNotFoundError:
        raise InputError(path, "no such file", "criteria in TOML") from None
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as e:
        raise InputError(
            path, f"not readable ({e})", "[[stage]] and [[criterion]] as in configs/spectrum.toml"
        ) from None
    for c in criteria:
        if (
            c.stage not in {s[0] for s in stages}
            or c.op not in _OPS
            or c.over not in _OVER
            or c.frame not in ("words", "deeds")
        ):
            raise InputError(
                f"{path}: {c.id}", f"stage {c.stage}, op {c.op}, over {c.over}, frame {c.frame}", "known ones"
            )
    return Criteria(
        stages, criteria, float(data.get("share", 0.6)), str(data.get("version", "")), float(data.get("known", 0.5))
    )


def _values(
    c: Criterion, words: pd.DataFrame, deeds: pd.DataFrame, source: str, target: str, span: tuple[str, str]
) -> Any:
    frame = words if c.frame == "words" else deeds
    rows = frame[(frame["source"] == source) & (frame["target"] == target)]
    if c.frame == "words":
        rows = rows[(rows["measure"] == c.measure) & (rows["indicator"] == c.indicator) & (rows["value"] == c.value)]
        rows = rows[~rows["hidden"].astype(bool)]
        best = next((m for m in ("adjusted", "raw_probability", "raw_count") if (rows["method"] == m).any()), None)
        rows = rows[rows["method"] == best]
    else:
        rows = rows[rows["manifestation"] == c.manifestation]
        if c.scale == "z":
            rows = rows[rows["dataset"] == "all"]
        else:
            rows = rows[rows["dataset"] == c.dataset] if c.dataset else rows[rows["dataset"] != "all"]
    low, high = series.number(span[0]), series.number(span[1])
    rows = rows[np.array([low <= series.number(p) <= high for p in rows["period"]], dtype=bool)].dropna(
        subset=["estimate"]
    )
    if c.frame == "deeds" and c.scale != "z" and not c.dataset:
        return rows.groupby("period", sort=True)["estimate"].sum().to_numpy(float)
    return rows.sort_values("period")["estimate"].to_numpy(float)


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
    rows: list[dict[str, Any]] = []
    for c in book.criteria:
        for s, t in ((source, target), (target, source)) if c.both else ((source, target),):
            values = _values(c, words, deed_series, s, t, span)
            value = _OVER[c.over](values) if len(values) else float("nan")
            met: bool | None = _OPS[c.op](value, c.threshold) if len(values) else None
            rows.append(
                {
                    "source": s,
                    "target": t,
                    "first": span[0],
                    "last": span[1],
                    "stage": c.stage,
                    "criterion": c.id,
                    "text": c.text,
                    "value": value,
                    "op": c.op,
                    "threshold": c.threshold,
                    "met": met,
                    "n_periods": len(values),
                }
            )
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["met"] = frame["met"].astype("boolean")
    return Position(_stage(book, frame), frame)


def _stage(book: Criteria, frame: pd.DataFrame) -> str:
    required = {c.id for c in book.criteria if c.required}
    first = reached = book.stages[0][0]
    for stage, _, _ in book.stages[1:]:
        asked = {c.id for c in book.criteria if c.stage == stage}
        known = frame[(frame["stage"] == stage) & frame["met"].notna()]
        # One year's words of one side are no ground for a verdict on five years of both.
        if known.empty or len(set(known["criterion"])) < book.known * len(asked):
            return "unknown" if reached == first else reached
        must = known[known["criterion"].isin(required)]
        if not must["met"].all() or float(known["met"].mean()) < book.share:
            break
        reached = stage
    return reached


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
    for k in range(0, len(grid), width):
        span = (grid[k], grid[min(k + width, len(grid)) - 1])
        found = position(mine[0], mine[1], source, target, span=span, criteria=book)
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
