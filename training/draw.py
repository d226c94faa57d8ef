"""Which sentences to annotate next: an informative queue, and a random audit whose inclusion probability is logged.

The queue goes where the model learns most (near thresholds, rare classes, unlike each other) and says nothing about
prevalence. The audit is a simple random sample without replacement: each row's inclusion probability is n / N, and
estimates from it are unbiased (design-based prevalence).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import Classifier
from sca_nlp.errors import InputError
from sca_nlp.records import Annotation

Array = NDArray[np.float32]


def draw(
    passages: Sequence[Annotation],
    probabilities: Array,
    thresholds: Array,
    *,
    n_informative: int,
    n_audit: int,
    seed: int,
    strata: Sequence[str] | None = None,
) -> list[Annotation]:
    """Return passages to annotate, audit rows first, without codes.

    Args:
        passages: uncoded passages (codes are dropped), one row each.
        probabilities: the model's, [n, n_classes].
        thresholds: the model's, [n_classes].
        n_informative: length of the queue.
        n_audit: size of the random sample; with `strata`, shared out in proportion, at least 1 each.
        seed: another seed, another sample.
        strata: for a stratified audit, the stratum of each passage.

    Returns:
        Rows with `stream` = `audit` (and `inclusion_probability`, and `weight` = its inverse) or `informative`.

    Raises:
        InputError: more rows asked for than there are, or arrays that do not fit.
    """
    n = len(passages)
    if probabilities.shape != (n, len(thresholds)):
        raise InputError("probabilities", f"shape {probabilities.shape}", f"({n}, {len(thresholds)})")
    if n_audit + n_informative > n or min(n_audit, n_informative) < 0:
        raise InputError("draw", f"{n_audit} + {n_informative} of {n} passages", "no more than there are")
    rng = np.random.default_rng(seed)
    audit: dict[int, float] = {}
    names = np.asarray(strata if strata is not None else [""] * n)
    for name, size in _shares(names, n_audit).items():
        members = np.flatnonzero(names == name)
        for i in rng.choice(members, size, replace=False):
            audit[int(i)] = size / len(members)
    queue = informative(probabilities, thresholds, [i for i in range(n) if i not in audit], n_informative, passages)
    blank = [replace(p, codes=(), targets=(), coder="", inclusion_probability=None, weight=None) for p in passages]
    return [
        *(replace(blank[i], stream="audit", inclusion_probability=pi, weight=1 / pi) for i, pi in audit.items()),
        *(replace(blank[i], stream="informative") for i in queue),
    ]


def informative(
    probabilities: Array, thresholds: Array, candidates: Sequence[int], n: int, passages: Sequence[Annotation]
) -> list[int]:
    """Return `n` candidates, most informative first: entropy about the threshold, classes in turn, rarest class first.

    Turns keep frequent classes from filling the queue; a passage whose words mostly stand there already is put off.
    """
    index = np.asarray(candidates, np.int64)
    p = np.clip(probabilities[index], 1e-6, 1 - 1e-6).astype(np.float64)
    t = np.clip(thresholds.astype(np.float64), 1e-3, 1 - 1e-3)
    odds = np.log(p / (1 - p)) - np.log(t / (1 - t))
    near = np.exp(-np.abs(odds))  # 1 at the threshold
    expected = p.sum(0)
    order = [list(np.argsort(-near[:, k], kind="stable")) for k in range(p.shape[1])]
    turn = list(np.argsort(expected, kind="stable"))
    spare: list[list[int]] = [[] for _ in order]  # near-repeats of what is taken: only when all else is used up
    taken: list[int] = []
    seen: set[int] = set()
    bags: list[set[str]] = []
    while len(taken) < min(n, len(index)):
        for k in turn:
            if len(taken) >= n:
                break
            while order[k] or spare[k]:
                fresh = bool(order[k])
                j = int((order[k] if fresh else spare[k]).pop(0))
                if j in seen:
                    continue
                words = set(passages[int(index[j])].text.lower().split())
                if fresh and any(_like(words, b) for b in bags[-200:]):
                    spare[k].append(j)
                    continue
                seen.add(j)
                bags.append(words)
                taken.append(int(index[j]))
                break
    return taken


def thresholds_of(classifier: Classifier) -> Array:
    """Return a classifier's thresholds by asking it, since the contract does not show them (bisection)."""
    n = len(classifier.codebook.classes)
    low, high = np.zeros(n, np.float32), np.ones(n, np.float32)
    for _ in range(12):
        middle = (low + high) / 2
        got = classifier.decide(np.diag(middle).astype(np.float32))
        over = np.array([c in row for c, row in zip(classifier.codebook.classes, got, strict=True)])
        high, low = np.where(over, middle, high), np.where(over, low, middle)
    out: Array = high.astype(np.float32)
    return out


def _like(a: set[str], b: set[str]) -> bool:
    return len(a & b) > 0.8 * max(1, min(len(a), len(b)))


def _shares(names: NDArray[np.str_], n: int) -> dict[str, int]:
    kinds, counts = np.unique(names, return_counts=True)
    if n == 0:
        return {}
    if n < len(kinds):
        raise InputError("n_audit", f"{n} for {len(kinds)} strata", "at least one each")
    exact = np.maximum(1, n * counts / counts.sum())
    size = np.minimum(np.floor(exact).astype(int), counts)
    while size.sum() > n:
        size[np.argmax(size)] -= 1
    order = np.argsort(-(exact - np.floor(exact)), kind="stable")
    while size.sum() < n:
        before = int(size.sum())
        for k in order:
            if size.sum() < n and size[k] < counts[k]:
                size[k] += 1
        if int(size.sum()) == before:
            break
    return {str(k): int(s) for k, s in zip(kinds, size, strict=True)}
