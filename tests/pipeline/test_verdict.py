"""What `sca verify` concludes, part by part: what somebody altered, and what another program makes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from sca_nlp import __version__, pipeline
from sca_nlp.cli import add_commands, app
from sca_nlp.errors import InputError
from sca_nlp.pipeline import verdict as verdicts
from sca_nlp.pipeline.made_by import made_by
from sca_nlp.pipeline.recipe import FRAMES, RECIPE, keep_recipe, read_recipe
from sca_nlp.pipeline.verdict import MOST, Verdict, judge
from tests.pipeline.test_causes import OTHER_CODE, OTHER_NUMPY, OURS

verifying = import_module("sca_nlp.pipeline.verify")  # the package calls its function so


# A run of three stages that write one small frame each. Words are 1; deeds are 2; the comparison is words + deeds.

Stages = Callable[..., Verdict]


def frame(value: float) -> pd.DataFrame:
    return pd.DataFrame({"source": ["A"], "estimate": [value]})


def value(path: Path) -> float:
    return float(pd.read_parquet(path)["estimate"].iloc[0])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "compare").mkdir(parents=True)
    for file, number in (("words.parquet", 1.0), ("deed_series.parquet", 2.0), ("compare/gap.parquet", 3.0)):
        frame(number).to_parquet(folder / file, index=False)
    for stage in FRAMES:
        keep_recipe(folder, stage, seed=1)
    return folder


@pytest.fixture
def again(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stages:
    """Make the three stages again, by a program whose words and comparison can be others."""
    numbers = {"words": 1.0, "deeds": 2.0, "more": 0.0}

    def aggregate(work: Path, origin: Path, given: dict[str, Any]) -> str:
        frame(numbers["words"]).to_parquet(work / "words.parquet", index=False)
        return ""

    def deeds(work: Path, origin: Path, given: dict[str, Any]) -> str:
        frame(numbers["deeds"]).to_parquet(work / "deed_series.parquet", index=False)
        return ""

    def compare(work: Path, origin: Path, given: dict[str, Any]) -> str:
        if given.get("leaders"):
            raise InputError(given["leaders"], "no such file", "a CSV")
        total = value(work / "words.parquet") + value(work / "deed_series.parquet") + numbers["more"]
        frame(total).to_parquet(work / "compare" / "gap.parquet", index=False)
        return ""

    for name, stage in (("_aggregate", aggregate), ("_deeds", deeds), ("_compare", compare)):
        monkeypatch.setattr(verifying, name, stage)

    def made_again(**changed: float) -> Verdict:
        numbers.update(changed)
        work = tmp_path / "work"
        shutil.rmtree(work, ignore_errors=True)
        verifying._copy(run, work)
        verdict = Verdict(run, run / "report")
        verifying._stages(verdict, work, read_recipe(run))
        return verdict

    return made_again


def note(run: Path, stage: str, **changed: Any) -> None:
    """Change what a stage kept; None takes it out, as runs of before have none."""
    recipe = json.loads((run / RECIPE).read_text())
    for key, changes in changed.items():
        if changes is None:
            del recipe[stage]["made_by"]
        else:
            recipe[stage]["made_by"][key] = changes
    (run / RECIPE).write_text(json.dumps(recipe))


def causes(verdict: Verdict) -> dict[str, str]:
    return {p.name: p.cause for p in verdict.parts}


SAME = {"aggregate": "", "deeds": "", "compare": ""}


def test_equal_numbers_are_the_same_whoever_made_them(run: Path, again: Stages) -> None:
    assert causes(again()) == SAME
    note(run, "aggregate", code="b" * 64)
    verdict = again()
    assert causes(verdict) == SAME
    assert [p.other for p in verdict.parts] == [True, False, False]
    note(run, "aggregate", all=None)
    verdict = again()
    assert causes(verdict) == SAME
    assert verdict.cause == ""


def test_an_altered_file_is_named_and_what_comes_after_it_stands(run: Path, again: Stages) -> None:
    frame(1.5).to_parquet(run / "words.parquet", index=False)
    verdict = again()
    assert causes(verdict) == SAME | {"aggregate": "altered"}
    assert verdict.cause == "altered"
    assert "not what the stage wrote: words.parquet (made by the same code and libraries)" in verdict.parts[0].why
    assert verdict.problems == ["words.parquet: row 1 (A): estimate is 1.5; recomputed 1.0"]


def test_a_mended_statistic_is_another_code_and_no_alteration(run: Path, again: Stages) -> None:
    note(run, "aggregate", code="b" * 64)
    verdict = again(words=1.25)
    assert causes(verdict) == SAME | {"aggregate": "other code"}  # compared by the words that it was made from
    assert "made by other code (sca_nlp" in verdict.parts[0].why
    assert f"now sca_nlp {__version__}, code {made_by('aggregate')['code'][:12]}" in verdict.parts[0].why
    note(run, "compare", libraries=made_by("compare")["libraries"] | {"scipy": "0.1"})
    verdict = again(more=0.5)
    assert causes(verdict) == SAME | {"aggregate": "other code", "compare": "other libraries"}
    assert "scipy 0.1, now " in verdict.parts[2].why
    assert verdict.cause == "other code"


def test_an_alteration_under_another_code_is_still_one_and_leaves_the_rest_in_doubt(run: Path, again: Stages) -> None:
    note(run, "aggregate", code="b" * 64)
    frame(1.5).to_parquet(run / "words.parquet", index=False)
    verdict = again(words=1.25)
    assert causes(verdict) == SAME | {"aggregate": "altered", "compare": "other code"}
    assert "in doubt (other code)" in verdict.parts[2].why


def test_what_a_stage_read_was_altered_where_its_files_are_its_own(run: Path, again: Stages) -> None:
    recipe = json.loads((run / RECIPE).read_text())
    recipe["deeds"]["sections"] = [{"path": "deeds.csv"}]
    (run / RECIPE).write_text(json.dumps(recipe))
    verdict = again(deeds=2.5)
    assert causes(verdict) == SAME | {"deeds": "altered", "compare": ""} | {"compare": "altered"}
    assert f"what it was made from was (in the run or beside it: {run / 'deeds.csv'})" in verdict.parts[1].why


def test_a_run_of_before_cannot_tell(run: Path, again: Stages) -> None:
    for stage in FRAMES:
        note(run, stage, all=None)
    frame(1.5).to_parquet(run / "words.parquet", index=False)
    verdict = again()
    assert causes(verdict) == SAME | {"aggregate": "unknown"}
    assert "altered, or made by other code: the run does not say" in verdict.parts[0].why
    keep_recipe(run, "compare", seed=1)  # made again alone, by what is here now, from words that nobody knows
    assert causes(again(words=1.25)) == SAME | {"aggregate": "unknown", "compare": "unknown"}
    (run / RECIPE).unlink()
    assert causes(again()) == dict.fromkeys(FRAMES, "unknown")


def test_what_is_not_at_hand_is_no_alteration(run: Path, again: Stages) -> None:
    recipe = json.loads((run / RECIPE).read_text())
    recipe["compare"] |= {"leaders": "gone.csv", "section": {"leaders": "gone.csv"}}
    (run / RECIPE).write_text(json.dumps(recipe))
    verdict = again()
    assert causes(verdict) == SAME | {"compare": "unknown"}
    assert f"without what it reads beside the run: {run / 'gone.csv'}" in verdict.parts[2].why
    assert verdict.parts[2].advice == "put those files where they were"


@pytest.mark.parametrize("damaged", [{"made_by": 3}, {"made_by": {"code": 1}}, {"section": 7, "sections": [1]}])
def test_a_damaged_note_is_no_crash(run: Path, again: Stages, damaged: dict[str, Any]) -> None:
    recipe = json.loads((run / RECIPE).read_text())
    recipe["aggregate"] |= damaged
    (run / RECIPE).write_text(json.dumps(recipe))
    assert causes(again(words=4.0))["aggregate"] in ("unknown", "altered")


def test_the_command_and_its_json_tell_the_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = Verdict(tmp_path, tmp_path / "report", problems=["words.parquet: row 1: x is 1; recomputed 2"])
    monkeypatch.setattr(verdicts, "made_by", lambda stage: OURS)
    judge(verdict, "aggregate", 0, OTHER_CODE)
    judge(verdict, "deeds", 1, OTHER_NUMPY)
    judge(verdict, "compare", 1, OURS)
    monkeypatch.setattr(pipeline, "verify", lambda report, run=None: verdict)
    add_commands()
    found = CliRunner().invoke(app, ["verify", "runs/mine"])
    assert found.exit_code == 1
    text = " ".join(found.output.split())
    assert "words (sca aggregate): numbers differ: made by other code (sca_nlp 1.0, code bbbbbbbbbbbb;" in text
    assert "deeds (sca deeds): same numbers, made by other code or libraries" in text
    assert "comparison (sca compare): same numbers runs" not in text
    assert "1 problems; cause: other code" in text
    assert "what to do: make the numbers again" in text
    data = json.loads(CliRunner().invoke(app, ["verify", "runs/mine", "--json"]).output)
    assert data["cause"] == "other code"
    assert [(s["stage"], s["same"], s["cause"]) for s in data["stages"]] == [
        ("aggregate", False, "other code"),
        ("deeds", True, None),
        ("compare", True, None),
    ]
    assert data["stages"][0]["made_by"]["code"] == "b" * 64
    assert data["stages"][0]["now"]["code"] == "a" * 64
    verdict.problems.clear()
    verdict.parts.clear()
    assert CliRunner().invoke(app, ["verify", "runs/mine"]).exit_code == 0
    assert json.loads(CliRunner().invoke(app, ["verify", "runs/mine", "--json"]).output)["cause"] is None


def test_of_many_differences_the_first_are_listed_and_the_rest_counted(tmp_path: Path) -> None:
    verdict = Verdict(tmp_path, tmp_path)
    assert verdict.add("words.parquet", iter([f"row {k}" for k in range(1, 9)]))
    assert len(verdict.problems) == MOST + 1
    assert verdict.problems[-1] == "words.parquet: 3 more differences"
    assert not verdict.add("deeds.parquet", iter([]))
