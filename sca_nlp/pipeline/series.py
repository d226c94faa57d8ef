"""From stored scores to the report: aggregate, deeds, compare, report; and the whole run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow.compute as pc

from sca_nlp.codebook import Codebook, codebook_of
from sca_nlp.config import CompareSection, Config, DeedsSection, WordsSection, moved, to_toml
from sca_nlp.errors import InputError, ScaError
from sca_nlp.pipeline.guard import alone, shards_named
from sca_nlp.pipeline.recipe import keep_recipe, relative, seal_report
from sca_nlp.pipeline.scoring import Progress, load_tools, read, score
from sca_nlp.records import Coverage, DeedSource, Reject
from sca_nlp.store import iter_passages, passage_paths, read_manifest, write_atomically, write_json, write_table

if TYPE_CHECKING:
    import pandas as pd

    from sca_nlp.compare.crisis import Window
    from sca_nlp.compare.endurance import Change
    from sca_nlp.prevalence import ErrorRates

Members = Callable[[str, int], frozenset[str]]
Cell = tuple[str, str, str]  # source, target, period
Dyads = Sequence[tuple[str, str]]


def members_function(files: Iterable[str] = ()) -> Members:
    """Return `members(group, year)` over the shipped actors and those of further files."""
    from sca_nlp.actors import load_data, members

    return partial(members, data=load_data().extended(files))


def directed(section: WordsSection) -> list[tuple[str, str]]:
    """Return the directed dyads of a config, both ways unless it says otherwise.

    Raises:
        InputError: an actor with itself.
    """
    dyads = list(section.dyads)
    if section.both:
        dyads += [(b, a) for a, b in section.dyads]
    same = next((a for a, b in dyads if a == b), None)
    if same:
        raise InputError("words.dyads", f"{same} with itself", "two different actors")
    return list(dict.fromkeys(dyads))


def known_dyads(section: WordsSection, actor_files: Iterable[str] = (), folder: Path | None = None) -> WordsSection:
    """Return the section with its actors by code: `Russia` -> `RUS`. Actors of the user's own, or in a run, may stand.

    Raises:
        InputError: no such actor; names the nearest.
    """
    from sca_nlp.actors import country_code, load_data

    files = tuple(actor_files)
    data = load_data().extended(files)

    def code(name: str) -> str:
        if name in data.states or name in data.groups:
            return name
        try:
            return country_code(name, where="dyad", data=data)
        except InputError as e:
            if files or (folder and name in _actors_in(folder)):
                return name
            raise InputError("dyad", f"unknown actor {name!r}", e.wanted.replace("a country's", "a state's")) from None

    return replace(section, dyads=tuple((code(a), code(b)) for a, b in section.dyads))


def _actors_in(folder: Path) -> set[str]:
    """Return who speaks in a run and of whom."""
    found: set[str] = set()
    for table in iter_passages(folder, ["source", "targets"]):
        found.update(table["source"].unique().to_pylist(), pc.list_flatten(table["targets"]).unique().to_pylist())
    return found


def _frame(path: Path, made_by: str) -> pd.DataFrame:
    import pandas as pd

    if not path.exists():
        raise InputError(path, "not there", f"the file that `{made_by}` makes; run that first")
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as e:  # pyarrow's errors are children of these
        raise InputError(path, f"not readable ({e})", f"the file that `{made_by}` makes; run that again") from None


def _save(path: Path, frame: pd.DataFrame) -> None:
    import pyarrow as pa

    write_table(path, pa.Table.from_pandas(frame, preserve_index=False))


def _note(folder: Path, **entries: Any) -> None:
    """Add entries to the manifest of a finished stage."""
    write_json(folder / "run.json", {**read_manifest(folder), **entries})


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
    _save(folder / "words.parquet", series)
    _save(folder / "words_draws.parquet", drawn)
    _note(folder, words={**made.settings, "left_out": made.left_out})
    asked = replace(section, audit=relative(section.audit, folder))
    settings = {"actor_files": _from(actor_files, folder), "draws": draws, "seed": seed, "rates": rates}
    keep_recipe(folder, "aggregate", section=asked, **settings)
    return {"cells": len(series[["source", "target", "period"]].drop_duplicates()), "rows": len(series)}


def _from(files: Iterable[str], folder: Path) -> list[str]:
    return [relative(f, folder) for f in files]


def run_error_rates(folder: Path) -> dict[str, ErrorRates] | None:
    """Return the error rates of the model that made a run, or None where it is not at hand any more."""
    return rates_of(rates_today(folder))


def rates_today(folder: Path) -> Mapping[str, Any] | None:
    """Return what `run_error_rates` is made from, as the model's `metrics.json` holds it now."""
    from sca_nlp.classify.folder import find_model, read_folder

    manifest = read_manifest(folder)
    try:
        model = read_folder(find_model(manifest.get("model", {}).get("name") or None))
    except ScaError:
        return None
    # Only where the scores come from the very model that the name still means.
    same = str(manifest["identity"].get("model", "")).startswith(model.digest)
    return _measured(model.path) if same else None


def error_rates(model: Path) -> dict[str, ErrorRates] | None:
    """Return a model's error rates as its `metrics.json` gives them (`error_rates`: `all`, `about`), or None."""
    return rates_of(_measured(model))


def _measured(model: Path) -> Mapping[str, Any] | None:
    import json

    path = model / "metrics.json"
    given: Mapping[str, Any] | None = json.loads(path.read_text("utf-8")).get("error_rates") if path.exists() else None
    return given or None


def rates_of(given: Mapping[str, Any] | None) -> dict[str, ErrorRates] | None:
    """Return error rates as the aggregation wants them, of the table that `metrics.json` and the recipe hold."""
    import numpy as np

    from sca_nlp.prevalence import ErrorRates

    if given is None:
        return None
    keys = ("tpr", "fpr", "n_positive", "n_negative")
    return {
        name: ErrorRates(tuple(r["classes"]), *(np.asarray(r[k], float) for k in keys)) for name, r in given.items()
    }


def _audit(path: str, book: Codebook) -> pd.DataFrame | None:
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


@alone
def deeds(
    folder: Path,
    sections: Sequence[DeedsSection],
    dyads: Dyads,
    *,
    period: str = "year",
    actor_files: Iterable[str] = (),
    verbal: bool = False,
    window: Sequence[str] = (),
    first: str = "",
    last: str = "",
) -> dict[str, int]:
    """Make `deeds.parquet`, `deed_sources.json`, `deed_series.parquet` and `transactions.parquet`; return counts.

    Deeds of actors outside the dyads are left out of the run folder; those of the reference group of
    `configs/model.toml` are read where a source tells of transactions, and leave only their quartiles.
    """
    import pandas as pd
    import pyarrow as pa

    from sca_nlp.aggregate.transactions import read_kinds, transactions
    from sca_nlp.read.deeds import read_deeds

    actor_files = tuple(actor_files)
    members = members_function(actor_files)
    rejects: list[Reject] = []
    frames, sources = [], []
    wanted = _actors(dyads, members)
    kinds, group = read_kinds()
    west = _actors([(group, group)], members) if group else set()
    traded = []
    for section in sections:
        beside = any(k.has(section.name) for k in kinds if k.count != "deeds")
        actors = wanted | west if beside else wanted
        made = read_deeds(section.name, section.path, rejects=rejects, actors=actors, **section.options)
        frame = made.deeds.to_pandas()
        if any(k.has(made.source.name) for k in kinds):
            traded.append(frame)
        if beside:
            frame = frame[frame["source"].isin(wanted) & (frame["target"].isin(wanted) | (frame["target"] == ""))]
        frames.append(frame)
        sources.append(made.source)
    if not frames:
        raise ScaError("no deeds: add [[deeds]] with name and path to the config, or --deeds name=path")
    table = pd.concat(frames, ignore_index=True)
    exchanged = transactions(
        pd.concat(traded, ignore_index=True) if traded else table.iloc[:0],
        sources,
        dyads,
        kinds=kinds,
        reference=lambda year: members(group, year) if group else frozenset(),
        members=members,
    )
    series = _deed_series(table, sources, dyads, period, members, verbal, window, first, last)
    write_table(folder / "deeds.parquet", pa.Table.from_pandas(table, preserve_index=False))
    _save(folder / "transactions.parquet", exchanged)
    write_json(folder / "deed_sources.json", [_source_dict(s) for s in sources])
    lines = [f"{r.file}:{r.line}: {r.reason}\n" for r in rejects]
    write_atomically(folder / "deed_rejects.txt", "".join(lines).encode("utf-8", "replace"))
    _save(folder / "deed_series.parquet", series)
    _note(
        folder, deeds={"verbal": verbal, "n": len(table), "rejects": len(rejects), "sources": [s.name for s in sources]}
    )
    keep_recipe(
        folder,
        "deeds",
        sections=[replace(s, path=relative(s.path, folder)) for s in sections],
        dyads=list(dyads),
        period=period,
        actor_files=_from(actor_files, folder),
        verbal=verbal,
        window=list(window),
        first=first,
        last=last,
    )
    return {"deeds": len(table), "sources": len(sources), "rejects": len(rejects)}


def deed_series_again(
    folder: Path,
    dyads: Dyads,
    *,
    period: str,
    actor_files: Iterable[str],
    verbal: bool,
    window: Sequence[str],
    first: str,
    last: str,
) -> None:
    """Make `deed_series.parquet` from the deeds that a run holds already."""
    table = _frame(folder / "deeds.parquet", "sca deeds")
    members = members_function(actor_files)
    series = _deed_series(table, read_sources(folder), dyads, period, members, verbal, window, first, last)
    _save(folder / "deed_series.parquet", series)


def _deed_series(
    table: pd.DataFrame,
    sources: Sequence[DeedSource],
    dyads: Dyads,
    period: str,
    members: Members,
    verbal: bool,
    window: Sequence[str],
    first: str,
    last: str,
) -> pd.DataFrame:
    from sca_nlp.aggregate import deed_series

    return deed_series(
        table,
        sources,
        dyads=dyads,
        period=period,
        members=members,
        first=first or None,
        last=last or None,
        verbal=verbal,
        reference=(window[0], window[1]) if len(window) == 2 else None,
    )


def _actors(dyads: Dyads, members: Members) -> set[str]:
    names = {a for d in dyads for a in d}
    return names | {m for a in names for year in range(1945, 2031) for m in members(a, year)}


def _source_dict(source: DeedSource) -> dict[str, Any]:
    data = asdict(source)
    coverage = source.coverage
    data["coverage"] = {
        "first": coverage.first,
        "last": coverage.last,
        "actors": sorted(coverage.actors),
        "dyads": sorted(list(d) for d in coverage.dyads),
    }
    return data


def read_sources(folder: Path) -> list[DeedSource]:
    """Return what a run's deed data sets declared."""
    import json

    path = folder / "deed_sources.json"
    if not path.exists():
        raise InputError(path, "not there", "the file that `sca deeds` makes; run that first")
    found = []
    try:
        for data in json.loads(path.read_text("utf-8")):
            c = data["coverage"]
            dyads = frozenset((a, b) for a, b in c["dyads"])
            coverage = Coverage(c["first"], c["last"], frozenset(c["actors"]), dyads)
            found.append(DeedSource(**{**data, "coverage": coverage}))
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as e:
        raise InputError(path, f"damaged ({e})", "the file that `sca deeds` makes; run that again") from None
    return found


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

    def part(k: int) -> Callable[[int, int], None] | None:
        return (lambda done, n: progress(k * len(kept) + done * len(kept) // n, 3 * len(kept))) if progress else None

    actor_files = tuple(actor_files)
    words = _frame(folder / "words.parquet", "sca aggregate")
    draws = _frame(folder / "words_draws.parquet", "sca aggregate")
    series = _frame(folder / "deed_series.parquet", "sca deeds")
    grain = read_manifest(folder).get("words", {}).get("period", "year")
    there = set(zip(words["source"], words["target"], strict=True))
    kept = [d for d in dyads if d in there] or sorted(d for d in there if d[1])
    workers = workers or section.workers or _workers(len(kept))
    made = compare_many(
        words,
        draws[draws["draw"] < section.draws],
        series,
        kept,
        evidence=_evidence(folder, kept, grain, members_function(actor_files)),
        workers=workers,
        progress=part(0),
        window=(section.window[0], section.window[1]) if len(section.window) == 2 else None,
        n_draws=section.draws,
        max_lag=section.max_lag,
        permutations=section.permutations,
        leaders=_changes(section.leaders, grain) if section.leaders else (),
        crises=_windows(section, kept, grain),
        seed=seed,
    )
    for name in ("gap", "tests", "breaks", "sequences"):
        _save(folder / "compare" / f"{name}.parquet", getattr(made, name))
    placed, criteria = _positions(words, series, kept, workers, part(1))
    _save(folder / "compare" / "position.parquet", placed)
    _save(folder / "compare" / "criteria.parquet", criteria)
    _save(
        folder / "compare" / "sensitivity.parquet",
        _sensitivity(folder, section, words, draws, series, kept, grain, actor_files, seed, workers, part(2)),
    )
    _note(folder, compare=made.settings)
    asked = replace(section, leaders=relative(section.leaders, folder), workers=0)
    keep_recipe(folder, "compare", section=asked, dyads=list(dyads), actor_files=_from(actor_files, folder), seed=seed)
    return {"dyads": len(kept), "tests": int(made.tests["p"].notna().sum()), "breaks": len(made.breaks)}


def _workers(n: int) -> int:
    """Return how many processes n dyads are worth: one takes as long to start as a few dyads to compare."""
    import os

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, n // 4, 8))


def _positions(
    words: pd.DataFrame,
    deed_series: pd.DataFrame,
    dyads: Dyads,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return where each pair stands, five periods at a time, and the criteria of `configs/spectrum.toml` behind it."""
    from sca_nlp.compare.spectrum import positions_many

    pairs = sorted({(a, b) if a < b else (b, a) for a, b in dyads})
    return positions_many(words, deed_series, pairs, workers=workers, progress=progress)


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
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Return agreement, drift and lead under other choices: verbal deeds the other way, halves of the reference window,
    without each indicator, from counted codes.
    """
    from sca_nlp.aggregate import deed_series
    from sca_nlp.compare.sensitivity import sensitivity_many

    periods = sorted(set(deeds["period"]))
    window = (section.window[0], section.window[1]) if len(section.window) == 2 else (periods[0], periods[-1])
    inside = [p for p in periods if window[0] <= p <= window[1]] or periods
    middle = inside[len(inside) // 2]
    other = deed_series(
        _frame(folder / "deeds.parquet", "sca deeds"),
        read_sources(folder),
        dyads=dyads,
        period=grain,
        members=members_function(actor_files),
        first=periods[0],
        last=periods[-1],
        verbal=not section.verbal,
        reference=window,
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


def _changes(path: str, grain: str) -> tuple[Change, ...]:
    """Read changes of leader from a table: code, speaker, office, from. The first office of a state is its head's."""
    import csv

    from sca_nlp.aggregate.periods import period_of
    from sca_nlp.compare.endurance import Change

    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as f:
            rows = list(csv.DictReader(f))
    except OSError as e:
        raise InputError(path, str(e.strerror), "a CSV with code, speaker, office, from") from None
    if rows and not {"code", "speaker", "office", "from"} <= set(rows[0]):
        raise InputError(path, f"columns {', '.join(rows[0])}", "code, speaker, office, from")
    heads: dict[str, str] = {}
    last: dict[str, str] = {}
    found = []
    for row in sorted(rows, key=lambda r: r["from"]):
        office = heads.setdefault(row["code"], row["office"])
        if row["office"] != office:
            continue
        period = period_of(row["from"], grain)
        if period and row["code"] in last:
            found.append(Change(row["code"], period, last[row["code"]], row["speaker"]))
        last[row["code"]] = row["speaker"]
    return tuple(found)


def _windows(section: CompareSection, dyads: Dyads, grain: str) -> tuple[Window, ...]:
    from sca_nlp.aggregate.periods import period_of
    from sca_nlp.compare.crisis import Window

    found = []
    for crisis in section.crises:
        ends = (period_of(crisis.first, grain), period_of(crisis.last, grain))
        if not all(ends):
            raise InputError(
                f"crisis {crisis.name!r}", f"{crisis.first} to {crisis.last}", f"dates as fine as a {grain}"
            )
        if len(crisis.actors) not in (0, 2):
            raise InputError(
                f"crisis {crisis.name!r}", f"actors {', '.join(crisis.actors)}", "two, or none for every pair"
            )
        pairs = {(a, b) if a < b else (b, a) for a, b in ([tuple(crisis.actors)] if crisis.actors else dyads)}
        found += [Window(crisis.name, pair, str(ends[0]), str(ends[1])) for pair in sorted(pairs)]
    return tuple(found)


def _evidence(folder: Path, dyads: Dyads, grain: str, members: Members, most: int = 5) -> dict[Cell, list[str]]:
    """Return for each cell the ids of up to `most` coded passages, those with most codes first, and of its deeds."""
    from sca_nlp.aggregate.periods import period_of

    def sides(name: str, year: int) -> frozenset[str]:
        return members(name, year) | {name}

    found: dict[Cell, list[tuple[int, str]]] = {}
    columns = ["passage_id", "source", "date", "targets", "codes"]
    of_source: dict[int, dict[str, list[tuple[tuple[str, str], frozenset[str]]]]] = {}
    for table in iter_passages(folder, columns):
        for row in zip(*(table[c].to_pylist() for c in columns), strict=True):
            passage, source, date, targets, codes = row
            period = period_of(date, grain) if codes and targets else None
            if period is None:
                continue
            year = int(date[:4])
            if year not in of_source:  # a passage looks at its source's dyads alone: with hundreds that is what counts
                of_source[year] = {}
                for a, b in dyads:
                    for left in sides(a, year):
                        of_source[year].setdefault(left, []).append(((a, b), sides(b, year)))
            for dyad, right in of_source[year].get(source, ()):
                if not right.isdisjoint(targets):
                    found.setdefault((*dyad, period), []).append((-len(codes), passage))
    return {cell: [p for _, p in sorted(ids)[:most]] for cell, ids in found.items()}


def report(
    folder: Path,
    *,
    title: str,
    dyads: Dyads = (),
    out: Path | None = None,
    actor_files: Iterable[str] = (),
    notebook: bool = False,
) -> Path:
    """Write the report of a run, sealed by `report.json`; return the path of its page."""
    files = tuple(actor_files)
    page = _write(folder, title, dyads, out, files, figures=True, notebook=notebook)
    seal_report(page, folder, title=title, dyads=dyads, actor_files=files, figures=True)
    return page


def write_again(
    folder: Path,
    *,
    title: str,
    dyads: Dyads,
    actor_files: Iterable[str],
    metrics: Mapping[str, Any] | None = None,
) -> Path:
    """Write the page and the tables of a report, without its drawings, to compare them with others.

    Args:
        folder: the run.
        title: of the report, as the other arguments are.
        dyads: pairs to show.
        actor_files: further actors.
        metrics: the model's scores that it printed; by default those that the model has today.
    """
    return _write(folder, title, dyads, None, tuple(actor_files), figures=False, metrics=metrics)


def _write(
    folder: Path,
    title: str,
    dyads: Dyads,
    out: Path | None,
    files: tuple[str, ...],
    *,
    figures: bool,
    notebook: bool = False,
    metrics: Mapping[str, Any] | None = None,
) -> Path:
    from sca_nlp.actors import load_data, name_of
    from sca_nlp.report import write_report

    names, members = partial(name_of, data=load_data().extended(files)), members_function(files)
    return write_report(
        folder,
        title=title,
        dyads=dyads,
        out=out,
        members=members,
        names=names,
        figures=figures,
        notebook=notebook,
        metrics=metrics,
    )


def _check_inputs(config: Config) -> None:
    """Raise now what the later stages would raise after hours of scoring."""
    import glob

    from sca_nlp.aggregate.periods import GRAINS
    from sca_nlp.errors import UnknownNameError
    from sca_nlp.registry import resolve

    if config.words.period not in GRAINS:
        raise UnknownNameError("period", config.words.period, GRAINS)
    for name, least in (("draws", 0), ("permutations", 1), ("max_lag", 1), ("workers", 0)):
        if (value := getattr(config.compare, name)) < least:
            raise InputError(f"compare.{name}", str(value), f"a number of at least {least}")
    for section in config.deeds:
        resolve("deed reader", section.name)
    for path in (*(d.path for d in config.deeds), config.compare.leaders, config.words.audit):
        if path and not Path(path).exists() and not glob.glob(path):  # noqa: PTH207 (patterns may be absolute)
            raise InputError(path, "no such file", "a file, a folder or a pattern such as data/*.zip")


@dataclass(frozen=True)
class RunSummary:
    """What a whole run made."""

    folder: Path
    report: Path
    counts: dict[str, int]


def run(
    config: Config,
    *,
    progress: Progress | None = None,
    comparing: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> RunSummary:
    """Do everything that a config says, from reading to the report; what is there already is not scored again."""
    from sca_nlp.read.speeches import ReadReport

    config = replace(config, words=known_dyads(config.words, config.actors.files))
    dyads = directed(config.words)
    _check_inputs(config)
    tools = load_tools(
        config.classify.model,
        profile=config.classify.profile,
        threads=config.classify.threads,
        language=config.segment.language,
        actor_files=config.actors.files,
    )
    rejects: list[Reject] = []
    reading = ReadReport()
    speeches = read(config.speeches, rejects.append, actor_files=config.actors.files, report=reading)
    name = config.classify.model
    scored = score(speeches, config.folder, tools, rejects=rejects, progress=progress, model_name=name, report=reading)
    for note in (*reading.remarks(), *(f"note: {note}" for note in reading.notes[:10])):
        say(note)
    if not scored.counts.get("passages"):
        first = f", the first: {rejects[0].file}:{rejects[0].line}: {rejects[0].reason}" if rejects else ""
        raise InputError(
            f"speeches of {config.name}", f"none could be scored ({len(rejects):,} rejected{first})", "at least one"
        )
    folder = Path(str(scored.folder))
    counts = scored.counts
    known = f" ({scored.n_known:,} speeches were there already)" if scored.n_known else ""
    passages = f"{counts.get('passages', 0):,} passages, {counts.get('coded', 0):,} with a code"
    say(f"scored: {counts['speeches']:,} speeches, {passages}{known}; {len(rejects):,} rejected")
    write_atomically(folder / "config.toml", to_toml(moved(config, folder)).encode())
    files = config.actors.files
    cells = aggregate(folder, config.words, actor_files=files, draws=config.compare.draws, seed=config.seed)
    say(f"aggregated: {cells['cells']:,} cells of {len(dyads)} directed dyads")
    if config.deeds:
        made = deeds(
            folder,
            config.deeds,
            dyads,
            period=config.words.period,
            actor_files=files,
            verbal=config.compare.verbal,
            window=config.compare.window,
            first=config.words.first,
            last=config.words.last,
        )
        bad = f"; {made['rejects']:,} rejected, see {folder / 'deed_rejects.txt'}" if made["rejects"] else ""
        say(f"deeds: {made['deeds']:,} from {made['sources']} sources{bad}")
        compared = compare(folder, config.compare, dyads, actor_files=files, seed=config.seed, progress=comparing)
        say(f"compared: {compared['tests']:,} tests, {compared['breaks']:,} breaks")
    page = report(folder, title=config.title or config.name, dyads=config.words.dyads, actor_files=files)
    return RunSummary(folder, page, scored.counts)
