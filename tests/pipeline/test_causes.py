"""Why numbers differ: `sca verify` tells those that somebody altered from those that another program makes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from sca_nlp import pipeline, share
from sca_nlp.cli import add_commands, app
from sca_nlp.errors import InputError
from sca_nlp.pipeline import made_by as made
from sca_nlp.pipeline import verdict as verdicts
from sca_nlp.pipeline.causes import CAUSES, advice, cause_of, code_told, file_cause, gravest
from sca_nlp.pipeline.made_by import LIBRARIES, SOURCES, code_digest, commit, made_by
from sca_nlp.pipeline.recipe import FRAMES, RECIPE, keep_recipe, read_recipe
from sca_nlp.pipeline.verdict import Verdict, judge

verifying = import_module("sca_nlp.pipeline.verify")  # the package calls its function so
PACKAGE = Path(share.__file__).parent
OURS = {"version": "1.0", "code": "a" * 64, "commit": "c" * 40, "libraries": {"numpy": "2.4.6", "scipy": "1.17.1"}}
OTHER_CODE = OURS | {"code": "b" * 64}
OTHER_NUMPY = OURS | {"libraries": {"numpy": "2.5.0", "scipy": "1.17.1"}}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of what the digests are made of, in place of the package."""
    root = tmp_path / "site"
    for name in ("sca_nlp", "configs"):
        ignored = shutil.ignore_patterns("__pycache__", "_share", "static")
        shutil.copytree(PACKAGE.parent / name, root / name, ignore=ignored)
    monkeypatch.setattr(share, "_PACKAGE", root / "sca_nlp")
    code_digest.cache_clear()
    commit.cache_clear()
    yield root
    code_digest.cache_clear()
    commit.cache_clear()


def fresh(stage: str) -> str:
    code_digest.cache_clear()
    return code_digest(stage)


def test_the_digest_is_the_same_in_checkout_and_wheel_and_with_other_line_ends(tree: Path) -> None:
    before = {stage: fresh(stage) for stage in SOURCES}
    assert len(set(before.values())) == len(SOURCES)
    (tree / "sca_nlp" / "compare" / "__pycache__").mkdir()
    (tree / "sca_nlp" / "compare" / "__pycache__" / "gap.cpython-311.pyc").write_bytes(b"\0")
    (tree / "sca_nlp" / "compare" / "__pycache__" / "left.py").write_text("x = 1\n")
    (tree / "sca_nlp" / "compare" / ".gap.py").write_text("an editor's\n")
    (tree / "sca_nlp" / "compare" / "gap.py~").write_text("an editor's\n")
    (tree / "sca_nlp" / "_share").mkdir()
    (tree / "configs").rename(tree / "sca_nlp" / "_share" / "configs")  # as a wheel has them
    gap = tree / "sca_nlp" / "compare" / "gap.py"
    gap.write_bytes(gap.read_bytes().replace(b"\n", b"\r\n"))
    assert {stage: fresh(stage) for stage in SOURCES} == before


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("sca_nlp/compare/gap.py", {"compare", "report"}),
        ("sca_nlp/prevalence/__init__.py", {"aggregate", "deeds", "compare", "report"}),
        ("sca_nlp/read/deeds/mapping.py", {"deeds"}),
        ("sca_nlp/report/html.py", {"report"}),
        ("configs/spectrum.toml", {"compare", "report"}),
        ("configs/deeds/unga.toml", {"deeds"}),
        ("sca_nlp/cli/verify.py", set()),
        ("sca_nlp/review/app.py", set()),
        ("configs/sample.toml", set()),
    ],
)
def test_a_mended_file_changes_the_digest_of_the_stages_that_it_can_move(
    tree: Path, file: str, stages: set[str]
) -> None:
    before = {stage: fresh(stage) for stage in SOURCES}
    with (tree / file).open("a") as f:
        f.write("# mended\n")
    assert {s for s in SOURCES if fresh(s) != before[s]} == stages


def test_a_file_more_or_of_another_name_is_another_code(tree: Path) -> None:
    before = fresh("compare")
    room = tree / "sca_nlp" / "compare"
    (room / "gap.py").rename(room / "gaps.py")
    renamed = fresh("compare")
    (room / "more.py").write_text("")
    assert len({before, renamed, fresh("compare")}) == 3


def imported(entry: str) -> set[str]:
    """Return the modules of the package that the files of an entry import when they run."""
    from tests.test_house import imports

    place = PACKAGE / entry
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    return {name for file in files for name in imports(file)}


@pytest.mark.parametrize("stage", SOURCES)
def test_the_sources_of_a_stage_are_all_that_they_import(stage: str) -> None:
    """Left out: what moves no number (errors, where files lie, which readers there are, what else a page can do)."""
    rooms = [e for e in SOURCES[stage] if not e.startswith("configs/") and e != "pipeline/series"]
    known = {"sca_nlp", *(f"sca_nlp.{e.replace('/', '.')}" for e in rooms)}
    left = {f"sca_nlp.{name}" for name in ("errors", "places", "registry", "share", "read.speeches")}
    names = {n for e in rooms for n in imported(e) if n.split(".")[0] == "sca_nlp"}
    beyond = {n for n in names if not any(n == k or n.startswith(f"{k}.") for k in (known | left) - {"sca_nlp"})}
    assert beyond - {"sca_nlp"} == set()


def test_the_libraries_are_those_that_the_stages_compute_with() -> None:
    computing = {"duckdb", "numpy", "pandas", "polars", "pyarrow", "ruptures", "scipy", "sklearn", "statsmodels"}
    rooms = {e for entries in SOURCES.values() for e in entries if not e.startswith("configs/")}
    assert {n.split(".")[0] for e in rooms for n in imported(e)} & computing == set(LIBRARIES)


def test_a_stage_keeps_by_what_it_was_made_and_what_it_wrote(tmp_path: Path) -> None:
    (tmp_path / "words.parquet").write_bytes(b"words")
    keep_recipe(tmp_path, "aggregate", seed=1)
    kept = read_recipe(tmp_path)["aggregate"]
    assert kept["seed"] == 1
    assert set(kept["made_by"].pop("files")) == {"words.parquet"}
    assert kept["made_by"] == made_by("aggregate")
    assert set(kept["made_by"]["libraries"]) == {"python", "machine", *LIBRARIES}
    assert cause_of(kept["made_by"], made_by("aggregate")) == "altered"


def test_a_library_without_metadata_is_of_unknown_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "LIBRARIES", ("no-such-library",))
    made.libraries.cache_clear()
    try:
        assert made.libraries()["no-such-library"] == "unknown"
    finally:
        made.libraries.cache_clear()


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, ""),
        ({"HEAD": "1" * 40 + "\n"}, "1" * 40),
        ({"HEAD": "ref: refs/heads/main\n", "refs/heads/main": "2" * 40 + "\n"}, "2" * 40),
        ({"HEAD": "ref: refs/heads/main\n", "packed-refs": f"# pack\n{'3' * 40} refs/heads/main\n"}, "3" * 40),
        ({"HEAD": "ref: refs/heads/main\n", "packed-refs": "# pack\n"}, ""),
        ({"HEAD": "ref: refs/heads/main\n"}, ""),
        ({"HEAD": "nothing of the kind\n"}, ""),
    ],
)
def test_the_commit_is_that_of_the_packages_own_checkout(tree: Path, files: dict[str, str], found: str) -> None:
    for name, text in files.items():
        (tree / ".git" / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / ".git" / name).write_text(text)
    assert commit() == found


@pytest.mark.parametrize(
    ("kept", "cause", "told"),
    [
        (None, "unknown", "does not say"),
        ({}, "unknown", "does not say"),
        ([], "unknown", "does not say"),
        (OURS | {"code": ""}, "unknown", "does not say"),
        (OURS | {"libraries": None}, "unknown", "does not say"),
        (OURS, "altered", "the same code and libraries"),
        (OURS | {"commit": "", "version": "0.9"}, "altered", "the same code"),  # the digest tells, not the names
        (OTHER_NUMPY, "other libraries", "(numpy 2.5.0, now 2.4.6)"),
        (OURS | {"libraries": {"numpy": "2.4.6"}}, "other libraries", "(scipy none, now 1.17.1)"),
        (OTHER_CODE, "other code", f"(sca_nlp 1.0, code {'b' * 12}; now sca_nlp 1.0, code {'a' * 12})"),
        (OTHER_CODE | {"libraries": OTHER_NUMPY["libraries"]}, "other code", "on other libraries (numpy 2.5.0, now"),
    ],
)
def test_the_cause_follows_from_what_was_kept(kept: Any, cause: str, told: str) -> None:
    assert cause_of(kept, OURS) == cause
    assert told in code_told(kept, OURS)


def test_the_advice_fits_the_cause() -> None:
    assert "`git checkout cccccccccccc`" in advice("other code", OTHER_CODE)
    assert "that version" in advice("other code", OTHER_CODE | {"commit": "; rm -r"})
    assert "install the versions" in advice("other libraries", OTHER_NUMPY)
    assert "unaltered copy" in advice("altered", OURS)
    assert "from then on the run says" in advice("unknown", None)
    assert advice("made again", None) == "make the report again with `sca report`"


def test_a_file_that_changed_since_the_report_was_altered_or_made_again() -> None:
    kept = OURS | {"files": {"words.parquet": "d"}}
    assert file_cause("words.parquet", "d", kept) == "made again"
    assert file_cause("words.parquet", "e", kept) == "altered"
    assert file_cause("words.parquet", None, kept) == "altered"  # gone
    assert file_cause("words.parquet", "d", {}) == "unknown"  # of a run that kept nothing
    assert file_cause("config.toml", "d", None) == "altered"  # of no stage
    assert gravest([]) == ""
    assert gravest(["other libraries", "unknown", ""]) == "unknown"
    assert gravest(list(reversed(CAUSES))) == "altered"


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
    assert (
        f"now sca_nlp {pipeline.made_by.__version__}, code {made_by('aggregate')['code'][:12]}" in verdict.parts[0].why
    )
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
