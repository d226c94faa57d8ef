"""Rows of a file of passages, whatever its form."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from sca_nlp.errors import InputError
from sca_nlp.read.speeches.decode import detect_encoding
from sca_nlp.read.speeches.delimited import sniff

CHUNK = 4096  # rows coded at a time


def file_kind(path: Path) -> str:
    """Return `jsonl`, `csv` or `parquet`, by a file's ending.

    Raises:
        InputError: another ending.
    """
    kind = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet"}.get(
        path.suffix.lower()
    )
    if kind is None:
        raise InputError(path, f"a file ending in {path.suffix or 'nothing'!r}", "jsonl, csv, tsv or parquet")
    return kind


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a passages file as dicts, one for each row; delimiter and encoding of a CSV are found.

    Raises:
        InputError: no such file, an unknown ending, a line that is no object, no `text`.
    """
    kind = file_kind(path)
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
