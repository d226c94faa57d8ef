"""By what numbers are made: the digest of the code behind each stage, its libraries, its commit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sca_nlp import share
from sca_nlp.pipeline import made_by as made
from sca_nlp.pipeline.made_by import LIBRARIES, SOURCES, code_digest, commit

PACKAGE = Path(share.__file__).parent


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
        ("sca_nlp/pipeline/dyads.py", {"aggregate", "deeds", "compare", "report"}),
        ("sca_nlp/pipeline/deed_series.py", {"deeds", "compare"}),
        ("sca_nlp/pipeline/evidence.py", {"compare"}),
        ("sca_nlp/pipeline/run.py", set()),
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
    """Left out: what moves no number (errors, locks, where files lie, which readers there are, what else a page can
    do), and what the recipe keeps (what was asked for, the model's error rates).
    """
    rooms = [e for e in SOURCES[stage] if not e.startswith("configs/")]
    known = {"sca_nlp", *(f"sca_nlp.{e.replace('/', '.')}" for e in rooms)}
    beside = ("errors", "places", "registry", "share", "read.speeches", "pipeline.guard", "pipeline.recipe")
    left = {f"sca_nlp.{name}" for name in (*beside, "classify.folder")}
    names = {n for e in rooms for n in imported(e) if n.split(".")[0] == "sca_nlp"}
    beyond = {n for n in names if not any(n == k or n.startswith(f"{k}.") for k in (known | left) - {"sca_nlp"})}
    assert beyond - {"sca_nlp"} == set()


def test_the_libraries_are_those_that_the_stages_compute_with() -> None:
    computing = {"duckdb", "numpy", "pandas", "polars", "pyarrow", "ruptures", "scipy", "sklearn", "statsmodels"}
    rooms = {e for entries in SOURCES.values() for e in entries if not e.startswith("configs/")}
    assert {n.split(".")[0] for e in rooms for n in imported(e)} & computing == set(LIBRARIES)


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
