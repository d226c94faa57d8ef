"""A publisher's file (CSV, TSV, Parquet; zipped or not; one or many) -> rows of text in a DuckDB table."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
import codecs
import glob
import gzip
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from sca_nlp.errors import InputError
from sca_nlp.records import Reject

#: So many rejects are listed one by one; the rest of a file's are one line with their number.
MAX_REJECTS = 1000


_TABLE = "a readable table (CSV, TSV or Parquet)"


def files_of(path: str | Path) -> list[Path]:
    """Return the files behind a path: the file, a folder's files, or a glob's matches, sorted.

    Raises:
        InputError: there is none.
    """
    here = Path(path)
    if here.is_file():
        return [here]
    found = (
        sorted(p for p in here.iterdir() if p.is_file())
        if here.is_dir()
        else [Path(p) for p in sorted(glob.glob(str(path)))]  # noqa: PTH207 (patterns may be absolute)
    )
    if not found:
        raise InputError(path, "no such file", "a file, a folder or a pattern such as data/*.zip")
    return found


@contextmanager
def unpacked(path: Path) -> Iterator[list[Path]]:
    """Yield the plain files inside a .zip (in a folder removed afterwards), or the file itself."""
    if path.suffix.lower() != ".zip":
        yield [path]
        return
    with tempfile.TemporaryDirectory(prefix="sca-unzip-") as folder:
        out: list[Path] = []
        try:
            with zipfile.ZipFile(path) as archive:
                # Members are written under names of our own: a name from outside never becomes a path.
                for i, member in enumerate(m for m in archive.infolist() if not m.is_dir()):
                    target = Path(folder) / f"{i:04d}{Path(member.filename).suffix.lower()}"
                    with archive.open(member) as source, target.open("wb") as sink:
                        shutil.copyfileobj(source, sink, 1 << 20)
                    out.append(target)
        except zipfile.BadZipFile as error:
            raise InputError(path, str(error), "a zip file") from error
        yield out


def first_line(path: Path) -> str:
    """Return a file's first line (of a .zip its first file's), undecodable bytes replaced; empty for an empty file."""
    with unpacked(path) as parts:
        if not parts:
            return ""
        with gzip.open(parts[0], "rb") if parts[0].suffix.lower() == ".gz" else parts[0].open("rb") as file:
            return file.readline(1 << 20).decode("utf-8-sig", "replace").rstrip("\r\n")


def key_of(name: str) -> str:
    """Return a column name without case, spaces and punctuation: `Event Date`, `event_date` and `EVENTDATE` are one."""
    return re.sub(r"[^a-z0-9%]+", "", name.lower())


def sql_text(value: object) -> str:
    """Return a value as a quoted SQL string."""
    return "'" + str(value).replace("'", "''") + "'"


def load(
    con: duckdb.DuckDBPyConnection,
    path: str | Path,
    *,
    required: Sequence[str],
    optional: Sequence[str] = (),
    aliases: Mapping[str, Sequence[str]] | None = None,
    rejects: list[Reject],
    table: str = "raw",
    delimiter: str = ",",
    quote: str = '"',
    names: Sequence[str] | None = None,
    what: str = "",
    repair: bool = False,
) -> list[str]:
    """Load the wanted columns of a CSV, TSV or Parquet file (or of several, zipped or not) as text into a DuckDB table.

    Column `line` is the row's line in its file where records are one line each; empty texts, `NA`, `NULL` and `None`
    are missing. Lines that no CSV parser can read go to `rejects`.

    Args:
        con: a connection from `bench`.
        path: file, folder or pattern.
        required: columns that must be there, in any case and punctuation.
        optional: columns that are all missing where the file lacks them.
        aliases: other names of a column.
        rejects: grows by the lines that cannot be read.
        table: name of the table to make.
        delimiter: field separator of text files.
        quote: quote character of text files; empty for none.
        names: column names of a text file without a header.
        what: what the file should be, for the error.
        repair: mend headers with too many or too few names (POLECAT's), by the number of fields in the second line.

    Returns:
        The wanted columns that were found.

    Raises:
        InputError: a required column is missing, or the file is no table.
    """
    wanted = [*required, *optional]
    con.execute(f"DROP TABLE IF EXISTS {table}")
    con.execute(
        f"CREATE TABLE {table} (file VARCHAR, line BIGINT, {', '.join(f'{quoted(c)} VARCHAR' for c in wanted)})"
    )
    seen: set[str] = set()
    for file in files_of(path):
        with unpacked(file) as parts:
            for part in parts:
                own = _mended(part, delimiter) if repair and names is None and not _is_parquet(part) else names
                scan, header = _scan(con, part, file, delimiter, quote, own, skip=repair)
                found = _match(header, wanted, aliases or {})
                lacking = [c for c in required if c not in found]
                if lacking:
                    shown = ", ".join(header[:8]) + (" ..." if len(header) > 8 else "")
                    raise InputError(
                        file,
                        f"no column {', '.join(lacking)} (it has {shown})",
                        what or f"the columns {', '.join(required)}",
                    )
                picks = ", ".join(_clean(found[c]) if c in found else "NULL" for c in wanted)
                start = 1 if _is_parquet(part) or names is not None else 2
                line = f"row_number() OVER () + {start - 1}"
                insert = f"INSERT INTO {table} SELECT {sql_text(file.name)}, {line}, {picks} FROM {scan}"
                try:
                    con.execute(insert)
                except duckdb.Error as error:
                    raise InputError(file, str(error).splitlines()[0][:200], what or _TABLE) from error
                seen |= set(found)
                csv_rejects(con, file, rejects)
    if not con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]:
        raise InputError(path, "no rows", what or "a table with rows")
    return [c for c in wanted if c in seen]


def quoted(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _clean(column: str) -> str:
    text = f"trim({quoted(column)}::VARCHAR)"
    return f"CASE WHEN {text} IN ('', 'NA', 'NULL', 'None', 'NaN', 'nan') THEN NULL ELSE {text} END"


def _match(header: Sequence[str], wanted: Sequence[str], aliases: Mapping[str, Sequence[str]]) -> dict[str, str]:
    by_key = {key_of(name): name for name in reversed(header)}
    found = {}
    for column in wanted:
        for alias in (column, *aliases.get(column, ())):
            if key_of(alias) in by_key:
                found[column] = by_key[key_of(alias)]
                break
    return found


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _mended(part: Path, delimiter: str) -> list[str]:
    """Return as many column names as line 2 has fields: `Headline` goes first, then the last; or blanks come."""
    with part.open("rb") as file:
        lines = [
            file.readline(1 << 20).decode("utf-8-sig", "replace").rstrip("\r\n").split(delimiter) for _ in range(2)
        ]
    names, n = lines[0], len(lines[1])
    if len(names) > n and "Headline" in names:
        names = [name for name in names if name != "Headline"]
    names = names[:n] if n > 1 else names
    return [*(name or f"blank {i}" for i, name in enumerate(names)), *(f"extra {i}" for i in range(n - len(names)))]


def _scan(
    con: duckdb.DuckDBPyConnection,
    part: Path,
    shown: Path,
    delimiter: str,
    quote: str,
    names: Sequence[str] | None,
    *,
    skip: bool = False,
) -> tuple[str, list[str]]:
    """Return a SQL table function over a file and its column names."""
    if _is_parquet(part):
        scan = f"read_parquet({sql_text(part)})"
    else:
        readable = _as_utf8(con, part)
        columns = ""
        if names is not None:
            columns = (
                ", columns={"
                + ", ".join(f"{sql_text(n)}: 'VARCHAR'" for n in names)
                + "}, auto_detect=false"
                + (", skip=1" if skip else "")
            )
        scan = (
            f"read_csv({sql_text(readable)}, delim={sql_text(delimiter)}, quote={sql_text(quote)}, "
            f"escape={sql_text(quote)}, header={'false' if names is not None else 'true'}, all_varchar=true, "
            f"store_rejects=true, strict_mode=false, "
            f"null_padding={'false' if names is not None else 'true'}, parallel=false{columns})"
        )
    try:
        header = [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()]
    except duckdb.Error as error:
        raise InputError(shown, str(error).splitlines()[0][:200], _TABLE) from error
    return scan, header


def _as_utf8(con: duckdb.DuckDBPyConnection, path: Path) -> Path:
    """Return the file, or where it is in Latin-1 a copy in UTF-8 in the connection's spill folder."""
    if path.suffix.lower() == ".gz":
        return path
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 22):
                decoder.decode(chunk)
        return path
    except UnicodeDecodeError:
        spill = con.execute("SELECT current_setting('temp_directory')").fetchall()[0][0]
        copy = Path(tempfile.mkdtemp(dir=spill)) / path.name
        with (
            path.open("r", encoding="latin-1", newline="") as source,
            copy.open("w", encoding="utf-8", newline="") as sink,
        ):
            shutil.copyfileobj(source, sink, 1 << 20)
        return copy


def csv_rejects(con: duckdb.DuckDBPyConnection, file: Path, rejects: list[Reject]) -> None:
    """Move the lines that DuckDB could not read since the last call into `rejects`, once each."""
    try:
        rows = con.execute(
            "SELECT line, arg_min(error_message, column_idx), min(csv_line) FROM reject_errors "
            "GROUP BY line ORDER BY line"
        ).fetchall()
        con.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    except duckdb.CatalogException:  # nothing was read as CSV
        return
    add_rejects(rejects, file, [(line, str(why).splitlines()[0], record) for line, why, record in rows], len(rows))


def add_rejects(rejects: list[Reject], file: object, rows: Sequence[tuple[Any, Any, Any]], total: int) -> None:
    """Append rejects `(line, reason, record)`, at most `MAX_REJECTS` of them and one line for the rest."""
    rejects.extend(
        Reject(str(file), int(line or 0), str(why), str(record or "")[:200]) for line, why, record in rows[:MAX_REJECTS]
    )
    if total > MAX_REJECTS:
        rejects.append(Reject(str(file), 0, f"{total - MAX_REJECTS} more rows like those above"))
