from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sca_nlp.errors import InputError
from sca_nlp.read.dates import parse_date

DATES = st.dates(datetime.date(1000, 1, 1), datetime.date(2100, 12, 31))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1985", "1985"),
        (" 1985 ", "1985"),
        (1985, "1985"),
        (1985.0, "1985"),
        ("1985.0", "1985"),
        (np.int64(1985), "1985"),
        (np.float32(1985), "1985"),
        ("1985-03", "1985-03"),
        ("1985-3", "1985-03"),
        ("1985-3-1", "1985-03-01"),
        ("1985-00-00", "1985"),
        ("1985-03-00", "1985-03"),
        ("1999/03/12", "1999-03-12"),
        ("1999.03.12", "1999-03-12"),
        ("19850311", "1985-03-11"),
        (19850311, "1985-03-11"),
        (19850311.0, "1985-03-11"),
        ("2020-01-02T10:00:00Z", "2020-01-02"),
        ("2020-01-02 10:00:00+05:00", "2020-01-02"),
        (datetime.date(1999, 1, 2), "1999-01-02"),
        (datetime.datetime(1999, 1, 2, 23, 59), "1999-01-02"),
        (pd.Timestamp("1999-02-03 10:00"), "1999-02-03"),
        (np.datetime64("1999-01-02"), "1999-01-02"),
        (np.datetime64("1999-01-02T03:04:05"), "1999-01-02"),
        ("12 March 1999", "1999-03-12"),
        ("12th of March, 1999", "1999-03-12"),
        ("March 12, 1999", "1999-03-12"),
        ("MARCH 12 1999", "1999-03-12"),
        ("Friday, 12 March 1999", "1999-03-12"),
        ("12-Mar-1999", "1999-03-12"),
        ("Sept. 3, 2001", "2001-09-03"),
        ("January 20, 2021 at 11:51", "2021-01-20"),
        ("March 1999", "1999-03"),
        ("25.03.1999", "1999-03-25"),
        ("03/25/1999", "1999-03-25"),
        ("12.12.1999", "1999-12-12"),
    ],
)
def test_reads_a_date_in_its_own_precision(value, expected):
    assert parse_date(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "  ",
        None,
        float("nan"),
        pd.NaT,
        np.datetime64("NaT"),
        True,
        "nan",
        "spring 1999",
        "1999-13",
        "1985-02-30",
        "1985-00-03",
        "2001/02",
        "1985.5",
        1985.5,
        1985.03,
        "12.3.99",
        "12 March 99",
        "0999",
        "2101",
        0,
        -5,
        9999,
        "9999-01-01",
        "31.31.1999",
        "00/00/1999",
        "0/5/1999",
        "١٩٨٥",
        1e300,
        float("inf"),
        10**400,
        b"1985",
        ["1985"],
        "1985-03-11extra",
        "12 Brumaire 1799",
        "30 February 1999",
        "1" * 100000,
    ],
)
def test_refuses_what_is_no_date_and_says_what_is_wanted(value):
    with pytest.raises(InputError, match=r"speeches.csv:17: .*; wanted YYYY, YYYY-MM or YYYY-MM-DD") as caught:
        parse_date(value, where="speeches.csv:17")
    assert len(str(caught.value)) < 300


def test_ambiguous_date_needs_the_option():
    with pytest.raises(InputError, match="day_first"):
        parse_date("12.03.1999")
    assert parse_date("12.03.1999", day_first=True) == "1999-03-12"
    assert parse_date("12.03.1999", day_first=False) == "1999-12-03"
    with pytest.raises(InputError, match="no such day"):
        parse_date("03/25/1999", day_first=True)  # what the option says is not bent


@given(DATES)
def test_every_way_of_writing_gives_the_same_date(date):
    iso = date.isoformat()
    ways = [date, pd.Timestamp(date), date.strftime("%Y/%m/%d").zfill(10), iso + "T00:00:00", iso.replace("-", "")]
    ways += [
        f"{date.day} {date:%B} {date.year}",
        f"{date:%b} {date.day}, {date.year}",
        f"{date:%A}, {date:%d %B} {date.year}",
    ]
    assert {parse_date(way) for way in [iso, *ways]} == {iso}
    assert parse_date(f"{date.day:02d}.{date.month:02d}.{date.year}", day_first=True) == iso


@given(st.one_of(st.text(max_size=40), st.integers(), st.floats(), st.dates(), st.booleans(), st.binary(max_size=9)))
def test_gives_a_sound_date_or_an_input_error(value):
    try:
        result = parse_date(value)
    except InputError:
        return
    assert len(result) in (4, 7, 10)
    assert 1000 <= int(result[:4]) <= 2100
    assert parse_date(result) == result
    datetime.date.fromisoformat(result + "-01-01"[len(result) - 4 :])
