"""Rows of a small side table (CSV or Excel) that says more of texts: bounded, and safe with hostile files."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sca_nlp.errors import InputError
from sca_nlp.read.speeches.decode import MAX_RECORD, detect_encoding, open_bytes, read_lines
from sca_nlp.read.speeches.delimited import read_rows
from sca_nlp.read.speeches.intake import Intake

MAX_SHEET = 50_000_000  # bytes of the .xlsx itself
_MAX_UNPACKED = 1 << 29
_FREE_UNPACKED = 1 << 25
_MAX_MEMBERS = 10_000
_MAX_ROWS = 2_000_000


def check_zip(stream: Any, where: object) -> None:
    """Refuse a zip (also .xlsx, .docx) that unpacks out of proportion.

    Raises:
        InputError: no zip, too many members, or too large when unpacked.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as e:
        raise InputError(where, f"not readable as zip ({e})", "a whole .xlsx or .docx") from None
    if len(members) > _MAX_MEMBERS:
        raise InputError(where, f"{len(members):,} members", f"at most {_MAX_MEMBERS:,}")
    packed, unpacked = sum(m.compress_size for m in members), sum(m.file_size for m in members)
    if unpacked > _MAX_UNPACKED or unpacked > max(_FREE_UNPACKED, 200 * packed):
        raise InputError(where, f"unpacks from {packed:,} to {unpacked:,} bytes", "a file that is no zip bomb")


def side_rows(path: Path, intake: Intake, data: bytes | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (row number, column -> value) of a CSV, TSV or Excel table; bad rows go to the rejects.

    Args:
        path: the table, or its name where `data` holds it.
        intake: takes the rejects.
        data: the bytes of an Excel file out of an archive.

    Raises:
        InputError: not readable, or no kind of table that we know.
    """
    if path.suffix.lower() == ".xlsx":
        yield from _excel(io.BytesIO(data) if data is not None else path, path)
        return
    if path.suffix.lower() not in (".csv", ".tsv", ".tab"):
        raise InputError(path, f"ending {path.suffix!r}", "a table in .csv, .tsv or .xlsx")
    with open_bytes(path) as stream:
        lines = read_lines(stream, detect_encoding(path).name, MAX_RECORD)
        rows = read_rows(lines, path, MAX_RECORD, ["file"], intake.reject)
        _, header = next(rows, (0, []))
        for number, row in rows:
            yield number, dict(zip(header, row, strict=True))


def _excel(stream: Any, where: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    import openpyxl  # parses with defusedxml where that is installed, and we require it

    try:
        size = len(stream.getbuffer()) if isinstance(stream, io.BytesIO) else where.stat().st_size
    except OSError as e:
        raise InputError(where, f"not readable ({e.strerror})", "an Excel table") from None
    if size > MAX_SHEET:
        raise InputError(where, f"{size:,} bytes", f"an Excel table of at most {MAX_SHEET:,}")
    check_zip(stream, where)
    try:
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        rows = itertools.islice(sheet.iter_rows(values_only=True), _MAX_ROWS)
        header = [str(name).strip() if name is not None else "" for name in next(rows, ())]
        for number, row in enumerate(rows, 2):
            record = {name: value for name, value in zip(header, row, strict=False) if name and value is not None}
            if record:
                yield number, record
        book.close()
    except InputError:
        raise
    except Exception as e:  # openpyxl raises whatever the damage brings up: KeyError, ValueError, ParseError ...
        raise InputError(
            where, f"not readable as Excel ({type(e).__name__}: {str(e)[:200]})", "a sound .xlsx"
        ) from None
