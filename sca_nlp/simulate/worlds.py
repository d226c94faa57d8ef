"""Synthetic worlds: from a latent trust through sentences and a classifier that errs to a word series; deeds follow.

Trust has first-order momentum and unit variance; what an analyst would see is the corrected word series with its draws.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sca_nlp import prevalence
from sca_nlp.compare.series import Pair
from sca_nlp.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """A study to be tried. Effects are in standard deviations of the latent trust; 0 everywhere is the null world."""

    dyads: int = 1
    periods: int = 40
    sentences: int = 300  # about the target, per period
    speeches: int = 10  # per period; sentences of one share their tone
    prevalence: float = 0.1  # of warm, and of hostile, sentences
    sensitivity: float = 0.7
    specificity: float = 0.97
    audit: int = 1000  # sentences coded by hand for the error rates
    momentum: float = 0.5  # autocorrelation of words and of deeds
    swing: float = 0.5  # log odds of the prevalence per standard deviation of trust
    icc: float = 0.02  # of sentences in one speech
    lag: int = 1  # periods by which words come first
    lead: float = 0.6  # share of the deeds' standard deviation that follows the words
    gap: float = 0.0  # by how much deeds fall behind words in the second half
    shift: float = 0.0  # by how much trust rises at half time
    answer: float = 0.0  # how much the other side's deeds answer one's own

    def null(self) -> Design:
        """Return the same study in a world without any effect."""
        return replace(self, lead=0.0, gap=0.0, shift=0.0, answer=0.0)


@dataclass(frozen=True)
class World:
    """One simulated dyad: what an analyst would see (`pair`, `back`) and what is true."""

    pair: Pair
    back: Pair
    truth: Array  # true trust balance per period
    low: Array  # 95 % limits of the corrected balance
    high: Array
    raw: Array  # uncorrected balance


def check(d: Design) -> Design:
    """Return the design.

    Raises:
        InputError: a number is outside what a study can have.
    """
    for key, low, high in (
        ("dyads", 1, 100_000), ("periods", 10, 5000), ("sentences", 2, 10**6), ("speeches", 1, 10**5),
        ("prevalence", 1e-4, 0.45), ("sensitivity", 0.05, 1), ("specificity", 0.05, 1), ("audit", 20, 10**7),
        ("momentum", 0, 0.95), ("icc", 0, 0.5), ("lead", 0, 0.99), ("lag", 1, 24),
    ):  # fmt: skip
        value = float(getattr(d, key))
        if not low <= value <= high:
            raise InputError(key, str(value), f"a value from {low} to {high}")
    if d.sensitivity + d.specificity - 1 < 0.05:
        raise InputError(
            "sensitivity", f"{d.sensitivity} with specificity {d.specificity}", "a classifier better than chance"
        )
    if d.speeches > d.sentences:
        raise InputError("speeches", str(d.speeches), f"at most {d.sentences}, one sentence each")
    return d


def _ar(rng: np.random.Generator, periods: int, momentum: float) -> Array:
    """Return first-order noise with unit variance."""
    from scipy.signal import lfilter

    shocks = rng.standard_normal(periods + 100) * np.sqrt(1 - momentum**2)
    return np.asarray(lfilter([1.0], [1.0, -momentum], shocks)[100:], dtype=float)


def _words(
    rng: np.random.Generator, trust: Array, d: Design, draws: int
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Return truth, corrected balance, its draws, limits and the raw balance, of a series of trust."""
    odds = np.log(d.prevalence / (1 - d.prevalence))
    p = np.stack([1 / (1 + np.exp(-(odds + side * d.swing * trust / 2))) for side in (1, -1)])  # warm, hostile
    size = max(d.sentences // d.speeches, 1)
    shape = (2, len(trust), d.speeches)
    spread = (1 - d.icc) / max(d.icc, 1e-9)
    tone = (
        rng.beta(np.maximum(p * spread, 1e-6)[..., None], np.maximum((1 - p) * spread, 1e-6)[..., None], shape)
        if d.icc > 0
        else np.broadcast_to(p[..., None], shape)
    )
    gold = rng.binomial(size, tone)
    seen = rng.binomial(gold, d.sensitivity) + rng.binomial(size - gold, 1 - d.specificity)
    n, m = size * d.speeches, d.speeches
    share = seen.sum(2) / n
    signed = seen[0] - seen[1]
    mean = signed.mean(1)
    unit = (share.sum(0) - (share[0] - share[1]) ** 2) / n  # variance of the mean, sentences alone
    over = ((signed - mean[:, None]) ** 2).sum(1) / max(m - 1, 1) / m / size**2
    effect = max(float(over.mean() / unit.mean()), 1.0) if m > 1 else 1.0
    var = ((m - 1) * over + 8 * effect * unit) / (m - 1 + 8)
    positives = rng.binomial(d.audit, p.mean())
    hits, alarms = rng.binomial(positives, d.sensitivity, 2), rng.binomial(d.audit - positives, 1 - d.specificity, 2)
    rates = prevalence.ErrorRates(
        ("warm", "hostile"),
        (hits + 0.5) / (positives + 1),
        (alarms + 0.5) / (d.audit - positives + 1),
        np.full(2, float(positives)),
        np.full(2, float(d.audit - positives)),
    )
    slope = np.maximum(rates.tpr - rates.fpr, 0.05)
    corrected = (share - rates.fpr[:, None]) / slope[:, None]
    estimate = corrected[0] - corrected[1]
    t, f = rates.draw(draws, rng)
    a = 1 / np.maximum(t - f, 0.05)
    centre = a[:, :1] * (share[0] - f[:, :1]) - a[:, 1:] * (share[1] - f[:, 1:])
    noise = rng.standard_t(m + 7, (draws, len(trust))) * np.sqrt(var) / slope.mean()
    many = centre + noise
    half = prevalence.t_quantile(m + 7) * np.sqrt(var / slope.mean() ** 2 + _rates_variance(corrected, rates, slope))
    return p[0] - p[1], estimate, many, estimate - half, estimate + half, share[0] - share[1]


def _rates_variance(corrected: Array, rates: prevalence.ErrorRates, slope: Array) -> Array:
    """Return what the uncertain error rates add to the variance of the balance, per period (delta method)."""
    var_t = rates.tpr * (1 - rates.tpr) / np.maximum(rates.n_positive, 1)
    var_f = rates.fpr * (1 - rates.fpr) / np.maximum(rates.n_negative, 1)
    each = (corrected**2 * var_t[:, None] + (1 - corrected) ** 2 * var_f[:, None]) / slope[:, None] ** 2
    return np.asarray(each.sum(0))


def world(d: Design, rng: np.random.Generator, *, draws: int = 50) -> World:
    """Return one simulated dyad of a design, both directions."""
    t = d.periods
    half = (np.arange(t) >= t // 2).astype(float)
    trust = [_ar(rng, t + d.lag, d.momentum) + d.shift * np.concatenate([np.zeros(d.lag), half]) for _ in range(2)]
    own = [_ar(rng, t, d.momentum) for _ in range(2)]
    deeds = [d.lead * u[:t] + np.sqrt(1 - d.lead**2) * o - d.gap * half for u, o in zip(trust, own, strict=True)]
    if d.answer:  # the target answers the source's surprises one period later
        surprise = np.concatenate([[0.0], np.diff(deeds[0])])
        deeds[1][1:] += d.answer * surprise[:-1]
    periods = tuple(f"{1900 + k:04d}" for k in range(t))
    truth, point, many, low, high, raw = _words(rng, trust[0][d.lag :], d, draws)
    _, back_point, back_many, *_ = _words(rng, trust[1][d.lag :], d, draws)
    return World(
        Pair("A", "B", periods, point, many, deeds[0]),
        Pair("B", "A", periods, back_point, back_many, deeds[1]),
        truth,
        low,
        high,
        raw,
    )
