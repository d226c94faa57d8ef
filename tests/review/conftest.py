from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sca_nlp.codebook import default_codebook
from sca_nlp.review.app import Desk, open_desk
from sca_nlp.review.index import open_index
from tests.report.fake_run import make_run

ACTORS = """
[[actor]]
code = "AVA"
name = "Avaria"
[[actor]]
code = "BOR"
name = "Borland"
"""
#: Goes into every text field of a run: markup, a script, quotes, a formula.
TAINT = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>\'"&=1+1'


def build(folder: Path, taint: str = "") -> Path:
    make_run(folder, years=6, n_draws=2, per_cell=10, taint=taint)
    manifest = json.loads((folder / "run.json").read_text("utf-8"))
    manifest |= {"format": 1, "identity": {"model": "m" * 8}, "classes": list(default_codebook().classes)}
    (folder / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "actors.toml").write_text(ACTORS, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build(tmp_path_factory.mktemp("made") / "run")
    open_index(folder, default_codebook()).close()  # copies keep it
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def open_run() -> Iterator[Callable[[Path], Desk]]:
    opened: list[Desk] = []

    def open_(folder: Path) -> Desk:
        desk = open_desk(folder, actor_files=(str(folder / "actors.toml"),), say=lambda text: None)
        opened.append(desk)
        return desk

    yield open_
    for desk in opened:
        desk.journal.close()
        desk.explorer.close()


@pytest.fixture
def desk(run: Path, open_run: Callable[[Path], Desk]) -> Desk:
    return open_run(run)
