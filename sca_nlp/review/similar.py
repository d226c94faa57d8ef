"""Passages already coded that resemble one: by the words that they share, rare words first."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sca_nlp.review.explore import Explorer
from sca_nlp.review.journal import Journal

#: Coded passages that are looked through at most.
_MOST = 5000


def similar_coded(
    explorer: Explorer, folder: Path, journal: Journal, passage: Mapping[str, Any], coder: str = "", n: int = 5
) -> list[dict[str, Any]]:
    """Return up to n coded passages, the most similar first (BM25 over shared words), with their codes.

    Args:
        explorer: the run's index.
        folder: where the full-text index lies.
        journal: what was coded.
        passage: the passage to compare with.
        n: how many at most.
        coder: only this coder's own codings; empty: everyone's.
    """
    if coder:
        held = {
            s.passage_id: s for s in journal.slots() if s.coder == coder and s.decision and s.decision.status == "coded"
        }
    else:
        held = journal.final()
    held.pop(passage["passage_id"], None)
    words = sorted(set(re.findall(r"\w{4,}", passage["text"].lower())), key=lambda w: (-len(w), w))[:14]
    if not held or not words:
        return []
    rows = {p["row"]: p for p in explorer.passages(list(held)[-_MOST:]).values()}
    lite = sqlite3.connect(f"file:{(folder / 'text.sqlite').resolve()}?mode=ro", uri=True)
    try:
        found = lite.execute(
            f"""SELECT rowid FROM t WHERE t MATCH ? AND rowid IN ({", ".join("?" * len(rows))})
                ORDER BY bm25(t) LIMIT ?""",
            (" OR ".join(f'"{w}"' for w in words), *rows, n),
        ).fetchall()
    finally:
        lite.close()
    out = []
    for (row,) in found:
        p = rows[row]
        slot = held[p["passage_id"]]
        if slot.decision:
            out.append(
                {k: p[k] for k in ("passage_id", "text", "date", "source", "speech_id")}
                | {"decided": list(slot.decision.codes), "about": list(slot.decision.targets), "coder": slot.coder}
            )
    return out
