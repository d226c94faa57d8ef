"""The gap: sign, window, sensitivity, and the two tests on it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sca_nlp.compare import gap, null
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


def test_windows_and_what_stands_in_the_frame():
    rng = np.random.default_rng(5)
    x, y = ar(rng, 2, 21, 0.3)
    x[3] = y[7] = np.nan
    masks = gap.windows(pair(x, y), ("1902", "1906"))
    assert list(masks) == ["1902 to 1906", "all periods", "first half", "second half"]
    assert np.flatnonzero(masks["1902 to 1906"]).tolist() == [2, 3, 4, 5, 6]
    assert masks["first half"].sum() == 11  # as many periods with both series before as after
    assert (masks["first half"] ^ masks["second half"]).all()
    assert list(gap.windows(pair(x[:9], y[:9]), None)) == ["all periods"]  # too short for halves
    g = gap.gap(pair(x, y, noise=0.3), window=("1902", "1910"))
    assert list(g.columns) == gap.COLUMNS
    assert g.index.tolist() == list(range(len(g)))
    assert set(zip(g["source"], g["target"], strict=True)) == {("AAA", "BBB")}
    assert (g["high"] > g["low"]).all()
    assert not set(g["period"]) & {"1903", "1907"}
    alone = gap.gap(pair(x, y, draws=x[None]))
    assert alone[["low", "high"]].isna().all(axis=None)  # one draw tells of no noise


def test_five_periods_are_enough_for_a_scale_and_four_are_not():
    x, y = ar(np.random.default_rng(6), 2, 9, 0.3)
    for least, labels in ((4, {"all periods", "rank"}), (5, {"1900 to 1904", "all periods", "rank"})):
        g = gap.gap(pair(x, y), window=("1900", str(1899 + least)))
        assert set(g["window"]) == labels
    assert set(gap.gap(pair(x[:5], y[:5]))["window"]) == {"all periods", "rank"}
    assert gap.gap(pair(x[:4], y[:4])).empty


def test_agreement_is_the_correlation_of_what_the_own_past_leaves():
    rng = np.random.default_rng(7)
    x = rng.standard_normal(30)
    y = 0.7 * x + rng.standard_normal(30)
    row = of(gap.divergence(pair(x, y, noise=0.1), window=None, permutations=99, rng=rng), "agreement")
    assert row["question"] == "do they diverge?"
    a, b = null.whiten(x), null.whiten(y)
    keep = ~np.isnan(a) & ~np.isnan(b)
    assert row["estimate"] == pytest.approx(np.corrcoef(a[keep], b[keep])[0, 1])
    assert -1 <= row["low"] < row["estimate"] < row["high"] <= 1
    assert row["n"] == keep.sum()
    # Draws without noise: the interval is the sampling error of a correlation, 1 / (n - 3).
    row = of(gap.divergence(pair(x, y, noise=0), window=None, permutations=99, rng=rng), "agreement")
    assert row["high"] - row["estimate"] == pytest.approx(
        min(1.96 / (row["n"] - 3) ** 0.5, 1 - row["estimate"]), abs=1e-3
    )
    assert "block permutation" in json.loads(row["settings"])["null"]


def test_series_that_meet_too_seldom_have_no_agreement():
    rng = np.random.default_rng(8)
    x, y = ar(rng, 2, 80, 0.95)
    x[50:] = np.nan
    y[:38] = y[[40, 43, 46]] = np.nan  # nine periods with both, five of them right after another
    row = of(gap.divergence(pair(x, y, draws=x[None]), window=None, permutations=9, rng=rng), "agreement")
    assert (row["reason"], row["n"]) == ("too few periods in a row", 5)


def test_drift_is_the_change_between_the_halves_and_needs_eight_periods():
    rng = np.random.default_rng(9)
    x, y = ar(rng, 2, 31, 0.3)
    x[4] = np.nan
    g = gap.gap(pair(x, y))
    values = g.loc[g["headline"], "gap"].to_numpy()
    row = of(gap.divergence(pair(x, y, noise=0.1), window=None, permutations=99, rng=rng), "drift")
    assert row["estimate"] == pytest.approx(values[15:].mean() - values[:15].mean())
    assert row["low"] < row["estimate"] < row["high"]
    assert row["high"] - row["estimate"] == pytest.approx(row["estimate"] - row["low"])
    y[8:] = np.nan
    few = gap.divergence(pair(x, y), window=None, permutations=9, rng=rng)
    assert all("7 periods with words and deeds; at least 8 needed" in r["reason"] for r in few)
    assert {r["question"] for r in few} == {"do they diverge?"}
    x[4] = 0.5
    eight = gap.divergence(pair(x, y), window=None, permutations=9, rng=rng)
    assert not any(r["reason"] for r in eight)


def test_a_declared_window_without_a_scale_has_no_drift():
    rng = np.random.default_rng(10)
    x, y = ar(rng, 2, 30, 0.3)
    y[:6] = 0.5  # nothing changes in the declared window
    row = of(gap.divergence(pair(x, y), window=("1900", "1905"), permutations=9, rng=rng), "drift")
    assert row["reason"] == "fewer than 8 periods in the declared window"


def test_gaps_are_put_back_on_the_grid():
    filled = gap.pair_fill(np.array([1.0, 2, 3]), np.array([4, 5, 8]))
    assert filled[[0, 1, 4]].tolist() == [1, 2, 3]
    assert np.isnan(filled[[2, 3]]).all()
