"""The words of a run against its deeds: gap, tests, breaks, place on the scale, and how much hangs on choices."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sca_nlp.config import CompareSection
from sca_nlp.pipeline.deed_series import kept_deed_series
from sca_nlp.pipeline.dyads import Dyads, members_function, undirected
from sca_nlp.pipeline.evidence import evidence
from sca_nlp.pipeline.frames import note, read_frame, write_frame
from sca_nlp.pipeline.guard import alone
from sca_nlp.pipeline.leaders_and_crises import changes_of_leader, crisis_windows
from sca_nlp.pipeline.recipe import keep_recipe, relative
from sca_nlp.store import read_manifest

if TYPE_CHECKING:
    import pandas as pd


@alone
def compare(
    folder: Path,
    section: CompareSection,
    dyads: Dyads,
    *,
    actor_files: Iterable[str] = (),
    seed: int = 0,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Set the words of a run against its deeds: write `compare/*.parquet`; return counts.

    Args:
        folder: the run.
        section: how.
        dyads: directed pairs; those without words are left out.
        actor_files: further actors.
        seed: of every draw.
        workers: processes, the numbers do not depend on it; 0: as the section says, or as cores and dyads allow.
        progress: called with (done, all) as the work goes on; it is done three times over: as reported, under other
            choices, and for the place on the scale.
    """
    from sca_nlp.compare.dyad import compare_many
    from sca_nlp.compare.spectrum import positions_many

    def part(k: int) -> Callable[[int, int], None] | None:
        return (lambda done, n: progress(k * len(kept) + done * len(kept) // n, 3 * len(kept))) if progress else None

    actor_files = tuple(actor_files)
    words = read_frame(folder / "words.parquet", "sca aggregate")
    draws = read_frame(folder / "words_draws.parquet", "sca aggregate")
    series = read_frame(folder / "deed_series.parquet", "sca deeds")
    grain = read_manifest(folder).get("words", {}).get("period", "year")
    there = set(zip(words["source"], words["target"], strict=True))
    kept = [d for d in dyads if d in there] or sorted(d for d in there if d[1])
    workers = workers or section.workers or _workers(len(kept))
    made = compare_many(
        words,
        draws[draws["draw"] < section.draws],
        series,
        kept,
        evidence=evidence(folder, kept, grain, members_function(actor_files)),
        workers=workers,
        progress=part(0),
        window=(section.window[0], section.window[1]) if len(section.window) == 2 else None,
        n_draws=section.draws,
        max_lag=section.max_lag,
        permutations=section.permutations,
        leaders=changes_of_leader(section.leaders, grain) if section.leaders else (),
        crises=crisis_windows(section.crises, kept, grain),
        seed=seed,
    )
    for name in ("gap", "tests", "breaks", "sequences"):
        write_frame(folder / "compare" / f"{name}.parquet", getattr(made, name))
    placed, criteria = positions_many(words, series, undirected(kept), workers=workers, progress=part(1))
    write_frame(folder / "compare" / "position.parquet", placed)
    write_frame(folder / "compare" / "criteria.parquet", criteria)
    other = _sensitivity(folder, section, words, draws, series, kept, grain, actor_files, seed, workers, part(2))
    write_frame(folder / "compare" / "sensitivity.parquet", other)
    note(folder, compare=made.settings)
    keep_recipe(
        folder,
        "compare",
        section=replace(section, leaders=relative(section.leaders, folder), workers=0),
        dyads=list(dyads),
        actor_files=[relative(f, folder) for f in actor_files],
        seed=seed,
    )
    return {"dyads": len(kept), "tests": int(made.tests["p"].notna().sum()), "breaks": len(made.breaks)}


def _workers(n: int) -> int:
    """Return how many processes n dyads are worth: one takes as long to start as a few dyads to compare."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, n // 4, 8))


def _sensitivity(
    folder: Path,
    section: CompareSection,
    words: pd.DataFrame,
    draws: pd.DataFrame,
    deeds: pd.DataFrame,
    dyads: Dyads,
    grain: str,
    actor_files: Iterable[str],
    seed: int,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> pd.DataFrame:
    """Return agreement, drift and lead under other choices: verbal deeds the other way, halves of the reference window,
    without each indicator, from counted codes.
    """
    from sca_nlp.compare.sensitivity import sensitivity_many

    periods = sorted(set(deeds["period"]))
    window = (section.window[0], section.window[1]) if len(section.window) == 2 else (periods[0], periods[-1])
    inside = [p for p in periods if window[0] <= p <= window[1]] or periods
    middle = inside[len(inside) // 2]
    other = kept_deed_series(
        folder,
        dyads,
        period=grain,
        actor_files=actor_files,
        verbal=not section.verbal,
        window=window,
        first=periods[0],
        last=periods[-1],
    )
    variants = {
        "as reported": (words, draws, deeds),
        f"verbal deeds {'out' if section.verbal else 'in'}": (words, draws, other),
    }
    made = read_manifest(folder).get("words", {})
    windows = {"as reported": window, "its first half": (window[0], middle), "its second half": (middle, window[1])}
    return sensitivity_many(
        variants,
        dyads,
        workers=workers,
        progress=progress,
        windows=windows,
        weights=made.get("weights"),
        headline=str(made.get("headline", "")),
        max_lag=section.max_lag,
        permutations=min(section.permutations, 200),
        seed=seed,
    )
