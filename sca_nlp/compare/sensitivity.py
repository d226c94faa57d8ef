"""What does a result hang on? The central statistics again under other choices, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.compare import breaks, gap, granger, leadlag, reciprocity, series
from sca_nlp.compare.pool import Step, by_pair, each

#: Word series, their draws, and deed series made under one set of choices.
Frames = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
#: Draws behind the limits of those tests whose p-value needs none: their limits are not shown side by side.
DRAWS = 20


def sensitivity(
    variants: Mapping[str, Frames],
    source: str,
    target: str,
    *,
    windows: Mapping[str, tuple[str, str] | None] | None = None,
    weights: Mapping[str, float] | None = None,
    headline: str = "",
    max_lag: int = 5,
    permutations: int = 1000,
    seed: int = 0,
    **chosen: Any,
) -> pd.DataFrame:
    """Return a dyad's tests for each variant: agreement, drift of the gap, lead, prediction, answers, breaks.

    The drift stands under each reference window too; nothing else hangs on it.

    Args:
        variants: name (such as `verbal deeds in`, `threshold +.1`, `weights: threat only`) -> frames made that way.
        source: who speaks and acts.
        target: about whom.
        windows: name -> reference window; None: all periods alone.
        weights: of the indicators in the trust balance; where given, the first variant's words also come otherwise made
            (`other_words`).
        headline: method of the first variant's draws.
        max_lag: of the cross-correlation, in periods.
        permutations: of each test.
        seed: the same for every variant, so that only the choices differ.
        chosen: `method`, `manifestation`, `dataset` as for `series.align`.

    Returns:
        The columns of the table of tests, with `variant` and `window` before them. No q: these are no further tests.
    """
    rows = []
    every = dict(variants)
    if weights:
        words, draws, deeds = next(iter(variants.values()))
        made = other_words(words, draws, weights, headline)
        every |= {name: (w, d, deeds) for name, (w, d) in made.items()}
    turned = (target, source)
    for name, frames in every.items():
        pair = series.align(*frames, source, target, **chosen)
        settings: dict[str, Any] = {"permutations": permutations}
        for k, (label, window) in enumerate((windows or {"all periods": None}).items()):
            rng = np.random.default_rng(seed)
            if k and name not in variants:
                break  # one choice changed at a time
            if k == 0:
                found = gap.divergence(pair, window=window, rng=rng, **settings)
                found += leadlag.cross_correlation(pair, max_lag=max_lag, rng=rng, **settings)
                few, back = (
                    replace(p, draws=p.draws[:DRAWS]) for p in (pair, series.align(*frames, *turned, **chosen))
                )
                found += granger.toda_yamamoto_rows(few)
                found += reciprocity.reciprocity(few, back, rng=rng, **settings)[0]
                found += [breaks.any_break(few, which, rng=rng, **settings) for which in ("words", "deeds")]
            else:
                found = [gap.drift(pair, window=window, rng=rng, **settings)]
            rows += [{"variant": name, "window": label} | r for r in found]
    return pd.DataFrame(rows, columns=["variant", "window", *series.TEST_COLUMNS])


def other_words(
    words: pd.DataFrame, draws: pd.DataFrame, weights: Mapping[str, float], headline: str
) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Return the trust balance made in other ways, and its draws: without each indicator, and from counted codes.

    Without an indicator the others keep their weights among themselves; the draws are moved along, so that their spread
    is that of the balance as reported. Counted codes have no draws.

    Args:
        words: word series with the balance of each indicator.
        draws: draws of the balance.
        weights: of the indicators.
        headline: the method that the draws are of; its rows alone are kept. Empty: `adjusted`, else `raw_probability`.
    """
    balance = words[words["measure"] == "balance"]
    there = set(balance["method"])
    headline = headline or next((m for m in ("adjusted", "raw_probability") if m in there), "raw_count")
    main = balance[(balance["indicator"] == "all") & (balance["method"] == headline)]
    cell = ["source", "target", "period"]
    out = {}
    for left_out, weight in weights.items():
        rest = {i: w for i, w in weights.items() if i != left_out and w > 0}
        if not rest or weight <= 0:
            continue
        parts = balance[(balance["method"] == headline) & balance["indicator"].isin(rest)]
        share = parts["indicator"].map(rest).astype(float) / sum(rest.values())
        mean = (parts["estimate"] * share).groupby([parts[c] for c in cell]).sum(min_count=len(rest))
        at = pd.MultiIndex.from_frame(main[cell])
        moved = mean.reindex(at).to_numpy(float) - main["estimate"].to_numpy(float)
        step = pd.Series(moved, index=at)
        shift = step[~step.index.duplicated()].reindex(pd.MultiIndex.from_frame(draws[cell])).to_numpy(float)
        name = f"weights: without {left_out.replace('_', ' ')}"
        out[name] = (main.assign(estimate=main["estimate"] + moved), draws.assign(estimate=draws["estimate"] + shift))
    if headline != "raw_count" and "raw_count" in there:
        counted = balance[(balance["indicator"] == "all") & (balance["method"] == "raw_count")]
        out["words: codes counted at the threshold"] = (counted, draws.iloc[:0])
    return out


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
