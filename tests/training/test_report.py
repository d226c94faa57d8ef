from __future__ import annotations

import numpy as np

from sca_nlp.codebook import default_codebook
from sca_nlp.records import Annotation
from tests.classify.tiny import WORDS, sentences
from training.dataset import folds, make_dataset
from training.report import label_errors, learning_curve

BOOK = default_codebook()


def dataset(n: int = 240, wrong: tuple[int, ...] = ()) -> object:
    rows = []
    for i, text in enumerate(sentences(n, 2, 8)):
        k = i % 12
        code = (BOOK.classes[k],) if k < 10 else ()
        seen = () if i in wrong else code
        rows.append(Annotation(str(i), f"d{i // 2}", 0, 0, f"{WORDS[k]}x {WORDS[k]}x {text}" if code else text, seen))
    return make_dataset(rows, BOOK, "x", 0)


def test_planted_label_errors_come_first() -> None:
    wrong = (3, 50, 121)
    data = dataset(wrong=wrong)
    truth = dataset().gold
    p = (truth * 0.8 + 0.05 + np.random.default_rng(0).normal(0, 0.02, truth.shape)).astype(np.float32)
    p[list(wrong)] += 0.08 * truth[list(wrong)]  # a model is surest where the words are plainest
    found = label_errors(data, p, BOOK)
    assert {r["id"] for r in found[:3]} == {str(w) for w in wrong}
    assert not any(r["coded"] for r in found[:3])


def test_a_learnable_class_climbs_with_more_documents() -> None:
    data = dataset()
    curve = learning_curve(data, folds(data, 3), BOOK, (0.05, 1.0))
    assert curve["sentences"] == sorted(curve["sentences"])
    assert np.mean(list(curve["gain_of_the_last_step"].values())) > 0.1
