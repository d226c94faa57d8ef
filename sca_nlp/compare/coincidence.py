"""Rare deeds: do events of one kind fall after events of another more often than chance has it? (Donges et al.
2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sca_nlp.compare import null, series
from sca_nlp.compare.series import Array, Pair

QUESTION = "do rare deeds follow words?"
Events = NDArray[np.bool_]


def moves(x: Array, *, threshold: float = 1.0) -> NDArray[np.int8]:
    """Return +1 (conciliatory), -1 (hostile) or 0 per period: changes beyond `threshold` robust standard deviations.

    The robust standard deviation is 1.4826 times the median absolute deviation of the changes (their plain one where
    that is 0). The first period, and those after a hole, are 0.
    """
    change = np.diff(x, prepend=np.nan)
    known = change[~np.isnan(change)]
    if len(known) < 4:
        return np.zeros(len(x), dtype=np.int8)
    centre = float(np.median(known))
    scale = 1.4826 * float(np.median(np.abs(known - centre)))
    if scale <= 1e-12:
        scale, centre = float(known.std()), float(known.mean())
    if scale <= 1e-12:
        return np.zeros(len(x), dtype=np.int8)
    z = np.nan_to_num((change - centre) / scale)
    return np.where(z > threshold, 1, np.where(z < -threshold, -1, 0)).astype(np.int8)


def _followed(first: Events, second: Events, window: int, lag: int) -> Events:
    """Return where `second` has an event `lag` to `lag + window` periods after (negative: before). Last axis is
    time.
    """
    t = second.shape[-1]
    out = np.zeros(np.broadcast_shapes(first.shape, second.shape), bool)
    for k in range(lag, lag + window + 1):
        if 0 <= k < t:
            out[..., : t - k] |= second[..., k:]
    return out


def rates(first: Events, second: Events, *, window: int = 1, lag: int = 1) -> tuple[Array, Array]:
    """Return trigger and precursor coincidence rates, each in [0, 1]; arrays may have leading axes.

    Trigger rate: share of `first` events with a `second` event `lag` to `lag + window` periods later. Precursor rate:
    share of `second` events with a `first` event as far before. NaN without events.
    """
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    after = _followed(first, second, window, lag)
    before = _followed(second[..., ::-1], first[..., ::-1], window, lag)[..., ::-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        trigger = (first & after).sum(-1) / first.sum(-1)
        precursor = (second & before).sum(-1) / second.sum(-1)
    return np.asarray(trigger, float), np.asarray(precursor, float)


def coincidence(
    pair: Pair, *, window: int = 1, lag: int = 1, permutations: int = 1000, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return rows for conciliatory and hostile moves in both directions: the trigger rate against permuted times."""
    rows = []
    why = series.problem(pair, 12)
    known = np.flatnonzero(pair.both)
    for sign, kind in ((1, "conciliatory"), (-1, "hostile")):
        for direction in ("words lead deeds", "deeds lead words"):
            label = f"{kind} moves in one fall at times that have nothing to do with those in the other"
            name = f"event coincidence, {kind}"
            if why:
                rows.append(series.row(pair, QUESTION, name, direction=direction, null=label, reason=why))
                continue
            w, d = moves(pair.words)[known] == sign, moves(pair.deeds)[known] == sign
            first, second = (w, d) if direction == "words lead deeds" else (d, w)
            if not first.any() or not second.any():
                which = "words" if not w.any() else "deeds"
                rows.append(
                    series.row(
                        pair,
                        QUESTION,
                        name,
                        direction=direction,
                        null=label,
                        n=len(known),
                        reason=f"no {kind} move in {which}",
                    )
                )
                continue
            trigger, precursor = rates(first, second, window=window, lag=lag)
            order = null.shuffles(len(known), permutations, rng)
            shuffled, _ = rates(first, second[order], window=window, lag=lag)
            low, high = (float("nan"),) * 2
            if len(pair.draws) > 1:
                drawn = np.stack([moves(x)[known] == sign for x in pair.draws])
                each = (
                    rates(drawn, d, window=window, lag=lag)[0]
                    if direction == "words lead deeds"
                    else rates(d, drawn, window=window, lag=lag)[0]
                )
                each = each[~np.isnan(each)]
                low, high = (float(v) for v in np.quantile(each, [0.025, 0.975])) if len(each) else (low, high)
            rows.append(
                series.row(
                    pair,
                    QUESTION,
                    name,
                    direction=direction,
                    estimate=float(trigger),
                    low=low,
                    high=high,
                    p=null.mid_p(float(trigger), shuffled),
                    null=label,
                    n=len(known),
                    lag=lag if direction == "words lead deeds" else -lag,
                    settings={
                        "window": window,
                        "first_events": int(first.sum()),
                        "second_events": int(second.sum()),
                        "precursor_rate": round(float(precursor), 4),
                        "permutations": permutations,
                        "null": "permuted event times, mid-p",
                    },
                )
            )
    return rows


def event_time(pair: Pair, events: Events, *, before: int = 3, after: int = 3) -> pd.DataFrame:
    """Return the mean of words and of deeds around events, per offset: columns offset, words, words_low,
    words_high, deeds, n.
    """
    rows = []
    places = np.flatnonzero(events)
    for offset in range(-before, after + 1):
        at = places + offset
        at = at[(at >= 0) & (at < len(pair.periods))]
        w, d, many = pair.words[at], pair.deeds[at], pair.draws[:, at]
        keep = ~np.isnan(w)
        means = many[:, keep].mean(1) if keep.any() else np.array([np.nan])
        low, high = np.quantile(means, [0.025, 0.975])
        rows.append(
            {
                "offset": offset,
                "words": w[keep].mean() if keep.any() else np.nan,
                "words_low": low,
                "words_high": high,
                "deeds": d[~np.isnan(d)].mean() if (~np.isnan(d)).any() else np.nan,
                "n": int(keep.sum()),
            }
        )
    return pd.DataFrame(rows)


def time_to_next(pair: Pair, events: Events, *, permutations: int = 1000, rng: np.random.Generator) -> dict[str, Any]:
    """Return the test that the level of words says nothing of the time until the next event (such as a dispute).

    Estimate: Kendall's tau of words with the waiting time; periods after the last event are censored and left out.
    Positive: the warmer the words, the longer the peace. Null by rotating the words.
    """
    from scipy.stats import kendalltau

    label = "the level of words says nothing of the time to the next event"
    places = np.flatnonzero(events)
    t = np.arange(len(pair.periods))
    at = np.searchsorted(places, t, side="right")
    wait = (
        np.where(at < len(places), places[np.minimum(at, len(places) - 1)] - t, -1)
        if len(places)
        else np.full(len(t), -1)
    )
    keep = (wait > 0) & ~np.isnan(pair.words)
    if keep.sum() < 10 or not series.spread(pair.words[keep]) or len(places) < 2:
        return series.row(
            pair,
            QUESTION,
            "time to next event",
            null=label,
            n=int(keep.sum()),
            reason="fewer than 2 events or 10 periods before one",
        )
    x, y = pair.words[keep], wait[keep].astype(float)
    tau = float(kendalltau(x, y).statistic)
    shuffled = np.array([kendalltau(x[o], y).statistic for o in null.rotations(len(x), min(permutations, 200), rng)])
    drawn = np.array([kendalltau(d[keep], y).statistic for d in pair.draws[:50]])
    # Beside the words' noise, how far the timing of the events alone carries tau.
    low, high = series.rubin(drawn, np.full(len(drawn), float(shuffled.var())), point=tau)
    return series.row(
        pair,
        QUESTION,
        "time to next event",
        estimate=tau,
        low=low,
        high=high,
        p=null.p_value(abs(tau), np.abs(shuffled)),
        null=label,
        n=int(keep.sum()),
        settings={"events": len(places), "null": "circular shifts"},
    )
