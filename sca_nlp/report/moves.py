"""Deeds behind a point, and the steps of sequences of moves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sca_nlp.report import periods as per
from sca_nlp.report.evidence import Cell, Members
from sca_nlp.report.frames import Frames
from sca_nlp.report.pairs import Direction


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
        & deeds["target"].isin(frozenset().union(*targets.values()))
    ]
    found: dict[str, list[dict[str, Any]]] = {}
    for r in near.to_dict("records"):
        p = per.period_of(r["date"], grain)
        if p in sources and r["source"] in sources[p] and r["target"] in targets[p]:
            text = {
                c: "" if r.get(c) is None or r.get(c) != r.get(c) else str(r[c])
                for c in ("description", "reference", "code")
            }
            found.setdefault(p, []).append({str(k): v for k, v in r.items()} | text)
    for p, rows in found.items():
        rows.sort(key=lambda r: (bool(r["verbal"]), -abs(float(r["magnitude"])), r["date"], r["description"]))
        cell = cells.setdefault(p, Cell(p))
        cell.deeds, cell.n_deeds = rows[:most], len(rows)


def steps_of(steps: Any) -> list[dict[str, str]]:
    """Return the steps of a sequence as readable rows (`when`, `who`, `what`), whatever further keys they carry."""
    if isinstance(steps, str):
        try:
            steps = json.loads(steps)
        except json.JSONDecodeError:
            return [{"when": "", "who": "", "what": steps, "period": ""}]
    out = []
    for s in steps if isinstance(steps, list) else [steps]:
        if not isinstance(s, dict):
            out.append({"when": "", "who": "", "what": str(s), "period": ""})
            continue
        s = dict(s)
        when = str(s.pop("period", "") or s.pop("date", ""))
        actor, target = str(s.pop("actor", "") or s.pop("source", "") or s.pop("by", "")), str(s.pop("target", ""))
        text = str(s.pop("text", "") or s.pop("description", ""))
        rest = "; ".join(
            f"{k.replace('_', ' ')} {v:+.2f}" if isinstance(v, float) else f"{k.replace('_', ' ')} {v}"
            for k, v in s.items()
        )
        out.append(
            {
                "when": when,
                "who": f"{actor} → {target}" if target else actor,
                "what": "; ".join(t for t in (text, rest) if t),
                "source": actor,
                "target": target,
                "period": when,
            }
        )
    return out
