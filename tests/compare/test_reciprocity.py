"""Reciprocity: answers, runs, leaps and bad faith are found where they were put, and not where they were not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sca_nlp.compare import reciprocity
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
    assert reciprocity.runs(np.array(i), np.array(j), 1) == [[(1, 0), (2, 1), (3, 0), (4, 1)]]
    together = np.array([0, 1, 1, 1, 0, 0])
    assert reciprocity.runs(together, together, 1) == []
    assert reciprocity.runs(np.array(i), np.zeros(8), 1) == []
    assert reciprocity.runs(-np.array(i), -np.array(j), -1) == [[(1, 0), (2, 1), (3, 0), (4, 1)]]


@given(st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_swapping_sides_swaps_the_steps(moves, random):
    other = moves[:]
    random.shuffle(other)
    a, b = (reciprocity.runs(np.array(x), np.array(y), 1) for x, y in ((moves, other), (other, moves)))
    assert sorted([[(t, 1 - s) for t, s in run] for run in b]) == sorted(a)


def test_a_leap_is_far_beyond_the_own_past():
    x = 0.1 * np.random.default_rng(3).standard_normal(40).cumsum()
    x[25:] += 3
    assert reciprocity.leaps(x) == [25]
    assert reciprocity.leaps(-x) == []
    assert reciprocity.leaps(x[20:26]) == []  # no past to leap from


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
    assert list(sequences.columns) == reciprocity.COLUMNS
