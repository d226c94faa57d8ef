"""Tables of any library in and out, by way of Arrow; and the speeches that stand in them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from sca_nlp.errors import InputError
from sca_nlp.records import Reject, Speech


def report_rejects(found: list[Reject], rejects: list[Reject] | None) -> None:
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


def kind_of(data: Any) -> str:
    """Return which library a table is of, told by its type's home, so that none is imported for it."""
    home, name = type(data).__module__.partition(".")[0], type(data).__name__
    known = {("pandas", "DataFrame"), ("polars", "DataFrame"), ("datasets", "Dataset"), ("pyarrow", "Table")}
    return home if (home, name) in known else ""


def to_arrow(data: Any) -> Any:
    """Return any table, or texts, as an Arrow table."""
    import pyarrow as pa

    kind = kind_of(data)
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


def as_given(table: Any, data: Any) -> Any:
    """Return an Arrow table as the library that the caller's data came from."""
    kind = kind_of(data)
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


def column_of(table: Any, name: str) -> list[str]:
    """Return a column as texts; what is missing is empty."""
    if name not in table.column_names:
        return [""] * table.num_rows
    return ["" if v is None or v != v else str(v) for v in table[name].to_pylist()]


def speeches_of(
    data: Any,
    columns: Mapping[str, str] | None,
    defaults: Mapping[str, str] | None,
    rejects: list[Reject],
    own_actors: bool,
) -> Iterable[Speech]:
    """Yield the speeches of whatever was given."""
    if isinstance(data, str):
        data = [data]
    if kind_of(data):
        table = to_arrow(data)
        yield from _records(_rows(table), table.column_names, columns, defaults, rejects, own_actors)
        return
    if not isinstance(data, Iterable):
        raise InputError("data", type(data).__name__, "texts, speeches, or a table")
    items = iter(data)
    for n, item in enumerate(items):
        if isinstance(item, Mapping):  # rows one by one, as a streamed data set gives them
            yield from _records(chain([item], items), list(item), columns, defaults, rejects, own_actors)
            return
        if isinstance(item, str):
            plain = Speech(str(n), "", "", item)
            yield replace(plain, **dict(defaults)) if defaults else plain
        elif isinstance(item, Speech):
            yield item
        else:
            raise InputError(f"data[{n}]", type(item).__name__, "a text or a Speech")


def _rows(table: Any) -> Iterator[Mapping[str, Any]]:
    for batch in table.to_batches(max_chunksize=256):
        yield from batch.to_pylist()


def _records(
    rows: Iterable[Mapping[str, Any]],
    names: Sequence[str],
    columns: Mapping[str, str] | None,
    defaults: Mapping[str, str] | None,
    rejects: list[Reject],
    own_actors: bool,
) -> Iterator[Speech]:
    """Yield the speeches of rows, read as those of a file are: common column names, dates and countries understood."""
    from sca_nlp.read.speeches.intake import Intake

    intake = Intake(
        "data",
        rejects.append,
        columns=columns or {},
        defaults=defaults or {},
        required=("text",),
        keep_unknown_sources=own_actors,
    )
    matched = intake.match(names)
    for line, row in enumerate(rows, 1):
        speech = intake.speech({name: row.get(column) for name, column in matched.items()}, line)
        if speech is not None:
            yield speech
