"""The vignette in R runs on the sample's run.

Where R has arrow, as it stands. Elsewhere (Debian has no arrow for R): its base-R part on CSV, and its other parts with
a stand-in for arrow's two readers, so that all but the reading is run.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pandas as pd
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


#: What the page asks of arrow, on CSV files beside the Parquet files.
STAND_IN = """
library <- function(name) {
  name <- as.character(substitute(name))
  if (name != "arrow") suppressPackageStartupMessages(base::library(name, character.only = TRUE))
}
read_parquet <- function(path) read.csv(paste0(path, ".csv"), check.names = FALSE)
open_dataset <- function(path) do.call(rbind, lapply(list.files(path, "parquet.csv$", full.names = TRUE), read.csv,
                                                     check.names = FALSE))
"""


def write_beside(root: Path) -> None:
    """Write each table that the page reads as CSV too, with R's words for true and false."""
    named = re.findall(r'(?:read_parquet|open_dataset)\("([^"]+)"\)', "\n".join(BLOCKS))
    assert named
    for name in named:
        path = root / name
        for file in sorted(path.glob("*.parquet")) if path.is_dir() else [path]:
            table = pd.read_parquet(file)
            words = {c: table[c].map({True: "TRUE", False: "FALSE"}) for c in table if table[c].dtype == bool}
            table.assign(**words).to_csv(f"{file}.csv", index=False)


def test_the_other_parts_run_with_or_without_arrow(root: Path) -> None:
    if not has("dplyr", "ggplot2"):
        pytest.skip("R lacks dplyr or ggplot2 (apt-get install r-cran-dplyr r-cran-ggplot2)")
    with_arrow = has("arrow")
    if not with_arrow:
        write_beside(root)
    code = "\n".join(b for b in BLOCKS if "read.csv" not in b)
    out = run(f"{'' if with_arrow else STAND_IN}pdf('plots.pdf')\n{code}", root)
    assert "question" in out
    assert (root / "plots.pdf").stat().st_size > 3_000
