from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sca_nlp.classify.cascade import Cascade, Reader
from sca_nlp.classify.folder import load_model
from sca_nlp.classify.linear import Ngrams, log_odds
from sca_nlp.codebook import default_codebook
from sca_nlp.errors import InputError
from tests.classify.tiny import sentences, write_encoder

torch = pytest.importorskip("torch", reason="the torch extra is not installed")

from tests.training.test_train import write_annotations, write_config  # noqa: E402
from training.cascade import came_of, draw_sentences, learn_readers  # noqa: E402
from training.exit import HIDDEN, exit_log_odds, learn_exit  # noqa: E402
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


def world(n: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """N-grams, noisy and too sure by a half, beside a model that knows; classes are of one kind, and ever rarer."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.2, (n, 1)) + rng.normal(0, 1.2, (n, 10)) - np.linspace(1.5, 4, 10)
    whole = 1 / (1 + np.exp(-z))
    return (1 / (1 + np.exp(-1.5 * (z + rng.normal(0, noise, z.shape)) - 0.3))).astype(np.float32), whole.astype("f4")


def learn(ngrams: np.ndarray, whole: np.ndarray, agreement: float = 0.96, lost: float = 0.06) -> dict[str, Any]:
    """Return a reader learned on one half, and what came of it on the other."""
    half, decision, x = len(ngrams) // 2, plain_decision(BOOK), log_odds(ngrams)
    section = learn_readers({"ngrams": x[:half]}, whole[:half], decision, agreement, lost)["ngrams"]
    p, settled = Reader(section, 10, "x")(x[half:])
    fast = np.where(settled[:, None], p, whole[half:])
    return section | {"settled": settled.mean()} | came_of(fast, whole[half:], decision)


def test_the_first_reader_settles_what_keeps_the_codes() -> None:
    ngrams, whole = world(20_000, 0.5)
    section = learn(ngrams, whole)
    assert 0.94 < section["agreement"] < 1  # on sentences that chose nothing
    assert 0.2 < section["settled"] < 0.95
    assert min(section["coded"]) > 0.85
    p, settled = Reader(section, 10, "x")(log_odds(ngrams))
    assert abs(settled.mean() - section["settled"]) < 0.03
    # What it says of sentences that it settles is as high in the mean as what the model would, though n-grams are not.
    np.testing.assert_allclose(p[settled].mean(0), whole[settled].mean(0), rtol=0.05)
    assert np.abs(ngrams[settled].mean(0) / whole[settled].mean(0) - 1).max() > 0.1
    assert learn(ngrams, whole, agreement=0.99)["settled"] < section["settled"]
    assert learn(ngrams, whole, lost=0.01)["settled"] < section["settled"]
    assert learn(world(20_000, 0.1)[0], whole)["settled"] > section["settled"]


def test_an_exit_that_knows_more_settles_some_of_the_rest() -> None:
    (ngrams, whole), half, decision = world(20_000, 0.5), 10_000, plain_decision(BOOK)
    later = world(20_000, 0.5)[1] * 0.999  # as good as the model itself
    x = {"ngrams": log_odds(ngrams), "exit": log_odds(later)}
    found = learn_readers({k: v[:half] for k, v in x.items()}, whole[:half], decision, 0.96, 0.06)
    early, late = (Reader(found[k], 10, "x")(x[k][half:]) for k in x)
    assert 0.1 < early[1].mean() < (early[1] | late[1]).mean()
    fast = np.where(early[1][:, None], early[0], np.where(late[1][:, None], late[0], whole[half:]))
    alone = learn(ngrams, whole)
    both = came_of(fast, whole[half:], decision)
    assert both["agreement"] > 0.94
    assert (early[1] | late[1]).mean() > alone["settled"]


def test_ngrams_that_say_nothing_settle_next_to_nothing() -> None:
    _, whole = world(4000, 0.5)
    section = learn(np.random.default_rng(1).uniform(0, 1, whole.shape).astype("f4"), whole)
    assert section["settled"] < 0.1
    assert min(b for _, b in section["decides"]) >= 0


def test_without_codes_to_learn_from_nothing_is_settled() -> None:
    ngrams, whole = world(200, 0.1)
    section = learn(ngrams, whole * 0.1)
    assert (section["settled"], section["most"]) == (0, 0)
    assert not Reader(section, 10, "x")(log_odds(ngrams))[1].any()
    assert section["coded"] == [None] * 10


def test_training_lets_ngrams_settle_in_profile_fast(tmp_path: Path) -> None:
    write_annotations(tmp_path / "annotations.jsonl")
    speeches = write_speeches(tmp_path / "speeches.jsonl", 60)
    config = write_config(tmp_path, write_encoder(tmp_path / "encoder"))
    text = re.sub(r"lexical = .*\n", "", config.read_text())
    config.write_text(
        "lexical = 0.35\n" + text + f'[cascade]\nspeeches = "{speeches}"\nsentences = 50\nagreement = 0.5\n'
    )
    said: list[str] = []
    folder = train(config, said.append)
    assert any("codes of all against the whole model's" in line for line in said), said
    assert folder.meta["cascade"]["sentences"] == 50
    texts = sentences(20, 5, 8)
    fast = load_model(str(folder.path), profile="fast")
    assert fast.profile == "fast"
    p, settled = Cascade(folder.meta["cascade"], {}, 10, "x").of_ngrams(
        texts, Ngrams(folder.arrays(), 10, 2, "x", "lexical.")(texts)
    )
    whole = load_model(str(folder.path)).predict(texts).probabilities
    got = fast.predict(texts).probabilities
    np.testing.assert_allclose(got, np.where(settled[:, None], p, whole), atol=1e-6)
    assert settled.any()
    config.write_text(config.read_text().replace("lexical = 0.35", "lexical = 0"))
    with pytest.raises(InputError, match="n-grams"):
        train(config, said.append)


def test_training_makes_an_exit_where_there_are_sentences_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_annotations(tmp_path / "annotations.jsonl")
    speeches = write_speeches(tmp_path / "speeches.jsonl", 60)
    config = write_config(tmp_path, write_encoder(tmp_path / "encoder"))
    looks = "max_length = 16\nbefore = 7\nafter = 5\nlayers_alone = 1\nlayers_beside = 1"
    config.write_text(
        "lexical = 0.35\n"
        + config.read_text().replace("max_length = 16", looks)
        + f'[cascade]\nspeeches = "{speeches}"\nagreement = 0.5\n'
    )
    said: list[str] = []
    assert not any(k.startswith("exit.") for k in train(config, said.append).arrays())
    monkeypatch.setattr("training.cascade.ENOUGH", 30)
    folder = train(config, said.append)
    assert any("an exit" in line for line in said), said
    section, arrays = folder.meta["cascade"], folder.arrays()
    assert (section["sentences"], section["judged"]) == (60, 12)
    assert section["left_at_exit"] <= 1 - section["settled"]
    assert arrays["exit.hidden.weight"].shape == (HIDDEN, 3 * 16)
    assert load_model(str(folder.path), profile="fast").predict(["we keep peace with them now"]).probabilities.any()


def test_an_exit_learns_what_the_states_say_and_the_ngrams_do_not() -> None:
    rng = np.random.default_rng(0)
    read = rng.normal(3, 2, (8000, 24)).astype(np.float32)
    ngrams = rng.normal(0, 1, (8000, 2))
    z = np.stack([read[:, 0] - 3 + ngrams[:, 1], 3 * np.abs(read[:, 1] - 3) - 4], 1)
    whole = (1 / (1 + np.exp(-z))).astype(np.float32)
    arrays = learn_exit(read[:6000], ngrams[:6000], whole[:6000])
    found = exit_log_odds(arrays, read[6000:], ngrams[6000:])
    assert np.corrcoef(found[:, 0], z[6000:, 0])[0, 1] > 0.8
    assert np.corrcoef(found[:, 1], z[6000:, 1])[0, 1] > 0.4  # no line would find it
    again = learn_exit(read[:6000], ngrams[:6000], whole[:6000])
    np.testing.assert_array_equal(arrays["exit.out.weight"], again["exit.out.weight"])


def test_a_cascade_needs_sentences(tmp_path: Path) -> None:
    write_annotations(tmp_path / "annotations.jsonl")
    config = write_config(tmp_path, write_encoder(tmp_path / "encoder"))
    with config.open("a") as file:
        file.write(f'[cascade]\nspeeches = "{write_speeches(tmp_path / "s.jsonl", 3)}"\n')
    with pytest.raises(InputError, match="at least 40"):
        train(config, lambda line: None)
