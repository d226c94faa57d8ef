"""Rows of the tables on the page: tests, sequences, other methods, other windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from sca_nlp.report import wording
from sca_nlp.report.chart_main import anchor
from sca_nlp.report.evidence import Cell
from sca_nlp.report.frames import Frames
from sca_nlp.report.moves import behind, steps_of
from sca_nlp.report.pairs import Direction, Pair

#: Part of a question's name -> the question; names that are questions already stand as they are.
QUESTIONS = {
    "gap": "Do they diverge?",
    "lead": "Who leads?",
    "granger": "Does one predict the other?",
    "coincid": "Do rare deeds and turns of words coincide?",
    "recipro": "Do they answer each other?",
    "break": "When did it change?",
    "endur": "Does it outlast leaders?",
    "crisis": "What happens under strain?",
}
KINDS = {
    "grit": "Answered conciliatory moves (a GRIT run)",
    "spiral": "Mutual hostile moves (a spiral)",
    "leap_of_trust": "A leap of trust",
    "leap": "A leap of trust",
    "bad_faith": "Hostile words after a conciliatory deed (bad faith)",
}


def rows_of_pair(frame: pd.DataFrame, pair: Pair) -> pd.DataFrame:
    """Return the rows whose source and target are of the pair."""
    two = {pair.a, pair.b}
    return frame[frame["source"].isin(two) & frame["target"].isin(two)]


def _question(name: str) -> str:
    if name.rstrip().endswith("?"):
        return name[:1].upper() + name[1:]
    low = name.lower()
    return next((text for key, text in QUESTIONS.items() if key in low), wording.plain(name))


def test_rows(frame: pd.DataFrame) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return tests grouped by the question that they answer, the smallest q first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for r in frame.to_dict("records"):
        groups.setdefault(_question(str(r["question"])), []).append({str(k): v for k, v in r.items()})
    for rows in groups.values():
        rows.sort(key=lambda r: (float(r["q"]) if wording.finite(r["q"]) else 2.0, str(r["statistic"]), r["source"]))
    return list(groups.items())


def sequence_rows(
    frame: pd.DataFrame, pair: Pair, evidence: list[tuple[Direction, list[Cell]]], signs: Mapping[str, int]
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the sequences by kind, each step with what shows it and a link to all that is behind it."""
    by_actor = {d.source: (d, {c.period: c for c in cells}) for d, cells in evidence}
    out: dict[str, list[dict[str, Any]]] = {}
    once = frame.drop_duplicates(["kind", "start", "end", "steps"])  # each direction of a pair finds the same runs
    for r in once.sort_values(["start", "kind"]).to_dict("records"):
        steps = steps_of(r["steps"])
        for s in steps:
            d, cells = by_actor.get(s["actor"], (None, {}))
            s["href"] = f"#{anchor(d, s['period'])}" if d is not None and s["period"] in cells else ""
            s |= behind(s, cells.get(s["period"]), signs)
        kind = str(r["kind"])
        name = KINDS.get(kind.lower().replace(" ", "_"), wording.plain(kind))
        out.setdefault(name, []).append({str(k): v for k, v in r.items()} | {"steps": steps})
    return list(out.items())


def method_rows(frames: Frames, pair: Pair) -> list[dict[str, Any]]:
    """Return the trust balance of each method that was run, over the shown periods."""
    words = rows_of_pair(frames["words.parquet"], pair)
    rows = words[(words["measure"] == "balance") & (words["indicator"] == "all") & words["target"].ne("")]
    if "hidden" in rows.columns:
        rows = rows[~rows["hidden"].astype(bool)]
    out = []
    for (source, target, method), g in rows.groupby(["source", "target", "method"]):
        out.append(
            {
                "source": source,
                "target": target,
                "method": wording.METHOD_NAMES.get(str(method), str(method)),
                "head": method == pair.method,
                "mean": g["estimate"].mean(),
                "low": g["estimate"].min(),
                "high": g["estimate"].max(),
                "n": len(g),
            }
        )
    return out


def choice_rows(frames: Frames, pair: Pair) -> tuple[list[str], list[dict[str, Any]]]:
    """Return (names of the choices, rows): a statistic of a direction each, and what every choice does to it."""
    table = frames.extra.get("sensitivity")
    if table is None or not {"variant", "window", "statistic", "direction", "estimate", "p"} <= set(table.columns):
        return [], []
    own = rows_of_pair(table, pair)
    first = own.iloc[0]["window"] if len(own) else ""
    windows = "window: " + own["window"].astype(str)
    own = own.assign(choice=own["variant"].astype(str).where(own["window"] == first, windows))
    own = own[(own["window"] == first) | (own["variant"] == own["variant"].iloc[0] if len(own) else False)]
    out: dict[tuple[str, ...], dict[str, Any]] = {}
    for r in own.to_dict("records"):
        key = (str(r["source"]), str(r["target"]), str(r["statistic"]), str(r["direction"]))
        row = out.setdefault(key, {"source": key[0], "target": key[1], "what": f"{key[2]} {key[3]}".strip(), "by": {}})
        row["by"][r["choice"]] = r
    choices = list(dict.fromkeys(own["choice"]))
    rows = [r for r in out.values() if any(wording.finite(x["estimate"]) for x in r["by"].values())]
    for row in rows:
        row |= _over_choices(row["by"], choices[0])
    return choices, rows


def _over_choices(by: Mapping[str, Mapping[str, Any]], first: str) -> dict[str, Any]:
    """Return the range of a statistic over the choices, and which of them turn its sign or take its p over .05."""
    known = {c: float(x["estimate"]) for c, x in by.items() if wording.finite(x["estimate"])}
    p = {c: float(x["p"]) for c, x in by.items() if wording.finite(x["p"])}
    sign, small = {c: v > 0 for c, v in known.items()}, {c: v < 0.05 for c, v in p.items()}
    as_reported, stood = (of.get(first, next(iter(of.values()), False)) for of in (sign, small))
    nan = float("nan")
    return {
        "estimate": known.get(first, nan),
        "p": p.get(first, nan),
        "low": min(known.values()),
        "high": max(known.values()),
        "p_low": min(p.values(), default=nan),
        "p_high": max(p.values(), default=nan),
        "turned": [c for c in sign if sign[c] != as_reported],
        "crossed": [c for c in small if small[c] != stood],
    }


def window_rows(frames: Frames, pair: Pair) -> list[dict[str, Any]]:
    """Return the gap on each reference window, where there is more than one."""
    gap = rows_of_pair(frames["compare/gap.parquet"], pair)
    if "window" not in gap.columns or gap["window"].nunique() < 2:
        return []
    out = []
    for (source, target, window), g in gap.dropna(subset=["gap"]).groupby(["source", "target", "window"], sort=False):
        last = g.sort_values("period").tail(5)
        beyond = int(((g["low"] > 0) | (g["high"] < 0)).sum())
        out.append(
            {
                "source": source,
                "target": target,
                "window": window,
                "mean": last["gap"].mean(),
                "beyond": beyond,
                "n": len(g),
            }
        )
    return out
