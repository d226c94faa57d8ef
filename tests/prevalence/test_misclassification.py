"""How the classifier errs: rates by hand, their posteriors, and drift that is found where it is."""

from __future__ import annotations

import numpy as np
import pytest

from sca_nlp import prevalence
from tests.prevalence.audited import speeches


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


def test_drift_without_speeches_and_with_one_group_that_has_no_case():
    gold, predicted = [1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0]
    found = prevalence.drift(gold, predicted, ["a", "a", "a", "b", "b", "b"], permutations=50)
    assert found["groups"]["a"] == {"tpr": 0.5, "n_positive": 2, "fpr": 1.0, "n_negative": 1}
    assert np.isnan(found["groups"]["b"]["tpr"])
    assert (found["groups"]["b"]["fpr"], found["groups"]["b"]["n_negative"]) == (0, 3)
    assert np.isnan(found["p_tpr"])  # only one group has cases
    assert 1 / 51 <= found["p_fpr"] <= 1
