"""What single publishers' rows come to mean."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sca_nlp.errors import InputError
from sca_nlp.read.deeds import read_deeds
from sca_nlp.read.deeds.cameo import padded
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.rows import collect
from sca_nlp.records import Reject
from tests.read.deeds import publisher_files as files

Row = tuple[str, str, str, str, int, float]


def rows(name: str, path: Path, rejects: list[Reject] | None = None, **options: Any) -> list[Row]:
    deeds = read_deeds(name, path, rejects=rejects, **options).deeds.to_pylist()
    return [(d["date"], d["source"], d["target"], d["code"], d["sign"], round(d["magnitude"], 4)) for d in deeds]


def test_mid_crosses_the_sides_in_the_years_that_both_are_in(tmp_path: Path) -> None:
    found = rows("mid_cow", files.mid(tmp_path))
    assert ("1998-06", "USA", "IRQ", "hostlev:3", -1, 2.0) in found
    assert ("1999", "IRQ", "USA", "hostlev:4", -1, 3.0) in found
    assert ("1998-06", "GBR", "IRQ", "hostlev:1", 0, 0.0) in found
    assert not [r for r in found if r[0].startswith("1999") and "GBR" in r[1:3]]
    assert not [r for r in found if set(r[1:3]) == {"USA", "GBR"}]
    # A negotiated settlement, in the pair's last year, from each of the four directions.
    assert sorted(r[:3] for r in found if r[3] == "settle:1") == [
        ("1998", "GBR", "IRQ"),
        ("1998", "IRQ", "GBR"),
        ("1999", "IRQ", "USA"),
        ("1999", "USA", "IRQ"),
    ]


def test_mid_takes_mida_as_an_option_and_does_without(tmp_path: Path) -> None:
    folder = files.mid(tmp_path)
    with_mida = rows("mid_cow", folder / "MIDB 5.0.csv", mida=folder / "MIDA 5.0.csv")
    assert with_mida == rows("mid_cow", folder)
    alone = rows("mid_cow", folder / "MIDB 5.0.csv")
    assert alone == [r for r in with_mida if r[3].startswith("hostlev")]


def test_mid_missing_is_rejected_not_zero(tmp_path: Path) -> None:
    rejects: list[Reject] = []
    found = rows("mid_gml", files.mid_dyadic(tmp_path), rejects)
    assert ("1983", "USA", "RUS", "hostlev:2", -1, 1.0) in found
    assert not [r for r in found if r[1] == "RUS"]
    assert [r.reason for r in rejects] == ["hostlev1 is missing"]
    assert rejects[0].line == 5


def test_threat_is_verbal_use_of_force_is_material(tmp_path: Path) -> None:
    deeds = read_deeds("mid_gml", files.mid_dyadic(tmp_path)).deeds.to_pylist()
    assert {d["code"]: d["verbal"] for d in deeds} == {"hostlev:2": True, "hostlev:5": False, "settle:1": False}


def test_ucdp_splits_lists_and_knows_troops_abroad(tmp_path: Path) -> None:
    found = rows("ucdp_acd", files.ucdp_acd(tmp_path))
    assert ("1991-01-17", "IRQ", "USA", "interstate", -1, 2.0) in found
    assert ("1991-01-17", "FRA", "IRQ", "interstate:secondary", -1, 2.0) in found
    assert ("2015", "RUS", "UKR", "troops:rebels", -1, 0.5) in found
    assert ("2015", "UKR", "RUS", "troops:rebels", -1, 0.5) in found
    assert ("2015", "USA", "UKR", "troops:government", 1, 1.0) in found
    assert not [r for r in found if "MMR" in r[1:3]]


def test_gdelt_keeps_states_and_one_deed_a_class(tmp_path: Path) -> None:
    found = rows("gdelt", files.gdelt(tmp_path))
    assert found == [("2014-03-01", "RUS", "UKR", "193", -1, 10.0), ("2014-03-01", "USA", "UKR", "042", 1, 1.0)]


@pytest.mark.parametrize("n_fields", [57, 58, 61])
def test_gdelt_reads_each_version(n_fields: int, tmp_path: Path) -> None:
    path = tmp_path / "x.export.CSV"
    path.write_text(files.gdelt_row(n_fields) + "\n", "utf-8")
    assert rows("gdelt", path) == [("2014-03-01", "RUS", "UKR", "190", -1, 10.0)]


def test_gdelt_many_files_are_one_day(tmp_path: Path) -> None:
    for i in range(3):
        with zipfile.ZipFile(tmp_path / f"2014030100{i}500.export.CSV.zip", "w") as archive:
            archive.writestr("x.CSV", files.gdelt_row(61) + "\n")
    assert len(rows("gdelt", tmp_path)) == 1
    assert len(rows("gdelt", Path(str(tmp_path / "*.zip")))) == 1


def test_gdelt_shifted_columns_and_wrong_width_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "x.CSV"
    path.write_text("\t".join(["x", *files.gdelt_row(57).split("\t")]) + "\n", "utf-8")
    with pytest.raises(InputError, match="SQLDATE"):
        read_deeds("gdelt", path)
    path.write_text(files.gdelt_row(60) + "\n", "utf-8")
    with pytest.raises(InputError, match="60 tab-separated fields"):
        read_deeds("gdelt", path)


def test_gdelt_bad_lines_are_rejected(tmp_path: Path) -> None:
    path, rejects = tmp_path / "x.CSV", []
    path.write_text(
        "\n".join([files.gdelt_row(), "1\t2\t3", files.gdelt_row(code="---"), files.gdelt_row(code="042")]) + "\n",
        "utf-8",
    )
    with pytest.raises(InputError, match="EventCode"):
        read_deeds("gdelt", path, rejects=rejects)
    path.write_text("\n".join([files.gdelt_row()] * 30 + ["1\t2\t3", files.gdelt_row(code="---")]) + "\n", "utf-8")
    assert len(rows("gdelt", path, rejects)) == 1
    assert len(rejects) == 2


def test_gdelt_only_some_actors(tmp_path: Path) -> None:
    table = read_deeds("gdelt", files.gdelt(tmp_path), actors=["USA", "UKR"])
    assert table.deeds["source"].to_pylist() == ["USA"]
    assert table.source.coverage.first == "2014-03-01"


def test_gdelt_network_counts_days(tmp_path: Path) -> None:
    found = rows("gdelt_network", files.gdelt_network(tmp_path))
    assert ("2020-01", "USA", "RUS", "days", -1, 0.5) in found
    assert ("2020-02", "RUS", "USA", "days", 1, 0.3333) in found


def test_actors_keep_the_files_coverage(tmp_path: Path) -> None:
    everybody = read_deeds("igo", files.igo(tmp_path))
    some = read_deeds("igo", files.igo(tmp_path), actors=["USA", "RUS"])
    assert some.deeds.num_rows == 0
    assert some.source.coverage == everybody.source.coverage
    spending = read_deeds("nmc", files.nmc(tmp_path), actors=["USA"])
    assert spending.deeds["source"].to_pylist() == ["USA"]


@pytest.mark.parametrize(("goldstein", "sign"), [("-5.0", -1), ("3.4", 1)])
def test_the_two_versions_of_code_016(goldstein: str, sign: int, tmp_path: Path) -> None:
    path = tmp_path / "x.CSV"
    path.write_text(files.gdelt_row(code="016", quad="1", goldstein=goldstein) + "\n", "utf-8")
    assert [r[4] for r in rows("gdelt", path)] == [sign]


def test_icews_pads_codes_drops_duplicates_and_keeps_state_organs(tmp_path: Path) -> None:
    assert rows("icews", files.icews(tmp_path)) == [
        ("2015-02-03", "RUS", "DEU", "040", 1, 1.0),
        ("2015-02-04", "FRA", "IRN", "138", -1, 7.0),
    ]


@given(
    st.sampled_from(["010", "016", "020", "042", "0211", "0312", "0874", "101", "112", "1312", "190", "200", "2042"]),
    st.booleans(),
)
def test_codes_once_read_as_numbers_get_their_zero_back(code: str, dotted: bool) -> None:
    seen = str(int(code)) + (".0" if dotted else "")
    assert duckdb.execute(f"SELECT {padded('c')} FROM (SELECT '{seen}' AS c)").fetchall() == [(code,)]
    assert duckdb.execute(f"SELECT {padded('c')} FROM (SELECT '{code}' AS c)").fetchall() == [(code,)]


def test_icews_dates_of_2017(tmp_path: Path) -> None:
    path = files.icews(tmp_path)
    path.write_text(
        path.read_text("utf-8").replace("2015-02-03", "2/3/2017").replace("2015-02-04", "12/4/2017"), "utf-8"
    )
    assert [r[0] for r in rows("icews", path)] == ["2017-02-03", "2017-12-04"]


def test_polecat_mends_the_header_and_splits_actors(tmp_path: Path) -> None:
    assert rows("polecat", files.polecat(tmp_path)) == [
        ("2022-03-01", "GBR", "POL", "CONSULT:visit", 1, 2.0),
        ("2022-03-01", "USA", "POL", "CONSULT:visit", 1, 2.0),
        ("2022-03-02", "RUS", "UKR", "ASSAULT:heavy-weapons", -1, 10.0),
    ]


def test_phoenix_of_the_cline_center(tmp_path: Path) -> None:
    assert rows("phoenix", files.phoenix_cline(tmp_path)) == [("1961-06-07", "RUS", "USA", "042", 1, 1.0)]


def test_ged_without_header(tmp_path: Path) -> None:
    with_header = rows("ucdp_ged", files.ucdp_ged(tmp_path))
    assert with_header == rows("ucdp_ged", files.ucdp_ged(tmp_path, header=False))
    assert [r[:3] for r in with_header] == [("1999-06-05", "IND", "PAK"), ("1999-06-05", "PAK", "IND")]


def test_acled_reads_states_from_names(tmp_path: Path) -> None:
    found = rows("acled", files.acled(tmp_path))
    assert [r[:3] for r in found] == [
        ("2023-05-16", "RUS", "UKR"),
        ("2023-05-16", "UKR", "RUS"),
        ("2023-05-17", "RUS", "UKR"),
    ]


def test_alliances_of_both_projects(tmp_path: Path) -> None:
    atop = rows("alliances", files.alliances(tmp_path), obligations=["atop_defense"])
    assert [r[1:4] for r in atop] == [("DEU", "FRA", "atop_defense"), ("FRA", "DEU", "atop_defense")]
    cow = rows("alliances", files.cow_alliances(tmp_path))
    assert sorted(r[3] for r in cow) == ["cow_defense", "cow_entente"]
    with pytest.raises(InputError, match="atop_love"):
        read_deeds("alliances", files.alliances(tmp_path), obligations=["atop_love"])


def test_unga_agreement_of_votes(tmp_path: Path) -> None:
    # USSR against USA: six times opposed (0), six times half (.5).
    found = {r[1:3]: r[5] for r in rows("unga", files.unga(tmp_path))}
    assert found[("RUS", "USA")] == found[("USA", "RUS")] == 0.25
    assert found[("DEU", "USA")] == 1.0
    rejects: list[Reject] = []
    arms = rows("unga", files.unga(tmp_path), rejects, subset="agree_arms", min_joint=2)
    assert {r[5] for r in arms if set(r[1:3]) == {"RUS", "USA"}} == {0.0}
    assert rows("unga", files.unga(tmp_path), rejects, subset="agree_arms") == []
    assert "fewer than 10 joint votes" in rejects[-1].reason


def test_spending_is_a_change_toward_nobody(tmp_path: Path) -> None:
    rejects: list[Reject] = []
    found = rows("sipri_milex", files.sipri_milex(tmp_path), rejects)
    assert found == [
        ("1991", "DEU", "", "share_gdp", -1, 0.5),
        ("1991", "FRA", "", "share_gdp", 1, 1.0),
        ("1992", "DEU", "", "share_gdp", 0, 0.0),
    ]
    assert [r.record for r in rejects] == ["Atlantis, 1991"]
    assert [r[4] for r in rows("sipri_milex", files.sipri_milex(tmp_path), variable="real")] == [-1]


def test_nmc_takes_out_the_median_and_skips_gaps(tmp_path: Path) -> None:
    found = {r[:2]: r[4:] for r in rows("nmc", files.nmc(tmp_path))}
    assert found == {("1981", "USA"): (-1, 0.6931), ("1981", "RUS"): (0, 0.0), ("1981", "FRA"): (1, 0.6931)}
    personnel = {r[:2]: r[4:] for r in rows("nmc", files.nmc(tmp_path), variable="milper")}
    assert personnel[("1982", "RUS")] == (-1, 10.0)


def test_arms_of_a_published_table(tmp_path: Path) -> None:
    rejects: list[Reject] = []
    found = rows("sipri_arms", files.sipri_arms(tmp_path), rejects)
    assert [r[:3] for r in found] == [("1950", "FRA", "IND"), ("1952", "FRA", "IND")]
    assert found[1][5] == 0.0
    assert "Invented Front*" in rejects[0].reason


def test_dcad_dates_keep_their_precision(tmp_path: Path) -> None:
    assert [r[0] for r in rows("dcad", files.dcad(tmp_path))] == ["1995-03-12", "1995-03-12", "1996", "1996"]


def test_chronology_rejects_rows_that_break_a_rule(tmp_path: Path) -> None:
    path, rejects = files.chronology(tmp_path), []
    with path.open("a", encoding="utf-8") as file:
        file.write(
            "3.4.1999;NATO;RUS;doctrine;1;1;false;;;\n1999;NATO;RUS;war;1;1;false;;;\n1999;NATO;NATO;doctrine;1;1;false;;;\n"
        )
        file.write(
            "1999;NATO;RUS;doctrine;1;-2;false;;;\n1999;NATO;RUS;doctrine;4;2;false;;;\n1999;NATO;RUS;doctrine;1;2;maybe;;;\n"
        )
    found = rows("chronology", path, rejects)
    assert [r[:3] for r in found] == [
        ("1994-06-22", "NATO", "RUS"),
        ("1994-06-22", "RUS", "NATO"),
        ("1999-03", "NATO", "YUG"),
    ]
    assert [r.line for r in rejects] == [4, 5, 6, 7, 8, 9]
    assert [r.reason.split()[0] for r in rejects] == ["date", "manifestation", "source", "magnitude", "sign", "verbal"]
    assert read_deeds("chronology", path, name="mine").source.name == "mine"


@pytest.mark.parametrize(
    ("name", "make", "column"),
    [
        ("mid_gml", files.mid_dyadic, "ccode1"),
        ("nmc", files.nmc, "ccode"),
        ("alliances", files.alliances, "year"),
        ("igo", files.igo, "year"),
        ("dcad", files.dcad, "signYear"),
        ("ucdp_ged", files.ucdp_ged, "type_of_violence"),
    ],
)
def test_shifted_columns_are_an_error(name: str, make: Any, column: str, tmp_path: Path) -> None:
    path = make(tmp_path)
    text = path.read_bytes().decode("latin-1")
    header, rest = text.split("\n", 1)
    # Each data line gets one cell too many at its front, as when a header lost a name.
    moved = "\n".join("shifted," + line if line and not line.startswith("lines") else line for line in rest.split("\n"))
    path.write_bytes((header.rstrip("\r") + ",more\n" + moved).encode("latin-1"))
    with pytest.raises(InputError, match="shifted"):
        read_deeds(name, path)


def test_rows_that_differ_by_their_reference_alone_come_in_one_order() -> None:
    values = [f"('1962', 'USA', 'RUS', 'hostlev:3', NULL, 'dispute {n}')" for n in (7, 3, 9, 1, 5)]
    orders = []
    for given_order in (values, values[::-1], sorted(values)):
        with duckdb.connect() as con:
            query = f"SELECT * FROM (VALUES {', '.join(given_order)}) t(date, source, target, code, sign, reference)"
            made = collect(con, load_mapping("mid_cow"), query, path="mid", rejects=[])
        orders.append(made.deeds["reference"].to_pylist())
    assert orders == [[f"dispute {n}" for n in (1, 3, 5, 7, 9)]] * 3
