"""Synthetic worlds with a known lag, gap, break and reciprocity, and null worlds: try a design before collecting.

A world runs from a latent trust (first-order momentum, unit variance) through sentences in speeches and a classifier
that errs, to a corrected word series with draws; deeds follow with a lag. `design` repeats it and counts what would be
found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sca_nlp import prevalence
from sca_nlp.compare import breaks, gap, leadlag, multiple, reciprocity, series
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


def _tests(w: World, d: Design, permutations: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return the tests that a design is judged by: lead, gap, break, reciprocity."""
    rows = leadlag.cross_correlation(w.pair, permutations=permutations, rng=rng)
    rows += leadlag.local_projections(w.pair, horizons=d.lag, permutations=permutations, rng=rng)
    rows += gap.divergence(w.pair, window=None, permutations=permutations, rng=rng)
    rows.append(breaks.any_break(w.pair, "words", permutations=permutations, rng=rng))
    rows += [
        r
        for r in reciprocity.answers(w.pair, w.back, permutations=permutations, rng=rng)
        if r["direction"].startswith("A")
    ]
    return rows


def design(
    design: Design | None = None,
    *,
    worlds: int = 100,
    permutations: int = 499,
    draws: int = 30,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> pd.DataFrame:
    """Return what a design would find: power in a world with its effects, false alarms in one without, and coverage.

    Args:
        design: the study; None: the defaults of `Design` changed by `settings`.
        worlds: studies simulated of each kind.
        permutations: of each test; with few, no q can be small (199 over 13 tests: .065 at best).
        draws: of each word series.
        seed: of all worlds.
        progress: called with (done, all).
        settings: fields of `Design`.

    Returns:
        One row per statistic and direction: `power` and `false_alarms` (shares with p <= .05), `power_q` (q <= .05
            among
        all tests of the study), `right_place` (lag or break within one period of the truth, where found), their Monte
        Carlo error `error`, `n`; and rows of the question `how common?` with `coverage` of the 95 % limits of the trust
        balance and `bias` of the corrected and of the raw one.
    """
    d = check(replace(design or Design(), **settings))
    found: list[dict[str, Any]] = []
    measured: list[dict[str, float]] = []
    for kind, what in (("known", d), ("null", d.null())):
        for k in range(worlds):
            rng = np.random.default_rng([seed, k, kind == "null"])
            rows: list[dict[str, Any]] = []
            for _ in range(d.dyads):
                w = world(what, rng, draws=draws)
                rows += _tests(w, what, permutations, rng)
                inside = (w.low <= w.truth) & (w.truth <= w.high)
                measured.append(
                    {
                        "coverage": float(inside.mean()),
                        "bias": float((w.pair.words - w.truth).mean()),
                        "slope": _slope(w.truth, w.pair.words),
                        "raw_slope": _slope(w.truth, w.raw),
                    }
                )
            table = multiple.adjust(pd.DataFrame(rows, columns=list(series.TEST_COLUMNS)))
            found.append({"kind": kind, "table": table})
            if progress:
                progress(len(found), 2 * worlds)
    frames = [f["table"].assign(kind=f["kind"]) for f in found]
    return pd.concat(
        [_power(pd.concat(frames, ignore_index=True), d), _measures(pd.DataFrame(measured))], ignore_index=True
    )


def _slope(truth: Array, seen: Array) -> float:
    return float(np.polyfit(truth, seen, 1)[0]) if series.spread(truth) else float("nan")


def _power(tests: pd.DataFrame, d: Design) -> pd.DataFrame:
    rows = []
    near = np.where(tests["statistic"].eq("cross-correlation"), (tests["lag"] - d.lag).abs() <= 1, True)
    at = tests["settings"].str.extract(r'"at": "(\d+)"')[0].astype(float) - 1900
    near = np.where(tests["statistic"].str.startswith("break"), (at - d.periods // 2).abs() <= 1, near)
    tests = tests.assign(near=near, lag=np.where(tests["statistic"].str.contains("projection"), tests["lag"], np.nan))
    for key, part in tests.groupby(["question", "statistic", "direction", "lag"], sort=True, dropna=False):
        known, none = part[part["kind"] == "known"], part[part["kind"] == "null"]
        hit = known["p"] <= 0.05
        power = float(hit[known["p"].notna()].mean()) if known["p"].notna().any() else float("nan")
        placed = known.loc[hit, "near"].astype(float)
        rows.append(
            dict(zip(("question", "statistic", "direction", "lag"), key, strict=True))
            | {"power": power, "power_q": float((known["q"] <= 0.05).mean())}
            | {
                "false_alarms": float((none.loc[none["p"].notna(), "p"] <= 0.05).mean())
                if none["p"].notna().any()
                else float("nan")
            }
            | {"right_place": float(placed.mean()) if len(placed) else float("nan")}
            | {"error": float(np.sqrt(max(power * (1 - power), 0.0) / max(len(known), 1))), "n": len(known)}
        )
    return pd.DataFrame(rows)


def _measures(measured: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "question": "how common?",
            "statistic": "corrected trust balance",
            "coverage": float(measured["coverage"].mean()),
            "bias": float(measured["bias"].mean()),
            "slope": float(measured["slope"].mean()),
            "n": len(measured),
        },
        {
            "question": "how common?",
            "statistic": "raw trust balance",
            "slope": float(measured["raw_slope"].mean()),
            "n": len(measured),
        },
    ]
    return pd.DataFrame(rows)


def settings_of(d: Design) -> dict[str, Any]:
    """Return a design as a plain dictionary, for the provenance of a table."""
    return asdict(d)
