"""Reciprocity: answers, runs, leaps and bad faith are found where they were put, and not where they were not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sca_nlp.compare import reciprocity
from sca_nlp.compare.sequences import COLUMNS, leaps, runs
from sca_nlp.compare.series import Pair
from tests.compare.worlds import ar, of, pair


def answered(rng, periods=120, strength=0.8):
    """Return my series and one that answers its surprises a period later."""
    shocks = rng.standard_normal(periods)
    mine = shocks + 0.3 * np.concatenate([[0], shocks[:-1]])
    other = ar(rng, 1, periods, 0.3)[0]
    other[1:] += strength * shocks[:-1]
    return mine, other


def test_an_answer_is_found_in_its_direction_only():
    rng = np.random.default_rng(0)
    mine, other = answered(rng)
    a, b = pair(mine, mine, draws=mine[None]), pair(other, other, draws=other[None], source="BBB", target="AAA")
    rows = reciprocity.answers(a, b, permutations=199, rng=rng)
    for kind in ("conciliatory", "hostile"):
        found = of(rows, f"answer to {kind} deeds", "AAA moves, BBB answers")
        assert found["p"] < 0.05
        assert found["estimate"] > 0  # answered in kind
        assert found["low"] < found["estimate"] < found["high"]


def test_null_worlds():
    rng = np.random.default_rng(1)
    p = []
    for k in range(100):
        a, b = ar(rng, 2, 50, 0.5)
        rows = reciprocity.answers(
            pair(a, a, draws=a[None]),
            pair(b, b, draws=b[None], source="BBB", target="AAA"),
            permutations=99,
            rng=np.random.default_rng(k),
        )
        p += [r["p"] for r in rows if "deeds" in r["statistic"]]
    assert np.mean(np.array(p) <= 0.05) <= 0.1
    assert 0.4 < np.mean(p) < 0.6


def test_undirected_deeds_are_no_answer():
    x = ar(np.random.default_rng(2), 1, 40, 0.3)[0]
    rows, sequences = reciprocity.reciprocity(
        pair(x, x), pair(x, x, source="BBB", target="AAA"), permutations=19, rng=np.random.default_rng(0)
    )
    assert "undirected" in of(rows, "answer to hostile deeds", "AAA moves, BBB answers")["reason"]
    assert not set(sequences["kind"]) & {"GRIT", "spiral"}


def test_a_grit_run_needs_a_unilateral_opening_and_answers():
    i = [0, 1, 0, 1, 0, 0, 1, 0]
    j = [0, 0, 1, 0, 1, 0, 0, 0]
    assert runs(np.array(i), np.array(j), 1) == [[(1, 0), (2, 1), (3, 0), (4, 1)]]
    together = np.array([0, 1, 1, 1, 0, 0])
    assert runs(together, together, 1) == []
    assert runs(np.array(i), np.zeros(8), 1) == []
    assert runs(-np.array(i), -np.array(j), -1) == [[(1, 0), (2, 1), (3, 0), (4, 1)]]


@given(st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_swapping_sides_swaps_the_steps(moves, random):
    other = moves[:]
    random.shuffle(other)
    a, b = (runs(np.array(x), np.array(y), 1) for x, y in ((moves, other), (other, moves)))
    assert sorted([[(t, 1 - s) for t, s in run] for run in b]) == sorted(a)


def test_a_leap_is_far_beyond_the_own_past():
    x = 0.1 * np.random.default_rng(3).standard_normal(40).cumsum()
    x[25:] += 3
    assert leaps(x) == [25]
    assert leaps(-x) == []
    assert leaps(x[20:26]) == []  # no past to leap from


def test_sequences_keep_their_evidence():
    rng = np.random.default_rng(4)
    deeds, cold = 0.05 * rng.standard_normal(30).cumsum(), 0.05 * rng.standard_normal(30)
    deeds[20:] += 3
    cold[20:] -= 2  # hostile words right after the leap
    a, b = pair(np.zeros(30), deeds), pair(cold, np.zeros(30), source="BBB", target="AAA")
    evidence = {("AAA", "BBB", "1920"): ["deed:1"], ("BBB", "AAA", "1920"): ["p1", "p2"]}
    _, sequences = reciprocity.reciprocity(a, b, evidence=evidence, permutations=9, rng=rng)
    leap = sequences[sequences["kind"] == "leap of trust"]
    assert leap["start"].tolist() == ["1920"]
    assert json.loads(leap["steps"].iloc[0])[0]["evidence"] == ["deed:1"]
    bad = sequences[(sequences["kind"] == "bad faith") & (sequences["start"] == "1920")]
    assert [s["evidence"] for s in json.loads(bad["steps"].iloc[0])] == [["deed:1"], ["p1", "p2"]]


@pytest.mark.parametrize("values", [np.zeros(0), np.zeros(30), np.full(30, np.nan), np.arange(6.0)])
def test_nothing_to_answer_gives_reasons(values):
    a, b = (pair(values, values, draws=values[None], source=s, target=t) for s, t in (("AAA", "BBB"), ("BBB", "AAA")))
    rows, sequences = reciprocity.reciprocity(a, b, permutations=9, rng=np.random.default_rng(0))
    assert all(r["reason"] for r in rows)
    assert list(sequences.columns) == COLUMNS


def test_answers_are_in_standard_deviations_and_words_count_their_draws():
    rng = np.random.default_rng(5)
    mine, other = answered(rng)
    a, b = pair(mine, 10 * mine, noise=0.5), pair(other, 1000 * other, noise=0.5, source="BBB", target="AAA")
    plain = reciprocity.answers(a, b, permutations=49, rng=np.random.default_rng(0))
    way = "AAA moves, BBB answers"
    deeds, words = (of(plain, f"answer to conciliatory {what}", way) for what in ("deeds", "words"))
    assert deeds["estimate"] == pytest.approx(words["estimate"])  # whatever the units
    slope = reciprocity.answer(mine, other, horizon=2, lags=2, sign=1)[0]
    assert words["estimate"] == pytest.approx(slope * mine.std() / other.std())
    a, b = pair(mine, mine, noise=0), pair(other, other, noise=0, source="BBB", target="AAA")
    calm = of(reciprocity.answers(a, b, permutations=49, rng=np.random.default_rng(0)), words["statistic"], way)
    assert words["high"] - words["low"] > 1.01 * (calm["high"] - calm["low"])  # the same shuffles, other draws
    assert json.loads(words["settings"])["unit"] == "standard deviations"
    assert json.loads(words["settings"])["lags"] == 2
    assert words["lag"] == 2


def test_series_of_unlike_length_are_laid_on_one_grid():
    x = np.arange(20.0)
    longer = Pair("BBB", "AAA", tuple(str(1895 + k) for k in range(30)), np.arange(30.0), np.ones((3, 30)), np.ones(30))
    periods, (a, b) = reciprocity._common(pair(x, x), longer)
    assert (periods[0], periods[-1], len(periods)) == ("1895", "1924", 30)
    assert np.isnan(a.words[:5]).all()
    assert a.words[5:25].tolist() == a.draws[0, 5:25].tolist() == x.tolist()
    assert np.isnan(a.draws[:, 25:]).all()
    assert b.draws.shape == (3, 30)


def test_sixteen_periods_are_enough_to_look_for_answers():
    x, y = ar(np.random.default_rng(6), 2, 16, 0.2)
    assert reciprocity._why_not(x, y, "deeds") == ""
    assert reciprocity._why_not(x[:15], y[:15], "deeds") == "15 periods with deeds of both sides; at least 16 needed"


def test_runs_are_counted_and_laid_out_step_by_step():
    deeds = np.zeros((2, 40))
    for start in (5, 20):
        for side, at in ((0, start), (1, start + 1), (0, start + 2)):
            deeds[side, at:] += 1
    rng = np.random.default_rng(7)
    sides = zip(deeds, ("AAA", "BBB"), ("BBB", "AAA"), strict=True)
    a, b = (pair(np.zeros(40), d, source=s, target=t) for d, s, t in sides)
    rows, sequences = reciprocity.reciprocity(a, b, permutations=39, rng=rng)
    grit = sequences[sequences["kind"] == "GRIT"]
    assert grit["start"].tolist() == ["1905", "1920"]
    assert grit["end"].tolist() == ["1907", "1922"]
    assert grit["n_steps"].tolist() == [3, 3]
    assert [s["actor"] for s in json.loads(grit["steps"].iloc[0])] == ["AAA", "BBB", "AAA"]
    assert {s["what"] for s in json.loads(grit["steps"].iloc[0])} == {"deeds"}
    row = of(rows, "GRIT runs in deeds")
    assert row["estimate"] == 2
    assert row["p"] < 0.2


def test_how_far_apart_steps_may_be_is_asked_for():
    slow = np.array([0, 1, 0, 0, 0, 1, 0]), np.array([0, 0, 0, 1, 0, 0, 0])
    assert runs(*slow, 1) == []
    assert runs(*slow, 1, within=2) == [[(1, 0), (3, 1), (5, 0)]]
    deeds = np.zeros((2, 40))
    for side, at in ((0, 5), (1, 7), (0, 9)):
        deeds[side, at:] += 1
    sides = zip(deeds, ("AAA", "BBB"), ("BBB", "AAA"), strict=True)
    a, b = (pair(np.zeros(40), d, source=s, target=t) for d, s, t in sides)
    for within, found in ((1, 0), (2, 1)):
        rows, sequences = reciprocity.reciprocity(a, b, within=within, permutations=9, rng=np.random.default_rng(0))
        assert (sequences["kind"] == "GRIT").sum() == of(rows, "GRIT runs in deeds")["estimate"] == found


def test_a_leap_is_measured_by_the_changes_before_it():
    change = np.tile([0.1, -0.1], 8)
    x = np.concatenate([[0.0], change.cumsum()])
    spread = 1.4826 * 0.1
    for size, found in ((3.6 * spread, [17]), (3.3 * spread, [])):
        assert leaps(np.append(x, x[-1] + size)) == found
