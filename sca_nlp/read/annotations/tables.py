"""Annotations in CSV, JSON lines and Parquet, and from a Hugging Face dataset saved on disk."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError, MissingExtraError
from sca_nlp.read.annotations.flat import NAMES, Rejects, from_record, to_record
from sca_nlp.read.speeches.decode import detect_encoding, open_bytes
from sca_nlp.records import Annotation, Reject


def open_text(path: Path) -> TextIO:
    """Open a text file in the encoding that it is in, gzipped or not; bytes that are none in it read as U+FFFD."""
    return io.TextIOWrapper(open_bytes(path), encoding=detect_encoding(path).name, errors="replace", newline="")


def _is_damaged(path: Path) -> bool:
    """Tell whether a file has bytes that are none in its encoding, so that a U+FFFD may be their trace."""
    with open_text(path) as f:
        n_traces = sum(line.count("\ufffd") for line in f)
    if not n_traces:
        return False
    with open_bytes(path) as stream:
        return sum(line.count("\ufffd".encode()) for line in stream) < n_traces


def keep(
    records: Iterable[tuple[int, Mapping[str, Any]]], path: Path, codebook: Codebook, rejects: Rejects
) -> Iterator[Annotation]:
    """Yield the annotations of numbered records; the bad ones go to `rejects`."""
    for line, record in records:
        try:
            yield from_record(record, codebook, f"{path}:{line}")
        except InputError as e:
            rejects(Reject(str(path), line, f"{e.got}; wanted {e.wanted}", str(dict(record))[:200]))


def json_lines(path: Path, rejects: Rejects) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, object) of a JSON lines file; other lines go to `rejects`."""
    damaged = _is_damaged(path)
    with open_text(path) as f:
        for number, line in enumerate(f, 1):
            if not line.strip():
                continue
            if damaged and "\ufffd" in line:
                rejects(Reject(str(path), number, "bytes that no encoding explains; wanted UTF-8", line[:200]))
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as e:
                rejects(Reject(str(path), number, f"not JSON ({e})", line[:200]))
                continue
            if isinstance(record, dict):
                yield number, record
            else:
                rejects(Reject(str(path), number, "no JSON object", line[:200]))


def read_jsonl(path: Path, *, codebook: Codebook, rejects: Rejects) -> Iterator[Annotation]:
    """Yield the annotations of a JSON lines file, one object a line (also .gz)."""
    return keep(json_lines(path, rejects), path, codebook, rejects)


def read_csv(path: Path, *, codebook: Codebook, rejects: Rejects) -> Iterator[Annotation]:
    """Yield the annotations of a CSV or TSV file; codes and targets are separated by blanks, commas or semicolons.

    Raises:
        InputError: no column of codes, or neither text nor speech_id.
    """
    with open_text(path) as f:
        head = f.readline()
        delimiter = max("\t;,", key=head.count)
        header = next(csv.reader([head], delimiter=delimiter), [])
        if not set(header) & set(NAMES["codes"]) or not set(header) & {*NAMES["text"], *NAMES["speech_id"]}:
            raise InputError(
                path, f"columns {', '.join(header) or 'none'}", "text (or speech_id, start, end) and codes"
            )
        reader = csv.DictReader(f, fieldnames=header, delimiter=delimiter)
        rows = ((reader.line_num + 1, {k: v for k, v in row.items() if k and v != ""}) for row in reader)
        yield from keep(rows, path, codebook, rejects)


def read_parquet(path: Path, *, codebook: Codebook, rejects: Rejects) -> Iterator[Annotation]:
    """Yield the annotations of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path)
    except Exception as e:  # pyarrow raises several kinds
        raise InputError(path, f"not readable ({e})", "a Parquet file") from None

    def rows() -> Iterator[tuple[int, dict[str, Any]]]:
        number = 0
        try:
            for batch in table.iter_batches(1024):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
        except (OSError, ValueError, OverflowError, pa.ArrowException) as e:
            rejects(Reject(str(path), number + 1, f"damaged Parquet: nothing after row {number} could be read ({e})"))

    yield from keep(rows(), path, codebook, rejects)


def read_dataset(path: Path, *, codebook: Codebook, rejects: Rejects) -> Iterator[Annotation]:
    """Yield the annotations of a Hugging Face dataset saved with `save_to_disk`.

    Raises:
        MissingExtraError: `datasets` is not installed.
        InputError: it holds several splits.
    """
    try:
        from datasets import Dataset, load_from_disk
    except ImportError:
        raise MissingExtraError("datasets", "hub") from None
    try:
        data = load_from_disk(str(path))
    except FileNotFoundError as e:
        raise InputError(path, str(e), "a folder written by save_to_disk") from None
    if not isinstance(data, Dataset):
        raise InputError(
            path, f"splits {', '.join(data)}", f"the folder of one split, such as {path / next(iter(data))}"
        )
    yield from keep(enumerate(data, 1), path, codebook, rejects)


def write_jsonl(path: Path, rows: Iterable[Annotation]) -> int:
    """Write annotations as JSON lines; return their number."""
    n = 0
    with path.open("w", encoding="utf-8") as f:
        for a in rows:
            f.write(json.dumps(to_record(a), ensure_ascii=False) + "\n")
            n += 1
    return n


def write_csv(path: Path, rows: Iterable[Annotation]) -> int:
    """Write annotations as CSV, codes and targets separated by blanks; return their number."""
    n = 0
    with path.open("w", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, list(NAMES))
        writer.writeheader()
        for a in rows:
            writer.writerow({k: " ".join(v) if isinstance(v, list) else v for k, v in to_record(a).items()})
            n += 1
    return n


def write_parquet(path: Path, rows: Iterable[Annotation]) -> int:
    """Write annotations as Parquet; return their number."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"start": pa.int64(), "end": pa.int64(), "weight": pa.float64(), "inclusion_probability": pa.float64()}
    lists = {"codes": pa.list_(pa.string()), "targets": pa.list_(pa.string())}
    schema = pa.schema([(f, lists.get(f) or kinds.get(f) or pa.string()) for f in NAMES])
    records = [to_record(a) for a in rows]
    pq.write_table(pa.Table.from_pylist(records, schema=schema), path)
    return len(records)
