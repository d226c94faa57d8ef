"""What every classifier offers, and the two steps that all share: calibration of probabilities, and codes from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scores:
    """Probabilities [n, n_classes] in [0, 1], calibrated class by class, and windows read per passage [n]."""

    probabilities: Array
    n_windows: NDArray[np.int32]


@runtime_checkable
class Classifier(Protocol):
    """A model that codes passages. Equal passages get equal scores, whatever stands beside them in the call."""

    @property
    def codebook(self) -> Codebook:
        """The codebook whose classes are the columns."""

    @property
    def model_id(self) -> str:
        """Name and version."""

    @property
    def digest(self) -> str:
        """sha256 over all that decides the scores; part of a run's id."""

    def predict(self, texts: Sequence[str], prev: Sequence[str] = (), next: Sequence[str] = ()) -> Scores:
        """Score passages; `prev` and `next` are their neighbours' texts, or empty where unknown."""

    def decide(self, probabilities: Array) -> list[tuple[str, ...]]:
        """Return the codes of each row of probabilities: at most one value of each indicator."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Calibration and thresholds of a model, learned on cross-validated predictions.

    `calibration` [n_classes, 3] holds a, b, c of beta calibration (Kull, Silva Filho and Flach 2017):
    p' = sigmoid(a ln p - b ln(1 - p) + c), with a, b >= 0 so that order is kept.
    """

    codebook: Codebook
    thresholds: Array  # [n_classes]
    calibration: Array  # [n_classes, 3]

    def calibrate(self, raw: Array) -> Array:
        """Return calibrated probabilities of the same shape."""
        p = np.clip(raw.astype(np.float64), 1e-6, 1 - 1e-6)
        a, b, c = self.calibration.astype(np.float64).T
        z = a * np.log(p) - b * np.log1p(-p) + c
        out: Array = (1 / (1 + np.exp(-np.clip(z, -30, 30)))).astype(np.float32)
        return out

    def decide(self, probabilities: Array) -> list[tuple[str, ...]]:
        """Return the codes over their thresholds; of two values of one indicator, the one further over its own."""
        p = np.asarray(probabilities, np.float32).reshape(-1, len(self.codebook.classes))
        over = p >= self.thresholds
        for group in self.codebook.groups():
            if len(group) < 2:
                continue
            margin = np.where(over[:, group], p[:, group] / np.maximum(self.thresholds[group], 1e-6), 0)
            keep = np.zeros_like(over[:, group])
            keep[np.arange(len(p)), margin.argmax(1)] = True
            over[:, group] &= keep
        classes = self.codebook.classes
        return [tuple(classes[k] for k in np.flatnonzero(row)) for row in over]


def decision_from(meta: Mapping[str, object], codebook: Codebook, where: object) -> Decision:
    """Read thresholds and calibration from a model's `model.json`.

    Raises:
        InputError: they are missing or not one a class.
    """
    n = len(codebook.classes)
    try:
        thresholds = np.asarray(meta["thresholds"], np.float32)
        calibration = np.asarray(meta.get("calibration", [[1, 1, 0]] * n), np.float32)
    except (KeyError, TypeError, ValueError):
        raise InputError(where, "no numeric thresholds", f"{n} thresholds, one a class") from None
    if thresholds.shape != (n,) or calibration.shape != (n, 3) or not (np.isfinite(calibration).all()):
        raise InputError(
            where, f"thresholds {thresholds.shape}, calibration {calibration.shape}", f"({n},) and ({n}, 3)"
        )
    return Decision(codebook, thresholds, calibration)


def membership(groups: Sequence[Sequence[int]]) -> Array:
    """Return a matrix [n_classes, n_classes] that is 1 where two classes are values of one indicator."""
    n = sum(len(g) for g in groups)
    member = np.zeros((n, n), np.float32)
    for g in groups:
        member[np.ix_(g, g)] = 1
    return member


def neighbours(texts: Sequence[str], given: Sequence[str]) -> Sequence[str]:
    """Return `given`, or as many empty texts where a caller has no neighbours.

    Raises:
        InputError: another number of neighbours than of texts.
    """
    if not len(given):
        return [""] * len(texts)
    if len(given) != len(texts):
        raise InputError("neighbours", f"{len(given)} for {len(texts)} passages", "one each, or none at all")
    return given
