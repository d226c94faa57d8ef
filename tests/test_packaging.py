"""What leaves the house: the files that build, ship and cite it agree with each other and with the package."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import sca_nlp

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
yaml = pytest.importorskip("yaml", reason="PyYAML comes with mkdocs (extra dev)")
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))


def test_extras_are_those_that_the_docs_and_doctor_name() -> None:
    from sca_nlp.cli.doctor import _EXTRAS

    extras = PROJECT["project"]["optional-dependencies"]
    assert {"train", "gpu", "review", "ray", "pdf", "documents", "hub"} <= set(extras)
    assert set(_EXTRAS) - {""} == set(extras) - {"dev"}
    assert set(extras["pdf"]) <= set(extras["documents"])
    base = " ".join(PROJECT["project"]["dependencies"])
    assert not re.search(r"\b(torch|transformers|fastapi|ray)\b", base)


def test_versions_agree() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert cited["version"] == sca_nlp.__version__
    assert {"cff-version", "message", "title", "authors", "type", "license", "references"} <= set(cited)
    assert cited["license"] == PROJECT["project"]["license"]
    assert re.search(rf"^## {re.escape(sca_nlp.__version__)} \(", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)


@pytest.fixture
def check():
    spec = importlib.util.spec_from_file_location("release_check", ROOT / ".ci" / "release_check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.problems


def test_a_tag_is_released_only_where_all_name_its_version(check, tmp_path: Path) -> None:
    (tmp_path / "sca_nlp").mkdir()
    (tmp_path / "sca_nlp/__init__.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CITATION.cff").write_text("version: 1.2.3\n")
    (tmp_path / "CHANGELOG.md").write_text("## 1.2.3 (2026-05-01)\n")
    assert check("v1.2.3", tmp_path) == []
    assert len(check("v1.2.4", tmp_path)) == 3
    assert check("1.2.3", tmp_path) == ["1.2.3 is no tag such as v1.2.3"]
    (tmp_path / "CHANGELOG.md").write_text("## 1.2.3 (unreleased)\n")
    assert check("v1.2.3", tmp_path) == ["CHANGELOG.md does not name 1.2.3"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_workflows_are_whole(path: Path) -> None:
    text = path.read_text("utf-8")
    data = yaml.safe_load(text)
    assert "://" not in text
    assert "secrets." not in text
    assert data["permissions"] == {"contents": "read"}
    for job in data["jobs"].values():
        needs = job.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= set(data["jobs"])
        for step in job.get("steps", ()):
            assert ("uses" in step) != ("run" in step)
            assert "@" in step.get("uses", "@")
            for script in re.findall(r"python (\.ci/\S+)", step.get("run", "")):
                assert (ROOT / script).exists()
            for test in re.findall(r"pytest (\S+)", step.get("run", "")):
                assert (ROOT / test).exists()


def test_supported_pythons_are_those_that_ci_runs() -> None:
    data = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    low, high = re.findall(r"3\.(\d+)", PROJECT["project"]["requires-python"])
    wanted = [f"3.{n}" for n in range(int(low), int(high))]
    assert data["jobs"]["test"]["strategy"]["matrix"]["python"] == wanted
    assert data["jobs"]["package"]["strategy"]["matrix"]["python"] == wanted


def test_the_sdist_holds_what_the_wheel_is_made_of_and_nothing_beside_the_checkout() -> None:
    """Told one by one: hatch walks ignored folders too, and a link in one to `models/` had left all models out."""
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    named = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    assert {*wheel["packages"], *wheel["force-include"], "README.md", "LICENSE", "tests", "docs"} <= set(named)
    assert all((ROOT / name).exists() for name in named)
    builders = pytest.importorskip("hatchling.builders.sdist", reason="hatchling is not installed (extra dev)")
    files = {f.distribution_path for f in builders.SdistBuilder(str(ROOT)).recurse_included_files()}
    shipped = {p.relative_to(ROOT).as_posix() for p in (ROOT / "models").rglob("*") if p.is_file()}
    assert shipped <= files
    assert not any(f.startswith((".scratch", ".venv", "runs", "build", "dist")) for f in files)


def test_the_image_gets_what_the_wheel_is_made_of_and_nothing_beside() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert kept == {
        *wheel["packages"],
        *wheel["force-include"],
        "pyproject.toml",
        "requirements.lock",
        "README.md",
        "LICENSE",
    }
    recipe = (ROOT / "Dockerfile").read_text("utf-8")
    assert recipe.rindex("USER 1000") < recipe.index("ENTRYPOINT")
    assert "://" not in recipe


def test_the_images_constraints_hold_every_locked_version(tmp_path: Path) -> None:
    if shutil.which("sed") is None:
        pytest.skip("no sed")
    script = re.search(r"sed -nE '[^']+'", (ROOT / "Dockerfile").read_text("utf-8"))
    assert script is not None
    made = subprocess.run(
        f"{script[0]} requirements.lock", shell=True, cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = made.stdout.splitlines()
    locked = re.findall(r"^[\w.-]+==\S+", (ROOT / "requirements.lock").read_text("utf-8"), re.M)
    assert [line.split()[0] for line in lines] == locked
    assert not any("\\" in line for line in lines)
