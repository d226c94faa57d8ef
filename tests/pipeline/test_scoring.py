from __future__ import annotations

from pathlib import Path

import pytest

from sca_nlp.config import SpeechesSection
from sca_nlp.errors import InputError
from sca_nlp.pipeline import scoring as pipeline
from sca_nlp.pipeline.reading import read
from sca_nlp.store import check_run, iter_passages, store_digest
from tests.fakes import fake_tools, speech


def test_scores_attributes_and_counts(tmp_path: Path) -> None:
    summary = pipeline.score([speech(1), speech(2)], tmp_path, fake_tools())
    assert (summary.n_speeches, summary.n_passages, summary.n_known) == (2, 6, 0)
    rows = [r for t in iter_passages(tmp_path) for r in t.to_pylist()]
    assert [r["codes"] for r in rows[:3]] == [[], ["TP+"], ["SS+"]]
    assert rows[1]["targets"] == ["RUS"]
    assert rows[1]["actors"] == ["RUS"]
    assert rows[1]["TP+"] == pytest.approx(0.9)
    assert summary.counts["coded"] == 4


def test_running_again_scores_only_what_is_new(tmp_path: Path) -> None:
    pipeline.score([speech(1)], tmp_path, fake_tools())
    tools = fake_tools()
    summary = pipeline.score([speech(1), speech(2)], tmp_path, tools)
    assert (summary.n_speeches, summary.n_known) == (1, 1)
    assert tools.classifier.n_calls == 1  # type: ignore[attr-defined]
    assert check_run(tmp_path).n_speeches == 2


def test_a_changed_model_starts_beside(tmp_path: Path) -> None:
    first = pipeline.score([speech(1)], tmp_path / "run", fake_tools())
    second = pipeline.score([speech(1)], tmp_path / "run", fake_tools("fake-2"))
    assert first.folder != second.folder
    assert second.folder.parent == tmp_path
    assert check_run(first.folder).n_speeches == check_run(second.folder).n_speeches == 1


def test_a_poisoned_speech_is_rejected_alone(tmp_path: Path) -> None:
    speeches = [speech(1), speech(2, text="This is POISON to the model."), speech(3)]
    summary = pipeline.score(speeches, tmp_path, fake_tools())
    assert summary.n_speeches == 2
    assert [r.file for r in summary.rejects] == ["s2"]
    assert "poisoned" in summary.rejects[0].reason


def test_a_changed_text_is_rejected(tmp_path: Path) -> None:
    pipeline.score([speech(1)], tmp_path, fake_tools())
    summary = pipeline.score([speech(1, text="Another text.")], tmp_path, fake_tools())
    assert summary.n_speeches == 0
    assert "scored before" in summary.rejects[0].reason


def test_shard_size_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.score([speech(n) for n in range(9)], tmp_path / "one", fake_tools())
    monkeypatch.setattr(pipeline, "SHARD_CHARACTERS", 1)
    pipeline.score([speech(n) for n in range(9)], tmp_path / "many", fake_tools())
    assert store_digest(tmp_path / "one") == store_digest(tmp_path / "many")


def test_errors_of_the_reader_reach_the_caller(tmp_path: Path) -> None:
    def broken():
        yield speech(1)
        raise KeyError("reader")

    with pytest.raises(KeyError):
        pipeline.score(broken(), tmp_path, fake_tools())


def test_unknown_language_is_guessed(tmp_path: Path) -> None:
    text = "The government of the country has said that it will not be part of this and that they are with us."
    pipeline.score([speech(1, text=text, language="")], tmp_path, fake_tools())
    assert next(iter_passages(tmp_path))["language"].to_pylist() == ["en"]


def test_an_unreadable_file_leaves_no_run_behind(tmp_path: Path) -> None:
    sections = [SpeechesSection(str(tmp_path / "none.csv"))]
    with pytest.raises(InputError):
        pipeline.score(read(sections, lambda r: None), tmp_path / "run", fake_tools())
    assert not (tmp_path / "run").exists()


POLISH = (
    "Rząd naszego kraju nigdy nie zgodzi się na taki porządek, ponieważ każde państwo ma prawo do życia w pokoju. " * 3
)
ENGLISH = "We keep our word and we want peace with all of them. " * 4


def test_language_windows_and_empty_text_are_columns_and_counts(tmp_path: Path) -> None:
    speeches = [
        speech(1, text=ENGLISH, language="English"),
        speech(2, text=ENGLISH, language="EN-us"),
        speech(3, text=POLISH, language=""),
        speech(4, text="Vive la paix.", language="fra"),
        speech(5, text="Peace.", language=""),
        speech(6, text="\n \n", language="en"),
    ]
    summary = pipeline.score(speeches, tmp_path, fake_tools())
    rows = [r for t in iter_passages(tmp_path) for r in t.to_pylist()]
    languages = {r["speech_id"]: r["language"] for r in rows}
    assert languages == {"s1": "en", "s2": "en", "s3": "und", "s4": "fr", "s5": ""}
    assert summary.counts["other_language"] == 3 + 1
    assert summary.counts["empty_speeches"] == 1
    assert summary.counts["windowed"] == 0


def test_long_sentences_are_marked_end_to_end(tmp_path: Path) -> None:
    text = "We want peace. They " + "and peace " * 400 + "."
    summary = pipeline.score([speech(1, text=text)], tmp_path, pipeline.load_tools("minilm", threads=1))
    n_windows = [n for t in iter_passages(tmp_path) for n in t["n_windows"].to_pylist()]
    assert n_windows[0] == 1
    assert summary.counts["windowed"] == sum(n > 1 for n in n_windows) > 0


def test_a_shard_that_fails_whole_is_rejected_and_leaves_nothing(tmp_path: Path) -> None:
    done = pipeline.finish_shard([speech(1, text="This is POISON.")], fake_tools(), tmp_path)
    assert (done.digests, done.n_passages, len(done.rejects)) == ({}, 0, 1)
    assert list(tmp_path.iterdir()) == []
    summary = pipeline.score([speech(1, text="This is POISON.")], tmp_path / "run", fake_tools())
    assert summary.counts == {"speeches": 0, "rejects": 1}
    assert pipeline.predict([], [], [], [], [], fake_tools()) == []
