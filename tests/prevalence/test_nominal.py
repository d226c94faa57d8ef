"""What the estimates claim together: their 95 % intervals cover, and both corrections remove the bias."""

from __future__ import annotations

import numpy as np
import pytest

from sca_nlp import prevalence
from tests.prevalence.audited import rates, speeches


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
