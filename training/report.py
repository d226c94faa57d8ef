"""What a training run tells its makers: would more annotation help, where does it err, which labels look wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.codebook import Codebook
from training.dataset import Dataset
from training.evaluate import average_precision
from training.linear import fit_linear, predict_linear

Array = NDArray[np.float32]


def label_errors(data: Dataset, probabilities: Array, codebook: Codebook, n: int = 100) -> list[dict[str, Any]]:
    """Return decisions that calibrated out-of-fold probabilities contradict most, surest first.

    Confident learning (Northcutt, Jiang and Chuang 2021) one class at a time: a code is doubtful where its probability
    is below the mean of the uncoded sentences', a missing one where it is above the mean of the coded ones'.

    Args:
        data: the annotated sentences.
        probabilities: calibrated, each from a model that had not seen the sentence, [n, n_classes].
        codebook: names the classes.
        n: most rows returned.
    """
    found: list[tuple[float, dict[str, Any]]] = []
    for k, name in enumerate(codebook.classes):
        p, coded = probabilities[:, k], data.gold[:, k] > 0.5
        if not coded.any() or coded.all():
            continue
        usual = {True: float(p[coded].mean()), False: float(p[~coded].mean())}
        for i in np.flatnonzero(np.where(coded, p < usual[False], p > usual[True])):
            surprise = float(1 - p[i]) if coded[i] else float(p[i])
            row = {"id": data.rows[i].annotation_id, "class": name, "coded": bool(coded[i])}
            found.append((surprise, row | {"probability": round(float(p[i]), 4)}))
    found.sort(key=lambda item: -item[0])
    return [row for _, row in found[:n]]


def learning_curve(
    data: Dataset,
    fold: NDArray[np.int64],
    codebook: Codebook,
    shares: Sequence[float] = (0.25, 0.5, 1.0),
    seed: int = 0,
) -> dict[str, Any]:
    """Return average precision of each class after learning from a share of the documents, tested on the first fold.

    It is the n-gram model's curve: seconds instead of hours. Where it still climbs, so does a larger model's as a rule.
    """
    test = data.take(np.flatnonzero(fold == fold.min()))
    rest = data.take(np.flatnonzero(fold != fold.min()))
    names = np.unique(rest.documents)
    order = np.random.default_rng(seed).permutation(names)
    curve: dict[str, Any] = {"sentences": [], "classes": {c: [] for c in codebook.classes}}
    for share in shares:
        kept = set(order[: max(1, round(share * len(order)))].tolist())
        part = rest.take([i for i, d in enumerate(rest.documents) if d in kept])
        known = part.gold.any(0)
        p = np.zeros_like(test.gold)
        if known.any():
            p[:, known] = predict_linear(fit_linear(part.texts, part.gold[:, known]), test.texts)
        curve["sentences"].append(len(part.rows))
        for k, c in enumerate(codebook.classes):
            curve["classes"][c].append(average_precision(test.gold[:, k], p[:, k]))
    first, last = (np.array([v[j] or 0.0 for v in curve["classes"].values()]) for j in (-2, -1))
    gain = dict(zip(codebook.classes, (last - first).round(4).tolist(), strict=True))
    curve["gain_of_the_last_step"] = dict(sorted(gain.items(), key=lambda item: -item[1]))
    return curve
