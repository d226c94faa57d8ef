"""Stand-ins built in code: a classifier and an attributor whose answers a test can predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sca_nlp.codebook import default_codebook
from sca_nlp.pipeline import Tools
from sca_nlp.records import Speech


@dataclass
class FakeScores:
    probabilities: np.ndarray
    n_windows: np.ndarray


class FakeClassifier:
    """Says TP+ of a sentence with `threat`, SS+ of one with `friend`; fails on `POISON`."""

    codebook = default_codebook()
    model_id = "fake"
    profile = "exact"

    def __init__(self, digest: str = "fake-1") -> None:
        self.digest = digest
        self.n_calls = 0

    def predict(self, texts: Sequence[str], prev: Sequence[str], next: Sequence[str]) -> FakeScores:
        self.n_calls += 1
        if any("POISON" in t for t in texts):
            raise RuntimeError("poisoned")
        p = np.full((len(texts), len(self.codebook.classes)), 0.01, dtype=np.float32)
        for k, t in enumerate(texts):
            p[k, self.codebook.column["TP+"]] = 0.9 if "threat" in t else 0.02
            p[k, self.codebook.column["SS+"]] = 0.8 if "friend" in t else 0.02
        return FakeScores(p, np.ones(len(texts), dtype=np.int16))

    def decide(self, probabilities: np.ndarray) -> list[tuple[str, ...]]:
        return [tuple(c for c, v in zip(self.codebook.classes, row, strict=True) if v > 0.5) for row in probabilities]


class FakeAttributor:
    digest = "fake-targets"

    def targets(self, texts, prev, next, codes, sources, dates):
        return [("RUS",) if c else () for c in codes]

    def actors(self, texts, dates):
        return [("RUS",) if "Russia" in t else () for t in texts]


def fake_tools(digest: str = "fake-1") -> Tools:
    return Tools(FakeClassifier(digest), FakeAttributor())  # type: ignore[arg-type]


def speech(n: int, text: str = "", **values: str) -> Speech:
    text = text or f"Speech {n} opens here. Russia is a threat to us all in year {n}. They are our friends no more."
    return Speech(
        **{"speech_id": f"s{n}", "date": "1999-03-12", "source": "USA", "text": text, "language": "en", **values}
    )
