"""Sentences whose true share is known: in speeches of one tone, read with known error, and audited."""

from __future__ import annotations

import numpy as np

from sca_nlp import prevalence


def speeches(rng, n, share, sensitivity, specificity, size, icc):
    """Return gold, predicted and speech of n sentences in speeches of `size` with intra-class correlation `icc`."""
    m = n // size
    k = (1 - icc) / max(icc, 1e-9)
    tone = rng.beta(share * k, (1 - share) * k, m)
    cluster = np.repeat(np.arange(m), size)
    gold = (rng.random(m * size) < tone[cluster]).astype(float)
    predicted = (rng.random(m * size) < np.where(gold > 0, sensitivity, 1 - specificity)).astype(float)
    return gold, predicted, cluster


def rates(rng, n, share, sensitivity, specificity):
    gold = (rng.random(n) < share).astype(float)
    predicted = (rng.random(n) < np.where(gold > 0, sensitivity, 1 - specificity)).astype(float)
    return prevalence.error_rates(gold, predicted, ["x"])
