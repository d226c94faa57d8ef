"""A model with a codebook of its own: what was scored by it goes through every stage that follows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import sca_nlp
from sca_nlp import pipeline
from sca_nlp.codebook import codebook_of, default_codebook, read_codebook
from sca_nlp.config import WordsSection
from sca_nlp.pipeline import Tools
from tests.fakes import FakeAttributor, FakeClassifier, FakeScores, speech

BOOK = """
name = "trade"
version = "3"

[[indicator]]
id = "trade"
short = "TR"
name = "Trade"
values = [{ value = "open", mark = "+", trust = 1 }, { value = "closed", mark = "-", trust = -1 }]
"""


class TradeClassifier(FakeClassifier):
    """Says TR- of a sentence with `threat`, TR+ of any other."""

    def predict(self, texts, prev, next):
        closed = np.array(["threat" in t for t in texts], dtype=np.float32)
        return FakeScores(np.stack([0.9 - 0.8 * closed, 0.1 + 0.8 * closed], 1), np.ones(len(texts), dtype=np.int16))


def test_a_run_keeps_its_codebook_and_its_series_and_report_follow_it(tmp_path: Path) -> None:
    (tmp_path / "book.toml").write_text(BOOK, "utf-8")
    classifier = TradeClassifier()
    classifier.codebook = read_codebook(tmp_path / "book.toml")
    assert codebook_of(tmp_path) == default_codebook()

    folder = tmp_path / "run"
    pipeline.score([speech(n) for n in range(6)], folder, Tools(classifier, FakeAttributor()))
    assert (folder / "codebook.toml").read_text("utf-8") == BOOK
    assert codebook_of(folder) == classifier.codebook

    pipeline.aggregate(folder, WordsSection(dyads=(("USA", "RUS"),), min_passages=1), draws=5)
    rows = pd.read_parquet(folder / "words.parquet").query("target == 'RUS' and method == 'raw_count'")
    stance = rows.query("measure == 'stance'").set_index("value")["estimate"]
    assert set(rows["indicator"]) == {"trade", "all"}
    assert stance.to_dict() == {"open": 2 / 3, "closed": 1 / 3}  # of each speech's three sentences one is a threat
    assert "Trade" in pipeline.report(folder, title="Trade", dyads=[("USA", "RUS")]).read_text("utf-8")

    made = sca_nlp.aggregate(folder, [("USA", "RUS")], both=False, min_passages=1, draws=0)
    assert set(made.frame["indicator"]) == {"trade", "all"}
