"""`sca verify`: a report stands, and every way of changing one of its numbers is found."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sca_nlp import pipeline
from sca_nlp.classify.folder import find_model, rewrite_texts
from sca_nlp.cli import add_commands, app
from sca_nlp.config import read_config
from sca_nlp.errors import InputError
from sca_nlp.pipeline.recipe import MANIFEST
from sca_nlp.report import html
from sca_nlp.share import share_path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(find_model("lexicon"), tmp_path_factory.mktemp("models") / "mine"))


@pytest.fixture(scope="module")
def run(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = read_config(share_path("configs", "sample.toml"))
    config = replace(
        config,
        out=str(tmp_path_factory.mktemp("sample") / "run"),
        classify=replace(config.classify, model=str(model)),
        words=replace(config.words, dyads=(("NVL", "EMK"),)),
        compare=replace(config.compare, permutations=20, draws=20),
    )
    return pipeline.run(config).folder


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "elsewhere"))


def reseal(report: Path, *files: str) -> None:
    """Do what someone does who changes a file and its digest."""
    made = json.loads((report / MANIFEST).read_text())
    for file in files:
        made["files"][file] = hashlib.sha256((report / file).read_bytes()).hexdigest()
    (report / MANIFEST).write_text(json.dumps(made))


def test_a_report_stands_also_when_its_run_has_moved(copy: Path) -> None:
    verdict = pipeline.verify(copy)
    assert verdict.problems == []
    assert verdict.n_numbers > 1000
    assert verdict.n_files > 20


def test_a_report_stands_after_its_model_was_measured_anew(copy: Path, model: Path) -> None:
    before = {name: (model / name).read_text() for name in ("metrics.json", "card.md")}
    measured = json.loads(before["metrics.json"])
    for rates in measured["error_rates"].values():
        rates["fpr"] = [0.2] * len(rates["fpr"])
    measured |= {"measured later": {"macro_f1": 0.9876}}
    rewrite_texts(model, {"metrics.json": json.dumps(measured), "card.md": "Measured anew."})
    try:
        verdict = pipeline.verify(copy)
    finally:
        rewrite_texts(model, before)
    assert verdict.problems == []
    assert [note.split(" are others")[0] for note in verdict.notes] == [
        "the model's error rates",
        "the model's measured scores",
    ]
    kept = json.loads((copy / "report" / "metrics.json").read_text())
    assert kept == json.loads(before["metrics.json"])
    assert "metrics.json" in json.loads((copy / "report" / MANIFEST).read_text())["files"]


def test_changed_files_of_a_report_are_found_though_their_digests_fit(copy: Path) -> None:
    report = copy / "report"
    table = report / "tables" / "words.csv"
    lines = table.read_text().split("\n")
    column = lines[0].split(",").index("estimate")
    row = next(k for k, line in enumerate(lines[1:], 1) if line.split(",")[column] not in ("", "0.0"))
    cells = lines[row].split(",")
    was, cells[column] = cells[column], "0.87654"
    lines[row] = ",".join(cells)
    table.write_text("\n".join(lines))
    gap = pd.read_parquet(report / "tables" / "gap.parquet")
    gap.loc[3, "gap"] = 9.5
    gap.to_parquet(report / "tables" / "gap.parquet", index=False)
    page = report / "index.html"
    text = page.read_text("utf-8")
    number = f"{pd.read_parquet(copy / 'compare' / 'tests.parquet')['p'].dropna().iloc[0]:.2f}"
    at = text.rindex(number)
    page.write_text(text[:at] + "0.77" + text[at + len(number) :], "utf-8")
    (report / "tables" / "more.csv").write_text("a\n1\n")
    reseal(report, "tables/words.csv", "tables/gap.parquet", "index.html")
    problems = "\n".join(pipeline.verify(report).problems)
    assert f"report/tables/words.csv: line {row + 1}: estimate is '0.87654'; recomputed {was!r}" in problems
    assert "report/tables/gap.parquet: row 4 (" in problems
    assert "gap is 9.5; recomputed" in problems
    assert "report/index.html: line" in problems
    assert "report/tables/more.csv: not written by the report" in problems


def test_changed_frames_and_figures_are_found(copy: Path) -> None:
    words = pd.read_parquet(copy / "words.parquet")
    words.loc[0, "n_passages"] += 1
    words.to_parquet(copy / "words.parquet", index=False)
    (copy / "compare" / "breaks.parquet").write_bytes(b"half")
    figure = next((copy / "report" / "figures").glob("*.svg"))
    figure.write_text(figure.read_text().replace("<path", "<g/><path", 1))
    next((copy / "report" / "figures").glob("*.png")).unlink()
    (copy / "config.toml").unlink()
    for name in ("new.parquet", "newer.parquet"):
        words.to_parquet(copy / name, index=False)
    kept = copy / "report" / "metrics.json"
    kept.write_text(kept.read_text().replace("{", '{"macro_f1": 0.99,', 1))
    problems = "\n".join(pipeline.verify(copy).problems)
    assert "words.parquet: changed in the run since the report was made" in problems
    assert "words.parquet: row 1 (" in problems
    assert f"n_passages is {words.loc[0, 'n_passages']}; recomputed {words.loc[0, 'n_passages'] - 1}" in problems
    assert "compare/breaks.parquet: not readable" in problems
    assert f"report/figures/{figure.name}: changed after it was written" in problems
    assert ".png: gone" in problems
    assert "config.toml: gone from the run since the report was made" in problems
    assert "new.parquet and 1 more: new in the run; make the report again with `sca report`" in problems
    assert "report/metrics.json: changed after it was written" in problems
    assert "report/index.html: line" in problems  # the page still prints what was kept


def test_the_pages_of_the_pairs_are_verified_too(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MOST_PAIRS", 0)
    files = read_config(share_path("configs", "sample.toml")).actors.files
    pipeline.report(copy, title="t", dyads=[("NVL", "EMK")], actor_files=files)
    assert pipeline.verify(copy).problems == []
    page = copy / "report" / "pairs" / "NVL_EMK.html"
    page.write_text(page.read_text("utf-8").replace("trust balance +0.", "trust balance +0.9", 1), "utf-8")
    (copy / "report" / "pairs" / "XXX_YYY.html").write_text("")
    reseal(copy / "report", "pairs/NVL_EMK.html")
    problems = pipeline.verify(copy).problems
    assert any(p.startswith("report/pairs/NVL_EMK.html: line") for p in problems)
    assert "report/pairs/XXX_YYY.html: not written by the report" in problems


def test_a_changed_probability_in_the_store_is_found(copy: Path) -> None:
    shard = next((copy / "passages").glob("*.parquet"))
    table = pq.read_table(shard)
    n = table.column_names.index("SS+")
    table = table.set_column(n, table.schema.field(n), pa.array([0.99] * len(table), pa.float32()))
    pq.write_table(table, shard)
    problems = "\n".join(pipeline.verify(copy).problems)
    assert f"passages/{shard.name}: changed in the run since the report was made" in problems
    assert "words.parquet: row" in problems


def test_deed_data_that_are_gone_are_said(copy: Path) -> None:
    recipe = json.loads((copy / "recipe.json").read_text())
    recipe["deeds"]["sections"][0]["path"] = "gone.csv"
    (copy / "recipe.json").write_text(json.dumps(recipe))
    verdict = pipeline.verify(copy)
    assert verdict.problems == []
    assert "not at hand" in verdict.notes[0]


def test_the_command_ends_with_1_and_names_what_is_wrong(copy: Path) -> None:
    add_commands()
    (copy / "recipe.json").unlink()
    found = CliRunner().invoke(app, ["verify", str(copy / "report")])
    assert found.exit_code == 1
    assert "nothing on `sca aggregate`" in found.output
    assert "problems" in found.output
    (copy / "report" / MANIFEST).unlink()
    with pytest.raises(InputError, match="make it again if it is older"):
        pipeline.verify(copy)
    (copy / "report" / MANIFEST).write_text("[")
    with pytest.raises(InputError, match="not readable"):
        pipeline.verify(copy)


def test_a_run_that_is_elsewhere_is_asked_for(copy: Path, tmp_path: Path) -> None:
    report = shutil.copytree(copy / "report", tmp_path / "far" / "off" / "page")
    with pytest.raises(InputError, match="--run"):
        pipeline.verify(report)
    assert pipeline.verify(report, run=copy).problems == []


def test_a_damaged_recipe_and_damaged_scores_are_problems_not_crashes(copy: Path) -> None:
    recipe = json.loads((copy / "recipe.json").read_text())
    recipe["aggregate"]["rates"] = {"all": "none"}
    recipe["deeds"] = []
    recipe["compare"]["seed"] = "x"
    (copy / "recipe.json").write_text(json.dumps(recipe))
    (copy / "report" / "metrics.json").write_text("[]")
    problems = "\n".join(pipeline.verify(copy).problems)
    for stage in ("aggregate", "deeds", "compare", "report"):
        assert f"`sca {stage}` cannot be done again: " in problems
    assert "metrics.json: no object; wanted the scores that the report printed" in problems
