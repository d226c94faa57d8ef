"""Actors: what texts and tables call states, in which years, and what must not be taken for a state."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sca_nlp.actors import Gazetteer, country_code, load_data, members, name_of
from sca_nlp.errors import InputError, UnknownNameError

GAZETTEER = Gazetteer.load()


def found(text: str, date: str = "") -> list[str]:
    return list(GAZETTEER.actors(text, date))


@pytest.mark.parametrize(
    ("text", "date", "codes"),
    [
        ("We hold the Soviet Union to its word.", "1962", ["RUS"]),
        ("The U.S.S.R. and the U.S. signed.", "1972", ["RUS", "USA"]),
        ("Moscow has answered Washington.", "1985", ["RUS", "USA"]),
        ("They met in Moscow and at Geneva.", "1985", []),
        ("The Kremlin's reply came late.", "2015", ["RUS"]),
        ("Russian troops crossed the border of Georgia.", "2008", ["RUS", "GEO"]),
        ("A mill town in Georgia.", "1975", []),
        ("The German Democratic Republic was admitted.", "1973", ["DDR"]),
        ("East German guards and West German guards.", "1980", ["DDR", "DEU"]),
        ("Czechoslovakia was invaded.", "1968", ["CSK"]),
        ("The Czech Prime Minister came.", "2005", ["CZE"]),
        ("The Yugoslav delegation spoke.", "1970", ["YUG"]),
        ("Zaire has a border with Rwanda.", "1985", ["COD", "RWA"]),
        ("The Congo is in turmoil.", "1961", ["COD"]),
        ("The Congo spoke for Brazzaville.", "1985", ["COG"]),
        ("Congo (Brazzaville) and the Democratic Republic of the Congo.", "2001", ["COG", "COD"]),
        ("Viet-Nam, Vietnam and Viet Nam are one.", "1970", ["VNM"]),
        ("The Republic of China keeps its seat.", "1960", ["TWN"]),
        ("The People's Republic of China takes its seat.", "1972", ["CHN"]),
        ("The DPRK has tested again; South Korea protested.", "2013", ["PRK", "KOR"]),
        ("Peace on the Korean peninsula.", "2005", ["KOR", "PRK"]),
        ("Southern Yemen is Democratic Yemen.", "1975", ["YMD"]),
        ("Burma, now Myanmar.", "1990", ["MMR"]),
        ("Khrushchev spoke of peace.", "1960", ["RUS"]),
        ("Khrushchev spoke of peace.", "2010", []),
        ("RUSSIA AND FRANCE agreed.", "1995", ["RUS", "FRA"]),
        ("NATO's eastward move; the North Atlantic Alliance.", "1997", ["NATO"]),
        ("The developing countries wait for the super-Powers.", "1975", ["SOUTH", "GREAT"]),
        ("Neither East nor West; the imperialists know it.", "1975", ["WEST"]),
        ("Terrorists of Al-Qaida and the Taliban.", "2002", ["NONSTATE"]),
        ("All mankind hopes.", "1960", ["ALL"]),
        ("Latin America and the Arab States.", "1970", ["AMER", "ARAB"]),
    ],
)
def test_names_of_actors(text: str, date: str, codes: list[str]) -> None:
    assert found(text, date) == codes


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("They met in New Mexico.", []),
        ("The Gulf of Mexico and the Indian Ocean.", []),
        ("Nigeria is not Niger.", ["NGA", "NER"]),
        ("Guinea-Bissau, Equatorial Guinea, Papua New Guinea and Guinea.", ["GNB", "GNQ", "PNG", "GIN"]),
        ("We ate turkey; Turkey did not.", ["TUR"]),
        ("Beyond the Jordan River lies Jordan.", ["JOR"]),
        ("The Dominican Republic and Dominica.", ["DOM", "DMA"]),
        ("South Sudan left the Sudan.", ["SSD", "SDN"]),
        ("The Ukraine is not the UK.", ["UKR", "GBR"]),
        ("He said to us that they saw us.", []),
        ("Our polish on the china was done with grease.", []),
        ("North Macedonia is not Northern Ireland.", ["MKD", "GBR"]),
        ("Native Americans and African Americans.", []),
        ("The Vienna Convention and the Paris Agreement.", []),
        ("South Africa is in Africa.", ["ZAF", "AFR"]),
        ("The Union of South Africa.", ["ZAF"]),
        ("Great powers of persuasion, said France. Britain agreed.", ["GREAT", "FRA", "GBR"]),
    ],
)
def test_look_alikes(text: str, codes: list[str]) -> None:
    assert found(text, "2015" if "South Sudan" in text or "North Mac" in text else "") == codes


def test_a_name_does_not_run_over_a_full_stop() -> None:
    assert found("They fled to the South. Africa waited.", "1990") == ["SOUTH", "AFR"]


def test_cues_are_candidates_but_not_named_actors() -> None:
    text = "Disarmament under apartheid."
    assert {m.code for m in GAZETTEER.find(text, "1975") if m.kind == "cue"} == {"ALL", "ZAF"}
    assert found(text, "1975") == []


@given(
    st.lists(st.sampled_from(["Russia", "the", "Viet", "Nam", "Korea", "U.S.", ",", "-", "Congo", "North", "of", "é"]))
)
def test_mentions_are_ordered_spans_of_the_text(words: list[str]) -> None:
    text = " ".join(words)
    mentions = GAZETTEER.find(text, "1995")
    assert all(0 <= m.start < m.end <= len(text) for m in mentions)
    spans = sorted({(m.start, m.end) for m in mentions})
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert mentions == sorted(mentions)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("Russia", "RUS"),
        ("USSR", "RUS"),
        ("U.S.S.R.", "RUS"),
        ("Russia (Soviet Union)", "RUS"),
        ("West Germany", "DEU"),
        ("German Federal Republic", "DEU"),
        ("east germany", "DDR"),
        ("UK", "GBR"),
        ("uk", "GBR"),
        ("GB", "GBR"),
        ("US", "USA"),
        ("fr", "FRA"),
        ("Czechoslovakia", "CSK"),
        ("Congo", "COG"),
        ("Congo, Democratic Republic of", "COD"),
        ("Zaire", "COD"),
        ("Korea, Republic of", "KOR"),
        ("KOREA, NORTH", "PRK"),
        ("Cote d'Ivoire", "CIV"),
        ("Côte d’Ivoire", "CIV"),
        ("St. Lucia", "LCA"),
        ("Trinidad & Tobago", "TTO"),
        ("2", "USA"),
        (2, "USA"),
        (365.0, "RUS"),
        ("020", "CAN"),
        ("260", "DEU"),
        ("255", "DEU"),
        ("816", "VNM"),
        ("817", "VNM"),
        ("345", "YUG"),
        ("UKG", "GBR"),
        ("GMY", "DEU"),
        ("GFR", "DEU"),
        ("AUS", "AUS"),
        ("AUL", "AUS"),
        ("NATO", "NATO"),
        ("EU", "EU"),
        ("YMD", "YMD"),
        ("Burma", "MMR"),
        ("Türkiye", "TUR"),
        ("Viet Nam", "VNM"),
        ("Kosovo", "XKX"),
        ("Taiwan", "TWN"),
    ],
)
def test_country_code(value: str | int, code: str) -> None:
    assert country_code(value) == code


def test_dates_and_systems_decide_where_codes_clash() -> None:
    assert country_code("345", "1990") == "YUG"
    assert country_code("345", "2010") == "SRB"
    assert country_code("AUS", system="cow") == "AUT"
    assert country_code("Republic of China", "1960") == "TWN"
    assert country_code("Congo", "1980") == "COG"


def test_unknown_country_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"rows\.csv:3.*'Rusia'.*nearest: 'Russia'"):
        country_code("Rusia", where="rows.csv:3")
    for empty in ("", "   ", "-"):
        with pytest.raises(InputError):
            country_code(empty)


def test_every_state_reads_its_own_codes() -> None:
    for state in load_data().states.values():
        assert country_code(state.code) == state.code
        assert country_code(state.name) in {state.code, "COG"}
        assert name_of(state.code) == state.name
        if state.iso2:
            assert country_code(state.iso2) == state.code
        assert all(country_code(n, str((state.years or (0, 9999))[1])) == state.code for n in state.cow)


@pytest.mark.parametrize(
    ("group", "year", "n", "inside", "outside"),
    [
        ("NATO", 1948, 0, "", "USA"),
        ("NATO", 1949, 12, "FRA", "DEU"),
        ("NATO", 1955, 15, "DEU TUR", "ESP"),
        ("NATO", 1998, 16, "ESP", "POL"),
        ("NATO", 1999, 19, "POL", "EST"),
        ("NATO", 2004, 26, "EST", "ALB"),
        ("NATO", 2024, 32, "SWE FIN", "AUT"),
        ("EU", 1958, 6, "ITA", "GBR"),
        ("EU", 1995, 15, "SWE", "NOR"),
        ("EU", 2013, 28, "HRV GBR", "TUR"),
        ("EU", 2021, 27, "HRV", "GBR"),
        ("ASEAN", 1967, 5, "THA", "VNM"),
        ("ASEAN", 1999, 10, "KHM", "TLS"),
        ("WARSAW_PACT", 1960, 8, "ALB DDR", "YUG"),
        ("WARSAW_PACT", 1980, 7, "POL", "ALB"),
        ("WARSAW_PACT", 1992, 0, "", "RUS"),
        ("GREAT", 1980, 5, "CHN", "IND"),
        ("NUCLEAR", 1950, 2, "RUS", "GBR"),
    ],
)
def test_members_by_year(group: str, year: int, n: int, inside: str, outside: str) -> None:
    got = members(group, year)
    assert len(got) == n
    assert set(inside.split()) <= got
    assert not set(outside.split()) & got


def test_members_of_regions_follow_independence() -> None:
    assert "GHA" not in members("AFR", 1956)
    assert "GHA" in members("AFR", 1957)
    assert "ZAF" not in members("SOUTH", 1980)
    assert {"BRA", "CUB"} <= members("AMER", 1970)
    assert "USA" not in members("AMER", 1970)
    assert "CSK" in members("ALL", 1980)
    assert "CSK" not in members("UN", 2000)
    assert members("FRA", 1950) == {"FRA"}
    with pytest.raises(UnknownNameError, match="NATO"):
        members("NATOO", 1990)


def test_members_are_states() -> None:
    data = load_data()
    for code, group in data.groups.items():
        for _, _, names in group.spans:
            assert names - set(data.states) <= ({"NATO", "EU"} if code == "WEST" else set())


def test_what_an_alliance_does_counts_for_the_west() -> None:
    assert "NATO" not in members("WEST", 1948)
    assert {"NATO", "EU", "USA"} <= members("WEST", 1999)


def test_own_actors_beside_the_shipped_ones(tmp_path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        """
[[actor]]
code = "ZZL"
name = "Zandoria"
names = ["Kingdom of Zandoria"]
demonyms = ["Zandorian"]
capital = ["Port Zand"]
leaders = [{ name = "Ilse Quark", from = 1990, to = 1995 }]

[[group]]
code = "ZPT"
name = "Zand Pact"
members = [{ code = "ZZL", from = 1980, to = 1999 }]
""",
        "utf-8",
    )
    gazetteer = Gazetteer.load(extra=[own])
    assert gazetteer.actors("Zandorian envoys from Port Zand met France.", "1992") == ("ZZL", "FRA")
    assert gazetteer.actors("Quark spoke.", "1993") == ("ZZL",)
    assert gazetteer.actors("Quark spoke.", "2003") == ()
    assert gazetteer.actors("The Zand Pact holds.") == ("ZPT",)
    data = load_data().extended([own])
    assert members("ZPT", 1985, data) == {"ZZL"}
    assert country_code("zandoria", data=data) == "ZZL"
    assert name_of("ZZL", data) == "Zandoria"
    assert found("Zandorian envoys met France.") == ["FRA"]


@pytest.mark.parametrize("bad", ['[[actor]]\nname = "X"', "[[actor", '[[group]]\ncode = "X"'])
def test_own_actors_must_be_whole(tmp_path, bad: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(bad, "utf-8")
    with pytest.raises(InputError, match=r"own\.toml"):
        Gazetteer.load(extra=[own])


def test_missing_tables_are_named(tmp_path) -> None:
    with pytest.raises(InputError, match=r"states\.toml"):
        Gazetteer.load(tmp_path)


def test_spacy_component_marks_the_same_actors() -> None:
    spacy = pytest.importorskip("spacy")
    import sca_nlp.actors.spacy_pipe  # noqa: F401

    nlp = spacy.blank("en")
    nlp.add_pipe("sca_actors")
    doc = nlp("The Soviet Union answered Washington.")
    assert [(s.text, s.label_) for s in doc.spans["actors"]] == [("Soviet Union", "RUS"), ("Washington", "USA")]
