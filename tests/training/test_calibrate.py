from __future__ import annotations

import numpy as np
import pytest

from sca_nlp.classify.contract import Decision
from sca_nlp.codebook import default_codebook
from sca_nlp.errors import InputError
from training.calibrate import (
    beta_fit,
    calibration_error,
    carry_over,
    cross_fitted,
    f1_per_class,
    learn_decision,
    threshold,
)

BOOK = default_codebook()
RNG = np.random.default_rng(0)


def world(n: int, share: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Return overconfident scores and labels drawn from the true probabilities."""
    z = RNG.normal(np.log(share / (1 - share)), 1.5, n)
    gold = (RNG.random(n) < 1 / (1 + np.exp(-z))).astype(np.float32)
    return (1 / (1 + np.exp(-2.5 * z - 1))).astype(np.float32), gold


def test_calibration_mends_overconfidence() -> None:
    raw, gold = world(20000)
    a, b, c = beta_fit(raw, gold)
    p = 1 / (1 + np.exp(-(a * np.log(raw) - b * np.log1p(-raw.astype(float)) + c)))
    assert calibration_error(raw, gold) > 0.05
    assert calibration_error(p.astype(np.float32), gold) < 0.015


def test_calibration_error_of_truth_is_near_zero_and_of_a_lie_is_its_size() -> None:
    p = RNG.random(50000).astype(np.float32)
    gold = (RNG.random(50000) < p).astype(np.float32)
    assert calibration_error(p, gold) < 0.01
    assert calibration_error(np.full(1000, 0.9, np.float32), np.zeros(1000, np.float32)) == pytest.approx(0.9, abs=1e-5)


def test_the_f1_threshold_is_near_the_best_one() -> None:
    z = RNG.normal(-1, 1.5, 20000)
    p = (1 / (1 + np.exp(-z))).astype(np.float32)
    gold = (RNG.random(20000) < p).astype(np.float32)

    def f1(t: float) -> float:
        return float(f1_per_class(gold[:, None], (p >= t).astype(np.float32)[:, None])[0])

    best = max(f1(t) for t in np.linspace(0.05, 0.95, 91))
    assert f1(threshold(p, gold)) > best - 0.005


@pytest.mark.parametrize("level", [0.6, 0.8])
def test_thresholds_for_precision_and_recall_reach_them(level: float) -> None:
    p, gold = world(5000)
    t = threshold(p, gold, "precision", level)
    assert gold[p >= t].mean() >= level
    t = threshold(p, gold, "recall", level)
    assert gold[p >= t].sum() / gold.sum() >= level
    with pytest.raises(InputError, match="f1, precision or recall"):
        threshold(p, gold, "beauty")


def test_cross_fitting_uses_no_row_for_itself() -> None:
    n, k = 900, len(BOOK.classes)
    raw = RNG.random((n, k)).astype(np.float32)
    gold = (RNG.random((n, k)) < 0.3).astype(np.float32)
    fold = np.arange(n) % 3
    p, _ = cross_fitted(raw, gold, fold, BOOK)
    changed = gold.copy()
    changed[fold == 0] = 1 - changed[fold == 0]
    again, _ = cross_fitted(raw, changed, fold, BOOK)
    np.testing.assert_array_equal(p[fold == 0], again[fold == 0])
    assert not np.allclose(p[fold == 1], again[fold == 1])


def test_a_softer_model_is_brought_to_its_teachers_scale() -> None:
    k = len(BOOK.classes)
    z = RNG.normal(-2, 2, (4000, k))
    truth = (1 / (1 + np.exp(-z))).astype(np.float32)
    soft = (1 / (1 + np.exp(-(0.5 * z - 0.4)))).astype(np.float32)
    start = Decision(BOOK, np.full(k, 0.4, np.float32), np.tile(np.array([1, 1, 0], np.float32), (k, 1)))
    carried = carry_over(start, [truth, truth], soft)
    assert np.abs(carried.calibrate(soft) - truth).max() < 0.05
    share = (carried.calibrate(soft) >= 0.4).mean() / (truth >= 0.4).mean()
    assert 0.95 < share < 1.05
    assert abs((soft >= 0.4).mean() / (truth >= 0.4).mean() - 1) > 0.1


def test_a_learned_decision_fits_the_codebook() -> None:
    k = len(BOOK.classes)
    raw = RNG.random((400, k)).astype(np.float32)
    decision = learn_decision(raw, (raw > 0.5).astype(np.float32), BOOK)
    assert decision.thresholds.shape == (k,)
    assert (decision.calibration[:, :2] >= 0).all()
