"""Tables as files: JSON lines, CSV that no spreadsheet runs, Parquet; streamed where they are long."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sca_nlp.records import Speech
from sca_nlp.store import SPEECH_FIELDS, mendable

_RISKY = ("=", "+", "-", "@", "\t", "\r", "'")
#: Columns that `sca predict` adds.
OWN = ("codes", "targets", "probabilities", "n_windows", "language")


def escape_cell(value: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula (and before one that is there already).

    Reversible: drop one leading apostrophe. Numbers are never touched.
    """
    return "'" + value if value.startswith(_RISKY) else value


def column_names(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return every column that some row has: the input's in order of appearance, then ours."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [n for n in names if n not in OWN] + [n for n in names if n in OWN]


def as_parquet(rows: Sequence[dict[str, Any]], classes: Sequence[str]) -> pa.Table:
    """Return rows as a table; a column whose values fit no one type becomes text."""
    strings = pa.list_(pa.string())
    scores = pa.struct([(c, pa.float64()) for c in classes])
    own = dict(zip(OWN, (strings, strings, scores, pa.int32(), pa.string()), strict=True))
    columns: dict[str, pa.Array] = {}
    for name in column_names(rows):
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


def as_csv(rows: Sequence[dict[str, Any]], names: Sequence[str], *, header: bool, delimiter: str = ",") -> str:
    """Return rows as CSV text; lists and objects as JSON, formulas behind an apostrophe."""
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
                        as_csv(rows, table.column_names, header=n == 0)
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
