"""What does a result hang on? The central statistics again under other choices, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.compare import gap, leadlag, series
from sca_nlp.compare.pool import Step, by_pair, each

#: Word series, their draws, and deed series made under one set of choices.
Frames = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def sensitivity(
    variants: Mapping[str, Frames],
    source: str,
    target: str,
    *,
    windows: Mapping[str, tuple[str, str] | None] | None = None,
    max_lag: int = 5,
    permutations: int = 1000,
    seed: int = 0,
    **chosen: Any,
) -> pd.DataFrame:
    """Return agreement, drift of the gap and cross-correlations of a dyad for each variant and reference window.

    Args:
        variants: name (such as `verbal deeds in`, `threshold +.1`, `weights: threat only`) -> frames made that way.
        source: who speaks and acts.
        target: about whom.
        windows: name -> reference window; None: all periods alone.
        max_lag: of the cross-correlation, in periods.
        permutations: of each test.
        seed: the same for every variant, so that only the choices differ.
        chosen: `method`, `manifestation`, `dataset` as for `series.align`.

    Returns:
        The columns of the table of tests, with `variant` and `window` before them. No q: these are no further tests.
    """
    rows = []
    for name, frames in variants.items():
        pair = series.align(*frames, source, target, **chosen)
        for label, window in (windows or {"all periods": None}).items():
            rng = np.random.default_rng(seed)
            found = gap.divergence(pair, window=window, permutations=permutations, rng=rng)
            found += leadlag.cross_correlation(pair, max_lag=max_lag, permutations=permutations, rng=rng)
            rows += [{"variant": name, "window": label} | r for r in found]
    return pd.DataFrame(rows, columns=["variant", "window", *series.TEST_COLUMNS])


def sensitivity_many(
    variants: Mapping[str, Frames],
    dyads: Sequence[tuple[str, str]],
    *,
    workers: int = 1,
    progress: Step | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Return `sensitivity` of many dyads, in their order.

    Args:
        variants: name -> frames of all dyads.
        dyads: directed pairs.
        workers: processes; the numbers do not depend on it.
        progress: called with (done, all) after each dyad.
        options: as for `sensitivity`.
    """
    parts = {name: [by_pair(f, dyads) for f in frames] for name, frames in variants.items()}

    def task(source: str, target: str) -> tuple[dict[str, list[pd.DataFrame]], str, str, dict[str, Any]]:
        key = frozenset((source, target))
        return {name: [f[key] for f in frames] for name, frames in parts.items()}, source, target, options

    found = each(_job, (task(a, b) for a, b in dyads), len(dyads), workers=workers, progress=progress)
    return pd.concat(found, ignore_index=True)


def _job(task: tuple[dict[str, list[pd.DataFrame]], str, str, dict[str, Any]]) -> pd.DataFrame:
    frames, source, target, options = task
    return sensitivity({k: (f[0], f[1], f[2]) for k, f in frames.items()}, source, target, **options)
