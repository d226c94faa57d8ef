"""Granger tests against statsmodels, in known and null worlds, and their refusals."""

from __future__ import annotations

import numpy as np
import pytest

from sca_nlp.compare import granger
from sca_nlp.errors import InputError
from tests.compare.worlds import ar, led, of, pair


def test_wald_is_that_of_statsmodels():
    pytest.importorskip("statsmodels")
    from statsmodels.tsa.stattools import grangercausalitytests

    x, y = led(np.random.default_rng(0), periods=80, lag=1)
    theirs = grangercausalitytests(np.column_stack([y, x]), maxlag=[2])[2][0]["ssr_ftest"]
    ours = granger._wald(y[2:], granger._lagged(y, 2), granger._lagged(x, 2), 2)
    assert ours.statistic / 2 == pytest.approx(theirs[0], rel=1e-8)
    assert ours.df == theirs[2]


def test_direction_is_found_also_in_integrated_series():
    rng = np.random.default_rng(1)
    x, y = led(rng, periods=150, lag=1)
    for cause, effect in ((x, y), (x.cumsum(), y.cumsum())):
        assert granger.toda_yamamoto(cause, effect)["p"] < 0.01
        assert granger.toda_yamamoto(effect, cause)["p"] > 0.01


def test_null_worlds_stationary_and_integrated():
    rng = np.random.default_rng(2)
    for integrate in (False, True):
        p = []
        for a, b in zip(ar(rng, 300, 50, 0.4), ar(rng, 300, 50, 0.4), strict=True):
            p.append(granger.toda_yamamoto(a.cumsum() if integrate else a, b.cumsum() if integrate else b)["p"])
        assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.09


def test_refusals():
    x = np.arange(30.0) + np.random.default_rng(0).standard_normal(30)
    hole = x.copy()
    hole[3] = np.nan
    for a, b, words in ((x[:10], x[:10], "20 periods"), (hole, x, "without holes"), (np.ones(30), x, "vary")):
        with pytest.raises(InputError, match=words):
            granger.toda_yamamoto(a, b)
    rows = granger.toda_yamamoto_rows(pair(x[:10], x[:10]))
    assert all(r["reason"] for r in rows)


def test_a_hole_shortens_the_series_to_its_longest_run():
    x, y = led(np.random.default_rng(3), periods=90, lag=1)
    x[20] = np.nan
    row = of(granger.toda_yamamoto_rows(pair(x, y, draws=x[None])), "Toda-Yamamoto", "words lead deeds")
    assert '["1921", "1989"]' in row["settings"]
    assert row["p"] < 0.01


def test_panel_moments_are_those_of_a_null_panel():
    rng = np.random.default_rng(4)
    z = [
        granger.dumitrescu_hurlin(list(ar(rng, 10, 40, 0.0)), list(ar(rng, 10, 40, 0.0)), lags=1)["z"]
        for _ in range(200)
    ]
    assert np.mean(z) == pytest.approx(0, abs=0.2)
    assert np.std(z) == pytest.approx(1, abs=0.2)


def test_panel_finds_what_is_weak_in_each_dyad():
    rng = np.random.default_rng(5)
    pairs = [pair(x, y, draws=x[None]) for x, y in (led(rng, periods=50, lag=1, share=0.5) for _ in range(12))]
    rows = granger.panel(pairs, lags=1, permutations=99, rng=rng)
    assert of(rows, "Dumitrescu-Hurlin panel", "words lead deeds")["p"] <= 0.05
    few = granger.panel(pairs[:2], lags=1, permutations=9, rng=rng)
    assert all("at least 3" in r["reason"] for r in few)


def test_panels_that_are_none_are_refused():
    rng = np.random.default_rng(6)
    x, y = ar(rng, 2, 30, 0.3)
    hole = x.copy()
    hole[3] = np.nan
    for causes, effects, message in (
        ([x], [y], "1 units; wanted at least 2"),
        ([x, hole], [y, y], "a missing value; wanted series without holes"),
        ([x, x[:8]], [y, y[:8]], "8 periods; wanted at least 9"),
    ):
        with pytest.raises(InputError, match=message):
            granger.dumitrescu_hurlin(causes, effects, lags=1)
    dull = pair(np.arange(30.0), y, draws=x[None])  # always the same change: left out of the panel
    rows = granger.panel([pair(x, y, draws=x[None])] * 2 + [dull], lags=1, permutations=9, rng=rng)
    assert {r["reason"] for r in rows} == {"2 dyads long enough; at least 3 needed"}
