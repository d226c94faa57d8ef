"""Known facts in the real tables beside the project (SCA_DATA)."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sca_nlp.read.deeds import DeedTable, read_deeds

FOLDER = Path(os.environ.get("SCA_DATA") or Path(__file__).parents[4] / "shared" / "data") / "deeds"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="no deeds folder under SCA_DATA, nor ../shared/data"),
]


@cache
def real(name: str, file: str) -> DeedTable:
    return read_deeds(name, FOLDER / file)


def ask(table: DeedTable, query: str) -> list[tuple[Any, ...]]:
    con = duckdb.connect()
    con.register("deeds", table.deeds)
    return con.execute(query).fetchall()


def test_disputes() -> None:
    table = real("mid_cow", "mid_cow_v5_dirdyad.parquet")
    assert ask(table, "SELECT count(*) FROM deeds WHERE code LIKE 'hostlev%'") == [(7260,)]
    worst = "SELECT max(magnitude) FROM deeds WHERE source = '{}' AND target = '{}' AND date[:4] = '{}'"
    assert ask(table, worst.format("RUS", "UKR", 2014)) == [(3.0,)]
    assert ask(table, worst.format("IND", "PAK", 1971)) == [(4.0,)]
    assert ask(table, "SELECT count(*) FROM deeds WHERE source = 'FRA' AND target = 'DEU'") == [(0,)]
    assert (table.source.coverage.first, table.source.coverage.last) == ("1946", "2014")


def test_conflicts_between_russia_and_ukraine() -> None:
    table = real("ucdp_acd", "ucdp_prio_acd251_conflictyear.parquet")
    years = ask(
        table, "SELECT DISTINCT date[:4] FROM deeds WHERE source = 'RUS' AND target = 'UKR' AND sign = -1 ORDER BY 1"
    )
    assert [y for (y,) in years] == [str(y) for y in range(2014, 2025)]
    full = ask(table, "SELECT min(date) FROM deeds WHERE source = 'RUS' AND target = 'UKR' AND code = 'interstate'")
    assert full == [("2022-02-24",)]


def test_alliances() -> None:
    table = real("alliances", "alliance_atop5_dirdyad.parquet")
    defence = "SELECT count(*) FROM deeds WHERE code = 'atop_defense' AND source = '{}' AND target = '{}'"
    assert ask(table, defence.format("USA", "RUS")) == [(0,)]
    assert ask(table, defence.format("USA", "GBR"))[0][0] > 60


def test_votes_agree_between_0_and_1_and_as_often_in_each_direction() -> None:
    table = real("unga", "unga_agreement_dyadyear.parquet")
    low, high, n = ask(table, "SELECT min(magnitude), max(magnitude), count(*) FROM deeds")[0]
    assert 0 <= low < high <= 1
    assert n > 1_500_000
    other = "(SELECT target AS source, source AS target, date, magnitude FROM deeds)"
    assert ask(table, f"SELECT count(*) FROM deeds NATURAL JOIN {other}") == [(n,)]
    assert table.source.measure == "level"


def test_spending() -> None:
    table = real("sipri_milex", "sipri_milex_stateyear.parquet")
    assert ask(table, "SELECT DISTINCT target FROM deeds") == [("",)]
    assert ask(table, "SELECT sign FROM deeds WHERE source = 'RUS' AND date = '2022'") == [(-1,)]
    assert ask(table, "SELECT count(*) FROM deeds WHERE source = 'RUS' AND date <= '1992'") == [(0,)]
    old = real("nmc", "nmc_military_stateyear.parquet")
    assert ask(old, "SELECT count(*) FROM deeds WHERE source = 'RUS' AND date < '1992'")[0][0] > 40


def test_icews_sample_and_years() -> None:
    sample = real("icews", "icews_sample_2018_06.parquet")
    assert sample.source.coverage.first == "2018-06-01"
    assert ask(sample, "SELECT count(*) FROM deeds WHERE source = target") == [(0,)]
    years = real("icews_yearly", "icews_dyadyear_quad_2002_2014.parquet")
    shares = "SELECT round(sum(magnitude), 6) FROM deeds GROUP BY source, target, date"
    assert {s for (s,) in ask(years, shares)} == {1.0}
    assert "TUR" not in years.source.coverage.actors


@pytest.mark.parametrize(
    ("name", "file", "n"),
    [
        ("mid_gml", "mid_gml_v221_dirdyad.parquet", 7592),
        ("gdelt_network", "gdelt2_network_monthly_2018_2024.parquet", 320_000),
        ("gdelt_network", "gdelt2_network_daily_key27_2018_2024.parquet", 34_000),
        ("dcad", "dcad_v1_agreements.parquet", 3736),
        ("exercises", "mme7_exercises.parquet", 70_000),
        ("exercises", "mme7_exercises_dyadyear.parquet", 36_000),
        ("igo", "igo_shared_dyadyear.parquet", 600),
        ("sipri_arms", "sipri_tiv_dyadyear.parquet", 20_000),
        ("unga_idealpoints", "unga_idealpoints_stateyear.parquet", 600),
    ],
)
def test_the_rest_can_be_read(name: str, file: str, n: int) -> None:
    few = ("USA", "RUS", "FRA", "DEU") if n < 1_000 else ()
    table = read_deeds(name, FOLDER / file, actors=few)
    assert table.deeds.num_rows >= n
    assert not few or set(table.deeds["source"].to_pylist()) == set(few)
