"""A publisher's file -> rows in DuckDB, and coded rows -> a `DeedTable`: what every deed reader does alike.

A reader loads the columns that it needs as text (`load`), checks that they hold what they should (`expect`), says in
one query what each row means (`collect`), and gets deeds and rejects. DuckDB keeps to a memory limit and spills
to disk.
"""

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
import pyarrow as pa

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.mapping import Coding
from sca_nlp.read.deeds.mapping import Mapping as CodeTable
from sca_nlp.read.deeds.states import state_codes
from sca_nlp.read.deeds.table import DEED_SCHEMA, DeedTable
from sca_nlp.records import Reject

#: So many rejects are listed one by one; the rest of a file's are one line with their number.
MAX_REJECTS = 1000

_TABLE = "a readable table (CSV, TSV or Parquet)"

_MACROS = """
CREATE MACRO state_of(kind, value, y) AS (
    SELECT min(iso3) FROM states
    WHERE system = kind AND states.code = value AND y BETWEEN states.first AND states.last);
CREATE MACRO own(iso3, y) AS
    CASE WHEN iso3 = 'YUG' AND y > 2005 THEN 'SRB' WHEN iso3 = 'SRB' AND y < 2006 THEN 'YUG' ELSE iso3 END;
CREATE MACRO number(value) AS try_cast(value AS DOUBLE);
CREATE MACRO whole(value) AS try_cast(try_cast(value AS DOUBLE) AS INT);
CREATE MACRO cow(value, y) AS state_of('cow', whole(value)::VARCHAR, y);
CREATE MACRO gw(value, y) AS state_of('gw', whole(value)::VARCHAR, y);
CREATE MACRO known(value) AS CASE WHEN whole(value) >= 0 THEN whole(value) END;
CREATE MACRO iso_date(y, m, d) AS
    lpad(y::VARCHAR, 4, '0')
    || CASE WHEN m BETWEEN 1 AND 12 THEN '-' || lpad(m::VARCHAR, 2, '0')
       || CASE WHEN d BETWEEN 1 AND 31 THEN '-' || lpad(d::VARCHAR, 2, '0') ELSE '' END ELSE '' END;
"""


@contextmanager
def bench(memory: str = "1GB", threads: int = 2) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB connection with a memory limit, a spill folder and the state codes as table `states`."""
    with tempfile.TemporaryDirectory(prefix="sca-deeds-") as folder:
        con = duckdb.connect(":memory:")
        try:
            con.execute(f"SET memory_limit='{memory}'; SET threads={int(threads)}; SET temp_directory='{folder}'")
            con.register("states_arrow", state_codes())
            con.execute("CREATE TABLE states AS SELECT * FROM states_arrow")
            con.execute(_MACROS)
            yield con
        finally:
            con.close()


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
    con.execute(f"CREATE TABLE {table} (file VARCHAR, line BIGINT, {', '.join(f'{_q(c)} VARCHAR' for c in wanted)})")
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
                insert = f"INSERT INTO {table} SELECT {sql_text(file.name)}, row_number() OVER () + {start - 1}, {picks} FROM {scan}"
                try:
                    con.execute(insert)
                except duckdb.Error as error:
                    raise InputError(file, str(error).splitlines()[0][:200], what or _TABLE) from error
                seen |= set(found)
                csv_rejects(con, file, rejects)
    if not con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]:
        raise InputError(path, "no rows", what or "a table with rows")
    return [c for c in wanted if c in seen]


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _clean(column: str) -> str:
    text = f"trim({_q(column)}::VARCHAR)"
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


def first_line(path: Path) -> str:
    """Return a file's first line (of a .zip its first file's), undecodable bytes replaced; empty for an empty file."""
    with unpacked(path) as parts:
        if not parts:
            return ""
        with gzip.open(parts[0], "rb") if parts[0].suffix.lower() == ".gz" else parts[0].open("rb") as file:
            return file.readline(1 << 20).decode("utf-8-sig", "replace").rstrip("\r\n")


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
            "SELECT line, arg_min(error_message, column_idx), min(csv_line) FROM reject_errors GROUP BY line ORDER BY line"
        ).fetchall()
        con.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    except duckdb.CatalogException:  # nothing was read as CSV
        return
    add_rejects(rejects, file, [(line, str(why).splitlines()[0], record) for line, why, record in rows], len(rows))


def reject_names(con: duckdb.DuckDBPyConnection, path: object, rejects: list[Reject]) -> None:
    """Append a reject for each name in the table `names` that no actor is known by."""
    for (name,) in con.execute("SELECT name FROM names WHERE iso3 IS NULL ORDER BY name").fetchall():
        rejects.append(Reject(str(path), 0, f"{name!r} is no state that is known; its rows are left out"))


def add_rejects(rejects: list[Reject], file: object, rows: Sequence[tuple[Any, Any, Any]], total: int) -> None:
    """Append rejects `(line, reason, record)`, at most `MAX_REJECTS` of them and one line for the rest."""
    rejects.extend(
        Reject(str(file), int(line or 0), str(why), str(record or "")[:200]) for line, why, record in rows[:MAX_REJECTS]
    )
    if total > MAX_REJECTS:
        rejects.append(Reject(str(file), 0, f"{total - MAX_REJECTS} more rows like those above"))


def expect(
    con: duckdb.DuckDBPyConnection,
    path: object,
    column: str,
    pattern: str,
    wanted: str,
    *,
    share: float = 0.95,
    table: str = "raw",
) -> None:
    """Check that a column holds what it should: the guard against wrong versions and shifted columns.

    Raises:
        InputError: less than `share` of its values match the pattern; shows one that does not.
    """
    query = (
        f"SELECT count({_q(column)}), count(*) FILTER (WHERE regexp_full_match({_q(column)}, {sql_text(pattern)})), "
        f"min({_q(column)}) FILTER (WHERE NOT regexp_full_match({_q(column)}, {sql_text(pattern)})) FROM {table}"
    )
    filled, good, example = con.execute(query).fetchall()[0]
    if not filled:
        raise InputError(path, f"column {column} is empty", wanted)
    if good < share * filled:
        raise InputError(
            path,
            f"column {column} holds {example!r} ({filled - good} of {filled} values)",
            f"{wanted}; are the columns shifted?",
        )


def collect(
    con: duckdb.DuckDBPyConnection,
    mapping: CodeTable,
    query: str,
    *,
    path: object,
    rejects: list[Reject],
    coverage: tuple[str, str] | None = None,
    actors: frozenset[str] = frozenset(),
    changes: dict[str, str] | None = None,
) -> DeedTable:
    """Code the rows of a query by a mapping table and return them as a checked `DeedTable`.

    The query's columns: `date, source, target, code`, and where it has them `factor` (multiplies the code's magnitude),
    `sign` (replaces the code's), `description`, `reference`, `line`, `record`, `problem` (a reason to reject the row).
    Rows with a problem, an unknown code or no actor go to `rejects`.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE coded AS {query}")
    have = {row[0] for row in con.execute("DESCRIBE coded").fetchall()}
    for name, kind in (("factor", "DOUBLE"), ("sign", "INT"), ("line", "BIGINT")):
        if name not in have:
            con.execute(f"ALTER TABLE coded ADD COLUMN {name} {kind}")
    for name in ("description", "reference", "record", "problem"):
        if name not in have:
            con.execute(f"ALTER TABLE coded ADD COLUMN {name} VARCHAR")
    register_codes(con, mapping.codes, "codes")
    level = mapping.source["measure"] == "level"
    verdict = f"""SELECT coded.*, CASE
            WHEN problem IS NOT NULL THEN problem
            WHEN coded.date IS NULL OR NOT regexp_full_match(coded.date, '[0-9]{{4}}(-[0-9]{{2}}){{0,2}}')
                THEN 'date is ' || coalesce(coded.date, 'missing')
            WHEN source IS NULL OR source = '' THEN 'the source is no state that is known'
            WHEN target IS NULL{"" if level else " OR target = ''"} THEN 'the target is no state that is known'
            WHEN codes.code IS NULL THEN 'code ' || coalesce(coded.code, 'missing') || ' is not in the mapping table'
            WHEN factor IS NOT NULL AND NOT isfinite(factor) THEN 'the value is not finite' END AS why
        FROM coded LEFT JOIN codes ON codes.code = coded.code"""
    con.execute(f"CREATE OR REPLACE TEMP VIEW judged AS {verdict}")
    n_bad = con.execute("SELECT count(*) FROM judged WHERE why IS NOT NULL").fetchall()[0][0]
    if n_bad:
        some = f"SELECT line, why, record FROM judged WHERE why IS NOT NULL ORDER BY line LIMIT {MAX_REJECTS}"
        add_rejects(rejects, path, con.execute(some).fetchall(), n_bad)
    table = con.sql(
        f"""SELECT j.date AS date, j.source, j.target, c.manifestation, coalesce(j.sign, c.sign)::TINYINT AS sign,
                   (c.magnitude * abs(coalesce(j.factor, 1)))::DOUBLE AS magnitude, c.verbal,
                   {sql_text(mapping.name)} AS dataset, j.code, coalesce(j.description, c.meaning) AS description,
                   coalesce(j.reference, '') AS reference
            FROM judged j JOIN codes c ON c.code = j.code WHERE j.why IS NULL
            ORDER BY j.date, j.source, j.target, j.code, magnitude, description"""
    ).to_arrow_table()
    if coverage is None:
        first, last = con.execute("SELECT min(date[:4]), max(date[:4]) FROM coded WHERE problem IS NULL").fetchall()[0]
        coverage = (first or "", last or "")
    return DeedTable(mapping.declare(*coverage, actors=actors, changes=changes), table.cast(DEED_SCHEMA))


def register_codes(con: duckdb.DuckDBPyConnection, codes: Mapping[str, Coding], name: str) -> None:
    """Make a DuckDB table of a mapping's codes."""
    rows = list(codes.values())
    arrow = pa.table(
        {
            "code": pa.array([r.code for r in rows], pa.string()),
            "manifestation": pa.array([r.manifestation for r in rows], pa.string()),
            "sign": pa.array([r.sign for r in rows], pa.int8()),
            "magnitude": pa.array([r.magnitude for r in rows], pa.float64()),
            "verbal": pa.array([r.verbal for r in rows], pa.bool_()),
            "meaning": pa.array([r.meaning for r in rows], pa.string()),
            "goldstein": pa.array([r.goldstein for r in rows], pa.float64()),
        }
    )
    con.register(f"{name}_arrow", arrow)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM {name}_arrow")
