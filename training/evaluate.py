"""How good a model is: per class with document-clustered intervals, by slices, and against another model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import Classifier
from sca_nlp.classify.folder import load_model
from sca_nlp.errors import InputError
from sca_nlp.read.annotations import read_annotations
from sca_nlp.records import Annotation, Reject
from training.calibrate import as_matrix, calibration_error, f1_per_class
from training.dataset import Dataset, make_dataset

Array = NDArray[np.float32]


def evaluate(
    model: str | Classifier | None,
    annotations: Path | str,
    *,
    format: str = "",
    profile: str = "balanced",
    n_draws: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Score a model on an annotated set and return a report (plain dicts and numbers, fit for JSON).

    Args:
        model: shipped name, folder, None for the default, or a loaded classifier.
        annotations: file of annotations; its codes are taken as right.
        format: of the file; empty: told by itself.
        profile: see `load_model`.
        n_draws: bootstrap draws of whole documents.
        seed: of the draws.

    Returns:
        `macro_f1` with its 95 % `interval`, `classes` (n, precision, recall, F1, interval, average precision,
        calibration error), `slices` (macro-F1 by decade, corpus, country, length), `random_part` (weighted, where
        rows carry weights), `confusion` of each indicator's values, `errors` (the surest ones, by id).

    Raises:
        InputError: nothing to score, or codes that are not the model's.
    """
    classifier = load_model(model, profile=profile) if not isinstance(model, Classifier) else model
    data = read_dataset(annotations, classifier, format)
    p, codes = score(classifier, data)
    rng = np.random.default_rng(seed)
    draws = cluster_draws(data.documents, n_draws, rng)
    names = classifier.codebook.classes
    f1 = f1_per_class(data.gold, codes)
    spread = np.array([f1_per_class(data.gold[d], codes[d]) for d in draws])
    low, high = np.nanpercentile(spread, [2.5, 97.5], axis=0)
    macro = np.nanmean(spread, axis=1)
    precision, recall = precision_recall(data.gold, codes)
    report: dict[str, Any] = {
        "model": classifier.model_id,
        "digest": classifier.digest,
        "profile": getattr(classifier, "profile", ""),
        "annotations": Path(annotations).name,
        "sentences": len(data.rows),
        "documents": len(set(data.documents)),
        "macro_f1": round(float(np.nanmean(f1)), 4),
        "interval": [round(float(v), 4) for v in np.percentile(macro, [2.5, 97.5])],
        "classes": {
            c: {
                "n": int(data.gold[:, k].sum()),
                "precision": round(float(precision[k]), 4),
                "recall": round(float(recall[k]), 4),
                "f1": round(float(f1[k]), 4),
                "f1_interval": [round(float(low[k]), 4), round(float(high[k]), 4)],
                "average_precision": average_precision(data.gold[:, k], p[:, k]),
                "calibration_error": round(calibration_error(p[:, k], data.gold[:, k]), 4),
            }
            for k, c in enumerate(names)
        },
        "slices": slices(data, codes),
        "confusion": confusion(data, codes, classifier),
        "errors": surest_errors(data, p, codes, names),
    }
    weights = np.array([r.weight or 0 for r in data.rows], np.float32)
    if weights.any():
        report["random_part"] = random_part(data, p, codes, weights, names)
    return report


def compare_models(
    first: str | Classifier, second: str | Classifier, annotations: Path | str, *, n_draws: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """Return the difference in macro-F1 (second minus first) with its paired, document-clustered bootstrap interval.

    `p` is two-sided: twice the smaller share of draws on one side of zero, (k + 1) / (n + 1).
    """
    a = load_model(first) if not isinstance(first, Classifier) else first
    b = load_model(second) if not isinstance(second, Classifier) else second
    if a.codebook.classes != b.codebook.classes:
        raise InputError(b.model_id, f"classes {b.codebook.classes}", f"those of {a.model_id}, {a.codebook.classes}")
    data = read_dataset(annotations, a)
    codes = [score(m, data)[1] for m in (a, b)]
    difference = [
        float(np.nanmean(f1_per_class(data.gold[d], codes[1][d])) - np.nanmean(f1_per_class(data.gold[d], codes[0][d])))
        for d in cluster_draws(data.documents, n_draws, np.random.default_rng(seed))
    ]
    each = [f1_per_class(data.gold, c) for c in codes]
    side = min(sum(v <= 0 for v in difference), sum(v >= 0 for v in difference))
    return {
        "models": [a.model_id, b.model_id],
        "macro_f1": [round(float(np.nanmean(e)), 4) for e in each],
        "difference": round(float(np.nanmean(each[1]) - np.nanmean(each[0])), 4),
        "interval": [round(float(v), 4) for v in np.percentile(difference, [2.5, 97.5])],
        "p": round(min(1.0, 2 * (side + 1) / (n_draws + 1)), 4),
        "classes": {c: [round(float(e[k]), 4) for e in each] for k, c in enumerate(a.codebook.classes)},
    }


def read_dataset(path: Path | str, classifier: Classifier, format: str = "") -> Dataset:
    """Read annotations for scoring; unusable records stop the evaluation, for a score on part of a set misleads."""
    bad: list[Reject] = []
    rows = list(read_annotations(path, format=format, codebook=classifier.codebook, rejects=bad.append))
    if bad:
        raise InputError(f"{bad[0].file}:{bad[0].line}", bad[0].reason, f"usable annotations ({len(bad)} are not)")
    return make_dataset(rows, classifier.codebook, path, fewest=0)


def score(classifier: Classifier, data: Dataset) -> tuple[Array, Array]:
    """Return (probabilities, codes as 0/1), both [n, n_classes]."""
    p = classifier.predict(data.texts, *data.neighbours).probabilities
    return p, as_matrix(classifier.decide(p), classifier.codebook)


def cluster_draws(documents: Sequence[str], n: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Return `n` bootstrap samples of row numbers, drawn by whole documents with replacement."""
    names, which = np.unique(np.asarray(documents), return_inverse=True)
    members = [np.flatnonzero(which == k) for k in range(len(names))]
    return [np.concatenate([members[k] for k in rng.integers(0, len(names), len(names))]) for _ in range(n)]


def precision_recall(gold: Array, codes: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """Return precision and recall of each class; NaN where nothing was coded, or there was nothing to find."""
    w = (np.ones(len(gold)) if weights is None else weights)[:, None]
    hits = (w * gold * codes).sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return hits / (w * codes).sum(0), hits / (w * gold).sum(0)


def average_precision(gold: Array, p: Array) -> float | None:
    """Return the average precision of one class, None without an example."""
    from sklearn.metrics import average_precision_score

    return round(float(average_precision_score(gold, p)), 4) if gold.any() else None


def slices(data: Dataset, codes: Array, fewest: int = 40) -> dict[str, dict[str, Any]]:
    """Return macro-F1 and micro-F1 of parts with at least `fewest` sentences; classes without a case do not count."""
    keys: Mapping[str, Callable[[Annotation], str]] = {
        "decade": lambda r: f"{r.date[:3]}0s" if r.date[:4].isdigit() else "?",
        "corpus": lambda r: r.corpus or "?",
        "country": lambda r: r.source or "?",
        "words": lambda r: _length(len(r.text.split())),
    }
    out: dict[str, dict[str, Any]] = {}
    for name, key in keys.items():
        values = np.array([key(r) for r in data.rows])
        part = {}
        for value in sorted(set(values.tolist())):
            inside = values == value
            if inside.sum() < fewest:
                continue
            gold, got = data.gold[inside], codes[inside]
            f1 = f1_per_class(gold, got)[gold.sum(0) > 0]
            micro = 2 * float((gold * got).sum()) / max(1.0, float(gold.sum() + got.sum()))
            part[value] = {
                "n": int(inside.sum()),
                "macro_f1": round(float(np.mean(f1)), 4) if len(f1) else None,
                "micro_f1": round(micro, 4),
            }
        out[name] = part
    return out


def _length(words: int) -> str:
    return next(label for top, label in ((15, "1-15"), (30, "16-30"), (50, "31-50"), (10**9, "51+")) if words <= top)


def random_part(data: Dataset, p: Array, codes: Array, weights: Array, names: Sequence[str]) -> dict[str, Any]:
    """Return precision, recall, prevalence and calibration as met in the population that the weights stand for."""
    inside = weights > 0
    gold, got, w = data.gold[inside], codes[inside], weights[inside]
    precision, recall = precision_recall(gold, got, w)
    f1 = f1_per_class(gold, got, w)
    return {
        "n": int(inside.sum()),
        "macro_f1": round(float(np.nanmean(f1)), 4),
        "classes": {
            c: {
                "n": int(gold[:, k].sum()),
                "share": round(float(np.average(gold[:, k], weights=w)), 4),
                "share_coded": round(float(np.average(got[:, k], weights=w)), 4),
                "precision": round(float(precision[k]), 4),
                "recall": round(float(recall[k]), 4),
                "calibration_error": round(calibration_error(p[inside][:, k], gold[:, k], w), 4),
            }
            for k, c in enumerate(names)
        },
    }


def confusion(data: Dataset, codes: Array, classifier: Classifier) -> dict[str, dict[str, dict[str, int]]]:
    """Return for each indicator the counts gold value -> coded value."""
    out: dict[str, dict[str, dict[str, int]]] = {}
    for indicator, columns in zip(classifier.codebook.indicators, classifier.codebook.groups(), strict=True):
        values = [*indicator.values, "absent"]

        def which(matrix: Array, columns: list[int] = columns) -> NDArray[np.int64]:
            part = matrix[:, columns]
            return np.where(part.any(1), part.argmax(1), len(columns))

        gold, got = which(data.gold), which(codes)
        out[indicator.id] = {
            a: {b: int(((gold == i) & (got == j)).sum()) for j, b in enumerate(values)} for i, a in enumerate(values)
        }
    return out


def surest_errors(data: Dataset, p: Array, codes: Array, names: Sequence[str], n: int = 20) -> list[dict[str, Any]]:
    """Return the errors that the model was surest of: first to read, and likely label errors among them."""
    wrong = np.argwhere(codes != data.gold)
    by_surprise = sorted(wrong.tolist(), key=lambda at: -abs(float(p[at[0], at[1]]) - float(data.gold[at[0], at[1]])))
    return [
        {
            "id": data.rows[i].annotation_id,
            "class": names[k],
            "probability": round(float(p[i, k]), 3),
            "gold": bool(data.gold[i, k]),
        }
        for i, k in by_surprise[:n]
    ]


def minimal_pairs(classifier: Classifier, path: Path | str) -> dict[str, dict[str, float]]:
    """Return for each phenomenon the share of sentences, and of whole pairs, coded rightly on their indicator."""
    pairs = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line]
    texts = [t for p in pairs for t in p["texts"]]
    codes = classifier.decide(classifier.predict(texts).probabilities)
    out: dict[str, list[tuple[bool, bool]]] = {}
    for n, pair in enumerate(pairs):
        identity = classifier.codebook.indicator(pair["indicator"]).id
        right = []
        for side in (0, 1):
            got = [v for i, v in map(classifier.codebook.meaning.__getitem__, codes[2 * n + side]) if i == identity]
            right.append((got or ["absent"])[0] == pair["values"][side])
        out.setdefault(pair["phenomenon"], []).append((right[0], right[1]))
    return {
        phenomenon: {
            "pairs": len(rights),
            "sentences_right": round(float(np.mean(rights)), 4),
            "pairs_right": round(float(np.mean([a and b for a, b in rights])), 4),
        }
        for phenomenon, rights in out.items()
    }
