"""Model-based shares: the adjusted count stays a share, small cells lean on the mean, and EM has its fixed point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaincinv

from sca_nlp import prevalence
from sca_nlp.errors import InputError


def test_adjusted_by_hand_and_with_error_rates_that_are_known():
    estimate, low, high = prevalence.adjusted(0.1, 400, 0.7, 0.05, 1e12, 1e12)
    assert estimate == pytest.approx((0.1 - 0.05) / 0.65)
    # Known error rates: Agresti and Coull's limits of the share, carried over.
    n, centre = 400 + 1.959963984540054**2, (40 + 1.959963984540054**2 / 2) / (400 + 1.959963984540054**2)
    half = 1.959963984540054 * (centre * (1 - centre) / n) ** 0.5
    assert (low, high) == (
        pytest.approx((centre - half - 0.05) / 0.65, abs=1e-6),
        pytest.approx((centre + half - 0.05) / 0.65, abs=1e-6),
    )
    _, lower, higher = prevalence.adjusted(0.1, 400, 0.7, 0.05, 60, 600)
    assert lower < low < high < higher


def test_a_classifier_no_better_than_chance_gives_nan():
    estimate, low, high = prevalence.adjusted(0.1, 300, 0.3, 0.28, 100, 1000)
    assert np.isnan([estimate, low, high]).all()


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0, 1),
    st.integers(1, 5000),
    st.floats(0.3, 1),
    st.floats(0, 0.2),
    st.integers(1, 500),
    st.integers(1, 5000),
)
def test_adjusted_stays_in_bounds(share, n, tpr, fpr, positives, negatives):
    estimate, low, high = prevalence.adjusted(share, n, tpr, fpr, positives, negatives)
    assert 0 <= low <= high <= 1
    assert 0 <= estimate <= 1


def limits_of(mean, size):
    """Return the 95 % limits of a share that is worth `size` units: those of the beta distribution."""
    a, b = mean * size, (1 - mean) * size
    return betaincinv(a, b, 0.025), betaincinv(a, b, 0.975)


def test_pool_draws_small_cells_to_the_mean_and_leaves_large_ones():
    rng = np.random.default_rng(11)
    truth = rng.beta(4, 36, 400)
    n = np.where(np.arange(400) < 200, 10, 2000)
    seen = rng.binomial(n, truth) / n
    mean, size = prevalence.pool(seen, n)
    low, high = limits_of(mean, size)
    small = n == 10
    assert np.mean((mean[small] - truth[small]) ** 2) < 0.5 * np.mean((seen[small] - truth[small]) ** 2)
    assert np.abs(mean[~small] - seen[~small]).max() < 0.01
    assert 0.92 <= np.mean((low <= truth) & (truth <= high)) <= 0.98


def test_pool_gives_an_empty_cell_the_common_mean_and_draws_cells_that_are_alike_together():
    share, size = prevalence.pool([0.1, 0.3, np.nan], [500, 500, 0])
    low, high = limits_of(share, size)
    assert 0.15 < share[2] < 0.3  # two cells say little of their mean
    assert low[2] < low[0] < share[0] < 0.2 < share[1] < high[1] < high[2]
    assert 0.1 < share[0] < 0.11
    alike, _ = prevalence.pool([0.2, 0.21, 0.19, 0.2], [50] * 4)  # they differ less than chance alone would make
    assert np.ptp(alike) < 0.6 * 0.02


def test_emq_against_quapy_or_its_fixed_point():
    rng = np.random.default_rng(10)
    score = np.where(rng.random(4000) < 0.2, 1.0, -1.0) + rng.standard_normal(4000)
    p = 0.4 / (0.4 + 0.6 * np.exp(-2 * score))  # calibrated where 40 % have the code; here 20 % have it
    found = prevalence.emq(p, 0.4)
    assert found == pytest.approx(0.2, abs=0.02)
    assert prevalence.emq(p, 0.4, rounds=1) == pytest.approx(p.mean())  # one step from where it was trained
    assert np.isnan(prevalence.emq([], 0.4))
    try:
        from quapy.method.aggregative import EMQ
    except Exception:  # not installed here: the estimate must at least be its own fixed point
        up, down = p * found / 0.4, (1 - p) * (1 - found) / 0.6
        assert float((up / (up + down)).mean()) == pytest.approx(found, abs=1e-5)
    else:
        theirs, _ = EMQ.EM(np.array([0.6, 0.4]), np.column_stack([1 - p, p]), epsilon=1e-8)
        assert found == pytest.approx(float(theirs[1]), abs=1e-3)


def test_cells_without_a_case_are_not_drawn_to_nothing():
    mean, size = prevalence.pool([0.0] * 4, [50] * 4)
    assert (mean > 0.0005).all(), mean
    assert (size > 40).all()  # less than the 50 seen: how alike cells are is not known
    rng, held = np.random.default_rng(0), []
    for _ in range(200):
        truth = rng.beta(20 * 0.02, 20 * 0.98, 10)
        low, high = limits_of(*prevalence.pool(rng.binomial(20, truth) / 20, [20] * 10))
        held.append(((low <= truth) & (truth <= high)).mean())
    assert 0.9 <= np.mean(held) <= 0.98


def test_rates_of_other_classes_are_refused_and_thin_ones_back_nothing():
    def rates(n, t=0.5, classes=("A", "B")):
        return prevalence.ErrorRates(classes, *(np.array([v, v]) for v in (t, 0.1, n, 10.0 * n)))

    with pytest.raises(InputError, match="classes"):
        rates(5.0).backed_by(rates(5.0, classes=("B", "A")), 20)
    assert rates(15.0, 0.8).backed_by(rates(0.0), 20).tpr.tolist() == [0.8, 0.8]
    assert rates(15.0, 0.8).backed_by(rates(90.0, 0.6), 20).tpr.tolist() == [0.6, 0.6]
    assert rates(25.0, 0.8).backed_by(rates(90.0, 0.6), 20).tpr.tolist() == [0.8, 0.8]
    assert rates(15.0, 0.8).backed_by(None, 20).tpr.tolist() == [0.8, 0.8]
