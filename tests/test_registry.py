"""The contract of every speech reader in the table: a new row is tested on the day it is added."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sca_nlp import registry
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.read.speeches import ReadReport, read_speeches
from sca_nlp.records import Speech

# Two speeches that can be read, and one record that cannot: an unknown country.
ROWS = [
    {"speech_id": "FRA_01_1946", "date": "1946", "country": "FRA", "text": "We keep our word. Always."},
    {"speech_id": "USA_01_1946", "date": "1946", "country": "USA", "text": "So do we."},
    {"speech_id": "QQQ_01_1946", "date": "1946", "country": "QQQ", "text": "Nobody knows us."},
]


def _csv(folder: Path) -> Path:
    lines = [",".join(ROWS[0]), *(",".join(row.values()) for row in ROWS)]
    (folder / "a.csv").write_text("\n".join(lines))
    return folder / "a.csv"


def _jsonl(folder: Path) -> Path:
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    return folder / "a.jsonl"


def _parquet(folder: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(ROWS), folder / "a.parquet")
    return folder / "a.parquet"


def _text(folder: Path) -> Path:
    for row in ROWS:
        (folder / f"{row['speech_id']}.txt").write_text(row["text"])
    return folder


def _ungdc(folder: Path) -> Path:
    (folder / "Session 01 - 1946").mkdir()
    _text(folder / "Session 01 - 1946")
    return folder


def _huggingface(folder: Path) -> Path:
    datasets = pytest.importorskip("datasets", reason="the extra 'hub' is not installed")
    datasets.Dataset.from_list(ROWS).save_to_disk(folder / "d")
    return folder / "d"


def _documents(folder: Path) -> Path:
    pytest.importorskip("bs4", reason="the extra 'documents' is not installed")
    for row in ROWS:
        (folder / f"{row['speech_id']}.html").write_text(f"<p>{row['text']}</p>")
    return folder


#: A new reader needs a line here: it writes ROWS as its format has them and returns what to read.
MAKERS: dict[str, Callable[[Path], Path]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "parquet": _parquet,
    "text": _text,
    "ungdc": _ungdc,
    "huggingface": _huggingface,
    "documents": _documents,
}
READERS = registry.names("speech reader")


def test_every_reader_has_a_maker():
    assert set(MAKERS) == set(registry.SPEECH_READERS)


@pytest.mark.parametrize("name", READERS)
def test_reader_keeps_the_contract(name, tmp_path):
    path = MAKERS[name](tmp_path)
    reader = registry.resolve("speech reader", name)
    rejects, report = [], ReadReport()
    speeches = list(reader(path, columns=None, rejects=rejects.append, defaults=None, report=report))
    assert all(isinstance(s, Speech) for s in speeches)
    assert [(s.source, s.date, s.text) for s in speeches] == [(r["country"], "1946", r["text"]) for r in ROWS[:2]]
    assert len({s.speech_id for s in speeches}) == 2
    assert len(rejects) == 1
    assert "QQQ" in rejects[0].reason
    assert str(tmp_path) in rejects[0].file
    assert (report.n_read, report.n_rejected) == (2, 1)

    again = list(reader(path, rejects=[].append))
    assert again == speeches  # reading twice gives the same records, ids included


@pytest.mark.parametrize("name", READERS)
def test_reader_is_found_by_ending_or_layout(name, tmp_path):
    path = MAKERS[name](tmp_path)
    assert len(list(read_speeches(path, rejects=[].append))) == 2


@pytest.mark.parametrize("name", READERS)
def test_reader_fills_defaults_and_keeps_unknown_sources_when_asked(name, tmp_path):
    path = MAKERS[name](tmp_path)
    options = {"defaults": {"venue": "a hall", "language": "en"}, "keep_unknown_sources": True}
    speeches = list(read_speeches(path, name, rejects=[].append, **options))
    assert {s.source for s in speeches} == {"FRA", "USA", "QQQ"}
    assert {s.language for s in speeches} == {"en"}


@pytest.mark.parametrize("name", READERS)
def test_reader_refuses_an_unknown_option_and_an_empty_place(name, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "empty").mkdir()
    path = MAKERS[name](tmp_path / "full")
    reader = registry.resolve("speech reader", name)
    with pytest.raises(UnknownNameError, match="no_such_option"):
        list(reader(path, rejects=[].append, no_such_option=1))
    with pytest.raises(InputError):
        list(reader(tmp_path / "empty", rejects=[].append))


def test_unknown_reader():
    with pytest.raises(UnknownNameError, match="did you mean 'parquet'"):
        registry.resolve("speech reader", "parqet")
