"""Rows of the tables on the page: tests, sequences, other methods, other windows."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sca_nlp.report import wording
from sca_nlp.report.chart_main import anchor
from sca_nlp.report.frames import Frames
from sca_nlp.report.moves import steps_of
from sca_nlp.report.pairs import Pair

QUESTIONS = {
    "gap": "Do words and deeds diverge?",
    "lead": "Who leads, words or deeds?",
    "granger": "Does one predict the other?",
    "coincid": "Do rare deeds follow words, or words deeds?",
    "recipro": "Do the two sides answer each other?",
    "break": "When did it change?",
    "endur": "Does it outlast leaders?",
    "leader": "Does it outlast leaders?",
    "crisis": "What happens under strain?",
    "position": "Where does the pair stand?",
    "spectrum": "Where does the pair stand?",
}
KINDS = {
    "grit": "Answered conciliatory moves (a GRIT run)",
    "spiral": "Mutual hostile moves (a spiral)",
    "leap": "A leap of trust",
    "bad_faith": "Hostile words after a conciliatory deed (bad faith)",
    "badfaith": "Hostile words after a conciliatory deed (bad faith)",
}


def rows_of_pair(frame: pd.DataFrame, pair: Pair) -> pd.DataFrame:
    """Return the rows whose source and target are of the pair."""
    two = {pair.a, pair.b}
    return frame[frame["source"].isin(two) & frame["target"].isin(two)]


def _question(name: str) -> str:
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


def sequence_rows(frame: pd.DataFrame, pair: Pair) -> list[dict[str, Any]]:
    """Return the sequences of moves with readable steps that lead to their passages and deeds."""
    anchors = {(d.source, d.target): d for d in pair.directions}
    out = []
    for r in frame.sort_values(["start", "kind"]).to_dict("records"):
        steps = steps_of(r["steps"])
        for s in steps:
            d = anchors.get((s.get("source", ""), s.get("target", ""))) or anchors.get((r["source"], r["target"]))
            s["href"] = f"#{anchor(d, s['period'])}" if d and s["period"] in pair.periods else ""
        kind = str(r["kind"])
        out.append(
            {str(k): v for k, v in r.items()}
            | {"steps": steps, "name": KINDS.get(kind.lower().replace(" ", "_"), wording.plain(kind))}
        )
    return out


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
