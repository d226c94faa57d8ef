"""Periods counted on, dyads laid on one grid, and limits from draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sca_nlp.compare import series
from tests.compare.worlds import frames


@given(st.integers(1, 9999 * 12), st.sampled_from(["1999", "1999Q1", "1999-01"]))
def test_numbers_and_names_of_periods_belong_together(index, like):
    limit = {4: 9999, 6: 9999 * 4, 7: 9999 * 12}[len(like)]
    name = series.name(index % limit, like)
    assert series.number(name) == index % limit
    assert len(name) == len(like)


def test_periods_count_on_over_the_end_of_a_year():
    assert series.span({"1999Q3", "2000Q2"}) == ("1999Q3", "1999Q4", "2000Q1", "2000Q2")
    assert series.span({"1999-11", "2000-02"}) == ("1999-11", "1999-12", "2000-01", "2000-02")
    assert series.span({"1999", "2001"}) == ("1999", "2000", "2001")
    assert series.span(set()) == ()


def test_the_best_method_there_is_stands_for_the_words_unless_one_is_asked_for():
    w, d, s = frames(np.arange(6.0), np.arange(6.0))
    both = pd.concat([w, w.assign(method="raw_count", estimate=9.0)])
    assert series.align(both, d, s, "AAA", "BBB").words.tolist() == [0, 1, 2, 3, 4, 5]
    assert series.align(both, d, s, "AAA", "BBB", method="raw_count").words.tolist() == [9] * 6
    adjusted = pd.concat([both, w.assign(method="adjusted", estimate=7.0)])
    assert series.align(adjusted, d, s, "AAA", "BBB").words.tolist() == [7] * 6
    hidden = both.assign(hidden=both["period"] == "1902")
    assert np.isnan(series.align(hidden, d, s, "AAA", "BBB").words[2])
    nobody = series.align(w, d, s, "AAA", "CCC")
    assert (nobody.periods, nobody.draws.shape) == ((), (1, 0))


def test_why_a_pair_cannot_be_compared():
    x = np.arange(12.0)
    holes = x.copy()
    holes[1::2] = np.nan

    def why(words, deeds, least=6):
        w = np.asarray(words, float)
        return series.problem(series.Pair("A", "B", (), w, w[None], np.asarray(deeds, float)), least)

    assert why(x, x) == ""
    assert why(x[:6], x[:6]) == ""
    assert why(x[:5], x[:5]) == "5 periods with words and deeds; at least 6 needed"
    assert "too many holes" in why(holes, x)
    assert why(np.ones(12), x) == "words do not vary"
    assert why(x, np.ones(12)) == "deeds do not vary"


def test_limits_from_draws():
    values = np.array([1.0, 2.0, 3.0, np.nan])
    half = series.Z95 * (1.0 * (1 + 1 / 3)) ** 0.5
    assert series.rubin(values) == (pytest.approx(2 - half), pytest.approx(2 + half))
    half = series.Z95 * (4 / 3 + 0.5) ** 0.5
    assert series.rubin(values, np.array([0.25, 0.5, 0.75, 99]), point=5.0) == (
        pytest.approx(5 - half),
        pytest.approx(5 + half),
    )
    assert series.rubin(np.array([2.0]), np.array([0.25])) == (
        pytest.approx(2 - series.Z95 / 2),
        pytest.approx(2 + series.Z95 / 2),
    )
    assert np.isnan(series.rubin(np.full(3, np.nan))).all()
