"""The share as counted: intervals agree with the oracles and widen with the speeches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sca_nlp import prevalence
from tests.prevalence.audited import speeches


def test_clusters_widen():
    rng = np.random.default_rng(8)
    gold, _, cluster = speeches(rng, 3000, 0.3, 1, 1, 30, 0.2)
    assert prevalence.raw(gold, clusters=cluster).se > 1.5 * prevalence.raw(gold).se


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=1, max_size=50), st.randoms())
def test_raw_does_not_depend_on_order(values, random):
    labels = [k % 5 for k in range(len(values))]
    both = list(zip(values, labels, strict=True))
    random.shuffle(both)
    a, b = prevalence.raw(values, clusters=labels), prevalence.raw([v for v, _ in both], clusters=[c for _, c in both])
    assert a.estimate == pytest.approx(b.estimate)
    assert (a.low, a.high) == (pytest.approx(b.low), pytest.approx(b.high))


def test_the_mean_of_probabilities_has_a_t_interval_over_speeches():
    values, clusters = [0.2, 0.4, 0.3, 0.5, 0.1, 0.3], ["a", "a", "b", "b", "c", "c"]
    got = prevalence.raw(values, clusters=clusters, binary=False)
    sums = np.array([0.6, 0.8, 0.4]) - 2 * 0.3
    se = (3 / 2 * (sums**2).sum()) ** 0.5 / 6
    half = 4.302652729911275 * se  # t, 2 degrees
    assert (got.estimate, got.se, got.n, got.n_clusters) == (pytest.approx(0.3), pytest.approx(se), 6, 3)
    assert (got.low, got.high) == (pytest.approx(0.3 - half), pytest.approx(0.3 + half))
    wide = prevalence.raw([0.01, 0.99], binary=False)
    assert (wide.low, wide.high) == (0, 1)
    none = prevalence.raw([])
    assert np.isnan(none.estimate)
    assert np.isnan([none.low, none.high, none.se]).all()
    assert (none.n, none.n_clusters, none.method) == (0, 0, "raw")


def test_wilson_and_t_against_statsmodels_and_scipy():
    from scipy.stats import t
    from statsmodels.stats.proportion import proportion_confint

    for k, n in ((0, 10), (3, 10), (10, 10), (7, 2000)):
        assert np.allclose(prevalence.wilson(k / n, n), proportion_confint(k, n, method="wilson"), atol=1e-12)
    assert np.allclose(prevalence.wilson(0.3, 0), (0, 1), atol=1e-9)
    assert prevalence.wilson(-0.2, 10) == prevalence.wilson(0, 10)  # estimates may lie beyond a share's bounds
    assert prevalence.wilson(1.2, 10) == prevalence.wilson(1, 10)
    assert np.allclose(prevalence.t_quantile([0, 1, 2, 9]), t.ppf(0.975, [1, 1, 2, 9]))


def test_effective_n_by_hand():
    # Ten speeches, variance four times that of a simple sample of 200: 50 units, fewer by the t quantiles (199, 9).
    p, n = 0.2, 200
    got = prevalence.effective_n(p, 4 * p * (1 - p) / n, n, 10)
    assert got == pytest.approx(50 * (prevalence.t_quantile(199) / prevalence.t_quantile(9)) ** 2)
    assert prevalence.effective_n(p, 0.25 * p * (1 - p) / n, n, 10) == n  # never more than there are
    assert prevalence.effective_n(p, 4 * p * (1 - p) / n, n, n) == pytest.approx(50)  # as many speeches as units
    assert prevalence.effective_n(0.0, 0.0, n, n) == n
