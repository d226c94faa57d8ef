"""Corrected prevalence: intervals cover, tuning never hurts, and the outside oracles agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sca_nlp import prevalence
from sca_nlp.errors import InputError


def speeches(rng, n, share, sensitivity, specificity, size, icc):
    """Return gold, predicted and speech of n sentences in speeches of `size` with intra-class correlation `icc`."""
    m = n // size
    k = (1 - icc) / max(icc, 1e-9)
    tone = rng.beta(share * k, (1 - share) * k, m)
    cluster = np.repeat(np.arange(m), size)
    gold = (rng.random(m * size) < tone[cluster]).astype(float)
    predicted = (rng.random(m * size) < np.where(gold > 0, sensitivity, 1 - specificity)).astype(float)
    return gold, predicted, cluster


def rates(rng, n, share, sensitivity, specificity):
    gold = (rng.random(n) < share).astype(float)
    predicted = (rng.random(n) < np.where(gold > 0, sensitivity, 1 - specificity)).astype(float)
    return prevalence.error_rates(gold, predicted, ["x"])


@pytest.mark.parametrize(("share", "icc"), [(0.02, 0.01), (0.02, 0.03), (0.1, 0.03), (0.3, 0.03)])
def test_nominal_95_covers_93_to_97(share, icc):
    rng = np.random.default_rng(1)
    hit = {"raw": [], "adjusted": [], "design": []}
    for _ in range(300):
        gold, predicted, cluster = speeches(rng, 300, share, 0.8, 0.97, 10, icc)
        e = prevalence.raw(gold, clusters=cluster)
        hit["raw"].append(e.low <= share <= e.high)
        r = rates(rng, 1000, share, 0.8, 0.97)
        e = prevalence.raw(predicted, clusters=cluster)
        size = prevalence.effective_n(e.estimate, e.se**2, e.n, e.n_clusters)
        _, low, high = prevalence.adjusted(e.estimate, size, r.tpr, r.fpr, r.n_positive, r.n_negative)
        hit["adjusted"].append(low[0] <= share <= high[0])
        pi = np.where(predicted > 0, 0.9, 0.3)
        audited = np.where(rng.random(len(gold)) < pi, gold, np.nan)
        e = prevalence.ppi(audited, predicted, inclusion=pi, clusters=cluster)
        hit["design"].append(e.low <= share <= e.high)
    # 93 to 97 % is the bar; two Monte Carlo errors of 300 runs (each 1.25 %) are allowed for around it.
    for method, hits in hit.items():
        assert 0.93 - 0.025 <= np.mean(hits) <= 0.97 + 0.025, (method, np.mean(hits))


@pytest.mark.slow
@pytest.mark.parametrize("icc", [0.01, 0.03])
def test_nominal_95_covers_at_2_percent_with_many_repetitions(icc):
    rng = np.random.default_rng(2)
    hits = []
    for _ in range(5000):
        _, predicted, cluster = speeches(rng, 300, 0.02, 0.8, 0.97, 10, icc)
        r = rates(rng, 1000, 0.02, 0.8, 0.97)
        e = prevalence.raw(predicted, clusters=cluster)
        size = prevalence.effective_n(e.estimate, e.se**2, e.n, e.n_clusters)
        _, low, high = prevalence.adjusted(e.estimate, size, r.tpr, r.fpr, r.n_positive, r.n_negative)
        hits.append(low[0] <= 0.02 <= high[0])
    assert 0.93 <= np.mean(hits) <= 0.97


def test_counting_codes_is_biased_and_both_corrections_are_not():
    rng = np.random.default_rng(3)
    gold, predicted, _ = speeches(rng, 200_000, 0.02, 0.7, 0.95, 10, 0.02)
    assert predicted.mean() == pytest.approx(0.063, abs=0.004)  # 2 % reads as 6.3 %
    r = rates(rng, 200_000, 0.02, 0.7, 0.95)
    fixed, _, _ = prevalence.adjusted(predicted.mean(), len(gold), r.tpr, r.fpr, r.n_positive, r.n_negative)
    assert fixed[0] == pytest.approx(gold.mean(), abs=0.004)
    audited = np.where(rng.random(len(gold)) < 0.05, gold, np.nan)
    assert prevalence.ppi(audited, predicted).estimate == pytest.approx(gold.mean(), abs=0.004)


def test_tuned_is_no_worse_than_the_audit_alone_or_untuned():
    rng = np.random.default_rng(4)
    gold, predicted, _ = speeches(rng, 5000, 0.05, 0.6, 0.9, 10, 0.02)
    audited = np.where(rng.random(len(gold)) < 0.05, gold, np.nan)
    tuned, alone, plain = (prevalence.ppi(audited, predicted, lam=lam).se for lam in (None, 0.0, 1.0))
    assert tuned <= min(alone, plain) + 1e-12


def test_useless_predictions_get_no_weight_and_perfect_ones_full_weight():
    rng = np.random.default_rng(5)
    gold = (rng.random(20_000) < 0.2).astype(float)
    audited = np.where(rng.random(len(gold)) < 0.05, gold, np.nan)
    assert prevalence.ppi(audited, rng.permutation(gold)).lam < 0.15
    perfect = prevalence.ppi(audited, gold)
    assert perfect.lam == pytest.approx(1.0, abs=0.02)
    assert perfect.estimate == pytest.approx(gold.mean(), abs=1e-3)


def test_uneven_draw_is_weighted_back():
    rng = np.random.default_rng(6)
    gold = (rng.random(50_000) < 0.05).astype(float)
    pi = np.where(gold > 0, 0.5, 0.05)  # the queue finds the positives
    audited = np.where(rng.random(len(gold)) < pi, gold, np.nan)
    assert np.nanmean(audited) > 0.25
    assert prevalence.ppi(audited, np.zeros(len(gold)), inclusion=pi).estimate == pytest.approx(0.05, abs=0.006)


def test_strata_lower_the_error_where_they_differ():
    rng = np.random.default_rng(7)
    strata = np.repeat([0, 1], 5000)
    gold = (rng.random(10_000) < np.where(strata == 0, 0.02, 0.6)).astype(float)
    audited = np.where(rng.random(10_000) < 0.05, gold, np.nan)
    nothing = np.zeros(10_000)
    assert prevalence.ppi(audited, nothing, strata=strata).se < 0.9 * prevalence.ppi(audited, nothing).se


def test_clusters_widen():
    rng = np.random.default_rng(8)
    gold, _, cluster = speeches(rng, 3000, 0.3, 1, 1, 30, 0.2)
    assert prevalence.raw(gold, clusters=cluster).se > 1.5 * prevalence.raw(gold).se


@pytest.mark.slow  # its import compiles for half a minute
def test_against_ppi_python():
    oracle = pytest.importorskip("ppi_py")
    rng = np.random.default_rng(9)
    gold, predicted, _ = speeches(rng, 4000, 0.1, 0.7, 0.95, 1, 0.0)
    y, f, rest = gold[:400], predicted[:400], predicted[400:]
    audited = np.concatenate([y, np.full(len(rest), np.nan)])
    for lam in (0.3, 1.0):
        theirs = float(np.squeeze(oracle.ppi_mean_pointestimate(y, f, rest, lam=lam)))
        ours = prevalence.ppi(audited, predicted, audit_in_population=False, lam=lam)
        assert ours.estimate == pytest.approx(theirs, abs=1e-10)
        low, high = oracle.ppi_mean_ci(y, f, rest, alpha=0.05, lam=lam)
        assert ours.se * 1.959964 == pytest.approx(float(np.squeeze(high - low)) / 2, rel=0.005)
    # Both tune by the same criterion, theirs with a variance pooled over both sets.
    theirs = float(np.squeeze(oracle.ppi_mean_pointestimate(y, f, rest)))
    assert prevalence.ppi(audited, predicted, audit_in_population=False).estimate == pytest.approx(theirs, abs=0.002)


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


def test_shrink_draws_small_cells_to_the_mean_and_leaves_large_ones():
    rng = np.random.default_rng(11)
    truth = rng.beta(4, 36, 400)
    n = np.where(np.arange(400) < 200, 10, 2000)
    seen = rng.binomial(n, truth) / n
    shrunk, low, high = prevalence.shrink(seen, n)
    small = n == 10
    assert np.mean((shrunk[small] - truth[small]) ** 2) < 0.5 * np.mean((seen[small] - truth[small]) ** 2)
    assert np.abs(shrunk[~small] - seen[~small]).max() < 0.01
    assert 0.92 <= np.mean((low <= truth) & (truth <= high)) <= 0.98


def test_drift_is_found_and_its_absence_is_not():
    rng = np.random.default_rng(12)
    gold, predicted, cluster = speeches(rng, 4000, 0.3, 0.8, 0.95, 10, 0.02)
    period = np.where(cluster < 200, "1970s", "1990s")
    assert prevalence.drift(gold, predicted, period, clusters=cluster)["p_fpr"] > 0.01
    worse = np.where((period == "1990s") & (rng.random(len(gold)) < 0.1), 1.0, predicted)
    found = prevalence.drift(gold, worse, period, clusters=cluster)
    assert found["p_fpr"] < 0.01
    assert found["groups"]["1990s"]["fpr"] > found["groups"]["1970s"]["fpr"]


def test_p_of_drift_is_uniform_without_drift():
    rng = np.random.default_rng(13)
    rejected = []
    for k in range(200):
        gold, predicted, cluster = speeches(rng, 600, 0.3, 0.8, 0.9, 10, 0.02)
        rejected.append(
            prevalence.drift(gold, predicted, cluster % 3, clusters=cluster, permutations=99, seed=k)["p_fpr"] <= 0.05
        )
    assert np.mean(rejected) <= 0.1


def test_errors_say_what_is_wrong():
    with pytest.raises(InputError, match="at least 2"):
        prevalence.ppi([np.nan, 1.0], [1, 0])
    with pytest.raises(InputError, match="logged probability"):
        prevalence.ppi([1.0, 0.0, 1.0], [1, 0, 1], inclusion=[0.5, 0.0, 1.0])
    with pytest.raises(InputError, match="outside \\(0, 1]"):
        prevalence.ppi([1.0, 0.0, 1.0], [1, 0, 1], inclusion=[0.5, 1.5, 1.0])


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


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=1, max_size=50), st.randoms())
def test_raw_does_not_depend_on_order(values, random):
    labels = [k % 5 for k in range(len(values))]
    both = list(zip(values, labels, strict=True))
    random.shuffle(both)
    a, b = prevalence.raw(values, clusters=labels), prevalence.raw([v for v, _ in both], clusters=[c for _, c in both])
    assert a.estimate == pytest.approx(b.estimate)
    assert (a.low, a.high) == (pytest.approx(b.low), pytest.approx(b.high))


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


def test_design_estimate_by_hand():
    # Four audited of eight, the others predicted: mean of predictions plus the mean error in the audit.
    gold = np.array([1.0, 0, 1, 0, *[np.nan] * 4])
    predicted = np.array([1.0, 0, 0, 0, 1, 1, 0, 0])
    got = prevalence.ppi(gold, predicted, lam=1.0)
    assert got.estimate == pytest.approx(3 / 8 + 1 / 4)
    assert (got.n, got.n_clusters, got.lam, got.method) == (4, 4, 1.0, "design")
    apart = prevalence.ppi(gold, predicted, lam=1.0, audit_in_population=False)
    assert apart.estimate == pytest.approx(2 / 4 + 1 / 4)
    over = prevalence.ppi([1.0, 1, np.nan, np.nan], [0, 0, 1, 1], lam=1.0)
    assert (over.estimate, over.high) == (1, pytest.approx(1))  # 1/2 + 1 is no share


def test_nothing_found_in_the_audit_says_what_its_size_can():
    gold = np.array([0.0] * 20 + [np.nan] * 80)
    pi = np.array([0.5] * 10 + [0.1] * 10 + [0.5] * 80)
    got = prevalence.ppi(gold, np.zeros(100), inclusion=pi)
    size = (10 * 2 + 10 * 10) ** 2 / (10 * 4 + 10 * 100)  # Kish: uneven weights are worth fewer units
    low, high = prevalence.wilson(0.0, size, prevalence.t_quantile(19))
    assert (got.estimate, got.low, got.high) == (0, pytest.approx(low), pytest.approx(high))
    found = prevalence.ppi([1.0, 0, 0, 0], np.zeros(4))  # all audited, something found: n - 1 units
    low, high = prevalence.wilson(0.25, 3, prevalence.t_quantile(3))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_thin_strata_are_joined_and_none_is_lost():
    rng = np.random.default_rng(14)
    gold = (rng.random(400) < 0.3).astype(float)
    audited = np.where(rng.random(400) < 0.3, gold, np.nan)
    audited[:4] = gold[:4]
    whole = np.where(np.arange(400) < 4, ["p", "q", "r", "s"] * 100, "t")  # four strata of one audited unit each
    joined = np.where(np.arange(400) < 4, "other", "t")
    assert prevalence.ppi(audited, gold, strata=whole) == prevalence.ppi(audited, gold, strata=joined)
    lone = np.where(np.arange(400) < 1, "p", "t")  # nothing to join it with: no strata at all
    assert prevalence.ppi(audited, gold, strata=lone) == prevalence.ppi(audited, gold)
    two = np.where(np.arange(400) < 2, ["p", "q"] * 200, "t")  # two make a stratum
    assert prevalence.ppi(audited, gold, strata=two) == prevalence.ppi(
        audited, gold, strata=np.where(np.arange(400) < 2, "other", "t")
    )


def test_error_rates_by_hand():
    gold = [[1, 0], [1, 0], [1, 0], [0, 0], [0, 0]]
    predicted = [[1, 0], [0, 0], [1, 1], [1, 0], [0, 0]]
    got = prevalence.error_rates(gold, predicted, ["x", "y"], weights=[4, 1, 1, 1, 1])
    assert got.classes == ("x", "y")
    assert got.tpr == pytest.approx([5 / 6, 0.5])  # nobody has y: nothing known, and it rests on nothing
    assert got.n_positive[1] == 0
    assert got.fpr == pytest.approx([1 / 2, 1 / 8])
    assert got.n_positive[0] <= 6**2 / (16 + 1 + 1)  # Kish
    even = prevalence.error_rates(gold, predicted, ["x", "y"])
    assert even.n_negative[1] == pytest.approx(5, rel=0.3)
    assert even.n_negative[1] <= 5


def test_drawn_error_rates_are_their_posteriors():
    rates = prevalence.ErrorRates(("x", "y"), *map(np.array, ([0.8, 0.5], [0.1, 0.02], [40, 0], [200, 900])))
    tpr, fpr = rates.draw(20_000, np.random.default_rng(15))
    assert tpr.shape == fpr.shape == (20_000, 2)
    assert tpr.mean(0) == pytest.approx([32.5 / 41, 0.5], abs=0.01)
    assert fpr.mean(0) == pytest.approx([20.5 / 201, 18.5 / 901], abs=0.002)
    assert tpr.std(0) == pytest.approx([(32.5 * 8.5 / 41**2 / 42) ** 0.5, 0.125**0.5], rel=0.03)
    assert fpr.std(0) == pytest.approx(
        [(20.5 * 180.5 / 201**2 / 202) ** 0.5, (18.5 * 882.5 / 901**2 / 902) ** 0.5], rel=0.03
    )


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


def test_shrink_of_one_cell_and_of_an_empty_one():
    share, low, high = prevalence.shrink([0.25], [40])
    assert (share[0], low[0], high[0]) == (0.25, *(v[0] for v in prevalence.wilson([0.25], [40])))
    share, low, high = prevalence.shrink([0.1, 0.3, np.nan], [500, 500, 0])
    assert 0.15 < share[2] < 0.3  # two cells say little of their mean
    assert low[2] < low[0] < share[0] < 0.2 < share[1] < high[1] < high[2]
    assert 0.1 < share[0] < 0.11
    alike, _, _ = prevalence.shrink([0.2, 0.21, 0.19, 0.2], [50] * 4)  # they differ less than chance alone would make
    assert np.ptp(alike) < 0.6 * 0.02


def test_drift_without_speeches_and_with_one_group_that_has_no_case():
    gold, predicted = [1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0]
    found = prevalence.drift(gold, predicted, ["a", "a", "a", "b", "b", "b"], permutations=50)
    assert found["groups"]["a"] == {"tpr": 0.5, "n_positive": 2, "fpr": 1.0, "n_negative": 1}
    assert np.isnan(found["groups"]["b"]["tpr"])
    assert (found["groups"]["b"]["fpr"], found["groups"]["b"]["n_negative"]) == (0, 3)
    assert np.isnan(found["p_tpr"])  # only one group has cases
    assert 1 / 51 <= found["p_fpr"] <= 1
