"""The null worlds themselves: shuffles, shifts, whitening, noise with momentum, and the p-values that rest on them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sca_nlp.compare import gap, leadlag, null, reciprocity
from tests.compare.worlds import ar, of, pair


@given(st.integers(0, 30), st.integers(0, 5), st.integers(-1, 12))
def test_shuffles_keep_every_period_and_blocks_keep_neighbours(n, count, block):
    order = null.shuffles(n, count, np.random.default_rng(n), block)
    assert order.shape == (count, n)
    for row in order:
        assert sorted(row) == list(range(n))
        torn = sum((b - a) % n != 1 for a, b in itertools.pairwise(row)) if n else 0
        assert torn <= -(-n // max(1, min(block, n))) if n else True  # no more joints than pieces


def test_shuffles_differ_and_start_anywhere():
    order = null.shuffles(9, 400, np.random.default_rng(0), 3)
    assert set(order[:, 0]) == set(range(9))
    assert len({tuple(row) for row in order}) > 10
    plain = null.shuffles(4, 2000, np.random.default_rng(1))
    assert len({tuple(row) for row in plain}) == 24
    assert null.block_length(27) == 3
    assert null.block_length(43) == null.block_length(91) == 4  # 3.5 to 4.5
    assert null.block_length(1) == 1


def test_rotations_are_all_shifts_but_none_or_so_many_of_them():
    rng = np.random.default_rng(0)
    every = null.rotations(5, 100, rng)
    assert sorted(int(row[0]) for row in every) == [1, 2, 3, 4]
    assert [int(k) for k in next(row for row in every if row[0] == 2)] == [2, 3, 4, 0, 1]
    some = null.rotations(50, 7, rng)
    assert some.shape == (7, 50)
    assert len({int(row[0]) for row in some}) == 7
    many = np.concatenate([null.rotations(6, 2, np.random.default_rng(k))[:, 0] for k in range(200)])
    assert set(many.tolist()) == {1, 2, 3, 4, 5}  # never by nothing


def test_p_values_by_hand():
    noise = np.array([0.1, 0.2, 0.3, 0.3, np.nan])
    assert null.p_value(0.3, noise) == pytest.approx(3 / 5)  # itself and two as large, of itself and four
    assert null.p_value(0.31, noise) == pytest.approx(1 / 5)
    assert null.mid_p(0.3, noise[:4]) == pytest.approx((0.5 + 0 + 0.5 * 2) / 5)
    assert null.mid_p(0.2, noise[:4]) == pytest.approx((0.5 + 2 + 0.5) / 5)


def test_the_order_of_autoregression_is_found():
    rng = np.random.default_rng(2)
    noise = rng.standard_normal(400)
    two = np.zeros(400)
    for t in range(2, 400):
        two[t] = 0.2 * two[t - 1] + 0.6 * two[t - 2] + noise[t]
    assert null.ar_order(two) == 2
    assert null.ar_order(1e6 * two) == null.ar_order(1e-6 * two) == 2
    assert null.ar_order(ar(rng, 1, 400, 0.7)[0]) == 1
    assert null.ar_order(noise) == 0
    assert null.ar_order(two[:9]) == 0  # ten periods for each lag
    assert null.ar_order(np.full(40, np.nan)) == 0
    holes = two.copy()
    holes[::3] = np.nan
    assert null.ar_order(holes) == 0  # never three in a row


def test_whitening_is_the_residual_of_least_squares():
    rng = np.random.default_rng(3)
    x = ar(rng, 1, 60, 0.6)[0]
    x[20] = np.nan
    left = null.whiten(x, 1)
    assert np.flatnonzero(np.isnan(left)).tolist() == [0, 20, 21]
    good = ~np.isnan(left)
    z = np.column_stack([np.ones(good.sum()), x[np.flatnonzero(good) - 1]])
    theirs = x[good] - z @ np.linalg.lstsq(z, x[good], rcond=None)[0]
    assert left[good] == pytest.approx(theirs, abs=1e-7)
    assert np.allclose(null.whiten(np.vstack([x, 2 * x]), 1)[1][good], 2 * left[good], atol=1e-6)
    assert np.isnan(null.whiten(x[:3], 1)).all()  # three rows at least beside the lags


@pytest.mark.parametrize("line", [np.arange(40.0), 0.9 ** np.arange(40.0), 3 - 0.01 * np.arange(40.0)])
def test_what_follows_wholly_from_its_past_is_compared_with_nothing(line):
    """A straight line had left the rounding of the arithmetic, which agreed wonderfully with that of another line."""
    rng = np.random.default_rng(4)
    noise = ar(rng, 1, 40, 0.3)[0]
    assert set(np.nan_to_num(null.whiten(line)).tolist()) == {0.0}
    for words, deeds, which in ((line, noise, "words"), (noise, line, "deeds"), (line, 2 * line + 1, "words")):
        p = pair(words, deeds, draws=words[None])
        rows = leadlag.cross_correlation(p, permutations=19, rng=rng)
        rows.append(of(gap.divergence(p, window=None, permutations=19, rng=rng), "agreement"))
        assert [r["reason"] for r in rows] == [
            f"{which} follow wholly from their own past: nothing is left to compare"
        ] * 3
        assert all(np.isnan(r["p"]) for r in rows)
    a, b = pair(line, line), pair(noise, noise, source="BBB", target="AAA")
    answers = reciprocity.answers(a, b, permutations=19, rng=rng)
    assert all(r["reason"] for r in answers if r["direction"] == "AAA moves, BBB answers")


def test_momentum_and_shocks_are_measured():
    rng = np.random.default_rng(5)
    x = 3 + 2 * ar(rng, 1, 20_000, 0.6)[0]
    rho, shock = null.ar1_fit(x)
    assert rho == pytest.approx(0.6, abs=0.02)
    assert shock == pytest.approx(2 * 0.8, rel=0.03)
    short = np.array([1.0, 2, 4, 3, 1, 2])
    c = short - short.mean()
    plain = (c[1:] * c[:-1]).mean() / (c**2).mean()
    rho, shock = null.ar1_fit(short)
    assert rho == pytest.approx(plain + 0.3 * (1 + 3 * plain) / 6)
    assert shock == pytest.approx(((c**2).mean() * (1 - rho**2)) ** 0.5)
    alone = np.array([1.0, np.nan, 3, np.nan, 5, np.nan, 4])  # no two in a row
    assert null.ar1_fit(alone) == (0, pytest.approx(np.nanstd(alone)))
    assert null.ar1_fit(np.arange(1000.0) ** 3)[0] == 0.95  # never without an end


def test_paths_have_the_momentum_and_spread_of_the_series_from_the_first_period_on():
    rng = np.random.default_rng(6)
    x = 2 * ar(rng, 1, 300, 0.7)[0] + 10
    rho, shock = null.ar1_fit(x)
    paths = null.ar1_paths(x, 4000, rng)
    assert paths.shape == (4000, 300)
    spread = shock / (1 - rho**2) ** 0.5
    for at in (0, 1, 150, 299):
        assert paths[:, at].std() == pytest.approx(spread, rel=0.06)
        assert paths[:, at].mean() == pytest.approx(0, abs=0.15)
    assert np.corrcoef(paths[:, 100], paths[:, 101])[0, 1] == pytest.approx(rho, abs=0.05)


def test_partial_is_least_squares_and_refuses_a_control_in_disguise():
    rng = np.random.default_rng(7)
    z = np.column_stack([np.ones(50), rng.standard_normal(50)])
    impulse = rng.standard_normal(50)
    outcome = 0.5 * impulse + z[:, 1] + 0.1 * rng.standard_normal(50)
    order = null.shuffles(50, 99, rng)
    slope, rx, ry, shuffled = null.partial(outcome, impulse, z, order)
    assert slope == pytest.approx(np.linalg.lstsq(np.column_stack([impulse, z]), outcome, rcond=None)[0][0])
    assert rx @ z == pytest.approx([0, 0], abs=1e-9)
    assert null.correlation(rx, ry) == pytest.approx(np.corrcoef(rx, ry)[0, 1])
    assert null.correlation(rx, ry) > np.abs(shuffled).max()
    assert np.abs(shuffled).max() < 1
    assert len(null.partial(outcome, impulse, z)[3]) == 0
    slope, rx, _, shuffled = null.partial(outcome, 3 * z[:, 1] - 2, z, order)
    assert np.isnan(slope)
    assert len(rx) == len(shuffled) == 0
    assert np.isnan(null.partial(z[:, 1], impulse, z, order)[0])  # nothing of the outcome is left
