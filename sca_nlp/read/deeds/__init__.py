"""Deed readers: one file a source, one row each in `sca_nlp.registry.DEED_READERS`."""

from __future__ import annotations

from collections.abc import Collection
from inspect import signature
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject
from sca_nlp.registry import resolve

__all__ = ["DeedTable", "read_deeds"]


def read_deeds(
    name: str,
    path: str | Path,
    /,
    *,
    rejects: list[Reject] | None = None,
    actors: Collection[str] = (),
    **options: Any,
) -> DeedTable:
    """Read the deeds of a source by its name in `sca_nlp.registry.DEED_READERS`.

    Args:
        name: of the reader, such as `mid_cow`.
        path: file, folder or pattern, as the reader says.
        rejects: grows by the records that could not be read.
        actors: only deeds among these actors (and what they do toward nobody in particular); all by default. Large
            sources are read the faster for it.
        options: the reader's own.

    Raises:
        UnknownNameError: no such reader.
        InputError: the file is not what the reader wants, or an option is unknown.
    """
    reader = resolve("deed reader", name)
    if actors and "actors" in signature(reader).parameters:
        options["actors"] = actors
    try:
        table = reader(path, rejects=[] if rejects is None else rejects, **options)
    except TypeError as error:
        if "unexpected keyword argument" in str(error):
            raise InputError(
                f"deeds {name!r}", str(error).split("() ")[-1], f"the options of {reader.__module__}.{reader.__name__}"
            ) from error
        raise
    assert isinstance(table, DeedTable)
    if not actors:
        return table
    kept = pa.array(sorted({"", *actors}))
    both = pc.and_(pc.is_in(table.deeds["source"], kept), pc.is_in(table.deeds["target"], kept))
    return DeedTable(table.source, table.deeds.filter(both))
