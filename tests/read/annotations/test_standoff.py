from __future__ import annotations

import json
from pathlib import Path

from sca_nlp.read.annotations import read_annotations, write_annotations
from sca_nlp.read.annotations.standoff import fill_texts, stand_off, text_digest
from sca_nlp.records import Annotation, Reject
from sca_nlp.segment import segment

SPEECH = "We trust our neighbour.  He keeps\nhis word. The rest is trade."


def speeches(folder: Path, text: str = SPEECH) -> Path:
    path = folder / "speeches.jsonl"
    row = {"speech_id": "A1", "date": "1990-05-01", "source": "FRA", "speaker": "A. B.", "text": text}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return path


def coded(start: int, end: int, speech: str = "A1") -> Annotation:
    return Annotation(f"{speech}-{start}", speech, start, end, SPEECH[start:end], ("SS+",))


def test_a_sentence_comes_back_from_its_place(tmp_path: Path) -> None:
    rows = [coded(0, 23), coded(25, 43)]
    path = tmp_path / "coded.csv"
    write_annotations(path, [stand_off(r) for r in rows], "csv")
    assert SPEECH[:10] not in path.read_text()
    bad: list[Reject] = []
    got = list(fill_texts(read_annotations(path), speeches(tmp_path), bad.append, segment))
    assert [r.text for r in got] == [r.text for r in rows]
    assert got[0].source == "FRA"
    assert got[0].speaker == "A. B."
    assert [(r.prev, r.next) for r in got] == [("", SPEECH[25:43]), (SPEECH[:23], SPEECH[44:])]
    assert not bad


def test_a_place_inside_or_across_sentences_has_neighbours_too(tmp_path: Path) -> None:
    inside, across = (stand_off(coded(*span)) for span in ((28, 33), (3, 30)))
    got = list(fill_texts([inside, across], speeches(tmp_path), cut=segment))
    assert next(fill_texts([inside], speeches(tmp_path))).prev == ""
    assert [(r.prev, r.next) for r in got] == [(SPEECH[:23], SPEECH[44:]), ("", SPEECH[44:])]


def test_another_edition_and_a_missing_speech_are_rejected(tmp_path: Path) -> None:
    rows = [stand_off(coded(0, 23)), stand_off(coded(0, 23, "B2"))]
    bad: list[Reject] = []
    assert not list(fill_texts(rows, speeches(tmp_path, "Well, " + SPEECH), bad.append))
    assert [r.record for r in bad] == ["A1", "B2"]
    assert "another edition" in bad[0].reason
    assert "no such speech" in bad[1].reason


def test_rows_with_a_text_pass_without_any_speeches(tmp_path: Path) -> None:
    row = coded(0, 23)
    assert list(fill_texts([row], tmp_path / "none.jsonl")) == [row]


def test_the_digest_reads_white_space_as_one_blank() -> None:
    assert text_digest("a  b\nc") == text_digest("a b c") != text_digest("a b d")
