"""Join series of different spans into one without a jump where one of them begins or ends.

A mean over the series that happen to be there falls when a high one ends, though nothing happened. Here the series are
cut into stretches in each of which the same ones are there, and neighbouring stretches are linked on what they share:
over the periods next to the joint, the level of the mean is carried on by the series common to both (as price indices
and records of several satellites are linked). Beyond a joint only what goes on is seen, and the joints are named.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: Periods on either side of a joint over which the level is carried on; fewer where there are fewer.
LINK = 10


def stretches(z: Array) -> list[tuple[int, int, tuple[int, ...]]]:
    """Return (first, last, series) of each stretch: from a series' first to its last value it is there, holes included.

    Args:
        z: shape (periods, series), NaN where missing.
    """
    known = ~np.isnan(z)
    spans = [(int(k.argmax()), len(k) - 1 - int(k[::-1].argmax())) if k.any() else (1, 0) for k in known.T]
    sets = [tuple(i for i, (a, b) in enumerate(spans) if a <= t <= b) for t in range(len(z))]
    out, start = [], 0
    for there, run in itertools.groupby(sets):
        n = len(list(run))
        if there:
            out.append((start, start + n - 1, there))
        start += n
    return out


def plain(z: Array, series: Sequence[int], group: NDArray[np.int_], weight: Array) -> Array:
    """Return the weighted mean over groups of the means of their series that are known, by period; NaN where none."""
    top, bottom = np.zeros(len(z)), np.zeros(len(z))
    for g in sorted({int(group[i]) for i in series}):
        part = z[:, [i for i in series if group[i] == g]]
        n = (~np.isnan(part)).sum(1)
        mean = np.where(n > 0, np.nansum(part, 1) / np.maximum(n, 1), 0.0)
        top += weight[g] * mean * (n > 0)
        bottom += weight[g] * (n > 0)
    return np.asarray(np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), np.nan))


def compose(
    z: Array, group: NDArray[np.int_], weight: Array
) -> tuple[Array, list[tuple[int, int, tuple[int, ...], bool]]]:
    """Return the joined series (periods,), and its stretches: first, last, series, linked to the others or not.

    The longest stretch keeps its level. One that shares nothing with its neighbour keeps its own and is not linked.

    Args:
        z: shape (periods, series), in common units, NaN where missing.
        group: of each series; series of a group are averaged first.
        weight: of each group.
    """
    cut = stretches(z)
    out = np.full(len(z), np.nan)
    if not cut:
        return out, []
    base = max(range(len(cut)), key=lambda k: (cut[k][1] - cut[k][0], k))
    shift, linked = [0.0] * len(cut), [True] * len(cut)
    for order in (range(base + 1, len(cut)), range(base - 1, -1, -1)):
        for k in order:
            near = k - 1 if k > base else k + 1
            early, late = cut[min(k, near)], cut[max(k, near)]
            step = _step(z, early, late, group, weight)
            linked[k] = linked[near] and step is not None
            shift[k] = shift[near] + (step or 0.0) * (1 if k > base else -1) if linked[k] else 0.0
    for (first, last, series), by in zip(cut, shift, strict=True):
        out[first : last + 1] = plain(z, series, group, weight)[first : last + 1] + by
    return out, [(*c, there) for c, there in zip(cut, linked, strict=True)]


def _step(
    z: Array,
    early: tuple[int, int, tuple[int, ...]],
    late: tuple[int, int, tuple[int, ...]],
    group: NDArray[np.int_],
    weight: Array,
) -> float | None:
    """Return what must be added to the later stretch for its level to go on; None: nothing shared."""
    common = sorted(set(early[2]) & set(late[2]))
    if not common or early[1] + 1 != late[0]:
        return None
    shared = plain(z, common, group, weight)

    def beyond(series: tuple[int, ...], rows: range) -> float | None:
        if list(series) == common:
            return 0.0
        full = plain(z, series, group, weight)
        found = []
        for t in rows:  # as far as all of them are known and the same ones count
            if np.isnan(z[t, list(series)]).all() or np.isnan(shared[t]):
                continue
            found.append(full[t] - shared[t])
            if len(found) == LINK:
                break
        return float(np.mean(found)) if found else None

    before = beyond(early[2], range(early[1], early[0] - 1, -1))
    after = beyond(late[2], range(late[0], late[1] + 1))
    return None if before is None or after is None else before - after
