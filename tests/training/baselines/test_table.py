from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sca_nlp.errors import UnknownNameError
from training.baselines import table
from training.baselines.__main__ import main
from training.baselines.adapters import lora
from training.baselines.contrast import few, set_fit
from training.baselines.learners import frozen_encoder, majority, tfidf, zero_shot
from training.baselines.material import Made, Material
from training.baselines.measure import annotated
from training.baselines.textcat import spacy_textcat

QUICK = ("majority", "lexicon", "tfidf", "shipped:lexicon")


def quiet(line: str) -> None:
    return None


def first_class_auc(made: Made, material: Material) -> float:
    return float(roc_auc_score(material.test.gold[:, 0], made.scorer(material.test.texts)[:, 0]))


def test_rows_are_made_once_and_kept(material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    whole = table.run(material, tmp_path / "out.json", tmp_path / "work", QUICK, said.append)
    text = (tmp_path / "out.json").read_text()
    assert json.loads(text) == whole
    assert '"classes"' not in text
    assert "000000000" not in text
    assert "999999999" not in text
    assert whole["annotated"]["majority"]["test"] == 0
    learned = len(material.learn.rows)
    assert whole["annotated"]["TF-IDF + logistic regression"]["learned_from"] == learned
    assert whole["annotated"]["TF-IDF + logistic regression"]["test"] > 0.8
    assert whole["annotated"]["grievance dictionary"]["learned_from"] == 0
    assert whole["made"] == {
        "annotations": ["train.jsonl"],
        "learned_from": learned,
        "thresholds_from": len(material.held.rows),
        "tested_on": 60,
    }
    assert whole["external"]["PLOVER"]["n"] == 12
    assert whole["external"]["PLOVER"]["rows"]["CAMEO verb patterns"]["auc"] == 1
    assert f"learned from {learned}" in "\n".join(said)
    assert "not made yet" in said[-1]
    assert "spacy" in said[-1]

    def broken(*args: object) -> Made:
        raise AssertionError("a kept row is made again")

    monkeypatch.setattr(table, "make_row", broken)
    said.clear()
    again = table.run(material, tmp_path / "out.json", tmp_path / "work", ["majority"], said.append)
    assert again == whole  # the table keeps what is finished, whichever rows are asked for
    assert said[2].endswith("(kept)")


def test_a_killed_run_goes_on_at_its_row(material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, made = table.make_row, []

    def killed(row: table.Row, *rest: object) -> dict:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(row.id)
        return make(row, *rest)

    monkeypatch.setattr(table, "make_row", killed)
    with pytest.raises(KeyboardInterrupt):
        table.run(material, tmp_path / "out.json", tmp_path / "work", ["majority", "lexicon"], quiet)
    assert len(json.loads((tmp_path / "out.json").read_text())["annotated"]) == 2
    monkeypatch.setattr(table, "make_row", lambda row, *rest: made.append(row.id) or make(row, *rest))
    table.run(material, tmp_path / "out.json", tmp_path / "work", ["majority", "lexicon"], quiet)
    assert made == ["majority", *(f"lexicon:{k}" for k in table.LEXICA)]


def test_other_sentences_or_code_are_other_rows(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    row = table.choose(table.rows(), ["tfidf"])[0]
    key = row.key(material)
    assert key == row.key(material)
    other = Material(material.book, material.learn.take(range(50)), material.held, material.test, material.bench)
    assert row.key(other) != key
    assert row.key(material) != table.Row("tfidf", row.name, row.make, lambda: "another").key(material)
    monkeypatch.setattr(table, "SHARED", ())
    assert row.key(material) != key


def test_a_library_that_is_not_there_leaves_its_row_out(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*args: object) -> Made:
        raise ModuleNotFoundError("No module named 'setfit'", name="setfit")

    monkeypatch.setattr(table, "make_row", missing)
    said: list[str] = []
    table.run(material, tmp_path / "out.json", tmp_path / "work", ["setfit"], said.append)
    assert any("left out, setfit is not installed" in line for line in said)


def test_a_shipped_model_of_another_codebook_is_left_out(material: Material, tmp_path: Path) -> None:
    one = dataclasses.replace(material.book, indicators=material.book.indicators[:1])
    other = dataclasses.replace(material, book=one)
    said: list[str] = []
    table.run(other, tmp_path / "out.json", tmp_path / "work", ["shipped:lexicon"], said.append)
    assert any("left out, unknown class" in line for line in said)


def test_rows_are_chosen_by_id_or_group() -> None:
    known = table.rows()
    assert table.choose(known, []) == known
    assert [r.id for r in table.choose(known, ["lora", "shipped"])] == [
        "lora",
        "shipped:lexicon",
        "shipped:linear",
        "shipped:minilm",
    ]
    with pytest.raises(UnknownNameError, match="'lora'"):
        table.choose(known, ["loar"])


def test_the_command_writes_the_table_and_says_what_is_wrong(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, work = tmp_path / "deep" / "b.json", tmp_path / "work"
    common = ["--data", str(shared), "--out", str(out), "--work", str(work)]
    main([*common, "--rows", "majority"])
    assert "majority: test 0.000" in capsys.readouterr().out
    assert list(json.loads(out.read_text())["annotated"]) == ["majority"]
    with pytest.raises(SystemExit, match="unknown row"):
        main([*common, "--rows", "none"])


def test_thresholds_come_from_the_held_sentences_alone(material: Material) -> None:
    asked: list[int] = []

    def scorer(texts: list[str]) -> np.ndarray:
        asked.append(len(texts))
        return np.full((len(texts), 10), 0.1, np.float32)

    made = annotated(Made(scorer, 7, "a cap"), material, draws=20)
    assert asked == [len(material.held.rows), len(material.test.rows)]
    assert (made["learned_from"], made["cap"]) == (7, "a cap")
    assert annotated(majority(material, quiet), material, draws=20)["held_out"] == 0


@pytest.mark.parametrize("learner", [tfidf, frozen_encoder, zero_shot], ids=lambda f: f.__name__)
def test_quick_learners_score_every_class(learner, material: Material) -> None:
    made = learner(material, quiet)
    p = made.scorer(material.test.texts)
    assert p.shape == material.test.gold.shape
    assert np.isfinite(p).all()
    assert made.learned_from == (0 if learner is zero_shot else len(material.learn.rows))


def test_spacys_categoriser_learns_the_word_that_gives_the_code_away(material: Material) -> None:
    said: list[str] = []
    made = spacy_textcat(material, said.append, epochs=10)
    assert first_class_auc(made, material) > 0.9
    assert said[-1] == "epoch 10 of 10"


def test_few_takes_the_same_number_of_every_class(material: Material) -> None:
    gold = material.learn.gold
    index = few(gold, 5)
    assert (gold[index].sum(0) == 5).all()
    assert (gold[index].sum(1) == 0).sum() == 10
    assert (few(gold, 5) == index).all()


def test_set_fit_runs_to_the_end(material: Material) -> None:
    pytest.importorskip("setfit", reason="setfit is not installed")
    said: list[str] = []
    made = set_fit(material, said.append, each=4, pairs=160)
    assert made.scorer(material.test.texts).shape == material.test.gold.shape
    assert made.learned_from == len(material.learn.rows)
    assert made.cap.startswith("encoder from 160 pairs of ")
    assert "step 10 of 10" in said


def test_lora_trains_its_additions_and_the_head(material: Material) -> None:
    pytest.importorskip("peft", reason="peft is not installed")
    said: list[str] = []
    made = lora(material, said.append, rank=2, budget=256)
    p = made.scorer(material.test.texts)
    assert p.shape == material.test.gold.shape
    assert ((p > 0) & (p < 1)).all()
    assert made.cap == "one epoch, rank 2"
    assert said[-1].endswith("about 0 s left of training")
