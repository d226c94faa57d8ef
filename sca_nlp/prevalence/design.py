"""The design-based share: what a random audit says, made more precise by the predictions and never biased by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sca_nlp.errors import InputError
from sca_nlp.prevalence.intervals import Prevalence, cluster_codes, cluster_sums, effective_n, t_quantile, wilson


def ppi(
    gold: ArrayLike,
    predicted: ArrayLike,
    *,
    inclusion: ArrayLike | None = None,
    strata: Sequence[Any] | NDArray[Any] | None = None,
    clusters: Sequence[Any] | NDArray[Any] | None = None,
    audit_in_population: bool = True,
    lam: float | None = None,
) -> Prevalence:
    """Return the design-based share: power-tuned prediction-powered inference (Angelopoulos et al., arXiv:2311.01453).

    The estimate is `lam * mean(predicted) + weighted mean of (gold - lam * predicted)` over the audited units; whatever
    the classifier's bias, it is right on average. `lam` is tuned to least variance (0: the audit alone; 1: plain PPI).

    Args:
        gold: 0 or 1 for audited units, NaN for the others. Shape (n,).
        predicted: code or probability of every unit. Shape (n,).
        inclusion: probability in (0, 1] with which each unit was drawn into the audit (inverse weights); None: even
            draw.
        strata: label of each unit; strata with fewer than two audited units are joined into one.
        clusters: speech of each unit.
        audit_in_population: whether the audited units are part of the population that is described.
        lam: fixed tuning instead of the best.

    Raises:
        InputError: fewer than two audited units, or an inclusion probability outside (0, 1].
    """
    y, f = np.asarray(gold, float), np.asarray(predicted, float)
    n = len(y)
    seen = ~np.isnan(y)
    if seen.sum() < 2:
        raise InputError("ppi", f"{int(seen.sum())} audited units", "at least 2 units with a gold code")
    pi = np.ones(n) if inclusion is None else np.asarray(inclusion, float)
    if not np.all((pi[seen] > 0) & (pi[seen] <= 1)):
        raise InputError(
            "ppi", "an inclusion probability outside (0, 1]", "the logged probability of each audited unit"
        )
    cl, m = cluster_codes(clusters, n)
    st, h = cluster_codes(strata if strata is not None else np.zeros(n), n)
    few = np.bincount(st[seen], minlength=h) < 2
    if few.any():
        st = np.where(few[st], h, st)
        if (np.bincount(st[seen], minlength=h + 1)[h]) < 2:
            st = np.zeros(n, dtype=np.int64)
        _, st = np.unique(st, return_inverse=True)
        h = int(st.max()) + 1
    pop = np.ones(n, bool) if audit_in_population else ~seen
    w = np.where(seen, 1.0 / np.where(seen, pi, 1.0), 0.0)
    n_pop = np.maximum(cluster_sums(pop.astype(float), st, h), 1e-12)
    share = cluster_sums(pop.astype(float), st, h) / pop.sum()
    y0 = np.where(seen, y, 0.0)
    total = cluster_sums(w, st, h)
    y_mean, f_lab, f_all = (
        cluster_sums(w * y0, st, h) / total,
        cluster_sums(w * f, st, h) / total,
        cluster_sums(pop * f, st, h) / n_pop,
    )
    # Influence of each unit on the estimate: a without predictions, b what one unit of lam adds.
    a = share[st] * w * (y0 - y_mean[st]) / total[st]
    b = share[st] * (pop * (f - f_all[st]) / n_pop[st] - w * (f - f_lab[st]) / total[st])
    sa, sb = cluster_sums(a, cl, m), cluster_sums(b, cl, m)
    tuned = float(np.clip(-(sa @ sb) / (sb @ sb), 0, 1)) if sb @ sb > 0 else 0.0
    lam = tuned if lam is None else lam
    estimate = float((share * (y_mean - lam * (f_lab - f_all))).sum())
    m_seen = len(np.unique(cl[seen]))
    var = float(m_seen / max(m_seen - 1, 1) * ((sa + lam * sb) ** 2).sum())
    p = min(max(estimate, 0.0), 1.0)
    eff = effective_n(p, var, int(pop.sum()), m_seen)
    if var <= 0 or p * (1 - p) == 0:  # nothing found in the audit: what its size alone can say
        eff = np.asarray(total.sum() ** 2 / (w**2).sum())
    z = t_quantile(m_seen - 1)
    low, high = wilson(p, eff, z)
    return Prevalence(p, float(low), float(high), var**0.5, int(seen.sum()), m_seen, "design", lam)
