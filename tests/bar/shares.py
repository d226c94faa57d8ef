"""Shares that are known: do the intervals of corrected prevalence and of the trust balance hold them?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sca_nlp import prevalence, simulate
from sca_nlp.aggregate import words
from sca_nlp.prevalence import ErrorRates
from tests.bar.found import Found
from tests.prevalence.audited import rates, speeches
from tests.test_aggregate import CLASSES, write

Rng = np.random.Generator
#: Of the classifier; sentences of a cell, those of a speech, and their likeness.
SENSITIVITY, SPECIFICITY, SENTENCES, SIZE, ICC = 0.8, 0.97, 300, 10, 0.02


def covers(name: str, low: float, high: float, truth: float) -> Found:
    return Found(name, "covered", bool(low <= truth <= high))


def prevalences(rng: Rng, share: float) -> Iterator[Found]:
    """One cell of 300 sentences in 30 speeches; 1,000 sentences coded for the error rates."""
    gold, predicted, cluster = speeches(rng, SENTENCES, share, SENSITIVITY, SPECIFICITY, SIZE, ICC)
    e = prevalence.raw(gold, clusters=cluster)
    yield covers("share of true codes", e.low, e.high, share)
    e = prevalence.raw(predicted, clusters=cluster)
    yield Found("share of predicted codes (raw)", "covered, known to be biased", bool(e.low <= share <= e.high))
    r = rates(rng, 1000, share, SENSITIVITY, SPECIFICITY)
    size = prevalence.effective_n(e.estimate, e.se**2, e.n, e.n_clusters)
    _, low, high = prevalence.adjusted(e.estimate, size, r.tpr, r.fpr, r.n_positive, r.n_negative)
    yield covers("adjusted", float(low[0]), float(high[0]), share)
    for name, pi in (
        ("design, even audit of 100", np.full(len(gold), 1 / 3)),
        ("design, uneven audit of about 100 (IPW)", np.where(predicted > 0, 0.9, 0.3)),
    ):
        audited = np.where(rng.random(len(gold)) < pi, gold, np.nan)
        e = prevalence.ppi(audited, predicted, inclusion=pi, clusters=cluster)
        yield covers(name, e.low, e.high, share)


def pooled(rng: Rng, share: float) -> Iterator[Found]:
    """Forty cells of 20 to 300 sentences whose truth varies around the share."""
    truth = rng.beta(20 * share, 20 * (1 - share), 40)
    n = rng.choice([20, 60, 300], 40)
    r = rates(rng, 1000, share, SENSITIVITY, SPECIFICITY)
    seen = rng.binomial(n, truth * SENSITIVITY + (1 - truth) * (1 - SPECIFICITY)) / n
    centre, size = prevalence.pool(seen, n)
    _, low, high = prevalence.adjusted(centre, size, r.tpr, r.fpr, r.n_positive, r.n_negative)
    yield from (covers("pooled, then adjusted", *limits) for limits in zip(low, high, truth, strict=True))


def drift(rng: Rng, share: float) -> Iterator[Found]:
    gold, predicted, cluster = speeches(rng, 600, share, SENSITIVITY, SPECIFICITY, SIZE, ICC)
    p = prevalence.drift(
        gold, predicted, cluster % 3, clusters=cluster, permutations=199, seed=int(rng.integers(2**31))
    )
    for rate in ("tpr", "fpr"):
        if not np.isnan(p[f"p_{rate}"]):
            yield Found(f"drift of error rates ({rate})", "rejected", p[f"p_{rate}"] <= 0.05)


def balances(rng: Rng, share: float) -> Iterator[Found]:
    """The trust balance as a run makes it: twelve cells in a file, error rates from 1,000 coded sentences."""
    cells, tone = 12, []
    for p in (share, share / 2):
        spread = (1 - ICC) / ICC
        tone.append(rng.beta(p * spread, (1 - p) * spread, cells * SENTENCES // 30).repeat(30))
    gold = rng.random((2, cells * SENTENCES)) < np.stack(tone)
    seen = rng.random(gold.shape) < np.where(gold, SENSITIVITY, 1 - SPECIFICITY)
    names = ("SS+", "TP+")
    rows = [
        {
            "speech": f"s{k // 30}",
            "date": str(1960 + k // SENTENCES),
            "source": "AAA",
            "codes": [c for c, s in zip(names, seen[:, k], strict=True) if s],
            "targets": ["XXX"],
        }
        for k in range(cells * SENTENCES)
    ]
    values = np.zeros((4, len(CLASSES)))
    for name, p in zip(names, (share, share / 2), strict=True):
        r, at = rates(rng, 1000, p, SENSITIVITY, SPECIFICITY), CLASSES.index(name)
        values[:, at] = r.tpr[0], r.fpr[0], r.n_positive[0], r.n_negative[0]
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.parquet", rows)
        frame = words(
            [path], dyads=[("AAA", "XXX")], error_rates=ErrorRates(CLASSES, *values), measures=("balance",), draws=0
        ).series
    frame = frame[(frame["indicator"] == "all") & (frame["method"] == "adjusted")]
    for low, high in zip(frame["low"], frame["high"], strict=True):
        yield covers("trust balance of a run", low, high, (share - share / 2) / 5)


def simulated(rng: Rng, share: float) -> Iterator[Found]:
    w = simulate.world(simulate.Design(prevalence=share), rng, draws=2)
    for low, high, truth in zip(w.low, w.high, w.truth, strict=True):
        yield covers("trust balance of `sca simulate`", low, high, truth)
