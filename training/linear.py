"""Fit the linear classifier: hashed word n-grams, TF-IDF, one logistic regression a class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.linear import features, vectorizer

Array = NDArray[np.float32]


def fit_linear(
    texts: Sequence[str], gold: Array, n_features: int = 0, ngrams: int = 2, strength: float = 4.0
) -> dict[str, Array]:
    """Return weights [n_features, n_classes], bias [n_classes] and idf [n_features].

    Args:
        texts: sentences.
        gold: 0 or 1 [n, n_classes].
        n_features: buckets of the hash; 0 for 2**18, or 2**13 where there are fewer than 2,000 sentences.
        ngrams: longest n-gram in words.
        strength: C of the logistic regression; larger fits closer.
    """
    from sklearn.linear_model import LogisticRegression

    n_features = n_features or (1 << 18 if len(texts) >= 2000 else 1 << 13)
    counts = vectorizer(n_features, ngrams).transform(texts)
    df = np.asarray((counts > 0).sum(0)).ravel()
    idf = (np.log((1 + len(texts)) / (1 + df)) + 1).astype(np.float32)
    idf[df < 2] = 0  # seen once: noise
    x = features(counts, idf)
    weights, bias = [], []
    for k in range(gold.shape[1]):
        share = gold[:, k].mean()
        # Between no weighting and full balance: rare classes keep a slope without drowning in false alarms.
        balance = {0: 1.0, 1: float(((1 - share) / max(share, 1e-6)) ** 0.5)}
        model = LogisticRegression(C=strength, class_weight=balance, solver="liblinear").fit(x, gold[:, k] > 0.5)
        weights.append(model.coef_[0])
        bias.append(model.intercept_[0])
    return {"weights": np.array(weights, np.float32).T, "bias": np.array(bias, np.float32), "idf": idf}


def predict_linear(arrays: dict[str, Array], texts: Sequence[str], ngrams: int = 2) -> Array:
    """Return raw probabilities [n, n_classes]."""
    x = features(vectorizer(len(arrays["idf"]), ngrams).transform(texts), arrays["idf"])
    z = x @ arrays["weights"] + arrays["bias"]
    out: Array = (1 / (1 + np.exp(-np.clip(z, -30, 30)))).astype(np.float32)
    return out
