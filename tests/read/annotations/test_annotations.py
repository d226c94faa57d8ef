from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sca_nlp.codebook import default_codebook
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.read.annotations import READERS, WRITERS, guess_format, read_annotations, write_annotations
from sca_nlp.records import Annotation, Reject

BOOK = default_codebook()

# Blank-free words where a format separates items by blanks; any printable text elsewhere.
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40
).filter(lambda s: s.strip() == s and s)
CODES = st.lists(st.sampled_from(BOOK.indicators), unique_by=lambda i: i.id, max_size=3).flatmap(
    lambda ids: st.tuples(*(st.sampled_from([i.short + m for m in i.values.values()]) for i in ids))
)


@st.composite
def annotation(draw: st.DrawFn) -> Annotation:
    codes = tuple(sorted(draw(CODES), key=BOOK.classes.index))
    return Annotation(
        annotation_id=draw(st.from_regex(r"[a-f0-9]{4,8}[g-z]", fullmatch=True)),
        speech_id=draw(st.from_regex(r"[A-Z]{3}_[0-9]{2}", fullmatch=True)),
        start=draw(st.integers(0, 99)),
        end=draw(st.integers(100, 199)),
        text=draw(TEXT),
        codes=codes,
        targets=tuple(draw(st.lists(st.sampled_from(["RUS", "NATO", "?"]), unique=True, max_size=3))) if codes else (),
        prev=draw(st.one_of(st.just(""), TEXT)),
        date=draw(st.sampled_from(["", "1985", "1985-03-11"])),
        coder=draw(st.sampled_from(["", "ana"])),
        weight=draw(st.one_of(st.none(), st.floats(0.5, 9))),
    )


@pytest.mark.parametrize("name", sorted(WRITERS))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(annotation(), min_size=1, max_size=4))
def test_what_is_written_comes_back_unchanged(name: str, rows: list[Annotation], tmp_path: Path) -> None:
    path = tmp_path / ("a.csv" if name == "csv" else "a.parquet" if name == "parquet" else "a.json")
    assert write_annotations(path, rows, name) == len(rows)
    assert guess_format(path) == name
    bad: list[Reject] = []
    assert list(read_annotations(path, rejects=bad.append)) == rows
    assert not bad


def lines(path: Path, *records: object) -> Path:
    path.write_text("\n".join(json.dumps(r) for r in records), encoding="utf-8")
    return path


def test_bad_records_are_rejected_with_their_line(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "a.jsonl",
        {"text": "They threaten us.", "codes": ["TP+"]},
        {"text": "Both.", "codes": ["TP+", "TP-"]},
        {"text": "Unknown.", "codes": ["XX+"]},
        [1],
        {"codes": []},
    )
    bad: list[Reject] = []
    assert [a.codes for a in read_annotations(path, format="jsonl", rejects=bad.append)] == [("TP+",)]
    assert [b.line for b in bad] == [4, 2, 3, 5] or sorted(b.line for b in bad) == [2, 3, 4, 5]


def test_our_annotation_files_are_understood(tmp_path: Path) -> None:
    row = {"id": "a1", "corpus": "c", "doc_id": "D", "country": "FRA", "start": 3, "end": 9, "text": "x y", "codes": []}
    (got,) = read_annotations(lines(tmp_path / "a.jsonl", row | {"part": "stratified", "weight": 2.5}))
    assert (got.annotation_id, got.speech_id, got.source, got.stream, got.weight) == (
        "a1",
        "D",
        "FRA",
        "stratified",
        2.5,
    )


def test_csv_codes_by_name_and_absent(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        'text,codes\n"Peace, friends",force_as_option:denied; SS+\nNothing here,absent\n', encoding="utf-8-sig"
    )
    assert [a.codes for a in read_annotations(path)] == [("SS+", "FO-"), ()]


def test_csv_without_codes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label_x\na,b\n")
    with pytest.raises(InputError, match="label_x"):
        list(read_annotations(path))


def test_label_studio_one_annotation_a_coder(tmp_path: Path) -> None:
    def by(who: int, *choices: str, **more: object) -> dict[str, object]:
        return {"completed_by": who, "result": [{"from_name": "codes", "value": {"choices": list(choices)}}], **more}

    task = {
        "id": 7,
        "data": {"text": "We will resist."},
        "annotations": [by(1, "FO+"), by(2), by(3, "TP+", was_cancelled=True)],
    }
    path = tmp_path / "export.json"
    path.write_text(json.dumps([task]))
    got = list(read_annotations(path))
    assert [(a.coder, a.codes) for a in got] == [("1", ("FO+",)), ("2", ())]


def test_prodigy_binary_answers_are_joined(tmp_path: Path) -> None:
    rows = [
        {"text": "They attack.", "label": "TP+", "answer": "accept", "_annotator_id": "p"},
        {"text": "They attack.", "label": "FO+", "answer": "reject", "_annotator_id": "p"},
        {"text": "They attack.", "label": "NA-", "answer": "accept", "_annotator_id": "p"},
        {"text": "Skip.", "label": "NA-", "answer": "ignore", "_annotator_id": "p"},
    ]
    (got,) = read_annotations(lines(tmp_path / "a.jsonl", *rows))
    assert got.codes == ("TP+", "NA-")


def test_argilla_only_submitted_responses(tmp_path: Path) -> None:
    answers = [{"value": ["SS+"], "user_id": "u", "status": "submitted"}, {"value": ["TP+"], "status": "draft"}]
    record = {"id": "r", "fields": {"text": "We are friends."}, "responses": {"codes": answers}}
    (got,) = read_annotations(lines(tmp_path / "a.jsonl", record))
    assert (got.codes, got.coder) == (("SS+",), "u")


def test_inception_offsets_count_characters(tmp_path: Path) -> None:
    text = "Hail \U0001f600 all. They threaten us."
    sofa = {"%ID": 1, "%TYPE": "uima.cas.Sofa", "sofaString": text}
    sentence = "de.tudarmstadt.ukp.dkpro.core.api.segmentation.type.Sentence"
    cut = text.index("They") + 1  # UTF-16 units: the emoji takes two
    structures = [
        sofa,
        {"%TYPE": sentence, "begin": 0, "end": cut - 1},
        {"%TYPE": sentence, "begin": cut, "end": cut + 17},
        {"%TYPE": "webanno.custom.Narrative", "begin": cut + 5, "end": cut + 13, "code": "TP+", "target": "RUS,NATO"},
    ]
    path = tmp_path / "doc.json"
    path.write_text(json.dumps({"%TYPES": {}, "%FEATURE_STRUCTURES": structures}))
    got = list(read_annotations(path))
    assert [a.codes for a in got] == [(), ("TP+",)]
    assert text[got[1].start : got[1].end] == got[1].text == "They threaten us."
    assert (got[1].targets, got[1].prev) == (("RUS", "NATO"), "Hail \U0001f600 all.")


def test_unknown_format_lists_the_known(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", {"text": "x", "codes": []})
    with pytest.raises(UnknownNameError, match="doccano"):
        read_annotations(path, format="docano")
    assert set(WRITERS) < set(READERS)
