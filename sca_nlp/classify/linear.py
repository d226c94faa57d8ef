"""Hashed word n-grams and logistic regression: small, quick, and what a transformer has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import Array, Scores
from sca_nlp.classify.folder import ModelFolder
from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError


def vectorizer(n_features: int, ngrams: int) -> Any:
    """Return the stateless map from texts to hashed counts (words of any length; case is folded)."""
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        n_features=n_features,
        ngram_range=(1, ngrams),
        token_pattern=r"(?u)\b\w+\b|[?!]",  # noqa: S106 - a regular expression, not a secret
        alternate_sign=False,
        norm=None,
    )


def features(counts: Any, idf: NDArray[np.float32]) -> Any:
    """Return TF-IDF rows of unit length from hashed counts (sublinear in the count)."""
    from sklearn.preprocessing import normalize

    x = counts.astype(np.float32).tocsr()
    x.data = (1 + np.log(x.data)) * idf[x.indices]
    return normalize(x, copy=False)


_MOST_NGRAMS = 8


class Ngrams:
    """Hashed n-grams -> probabilities; the whole of a linear model, and the lexical side of a transformer."""

    def __init__(
        self, arrays: Mapping[str, NDArray[Any]], n_classes: int, ngrams: int, where: object, prefix: str = ""
    ) -> None:
        try:
            self._weights = arrays[prefix + "weights"].astype(np.float32)  # [n_features, n_classes]
            self._bias = arrays[prefix + "bias"].astype(np.float32)
            self._idf = arrays[prefix + "idf"].astype(np.float32)
        except KeyError as e:
            raise InputError(where, f"no array {e}", "weights, bias and idf") from None
        if self._weights.shape != (len(self._idf), n_classes) or self._bias.shape != (n_classes,):
            raise InputError(where, f"weights of shape {self._weights.shape}", f"({len(self._idf)}, {n_classes})")
        self._vectorizer = vectorizer(len(self._idf), ngrams)

    def __call__(self, texts: Sequence[str]) -> Array:
        """Return probabilities before calibration [n, n_classes]."""
        if not len(texts):
            return np.zeros((0, len(self._bias)), np.float32)
        x = features(self._vectorizer.transform(texts), self._idf)
        z = x @ self._weights + self._bias
        out: Array = (1 / (1 + np.exp(-np.clip(z, -30, 30)))).astype(np.float32)
        return out


def log_odds(p: Array) -> NDArray[np.float64]:
    """Return log(p / (1 - p)), within +-13.8."""
    q = np.clip(p.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(q / (1 - q)))


def blend(network: Array, lexical: Array, share: float) -> Array:
    """Return the mean of two probabilities in log odds, the lexical one with weight `share`."""
    z = (1 - share) * log_odds(network) + share * log_odds(lexical)
    out: Array = (1 / (1 + np.exp(-z))).astype(np.float32)
    return out


class Linear:
    """A linear classifier from a model folder."""

    def __init__(self, folder: ModelFolder) -> None:
        self._folder = folder
        n = len(folder.codebook.classes)
        ngrams = folder.meta.get("ngrams")
        if not isinstance(ngrams, int) or not 1 <= ngrams <= _MOST_NGRAMS:
            raise InputError(folder.path / "model.json", f"ngrams {ngrams!r}", f"1 to {_MOST_NGRAMS}")
        self.raw = Ngrams(folder.arrays(), n, ngrams, folder.path)
        self.codebook: Codebook = folder.codebook
        self.model_id: str = folder.model_id
        self.digest: str = folder.digest
        self.profile = "exact"

    def predict(self, texts: Sequence[str], prev: Sequence[str] = (), next: Sequence[str] = ()) -> Scores:
        """Score passages; neighbours are not used."""
        p = self._folder.decision.calibrate(self.raw(texts))
        return Scores(p, np.ones(len(texts), np.int32))

    def decide(self, probabilities: Array) -> list[tuple[str, ...]]:
        """Return the codes of each row."""
        return self._folder.decision.decide(probabilities)


def load(folder: ModelFolder, *, profile: str = "balanced", threads: int = 0) -> Linear:
    """Return the classifier of a folder; it has one profile and one thread."""
    return Linear(folder)
