"""Does one predict the other? Granger tests that hold for integrated series, for a pair and for a panel of dyads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sca_nlp.compare import null, series
from sca_nlp.compare.series import Array, Pair
from sca_nlp.errors import InputError

QUESTION = "does one predict the other?"
LEAST = 20


def _lagged(x: Array, lags: int) -> Array:
    return np.column_stack([x[lags - k : len(x) - k] for k in range(1, lags + 1)])


@dataclass(frozen=True)
class _Wald:
    """The test that some coefficients of a regression are all 0: its statistic, their sum with its standard error."""

    statistic: float
    sum: float
    error: float
    df: int  # of the residuals


def _wald(y: Array, own: Array, other: Array, tested: int) -> _Wald:
    """Return the test of the first `tested` lags of the other series, beside a constant and the lags of y's own."""
    z = np.column_stack([np.ones(len(y)), own, other])
    inverse = np.asarray(np.linalg.pinv(z.T @ z), dtype=float)
    b = inverse @ z.T @ y
    r = y - z @ b
    df = len(z) - z.shape[1]
    variance = max(float(r @ r) / df, 1e-300)
    at = slice(1 + own.shape[1], 1 + own.shape[1] + tested)
    block = inverse[at, at]
    statistic = float(b[at] @ np.linalg.pinv(block) @ b[at]) / variance
    return _Wald(statistic, float(b[at].sum()), float(np.sqrt(max(float(block.sum()) * variance, 0.0))), df)


def toda_yamamoto(cause: Array, effect: Array, *, max_lag: int = 3, extra: int = 1) -> dict[str, float]:
    """Return the test that past values of `cause` say nothing of `effect` beyond its own past (Toda & Yamamoto 1995).

    A vector autoregression in levels of order p (by BIC, at most `max_lag`) plus `extra` lags; the F test is on the
    first p lags of the cause alone, so it holds whether the series are stationary or integrated of order up to
    `extra`.

    Returns:
        `p`, `f`, `lags`, `n`, and `sum`, the sum of the tested coefficients, with its standard `error`.

    Raises:
        InputError: a value is missing, the series are constant, or shorter than 20 periods.
    """
    from scipy.special import fdtrc

    x, y = np.asarray(cause, float), np.asarray(effect, float)
    if np.isnan(x).any() or np.isnan(y).any():
        raise InputError("granger", "a missing value", "two series without holes")
    if len(x) != len(y) or len(x) < LEAST:
        raise InputError("granger", f"{len(x)} periods", f"two series of at least {LEAST} periods")
    if not series.spread(x) or not series.spread(y):
        raise InputError("granger", "a series that does not vary", "two series that vary")
    max_lag = max(1, min(max_lag, (len(x) - 8) // 6))
    common = max_lag + extra
    scores = []
    for p in range(1, max_lag + 1):
        z = np.column_stack(
            [np.ones(len(x) - common), *(s[common - k : len(x) - k] for s in (y, x) for k in range(1, p + 1))]
        )
        both = np.column_stack([y, x])[common:]
        r = both - z @ np.linalg.lstsq(z, both, rcond=None)[0]
        n = len(both)
        scores.append(np.linalg.slogdet(r.T @ r / n + 1e-12 * np.eye(2))[1] + np.log(n) / n * 2 * z.shape[1])
    p = int(np.argmin(scores)) + 1
    k = p + extra
    w = _wald(y[k:], _lagged(y, k), _lagged(x, k), p)
    f = w.statistic / p
    found = {"p": float(fdtrc(p, w.df, f)), "f": f, "lags": float(p), "n": float(len(x) - k)}
    return found | {"sum": w.sum, "error": w.error}


def longest_run(pair: Pair) -> slice:
    """Return the longest run of periods with both words and deeds."""
    both = np.concatenate([[False], pair.both, [False]]).astype(int)
    starts, ends = np.flatnonzero(np.diff(both) == 1), np.flatnonzero(np.diff(both) == -1)
    if not len(starts):
        return slice(0, 0)
    k = int((ends - starts).argmax())
    return slice(int(starts[k]), int(ends[k]))


def toda_yamamoto_rows(pair: Pair, *, max_lag: int = 3) -> list[dict[str, Any]]:
    """Return one row per direction, on the longest run of periods without a hole; draws give the spread.

    Estimate: the sum of the tested coefficients, in standard deviations of each series. `settings` has the median p
    over draws.
    """
    run = longest_run(pair)
    rows = []
    for direction, first, second in (("words lead deeds", "words", "deeds"), ("deeds lead words", "deeds", "words")):
        label = f"past {first} say nothing of {second} beyond the past of {second}"
        w, d, many = pair.words[run], pair.deeds[run], pair.draws[:, run]
        try:
            sw, sd = max(float(w.std()), 1e-300) if len(w) else 1.0, max(float(d.std()), 1e-300) if len(d) else 1.0
            arguments = [(v / sw, d / sd) if first == "words" else (d / sd, v / sw) for v in (w, *many)]
            point = toda_yamamoto(*arguments[0], max_lag=max_lag)
            drawn = [toda_yamamoto(*a, max_lag=max_lag) for a in arguments[1:]]
        except InputError as e:
            rows.append(
                series.row(
                    pair,
                    QUESTION,
                    "Toda-Yamamoto",
                    direction=direction,
                    null=label,
                    n=len(w),
                    reason=f"{e.got}; wanted {e.wanted}",
                )
            )
            continue
        variances = np.array([x["error"] ** 2 for x in drawn])
        low, high = series.rubin(np.array([x["sum"] for x in drawn]), variances, point=point["sum"])
        rows.append(
            series.row(
                pair,
                QUESTION,
                "Toda-Yamamoto",
                direction=direction,
                estimate=point["sum"],
                low=low,
                high=high,
                p=point["p"],
                null=label,
                n=int(point["n"]),
                lag=point["lags"] * (1 if first == "words" else -1),
                settings={
                    "lags": int(point["lags"]),
                    "extra": 1,
                    "f": round(point["f"], 4),
                    "periods": [*pair.periods[run][:1], *pair.periods[run][-1:]],
                    "median_p_of_draws": round(float(np.median([x["p"] for x in drawn])), 4),
                },
            )
        )
    return rows


def dumitrescu_hurlin(causes: Sequence[Array], effects: Sequence[Array], *, lags: int = 1) -> dict[str, float]:
    """Return the panel test that in no unit past values of the cause say anything of the effect.

    Dumitrescu & Hurlin (2012), Economic Modelling 29:1450.

    `z` is their statistic with moments for fixed length, one by one for units of unequal length; `p` is one-sided
    upper, since causality in any unit makes it large. `w` is the mean Wald statistic.

    Raises:
        InputError: fewer than two units, a missing value, or a unit with fewer than 6 + 3 * lags periods.
    """
    from scipy.special import ndtr

    if len(causes) < 2:
        raise InputError("panel", f"{len(causes)} units", "at least 2")
    walds, means, variances = [], [], []
    for x, y in zip(causes, effects, strict=True):
        if np.isnan(x).any() or np.isnan(y).any():
            raise InputError("panel", "a missing value", "series without holes")
        t = len(x) - lags
        if t <= 2 * lags + 5:
            raise InputError("panel", f"{len(x)} periods", f"at least {3 * lags + 6}")
        cause, effect = np.asarray(x, float), np.asarray(y, float)
        walds.append(_wald(effect[lags:], _lagged(effect, lags), _lagged(cause, lags), lags).statistic)
        a, c = t - 2 * lags - 1, t - 2 * lags - 3
        means.append(lags * a / c)
        variances.append(2 * lags * a**2 * (t - lags - 3) / (c**2 * (t - 2 * lags - 5)))
    n = len(walds)
    w = float(np.mean(walds))
    z = float(np.sqrt(n) * (w - np.mean(means)) / np.sqrt(np.mean(variances)))
    return {"z": z, "w": w, "p": float(ndtr(-z)), "units": float(n)}


def panel(pairs: Sequence[Pair], *, lags: int, permutations: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return one row per direction over all dyads with a long enough run of first differences.

    The p-value compares the statistic with that of causes rotated in time inside each dyad: dyads that share periods
    stay together (one shift for all, the same share of each length), so that common shocks do not count as many
    findings. Measured: 4 of 100 rejected at 5 %; 9 to 11 where dyads of 25 to 45 periods share nearly all their shocks.
    Runs under 23 periods have too few shifts for a p below .05.
    """
    usable: list[tuple[Array, Array]] = []
    for pair in pairs:
        run = longest_run(pair)
        w, d = np.diff(pair.words[run]), np.diff(pair.deeds[run])
        if len(w) >= max(3 * lags + 6, 12) and series.spread(w) and series.spread(d):
            usable.append((w / w.std(), d / d.std()))
    every = Pair("*", "*", (), np.zeros(0), np.zeros((0, 0)), np.zeros(0))
    rows = []
    for direction, first in (("words lead deeds", 0), ("deeds lead words", 1)):
        label = "in no dyad do past {} say anything of {}".format(
            *(("words", "deeds") if first == 0 else ("deeds", "words"))
        )
        if len(usable) < 3:
            rows.append(
                series.row(
                    every,
                    QUESTION,
                    "Dumitrescu-Hurlin panel",
                    direction=direction,
                    null=label,
                    reason=f"{len(usable)} dyads long enough; at least 3 needed",
                )
            )
            continue
        causes, effects = [u[first] for u in usable], [u[1 - first] for u in usable]
        found = dumitrescu_hurlin(causes, effects, lags=lags)
        least = lags + 1  # shifts by fewer periods would leave the alignment that is tested
        most = max(len(x) for x in causes) - 2 * least + 1
        # Each shift once: drawn with repetition, the few that there are would count the second best among the best.
        shifts = (np.arange(most) + 0.5) / most if most <= permutations else rng.random(permutations)
        shuffled = np.array(
            [
                dumitrescu_hurlin(
                    [np.roll(x, least + int(s * (len(x) - 2 * least + 1))) for x in causes], effects, lags=lags
                )["z"]
                for s in shifts
            ]
        )
        rows.append(
            series.row(
                every,
                QUESTION,
                "Dumitrescu-Hurlin panel",
                direction=direction,
                estimate=found["w"],
                p=null.p_value(found["z"], shuffled),
                null=label,
                n=len(usable),
                lag=lags if first == 0 else -lags,
                settings={
                    "z": round(found["z"], 4),
                    "asymptotic_p": round(found["p"], 5),
                    "permutations": len(shifts),
                    "form": "first differences",
                },
            )
        )
    return rows
