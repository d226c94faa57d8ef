"""Tables of passages in and out: any encoding and delimiter, no column and no row lost, clear errors."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sca_nlp import pipeline
from sca_nlp.errors import InputError, ScaError
from sca_nlp.passages_io import PredictSummary, predict_file, write_tables
from tests.fakes import fake_tools

THREAT = "They are a threat, à notre avis."


def predict(source: Path, target: Path) -> PredictSummary:
    return predict_file(source, target, fake_tools(), pipeline.predict, lambda n: None)


def coded(source: Path) -> list[dict[str, Any]]:
    target = source.with_name("out.jsonl")
    predict(source, target)
    return [json.loads(line) for line in target.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_is_read_in_any_encoding_and_delimiter(tmp_path: Path, encoding: str, delimiter: str) -> None:
    source = tmp_path / "in.csv"
    with source.open("w", encoding=encoding, newline="") as f:
        csv.writer(f, delimiter=delimiter).writerows(
            [["Text", "Country"], [THREAT, "France"], ["Hello", "Italie; sic"]]
        )
    rows = coded(source)
    assert [r["Text"] for r in rows] == [THREAT, "Hello"]
    assert rows[0]["codes"] == ["TP+"]


def test_no_row_and_no_column_is_lost(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text(f'text,note,note\n"{THREAT}",a,b\nshort\nlong,1,2,3\n')
    assert [{k: r.get(k) for k in ("text", "note", "note_2", "column_4")} for r in coded(source)] == [
        {"text": THREAT, "note": "a", "note_2": "b", "column_4": None},
        {"text": "short", "note": None, "note_2": None, "column_4": None},
        {"text": "long", "note": "1", "note_2": "2", "column_4": "3"},
    ]


ODD = [
    {"text": THREAT, "when": 1985, "tags": [], "deep": {}},
    {"text": None, "when": "March 1985", "late": "x", "tags": ["a"]},
    {"text": "\ud800 friend", "when": None},
    {"when": 2.5},
]


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "jsonl"])
def test_odd_columns_come_out_in_every_form(tmp_path: Path, ending: str) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / f"out.{ending}"
    source.write_text("".join(json.dumps(row) + "\n" for row in ODD))
    summary = predict(source, target)
    assert (summary.n_rows, summary.n_coded, summary.n_empty) == (4, 2, 2)
    if ending == "parquet":
        rows = pq.read_table(target).to_pylist()
        assert pq.read_table(target).schema.field("codes").type == pa.list_(pa.string())
    elif ending == "jsonl":
        rows = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    else:
        rows = list(
            csv.DictReader(target.open(newline="", encoding="utf-8"), delimiter="\t" if ending == "tsv" else ",")
        )
    assert [str(r["when"] or "") for r in rows] == ["1985", "March 1985", "", "2.5"]
    assert [r.get("late") or "" for r in rows] == ["", "x", "", ""]
    assert len(rows) == 4


def test_only_empty_rows_of_parquet_still_have_typed_columns(tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    pq.write_table(pa.table({"text": pa.array(["", None])}), source)
    predict(source, tmp_path / "out.parquet")
    schema = pq.read_table(tmp_path / "out.parquet").schema
    assert schema.field("targets").type == pa.list_(pa.string())
    assert pa.types.is_struct(schema.field("probabilities").type)


def test_country_and_date_are_understood_as_in_speeches(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []

    def spy(texts, prev, next_, sources, dates, tools):
        seen.extend(zip(sources, dates, strict=True))
        return pipeline.predict(texts, prev, next_, sources, dates, tools)

    source = tmp_path / "in.csv"
    source.write_text("text,country,date\nx,Soviet Union,12 March 1985\ny,Atlantis,soon\nz,,\n")
    summary = predict_file(source, tmp_path / "out.csv", fake_tools(), spy, lambda n: None)
    assert seen == [("RUS", "1985-03-12"), ("Atlantis", ""), ("", "")]
    assert (summary.n_countries, summary.n_dates) == (1, 1)
    assert next(iter(csv.DictReader((tmp_path / "out.csv").open())))["country"] == "Soviet Union"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("body,country\nx,FRA\n", "no text column"),
        ('{"text": ["a"]}', "text is list"),
    ],
)
def test_a_file_without_texts_is_refused(tmp_path: Path, content: str, message: str) -> None:
    source = tmp_path / ("in.jsonl" if content.startswith("{") else "in.csv")
    source.write_text(content)
    with pytest.raises(InputError, match=message):
        predict(source, tmp_path / "out.csv")


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_what_cannot_be_written_is_a_users_error(kind: str) -> None:
    with pytest.raises(ScaError, match=r"could not be written|not writable"):
        write_tables(iter([pa.table({"a": [1]})]), Path(f"/proc/none/x.{kind}"), kind)
