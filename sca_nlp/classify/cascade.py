"""What settles a sentence before the whole encoder has read it (profile `fast`), each where it is sure enough: the
n-gram model; then, of a model that looks at neighbours, a small head on the layers that read each sentence alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import Array
from sca_nlp.classify.linear import log_odds
from sca_nlp.errors import InputError


def line(x: NDArray[np.float64], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sigmoid(a + b x), column by column.

    Args:
        x: [n, n_classes].
        coefficients: a and b of each class [n_classes, 2].
    """
    return np.asarray(1 / (1 + np.exp(-np.clip(coefficients[:, 0] + coefficients[:, 1] * x, -30, 30))))


#: Words of the sentences from which `learn_cascade` learns; no shorter or longer ones are settled or leave.
SHORTEST, LONGEST = 5, 90


def plain_sentence(text: str) -> bool:
    """Return whether a text is as long as the sentences are from which a cascade learns."""
    return SHORTEST <= len(text.split()) <= LONGEST


class Reader:
    """Says which sentences an early opinion settles.

    With x the opinion's log odds of a class, q = sigmoid(c + d x) is the chance that the whole model decides for the
    class (`decides`), and min(q, 1 - q) the chance that the nearer decision is not the whole model's. The *doubt* about
    a sentence is the sum of those over classes, each divided by how many of the sentences learned from have the class
    (`counts`): an error in a rare class costs the macro-F1 more. Sentences whose doubt is at most `most` go no further;
    sigmoid(a + b x) is then the probability that the whole model would give (`carry`, learned on such sentences).

    Args:
        section: `carry` and `decides` [n_classes, 2], `counts` [n_classes] and `most`, as `model.json` has them.
        n_classes: of the codebook.
        where: the file, for messages.

    Raises:
        InputError: numbers missing, of another shape, or not finite.
    """

    def __init__(self, section: Any, n_classes: int, where: object) -> None:
        try:
            if not isinstance(section, Mapping):
                raise TypeError
            self._carry, self._decides = (np.array(section[k], np.float64) for k in ("carry", "decides"))
            self._counts, self._most = np.array(section["counts"], np.float64), float(section["most"])
            shapes = [self._carry.shape, self._decides.shape, self._counts.shape]
            numbers = np.concatenate([self._carry.ravel(), self._decides.ravel(), self._counts, [self._most]])
            if shapes != [(n_classes, 2)] * 2 + [(n_classes,)] or not np.isfinite(numbers).all():
                raise ValueError
            if self._counts.min() < 1:
                raise ValueError
        except (TypeError, KeyError, ValueError, OverflowError):
            wanted = f"carry and decides of {n_classes} x 2 numbers, counts of {n_classes} from 1, and most"
            raise InputError(where, f"cascade {section!r}"[:200], wanted) from None

    def __call__(self, x: NDArray[np.float64]) -> tuple[Array, NDArray[np.bool_]]:
        """Return calibrated probabilities [n, n_classes], and which rows of log odds leave little enough doubt [n]."""
        return line(x, self._carry).astype(np.float32), self.doubt(x) <= self._most

    def doubt(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the doubt about each row of log odds [n, n_classes]."""
        q = line(x, self._decides)
        return np.asarray((np.minimum(q, 1 - q) / self._counts).sum(1))


class Cascade:
    """The early readers of a model.

    Sentences that n-grams settle are not looked at as neighbours of others either. Those that leave at the exit are:
    they have been read as far as neighbours are.

    Args:
        section: of `model.json`: `ngrams` and, of a model with an exit, `exit`; what `Reader` needs of each.
        arrays: the model's; with an exit, `exit.mix` [n_classes, n_classes] is what n-grams add to its log odds.
        n_classes: of the codebook.
        where: the file, for messages.

    Raises:
        InputError: numbers or arrays missing, or of another shape.
    """

    def __init__(self, section: Any, arrays: Mapping[str, NDArray[Any]], n_classes: int, where: object) -> None:
        parts = section if isinstance(section, Mapping) else {}
        self.ngrams = Reader(parts.get("ngrams"), n_classes, where)
        self.exit = Reader(parts["exit"], n_classes, where) if "exit" in parts else None
        self._mix = np.zeros((n_classes, n_classes), np.float32)
        if self.exit is not None:
            self._mix = np.asarray(arrays.get("exit.mix", self._mix[:0]), np.float32)
            if self._mix.shape != (n_classes, n_classes):
                got = f"exit.mix of {self._mix.shape}"
                raise InputError(where, f"cascade with {got}", f"one of {n_classes} x {n_classes}")

    def of_ngrams(self, texts: Sequence[str], ngrams: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Return calibrated probabilities [n, n_classes], and which passages are settled [n].

        Args:
            texts: the passages [n].
            ngrams: the n-gram model's probabilities of them [n, n_classes].
        """
        p, sure = self.ngrams(log_odds(ngrams))
        return p, sure & np.array([plain_sentence(t) for t in texts], bool)

    def of_exit(self, said: Array, ngrams: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Return calibrated probabilities [n, n_classes], and which windows leave here [n].

        Args:
            said: the exit's log odds [n, n_classes].
            ngrams: the n-gram model's probabilities of the same texts [n, n_classes].
        """
        if self.exit is None:
            return np.zeros(ngrams.shape, np.float32), np.zeros(len(ngrams), bool)
        return self.exit(said + log_odds(ngrams) @ self._mix)

    def worth_a_look(
        self,
        texts: Sequence[str],
        prev: Sequence[str],
        next: Sequence[str],
        settled: NDArray[np.bool_],
        ngrams: Callable[[Sequence[str]], Array],
    ) -> tuple[list[str], list[str]]:
        """Return the neighbours of passages, empty where n-grams would settle them.

        So the encoder reads none of those, and what it reads of a passage does not hang on which others come with it.

        Args:
            texts: the passages.
            prev: what stands before each.
            next: what stands after each.
            settled: which passages the n-grams settle.
            ngrams: the n-gram model, for neighbours that are no passages.
        """
        known = dict(zip(texts, settled.tolist(), strict=True))
        others = [t for t in dict.fromkeys([*prev, *next]) if t not in known]
        if others:
            known |= dict(zip(others, self.of_ngrams(others, ngrams(others))[1].tolist(), strict=True))
        before, after = (["" if known[t] else t for t in near] for near in (prev, next))
        return before, after
