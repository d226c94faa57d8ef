from __future__ import annotations

from pathlib import Path

import pytest

from sca_nlp.config import SpeechesSection
from sca_nlp.errors import InputError
from sca_nlp.pipeline import scoring as pipeline
from sca_nlp.read.speeches import ReadReport
from sca_nlp.records import Reject
from sca_nlp.share import share_path
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


GOOD = "id,date,country,text\na,1999,FRA,Peace with Poland.\nb,2001,USA,Peace with Spain.\n"


def test_a_bad_file_among_good_ones_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(GOOD)
    (tmp_path / "bad.csv").write_text("x,y\n1,2\n")
    sections = [SpeechesSection(str(tmp_path / n)) for n in ("bad.csv", "good.csv")]
    rejects: list[Reject] = []
    assert [s.speech_id for s in pipeline.read(sections, rejects.append, leave_out=True)] == ["a", "b"]
    assert "file left out" in rejects[0].reason
    with pytest.raises(InputError, match="no text column"):
        list(pipeline.read(sections, rejects.append))
    with pytest.raises(InputError, match="no text column"):
        list(pipeline.read(sections[:1], rejects.append, leave_out=True))


def test_speeches_passed_over_are_told(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(GOOD)
    report = ReadReport()
    section = SpeechesSection(str(tmp_path / "good.csv"), sources=("FRA",))
    assert len(list(pipeline.read([section], lambda r: None, report=report))) == 1
    assert "1 of 2 speeches passed over" in report.notes[-1]


def test_an_unreadable_file_leaves_no_run_behind(tmp_path: Path) -> None:
    sections = [SpeechesSection(str(tmp_path / "none.csv"))]
    with pytest.raises(InputError):
        pipeline.score(pipeline.read(sections, lambda r: None), tmp_path / "run", fake_tools())
    assert not (tmp_path / "run").exists()


def test_sources_are_known_by_the_names_of_own_actors(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("id,date,country,text\na,1999,Norvale,x\nb,1999,Neverland,x\n")
    files = [str(share_path("corpus", "sample", "actors.toml"))]
    sections = [SpeechesSection(str(tmp_path / "own.csv"))]
    assert [s.source for s in pipeline.read(sections, lambda r: None, actor_files=files)] == ["NVL", "Neverland"]


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


def test_first_and_last_compare_dates_by_what_both_say(tmp_path: Path) -> None:
    dates = ["1998-12", "1999", "1999-03-11", "1999-03-12", "2001-05", "2001-06-01"]
    rows = "".join(f"s{k},{d},FRA,Peace.\n" for k, d in enumerate(dates))
    (tmp_path / "a.csv").write_text("id,date,country,text\n" + rows)
    section = SpeechesSection(str(tmp_path / "a.csv"), first="1999-03-12", last="2001-05")
    found = [s.date for s in pipeline.read([section], lambda r: None)]
    assert found == ["1999", "1999-03-12", "2001-05"]


def test_a_shard_that_fails_whole_is_rejected_and_leaves_nothing(tmp_path: Path) -> None:
    done = pipeline.finish_shard([speech(1, text="This is POISON.")], fake_tools(), tmp_path)
    assert (done.digests, done.n_passages, len(done.rejects)) == ({}, 0, 1)
    assert list(tmp_path.iterdir()) == []
    summary = pipeline.score([speech(1, text="This is POISON.")], tmp_path / "run", fake_tools())
    assert summary.counts == {"speeches": 0, "rejects": 1}
    assert pipeline.predict([], [], [], [], [], fake_tools()) == []
