"""Do they answer each other? Answers beyond own momentum, and runs of moves against chance (`sequences`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.compare import null, sequences, series
from sca_nlp.compare.coincidence import moves
from sca_nlp.compare.series import Array, Pair

QUESTION = "do they answer each other?"
LEAST = 16


def _common(pair: Pair, back: Pair) -> tuple[tuple[str, ...], list[Pair]]:
    """Return both directions on one grid."""
    periods = series.span(set(pair.periods) | set(back.periods))
    out = []
    for p in (pair, back):
        at = {q: k for k, q in enumerate(p.periods)}
        index = np.array([at.get(q, -1) for q in periods], dtype=int)
        w, d = (np.append(values, np.nan)[index] for values in (p.words, p.deeds))  # index -1: missing
        many = np.column_stack([p.draws, np.full(len(p.draws), np.nan)])[:, index]
        out.append(Pair(p.source, p.target, periods, w, many, d))
    return periods, out


def _design(mine: Array, other: Array, horizon: int, lags: int, sign: int) -> tuple[Array, Array, Array]:
    """Return outcome (mean of `other` over the horizon), impulse (my surprise, cut at 0), and controls."""
    surprise = null.whiten(mine)
    cut = np.where(np.isnan(surprise), np.nan, np.maximum(sign * surprise, 0.0))
    rows = np.arange(lags, len(mine) - horizon)
    outcome = np.mean([other[rows + k] for k in range(1, horizon + 1)], axis=0)
    own, past = (other[rows - k] for k in range(lags)), (mine[rows - k] for k in range(1, lags + 1))
    z = np.column_stack([np.ones(len(rows)), *own, *past])
    good = ~(np.isnan(outcome) | np.isnan(cut[rows]) | np.isnan(z).any(1))
    return outcome[good], cut[rows][good], z[good]


def answer(
    mine: Array,
    other: Array,
    *,
    horizon: int,
    lags: int,
    sign: int,
    permutations: int = 0,
    rng: np.random.Generator | None = None,
) -> tuple[float, float, int, float]:
    """Return how much `other` moves over the next `horizon` periods per unit of my conciliatory (hostile) surprise.

    The surprise is the residual of my own autoregression, cut at 0; held fixed are the other's present and past and my
    past. Positive: answered in kind. Also its standard error and p by permutation (NaN without), and n. NaN where the
    rows are too few or collinear.
    """
    nan = float("nan")
    outcome, impulse, z = _design(mine, other, horizon, lags, sign)
    n = len(outcome)
    if n < z.shape[1] + 6:
        return nan, nan, n, nan
    order = null.shuffles(n, permutations, rng, null.block_length(n)) if permutations and rng is not None else None
    slope, rx, ry, shuffled = null.partial(outcome, impulse, z, order)
    if np.isnan(slope) or order is None:
        return sign * slope, nan, n, nan
    error = float(shuffled.std() * np.sqrt((ry @ ry) / (rx @ rx)))
    return sign * slope, error, n, null.p_value(abs(null.correlation(rx, ry)), np.abs(shuffled))


def _why_not(mine: Array, other: Array, what: str) -> str:
    """Return why answers cannot be looked for, or the empty string."""
    known = ~np.isnan(mine) & ~np.isnan(other)
    if known.sum() < LEAST:
        return f"{int(known.sum())} periods with {what} of both sides; at least {LEAST} needed"
    if not series.spread(mine[known]) or not series.spread(other[known]):
        return f"{what} do not vary"
    if abs(float(np.corrcoef(mine[known], other[known])[0, 1])) > 0.999:
        return "both sides have the same series (undirected data): nothing to answer"
    return ""


def answers(
    a: Pair, b: Pair, *, horizon: int = 2, lags: int = 2, permutations: int = 1000, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return the rows on answers in deeds and in words, both movers, conciliatory and hostile; both pairs on one
    grid.
    """
    rows = []
    for what in ("deeds", "words"):
        for mover, other in ((a, b), (b, a)):
            x, y = (mover.deeds, other.deeds) if what == "deeds" else (mover.words, other.words)
            why = _why_not(x, y, what)
            for sign, kind in ((1, "conciliatory"), (-1, "hostile")):
                name = f"answer to {kind} {what}"
                common: dict[str, Any] = {
                    "direction": f"{mover.source} moves, {other.source} answers",
                    "null": f"a {kind} move draws no answer beyond the other's own momentum",
                    "lag": horizon,
                }
                arguments: dict[str, Any] = {"horizon": horizon, "lags": lags, "sign": sign}
                slope, error, n, p = (
                    (np.nan, np.nan, 0, np.nan)
                    if why
                    else answer(x, y, permutations=permutations, rng=rng, **arguments)
                )
                if np.isnan(slope):
                    rows.append(series.row(a, QUESTION, name, n=n, reason=why or "too few periods in a row", **common))
                    continue
                drawn = np.array([slope])
                if what == "words":
                    drawn = np.array(
                        [answer(m, o, **arguments)[0] for m, o in zip(mover.draws, other.draws, strict=False)]
                    )
                low, high = series.rubin(drawn, np.full(len(drawn), error**2), point=slope)
                both = ~np.isnan(x) & ~np.isnan(y)
                scale = float(np.std(x[both]) / np.std(y[both]))
                settings = {
                    "permutations": permutations,
                    "unit": "standard deviations",
                    "lags": lags,
                    "horizon": horizon,
                }
                settings["null"] = "block permutation of the move's residual"
                limits: dict[str, Any] = {"low": low * scale, "high": high * scale, "p": p, "n": n}
                rows.append(
                    series.row(a, QUESTION, name, estimate=slope * scale, settings=settings, **limits, **common)
                )
    return rows


def _count_row(
    a: Pair, kind: str, x: Array, y: Array, sign: int, within: int, permutations: int, rng: np.random.Generator
) -> dict[str, Any]:
    name, label = f"{kind} runs in deeds", "the two sides' moves are not aligned in time"
    known = np.flatnonzero(~np.isnan(x) & ~np.isnan(y))
    if (
        len(known) < LEAST
        or abs(
            float(np.corrcoef(x[known], y[known])[0, 1]) if series.spread(x[known]) and series.spread(y[known]) else 1.0
        )
        > 0.999
    ):
        return series.row(
            a,
            QUESTION,
            name,
            null=label,
            n=len(known),
            reason="too few periods, no spread, or one series for both sides",
        )
    first, second = moves(x, threshold=sequences.SMALL)[known], moves(y, threshold=sequences.SMALL)[known]
    found = len(sequences.runs(first, second, sign, within=within))
    order = null.rotations(len(known), min(permutations, 200), rng)
    shuffled = np.array([len(sequences.runs(first, second[o], sign, within=within)) for o in order], float)
    return series.row(
        a,
        QUESTION,
        name,
        estimate=found,
        p=null.mid_p(float(found), shuffled),
        null=label,
        n=len(known),
        settings={
            "within": within,
            "least_steps": 3,
            "expected": round(float(shuffled.mean()), 3),
            "null": "circular shifts, mid-p",
        },
    )


def reciprocity(
    pair: Pair,
    back: Pair,
    *,
    evidence: sequences.Evidence | None = None,
    horizon: int = 2,
    lags: int = 2,
    within: int = 1,
    permutations: int = 1000,
    rng: np.random.Generator,
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Return the tests and the sequences of a dyad (`pair`) and its reverse (`back`).

    Args:
        pair: source about and toward target.
        back: target about and toward source.
        evidence: (source, target, period) -> ids of passages and deeds.
        horizon: periods over which an answer counts.
        lags: own past that is held fixed.
        within: most periods between two steps of a run.
        permutations: of the null.
        rng: its generator.
    """
    periods, (a, b) = _common(pair, back)
    rows = answers(a, b, horizon=horizon, lags=lags, permutations=permutations, rng=rng)
    rows.append(_count_row(a, "GRIT", a.deeds, b.deeds, 1, within, permutations, rng))
    rows.append(_count_row(a, "spiral", a.deeds, b.deeds, -1, within, permutations, rng))
    return rows, sequences.find(a, b, periods, evidence or {}, within)
