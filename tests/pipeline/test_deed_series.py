"""Deeds that a run has kept: their sources come back, and their series are made again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sca_nlp import pipeline
from sca_nlp.config import read_config
from sca_nlp.errors import InputError
from sca_nlp.pipeline.deed_series import kept_deed_series, read_sources


def test_the_sources_come_back_from_their_file(sample: pipeline.RunSummary) -> None:
    (source,) = read_sources(sample.folder)
    assert source.name == "chronology"
    assert source.measure == "event"


def test_the_series_of_kept_deeds_are_those_of_the_deeds_that_were_read(sample: pipeline.RunSummary) -> None:
    config = read_config(sample.folder / "config.toml")
    again = kept_deed_series(
        sample.folder,
        [("NVL", "EMK"), ("EMK", "NVL")],
        period="year",
        actor_files=config.actors.files,
        verbal=config.compare.verbal,
        window=config.compare.window,
        first=config.words.first,
        last=config.words.last,
    )
    pd.testing.assert_frame_equal(again, pd.read_parquet(sample.folder / "deed_series.parquet"), check_dtype=False)


def test_a_run_that_has_kept_none_says_what_makes_them(scored: Path) -> None:
    with pytest.raises(InputError, match="sca deeds"):
        read_sources(scored)
    (scored / "deed_sources.json").write_text('[{"name": "x"}]')
    with pytest.raises(InputError, match=r"damaged .*run that again"):
        read_sources(scored)
