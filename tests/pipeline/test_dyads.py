"""Dyads of a config, and their actors."""

from __future__ import annotations

import pytest

from sca_nlp import pipeline
from sca_nlp.config import WordsSection
from sca_nlp.errors import InputError


def test_dyads_are_read_both_ways() -> None:
    assert pipeline.directed(WordsSection(dyads=(("A", "B"), ("B", "A")))) == [("A", "B"), ("B", "A")]
    assert pipeline.directed(WordsSection(dyads=(("A", "B"),), both=False)) == [("A", "B")]
    with pytest.raises(InputError, match="with itself"):
        pipeline.directed(WordsSection(dyads=(("A", "A"),)))


def test_actors_of_a_dyad_are_known_by_code_or_name(sample: pipeline.RunSummary) -> None:
    section = WordsSection(dyads=(("Russia", "West Germany"), ("RUS", "NATO")))
    assert pipeline.known_dyads(section).dyads == (("RUS", "DEU"), ("RUS", "NATO"))
    own = WordsSection(dyads=(("NVL", "EMK"),))
    with pytest.raises(InputError, match="unknown actor 'NVL'"):
        pipeline.known_dyads(own)
    assert pipeline.known_dyads(own, folder=sample.folder) == own  # they speak in that run
