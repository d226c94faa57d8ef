"""The comparison of a run as a stage; its statistics have their own tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from sca_nlp import pipeline
from sca_nlp.config import CompareSection
from sca_nlp.errors import InputError


def test_a_run_without_series_says_what_makes_them(scored: Path) -> None:
    with pytest.raises(InputError, match="sca aggregate"):
        pipeline.compare(scored, CompareSection(), [("FRA", "DEU")])
