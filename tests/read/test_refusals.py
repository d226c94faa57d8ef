"""Branches that only unusual files reach: each refusal says where, what was got and what was wanted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sca_nlp.errors import InputError
from sca_nlp.read.annotations import read_annotations
from sca_nlp.read.deeds import DeedTable, read_deeds
from sca_nlp.read.deeds.files import MAX_REJECTS, add_rejects
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.table import DEED_SCHEMA
from sca_nlp.read.speeches import read_speeches
from sca_nlp.records import Reject
from sca_nlp.share import share_path

_HEADER = "date,source,target,manifestation,sign,magnitude,verbal\n"
SENTENCE = {"%TYPE": "a.b.Sentence", "begin": 0, "end": 5}


@pytest.mark.parametrize(
    ("cas", "message"),
    [
        ("{", "not JSON"),
        ({}, "no %FEATURE_STRUCTURES"),
        ({"%FEATURE_STRUCTURES": []}, "no sofaString"),
        ({"%FEATURE_STRUCTURES": {"1": {"sofaString": "Words"}}}, "no sentences"),
    ],
)
def test_exports_of_inception_that_are_none(tmp_path: Path, cas: object, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(cas if isinstance(cas, str) else json.dumps(cas))
    with pytest.raises(InputError, match=message):
        list(read_annotations(path, format="inception"))


def test_a_code_that_is_none_in_inception_is_a_reject(tmp_path: Path) -> None:
    mark = {"%TYPE": "x.custom.Narrative", "begin": 0, "end": 5, "code": "nonsense", "n": 1}
    cas = {"%FEATURE_STRUCTURES": [{"sofaString": "Words"}, SENTENCE, mark]}
    (tmp_path / "a.json").write_text(json.dumps(cas))
    rejects: list[Reject] = []
    (got,) = read_annotations(tmp_path / "a.json", format="inception", rejects=rejects.append)
    assert got.codes == ()
    assert "nonsense" in rejects[0].record


def test_parquet_annotations_that_are_none_or_half(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(InputError, match="a Parquet file"):
        list(read_annotations(path))
    pq.write_table(pa.table({"text": [f"We keep it {k}." for k in range(99)], "codes": ["TP+"] * 99}), path)
    data = bytearray(path.read_bytes())
    data[4:40] = b"\xff" * 36
    path.write_bytes(bytes(data))
    rejects: list[Reject] = []
    assert list(read_annotations(path, rejects=rejects.append)) == []
    assert "damaged Parquet" in rejects[0].reason


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (("title = ", "titel = "), "source.title"),
        (("sign = 1", "sign = 7"), "codes"),
        (("[source]", "[source"), "toml"),
        (("[source]", "codes = 1\n[source]"), "toml"),
    ],
)
def test_mapping_tables_that_break_a_rule(tmp_path: Path, change: tuple[str, str], where: str) -> None:
    shipped = share_path("configs", "deeds", "alliances.toml").read_text("utf-8")
    assert change[0] in shipped
    (tmp_path / "mine.toml").write_text(shipped.replace(*change))
    with pytest.raises(InputError) as caught:
        load_mapping("alliances", tmp_path / "mine.toml")
    assert where in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("side.xlsx", b"PK no zip", "not readable as zip"),
        ("side.ods", b"x", "ending"),
        ("side.xlsx", b"", "not readable as zip"),
    ],
)
def test_side_tables_that_are_none(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / "t.txt").write_text("We keep it.")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(read_speeches(tmp_path, "text", rejects=lambda reject: None, sidecar=tmp_path / name))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1", "wanted a table with manifestation, sign, magnitude, verbal"),
        ('{ manifestation = "doctrine", sign = 1, weight = 2 }', "unknown key 'weight'"),
        ('{ manifestation = "war", sign = 1 }', "manifestation 'war'; wanted one of"),
        ('{ manifestation = "doctrine", sign = 1, magnitude = -1 }', "magnitude -1; wanted a number of at least 0"),
        ('{ manifestation = "doctrine", sign = 1, magnitude = "much" }', "magnitude 'much'"),
    ],
)
def test_codes_of_a_mapping_that_break_a_rule_are_named(tmp_path: Path, row: str, message: str) -> None:
    said = "\n".join(f'{k} = "x"' for k in ("title", "measure", "grain", "unit", "licence", "citation", "notes"))
    (tmp_path / "mine.toml").write_text(f"[source]\n{said}\n[codes]\nx1 = {row}\n")
    with pytest.raises(InputError, match=r"mine\.toml: codes\.x1: ") as caught:
        load_mapping("mine", tmp_path / "mine.toml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("reader", "options", "message"),
    [
        ("nmc", {"variable": "tanks"}, "variable: 'tanks'; wanted milex or milper"),
        ("sipri_milex", {"variable": "tanks"}, "variable: 'tanks'; wanted share_gdp or real"),
        ("unga", {"subset": "some"}, "subset: 'some'; wanted agree or agree_arms"),
    ],
)
def test_options_that_a_publisher_does_not_have(
    tmp_path: Path, reader: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_deeds(reader, tmp_path / "never.read", rejects=[], **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("reader", "name", "content", "message"),
    [
        (
            "sipri_milex",
            "a.csv",
            "iso3,year,share_gdp\nFRA,1999,4.1\nFRA,2000,7.5\n",
            "a share of GDP of 7.5; wanted",
        ),
        ("sipri_arms", "a.csv", "Figures\n,1999,2000,Total\nPoland,1,2,3\n", "wanted 'TIV of arms exports from ...'"),
        ("sipri_arms", "a.csv", "TIV of arms exports from France\n,1999,2000,Total\nTotal,1,2,3\n", "no delivery"),
        ("alliances", "a.csv", "ccode1,ccode2,year\n2,20,1999\n", "no column of obligations"),
        ("mid_cow", "a.csv", "dispnum,ccode\n1,2\n", "no column"),
        (
            "chronology",
            "a.csv",
            _HEADER + "1999,,USA,doctrine,1,1,false\n",
            "no row that can be read as a deed",
        ),
        ("nmc", "a.csv", "ccode,year,milex\n", "no rows"),
        ("igo", "a.csv", "x,y\n1,2\n", "no column ccode1, ccode2, year, dyadigos (it has x, y)"),
    ],
)
def test_files_of_publishers_that_are_not_what_they_are_said_to_be(
    tmp_path: Path, reader: str, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as caught:
        read_deeds(reader, tmp_path / name, rejects=[])
    assert message in str(caught.value)


@pytest.mark.parametrize(("reader", "message"), [("mid_cow", "no MIDB file in the folder"), ("unga", "no file un_")])
def test_folders_of_publishers_without_the_file(tmp_path: Path, reader: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_deeds(reader, tmp_path, rejects=[])
    assert message in str(caught.value)


def test_a_source_that_declares_nonsense_is_refused() -> None:
    source = load_mapping("mid_cow").declare("1990", "1991")
    for change, message in (({"measure": "mood"}, "measure 'mood'"), ({"grain": "decade"}, "grain 'decade'")):
        with pytest.raises(InputError, match=message):
            DeedTable(replace(source, **change), DEED_SCHEMA.empty_table())
    loose = pa.table({f.name: pa.array([], f.type if f.name != "sign" else pa.int64()) for f in DEED_SCHEMA})
    assert DeedTable(source, loose).deeds.schema == DEED_SCHEMA


def test_too_many_bad_rows_are_counted() -> None:
    rejects: list[Reject] = []
    add_rejects(rejects, "a.csv", [(k, "bad", None) for k in range(MAX_REJECTS)], MAX_REJECTS + 7)
    assert len(rejects) == MAX_REJECTS + 1
    assert rejects[-1].reason == "7 more rows like those above"


def test_label_studio_with_targets_and_a_task_that_is_none(tmp_path: Path) -> None:
    result = [
        {"from_name": "codes", "value": {"choices": ["TP+"]}},
        {"from_name": "targets", "value": {"text": ["RUS", "USA"]}},
        {"from_name": "codes", "value": "none"},
    ]
    done = [{"completed_by": {"email": "a@b.c"}, "result": result}, {"was_cancelled": True}]
    tasks = [{"id": 1, "data": {"text": "We keep it."}, "annotations": done}, {"id": 2, "data": None}, "no task"]
    (tmp_path / "a.json").write_text(json.dumps(tasks))
    rejects: list[Reject] = []
    (got,) = read_annotations(tmp_path / "a.json", format="label_studio", rejects=rejects.append)
    assert (got.codes, got.targets, got.coder) == (("TP+",), ("RUS", "USA"), "a@b.c")
    assert [r.reason for r in rejects] == ["a task without data", "no JSON object"]


def test_argilla_records_of_version_1(tmp_path: Path) -> None:
    record = {"id": "x", "inputs": {"text": "We keep it."}, "annotation": ["TP+"], "annotation_agent": "ada"}
    (tmp_path / "a.json").write_text(json.dumps([record]))
    (got,) = read_annotations(tmp_path / "a.json", format="argilla")
    assert (got.text, got.codes, got.coder) == ("We keep it.", ("TP+",), "ada")


def test_annotations_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        list(read_annotations(tmp_path / "none.jsonl"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"day_first": "perhaps"}, "option day_first: 'perhaps'; wanted true or false"),
        ({"max_record": "1e6"}, "option max_record: '1e6'; wanted a whole number"),
    ],
)
def test_options_from_the_command_line_that_make_no_sense(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    (tmp_path / "a.csv").write_text("id,date,country,text\n1,1999,FRA,Peace.\n")
    with pytest.raises(InputError) as caught:
        list(read_speeches(tmp_path / "a.csv", rejects=lambda reject: None, **options))
    assert message in str(caught.value)
    assert (
        len(list(read_speeches(tmp_path / "a.csv", rejects=lambda reject: None, max_record="100", day_first="True")))
        == 1
    )


def test_records_with_a_long_id_or_bytes_for_text(tmp_path: Path) -> None:
    table = {
        "id": ["a" * 2000, "b"],
        "date": ["1999", "2000"],
        "country": ["FRA", "USA"],
        "text": [b"One.", b"Tw\xf6."],
    }
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    rejects: list[Reject] = []
    (got,) = read_speeches(tmp_path / "a.parquet", rejects=rejects.append)
    assert (got.speech_id, got.text) == ("b", "Tw\ufffd.")
    assert "speech_id of 2,000 characters" in rejects[0].reason


def test_side_tables_with_a_row_too_many_and_one_without_a_name(tmp_path: Path) -> None:
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("We keep it.")
    rows = ["one.txt,1999,FRA", "one.txt,2001,USA", ",2000,DEU", "./two.txt,2001,USA"]
    (tmp_path / "side.csv").write_text("\n".join(["file,date,source", *rows]) + "\n")
    rejects: list[Reject] = []
    found = list(read_speeches(tmp_path, "text", rejects=rejects.append, sidecar="side.csv"))
    assert [(s.date, s.source) for s in found] == [("1999", "FRA"), ("2001", "USA")]
    reasons = [r.reason for r in rejects]
    assert any("has a row already" in r for r in reasons)
    assert any("no file name in this row" in r for r in reasons)


def test_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        list(read_speeches(tmp_path / "none", "text", rejects=lambda reject: None))


def test_debates_that_link_out_of_their_folder_or_are_too_long(tmp_path: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("Not for reading.")
    folder = tmp_path / "TXT" / "Session 54 - 1999"
    folder.mkdir(parents=True)
    (folder / "FRA_54_1999.txt").write_text("We keep it.")
    (folder / "USA_54_1999.txt").symlink_to(outside)
    (folder / "DEU_54_1999.txt").write_text("x" * 500)
    rejects: list[Reject] = []
    found = list(read_speeches(tmp_path / "TXT", "ungdc", rejects=rejects.append, max_record=100))
    assert [s.source for s in found] == ["FRA"]
    reasons = " | ".join(r.reason for r in rejects)
    assert "USA_54_1999.txt: a link to outside the folder; not followed" in reasons
    assert "DEU_54_1999.txt: 500 bytes; wanted at most 100" in reasons
