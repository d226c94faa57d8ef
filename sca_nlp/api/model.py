"""Loading a model, and coding speeches and passages with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from sca_nlp.api.tables import as_given, column_of, kind_of, report_rejects, speeches_of, to_arrow
from sca_nlp.errors import InputError, ScaError
from sca_nlp.records import Reject, Speech

if TYPE_CHECKING:
    import pandas as pd

    from sca_nlp.pipeline import Tools
    from sca_nlp.prevalence import ErrorRates


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
        data: str | pd.DataFrame | Iterable[str] | Iterable[Speech] | Iterable[Mapping[str, Any]],
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
            data: whole speeches: one text, texts, `Speech` records, or a pandas or polars frame, a `datasets.Dataset`
                or rows (dicts, also streamed) with `text` and, where there, `speech_id`, `date`, `country` (or
                `source`), `speaker` ...
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
        for speech in speeches_of(data, columns, defaults, found, bool(self.actor_files)):
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
        report_rejects(found, rejects)
        table = pa.concat_tables(tables) if tables else passage_schema(self.classes).empty_table()
        return as_given(table, data)

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

        table = to_arrow(data)
        if "text" not in table.column_names:
            raise InputError("data", f"columns {', '.join(table.column_names)}", "a column `text`")
        got = {name: column_of(table, name) for name in ("text", "prev", "next", "date")}
        who = next((c for c in ("country_iso3", "country", "source") if c in table.column_names), "source")
        rows = predict(got["text"], got["prev"], got["next"], column_of(table, who), got["date"], self.tools)
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
        out = as_given(table, data)
        if kind_of(data) == "pandas":
            out.index = data.index
        return out
