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
WRONG = ("", "a,b,c\n1,2,3\n", "\x00\x01\x02\xff" * 50)


@pytest.fixture(scope="module", params=NAMES)
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, DeedTable, list[Reject]]:
    name = request.param
    make, options, _ = FILES[name]
    path, rejects = make(tmp_path_factory.mktemp(name)), []
    return name, path, read_deeds(name, path, rejects=rejects, **options), rejects


Case = tuple[str, Path, DeedTable, list[Reject]]


def test_reads_the_publishers_file(case: Case) -> None:
    name, _, table, rejects = case
    assert table.deeds.schema == DEED_SCHEMA
    assert table.deeds.num_rows == FILES[name][2], (table.deeds.to_pylist(), rejects)
    assert set(table.deeds["dataset"].to_pylist()) == {name}
    assert all(r.reason and r.file for r in rejects)


def test_declares_itself(case: Case) -> None:
    name, _, table, _ = case
    source = table.source
    assert source.name == name
    for field in (source.title, source.unit, source.licence, source.citation, source.notes):
        assert field
    assert source.coverage.first <= source.coverage.last
    assert source.coverage.first[:4].isdigit()


def test_deeds_lie_inside_the_coverage(case: Case) -> None:
    _, _, table, _ = case
    years = [d[:4] for d in table.deeds["date"].to_pylist()]
    assert table.source.coverage.first[:4] <= min(years)
    assert max(years) <= table.source.coverage.last[:4]


def test_same_file_same_deeds(case: Case) -> None:
    name, path, table, _ = case
    assert read_deeds(name, path, **FILES[name][1]).deeds.equals(table.deeds)


def test_unknown_option_is_said_plainly(case: Case) -> None:
    name, path, _, _ = case
    with pytest.raises(InputError, match="colour"):
        read_deeds(name, path, colour="red")


@pytest.mark.parametrize("name", NAMES)
def test_wrong_or_missing_file_is_said_plainly(name: str, tmp_path: Path) -> None:
    path = tmp_path / ("wrong.xlsx" if name == "sipri_milex" else "wrong.csv")
    for content in WRONG:
        path.write_bytes(content.encode("latin-1"))
        with pytest.raises(InputError) as caught:
            read_deeds(name, path)
        assert "wrong" in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="nowhere"):
        read_deeds(name, tmp_path / "nowhere.csv")
