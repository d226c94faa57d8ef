"""The gap: sign, window, sensitivity, and the two tests on it."""

from __future__ import annotations

import numpy as np
import pytest

from sca_nlp.compare import gap
from tests.compare.worlds import ar, of, pair


def test_positive_is_warmer_in_words_than_in_deeds():
    rng = np.random.default_rng(0)
    x = ar(rng, 1, 40, 0.3)[0]
    y = x.copy()
    y[25:] -= 3  # deeds fall behind
    g = gap.gap(pair(x, y, noise=0.05), window=("1900", "1920"))
    head = g[g["headline"]].set_index("period")
    assert set(head["window"]) == {"1900 to 1920"}
    assert head.loc["1930":"1939", "gap"].mean() == pytest.approx(3 / y[:21].std(ddof=1), rel=0.05)
    assert head.loc["1900":"1920", "gap"].mean() == pytest.approx(0, abs=1e-9)
    assert (head["low"] <= head["gap"]).mean() > 0.9
    assert set(g["window"]) == {"1900 to 1920", "all periods", "first half", "second half", "rank"}
    assert g["headline"].sum() == 40


def test_scale_and_level_do_not_matter_and_swapping_changes_the_sign():
    rng = np.random.default_rng(1)
    x, y = ar(rng, 2, 40, 0.3)
    a = gap.gap(pair(x, y, draws=x[None]))
    b = gap.gap(pair(x, 50 * y - 7, draws=x[None]))
    c = gap.gap(pair(y, x, draws=y[None]))
    assert a["gap"].to_numpy() == pytest.approx(b["gap"].to_numpy())
    assert a["gap"].to_numpy() == pytest.approx(-c["gap"].to_numpy())


def test_ranks_ignore_a_monotone_bend():
    rng = np.random.default_rng(2)
    x, y = ar(rng, 2, 40, 0.3)
    a, b = gap.gap(pair(x, y)), gap.gap(pair(x, np.exp(y)))
    assert a.loc[a["window"] == "rank", "gap"].to_numpy() == pytest.approx(
        b.loc[b["window"] == "rank", "gap"].to_numpy()
    )
    assert not np.allclose(a.loc[a["headline"], "gap"], b.loc[b["headline"], "gap"])


def test_a_grown_gap_and_an_agreement_are_found():
    rng = np.random.default_rng(3)
    x = ar(rng, 1, 60, 0.3)[0]
    y = x + 0.5 * ar(rng, 1, 60, 0.3)[0]
    y[30:] -= 3
    rows = gap.divergence(pair(x, y, noise=0.05), window=("1900", "1929"), permutations=199, rng=rng)
    assert of(rows, "agreement")["p"] < 0.05
    assert of(rows, "drift")["p"] < 0.05
    assert of(rows, "drift")["low"] > 0


def test_null_worlds():
    rng = np.random.default_rng(4)
    p = {"agreement": [], "drift": []}
    for k in range(150):
        x, y = ar(rng, 2, 40, 0.5)
        for row in gap.divergence(
            pair(x, y, draws=x[None]), window=None, permutations=99, rng=np.random.default_rng(k)
        ):
            p[row["statistic"]].append(row["p"])
    for values in p.values():
        assert np.mean(np.array(values) <= 0.05) <= 0.1
        assert 0.4 < np.mean(values) < 0.6


@pytest.mark.parametrize(
    ("words", "deeds"),
    [(np.ones(30), np.arange(30.0)), (np.arange(3.0), np.arange(3.0)), (np.full(30, np.nan), np.arange(30.0))],
)
def test_no_gap_where_there_is_no_scale(words, deeds):
    p = pair(words, deeds, draws=words[None])
    assert gap.gap(p).empty
    assert list(gap.gap(p).columns) == gap.COLUMNS
    assert all(r["reason"] for r in gap.divergence(p, window=None, permutations=9, rng=np.random.default_rng(0)))
