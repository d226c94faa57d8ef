from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from sca_nlp.classify.contract import Classifier
from sca_nlp.classify.folder import (
    DEFAULT_MODEL,
    find_model,
    list_models,
    load_model,
    read_folder,
    rewrite_texts,
    write_folder,
)
from sca_nlp.codebook import default_codebook
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.share import share_path
from training.linear import fit_linear
from training.packing import plain_decision

BOOK = default_codebook()
TEXTS = ["they threaten us", "we are friends", "the harvest was good", "we will use force"] * 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    gold = np.tile(np.eye(len(BOOK.classes), dtype=np.float32)[[0, 4, 5, 8]], (5, 1))
    gold[:, gold.sum(0) == 0] = np.resize([0, 1], len(TEXTS))[:, None]
    write_folder(
        tmp_path / "m",
        meta={"id": "tiny-1", "kind": "linear", "ngrams": 2},
        codebook_bytes=share_path("configs", "codebook.toml").read_bytes(),
        decision=plain_decision(BOOK),
        arrays=fit_linear(TEXTS, gold, n_features=256),
        texts={"metrics.json": "{}"},
    )
    return tmp_path / "m"


def test_a_written_folder_loads_and_scores(folder: Path) -> None:
    model = load_model(str(folder))
    assert isinstance(model, Classifier)
    scores = model.predict(TEXTS)
    assert scores.probabilities.shape == (20, 10)
    assert scores.probabilities.dtype == np.float32
    assert model.predict([]).probabilities.shape == (0, 10)
    assert len(model.decide(scores.probabilities)) == 20
    np.testing.assert_array_equal(model.predict(TEXTS[:1]).probabilities[0], scores.probabilities[0])


@pytest.mark.parametrize("name", ["evil.py", "weights.bin", "weights.pt", "model.pkl"])
def test_unknown_files_are_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(pickle.dumps(1))
    with pytest.raises(InputError, match=name):
        load_model(str(folder))


def test_links_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "weights.safetensors").rename(tmp_path / "w")
    (folder / "weights.safetensors").symlink_to(tmp_path / "w")
    with pytest.raises(InputError, match="link"):
        load_model(str(folder))


@pytest.mark.parametrize("name", ["weights.safetensors", "codebook.toml", "metrics.json"])
def test_changed_files_are_refused(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as f:
        f.write(b" ")
    with pytest.raises(InputError, match="changed"):
        load_model(str(folder))


def test_missing_and_unlisted_files_are_refused(folder: Path) -> None:
    (folder / "card.md").write_text("not listed")
    with pytest.raises(InputError, match=r"card\.md"):
        load_model(str(folder))
    (folder / "card.md").unlink()
    (folder / "weights.safetensors").unlink()
    with pytest.raises(InputError, match="missing"):
        load_model(str(folder))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "format 99"),
        ({"classes": ["A"]}, "classes"),
        ({"thresholds": [0.5]}, "thresholds"),
        ({"files": {"../../etc/passwd": "0"}}, "digests"),
        ({"kind": "pickle"}, "pickle"),
    ],
)
def test_a_wrong_schema_is_refused(folder: Path, change: dict[str, object], message: str) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises((InputError, UnknownNameError), match=message):
        load_model(str(folder))


def test_metrics_can_be_added_later_and_the_rest_stays(folder: Path) -> None:
    before, digest = load_model(str(folder)).predict(TEXTS).probabilities, load_model(str(folder)).digest
    rewrite_texts(folder, {"metrics.json": '{"a": 1}', "card.md": "# Card\n"})
    np.testing.assert_array_equal(load_model(str(folder)).predict(TEXTS).probabilities, before)
    assert load_model(str(folder)).digest == digest
    path = folder / "model.json"
    path.write_text(path.read_text().replace("0.5", "0.6", 1))
    assert load_model(str(folder)).digest != digest
    with pytest.raises(InputError):
        rewrite_texts(folder, {"codebook.toml": "x"})


def test_every_shipped_model_loads_and_fits_the_shipped_codebook() -> None:
    assert DEFAULT_MODEL in list_models()
    for name in list_models():
        shipped = read_folder(find_model(name))
        assert shipped.codebook.classes == BOOK.classes
        size = sum(p.stat().st_size for p in shipped.path.iterdir())
        assert size < 60_000_000, f"{name} is {size:,} bytes"


def test_unknown_model_and_profile_name_the_known() -> None:
    with pytest.raises(UnknownNameError, match="linear"):
        load_model("liner")
    with pytest.raises(UnknownNameError, match="exact"):
        load_model(None, profile="turbo")


def test_a_model_that_cannot_be_finished_leaves_the_one_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(InputError, match="no known kind"):
        rewrite(folder, {"run.py": "import os"})
    monkeypatch.setattr(json, "dumps", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        rewrite(folder, {"metrics.json": "{}"})
    monkeypatch.undo()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_killed_between_two_renames_the_old_model_comes_back(folder: Path) -> None:
    folder.rename(folder.with_name(".m.old"))
    with pytest.raises(InputError, match="rename it"):
        read_folder(folder)
    rewrite(folder, {"metrics.json": "{}"})
    assert read_folder(folder).model_id == "tiny-1"
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_files_of_something_else_are_not_written_over(folder: Path) -> None:
    (folder / "thesis.docx").write_text("years of work")
    with pytest.raises(InputError, match=r"thesis\.docx: not of a model"):
        rewrite(folder, {})
    assert (folder / "thesis.docx").exists()


def rewrite(path: Path, texts: dict[str, str]) -> None:
    write_folder(
        path,
        meta={"id": "tiny-1", "kind": "lexicon"},
        codebook_bytes=share_path("configs", "codebook.toml").read_bytes(),
        decision=plain_decision(BOOK),
        texts={"lexicon.toml": "[terms]\n", **texts},
    )
