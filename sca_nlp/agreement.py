"""Agreement between coders, and of one coder with another taken as the standard, with intervals.

Sources: Krippendorff (2019), Content Analysis, 4th ed., ch. 12 (alpha for nominal data with missing values);
intervals by resampling units.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Fewer units than this give no figure.
LEAST = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """An estimate with its 95 % interval. Where it is undefined, `value` is None and `reason` says why."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    reason: str = ""


def alpha(units: Sequence[Mapping[str, str]]) -> Figure:
    """Return Krippendorff's nominal alpha over units, each a mapping of coder -> value; below 1 disagreement, 0 chance.

    Args:
        units: values by coder; units with fewer than two coders carry no information and are left out.
    """
    tables = _tables(units)
    if len(tables) < LEAST:
        return Figure(None, n=len(tables), reason=f"only {len(tables)} passages coded by two; {LEAST} are needed")
    value = _alpha(tables)
    if value is None:
        return Figure(None, n=len(tables), reason="everyone gave the same value everywhere: chance agreement is total")
    low, high = _interval(tables, _alpha)
    return Figure(value, low, high, len(tables))


def nominal_alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Return alpha alone, of units given as their coders' values; None where nothing varies. For resampling."""
    return _alpha(_tables([{str(k): str(v) for k, v in enumerate(values)} for values in units]))


def _tables(units: Sequence[Mapping[str, str]]) -> NDArray[np.float64]:
    """Return how often each value was given, one row a unit that two or more have coded."""
    pairable = [u for u in units if len(u) > 1]
    values = sorted({v for u in pairable for v in u.values()})
    out = np.zeros((len(pairable), len(values)))
    for row, u in zip(out, pairable, strict=True):
        for v in u.values():
            row[values.index(v)] += 1
    return out


def _alpha(tables: NDArray[np.float64]) -> float | None:
    if not len(tables):
        return None
    m = tables.sum(1)
    same = ((tables * (tables - 1)).sum(1) / (m - 1)).sum()
    totals = tables.sum(0)
    n = totals.sum()
    expected_same = (totals * (totals - 1)).sum() / (n - 1)
    if math.isclose(n, expected_same):
        return None
    return float(1 - (n - same) / (n - expected_same))


def f1(standard: Sequence[bool], given: Sequence[bool]) -> Figure:
    """Return the F1 of `given` against `standard`, unit by unit."""
    pairs = np.array([standard, given], dtype=float).T.reshape(-1, 2)
    if not pairs[:, 0].any() and not pairs[:, 1].any():
        return Figure(None, n=len(pairs), reason="neither side has given this code")
    value = _f1(pairs)
    if len(pairs) < LEAST:
        return Figure(None, n=len(pairs), reason=f"only {len(pairs)} passages; {LEAST} are needed")
    low, high = _interval(pairs, _f1)
    return Figure(value, low, high, len(pairs))


def _f1(pairs: NDArray[np.float64]) -> float | None:
    both = (pairs[:, 0] * pairs[:, 1]).sum()
    either = pairs.sum()
    return None if either == 0 else float(2 * both / either)


def _interval(
    rows: NDArray[np.float64], statistic: Callable[[NDArray[np.float64]], float | None], n_draws: int = 400
) -> tuple[float, float]:
    """Return the 2.5 and 97.5 percentiles over resampled rows, undefined ones aside.

    A statistic that one row makes defined on the whole is defined on at least 1 - 1/e of the resamples.
    """
    rng = np.random.default_rng(len(rows))
    drawn = [statistic(rows[rng.integers(0, len(rows), len(rows))]) for _ in range(n_draws)]
    values = [v for v in drawn if v is not None]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
