"""The whole job on the embedded sample, small: what each stage leaves behind, and that a second run changes nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from sca_nlp import pipeline
from sca_nlp.config import CompareSection, CrisisSection, DeedsSection, WordsSection, read_config
from sca_nlp.errors import InputError, ScaError
from sca_nlp.pipeline import series
from sca_nlp.share import share_path
from sca_nlp.store import check_run, read_manifest


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pipeline.RunSummary:
    config = read_config(share_path("configs", "sample.toml"))
    config = replace(
        config,
        out=str(tmp_path_factory.mktemp("sample") / "run"),
        classify=replace(config.classify, model="linear"),
        words=replace(config.words, dyads=(("NVL", "EMK"),)),
        compare=replace(config.compare, permutations=50, draws=50),
    )
    return pipeline.run(config)


def digests(folder: Path) -> dict[str, str]:
    names = [*folder.glob("*.parquet"), *folder.glob("*/*.parquet"), folder / "report" / "index.html"]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in names}


def test_every_stage_leaves_its_files(made: pipeline.RunSummary) -> None:
    folder = made.folder
    for name in ("words", "words_draws", "deeds", "deed_series", "compare/gap", "compare/tests", "compare/breaks"):
        assert (folder / f"{name}.parquet").exists(), name
    assert check_run(folder).problems == ()
    assert made.report.read_text("utf-8").startswith("<!doctype html>")
    assert {p.suffix for p in (folder / "report" / "figures").iterdir()} == {".svg", ".png"}
    manifest = read_manifest(folder)
    assert manifest["counts"]["speeches"] == 90
    assert manifest["deeds"]["sources"] == ["chronology"]


def test_series_have_both_directions_and_every_year(made: pipeline.RunSummary) -> None:
    words = pd.read_parquet(made.folder / "words.parquet")
    balance = words[(words["measure"] == "balance") & (words["indicator"] == "all")]
    assert set(zip(balance["source"], balance["target"], strict=True)) == {("NVL", "EMK"), ("EMK", "NVL")}
    assert set(balance["period"]) == {str(y) for y in range(1991, 2013)}
    shown = balance[~balance["hidden"]]
    assert (shown["low"] <= shown["estimate"]).all()
    assert (shown["estimate"] <= shown["high"]).all()
    deeds = pd.read_parquet(made.folder / "deed_series.parquet")
    whole = deeds[(deeds["manifestation"] == "all") & (deeds["dataset"] == "all")].set_index(["source", "period"])
    assert whole.loc[("NVL", "1998"), "estimate"] > 0 > whole.loc[("NVL", "1992"), "estimate"]


def test_a_second_run_changes_no_byte(made: pipeline.RunSummary) -> None:
    before = digests(made.folder)
    config = read_config(made.folder / "config.toml")
    again = pipeline.run(config)
    assert again.folder == made.folder
    assert digests(made.folder) == before


def test_evidence_names_passages_of_the_cell(made: pipeline.RunSummary) -> None:
    files = read_config(made.folder / "config.toml").actors.files
    found = series._evidence(made.folder, [("NVL", "EMK")], "year", series.members_function(files))
    assert found
    ids = {i for ids in found.values() for i in ids}
    stored = pd.concat(pd.read_parquet(p) for p in (made.folder / "passages").glob("*.parquet")).set_index("passage_id")
    rows = stored.loc[sorted(ids)]
    assert set(rows["source"]) == {"NVL"}
    assert all("EMK" in t for t in rows["targets"])
    assert max(map(len, found.values())) <= 5


def test_stages_say_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"format": 1, "identity": {}, "classes": []}))
    with pytest.raises(InputError, match="sca aggregate"):
        pipeline.compare(tmp_path, CompareSection(), [("FRA", "DEU")])
    with pytest.raises(ScaError, match="no deeds"):
        pipeline.deeds(tmp_path, (), [("FRA", "DEU")])
    with pytest.raises(InputError, match="sca deeds"):
        series.read_sources(tmp_path)


def test_sources_come_back_from_their_file(made: pipeline.RunSummary) -> None:
    (source,) = series.read_sources(made.folder)
    assert source.name == "chronology"
    assert source.measure == "event"


def test_dyads_are_read_both_ways() -> None:
    assert pipeline.directed(WordsSection(dyads=(("A", "B"), ("B", "A")))) == [("A", "B"), ("B", "A")]
    assert pipeline.directed(WordsSection(dyads=(("A", "B"),), both=False)) == [("A", "B")]
    with pytest.raises(InputError, match="with itself"):
        pipeline.directed(WordsSection(dyads=(("A", "A"),)))


def test_leaders_change_when_the_head_changes(tmp_path: Path) -> None:
    path = tmp_path / "leaders.csv"
    path.write_text(
        "code,speaker,office,from,to\nA,One,President,1990-01-01,1995-05-05\n"
        "A,Minister,Foreign Minister,1991-01-01,1992-01-01\nA,Two,President,1995-05-05,2000-01-01\n"
    )
    (change,) = series._changes(str(path), "year")
    assert (change.actor, change.period, change.before, change.after) == ("A", "1995", "One", "Two")
    path.write_text("land,name\nA,B\n")
    with pytest.raises(InputError, match="code, speaker"):
        series._changes(str(path), "year")


def test_crises_hold_for_their_pair_or_for_all() -> None:
    section = CompareSection(
        crises=(CrisisSection("x", "1999", "2000", ("B", "A")), CrisisSection("y", "2001", "2001"))
    )
    windows = series._windows(section, [("A", "B"), ("B", "A"), ("A", "C")], "year")
    assert [(w.name, w.actors) for w in windows] == [("x", ("A", "B")), ("y", ("A", "B")), ("y", ("A", "C"))]
    with pytest.raises(InputError, match="as fine as"):
        series._windows(section, [("A", "B")], "month")


def test_actors_of_a_dyad_are_known_by_code_or_name(made: pipeline.RunSummary) -> None:
    section = WordsSection(dyads=(("Russia", "West Germany"), ("RUS", "NATO")))
    assert pipeline.known_dyads(section).dyads == (("RUS", "DEU"), ("RUS", "NATO"))
    own = WordsSection(dyads=(("NVL", "EMK"),))
    with pytest.raises(InputError, match="unknown actor 'NVL'"):
        pipeline.known_dyads(own)
    assert pipeline.known_dyads(own, folder=made.folder) == own  # they speak in that run


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": WordsSection(period="decade")}, "period 'decade'"),
        ({"deeds": (DeedsSection("chronologie", "x.csv"),)}, "did you mean 'chronology'"),
        ({"deeds": (DeedsSection("chronology", "none.csv"),)}, "none.csv: no such file"),
        ({"compare": CompareSection(draws=-1)}, "compare.draws: -1"),
        ({"compare": CompareSection(permutations=0)}, "compare.permutations: 0; wanted a number of at least 1"),
        ({"compare": CompareSection(leaders="none.csv")}, "none.csv: no such file"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_scored(tmp_path: Path, change, message: str) -> None:
    config = replace(read_config(share_path("configs", "sample.toml")), out=str(tmp_path / "run"), **change)
    with pytest.raises(ScaError, match=message):
        pipeline.run(config)
    assert not (tmp_path / "run").exists()
