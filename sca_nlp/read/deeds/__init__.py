"""Deed readers: one file a source, one row each in `sca_nlp.registry.DEED_READERS`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject
from sca_nlp.registry import resolve

__all__ = ["DeedTable", "read_deeds"]


def read_deeds(name: str, path: str | Path, /, *, rejects: list[Reject] | None = None, **options: Any) -> DeedTable:
    """Read the deeds of a source by its name in `sca_nlp.registry.DEED_READERS`.

    Args:
        name: of the reader, such as `mid_cow`.
        path: file, folder or pattern, as the reader says.
        rejects: grows by the records that could not be read.
        options: the reader's own.

    Raises:
        UnknownNameError: no such reader.
        InputError: the file is not what the reader wants, or an option is unknown.
    """
    reader = resolve("deed reader", name)
    try:
        table = reader(path, rejects=[] if rejects is None else rejects, **options)
    except TypeError as error:
        if "unexpected keyword argument" in str(error):
            raise InputError(
                f"deeds {name!r}", str(error).split("() ")[-1], f"the options of {reader.__module__}.{reader.__name__}"
            ) from error
        raise
    assert isinstance(table, DeedTable)
    return table
