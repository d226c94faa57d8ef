"""Sequences of moves: GRIT runs, spirals, leaps of trust, and bad faith.

Osgood's GRIT: runs of small unilateral conciliatory moves that are answered. Jervis's spiral: runs of mutual hostile
ones. A leap of trust: one conciliatory move far beyond the actor's own past. Bad faith: hostile words right after the
other's conciliatory deed. Every sequence keeps its steps with the ids of the sentences and deeds behind them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.compare.coincidence import moves
from sca_nlp.compare.series import Array, Pair

COLUMNS = ["source", "target", "kind", "start", "end", "n_steps", "steps"]
#: A move is a change of more than half a robust standard deviation: GRIT's are small.
SMALL, LEAP, PAST = 0.5, 3.5, 10
Steps = list[tuple[int, int]]  # (period, side): side 0 the source, 1 the target
Evidence = Mapping[tuple[str, str, str], Sequence[str]]


def runs(
    first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], sign: int, *, within: int = 1, least: int = 3
) -> list[Steps]:
    """Return maximal chains of alternating moves of one sign, each within `within` periods of the one before.

    A chain is opened by a unilateral move: the other side made none of that sign in the same period or the one before.
    `first`, `second`: +1, -1, 0 per period of the source and of the target.
    """
    hits = [np.asarray(first) == sign, np.asarray(second) == sign]
    t = len(hits[0])
    out: list[Steps] = []
    used = np.zeros((2, t), bool)
    for start in range(t):
        for side in (0, 1):
            unilateral = not hits[1 - side][start] and not (start and hits[1 - side][start - 1])
            if not hits[side][start] or used[side, start] or not unilateral:
                continue
            chain: Steps = [(start, side)]
            while True:
                at, who = chain[-1]
                later = [k for k in range(at + 1, min(at + within, t - 1) + 1) if hits[1 - who][k]]
                if not later:
                    break
                chain.append((later[0], 1 - who))
            if len(chain) >= least:
                out.append(chain)
                for at, who in chain:
                    used[who, at] = True
    return out


def leaps(x: Array, *, size: float = LEAP, past: int = PAST) -> list[int]:
    """Return the periods whose conciliatory change exceeds `size` deviations of all (at least `past`) changes before.

    The deviation is the larger of the robust and the plain one, so that a few quiet years do not make a leap.
    """
    change = np.diff(x, prepend=np.nan)
    out = []
    for t in range(len(x)):
        before = change[:t][~np.isnan(change[:t])]
        if np.isnan(change[t]) or len(before) < past:
            continue
        scale = max(1.4826 * float(np.median(np.abs(before - np.median(before)))), float(before.std()))
        if scale > 1e-12 and change[t] - np.median(before) > size * scale and change[t] > 0:
            out.append(t)
    return out


def find(a: Pair, b: Pair, periods: Sequence[str], evidence: Evidence, within: int) -> pd.DataFrame:
    """Return the sequences of a dyad and its reverse, both on the grid `periods`; each with its steps as JSON."""
    rows: list[dict[str, Any]] = []
    sides = (a, b)
    moved = [moves(p.deeds, threshold=SMALL) for p in sides]
    spoken = [moves(p.words, threshold=SMALL) for p in sides]
    same = np.array_equal(a.deeds, b.deeds, equal_nan=True)

    def step(at: int, side: int, what: str) -> dict[str, Any]:
        p = sides[side]
        values = p.deeds if what == "deeds" else p.words
        change = values[at] - values[at - 1] if at else np.nan
        ids = list(evidence.get((p.source, p.target, periods[at]), ()))
        return {
            "period": periods[at],
            "actor": p.source,
            "what": what,
            "change": None if np.isnan(change) else round(float(change), 4),
            "evidence": ids,
        }

    def add(kind: str, steps: list[dict[str, Any]]) -> None:
        rows.append(
            {
                "source": a.source,
                "target": a.target,
                "kind": kind,
                "start": steps[0]["period"],
                "end": steps[-1]["period"],
                "n_steps": len(steps),
                "steps": json.dumps(steps, ensure_ascii=False),
            }
        )

    if not same:
        for sign, kind in ((1, "GRIT"), (-1, "spiral")):
            for chain in runs(moved[0], moved[1], sign, within=within):
                add(kind, [step(at, side, "deeds") for at, side in chain])
    for side in (0, 1):
        for at in leaps(sides[side].deeds):
            add("leap of trust", [step(at, side, "deeds")])
        for at in np.flatnonzero(moved[side] == 1).tolist():
            reply = next(
                (k for k in range(at, min(at + within, len(periods) - 1) + 1) if spoken[1 - side][k] == -1), None
            )
            if reply is not None:
                add("bad faith", [step(at, side, "deeds"), step(reply, 1 - side, "words")])
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.sort_values(["start", "kind", "end"], kind="stable", ignore_index=True)
