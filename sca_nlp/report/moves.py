"""Deeds behind a point, and the steps of sequences of moves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sca_nlp.report import periods as per
from sca_nlp.report.evidence import Cell, Members, Shown
from sca_nlp.report.frames import Frames
from sca_nlp.report.pairs import Direction
from sca_nlp.report.wording import finite


def deeds_of(
    frames: Frames, d: Direction, periods: Sequence[str], cells: dict[str, Cell], members: Members, most: int = 8
) -> None:
    """Add to the cells the deeds of the source toward the target, the largest first."""
    deeds = frames["deeds.parquet"]
    if deeds.empty or not periods:
        return
    grain = per.grain_of(periods[0]) or "year"
    sources = {p: members(d.source, int(p[:4])) | {d.source} for p in periods}
    targets = {p: members(d.target, int(p[:4])) | {d.target} for p in periods}
    near = deeds[
        deeds["source"].isin(frozenset().union(*sources.values()))
        & deeds["target"].isin(frozenset({""}).union(*targets.values()))  # a level toward nobody in particular counts
    ]
    found: dict[str, list[dict[str, Any]]] = {}
    for r in near.to_dict("records"):
        p = per.period_of(r["date"], grain)
        if p in sources and r["source"] in sources[p] and (r["target"] in targets[p] or not r["target"]):
            text = {
                c: "" if r.get(c) is None or r.get(c) != r.get(c) else str(r[c])
                for c in ("description", "reference", "code")
            }
            found.setdefault(p, []).append({str(k): v for k, v in r.items()} | text)
    for p, rows in found.items():
        rows.sort(key=lambda r: (bool(r["verbal"]), -abs(float(r["magnitude"])), r["date"], r["description"]))
        cell = cells.setdefault(p, Cell(p))
        cell.deeds, cell.n_deeds = rows[:most], len(rows)


def steps_of(steps: Any) -> list[dict[str, Any]]:
    """Return the steps of a sequence as rows `period`, `actor`, `what`, `change`, `evidence`, `text`.

    Keys that are none of these are joined into the text, so that nothing a comparison wrote is lost.
    """
    if isinstance(steps, str):
        try:
            steps = json.loads(steps)
        except json.JSONDecodeError:
            steps = [{"text": steps}]
    out = []
    for step in steps if isinstance(steps, list) else [steps]:
        s = {str(k): v for k, v in step.items()} if isinstance(step, dict) else {"text": step}
        ids = s.pop("evidence", None)
        row: dict[str, Any] = {k: str(s.pop(k, "") or "") for k in ("period", "actor", "what", "text")}
        row |= {"change": s.pop("change", None), "evidence": [str(i) for i in ids] if isinstance(ids, list) else []}
        row["text"] = "; ".join(t for t in (row["text"], *(f"{k.replace('_', ' ')} {v}" for k, v in s.items())) if t)
        out.append(row)
    return out


def behind(step: dict[str, Any], cell: Cell | None, signs: Mapping[str, int], most: int = 2) -> dict[str, Any]:
    """Return the deeds or passages that show a step: of its kind, and those of its direction first."""
    way = 0 if not finite(step["change"]) else 1 if float(step["change"]) > 0 else -1
    if cell is None:
        return {"deeds": [], "passages": []}
    named = set(step["evidence"])
    deeds = sorted(cell.deeds, key=lambda d: int(d["sign"]) != way)[:most] if step["what"] != "words" else []

    def fits(p: Shown) -> tuple[bool, bool]:
        return not any(signs.get(code, 0) == way for code, _ in p.codes), p.passage_id not in named

    passages = sorted((p for p in cell.passages if p.codes), key=fits)[:most] if step["what"] != "deeds" else []
    return {"deeds": deeds, "passages": passages}
