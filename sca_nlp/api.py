"""The Python interface: `load`, `Model.score`, `Model.predict`, `aggregate`, `deeds`, `compare`, `Series.plot`.

Nothing is written to disk; `sca run` and its stages do the same job on files, and go on after a kill.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from sca_nlp.errors import InputError, ScaError
from sca_nlp.records import Reject, Speech

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from sca_nlp.compare.dyad import Comparison
    from sca_nlp.pipeline import Tools
    from sca_nlp.prevalence import ErrorRates

Dyads = Sequence[tuple[str, str]]


def load(
    model: str | Path = "",
    *,
    profile: str = "balanced",
    threads: int = 0,
    language: str = "en",
    actor_files: Iterable[str | Path] = (),
) -> Model:
    """Load a model, with the attributor that says whom a passage is about.

    Args:
        model: a shipped model's name (`sca models list`) or a model folder; empty: the default.
        profile: `exact` (fp32), `balanced` (int8 where that is faster) or `fast` (a cascade).
        threads: threads of the runtime; 0: the cores that this process may use.
        language: ISO 639-1 code of the rules by which speeches are cut.
        actor_files: TOML files with actors beyond the shipped gazetteer.

    Raises:
        UnknownNameError: no such model or profile; names the nearest.
        InputError: the model folder fails a check.

    >>> load("linear").classes
    ('TP+', 'TP-', 'MU+', 'MU-', 'SS+', 'SS-', 'NA+', 'NA-', 'FO+', 'FO-')
    """
    from sca_nlp.pipeline import load_tools

    files = tuple(str(f) for f in actor_files)
    tools = load_tools(str(model), profile=profile, threads=threads, language=language, actor_files=files)
    return Model(tools, str(model), files)


class Model:
    """Codes passages: which indicators each affirms or denies, how surely, and about whom. Made by `load`."""

    def __init__(self, tools: Tools, name: str = "", actor_files: tuple[str, ...] = ()) -> None:
        self.tools, self.name, self.actor_files = tools, name, actor_files

    def __repr__(self) -> str:
        return f"<Model {self.id}: {' '.join(self.classes)}>"

    @property
    def id(self) -> str:
        """Name and version of the classifier."""
        return self.tools.classifier.model_id

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in column order: an indicator's short form with `+` (affirmed) or `-` (denied)."""
        return self.tools.classifier.codebook.classes

    @property
    def error_rates(self) -> dict[str, ErrorRates] | None:
        """Sensitivity and false-alarm rate of each class, measured beside training; None where none were."""
        from sca_nlp.classify.folder import find_model
        from sca_nlp.pipeline import error_rates

        return error_rates(find_model(self.name or None))

    @overload
    def score(
        self,
        data: str | pd.DataFrame | Iterable[str] | Iterable[Speech],
        *,
        columns: Mapping[str, str] | None = ...,
        defaults: Mapping[str, str] | None = ...,
        rejects: list[Reject] | None = ...,
    ) -> pd.DataFrame: ...

    @overload
    def score(
        self,
        data: Any,
        *,
        columns: Mapping[str, str] | None = ...,
        defaults: Mapping[str, str] | None = ...,
        rejects: list[Reject] | None = ...,
    ) -> Any: ...

    def score(
        self,
        data: Any,
        *,
        columns: Mapping[str, str] | None = None,
        defaults: Mapping[str, str] | None = None,
        rejects: list[Reject] | None = None,
    ) -> Any:
        """Cut speeches into sentences and code each: one row a passage, in the order of the speeches.

        Args:
            data: whole speeches: one text, texts, `Speech` records, or a pandas or polars frame or a `datasets.Dataset`
                with a column `text` and, where there, `speech_id`, `date`, `country` (or `source`), `speaker` ...
            columns: our name -> the table's, as in `{"text": "body"}`, before the common names.
            defaults: values that the table lacks, as in `{"source": "FRA"}`.
            rejects: list that takes up the records that cannot be used; without one, they are warned of.

        Returns:
            A frame of the kind that was given (pandas for texts and records) with `passage_id`, `speech_id`, `idx`
            (place in the speech, from 0), `start` and `end` (characters of the speech's text), `text`, what is known of
            the speech, `actors`, `targets` and `codes` (lists), and a column a class: calibrated probability in [0, 1].

        Raises:
            InputError: no column `text`, or data of another kind.

        >>> passages = load("linear").score(["Iraq has attacked Kuwait. We met on Monday."])
        >>> passages[["idx", "start", "end", "codes"]].to_dict("records")[0]
        {'idx': 0, 'start': 0, 'end': 25, 'codes': ['TP+']}
        >>> passages["targets"].tolist()
        [['IRQ'], []]
        """
        import pyarrow as pa

        from sca_nlp.pipeline.scoring import SHARD_CHARACTERS, cut, score_cuts
        from sca_nlp.store import passage_schema, passage_table

        found: list[Reject] = []
        batch: list[Any] = []
        tables: list[Any] = []
        n = 0

        def flush() -> None:
            if batch:
                tables.append(passage_table(score_cuts(batch, self.tools), self.classes))
                batch.clear()

        known: set[str] = set()
        for speech in _speeches(data, columns, defaults, found, bool(self.actor_files)):
            if speech.speech_id in known:  # its passages would count twice
                found.append(Reject("data", 0, f"a second speech with the id {speech.speech_id!r}", speech.text[:200]))
                continue
            known.add(speech.speech_id)
            try:
                batch.append(cut(speech, self.tools.language))
            except ScaError as e:
                found.append(Reject("data", 0, f"{speech.speech_id}: could not be cut: {e}", speech.text[:200]))
                continue
            n += len(speech.text)
            if n >= SHARD_CHARACTERS:
                flush()
                n = 0
        flush()
        _report(found, rejects)
        table = pa.concat_tables(tables) if tables else passage_schema(self.classes).empty_table()
        return _as_given(table, data)

    @overload
    def predict(self, data: str | pd.DataFrame | Iterable[str]) -> pd.DataFrame: ...

    @overload
    def predict(self, data: Any) -> Any: ...

    def predict(self, data: Any) -> Any:
        """Code passages that are already cut: one row out for each row in, in order, whatever they hold.

        Args:
            data: texts, or a frame or `datasets.Dataset` with `text` and, where there, `prev` and `next` (neighbours'
                texts), `country` or `source` (who speaks: no target of itself), `date`.

        Returns:
            The same table with `codes`, `targets`, `actors` (lists) and a column a class: probability in [0, 1]. What
            stood in columns of these names is kept as `input_codes` and so on.

        >>> coded = load("linear").predict(["Iraq has attacked Kuwait.", "Thank you."])
        >>> coded["codes"].tolist()
        [['TP+'], []]
        """
        import pyarrow as pa

        from sca_nlp.pipeline import predict

        table = _table(data)
        if "text" not in table.column_names:
            raise InputError("data", f"columns {', '.join(table.column_names)}", "a column `text`")
        got = {name: _texts(table, name) for name in ("text", "prev", "next", "date")}
        who = next((c for c in ("country_iso3", "country", "source") if c in table.column_names), "source")
        rows = predict(got["text"], got["prev"], got["next"], _texts(table, who), got["date"], self.tools)
        made: dict[str, Any] = {
            "codes": pa.array([list(r.codes) for r in rows], pa.list_(pa.string())),
            "targets": pa.array([list(r.targets) for r in rows], pa.list_(pa.string())),
            "actors": pa.array([list(r.actors) for r in rows], pa.list_(pa.string())),
        }
        for k, c in enumerate(self.classes):
            made[c] = pa.array([r.probabilities[k] for r in rows], pa.float32())
        table = table.rename_columns([f"input_{c}" if c in made else c for c in table.column_names])
        for name, column in made.items():
            table = table.append_column(name, column)
        out = _as_given(table, data)
        if _kind(data) == "pandas":
            out.index = data.index
        return out


@dataclass(frozen=True)
class Series:
    """Words of actors about each other over time. Made by `aggregate`.

    `frame` has a row for each source, target, period, measure, indicator, value and method: `estimate` with `low` and
    `high` (95 per cent), `n_passages`, `n_speeches`, and `hidden` where the cell is too small. Salience and stance are
    shares in [0, 1], the trust balance is in [-1, 1], positive toward trust. `draws` carry the balance's uncertainty.
    """

    frame: pd.DataFrame
    draws: pd.DataFrame
    settings: dict[str, Any] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        f = self.frame
        out = {reason: n for reason, n in self.left_out.items() if n and reason != "passages"}
        what = f"{f[['source', 'target']].drop_duplicates().shape[0]} pairs, {f['period'].nunique()} periods"
        return f"<Series {what}, {len(f):,} rows" + (f"; passages left out: {out}>" if out else ">")

    def select(
        self,
        *,
        measure: str = "balance",
        indicator: str = "all",
        value: str = "balance",
        method: str = "",
        dyads: Dyads | None = None,
    ) -> pd.DataFrame:
        """Return the rows of one measure by one method (default: the headline's), hidden cells left out.

        Args:
            measure: `balance`, `stance` or `salience`.
            indicator: an indicator's id or short form; `all` for the whole balance.
            value: `balance`, `affirmed` or `denied`.
            method: `raw_count`, `raw_probability`, `adjusted` or `design`.
            dyads: directed pairs; default: all.

        Raises:
            InputError: nothing is like that.
        """
        from sca_nlp.codebook import default_codebook

        by_short = {i.short: i.id for i in default_codebook().indicators}
        f = self.frame
        method = method or str(self.settings.get("headline", "raw_probability"))
        wanted = {"measure": measure, "indicator": by_short.get(indicator, indicator), "value": value, "method": method}
        for column, name in wanted.items():
            if name not in set(f[column]):
                raise InputError(column, repr(name), f"one of {', '.join(sorted(set(f[column])))}")
            f = f[f[column] == name]
        if dyads is not None:
            pairs = set(dyads)
            f = f[[d in pairs for d in zip(f["source"], f["target"], strict=True)]]
        return f[~f["hidden"].astype(bool)].reset_index(drop=True)

    def plot(self, ax: Axes | None = None, **select: Any) -> Axes:
        """Draw one measure over time, a line a dyad with its 95 per cent band; return the axes.

        Args:
            ax: axes to draw on; made where none is given.
            select: keywords of `select`.

        A period without a value, or with a cell too small, breaks the line: nothing is filled in.
        """
        import matplotlib.pyplot as plt

        rows = self.select(**select)
        axes: Axes = ax if ax is not None else plt.subplots(figsize=(8, 4.5), layout="constrained")[1]
        periods = _all_periods(sorted(set(self.frame["period"])))
        at = {p: k for k, p in enumerate(periods)}
        for (source, target), part in rows.groupby(["source", "target"], sort=True):
            whole = part.set_index("period").reindex(periods)
            label = f"{source} about {target}" if target else f"{source} about anyone"
            (line,) = axes.plot(range(len(periods)), whole["estimate"], marker="o", markersize=3, label=label)
            axes.fill_between(
                range(len(periods)), whole["low"].astype(float), whole["high"].astype(float),
                color=line.get_color(), alpha=0.15, linewidth=0,
            )  # fmt: skip
        measure = select.get("measure", "balance")
        if measure == "balance":
            axes.axhline(0, color="0.6", linewidth=0.8)
        step = max(1, len(periods) // 10)
        axes.set_xticks([at[p] for p in periods[::step]], periods[::step])
        units = {"balance": "trust balance (-1 to 1)", "stance": "share of sentences about the other"}
        axes.set_ylabel(units.get(measure, "share of all sentences"))
        if len(rows):
            axes.legend(frameon=False)
        return axes


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
        **options,
    }
    if isinstance(passages, (str, Path)):
        if model is None:
            from sca_nlp.pipeline.series import run_error_rates

            keywords["error_rates"] = run_error_rates(Path(passages))
        made = words(passage_paths(Path(passages)), **keywords)
    else:
        table = _table(passages)
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
    _report(found, rejects)
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


def _report(found: list[Reject], rejects: list[Reject] | None) -> None:
    """Hand rejects to the caller, or warn of them."""
    if rejects is not None:
        rejects.extend(found)
    elif found:
        first = found[0]
        warnings.warn(
            f"{len(found):,} records left out; the first, {first.file}:{first.line}: {first.reason}. "
            "Give rejects=[] to have them all",
            stacklevel=3,
        )


def _kind(data: Any) -> str:
    """Return which library a table is of, told by its type's home, so that none is imported for it."""
    home, name = type(data).__module__.partition(".")[0], type(data).__name__
    known = {("pandas", "DataFrame"), ("polars", "DataFrame"), ("datasets", "Dataset"), ("pyarrow", "Table")}
    return home if (home, name) in known else ""


def _table(data: Any) -> Any:
    """Return any table, or texts, as an Arrow table."""
    import pyarrow as pa

    kind = _kind(data)
    if kind == "pandas":
        return pa.Table.from_pandas(data, preserve_index=False).replace_schema_metadata()
    if kind == "polars":
        return data.to_arrow()
    if kind == "datasets":
        return data.with_format("arrow")[:]
    if kind == "pyarrow":
        return data
    texts = [data] if isinstance(data, str) else list(data) if isinstance(data, Iterable) else None
    if texts is None or not all(isinstance(t, str) for t in texts):
        raise InputError("data", type(data).__name__, "texts, or a pandas or polars frame or a datasets.Dataset")
    return pa.table({"text": pa.array(texts, pa.string())})


def _as_given(table: Any, data: Any) -> Any:
    """Return an Arrow table as the library that the caller's data came from."""
    kind = _kind(data)
    if kind == "pyarrow":
        return table
    if kind == "polars":
        import polars

        return polars.from_arrow(table)
    if kind == "datasets":
        from datasets import Dataset

        return Dataset(table)
    frame = table.to_pandas()
    for name in ("codes", "targets", "actors"):
        if name in frame:
            frame[name] = [list(v) for v in frame[name]]
    return frame


def _texts(table: Any, name: str) -> list[str]:
    """Return a column as texts; what is missing is empty."""
    if name not in table.column_names:
        return [""] * table.num_rows
    return ["" if v is None or v != v else str(v) for v in table[name].to_pylist()]


def _speeches(
    data: Any,
    columns: Mapping[str, str] | None,
    defaults: Mapping[str, str] | None,
    rejects: list[Reject],
    own_actors: bool,
) -> Iterable[Speech]:
    """Yield the speeches of whatever was given."""
    if isinstance(data, str):
        data = [data]
    if not _kind(data):
        if not isinstance(data, Iterable):
            raise InputError("data", type(data).__name__, "texts, speeches, or a table")
        for n, item in enumerate(data):
            if isinstance(item, str):
                plain = Speech(str(n), "", "", item)
                yield replace(plain, **dict(defaults)) if defaults else plain
            elif isinstance(item, Speech):
                yield item
            else:
                raise InputError(f"data[{n}]", type(item).__name__, "a text or a Speech")
        return
    from sca_nlp.read.speeches.intake import Intake

    intake = Intake(
        "data",
        rejects.append,
        columns=columns or {},
        defaults=defaults or {},
        required=("text",),
        keep_unknown_sources=own_actors,
    )
    table = _table(data)
    matched = intake.match(table.column_names)
    got = table.select(list(dict.fromkeys(matched.values())))
    line = 0
    for batch in got.to_batches(max_chunksize=256):
        for row in batch.to_pylist():
            line += 1
            speech = intake.speech({name: row[column] for name, column in matched.items()}, line)
            if speech is not None:
                yield speech


def _all_periods(found: list[str]) -> list[str]:
    """Return every period from the first to the last of those found."""
    if not found:
        return []
    grain = "Q" if "Q" in found[0] else "M" if "-" in found[0] else "Y"
    import pandas as pd

    spanned = pd.period_range(found[0], found[-1], freq=grain)
    return [str(p) for p in spanned]
