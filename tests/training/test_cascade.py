from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sca_nlp.classify.folder import load_model
from sca_nlp.codebook import default_codebook
from sca_nlp.errors import InputError
from tests.classify.tiny import sentences, write_encoder

torch = pytest.importorskip("torch", reason="the torch extra is not installed")

from tests.training.test_train import write_annotations, write_config  # noqa: E402
from training.cascade import choose_margin, draw_sentences  # noqa: E402
from training.packing import plain_decision  # noqa: E402
from training.train import train  # noqa: E402

BOOK = default_codebook()


def write_speeches(path: Path, n: int = 30) -> Path:
    rows = [
        {"speech_id": f"S{k}", "date": "1990", "source": "FRA", "text": f"We met {text} in year {k} again. Short one."}
        for k, text in enumerate(sentences(n, 5, 8))
    ]
    path.write_text("\n".join(json.dumps(r) for r in rows))
    return path


def test_the_draw_is_the_same_everywhere_and_leaves_out_what_it_should(tmp_path: Path) -> None:
    path = str(write_speeches(tmp_path / "speeches.jsonl"))
    every = draw_sentences(path, 100, set())
    assert len(every) == 30  # "Short one." is too short
    ten = draw_sentences(path, 10, set())
    assert ten == every[:10]
    assert draw_sentences(path, 10, {ten[0][0]}) == every[1:11]
    assert all((before, after) == ("", "Short one.") for _, before, after in ten)
    assert not any("year 3 " in t for t, _, _ in draw_sentences(path, 100, set(), held_out={"S3"}))


def test_the_margin_is_the_smallest_that_keeps_the_codes() -> None:
    rng = np.random.default_rng(0)
    whole = rng.uniform(0, 1, (4000, 10)).astype(np.float32)
    first = np.clip(whole + rng.normal(0, 0.1, whole.shape), 0.001, 0.999).astype(np.float32)
    decision = plain_decision(BOOK)
    margin, settled, agreement = choose_margin(first, whole, decision, 0.99)
    assert 0 < margin < 3
    assert 0 < settled < 1
    assert 0.99 <= agreement < 1
    assert choose_margin(first, whole, decision, 0.5)[0] == 0.0
    assert choose_margin(whole, whole, decision, 1.0) == (0.0, 1.0, 1.0)


def test_training_gives_profile_fast_a_first_reader(tmp_path: Path) -> None:
    write_annotations(tmp_path / "annotations.jsonl")
    speeches = write_speeches(tmp_path / "speeches.jsonl", 60)
    config = write_config(tmp_path, write_encoder(tmp_path / "encoder"))
    with config.open("a") as file:
        file.write(f'[cascade]\nspeeches = "{speeches}"\nsentences = 50\nagreement = 0.5\n')
    said: list[str] = []
    folder = train(config, said.append)
    assert any("1 of the encoder's layers learn 50 sentences" in line for line in said), said
    assert folder.meta["cascade"]["layers"] == 1
    assert not any(k.startswith("cascade.") and "word_embeddings" in k for k in folder.arrays())
    texts = sentences(20, 5, 8)
    fast = load_model(str(folder.path), profile="fast")
    assert fast.profile == "fast"
    assert np.isfinite(fast.predict(texts).probabilities).all()


def test_a_cascade_needs_sentences(tmp_path: Path) -> None:
    write_annotations(tmp_path / "annotations.jsonl")
    config = write_config(tmp_path, write_encoder(tmp_path / "encoder"))
    with config.open("a") as file:
        file.write(f'[cascade]\nspeeches = "{write_speeches(tmp_path / "s.jsonl", 3)}"\n')
    with pytest.raises(InputError, match="at least 20"):
        train(config, lambda line: None)
