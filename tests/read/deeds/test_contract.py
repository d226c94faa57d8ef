"""What holds for every row of `DEED_READERS`, on a file as its publisher ships it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sca_nlp.errors import InputError
from sca_nlp.read.deeds import DeedTable, read_deeds
from sca_nlp.read.deeds.table import DEED_SCHEMA
from sca_nlp.records import Reject
from sca_nlp.registry import DEED_READERS
from tests.read.deeds.publisher_files import FILES

NAMES = sorted(DEED_READERS)


def read(name: str, folder: Path, rejects: list[Reject] | None = None) -> DeedTable:
    make, options, _ = FILES[name]
    return read_deeds(name, make(folder), rejects=rejects, **options)


@pytest.mark.parametrize("name", NAMES)
def test_reads_the_publishers_file(name: str, tmp_path: Path) -> None:
    rejects: list[Reject] = []
    table = read(name, tmp_path, rejects)
    assert table.deeds.schema == DEED_SCHEMA
    assert table.deeds.num_rows == FILES[name][2], (table.deeds.to_pylist(), rejects)
    assert set(table.deeds["dataset"].to_pylist()) == {name}
    assert all(r.reason and r.file for r in rejects)


@pytest.mark.parametrize("name", NAMES)
def test_declares_itself(name: str, tmp_path: Path) -> None:
    source = read(name, tmp_path).source
    assert source.name == name
    for field in (source.title, source.unit, source.licence, source.citation, source.notes):
        assert field
    assert source.coverage.first <= source.coverage.last
    assert source.coverage.first[:4].isdigit()


@pytest.mark.parametrize("name", NAMES)
def test_deeds_lie_inside_the_coverage(name: str, tmp_path: Path) -> None:
    table = read(name, tmp_path)
    years = [d[:4] for d in table.deeds["date"].to_pylist()]
    assert table.source.coverage.first[:4] <= min(years)
    assert max(years) <= table.source.coverage.last[:4]


@pytest.mark.parametrize("name", NAMES)
def test_same_file_same_deeds(name: str, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    assert read(name, first).deeds.equals(read(name, second).deeds)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", ["", "a,b,c\n1,2,3\n", "no table at all", "\x00\x01\x02\xff" * 50])
def test_wrong_file_is_said_plainly(name: str, content: str, tmp_path: Path) -> None:
    path = tmp_path / ("wrong.xlsx" if name == "sipri_milex" else "wrong.csv")
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError) as caught:
        read_deeds(name, path)
    assert "wrong" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_missing_file_is_said_plainly(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        read_deeds(name, tmp_path / "nowhere.csv")


@pytest.mark.parametrize("name", NAMES)
def test_unknown_option_is_said_plainly(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="colour"):
        read_deeds(name, FILES[name][0](tmp_path), colour="red")
