"""One dyad's words and deeds on one grid of periods, and the row in which every test reports."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: Columns of `compare/tests.parquet`. `q` is filled by `multiple.adjust`; `reason` says why an estimate is missing.
TEST_COLUMNS = (
    "source",
    "target",
    "question",
    "statistic",
    "direction",
    "estimate",
    "low",
    "high",
    "p",
    "q",
    "null",
    "n",
    "lag",
    "settings",
    "reason",
)
_NAN = float("nan")
Z95 = 1.959963984540054  # two-sided 95 %


@dataclass(frozen=True)
class Pair:
    """Words and deeds of a dyad over `periods`: arrays of shape (periods,), NaN where missing; draws (draws,
    periods).
    """

    source: str
    target: str
    periods: tuple[str, ...]
    words: Array
    draws: Array
    deeds: Array
    #: places of the periods from which on the deeds are made of other data sets than before
    joints: tuple[int, ...] = ()

    def at_joint(self, place: int) -> bool:
        """Tell whether a place is a joint of the deeds or next to one: what changes there may be the sources."""
        return any(abs(place - j) <= 1 for j in self.joints)

    @property
    def both(self) -> NDArray[np.bool_]:
        """Where words and deeds are both known."""
        return ~np.isnan(self.words) & ~np.isnan(self.deeds)


def number(period: str) -> int:
    """Return the running number of a period within its grain; neighbours differ by one."""
    year = int(period[:4])
    if len(period) == 4:
        return year
    return year * 4 + int(period[5]) - 1 if period[4] == "Q" else year * 12 + int(period[5:]) - 1


def name(index: int, like: str) -> str:
    """Return the period of a running number, in the form of the period `like`."""
    if len(like) == 4:
        return f"{index:04d}"
    if like[4] == "Q":
        return f"{index // 4:04d}Q{index % 4 + 1}"
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def span(known: set[str]) -> tuple[str, ...]:
    """Return all periods from the first to the last known one, without holes."""
    if not known:
        return ()
    like, numbers = next(iter(known)), [number(p) for p in known]
    return tuple(name(k, like) for k in range(min(numbers), max(numbers) + 1))


def align(
    words: pd.DataFrame,
    draws: pd.DataFrame,
    deeds: pd.DataFrame,
    source: str,
    target: str,
    *,
    method: str | None = None,
    manifestation: str = "all",
    dataset: str = "all",
) -> Pair:
    """Return the trust balance, its draws and a deed series of a dyad on one grid; hidden cells are missing.

    `method` None: `adjusted` where the dyad has it, else `raw_probability`, else `raw_count`.
    """
    w = words[(words["source"] == source) & (words["target"] == target) & (words["measure"] == "balance")]
    w = w[(w["indicator"] == "all") & ~w["hidden"].astype(bool)]
    if method is None:
        method = next(
            (m for m in ("adjusted", "raw_probability", "raw_count") if (w["method"] == m).any()), "raw_probability"
        )
    w = w[w["method"] == method].dropna(subset=["estimate"])
    d = deeds[(deeds["source"] == source) & (deeds["target"] == target)]
    d = d[(d["manifestation"] == manifestation) & (d["dataset"] == dataset)].dropna(subset=["estimate"])
    periods = span(set(w["period"]) | set(d["period"]))
    at = {p: k for k, p in enumerate(periods)}
    x, y = np.full(len(periods), np.nan), np.full(len(periods), np.nan)
    x[[at[p] for p in w["period"]]] = w["estimate"].to_numpy(float)
    y[[at[p] for p in d["period"]]] = d["estimate"].to_numpy(float)
    g = draws[(draws["source"] == source) & (draws["target"] == target)]
    g = g[g["period"].isin(set(w["period"]))]
    if len(g):
        number_of = g["draw"].to_numpy(int)
        z = np.full((int(number_of.max()) + 1, len(periods)), np.nan)
        z[number_of, [at[p] for p in g["period"]]] = g["estimate"].to_numpy(float)
        z = np.where(np.isnan(z), x, z)
    else:
        z = x[None, :].copy()
    return Pair(source, target, periods, x, z, y, _joints(d, at))


def _joints(deeds: pd.DataFrame, at: Mapping[str, int]) -> tuple[int, ...]:
    if "make_up" not in deeds.columns:
        return ()
    named = sorted((at[p], str(m)) for p, m in zip(deeds["period"], deeds["make_up"], strict=True) if m)
    return tuple(b for (_, was), (b, is_) in itertools.pairwise(named) if was != is_)


def spread(values: Array) -> bool:
    """Return whether the known values differ."""
    known = values[~np.isnan(values)]
    return bool(len(known) > 1 and np.ptp(known) > 1e-12 * max(1.0, float(np.abs(known).max())))


def problem(pair: Pair, least: int) -> str:
    """Return why a statistic on both series cannot be had, or the empty string."""
    n = int(pair.both.sum())
    if n < least:
        return f"{n} periods with words and deeds; at least {least} needed"
    if (pair.both[1:] & pair.both[:-1]).sum() < least // 2:
        return "too few neighbouring periods: the series have too many holes"
    if not spread(pair.words[pair.both]):
        return "words do not vary"
    return "" if spread(pair.deeds[pair.both]) else "deeds do not vary"


def foretold(words: Array, deeds: Array) -> str:
    """Return why two whitened series cannot be compared, or the empty string."""
    for what, left in (("words", words), ("deeds", deeds)):
        if not spread(left):
            return f"{what} follow wholly from their own past: nothing is left to compare"
    return ""


def row(
    pair: Pair,
    question: str,
    statistic: str,
    *,
    direction: str = "",
    estimate: float = _NAN,
    low: float = _NAN,
    high: float = _NAN,
    p: float = _NAN,
    null: str = "",
    n: int = 0,
    lag: float = _NAN,
    settings: Mapping[str, Any] | None = None,
    reason: str = "",
) -> dict[str, Any]:
    """Return one row of the table of tests."""
    return {
        "source": pair.source,
        "target": pair.target,
        "question": question,
        "statistic": statistic,
        "direction": direction,
        "estimate": float(estimate),
        "low": float(low),
        "high": float(high),
        "p": float(p),
        "q": _NAN,
        "null": null,
        "n": int(n),
        "lag": float(lag),
        "settings": json.dumps(dict(settings or {}), sort_keys=True, ensure_ascii=False),
        "reason": reason,
    }


def rubin(
    values: Array, variances: Array | None = None, *, point: float | None = None, z: float = Z95
) -> tuple[float, float]:
    """Return 95 % limits from draws: spread between draws plus the mean variance within them (Rubin 1987).

    Args:
        values: estimate of each draw; NaN draws are left out.
        variances: sampling variance of each draw's estimate, or None.
        point: centre of the interval; None: the mean of the draws.
        z: standard errors on each side; more than `Z95` where the estimate is the largest of several.
    """
    known = ~np.isnan(values)
    if not known.any():
        return _NAN, _NAN
    v = values[known]
    between = float(v.var(ddof=1)) * (1 + 1 / len(v)) if len(v) > 1 else 0.0
    within = float(np.nanmean(variances[known])) if variances is not None else 0.0
    half = z * float(np.sqrt(between + within))
    centre = float(v.mean()) if point is None else point
    return centre - half, centre + half
