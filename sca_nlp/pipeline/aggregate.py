"""From stored scores to series of words: the first stage after scoring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sca_nlp.codebook import Codebook, codebook_of
from sca_nlp.config import WordsSection
from sca_nlp.errors import InputError
from sca_nlp.pipeline.dyads import directed, members_function
from sca_nlp.pipeline.frames import note, write_frame
from sca_nlp.pipeline.guard import alone, shards_named
from sca_nlp.pipeline.rates import rates_of, rates_today
from sca_nlp.pipeline.recipe import keep_recipe, relative
from sca_nlp.store import passage_paths

if TYPE_CHECKING:
    import pandas as pd


@alone
def aggregate(
    folder: Path,
    section: WordsSection,
    *,
    actor_files: Iterable[str] = (),
    draws: int = 200,
    seed: int = 0,
    rates: Mapping[str, Any] | Literal["of the model"] | None = "of the model",
) -> dict[str, int]:
    """Make `words.parquet` and `words_draws.parquet` of a scored run; return counts.

    Args:
        folder: the run.
        section: what is asked for.
        actor_files: further actors.
        draws: draws of each series.
        seed: of the draws.
        rates: the model's error rates as `metrics.json` and the recipe hold them; by default those that it has today.
    """
    from sca_nlp.aggregate import words

    actor_files = tuple(actor_files)
    if rates == "of the model":
        rates = rates_today(folder)
    book = codebook_of(folder)
    with shards_named(folder):
        made = words(
            passage_paths(folder),
            dyads=directed(section) or None,
            members=members_function(actor_files),
            period=section.period,
            codebook=book,
            weights=section.weights or None,
            min_passages=section.min_passages,
            error_rates=rates_of(rates),
            audit=_audit(section.audit, book),
            languages=() if section.other_languages else ("en", ""),
            draws=draws,
            seed=seed,
        )
    series, drawn = made.series, made.draws
    for limit, keep in ((section.first, "ge"), (section.last, "le")):
        if limit:
            series = series[getattr(series["period"].str[: len(limit)], keep)(limit)]
            drawn = drawn[getattr(drawn["period"].str[: len(limit)], keep)(limit)]
    write_frame(folder / "words.parquet", series)
    write_frame(folder / "words_draws.parquet", drawn)
    note(folder, words={**made.settings, "left_out": made.left_out})
    keep_recipe(
        folder,
        "aggregate",
        section=replace(section, audit=relative(section.audit, folder)),
        actor_files=[relative(f, folder) for f in actor_files],
        draws=draws,
        seed=seed,
        rates=rates,
    )
    return {"cells": len(series[["source", "target", "period"]].drop_duplicates()), "rows": len(series)}


def _audit(path: str, book: Codebook) -> pd.DataFrame | None:
    """Return what coders said of passages drawn at random, or None without such a file."""
    if not path:
        return None
    import pandas as pd

    from sca_nlp.read.annotations import read_annotations
    from sca_nlp.records import passage_id

    rows = [
        {
            "passage_id": passage_id(a.speech_id, a.start, a.end),
            "codes": list(a.codes),
            "inclusion_probability": a.inclusion_probability,
        }
        for a in read_annotations(path, codebook=book)
        if a.stream in ("audit", "")
    ]
    if not rows:
        raise InputError(path, "no annotation of the audit stream", "annotations drawn at random (stream = audit)")
    return pd.DataFrame(rows)
