from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sca_nlp.errors import InputError
from tests.classify.tiny import sentences, write_encoder

torch = pytest.importorskip("torch", reason="the torch extra is not installed")

from tests.training.test_train import write_annotations, write_config  # noqa: E402
from training.train import train  # noqa: E402
from training.unlabelled import choose, draw_sentences  # noqa: E402


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
    assert draw_sentences(path, 10, {ten[0]}) == every[1:11]
    assert not any("year 3 " in t for t in draw_sentences(path, 100, set(), held_out={"S3"}))


def test_half_of_the_choice_likely_holds_a_rare_class() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0, 0.2, (2000, 10)).astype(np.float32)
    p[:, 3:8] = 0.01
    p[:100, 3] = 0.9
    index = choose(p, 400)
    assert len(set(index.tolist())) == 400
    assert (index < 100).sum() > 60  # 20 by chance
    assert len(choose(p[:50], 400)) == 50


def test_a_fit_can_start_from_a_teachers_opinion(tmp_path: Path) -> None:
    write_annotations(tmp_path / "annotations.jsonl")
    speeches = write_speeches(tmp_path / "speeches.jsonl")
    config = write_config(tmp_path, write_encoder(tmp_path / "encoder"))
    text = config.read_text() + f'[unlabelled]\nspeeches = "{speeches}"\nteacher = "lexicon"\nsentences = 20\n'
    config.write_text(text)
    said: list[str] = []
    train(config, said.append)
    assert any("of 20 of 30 sentences" in line for line in said)
    assert (tmp_path / "work" / "start.pt").exists()


def test_a_teacher_of_another_codebook_is_refused(tmp_path: Path) -> None:
    write_annotations(tmp_path / "annotations.jsonl", classes=("Tw", "Tc", "Td"))
    book = tmp_path / "book.toml"
    book.write_text(
        'name = "tone"\nversion = "1"\n[[indicator]]\nid = "tone"\nshort = "T"\nname = "Tone"\n'
        'values = [{ value = "warm", mark = "w" }, { value = "cold", mark = "c" }, { value = "dry", mark = "d" }]\n'
    )
    config = write_config(tmp_path, write_encoder(tmp_path / "encoder"), codebook=str(book))
    text = config.read_text() + f'[unlabelled]\nspeeches = "{write_speeches(tmp_path / "s.jsonl")}"\n'
    config.write_text(text + 'teacher = "lexicon"\n')
    with pytest.raises(InputError, match="another codebook"):
        train(config, lambda line: None)
