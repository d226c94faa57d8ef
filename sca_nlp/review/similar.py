"""Passages already coded that resemble one: by the words that they share, rare words first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from math import log, sqrt
from typing import Any

from sca_nlp.review.explore import Explorer
from sca_nlp.review.journal import Journal

#: Coded passages that are looked through at most, the latest.
_MOST = 2000


@lru_cache(maxsize=4 * _MOST)
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w{3,}", text.lower()))


def similar_coded(
    explorer: Explorer, journal: Journal, passage: Mapping[str, Any], coder: str = "", n: int = 5
) -> list[dict[str, Any]]:
    """Return up to n coded passages with their codes, the most similar first.

    Similarity is the cosine of binary word vectors weighted by inverse document frequency among the coded passages.

    Args:
        explorer: the run's index.
        journal: what was coded.
        passage: the passage to compare with.
        coder: only this coder's own codings; empty: everyone's.
        n: how many at most.
    """
    slots = [s for s in journal.slots() if s.decision and s.decision.status == "coded"]
    held = {s.passage_id: s for s in slots if s.coder == coder} if coder else journal.final()
    held.pop(passage["passage_id"], None)
    latest = sorted(held, key=lambda p: held[p].event)[-_MOST:]
    texts = explorer.texts(latest)
    counts: dict[str, int] = {}
    for text in texts.values():
        for w in _words(text):
            counts[w] = counts.get(w, 0) + 1
    weight = {w: log((1 + len(texts)) / c) ** 2 for w, c in counts.items()}
    own = _words(passage["text"])

    def norm(words: frozenset[str]) -> float:
        return sqrt(sum(weight.get(w, 0.0) for w in words))

    scores = {}
    for p, text in texts.items():
        words = _words(text)
        shared = sum(weight[w] for w in own & words)
        if shared > 0:
            scores[p] = shared / (norm(own) * norm(words))
    best = sorted(scores, key=lambda p: (-scores[p], p))[:n]
    found = explorer.passages(best)
    return [
        {k: found[p][k] for k in ("passage_id", "text", "date", "source", "speech_id")}
        | {"decided": list(d.codes), "about": list(d.targets), "coder": held[p].coder}
        for p in best
        if (d := held[p].decision) is not None
    ]
