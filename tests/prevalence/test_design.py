"""The design-based share: tuning never hurts, uneven draws are weighted back, and `ppi_py` agrees."""

from __future__ import annotations

import numpy as np
import pytest

from sca_nlp import prevalence
from sca_nlp.errors import InputError
from tests.prevalence.audited import speeches


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


def test_errors_say_what_is_wrong():
    with pytest.raises(InputError, match="at least 2"):
        prevalence.ppi([np.nan, 1.0], [1, 0])
    with pytest.raises(InputError, match="logged probability"):
        prevalence.ppi([1.0, 0.0, 1.0], [1, 0, 1], inclusion=[0.5, 0.0, 1.0])
    with pytest.raises(InputError, match="outside \\(0, 1]"):
        prevalence.ppi([1.0, 0.0, 1.0], [1, 0, 1], inclusion=[0.5, 1.5, 1.0])
