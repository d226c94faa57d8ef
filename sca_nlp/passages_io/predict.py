"""`sca predict`: a file of passages in, the same rows with codes, targets and probabilities out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sca_nlp.actors import country_code
from sca_nlp.errors import InputError
from sca_nlp.passages_io.rows import CHUNK, file_kind, read_rows
from sca_nlp.passages_io.tables import OWN, as_csv, as_parquet, column_names
from sca_nlp.read.columns import SPEECH_COLUMNS, match_columns
from sca_nlp.read.dates import parse_date
from sca_nlp.segment import language_of
from sca_nlp.store import mendable, write_atomically, write_table

if TYPE_CHECKING:
    from sca_nlp.pipeline import Tools
    from sca_nlp.records import Prediction

#: What is read of a row of passages -> the column names understood, best first (compared by `read.columns.plain_name`).
PASSAGE_COLUMNS: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "prev": ("prev",),
    "next": ("next",),
    "source": SPEECH_COLUMNS["source"],
    "date": SPEECH_COLUMNS["date"],
}


def _missing(value: object) -> bool:
    return value is None or value != value


@dataclass
class PredictSummary:
    """What `predict_file` did. Of the rows, `n_empty` had no text, `n_countries` and `n_dates` were not understood.

    `n_windowed` were longer than the model's window, `n_languages` are in another language than the model's.
    """

    n_rows: int = 0
    n_coded: int = 0
    n_empty: int = 0
    n_countries: int = 0
    n_dates: int = 0
    n_windowed: int = 0
    n_languages: int = 0

    @property
    def notes(self) -> list[str]:
        """What an analyst should know, a line each."""
        return [
            f"{n:,} rows {what}"
            for n, what in (
                (self.n_empty, "without text: they get no code"),
                (self.n_countries, "with a country that is not known: it is taken as it stands"),
                (self.n_dates, "with a date that cannot be read: coded as undated"),
                (self.n_windowed, "longer than the model reads at once: read in windows (column n_windows)"),
                (self.n_languages, "in another language than the model's: not to be trusted (column language)"),
            )
            if n
        ]


class _Fields:
    """Finds text, neighbours, country and date in rows, whatever the case of their columns."""

    def __init__(self, path: Path, summary: PredictSummary) -> None:
        self._path, self._summary = path, summary
        self._matched: dict[tuple[str, ...], dict[str, str]] = {}
        self._codes: dict[tuple[str, str], tuple[str, bool]] = {}
        self._n = 0

    def of(self, row: dict[str, Any]) -> tuple[str, str, str, str, str]:
        """Return text, prev, next, source and date of a row."""
        self._n += 1
        keys = tuple(row)
        if keys not in self._matched:
            required = () if self._matched else ("text",)  # a later row without text is coded as empty, and counted
            self._matched[keys] = match_columns(keys, where=self._path, required=required, known=PASSAGE_COLUMNS)
        found = {name: row.get(column) for name, column in self._matched[keys].items()}
        text, prev, next_ = (self._text(found.get(name)) for name in ("text", "prev", "next"))
        self._summary.n_empty += not text.strip()
        date = self._date(found.get("date"))
        return text, prev, next_, self._source(found.get("source"), date), date

    def _text(self, value: object) -> str:
        if _missing(value):
            return ""
        if isinstance(value, (list, dict, bytes)):
            raise InputError(f"{self._path}: row {self._n}", f"text is {type(value).__name__}", "text")
        return str(value).encode("utf-8", "replace").decode()  # a lone surrogate is no text that a model can read

    def _date(self, value: object) -> str:
        if _missing(value) or value == "":
            return ""
        try:
            return parse_date(value)
        except InputError:
            self._summary.n_dates += 1
            return ""

    def _source(self, value: object, date: str) -> str:
        if _missing(value) or value == "":
            return ""
        key = (str(value).strip(), date[:4])
        if key not in self._codes:
            try:
                self._codes[key] = country_code(*key), True
            except InputError:
                self._codes[key] = key[0], False
        code, known = self._codes[key]
        self._summary.n_countries += not known
        return code


Predict = Callable[
    [Sequence[str], Sequence[str], Sequence[str], Sequence[str], Sequence[str], "Tools"], "list[Prediction]"
]


def predict_file(
    source: Path, target: Path, tools: Tools, predict: Predict, advance: Callable[[int], None]
) -> PredictSummary:
    """Code each row of a file: one row out for each row in, in order, with all its columns.

    Beside codes, targets and probabilities each row gets `n_windows` (0: no text; above 1: longer than the model's
    window) and `language` (as the row says, else a guess for texts of some length). Columns of the input by one of
    these names are kept as `input_codes` and so on.
    """
    classes = tools.classifier.codebook.classes
    kind = file_kind(target)
    results: list[dict[str, Any]] = []
    summary = PredictSummary()
    fields = _Fields(source, summary)

    def code(chunk: list[dict[str, Any]]) -> None:
        texts, prev, next_, sources, dates = zip(*map(fields.of, chunk), strict=True)
        predictions = predict(texts, prev, next_, sources, dates, tools)
        for row, text, p in zip(chunk, texts, predictions, strict=True):
            kept = {(f"input_{k}" if k in OWN else k): None if _missing(v) else v for k, v in row.items()}
            codes, targets = (list(p.codes), list(p.targets)) if text.strip() else ([], [])
            summary.n_rows += 1
            summary.n_coded += bool(codes)
            probabilities = {c: round(v, 6) for c, v in zip(classes, p.probabilities, strict=True)}
            given = row.get("language")
            language = language_of(text, given if isinstance(given, str) else "")
            n_windows = int(p.n_windows) if text.strip() else 0
            summary.n_windowed += n_windows > 1
            summary.n_languages += language not in ("", tools.language)
            made = (codes, targets, probabilities, n_windows, language)
            results.append(kept | dict(zip(OWN, made, strict=True)))
        advance(len(chunk))

    rows = read_rows(source)
    while chunk := list(itertools.islice(rows, CHUNK)):
        code(chunk)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise mendable(e, target) from None
    if kind == "parquet":
        write_table(target, as_parquet(results, classes))
    elif kind == "csv":
        delimiter = "\t" if target.suffix.lower() == ".tsv" else ","
        names = column_names(results) or list(OWN)
        write_atomically(target, as_csv(results, names, header=True, delimiter=delimiter).encode("utf-8", "replace"))
    else:
        lines = "".join(json.dumps(r, ensure_ascii=False, default=str) + "\n" for r in results)
        write_atomically(target, lines.encode("utf-8", "replace"))
    return summary
