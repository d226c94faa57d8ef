from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sca_nlp.codebook import default_codebook
from sca_nlp.read.annotations import read_annotations
from tests.classify.tiny import write_encoder

torch = pytest.importorskip("torch", reason="the torch extra is not installed")

from tests.training.test_train import write_annotations  # noqa: E402
from training.baselines import held_out_row  # noqa: E402
from training.baselines_trained import lora, spacy_textcat  # noqa: E402
from training.dataset import make_dataset  # noqa: E402

BOOK = default_codebook()


def test_spacys_categoriser_learns_the_word_that_gives_the_code_away(tmp_path: Path) -> None:
    path = write_annotations(tmp_path / "annotations.jsonl", 400)
    data = make_dataset(list(read_annotations(path)), BOOK, path)
    train, rest = data.take(np.arange(0, 280)), data.take(np.arange(280, 400))
    scorer = spacy_textcat(train, BOOK, epochs=8)
    assert roc_auc_score(rest.gold[:, 0], scorer(rest.texts)[:, 0]) > 0.9
    made = held_out_row(scorer, rest, rest, BOOK)
    assert 0 <= made["test"] <= 1
    assert len(made["classes"]) == len(BOOK.classes)


def test_lora_trains_its_additions_and_the_head_alone(tmp_path: Path) -> None:
    pytest.importorskip("peft", reason="peft is not installed")
    path = write_annotations(tmp_path / "annotations.jsonl", 60)
    data = make_dataset(list(read_annotations(path)), BOOK, path, 0)
    p = lora(data, BOOK, base_name=str(write_encoder(tmp_path / "encoder")), rank=2)(data.texts[:5])
    assert p.shape == (5, len(BOOK.classes))
    assert ((p > 0) & (p < 1)).all()
