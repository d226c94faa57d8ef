"""The chronologies are what their manual says, and the configs that use them can be read."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from sca_nlp.actors import load_data
from sca_nlp.config import read_config
from sca_nlp.read.deeds import read_deeds
from sca_nlp.records import MANIFESTATIONS, Reject
from sca_nlp.registry import names

ROOT = Path(__file__).resolve().parent.parent
DEEDS = ROOT / "corpus" / "deeds"
# file: rows, different acts, first year, last year, the actor or actors of whom one is in every row
FILES = {
    "russia_west": (240, 200, 1985, 2024, {"RUS", "YUG"}),
    "france_germany": (60, 60, 1945, 2000, {"FRA"}),
}
TAGS = {"enlargement", "expulsion", "sanction", "third_party", "contested"}
COLUMNS = [
    "date",
    "source",
    "target",
    "manifestation",
    "sign",
    "magnitude",
    "verbal",
    "description",
    "reference",
    "code",
]
CONFIGS = ("russia_west", "france_germany", "india_pakistan", "asean")


def rows(name: str) -> list[dict[str, str]]:
    with (DEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == COLUMNS
        return list(reader)


@pytest.mark.parametrize("name", FILES)
def test_the_reader_takes_every_row(name: str) -> None:
    rejects: list[Reject] = []
    table = read_deeds("chronology", DEEDS / f"{name}.csv", rejects=rejects, name=f"chronology_{name}")
    least, acts, first, last, _ = FILES[name]
    assert not rejects
    assert table.source.name == f"chronology_{name}"
    assert (table.source.coverage.first, table.source.coverage.last) == (str(first), str(last))
    made = table.deeds.to_pylist()
    assert len(made) == len(rows(name)) >= least
    assert len({(d["date"], d["description"]) for d in made}) >= acts
    assert all(first <= int(d["date"][:4]) <= last for d in made)


@pytest.mark.parametrize("name", FILES)
def test_each_row_is_whole_and_stands_once(name: str) -> None:
    found = rows(name)
    actors = set(load_data().states) | {"NATO", "EU", "WEST"}
    for n, row in enumerate(found, 2):
        where = f"{name}.csv:{n}: {row['description']}"
        assert None not in row, where
        assert None not in row.values(), where
        assert {row["source"], row["target"]} <= actors, where
        assert {row["source"], row["target"]} & FILES[name][4], where
        assert 20 <= len(row["description"]) <= 160, where
        assert len(row["reference"]) >= 10, where
        assert "http" not in row["reference"], where
        assert row["sign"] in ("-1", "0", "1"), where
        assert row["verbal"] in ("true", "false"), where
        assert row["magnitude"] in ("1", "2", "3"), where
        assert row["verbal"] == "false" or row["magnitude"] != "3", f"{where}: the manual has no verbal 3"
        assert set(row["code"].split()) <= TAGS, where
    keys = Counter((r["date"], r["source"], r["target"], r["manifestation"], r["description"]) for r in found)
    assert [k for k, n in keys.items() if n > 1] == []
    assert [r["date"] for r in found] == sorted(r["date"] for r in found)


@pytest.mark.parametrize(("name", "one"), [("russia_west", "RUS"), ("france_germany", "FRA")])
def test_both_directions_and_all_manifestations(name: str, one: str) -> None:
    found = rows(name)
    assert {r["manifestation"] for r in found} == set(MANIFESTATIONS)
    for side in (True, False):
        mine = [r for r in found if (r["source"] == one) is side]
        assert len(mine) >= len(found) / 3
        # Both signs on both sides: neither is the saint nor the sinner of the file.
        assert {"1", "-1"} <= {r["sign"] for r in mine}


def test_the_two_sides_are_watched_alike() -> None:
    """Doctrines, exits and expulsions are coded for Russia and for the West, in numbers of one order.

    Enlargement is left out: only one side had an alliance to which others came over the other side's objection.
    """
    found = [r for r in rows("russia_west") if r["sign"] == "-1" and r["code"] != "enlargement"]
    for manifestation in MANIFESTATIONS:
        mine = Counter(r["source"] == "RUS" for r in found if r["manifestation"] == manifestation)
        assert max(mine[True], mine[False]) <= 4 * max(1, min(mine[True], mine[False])), (manifestation, mine)
    expelled = Counter(r["source"] == "RUS" for r in found if r["code"] == "expulsion")
    assert abs(expelled[True] - expelled[False]) <= 5


def test_an_expelled_envoy_is_a_response_and_an_enlargement_is_against_the_one_left_out() -> None:
    for row in rows("russia_west"):
        if "enlargement" in row["code"]:
            assert (row["target"], row["sign"], row["manifestation"]) == ("RUS", "-1", "institutionalisation")
        if "expulsion" in row["code"]:
            assert row["sign"] == "-1"
            assert row["manifestation"] in ("response_to_threat", "institutionalisation")


@pytest.mark.parametrize("name", FILES)
def test_the_manual_counts_right(name: str) -> None:
    manual = (DEEDS / "MANUAL.md").read_text("utf-8")
    found = rows(name)
    mutual = Counter(
        (r["date"], r["manifestation"], r["description"], frozenset((r["source"], r["target"]))) for r in found
    )
    for number in (len(found), len(mutual)):
        assert re.search(rf"\b{number}\b", manual), number


@pytest.mark.parametrize("name", CONFIGS)
def test_configs_can_be_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCA_DATA", "/data")
    config = read_config(ROOT / "configs" / f"{name}.toml")
    assert config.name == name
    assert config.title
    assert config.words.min_passages >= 3
    readers = set(names("deed reader"))
    first, last = config.compare.window
    for section in config.deeds:
        assert section.name in readers
        assert section.path.startswith("/data/deeds/") or Path(section.path).resolve().is_relative_to(DEEDS)
    for crisis in config.compare.crises:
        assert crisis.first <= crisis.last
        assert crisis.first <= last
        assert first <= crisis.last
    known = load_data()
    for dyad in config.words.dyads:
        assert all(a in known.states or a in known.groups for a in dyad)


@pytest.mark.parametrize("name", FILES)
def test_the_config_reads_the_chronology(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCA_DATA", "/data")
    config = read_config(ROOT / "configs" / f"{name}.toml")
    (section,) = [d for d in config.deeds if d.name == "chronology"]
    table = read_deeds(section.name, section.path, rejects=[], **section.options)
    assert table.source.licence == "CC0 1.0"
    assert table.deeds.num_rows == len(rows(name))
