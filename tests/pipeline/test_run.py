"""The whole job: what is told before it starts, what each stage leaves behind, that a second run changes nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from sca_nlp import pipeline
from sca_nlp.config import (
    CompareSection,
    Config,
    DeedsSection,
    SpeechesSection,
    WordsSection,
    read_config,
)
from sca_nlp.errors import InputError, ScaError
from sca_nlp.share import share_path
from sca_nlp.store import check_run, read_manifest


def digests(folder: Path) -> dict[str, str]:
    names = [*folder.glob("*.parquet"), *folder.glob("*/*.parquet"), folder / "report" / "index.html"]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in names}


def test_every_stage_leaves_its_files(sample: pipeline.RunSummary) -> None:
    folder = sample.folder
    for name in ("words", "words_draws", "deeds", "deed_series", "compare/gap", "compare/tests", "compare/breaks"):
        assert (folder / f"{name}.parquet").exists(), name
    assert check_run(folder).problems == ()
    assert sample.report.read_text("utf-8").startswith("<!doctype html>")
    assert {p.suffix for p in (folder / "report" / "figures").iterdir()} == {".svg", ".png"}
    manifest = read_manifest(folder)
    assert manifest["counts"]["speeches"] == 90
    assert manifest["deeds"]["sources"] == ["chronology"]


def test_a_second_run_changes_no_byte(sample: pipeline.RunSummary) -> None:
    before = digests(sample.folder)
    config = read_config(sample.folder / "config.toml")
    again = pipeline.run(config)
    assert again.folder == sample.folder
    assert digests(sample.folder) == before


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


def small_config(folder: Path, text: str) -> Config:
    (folder / "speeches.csv").write_text("id,date,country,text\n" + text)
    return Config(
        name="small",
        out=str(folder / "run"),
        speeches=(SpeechesSection(str(folder / "speeches.csv")),),
        classify=replace(Config.__dataclass_fields__["classify"].default_factory(), model="lexicon"),  # type: ignore[misc]
        words=WordsSection(dyads=(("USA", "RUS"),), min_passages=1),
    )


def test_a_run_without_deeds_ends_with_its_report(tmp_path: Path) -> None:
    said: list[str] = []
    rows = "a,1999,USA,We keep our word to Russia.\nb,1999,Neverland,x\n"
    made = pipeline.run(small_config(tmp_path, rows), say=said.append)
    assert made.report.exists()
    assert not (made.folder / "compare").exists()
    assert any("1 speeches" in line and "1 rejected" in line for line in said)


def test_a_run_in_which_nothing_can_be_scored_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none could be scored \(1 rejected, the first: .*speeches.csv:2"):
        pipeline.run(small_config(tmp_path, "b,1999,Neverland,x\n"))
