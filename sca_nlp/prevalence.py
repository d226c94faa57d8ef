"""Prevalence from an imperfect classifier: raw, design-based and model-based estimates, clustered by speech.

Counting predicted codes is no estimate: a true 2 % read with sensitivity .70 and specificity .95 shows as 6.3 %. Four
answers stand side by side (`measures.md`, section 1): `raw` (uncorrected), `ppi` (design-based, needs a random audit),
`adjusted` (error rates pooled over the audit), `shrink` and `pool` (small cells lean on the others); `emq` is a check
and `drift` asks whether the error rates change between groups, which would imitate a trend. Sentences of one speech are
not independent: every variance is over speeches where `clusters` is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sca_nlp.errors import InputError

Array = NDArray[np.float64]
_Z = 1.959963984540054  # two-sided 95 %


@dataclass(frozen=True)
class Prevalence:
    """One estimate of a share in [0, 1] with its 95 % interval. `n` units, `n_clusters` speeches, `lam` the tuning
    of PPI.
    """

    estimate: float
    low: float
    high: float
    se: float
    n: int
    n_clusters: int
    method: str
    lam: float = float("nan")


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
        """Return these rates, and `other`'s where these rest on fewer than `least` units; the classes are the same."""
        if other is None:
            return self
        seen, free = self.n_positive >= least, self.n_negative >= least
        return ErrorRates(
            self.classes,
            np.where(seen, self.tpr, other.tpr),
            np.where(free, self.fpr, other.fpr),
            np.where(seen, self.n_positive, other.n_positive),
            np.where(free, self.n_negative, other.n_negative),
        )


def wilson(p: ArrayLike, n: ArrayLike, z: ArrayLike = _Z) -> tuple[Array, Array]:
    """Return Wilson score limits of shares `p` from `n` (effective) units (Wilson 1927); n = 0 gives (0, 1)."""
    share, size = np.clip(np.asarray(p, float), 0, 1), np.maximum(np.asarray(n, float), 1e-9)
    width = np.asarray(z, float)
    z2 = width * width / size
    centre = (share + z2 / 2) / (1 + z2)
    half = width / (1 + z2) * np.sqrt(share * (1 - share) / size + z2 / (4 * size))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def t_quantile(df: ArrayLike) -> Array:
    """Return the two-sided 95 % quantile of Student's t; `df` below 1 counts as 1."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.maximum(np.asarray(df, float), 1.0), 0.975), dtype=float)


def effective_n(p: ArrayLike, var: ArrayLike, n: ArrayLike, clusters: ArrayLike) -> Array:
    """Return the number of independent units that would give variance `var` of a share `p` (Korn & Graubard 1998).

    Few clusters make `var` itself uncertain: the number is lowered by the squared ratio of the t quantiles. Where the
    variance is zero (nothing observed) all `n` units count.
    """
    p, var, n, m = (np.asarray(a, float) for a in (p, var, n, clusters))
    with np.errstate(divide="ignore", invalid="ignore"):
        eff = np.where(var > 0, p * (1 - p) / var, n)
    eff = np.where((eff > 0) & np.isfinite(eff), eff, n)
    ratio = t_quantile(np.maximum(n - 1, 1)) / t_quantile(np.maximum(m - 1, 1))
    return np.asarray(np.where(m >= n, np.minimum(eff, n), np.minimum(eff * ratio**2, n)), dtype=float)


def _codes(labels: Sequence[Any] | NDArray[Any] | None, n: int) -> tuple[NDArray[np.int64], int]:
    if labels is None:
        return np.arange(n), n
    found, codes = np.unique(np.asarray(labels), return_inverse=True)
    return codes.astype(np.int64), len(found)


def _sum(values: Array, codes: NDArray[np.int64], m: int) -> Array:
    return np.asarray(np.bincount(codes, values, minlength=m), dtype=float)


def raw(values: ArrayLike, *, clusters: Sequence[Any] | NDArray[Any] | None = None, binary: bool = True) -> Prevalence:
    """Return the uncorrected share: the mean of codes (0/1) or of calibrated probabilities, clustered by speech."""
    y = np.asarray(values, float)
    codes, m = _codes(clusters, len(y))
    if not len(y):
        return Prevalence(np.nan, np.nan, np.nan, np.nan, 0, 0, "raw")
    p = float(y.mean())
    sums = _sum(y - p, codes, m)
    var = float(m / max(m - 1, 1) * (sums**2).sum() / len(y) ** 2)
    if binary:
        low, high = wilson(p, effective_n(p, var, len(y), m))
    else:
        half = float(t_quantile(m - 1)) * var**0.5
        low, high = np.array(max(p - half, 0.0)), np.array(min(p + half, 1.0))
    return Prevalence(p, float(low), float(high), var**0.5, len(y), m, "raw")


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
    cl, m = _codes(clusters, n)
    st, h = _codes(strata if strata is not None else np.zeros(n), n)
    few = np.bincount(st[seen], minlength=h) < 2
    if few.any():
        st = np.where(few[st], h, st)
        if (np.bincount(st[seen], minlength=h + 1)[h]) < 2:
            st = np.zeros(n, dtype=np.int64)
        _, st = np.unique(st, return_inverse=True)
        h = int(st.max()) + 1
    pop = np.ones(n, bool) if audit_in_population else ~seen
    w = np.where(seen, 1.0 / np.where(seen, pi, 1.0), 0.0)
    n_pop = np.maximum(_sum(pop.astype(float), st, h), 1e-12)
    share = _sum(pop.astype(float), st, h) / pop.sum()
    y0 = np.where(seen, y, 0.0)
    total = _sum(w, st, h)
    y_mean, f_lab, f_all = _sum(w * y0, st, h) / total, _sum(w * f, st, h) / total, _sum(pop * f, st, h) / n_pop
    # Influence of each unit on the estimate: a without predictions, b what one unit of lam adds.
    a = share[st] * w * (y0 - y_mean[st]) / total[st]
    b = share[st] * (pop * (f - f_all[st]) / n_pop[st] - w * (f - f_lab[st]) / total[st])
    sa, sb = _sum(a, cl, m), _sum(b, cl, m)
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
    cl, m = _codes(clusters, len(y))
    out = np.full((4, len(classes)), np.nan)
    for k in range(len(classes)):
        for row, mask in ((0, y[:, k] > 0.5), (1, y[:, k] <= 0.5)):
            total = w[mask].sum()
            if total == 0:
                out[row, k], out[row + 2, k] = 0.5, 0.0  # nothing known of this rate
                continue
            r = (w * c[:, k])[mask].sum() / total
            sums = _sum(np.where(mask, w * (c[:, k] - r), 0.0) / total, cl, m)
            used = len(np.unique(cl[mask]))
            kish = total**2 / (w[mask] ** 2).sum()
            var = used / max(used - 1, 1) * (sums**2).sum()
            out[row, k], out[row + 2, k] = r, min(float(effective_n(r, var, kish, used)), kish)
    return ErrorRates(tuple(classes), out[0], out[1], out[2], out[3])


def adjusted(
    share: ArrayLike,
    n: ArrayLike,
    tpr: ArrayLike,
    fpr: ArrayLike,
    n_positive: ArrayLike,
    n_negative: ArrayLike,
    *,
    z: ArrayLike = _Z,
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


def shrink(share: ArrayLike, n: ArrayLike) -> tuple[Array, Array, Array]:
    """Return shares of many cells drawn toward their common mean, with 95 % limits: a beta-binomial over cells.

    The less the cells differ beyond chance, the more they shrink. `n` are (effective) numbers of units. An empty cell
    gets the common mean and the prior's width. See `pool`.
    """
    p, n = np.asarray(share, float), np.asarray(n, float)
    if ((n > 0) & np.isfinite(p)).sum() < 2:
        low, high = wilson(p, n)
        return p, low, high
    from scipy.special import betaincinv

    mean, size = pool(p, n)
    a, b = mean * size, (1 - mean) * size
    return mean, np.asarray(betaincinv(a, b, 0.025)), np.asarray(betaincinv(a, b, 0.975))


def pool(share: ArrayLike, n: ArrayLike) -> tuple[Array, Array]:
    """Return each cell's posterior mean and the number of units that its certainty is worth, given all cells.

    Beta-binomial with a prior that is learned from the cells, and not taken as known (which covers too little where
    shares are small): the common mean is flat in log odds, the correlation within cells flat on (0, .7], both summed
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
    fit = (betaln(a[..., None] + hit, b[..., None] + miss) - betaln(a, b)[..., None]).sum(-1) + np.log(rho)
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
    cl, m = _codes(clusters, len(y))
    names, g = np.unique(np.asarray(groups), return_inverse=True)
    of = np.zeros(m, dtype=np.int64)
    of[cl] = g  # a speech belongs to one group
    rng = np.random.default_rng(seed)
    orders = np.stack([of] + [rng.permutation(of) for _ in range(permutations)])
    out: dict[str, Any] = {"groups": {str(k): {} for k in names}}
    for key, mask in (("tpr", y), ("fpr", ~y)):
        hit, count = _sum(np.where(mask, c, 0.0), cl, m), _sum(mask.astype(float), cl, m)
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
