"""Tables of passages in and out: what `sca predict` reads and writes, and the flat export of a run."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from sca_nlp.actors import country_code
from sca_nlp.errors import InputError
from sca_nlp.read.columns import SPEECH_COLUMNS, match_columns
from sca_nlp.read.dates import parse_date
from sca_nlp.read.speeches.decode import detect_encoding
from sca_nlp.read.speeches.delimited import sniff
from sca_nlp.records import Speech
from sca_nlp.segment import language_of
from sca_nlp.store import SPEECH_FIELDS, mendable, write_atomically, write_table

if TYPE_CHECKING:
    from sca_nlp.pipeline import Tools
    from sca_nlp.records import Prediction

CHUNK = 4096  # rows coded at a time
_RISKY = ("=", "+", "-", "@", "\t", "\r", "'")


def escape_cell(value: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula (and before one that is there already).

    Reversible: drop one leading apostrophe. Numbers are never touched.
    """
    return "'" + value if value.startswith(_RISKY) else value


def _kind(path: Path) -> str:
    kind = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}.get(
        path.suffix.lower()
    )
    if kind is None:
        raise InputError(path, f"a file ending in {path.suffix or 'nothing'!r}", "jsonl, csv, tsv or parquet")
    return kind


#: What is read of a row of passages -> the column names understood, best first (compared by `read.columns.plain_name`).
PASSAGE_COLUMNS: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "prev": ("prev",),
    "next": ("next",),
    "source": SPEECH_COLUMNS["source"],
    "date": SPEECH_COLUMNS["date"],
}


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a passages file as dicts, one for each row; delimiter and encoding of a CSV are found.

    Raises:
        InputError: no such file, an unknown ending, a line that is no object, no `text`.
    """
    kind = _kind(path)
    if not path.is_file():
        raise InputError(path, "no such file", "a file of passages")
    if kind == "parquet":
        try:
            for batch in pq.ParquetFile(path).iter_batches(batch_size=CHUNK):
                yield from batch.to_pylist()
        except (pa.ArrowException, OSError) as e:
            raise InputError(path, f"no Parquet ({e})", "a Parquet file") from None
        return
    # Bytes that fit no encoding become U+FFFD: a row out for each row in matters more than one bad letter.
    with path.open(
        encoding=detect_encoding(path).name.replace("utf-8-sig", "utf-8"), errors="replace", newline=""
    ) as f:
        if f.read(1) != "\ufeff":
            f.seek(0)
        yield from _csv_rows(f, path) if kind == "csv" else _json_rows(f, path)


def _csv_rows(f: TextIO, path: Path) -> Iterator[dict[str, Any]]:
    start = f.tell()
    dialect = sniff(list(itertools.islice(iter(f.readline, ""), 200)), path, ("prev", "next"))
    f.seek(start)
    csv.field_size_limit(max(csv.field_size_limit(), 1 << 30))
    rows = csv.reader(
        f, delimiter=dialect.delimiter, doublequote=not dialect.escaped, escapechar="\\" if dialect.escaped else None
    )
    header: list[str] = []
    try:
        for cells in rows:
            if not cells:
                continue
            if not header:
                header = _distinct(cells)
                continue
            surplus = {f"column_{n}": cell for n, cell in enumerate(cells[len(header) :], len(header) + 1)}
            yield dict(itertools.zip_longest(header, cells[: len(header)])) | surplus
    except csv.Error as e:
        raise InputError(f"{path}:{rows.line_num}", f"unreadable ({e})", "a CSV row") from None


def _distinct(header: Sequence[str]) -> list[str]:
    """Return column names of which none stands twice, so that no column is lost."""
    found: list[str] = []
    for name in header:
        n, new = 1, name
        while new in found:
            n += 1
            new = f"{name}_{n}"
        found.append(new)
    return found


def _json_rows(f: Iterable[str], path: Path) -> Iterator[dict[str, Any]]:
    for n, line in enumerate(f, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as e:
            raise InputError(f"{path}:{n}", f"no JSON ({e})", "one JSON object a line") from None
        if not isinstance(row, dict):
            raise InputError(f"{path}:{n}", type(row).__name__, "one JSON object a line")
        yield row


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
    kind = _kind(target)
    results: list[dict[str, Any]] = []
    summary = PredictSummary()
    fields = _Fields(source, summary)

    def code(chunk: list[dict[str, Any]]) -> None:
        texts, prev, next_, sources, dates = zip(*map(fields.of, chunk), strict=True)
        predictions = predict(texts, prev, next_, sources, dates, tools)
        for row, text, p in zip(chunk, texts, predictions, strict=True):
            kept = {(f"input_{k}" if k in _OWN else k): None if _missing(v) else v for k, v in row.items()}
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
            results.append(kept | dict(zip(_OWN, made, strict=True)))
        advance(len(chunk))

    rows = read_rows(source)
    while chunk := list(itertools.islice(rows, CHUNK)):
        code(chunk)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise mendable(e, target) from None
    if kind == "parquet":
        write_table(target, _parquet(results, classes))
    elif kind == "csv":
        delimiter = "\t" if target.suffix.lower() == ".tsv" else ","
        names = _names(results) or list(_OWN)
        write_atomically(target, _csv(results, names, header=True, delimiter=delimiter).encode("utf-8", "replace"))
    else:
        lines = "".join(json.dumps(r, ensure_ascii=False, default=str) + "\n" for r in results)
        write_atomically(target, lines.encode("utf-8", "replace"))
    return summary


_OWN = ("codes", "targets", "probabilities", "n_windows", "language")


def _names(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return every column that some row has: the input's in order of appearance, then ours."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [n for n in names if n not in _OWN] + [n for n in names if n in _OWN]


def _parquet(rows: Sequence[dict[str, Any]], classes: Sequence[str]) -> pa.Table:
    strings = pa.list_(pa.string())
    scores = pa.struct([(c, pa.float64()) for c in classes])
    own = dict(zip(_OWN, (strings, strings, scores, pa.int32(), pa.string()), strict=True))
    columns: dict[str, pa.Array] = {}
    for name in _names(rows):
        values = [row.get(name) for row in rows]
        if name in own:
            columns[name] = pa.array(values, type=own[name])
            continue
        try:
            columns[name] = pa.array(values)
            pq.write_table(pa.table({name: columns[name]}), pa.BufferOutputStream())  # nested types may not be writable
        except (pa.ArrowException, ValueError, OverflowError):  # no one type fits, as with 1985 beside "March 1985"
            columns[name] = pa.array([None if v is None else _as_text(v) for v in values], type=pa.string())
    empty = {name: pa.array([], type=kind) for name, kind in own.items()}
    return pa.table(columns or empty)


def _as_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text.encode("utf-8", "replace").decode()


def _csv(rows: Sequence[dict[str, Any]], names: Sequence[str], *, header: bool, delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=names, delimiter=delimiter)
    if header:
        writer.writeheader()
    for row in rows:
        writer.writerow({k: _cell(v) for k, v in row.items()})
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return escape_cell(value) if isinstance(value, str) else value


def write_tables(tables: Iterable[pa.Table], path: Path, kind: str) -> int:
    """Write tables of one schema into one file, as they come; return the number of rows."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    n = 0
    writer = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "parquet":
            for table in tables:
                writer = writer or pq.ParquetWriter(temporary, table.schema, compression="zstd")
                writer.write_table(table)
                n += table.num_rows
            if writer:
                writer.close()
        else:
            with temporary.open("w", encoding="utf-8", errors="replace", newline="") as f:
                for table in tables:
                    rows = table.to_pylist()
                    f.write(
                        _csv(rows, table.column_names, header=n == 0)
                        if kind == "csv"
                        else "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
                    )
                    n += len(rows)
        temporary.replace(path)
    except OSError as e:
        raise mendable(e, path) from e
    finally:
        with contextlib.suppress(OSError):  # a full disk fails here again
            if writer:
                writer.close()
            temporary.unlink(missing_ok=True)
    return n


def write_speeches(speeches: Iterable[Speech], path: Path, advance: Callable[[int], None]) -> int:
    """Write speeches as one Parquet file with a column for each field of `Speech`; return their number."""
    schema = pa.schema([(name, pa.string()) for name in SPEECH_FIELDS])

    def tables() -> Iterator[pa.Table]:
        chunk: list[Speech] = []
        for speech in speeches:
            chunk.append(speech)
            if len(chunk) == 256:
                yield to_table(chunk)
                chunk = []
        yield to_table(chunk)

    def to_table(chunk: list[Speech]) -> pa.Table:
        advance(len(chunk))
        return pa.table({name: [getattr(s, name) for s in chunk] for name in SPEECH_FIELDS}, schema=schema)

    return write_tables(tables(), path, "parquet")
