"""Series of deeds of a run: what their sources declare, and what is missing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sca_nlp import pipeline
from sca_nlp.errors import ScaError


def test_the_signs_of_deeds_are_in_their_series(sample: pipeline.RunSummary) -> None:
    deeds = pd.read_parquet(sample.folder / "deed_series.parquet")
    whole = deeds[(deeds["manifestation"] == "all") & (deeds["dataset"] == "all")].set_index(["source", "period"])
    assert whole.loc[("NVL", "1998"), "estimate"] > 0 > whole.loc[("NVL", "1992"), "estimate"]


def test_a_run_without_data_sets_says_how_to_add_one(scored: Path) -> None:
    with pytest.raises(ScaError, match="no deeds"):
        pipeline.deeds(scored, (), [("FRA", "DEU")])
