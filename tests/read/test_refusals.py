"""Branches that only unusual files reach: each refusal says where, what was got and what was wanted."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sca_nlp.errors import InputError
from sca_nlp.read.annotations import read_annotations
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.speeches import read_speeches
from sca_nlp.records import Reject
from sca_nlp.share import share_path

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
