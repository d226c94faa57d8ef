"""Coded sentences with targets, and the weights of the target scorer that fit them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import minimize

from sca_nlp.attribute import CLASSES, N_FEATURES, N_WORDS, Candidates, Featurizer, score
from sca_nlp.errors import InputError

#: Ridge penalties of word and feature weights (best of 1, 3, 5, 15, 40 by cross-validation), iterations, folds.
L2_WORDS, L2_FEATURES, ITERATIONS, FOLDS = 3.0, 15.0, 80, 5


@dataclass(frozen=True)
class Example:
    """One coded sentence: its candidates, the coder's targets, its document and its speaker's country."""

    candidates: Candidates
    gold: frozenset[str]
    document: str
    source: str


def read_examples(path: Path, featurizer: Featurizer) -> list[Example]:
    """Read the coded sentences of an annotation file.

    Fields of its JSON lines: text, prev, next, codes, targets, country, date, doc_id.

    Raises:
        InputError: the file is missing, or a line lacks a field.
    """
    if not path.is_file():
        raise InputError(path, "no such file", "coded sentences in JSONL")
    examples = []
    for n, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            r = json.loads(line)
            if not (r["codes"] and r["targets"]):
                continue
            found = featurizer(r["text"], r["prev"], r["next"], r["codes"], r["country"], r["date"])
            examples.append(Example(found, frozenset(r["targets"]), r["doc_id"], r["country"]))
        except (ValueError, KeyError, TypeError) as e:
            raise InputError(
                f"{path}:{n}", f"{type(e).__name__}: {e}", "text, prev, next, codes, targets, country"
            ) from None
    return examples


def fit(
    examples: Sequence[Example],
    l2_words: float = L2_WORDS,
    l2_features: float = L2_FEATURES,
    iterations: int = 0,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return word weights (N_WORDS, classes) and feature weights (N_FEATURES,) that fit the examples.

    `iterations` 0 stands for `ITERATIONS`. Examples none of whose targets is a candidate are left out: nothing can be
    learned from them.
    """
    usable = [e for e in examples if e.gold & set(e.candidates.codes)]
    if not usable:
        raise InputError("examples", "no sentence whose target is a candidate", "coded sentences with targets")
    batch = [e.candidates for e in usable]
    words, features = _matrices(batch)
    # Weights that no example uses stay zero: leave them out of the search.
    used_words, used_features = np.unique(words.indices), np.unique(features.indices)
    words, features = words[:, used_words], features[:, used_features]
    passage = np.repeat(np.arange(len(batch)), [len(b.codes) for b in batch])
    column = np.array([c for b in batch for c in b.columns])
    gold = np.array([c in e.gold for e in usable for c in e.candidates.codes], dtype=np.float64)
    first = np.concatenate([[0], np.flatnonzero(np.diff(passage)) + 1])
    words_t, features_t = words.T.tocsr(), features.T.tocsr()
    split = len(used_words) * len(CLASSES)

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w, v = theta[:split].reshape(-1, len(CLASSES)), theta[split:]
        z = features @ v + (words @ w)[passage, column]
        e = np.exp(z - np.maximum.reduceat(z, first)[passage])
        total = np.add.reduceat(e, first)
        right = np.maximum(np.add.reduceat(e * gold, first), 1e-300)
        value = -np.log(right / total).sum() + 0.5 * l2_words * (w * w).sum() + 0.5 * l2_features * (v @ v)
        slope = e / total[passage] - e * gold / right[passage]
        by_class = np.zeros((len(batch), len(CLASSES)))
        np.add.at(by_class, (passage, column), slope)
        gradient = np.concatenate([(words_t @ by_class + l2_words * w).ravel(), features_t @ slope + l2_features * v])
        return float(value), gradient

    start = np.zeros(split + len(used_features))
    options = {"maxiter": iterations or ITERATIONS, "maxcor": 8}
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    all_words = np.zeros((N_WORDS, len(CLASSES)), dtype=np.float32)
    all_features = np.zeros(N_FEATURES, dtype=np.float32)
    all_words[used_words] = best[:split].reshape(-1, len(CLASSES))
    all_features[used_features] = best[split:]
    return all_words, all_features


def _matrices(batch: Sequence[Candidates]) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    n_words = np.array([len(b.words) for b in batch])
    words = sp.csr_matrix(
        (
            np.repeat(1 / np.sqrt(np.maximum(1, n_words)), n_words),
            [w for b in batch for w in b.words],
            np.concatenate([[0], np.cumsum(n_words)]),
        ),
        shape=(len(batch), N_WORDS),
    )
    rows = [f for b in batch for f in b.features]
    ends = np.concatenate([[0], np.cumsum([len(f) for f in rows])])
    flat = [i for f in rows for i in f]
    return words, sp.csr_matrix((np.ones(len(flat)), flat, ends), shape=(len(rows), N_FEATURES))


def cross_validate(examples: Sequence[Example]) -> list[NDArray[np.float64]]:
    """Return each example's probabilities from a model that saw none of its document."""
    fold = np.array([crc32(e.document.encode()) % FOLDS for e in examples])
    out: list[NDArray[np.float64]] = [np.zeros(0)] * len(examples)
    for k in range(FOLDS):
        words, weights = fit([e for e, f in zip(examples, fold, strict=True) if f != k])
        held = np.flatnonzero(fold == k).tolist()
        for i, p in zip(held, score([examples[i].candidates for i in held], words, weights), strict=True):
            out[i] = p
    return out
