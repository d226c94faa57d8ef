"""How the classifier errs: sensitivity and false alarms from audited units, and whether they drift between groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sca_nlp.errors import InputError
from sca_nlp.prevalence.intervals import Array, cluster_codes, cluster_sums, effective_n


@dataclass(frozen=True)
class ErrorRates:
    """Sensitivity and false-alarm rate of each class, with the (effective) numbers of gold units they rest on."""

    classes: tuple[str, ...]
    tpr: Array
    fpr: Array
    n_positive: Array
    n_negative: Array

    def draw(self, draws: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return draws of (tpr, fpr), each of shape (draws, classes), from their Jeffreys posteriors."""
        shape = (draws, len(self.classes))
        t = rng.beta(self.tpr * self.n_positive + 0.5, (1 - self.tpr) * self.n_positive + 0.5, shape)
        f = rng.beta(self.fpr * self.n_negative + 0.5, (1 - self.fpr) * self.n_negative + 0.5, shape)
        return t, f

    def backed_by(self, other: ErrorRates | None, least: float) -> ErrorRates:
        """Return these rates, and `other`'s where these rest on fewer than `least` units and on fewer than `other`'s.

        Raises:
            InputError: the classes differ.
        """
        if other is None:
            return self
        if other.classes != self.classes:
            raise InputError("error rates", f"classes {other.classes}", f"{self.classes}, in this order")
        seen = (self.n_positive >= least) | (self.n_positive >= other.n_positive)
        free = (self.n_negative >= least) | (self.n_negative >= other.n_negative)
        return ErrorRates(
            self.classes,
            np.where(seen, self.tpr, other.tpr),
            np.where(free, self.fpr, other.fpr),
            np.where(seen, self.n_positive, other.n_positive),
            np.where(free, self.n_negative, other.n_negative),
        )


def error_rates(
    gold: ArrayLike,
    predicted: ArrayLike,
    classes: Sequence[str],
    *,
    weights: ArrayLike | None = None,
    clusters: Sequence[Any] | NDArray[Any] | None = None,
) -> ErrorRates:
    """Return sensitivity and false-alarm rate of each class, pooled over audited units: 0/1 arrays (n, classes).

    Weights are inverse inclusion probabilities; with clusters the numbers of units are the effective ones.
    """
    y, c = np.asarray(gold, float).reshape(-1, len(classes)), np.asarray(predicted, float).reshape(-1, len(classes))
    w = np.ones(len(y)) if weights is None else np.asarray(weights, float)
    cl, m = cluster_codes(clusters, len(y))
    out = np.full((4, len(classes)), np.nan)
    for k in range(len(classes)):
        for row, mask in ((0, y[:, k] > 0.5), (1, y[:, k] <= 0.5)):
            total = w[mask].sum()
            if total == 0:
                out[row, k], out[row + 2, k] = 0.5, 0.0  # nothing known of this rate
                continue
            r = (w * c[:, k])[mask].sum() / total
            sums = cluster_sums(np.where(mask, w * (c[:, k] - r), 0.0) / total, cl, m)
            used = len(np.unique(cl[mask]))
            kish = total**2 / (w[mask] ** 2).sum()
            var = used / max(used - 1, 1) * (sums**2).sum()
            out[row, k], out[row + 2, k] = r, min(float(effective_n(r, var, kish, used)), kish)
    return ErrorRates(tuple(classes), out[0], out[1], out[2], out[3])


def drift(
    gold: ArrayLike,
    predicted: ArrayLike,
    groups: Sequence[Any] | NDArray[Any],
    *,
    clusters: Sequence[Any] | NDArray[Any] | None = None,
    permutations: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Return whether one class's error rates differ between groups (periods, sources, languages).

    Null: speeches carry their errors independently of the group; groups are permuted over whole speeches. The result
    has `groups` (for each: tpr, fpr, n_positive, n_negative) and `p_tpr`, `p_fpr` (NaN where one group alone has
    cases).
    """
    y, c = np.asarray(gold, float) > 0.5, np.asarray(predicted, float)
    cl, m = cluster_codes(clusters, len(y))
    names, g = np.unique(np.asarray(groups), return_inverse=True)
    of = np.zeros(m, dtype=np.int64)
    of[cl] = g  # a speech belongs to one group
    rng = np.random.default_rng(seed)
    orders = np.stack([of] + [rng.permutation(of) for _ in range(permutations)])
    out: dict[str, Any] = {"groups": {str(k): {} for k in names}}
    for key, mask in (("tpr", y), ("fpr", ~y)):
        hit, count = cluster_sums(np.where(mask, c, 0.0), cl, m), cluster_sums(mask.astype(float), cl, m)
        k = np.stack([(orders == i) @ hit for i in range(len(names))])
        n = np.stack([(orders == i) @ count for i in range(len(names))])
        overall = hit.sum() / max(count.sum(), 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            stat = np.where(n > 0, n * (k / n - overall) ** 2, 0.0).sum(0)
        for i, name in enumerate(names):
            entry = out["groups"][str(name)]
            entry[key] = float(k[i, 0] / n[i, 0]) if n[i, 0] else float("nan")
            entry["n_positive" if key == "tpr" else "n_negative"] = int(n[i, 0])
        testable = (n[:, 0] > 0).sum() > 1
        out["p_" + key] = (
            float((1 + (stat[1:] >= stat[0] - 1e-12).sum()) / (permutations + 1)) if testable else float("nan")
        )
    return out
