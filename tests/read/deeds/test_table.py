from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.table import DEED_SCHEMA, DeedTable, is_date
from sca_nlp.share import share_path

SOURCE = load_mapping("mid_cow").declare("1990", "1991")
GOOD = {
    "date": "1990-02",
    "source": "RUS",
    "target": "USA",
    "manifestation": "doctrine",
    "sign": -1,
    "magnitude": 2.0,
    "verbal": False,
    "dataset": "mid_cow",
    "code": "x",
    "description": "",
    "reference": "",
}


def table(**changes: object) -> pa.Table:
    return pa.Table.from_pylist([GOOD, {**GOOD, **changes}], schema=DEED_SCHEMA)


def test_accepts_good_rows() -> None:
    assert DeedTable(SOURCE, table()).deeds.num_rows == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("manifestation", "war"),
        ("sign", 2),
        ("magnitude", -1.0),
        ("magnitude", float("nan")),
        ("magnitude", float("inf")),
        ("date", "1990-13"),
        ("date", "2.3.1990"),
        ("source", ""),
        ("target", ""),
        ("code", None),
    ],
)
def test_refuses_a_bad_value_and_names_it(column: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        DeedTable(SOURCE, table(**{column: value}))
    assert column in str(caught.value)


def test_names_the_missing_column() -> None:
    with pytest.raises(InputError, match="no column sign"):
        DeedTable(SOURCE, table().drop_columns("sign"))


def test_a_level_may_be_toward_nobody_in_particular() -> None:
    level = replace(SOURCE, measure="level")
    assert DeedTable(level, table(target="")).deeds.num_rows == 2


@given(st.dates())
def test_dates_of_every_precision(day) -> None:
    text = day.isoformat()
    assert is_date(text)
    assert is_date(text[:7])
    assert is_date(text[:4])
    assert not is_date(text[:8])


@pytest.mark.parametrize("path", sorted(share_path("configs", "deeds").glob("*.toml")), ids=lambda p: p.stem)
def test_every_mapping_table_can_be_read(path) -> None:
    mapping = load_mapping(path.stem)
    assert all(row.meaning for row in [*mapping.codes.values(), *mapping.older.values()])
    assert all((row.sign == 0) <= (row.magnitude <= 1) for row in mapping.codes.values())


def test_a_wrong_mapping_table_names_the_code(tmp_path) -> None:
    text = share_path("configs", "deeds", "mid_cow.toml").read_text("utf-8").replace("sign = -1", "sign = 5", 1)
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"codes.hostlev:2: sign 5"):
        load_mapping("mid_cow", tmp_path / "mine.toml")
