"""Tables of passages in and out: what `sca predict` reads and writes, and the flat export of a run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from sca_nlp.errors import InputError
from sca_nlp.records import Speech
from sca_nlp.store import SPEECH_FIELDS, write_atomically, write_table

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


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a passages file as dicts.

    Raises:
        InputError: no such file, an unknown ending, a line that is no object, no `text`.
    """
    kind = _kind(path)
    if not path.is_file():
        raise InputError(path, "no such file", "a file of passages")
    if kind == "parquet":
        try:
            for batch in pq.ParquetFile(path).iter_batches(batch_size=CHUNK):
                yield from _with_text(enumerate(batch.to_pylist(), 1), path)
        except pa.ArrowInvalid as e:
            raise InputError(path, f"no Parquet ({e})", "a Parquet file") from None
        return
    # Bytes that are no UTF-8 become U+FFFD: a row out for each row in matters more than one bad letter.
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as f:
        if kind == "csv":
            csv.field_size_limit(50_000_000)
            rows = csv.DictReader(f, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            yield from _with_text(((rows.line_num, row) for row in rows), path)
        else:
            yield from _with_text(_json_rows(f, path), path)


def _json_rows(f: Iterable[str], path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for n, line in enumerate(f, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as e:
            raise InputError(f"{path}:{n}", f"no JSON ({e})", "one JSON object a line") from None
        if not isinstance(row, dict):
            raise InputError(f"{path}:{n}", type(row).__name__, "one JSON object a line")
        yield n, row


def _with_text(rows: Iterable[tuple[int, dict[str, Any]]], path: Path) -> Iterator[dict[str, Any]]:
    for n, row in rows:
        if not isinstance(row.get("text"), str):
            raise InputError(f"{path}:{n}", f"columns {', '.join(str(k) for k in row)}", "a column `text`")
        yield row


def _source(row: dict[str, Any]) -> str:
    value = next((row[k] for k in ("country", "country_iso3", "source") if row.get(k)), "")
    return str(value)


Predict = Callable[
    [Sequence[str], Sequence[str], Sequence[str], Sequence[str], Sequence[str], "Tools"], "list[Prediction]"
]


def predict_file(
    source: Path, target: Path, tools: Tools, predict: Predict, advance: Callable[[int], None]
) -> tuple[int, int]:
    """Code each row of a file; return the counts of rows and of rows with a code.

    Columns of the input that are named `codes`, `targets` or `probabilities` are kept as `input_codes` and so on.
    """
    classes = tools.classifier.codebook.classes
    kind = _kind(target)
    results: list[dict[str, Any]] = []
    n_coded = 0

    def code(chunk: list[dict[str, Any]]) -> None:
        nonlocal n_coded
        texts, prev, next_ = ([str(r.get(k) or "") for r in chunk] for k in ("text", "prev", "next"))
        predictions = predict(
            texts, prev, next_, [_source(r) for r in chunk], [str(r.get("date") or "") for r in chunk], tools
        )
        for row, p in zip(chunk, predictions, strict=True):
            kept = {
                (f"input_{k}" if k in ("codes", "targets", "probabilities") else k): v
                for k, v in row.items()
                if k is not None
            }
            n_coded += bool(p.codes)
            probabilities = {c: round(v, 6) for c, v in zip(classes, p.probabilities, strict=True)}
            results.append({**kept, "codes": list(p.codes), "targets": list(p.targets), "probabilities": probabilities})
        advance(len(chunk))

    chunk: list[dict[str, Any]] = []
    for row in read_rows(source):
        chunk.append(row)
        if len(chunk) == CHUNK:
            code(chunk)
            chunk = []
    if chunk:
        code(chunk)
    target.parent.mkdir(parents=True, exist_ok=True)
    if kind == "parquet":
        write_table(target, pa.Table.from_pylist(results))
    elif kind == "csv":
        write_atomically(target, _csv(results, header=True).encode("utf-8", "replace"))
    else:
        lines = "".join(json.dumps(r, ensure_ascii=False, default=str) + "\n" for r in results)
        write_atomically(target, lines.encode("utf-8", "replace"))
    return len(results), n_coded


def _csv(rows: Sequence[dict[str, Any]], *, header: bool) -> str:
    out = io.StringIO()
    if not rows:
        return ""
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), extrasaction="ignore")
    if header:
        writer.writeheader()
    for row in rows:
        writer.writerow({k: _cell(v) for k, v in row.items()})
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return escape_cell(value) if isinstance(value, str) else value


def write_tables(tables: Iterable[pa.Table], path: Path, kind: str) -> int:
    """Write tables of one schema into one file, as they come; return the number of rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    n = 0
    try:
        if kind == "parquet":
            writer = None
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
                        _csv(rows, header=n == 0)
                        if kind == "csv"
                        else "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
                    )
                    n += len(rows)
        temporary.replace(path)
    finally:
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
