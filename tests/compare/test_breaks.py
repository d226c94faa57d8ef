"""Breaks: the exact segmentation, the known place, an interval that holds it, and silence in noise."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sca_nlp.compare import breaks
from tests.compare.worlds import ar, pair


@pytest.mark.parametrize("seed", range(6))
def test_partition_is_exact_and_no_worse_than_pelt(seed):
    ruptures = pytest.importorskip("ruptures")
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(70) + np.repeat([0, 2, -1, 1.5], [20, 15, 20, 15])

    def objective(places, penalty):
        edges = [0, *places, len(x)]
        return sum(((x[a:b] - x[a:b].mean()) ** 2).sum() for a, b in itertools.pairwise(edges)) + penalty * len(places)

    for penalty in (2.0, 8.0, 15.0):
        ours = breaks.partition(x, penalty, 3)
        pelt = ruptures.Pelt(model="l2", min_size=3, jump=1).fit(x).predict(penalty)[:-1]
        # With a least size above one, PELT's pruning may miss the minimum; dynamic programming does not.
        assert objective(ours, penalty) <= objective(pelt, penalty) + 1e-9
        if ours:
            assert ruptures.Dynp(model="l2", min_size=3, jump=1).fit(x).predict(len(ours))[:-1] == ours
    assert breaks.partition(x, 15.0, 3) == ruptures.Pelt(model="l2", min_size=3, jump=1).fit(x).predict(15.0)[:-1]


def test_known_break_is_found_where_it_is():
    rng = np.random.default_rng(1)
    inside = []
    for k in range(20):
        x = ar(rng, 1, 60, 0.3)[0]
        x[36:] += 4
        p = pair(x, x, noise=0.2)
        found = breaks.find(p, "words", permutations=99, rng=np.random.default_rng(k))
        near = found[(found["period"].astype(int) - 1936).abs() <= 1]
        inside.append(bool(((found["low"].astype(int) <= 1936) & (found["high"].astype(int) >= 1936)).any()))
        if k == 0:
            assert len(near) == 1
            assert near["p"].iloc[0] < 0.05
            assert near["after"].iloc[0] - near["before"].iloc[0] == pytest.approx(4, abs=0.8)
            assert near["share_of_draws"].iloc[0] > 0.8
    assert np.mean(inside) >= 0.8


def test_noise_with_momentum_has_few_breaks():
    rng = np.random.default_rng(2)
    any_found = [len(breaks.segment(x, np.random.default_rng(k))[0]) > 0 for k, x in enumerate(ar(rng, 150, 40, 0.5))]
    assert np.mean(any_found) <= 0.09


def test_p_of_a_break_in_null_worlds():
    rng = np.random.default_rng(3)
    p = [breaks.p_of_break(x, 3, 99, np.random.default_rng(k)) for k, x in enumerate(ar(rng, 200, 40, 0.5))]
    assert np.mean(np.array(p) <= 0.05) <= 0.09
    assert 0.4 < np.mean(p) < 0.6


def test_any_break_says_by_how_much():
    x = ar(np.random.default_rng(4), 1, 60, 0.3)[0]
    x[30:] += 3
    row = breaks.any_break(pair(x, x, noise=0.1), "words", permutations=199, rng=np.random.default_rng(0))
    assert row["p"] < 0.05
    assert row["low"] < 3 < row["high"]


def test_breaks_near_each_other_are_told_from_breaks_far_apart():
    def at(which, *years):
        return pd.DataFrame({"series": which, "period": [str(y) for y in years]})

    p = pair(np.zeros(60), np.zeros(60))
    near = breaks.nearness(
        p, at("words", 1910, 1940), at("deeds", 1911, 1941), permutations=999, rng=np.random.default_rng(0)
    )
    far = breaks.nearness(
        p, at("words", 1910, 1940), at("deeds", 1925, 1955), permutations=999, rng=np.random.default_rng(0)
    )
    assert near["p"] < 0.1 < far["p"]
    assert (near["estimate"], near["lag"]) == (1, 1)
    none = breaks.nearness(p, at("words"), at("deeds", 1911), permutations=99, rng=np.random.default_rng(0))
    assert "no break" in none["reason"]


@pytest.mark.parametrize("values", [np.zeros(0), np.ones(40), np.arange(5.0), np.full(30, np.nan)])
def test_series_without_a_break_to_look_for(values):
    p = pair(values, values, draws=values[None])
    assert breaks.find(p, "words", permutations=9, rng=np.random.default_rng(0)).empty
    assert breaks.any_break(p, "deeds", permutations=9, rng=np.random.default_rng(0))["reason"]


def test_holes_are_bridged():
    x = ar(np.random.default_rng(5), 1, 60, 0.2)[0]
    x[30:] += 5
    x[::7] = np.nan
    found = breaks.find(pair(x, x, draws=x[None]), "words", permutations=49, rng=np.random.default_rng(0))
    assert (found["period"].astype(int) - 1930).abs().min() <= 1


@pytest.mark.parametrize("which", ["words", "deeds"])
def test_the_largest_change_is_that_of_the_series_that_was_asked_for(which):
    quiet, x = (ar(np.random.default_rng(k), 1, 40, 0.0)[0] for k in (6, 7))
    x[24:] += 5
    p = pair(x, quiet, draws=x[None]) if which == "words" else pair(quiet, x, draws=quiet[None])
    p = replace(p, joints=(25,))
    row = breaks.any_break(p, which, permutations=99, rng=np.random.default_rng(0))
    said = json.loads(row["settings"])
    assert said["at"] == "1924"
    change = x[24:].mean() - x[:24].mean()
    assert row["estimate"] == pytest.approx(change)
    for limit, sign in ((row["low"], 1), (row["high"], -1)):  # taken away, a change beyond leaves a break to be seen
        left = x - (limit - sign * 0.3) * (np.arange(40) >= 24)
        assert breaks.p_of_break(left, 3, 999, np.random.default_rng(1)) < 0.05
    assert said.get("make_up_changes_there", False) == (which == "deeds")  # words are not made of data sets
    found = breaks.find(p, which, permutations=19, rng=np.random.default_rng(0))
    assert list(found.columns) == breaks.COLUMNS
    assert set(zip(found["source"], found["target"], found["series"], strict=True)) == {("AAA", "BBB", which)}
    assert found["make_up"].tolist() == [which == "deeds"]
    assert len(breaks.of_history(found)) == (which == "words")
    assert breaks.of_history(found[:0]).empty
    far = breaks.find(replace(p, joints=(10,)), which, permutations=19, rng=np.random.default_rng(0))
    assert far["make_up"].tolist() == [False]


def test_only_words_have_draws():
    x = ar(np.random.default_rng(8), 1, 40, 0.0)[0]
    x[20:] += 5
    p = pair(np.zeros(40), x, noise=1.0)
    assert breaks.find(p, "deeds", permutations=9, rng=np.random.default_rng(0))["share_of_draws"].isna().all()


def test_the_level_asked_for_is_the_share_of_noise_that_is_let_through():
    noise = ar(np.random.default_rng(9), 60, 30, 0.0)
    found = {
        level: sum(len(breaks.segment(x, np.random.default_rng(k), level=level)[0]) > 0 for k, x in enumerate(noise))
        for level in (0.5, 0.99)
    }
    assert found[0.99] <= 4
    assert found[0.5] >= 15


def test_a_break_between_close_neighbours_has_one_place():
    x = np.array([0.0, 0.1, -0.1, 9, 9.1, 8.9])
    place = breaks._interval(x, 3, 0, 6, 3, np.zeros((0, 6)), np.random.default_rng(0))
    assert place == (3, 3)  # three periods on each side: no other place leaves as many
    assert np.isnan(breaks.p_of_break(x, 3, 9, np.random.default_rng(0)))
    wider = np.concatenate([x, [9.05, 8.8]])
    low, high = breaks._interval(wider, 3, 0, 8, 3, np.zeros((0, 8)), np.random.default_rng(0))
    assert low == 3 <= high <= 5
    assert breaks.p_of_break(wider, 3, 99, np.random.default_rng(0)) < 0.3


def test_nearness_without_a_break_says_in_which():
    p = pair(np.zeros(60), np.zeros(60))
    one, none = pd.DataFrame({"period": ["1910"]}), pd.DataFrame({"period": []})
    rng = np.random.default_rng(0)
    assert breaks.nearness(p, one, none, permutations=9, rng=rng)["reason"] == "no break in deeds"
    assert breaks.nearness(p, none, one, permutations=9, rng=rng)["reason"] == "no break in words"
    two = pd.DataFrame({"period": ["1940", "1913"]})
    far = breaks.nearness(p, one, two, permutations=59, rng=rng)
    assert (far["estimate"], far["lag"]) == (3, 3)
    assert far["p"] == pytest.approx(breaks.nearness(p, one, two, permutations=999, rng=rng)["p"])  # all shifts
    some = breaks.nearness(p, one, pd.DataFrame({"period": ["1911"]}), permutations=20, rng=rng)
    assert 0 < some["p"] < 0.2
    assert far["null"] == "word breaks fall without regard to deed breaks"


@pytest.mark.parametrize("levels", [(0, 2, 4), (0, 2, -1)])
def test_limits_do_not_close_where_more_than_one_change_or_a_trend_is_left(levels):
    noise = ar(np.random.default_rng(12), 60, 60, 0.3)
    held, width = [], []
    for x in noise + np.repeat(levels, 20):
        row = breaks.any_break(pair(x, x), "deeds", permutations=49, rng=np.random.default_rng(0))
        k = int(json.loads(row["settings"])["at"]) - 1900
        clean = np.repeat(levels, 20)
        held.append(row["low"] <= clean[k:].mean() - clean[:k].mean() <= row["high"])
        width.append(row["high"] - row["low"])
        assert row["p"] < 0.05 or row["low"] <= 0 <= row["high"]
    assert np.mean(held) >= 0.9
    assert min(width) > 0.5


def test_limits_pay_for_the_choice_of_the_place():
    rng = np.random.default_rng(10)
    rows = [breaks.any_break(pair(x, x, draws=x[None]), "words", permutations=9, rng=rng) for x in ar(rng, 150, 40, 0)]
    assert np.mean([r["low"] <= 0 <= r["high"] for r in rows]) >= 0.91  # about .5 with limits for a fixed place
    rows = [
        breaks.any_break(pair(x, x, draws=x[None]), "deeds", permutations=9, rng=rng) for x in ar(rng, 150, 30, 0.5)
    ]
    assert np.mean([r["low"] <= 0 <= r["high"] for r in rows]) >= 0.91
    wide = pair(still := np.repeat([0.0, 1.0], 20), still, draws=still + rng.normal(0, 0.5, (50, 40)))
    row = breaks.any_break(wide, "words", permutations=99, rng=rng)
    assert 0.1 < row["high"] - 1 < 0.6  # nothing but the error of measurement
    row = breaks.any_break(pair(still, still, draws=still[None]), "words", permutations=99, rng=rng)  # not even that
    assert row["low"] == pytest.approx(row["high"], abs=2e-3) == pytest.approx(1, abs=1e-3)
