"""The figure of the indicators and the marked deeds, with another codebook and other years than the shipped ones."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from sca_nlp.codebook import default_codebook, read_codebook
from sca_nlp.report.chart_parts import indicator_chart
from sca_nlp.report.events import choose_events
from sca_nlp.report.pages import environment
from sca_nlp.report.pairs import Direction, Pair, Point

BOOK = """
[[indicator]]
id = "outlook"
short = "OU"
name = "Outlook"
values = [{ value = "affirmed", mark = "+" }, { value = "denied", mark = "-", trust = -1 }]
"""


@pytest.fixture
def book(tmp_path):
    (tmp_path / "book.toml").write_text(BOOK, "utf-8")
    return read_codebook(tmp_path / "book.toml")


@pytest.fixture
def pair():
    shares = {("outlook", v): {str(y): Point(0.4, 0.3, 0.5) for y in range(1990, 1996)} for v in ("affirmed", "denied")}
    sides = [
        Direction(a, b, s, indicators={"stance": shares}) for a, b, s in (("AVA", "BOR", "a"), ("BOR", "AVA", "b"))
    ]
    return Pair("AVA", "BOR", [str(y) for y in range(1946, 2001)], sides, [], "", "")


def test_what_counts_neither_way_has_a_colour_of_its_own(pair, book):
    drawn = str(indicator_chart(pair, "stance", book))
    assert drawn.count('class="bar neutral"') == drawn.count('class="bar away"') == 2
    assert 'class="bar toward"' not in drawn


def test_the_axis_spans_the_years_with_words(pair, book):
    years = set(re.findall(r">(\d{4})<", str(indicator_chart(pair, "stance", book))))
    assert years
    assert years <= {str(y) for y in range(1990, 1996)}
    for d in pair.directions:
        d.indicators = {}
    indicator_chart(pair, "stance", book)  # nobody speaks: an empty frame, no error


def test_the_caption_names_what_speaks_for_trust_when_denied(book):
    assert environment(book).globals["denied_for_trust"] == []
    assert environment(default_codebook()).globals["denied_for_trust"] == ["threat perception", "force as an option"]


def test_deeds_of_years_with_words_are_marked_first():
    deeds = pd.DataFrame(
        [
            {"date": str(y), "source": "AVA", "target": "BOR", "dataset": "wars", "manifestation": "response_to_threat"}
            | {
                "sign": -1,
                "magnitude": 5.0 - (y - 1946) / 20,
                "verbal": False,
                "code": "war",
                "description": f"War {y}",
            }
            for y in range(1946, 2001, 3)
        ]
    ).assign(reference="")
    frames = type("F", (dict,), {"deed_sources": []})({"deeds.parquet": deeds})
    periods = [str(y) for y in range(1946, 2001)]

    def years(spoken: set[str]) -> list[str]:
        return [e.date for e in choose_events(frames, "AVA", "BOR", periods, 4, spoken)[0]]

    assert years(set()) == ["1946", "1949", "1952", "1955"]
    assert years({"1985", "1992"}) == ["1946", "1985", "1988", "1991"]
