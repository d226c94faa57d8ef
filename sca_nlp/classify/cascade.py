"""What settles a sentence before the encoder reads it (profile `fast`): the n-gram model, where it is sure enough."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import Array
from sca_nlp.errors import InputError


def log_odds(p: Array) -> NDArray[np.float64]:
    """Return log(p / (1 - p)), within +-13.8."""
    q = np.clip(p.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(q / (1 - q)))


def line(x: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sigmoid(a + b x), column by column.

    Args:
        x: [n, n_classes].
        coefficients: a and b of each class [n_classes, 2].
    """
    return np.asarray(1 / (1 + np.exp(-np.clip(coefficients[:, 0] + coefficients[:, 1] * x, -30, 30))))


class FirstReader:
    """The n-gram model as the first reader of a cascade.

    With x the n-grams' log odds of a class, sigmoid(a + b x) is the probability that the whole model will give
    (`carry`), and q = sigmoid(c + d x) the chance that it will decide for the class (`decides`). What the first reader
    decides is wrong with the chance e = q where it sees nothing and 1 - q where it sees the class. The *doubt* about a
    sentence is the sum over classes of e / N, N being how many of the held-out sentences have the class: an error in a
    rare class costs the macro-F1 more. Sentences whose doubt is at most `most` go no further.

    Args:
        section: `carry` and `decides` [n_classes, 2], `counts` [n_classes] and `most`, as `model.json` has them.
        thresholds: of the whole model [n_classes].
        where: the file, for messages.

    Raises:
        InputError: numbers missing, of another shape, or not finite.
    """

    def __init__(self, section: Any, thresholds: Array, where: object) -> None:
        n = len(thresholds)
        try:
            if not isinstance(section, Mapping):
                raise TypeError
            self._carry, self._decides = (np.array(section[k], np.float64).reshape(n, 2) for k in ("carry", "decides"))
            self._counts = np.array(section["counts"], np.float64).reshape(n)
            self._most = float(section["most"])
            numbers: Sequence[float] = [*self._carry.flat, *self._decides.flat, self._most]
            if not all(map(math.isfinite, numbers)) or not (self._counts >= 1).all():
                raise ValueError
        except (TypeError, KeyError, ValueError):
            wanted = f"carry and decides of {n} x 2 numbers, counts of {n} from 1, and most"
            raise InputError(where, f"cascade {section!r}"[:200], wanted) from None
        self._thresholds = thresholds.astype(np.float64)

    def __call__(self, ngrams: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Return calibrated probabilities [n, n_classes], and which rows need no second reading [n].

        Args:
            ngrams: the n-gram model's probabilities [n, n_classes].
        """
        p, doubt = self.read(ngrams)
        return p, doubt <= self._most

    def read(self, ngrams: Array) -> tuple[Array, NDArray[np.float64]]:
        """Return calibrated probabilities [n, n_classes] and the doubt about each row [n]."""
        x = log_odds(ngrams)
        p, chance = line(x, self._carry), line(x, self._decides)
        wrong = np.where(p >= self._thresholds, 1 - chance, chance)
        return p.astype(np.float32), np.asarray((wrong / self._counts).sum(1))
