"""From coded passages to series of words and of deeds, and to their comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sca_nlp.api.series import Dyads, Series
from sca_nlp.api.tables import report_rejects, to_arrow
from sca_nlp.errors import InputError
from sca_nlp.records import Reject

if TYPE_CHECKING:
    import pandas as pd

    from sca_nlp.api.model import Model
    from sca_nlp.compare.dyad import Comparison


def aggregate(
    passages: Any,
    dyads: Dyads | None = None,
    *,
    period: str = "year",
    both: bool = True,
    model: Model | None = None,
    min_passages: int = 10,
    weights: Mapping[str, float] | None = None,
    actor_files: Iterable[str | Path] = (),
    draws: int = 200,
    seed: int = 0,
    **options: Any,
) -> Series:
    """Add coded passages up into series of words per pair of actors and period, with intervals from the speeches.

    Args:
        passages: what `Model.score` returned (with `date` and `source`), or a run folder that `sca score` made.
        dyads: pairs (source, target) of states or groups such as NATO; None: every source with everyone it names.
        period: `year`, `quarter` or `month`.
        both: read each pair both ways.
        model: the model of the passages, so that its measured errors correct the shares; a run folder knows its own.
        min_passages: cells with fewer sentences are flagged `hidden`.
        weights: indicator id -> weight in the trust balance; equal by default.
        actor_files: TOML files with actors and groups beyond the shipped ones.
        draws: draws of the balance per cell, for `compare`.
        seed: of the draws.
        options: further keywords of `sca_nlp.aggregate.words`, such as `audit`, `by` or `speakers`.

    Raises:
        InputError: no dates or sources, or settings that do not fit.

    >>> from sca_nlp import Speech, load
    >>> speeches = [
    ...     Speech(f"s{year}", str(year), "FRA", "Germany is our friend. We share one destiny with Germany.")
    ...     for year in (1963, 1964)
    ... ]
    >>> series = aggregate(load("linear").score(speeches), [("FRA", "DEU")], both=False, min_passages=1)
    >>> series.select()[["source", "target", "period", "n_passages"]].to_dict("list")
    {'source': ['FRA', 'FRA'], 'target': ['DEU', 'DEU'], 'period': ['1963', '1964'], 'n_passages': [2, 2]}
    """
    import tempfile

    from sca_nlp.aggregate.words import words
    from sca_nlp.pipeline import members_function
    from sca_nlp.store import passage_paths, write_table

    files = tuple(str(f) for f in actor_files) or (model.actor_files if model else ())
    pairs = None if dyads is None else _both(dyads) if both else list(dyads)
    keywords: dict[str, Any] = {
        "dyads": pairs,
        "members": members_function(files),
        "period": period,
        "weights": weights,
        "min_passages": min_passages,
        "error_rates": model.error_rates if model else None,
        "draws": draws,
        "seed": seed,
        "codebook": model.tools.classifier.codebook if model else None,
        **options,
    }
    if isinstance(passages, (str, Path)):
        if model is None:
            from sca_nlp.codebook import codebook_of
            from sca_nlp.pipeline import run_error_rates

            keywords["error_rates"] = run_error_rates(Path(passages))
            keywords["codebook"] = keywords["codebook"] or codebook_of(Path(passages))
        made = words(passage_paths(Path(passages)), **keywords)
    else:
        table = to_arrow(passages)
        for name in ("date", "source"):
            if name not in table.column_names or not any(table[name].to_pylist()):
                raise InputError(
                    "passages", f"no {name}", f"passages with a {name}: score speeches that have one, or give defaults="
                )
        with tempfile.TemporaryDirectory(prefix="sca-") as folder:
            write_table(Path(folder) / "passages.parquet", table)
            made = words([Path(folder) / "passages.parquet"], **keywords)
    return Series(made.series, made.draws, made.settings, made.left_out)


def deeds(
    sources: Mapping[str, str | Path],
    dyads: Dyads,
    *,
    period: str = "year",
    both: bool = True,
    window: tuple[str, str] | None = None,
    verbal: bool = False,
    actor_files: Iterable[str | Path] = (),
    rejects: list[Reject] | None = None,
) -> pd.DataFrame:
    """Read data sets of deeds and add them up per pair, period and manifestation.

    Args:
        sources: reader -> path, as in `{"chronology": "deeds.csv"}`; `sca deeds --list` names the readers.
        dyads: pairs (source, target) of states or groups.
        period: `year`, `quarter` or `month`.
        both: read each pair both ways.
        window: first and last period over which z units are standardised; None: all.
        verbal: count verbal deeds too.
        actor_files: TOML files with actors and groups beyond the shipped ones.
        rejects: list that takes up the records that cannot be used; without one, they are warned of.

    Returns:
        source, target, period, manifestation, dataset, estimate (positive = toward a security community), n_deeds,
        covered. Outside a data set's coverage a value is missing, never 0.
    """
    import pandas as pd

    from sca_nlp.aggregate.deeds import deed_series
    from sca_nlp.pipeline import members_function
    from sca_nlp.read.deeds import read_deeds

    found: list[Reject] = []
    tables = [read_deeds(name, path, rejects=found) for name, path in sources.items()]
    if not tables:
        raise InputError("sources", "none", 'reader -> path, as in {"chronology": "deeds.csv"}')
    report_rejects(found, rejects)
    return deed_series(
        pd.concat([t.deeds.to_pandas() for t in tables], ignore_index=True),
        [t.source for t in tables],
        dyads=_both(dyads) if both else list(dyads),
        period=period,
        members=members_function(tuple(str(f) for f in actor_files)),
        verbal=verbal,
        reference=window,
    )


def compare(
    words: Series | str | Path,
    deeds: pd.DataFrame | None = None,
    dyads: Dyads | None = None,
    **options: Any,
) -> Comparison:
    """Set words against deeds: gap, lead and lag, reciprocity, breaks, each with its null and its q-value.

    Args:
        words: what `aggregate` returned, or a run folder that `sca aggregate` and `sca deeds` have filled.
        deeds: what `deeds` returned; not needed with a run folder.
        dyads: directed pairs; default: those that the words and the deeds both hold.
        options: fields of `sca_nlp.compare.Options`, such as `window`, `max_lag`, `permutations`, `seed`; `workers`.

    Returns:
        A `Comparison` with the frames `gap`, `tests`, `breaks`, `sequences`. Positive lag = the words come first; a
        positive gap = warmer in words than in deeds. Precedence is no causation.

    Raises:
        InputError: words without deeds, or without a pair in common.
    """
    import pandas as pd

    from sca_nlp.compare.dyad import compare_many

    if isinstance(words, (str, Path)):
        frames = [Path(words) / f"{name}.parquet" for name in ("words", "words_draws", "deed_series")]
        for path, command in zip(frames, ("aggregate", "aggregate", "deeds"), strict=True):
            if not path.exists():
                raise InputError(path, "not there", f"the file that `sca {command}` makes; run that first")
        series, draws, deeds = (pd.read_parquet(path) for path in frames)
    else:
        series, draws = words.frame, words.draws
    if deeds is None:
        raise InputError("deeds", "none", "the frame that sca.deeds() returns")
    there = {d for d in zip(series["source"], series["target"], strict=True) if d[1]}
    there &= set(zip(deeds["source"], deeds["target"], strict=True))
    wanted = sorted(there if dyads is None else there & set(dyads))
    if not wanted:
        raise InputError("dyads", "no pair in common", "words and deeds of the same pairs of actors")
    return compare_many(series, draws, deeds, wanted, **options)


def _both(dyads: Dyads) -> list[tuple[str, str]]:
    return list(dict.fromkeys([*((a, b) for a, b in dyads), *((b, a) for a, b in dyads)]))
