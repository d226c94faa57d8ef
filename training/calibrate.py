"""From cross-validated probabilities to calibrated ones and to thresholds, class by class; and how good they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import Decision
from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError

Array = NDArray[np.float32]
_GRID = np.linspace(0.02, 0.98, 193)


def beta_fit(raw: Array, gold: Array, ridge: float = 1e-3) -> tuple[float, float, float]:
    """Return a, b, c of beta calibration (Kull, Silva Filho and Flach 2017) of one class, with a, b >= 0.

    Args:
        raw: probabilities [n].
        gold: 0 or 1 [n] (or a share in between).
        ridge: pull toward leaving probabilities as they are, which steadies rare classes.
    """
    from scipy.optimize import minimize

    p = np.clip(raw.astype(np.float64), 1e-6, 1 - 1e-6)
    x = np.stack([np.log(p), -np.log1p(-p), np.ones_like(p)])
    y = gold.astype(np.float64)

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = w @ x
        value = np.mean(np.logaddexp(0, z) - y * z) + ridge * np.sum((w - (1, 1, 0)) ** 2) * 0.1
        grad = x @ (1 / (1 + np.exp(-z)) - y) / len(y) + ridge * 0.2 * (w - (1, 1, 0))
        return float(value), grad

    fitted = minimize(
        loss, np.array([1.0, 1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0, None), (0, None), (None, None)]
    )
    a, b, c = fitted.x
    return float(a), float(b), float(c)


def f1_curve(probabilities: Array, gold: Array) -> NDArray[np.float64]:
    """Return F1 at each threshold of the grid, smoothed over thresholds so that a rare class' luck counts less."""
    order = np.argsort(-probabilities)
    hits = np.concatenate([[0], np.cumsum(gold[order])])
    n = np.searchsorted(-probabilities[order], -_GRID, side="right")
    f1 = 2 * hits[n] / np.maximum(n + gold.sum(), 1)
    width = 0.08 / np.sqrt(max(1.0, float(gold.sum()) / 100))  # wider where examples are few
    kernel = np.exp(-0.5 * ((_GRID[:, None] - _GRID[None, :]) / max(width, 0.01)) ** 2)
    smooth: NDArray[np.float64] = (kernel @ f1) / kernel.sum(1)
    return smooth


def threshold(probabilities: Array, gold: Array, aim: str = "f1", level: float = 0.8) -> float:
    """Return the threshold of one class.

    Args:
        probabilities: calibrated [n].
        gold: 0 or 1 [n].
        aim: `f1`; `precision`: the lowest threshold with precision at least `level`; `recall`: the highest with
            recall at least `level`.
        level: see `aim`.
    """
    if aim == "f1":
        return float(_GRID[int(np.argmax(f1_curve(probabilities, gold)))])
    hits = np.array([gold[probabilities >= t].sum() for t in _GRID])
    n = np.array([(probabilities >= t).sum() for t in _GRID])
    if aim == "precision":
        good = np.flatnonzero((hits / np.maximum(n, 1) >= level) & (n > 0))
        return float(_GRID[good[0]]) if len(good) else float(_GRID[-1])
    if aim == "recall":
        good = np.flatnonzero(hits / max(1.0, float(gold.sum())) >= level)
        return float(_GRID[good[-1]]) if len(good) else float(_GRID[0])
    raise InputError("decision.aim", repr(aim), "f1, precision or recall")


def learn_decision(raw: Array, gold: Array, codebook: Codebook, aim: str = "f1", level: float = 0.8) -> Decision:
    """Return calibration and thresholds of every class, learned on out-of-fold probabilities [n, n_classes]."""
    n = len(codebook.classes)
    calibration = np.array([beta_fit(raw[:, k], gold[:, k]) for k in range(n)], np.float32)
    plain = Decision(codebook, np.full(n, 0.5, np.float32), calibration)
    p = plain.calibrate(raw)
    cuts = np.array([threshold(p[:, k], gold[:, k], aim, level) for k in range(n)], np.float32)
    return Decision(codebook, cuts, calibration)


def carry_over(decision: Decision, teachers: list[Array], raw: Array) -> Decision:
    """Return a decision for a model that has seen all labels, from one learned on out-of-fold probabilities.

    The last fit saw every label, so none is left on which to calibrate it. But each fold model is calibrated, out of
    fold; on sentences that nobody coded the last model's probabilities should be distributed as theirs. So ranks are
    matched, which keeps the share that is coded (a regression on the teachers would flatten it). Thresholds stay.

    Args:
        decision: learned on out-of-fold probabilities.
        teachers: each fold model's calibrated probabilities on sentences that no model was trained on.
        raw: the last model's probabilities on the same sentences.
    """
    target = np.mean([np.sort(t, axis=0) for t in teachers], axis=0)
    ranked = np.sort(raw, axis=0)
    n = len(decision.codebook.classes)
    calibration = np.array([beta_fit(ranked[:, k], target[:, k]) for k in range(n)], np.float32)
    return Decision(decision.codebook, decision.thresholds, calibration)


def cross_fitted(
    raw: Array, gold: Array, fold: NDArray[np.int64], codebook: Codebook, aim: str = "f1", level: float = 0.8
) -> tuple[Array, Array]:
    """Return (probabilities, codes as 0/1), each fold with the calibration and thresholds of the other folds.

    So nothing that is reported was fitted on what it is reported on.
    """
    p, codes = np.zeros_like(raw), np.zeros_like(raw)
    for f in np.unique(fold):
        inside, rest = fold == f, fold != f
        decision = learn_decision(raw[rest], gold[rest], codebook, aim, level)
        p[inside] = decision.calibrate(raw[inside])
        codes[inside] = as_matrix(decision.decide(p[inside]), codebook)
    return p, codes


def as_matrix(codes: list[tuple[str, ...]], codebook: Codebook) -> Array:
    """Return codes as a 0/1 matrix [n, n_classes]."""
    out = np.zeros((len(codes), len(codebook.classes)), np.float32)
    for n, row in enumerate(codes):
        for c in row:
            out[n, codebook.column[c]] = 1
    return out


def calibration_error(probabilities: Array, gold: Array, weights: Array | None = None, n_bins: int = 15) -> float:
    """Return the expected calibration error of one class: mean |share - mean probability| over bins of equal width."""
    w = np.ones(len(gold)) if weights is None else weights.astype(np.float64)
    which = np.minimum((probabilities * n_bins).astype(int), n_bins - 1)
    error = 0.0
    for b in np.unique(which):
        inside = which == b
        gap = np.average(gold[inside], weights=w[inside]) - np.average(probabilities[inside], weights=w[inside])
        error += w[inside].sum() * abs(float(gap))
    return float(error / w.sum())


def f1_per_class(gold: Array, codes: Array, weights: Array | None = None) -> NDArray[np.float64]:
    """Return F1 of each class; NaN where a class is neither in gold nor in codes."""
    w = np.ones(len(gold)) if weights is None else weights.astype(np.float64)
    hits = (w[:, None] * gold * codes).sum(0)
    total = (w[:, None] * gold).sum(0) + (w[:, None] * codes).sum(0)
    with np.errstate(invalid="ignore"):
        out: NDArray[np.float64] = np.where(total > 0, 2 * hits / total, np.nan)
    return out


def precision_recall_counts(gold: Array, codes: Array, weights: Array) -> dict[str, list[float]]:
    """Return `tpr`, `fpr`, `n_positive`, `n_negative` of each class; under weights the numbers are effective (Kish)."""
    out: dict[str, list[float]] = {"tpr": [], "fpr": [], "n_positive": [], "n_negative": []}
    for k in range(gold.shape[1]):
        for name, size, mask in (("tpr", "n_positive", gold[:, k] > 0.5), ("fpr", "n_negative", gold[:, k] <= 0.5)):
            w = (weights * mask).astype(np.float64)
            total = float(w.sum())
            out[name].append(round(float((w * codes[:, k]).sum()) / total, 5) if total else 0.5)
            out[size].append(round(total**2 / float((w**2).sum()), 1) if total else 0.0)
    return out
