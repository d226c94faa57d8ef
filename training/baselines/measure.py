"""How a row is judged: macro-F1 over the classes with its interval, held out and on the test set."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.baselines.material import Array, Made, Material
from training.calibrate import as_matrix, cross_fitted, f1_per_class, learn_decision
from training.dataset import Dataset, folds
from training.evaluate import cluster_draws


def annotated(made: Made, material: Material, draws: int = 300) -> dict[str, Any]:
    """Return a row's figures on annotated sentences.

    Args:
        made: the row's model; where it cannot decide by itself, calibration and thresholds are learned on `held`.
        material: what all rows share.
        draws: bootstrap samples of whole documents.

    Returns:
        `test` (macro-F1; a class without a case counts 0), its 95 % `interval`, `held_out` (macro-F1 on the sentences
        for thresholds, which are cross-fitted there), `learned_from` (sentences) and, where there is one, `cap`.
    """
    book, held_out, decide = material.book, made.held_out, made.decide
    if decide is None:
        raw, gold = made.scorer(material.held.texts), material.held.gold
        _, codes = cross_fitted(raw, gold, folds(material.held, 3, seed=1), book)
        held_out = float(np.nanmean(f1_per_class(gold, codes)))
        decision = learn_decision(raw, gold, book)

        def decide(p: Array) -> list[tuple[str, ...]]:
            return decision.decide(decision.calibrate(p))

    codes = as_matrix(decide(made.scorer(material.test.texts)), book)
    out = {**on_test(codes, material.test, draws), "learned_from": made.learned_from}
    if held_out is not None:
        out["held_out"] = round(held_out, 4)
    return out | ({"cap": made.cap} if made.cap else {})


def on_test(codes: Array, test: Dataset, draws: int = 300) -> dict[str, Any]:
    """Return macro-F1 of codes (0/1, [n, n_classes]) and its 95 % bootstrap interval by document."""

    def macro(gold: Array, codes: Array) -> float:
        return float(np.nan_to_num(f1_per_class(gold, codes)).mean())

    samples = cluster_draws(test.documents, draws, np.random.default_rng(0))
    spread = [macro(test.gold[d], codes[d]) for d in samples]
    low, high = np.percentile(spread, [2.5, 97.5])
    return {"test": round(macro(test.gold, codes), 4), "interval": [round(float(low), 4), round(float(high), 4)]}
