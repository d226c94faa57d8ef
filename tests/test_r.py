"""The vignette in R runs on the sample's run: with arrow where R has it, else its base-R part on CSV."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from sca_nlp import pipeline
from sca_nlp.config import read_config
from sca_nlp.share import share_path

PAGE = Path(__file__).parents[1] / "docs" / "r-vignette.md"
BLOCKS = re.findall(r"^```r\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
R = shutil.which("Rscript")
pytestmark = pytest.mark.skipif(R is None, reason="no R on this machine (apt-get install r-base-core)")


def has(*packages: str) -> bool:
    check = "; ".join(f"library({p})" for p in packages)
    return subprocess.run([str(R), "-e", check], capture_output=True, check=False, timeout=60).returncode == 0


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `runs/sample`, as the page's first commands make it."""
    path = tmp_path_factory.mktemp("r")
    config = read_config(share_path("configs", "sample.toml"))
    config = replace(
        config,
        out=str(path / "runs" / "sample"),
        classify=replace(config.classify, model="linear"),
        words=replace(config.words, dyads=(("NVL", "EMK"),)),
        compare=replace(config.compare, permutations=19, draws=19),
    )
    pipeline.run(config)
    return path


def run(code: str, where: Path) -> str:
    (where / "page.R").write_text(code, encoding="utf-8")
    done = subprocess.run([str(R), "page.R"], cwd=where, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_csv_part_runs_in_base_r(root: Path) -> None:
    base = [b for b in BLOCKS if "read.csv" in b]
    assert len(base) == 1
    out = run(base[0], root)
    assert "1991" in out
    assert (root / "balance.png").stat().st_size > 3_000


def test_the_arrow_part_runs(root: Path) -> None:
    if not has("arrow", "dplyr", "ggplot2"):
        pytest.skip("R lacks arrow, dplyr or ggplot2")
    code = "\n".join(b for b in BLOCKS if "read.csv" not in b)
    out = run("pdf('plots.pdf')\n" + code, root)
    assert "question" in out
    assert (root / "plots.pdf").stat().st_size > 3_000
