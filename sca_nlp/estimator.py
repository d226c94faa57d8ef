"""A scikit-learn classifier for passages: `SecurityIndicators`, for codings of one's own.

It learns from texts and their codes, alone (TF-IDF and logistic regression) or on top of a shipped model, whose scores
then are features among others: some hundred codings of one's own bend it to another codebook or another corpus.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted


class SecurityIndicators(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Codes texts on several indicators at once (multilabel), with scikit-learn's `fit`, `predict`, `predict_proba`.

    Args:
        model: a shipped model's name or a model folder, whose log odds join the features; None: TF-IDF alone.
        classes: names of the columns of `y`; None: those of the shipped codebook if `y` is as wide, else 0, 1, 2, ...
        ngrams: longest n-gram of words.
        min_df: passages that must hold an n-gram.
        C: inverse strength of the penalty.
        class_weight: `balanced` to weigh rare classes up, or None.
        threshold: probability from which on a class is predicted.
        max_iter: steps of the solver.

    Attributes:
        classes_: names of the columns [n_classes].
        vectorizer_: the fitted TF-IDF.
        heads_: one logistic regression a class; a number (its share) where a class was always or never there.

    `X` is a sequence of texts [n]. `y` is an indicator matrix [n, n_classes] of 0 and 1, or a list of codes for each
    text, as in `[["TP+", "NA-"], []]`; cross-validation and grid search want the matrix: see `matrix`.

    >>> texts = ["They attack us.", "We are friends.", "They attack again.", "Dear friends."]
    >>> y = SecurityIndicators.matrix([["TP+"], ["SS+"], ["TP+"], ["SS+"]], ["TP+", "SS+"])
    >>> coder = SecurityIndicators(classes=["TP+", "SS+"], C=100.0).fit(texts, y)
    >>> coder.codes(["Their attack.", "Our friends."])
    [('TP+',), ('SS+',)]
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        classes: Sequence[str] | None = None,
        ngrams: int = 2,
        min_df: int = 1,
        C: float = 4.0,
        class_weight: str | None = None,
        threshold: float = 0.5,
        max_iter: int = 1000,
    ) -> None:
        self.model = model
        self.classes = classes
        self.ngrams = ngrams
        self.min_df = min_df
        self.C = C
        self.class_weight = class_weight
        self.threshold = threshold
        self.max_iter = max_iter

    @staticmethod
    def matrix(codes: Iterable[Iterable[str]], classes: Sequence[str] | None = None) -> NDArray[np.int8]:
        """Return lists of codes as an indicator matrix [n, n_classes] of 0 and 1; columns as in the shipped codebook.

        Raises:
            ValueError: a code is none of the classes.
        """
        names = list(_codebook_classes() if classes is None else classes)
        rows = [set(c) for c in codes]
        unknown = sorted(set().union(*rows) - set(names)) if rows else []
        if unknown:
            raise ValueError(f"code {unknown[0]!r} is none of {', '.join(names)}")
        return np.array([[n in row for n in names] for row in rows], np.int8).reshape(len(rows), len(names))

    def fit(self, X: Any, y: Any) -> SecurityIndicators:
        """Learn from texts and their codes; return the estimator.

        Raises:
            ValueError: X are no texts, y is no indicator matrix, or their lengths differ.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        texts = _texts(X)
        target = self._target(y)
        if len(texts) != len(target):
            raise ValueError(f"Found input variables with inconsistent numbers of samples: {[len(texts), len(target)]}")
        if not texts:
            raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
        self.classes_ = np.array(self._names(target.shape[1]))
        self.vectorizer_ = TfidfVectorizer(
            ngram_range=(1, self.ngrams),
            min_df=self.min_df,
            sublinear_tf=True,
            token_pattern=r"(?u)\b\w+\b|[?!]",  # noqa: S106 - a regular expression, not a secret
        ).fit(texts)
        x = self._features(texts)
        self.heads_: list[Any] = []
        for column in target.T:
            share = float(column.mean())
            if share in (0.0, 1.0):  # a fold may lack a class; it then has nothing to learn
                self.heads_.append(share)
                continue
            head = LogisticRegression(C=self.C, class_weight=self.class_weight, max_iter=self.max_iter)
            self.heads_.append(head.fit(x, column))
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return probabilities [n, n_classes] in [0, 1], one a class; rows do not sum to one."""
        check_is_fitted(self, "heads_")
        texts = _texts(X)
        if not texts:
            return np.zeros((0, len(self.classes_)))
        x = self._features(texts)
        columns = [np.full(len(texts), h) if isinstance(h, float) else h.predict_proba(x)[:, 1] for h in self.heads_]
        return np.column_stack(columns)

    def predict(self, X: Any) -> NDArray[np.int8]:
        """Return an indicator matrix [n, n_classes] of 0 and 1, columns as `classes_`.

        Of two values of one indicator (`TP+`, `TP-`) the likelier one is kept.
        """
        p = self.predict_proba(X)
        out = (p >= self.threshold).astype(np.int8)
        for plus, minus in self._rivals():
            both = (out[:, plus] == 1) & (out[:, minus] == 1)
            out[both, minus] = p[both, minus] > p[both, plus]
            out[both, plus] = 1 - out[both, minus]
        return out

    def codes(self, X: Any) -> list[tuple[str, ...]]:
        """Return the predicted codes of each text, by name."""
        return [tuple(str(c) for c in self.classes_[row.astype(bool)]) for row in self.predict(X)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the macro F1 over the classes that occur in y (the share of rows wholly right says little here)."""
        from sklearn.metrics import f1_score

        target = self._target(y)
        there = np.flatnonzero(target.any(axis=0))
        if not len(there):
            return 0.0
        f1 = f1_score(
            target, self.predict(X), labels=there, average="macro", zero_division=0, sample_weight=sample_weight
        )
        return float(f1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        tags.classifier_tags.multi_label = True
        return tags

    def _features(self, texts: list[str]) -> Any:
        import scipy.sparse as sp

        x = self.vectorizer_.transform(texts)
        if self.model is None:
            return x
        from sca_nlp.classify.folder import load_model

        # The model itself is no attribute: an estimator is copied and pickled, and a runtime cannot be.
        p = np.clip(_cached(load_model, self.model).predict(texts).probabilities.astype(np.float64), 1e-4, 1 - 1e-4)
        odds = sp.csr_matrix(np.log(p / (1 - p)) / 4)  # about as large as the TF-IDF values, so that one penalty fits
        return sp.hstack([x, odds], format="csr")

    def _target(self, y: Any) -> NDArray[np.int8]:
        if not hasattr(y, "shape") and len(y) and all(_is_codes(row) for row in y):
            return self.matrix(y, self.classes)
        target = np.asarray(y)
        if target.ndim != 2 or not np.isin(target, (0, 1)).all():
            raise ValueError("y is neither an indicator matrix [n, n_classes] of 0 and 1 nor a list of codes per text")
        out: NDArray[np.int8] = target.astype(np.int8)
        return out

    def _names(self, n: int) -> list[str]:
        if self.classes is not None:
            if len(self.classes) != n:
                raise ValueError(f"y has {n} columns, classes names {len(self.classes)}")
            return [str(c) for c in self.classes]
        shipped = _codebook_classes()
        return list(shipped) if len(shipped) == n else [str(k) for k in range(n)]

    def _rivals(self) -> list[tuple[int, int]]:
        at = {str(c): k for k, c in enumerate(self.classes_)}
        return [(k, at[c[:-1] + "-"]) for c, k in at.items() if c.endswith("+") and c[:-1] + "-" in at]


_loaded: dict[str, Any] = {}


def _cached(load: Any, name: str) -> Any:
    if name not in _loaded:
        _loaded[name] = load(name)
    return _loaded[name]


def _codebook_classes() -> tuple[str, ...]:
    from sca_nlp.codebook import default_codebook

    return default_codebook().classes


def _is_codes(row: Any) -> bool:
    return isinstance(row, (list, tuple, set, frozenset)) and all(isinstance(c, str) for c in row)


def _texts(X: Any) -> list[str]:
    """Return texts as a list.

    Raises:
        ValueError: one text alone, a table, or values that are no texts.
    """
    if isinstance(X, str):
        raise ValueError("X is one text; wanted a sequence of texts")
    if getattr(X, "ndim", 1) != 1:
        raise ValueError(f"X has shape {X.shape}; wanted texts [n]: give one column")
    texts = list(X)
    bad = next((k for k, t in enumerate(texts) if not isinstance(t, str)), None)
    if bad is not None:
        raise ValueError(f"X[{bad}] is {type(texts[bad]).__name__}; wanted a text")
    return texts
