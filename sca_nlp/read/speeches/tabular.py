"""Tables of speeches, one a row: delimited text, JSON lines and Parquet. All are streamed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sca_nlp.errors import InputError
from sca_nlp.read.speeches.decode import Encoding, check_encoding, detect_encoding, open_bytes, read_lines
from sca_nlp.read.speeches.delimited import read_rows
from sca_nlp.read.speeches.intake import Intake, Rejects, open_intake, plain_corpus
from sca_nlp.records import Speech

_HEAD = 200  # JSON records whose keys tell the columns
_DEPTH = 4  # objects within objects whose keys are known
_BATCH = 64  # Parquet rows held at once


def read_csv(
    path: Path | str,
    *,
    columns: Mapping[str, str] | None = None,
    rejects: Rejects,
    defaults: Mapping[str, str] | None = None,
    encoding: str = "",
    **options: Any,
) -> Iterator[Speech]:
    """Yield the speeches of a CSV or TSV file (also .gz); the delimiter is found among `, ; tab |`.

    Args:
        path: the file; its first line holds the column names.
        columns: field -> column name, before the common names (`read.columns`).
        rejects: called with each row that cannot be used.
        defaults: field -> value for fields without column or value.
        encoding: Python's name of the encoding; found and reported where empty.
        **options: those of `intake.Intake`.

    Raises:
        InputError: no text, date or source column; the message lists the columns found and the nearest.
    """
    path = Path(path)
    intake = open_intake(path, columns, rejects, defaults, options, corpus=plain_corpus(path))
    found = _encoding(path, encoding, intake)
    with open_bytes(path) as stream:
        lines = read_lines(stream, found.name, intake.max_record)
        rows = read_rows(lines, path, intake.max_record, list(intake.columns.values()), intake.reject)
        try:
            _, header = next(rows)
        except StopIteration:
            raise InputError(path, "only empty lines", "a header line and rows") from None
        matched = intake.match(header)
        places = {field: header.index(name) for field, name in matched.items()}
        for number, row in _until_damaged(rows, intake):
            record = {field: row[place] for field, place in places.items()}
            if speech := intake.speech(record, number):
                yield speech


def read_jsonl(
    path: Path | str,
    *,
    columns: Mapping[str, str] | None = None,
    rejects: Rejects,
    defaults: Mapping[str, str] | None = None,
    encoding: str = "",
    **options: Any,
) -> Iterator[Speech]:
    """Yield the speeches of a JSON lines file, one object a line (also .gz), or of a JSON file that is one list.

    A line that is no JSON object is rejected and reading goes on. Arguments and errors as in `read_csv`; columns are
    the keys of the first 200 records; those of objects within objects with dots (`meta.date`).
    """
    path = Path(path)
    intake = open_intake(path, columns, rejects, defaults, options, corpus=plain_corpus(path))
    found = _encoding(path, encoding, intake)
    with open_bytes(path) as stream:
        records = _until_damaged(_json_records(stream, found.name, intake), intake)
        head = list(itertools.islice(records, _HEAD))
        if not head:
            if not intake.report.n_rejected:
                intake.report.note(f"{path}: empty file")
            return
        matched = intake.match(list(dict.fromkeys(key for _, record in head for key in _keys(record))))
        for number, record in itertools.chain(head, records):
            picked = {field: _inner(record, name) for field, name in matched.items()}
            if speech := intake.speech(picked, number):
                yield speech


def _keys(record: Mapping[str, Any], before: str = "", depth: int = 0) -> Iterator[str]:
    """Yield the keys of an object and, with dots, those of the objects in it: `meta`, `meta.date`."""
    for key, value in record.items():
        yield before + key
        if isinstance(value, dict) and depth < _DEPTH:
            yield from _keys(value, f"{before}{key}.", depth + 1)


def _inner(record: Mapping[str, Any], name: str) -> Any:
    """Return what stands under a key, or under keys within keys: `meta.date`."""
    if name in record:
        return record[name]
    head, dot, rest = name.partition(".")
    while dot:
        inner = record.get(head)
        if isinstance(inner, dict) and (found := _inner(inner, rest)) is not None:
            return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None


def _json_records(stream: Any, encoding: str, intake: Intake) -> Iterator[tuple[int, dict[str, Any]]]:
    whole: list[str] | None = None  # the lines of a file that is one list
    size = 0
    for line in read_lines(stream, encoding, intake.max_record):
        if line.cut:
            intake.reject(line.number, f"line longer than {intake.max_record:,} characters", line.text)
            continue
        text = line.text.strip()
        if line.number == 1 and text.startswith("["):
            whole = []
        if whole is not None:
            whole.append(line.text)
            size += len(line.text)
            if size > 4 * intake.max_record:
                wanted = f"JSON lines for more than {4 * intake.max_record:,} characters"
                raise InputError(intake.file, "a JSON list that is too long", wanted)
        elif text and (record := _json(text, line.number, intake)) is not None:
            yield line.number, record
    if whole is not None:
        try:
            records = json.loads("".join(whole))
        except (ValueError, RecursionError) as e:
            raise InputError(intake.file, f"no JSON ({e})", "a list of objects, or one object a line") from None
        for n, record in enumerate(records, 1):
            if isinstance(record, dict):
                yield n, record
            else:
                intake.reject(n, f"{type(record).__name__} in place of an object", str(record))


def _json(text: str, number: int, intake: Intake) -> dict[str, Any] | None:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as e:  # RecursionError: nested thousands deep
        intake.reject(number, f"no JSON ({e}); wanted one object a line", text)
        return None
    if isinstance(record, dict):
        return record
    intake.reject(number, f"{type(record).__name__} in place of an object; wanted one object a line", text)
    return None


def read_parquet(
    path: Path | str,
    *,
    columns: Mapping[str, str] | None = None,
    rejects: Rejects,
    defaults: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[Speech]:
    """Yield the speeches of a Parquet file, a few rows in memory at a time; only the columns needed are read.

    Arguments and errors as in `read_csv`; in rejects the line is the row's number, from 1.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    intake = open_intake(path, columns, rejects, defaults, options, corpus=plain_corpus(path))
    try:
        # Memory-mapped, and no pre-buffering: else a file of one row group is held whole.
        file = pq.ParquetFile(path, memory_map=True, pre_buffer=False)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as e:  # the last: of a column's name
        raise InputError(path, f"not readable as Parquet ({str(e)[:200]})", "a whole Parquet file") from None
    with file:
        matched = intake.match(file.schema_arrow.names)
        number = 0
        try:
            for batch in file.iter_batches(batch_size=_BATCH, columns=list(matched.values()), use_threads=False):
                table = {field: batch.column(batch.schema.names.index(name)) for field, name in matched.items()}
                for row in range(batch.num_rows):
                    number += 1
                    try:
                        record = {field: column[row].as_py() for field, column in table.items()}
                    except (UnicodeDecodeError, ValueError, OverflowError) as e:
                        intake.reject(number, f"unreadable value ({e})")
                        continue
                    if speech := intake.speech(record, number):
                        yield speech
        except (OSError, pa.ArrowException, UnicodeDecodeError) as e:
            intake.reject(number + 1, f"damaged Parquet: nothing after row {number} could be read ({str(e)[:200]})")


def _encoding(path: Path, name: str, intake: Intake) -> Encoding:
    found = Encoding(check_encoding(name, path)) if name else detect_encoding(path)
    intake.report.encoding(path, found)
    return found


def _until_damaged(rows: Iterator[tuple[int, Any]], intake: Intake) -> Iterator[tuple[int, Any]]:
    """Yield rows until the file proves damaged; what came before is kept and the damage goes to the rejects."""
    number = 0
    try:
        for number, row in rows:
            yield number, row
    except (InputError, OSError) as e:
        if not number:
            raise
        intake.reject(number + 1, f"nothing after line {number} could be read: {e}")
