"""Model-based shares: counts adjusted for error rates, small cells that lean on the others, and EM as a check."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sca_nlp.prevalence.intervals import Z95, Array


def adjusted(
    share: ArrayLike,
    n: ArrayLike,
    tpr: ArrayLike,
    fpr: ArrayLike,
    n_positive: ArrayLike,
    n_negative: ArrayLike,
    *,
    z: ArrayLike = Z95,
) -> tuple[Array, Array, Array]:
    """Return the adjusted count and its limits: (share - fpr) / (tpr - fpr), clipped to [0, 1]; arguments broadcast.

    Rogan & Gladen (1978); limits by Lang & Reiczigel (2014, Prev. Vet. Med. 113:13), which count the uncertainty of the
    share and of both error rates. NaN where the classifier is no better than chance (tpr - fpr < .05).
    """
    r, n, t, f = (np.asarray(a, float) for a in (share, n, tpr, fpr))
    np_, nn, z = np.asarray(n_positive, float), np.asarray(n_negative, float), np.asarray(z, float)
    bad = t - f < 0.05
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = np.where(bad, np.nan, np.clip((r - f) / np.where(bad, 1.0, t - f), 0, 1))
        z2 = z * z
        r1, n1 = (n * r + z2 / 2) / (n + z2), n + z2
        t1, f1 = (np_ * t + 1) / (np_ + 2), (nn * f + 1) / (nn + 2)
        j = t1 - f1
        p1 = (r1 - f1) / j
        shift = 2 * z2 * (p1 * t1 * (1 - t1) / (np_ + 2) - (1 - p1) * f1 * (1 - f1) / (nn + 2))
        var = r1 * (1 - r1) / n1 + (1 - p1) ** 2 * f1 * (1 - f1) / (nn + 2) + p1**2 * t1 * (1 - t1) / (np_ + 2)
        half = z * np.sqrt(var) / j
        low, high = p1 + shift - half, p1 + shift + half
    nan = bad | (j <= 0)
    return (
        np.asarray(estimate),
        np.asarray(np.where(nan, np.nan, np.clip(low, 0, 1))),
        np.asarray(np.where(nan, np.nan, np.clip(high, 0, 1))),
    )


def pool(share: ArrayLike, n: ArrayLike) -> tuple[Array, Array]:
    """Return each cell's posterior mean and the number of units that its certainty is worth, given all cells.

    Beta-binomial with a prior that is learned from the cells, and not taken as known (which covers too little where
    shares are small): the common mean is flat on (0, 1), the correlation within cells flat on (0, .7], both summed
    over a grid; each cell's mixture is told by the beta distribution of the same mean and variance (Kass and Steffey
    1989). Two cells at least; NaN shares and n = 0 are empty cells.
    """
    from scipy.special import betaln, expit, logit

    p, n = np.asarray(share, float), np.asarray(n, float)
    used = (n > 0) & np.isfinite(p)
    n, p = np.where(used, n, 0.0), np.where(used, p, 0.0)
    hit, miss = (n * p)[used], (n * (1 - p))[used]
    total = float(n.sum())
    mean = (float(hit.sum()) + 0.5) / (total + 1)
    rho = np.geomspace(1e-4, 0.7, 12)
    spread = np.sqrt(1 / (total * mean * (1 - mean)) + 0.7 / used.sum())
    means = expit(logit(mean) + np.linspace(-3, 3, 9) * spread)
    a, b = means[:, None] * (1 / rho - 1), (1 - means[:, None]) * (1 / rho - 1)
    fit = (betaln(a[..., None] + hit, b[..., None] + miss) - betaln(a, b)[..., None]).sum(-1)
    fit += np.log(rho) + np.log(means * (1 - means))[:, None]  # the grid is even in other scales than the prior
    weight = np.exp(fit - fit.max())
    keep = weight > 1e-4
    weight, a, b = (v[keep][:, None] for v in (weight / weight[keep].sum(), a, b))
    size = a + b + n
    each = (a + n * p) / size
    centre = (weight * each).sum(0)
    variance = (weight * (each * (1 - each) / (size + 1) + each**2)).sum(0) - centre**2
    return centre, centre * (1 - centre) / variance - 1


def emq(probabilities: ArrayLike, trained_on: float, *, rounds: int = 1000, tolerance: float = 1e-8) -> float:
    """Return the share of a class by expectation-maximisation over its probabilities (Saerens et al. 2002): a check.

    Args:
        probabilities: calibrated probability of each unit, in [0, 1].
        trained_on: share of the class in the data on which they are calibrated, in (0, 1).
        rounds: most iterations.
        tolerance: change of the share at which it stops.
    """
    p = np.asarray(probabilities, float)
    if not len(p):
        return float("nan")
    now = trained_on
    for _ in range(rounds):
        up, down = p * now / trained_on, (1 - p) * (1 - now) / (1 - trained_on)
        nxt = float((up / np.maximum(up + down, 1e-300)).mean())
        if abs(nxt - now) < tolerance:
            return nxt
        now = nxt
    return now
