"""GDELT 1.0 and 2.0 event files -> deeds, streamed file by file through DuckDB in bounded memory."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
from collections.abc import Collection
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.cameo import CAMEO_PATTERN, STATE_TYPES, deeds_of_events, is_older
from sca_nlp.read.deeds.files import csv_rejects, files_of, first_line, sql_text, unpacked
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.rows import bench, expect
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

#: 57 fields before 2013-04, 58 with SOURCEURL (1.0), 61 with three ADM2 columns (2.0); the first 35 agree in all.
_FIELDS = {57: "1.0", 58: "1.0", 61: "2.0"}
_PLACES = {"day": 1, "country1": 7, "type1": 12, "country2": 17, "type2": 22, "code": 26, "quad": 29, "goldstein": 30}
_WANTED = "a GDELT event file: tab-separated, no header, 57 or 58 (1.0) or 61 (2.0) fields"


def read_gdelt(
    path: str | Path,
    *,
    rejects: list[Reject],
    actors: Collection[str] = (),
    roots: bool = False,
    older: bool | None = None,
    memory: str = "1GB",
    threads: int = 2,
    mapping: str | Path | None = None,
) -> DeedTable:
    """Read GDELT events between two states, one deed per directed pair, day and class.

    Args:
        path: one event file, a folder or a pattern; .CSV, .gz or .zip, of either version.
        rejects: grows by lines that cannot be read (encoding, number of fields) and by unknown codes.
        actors: only pairs of these states (ISO3); all by default.
        roots: only root events (those in a story's lead).
        older: which CAMEO list the codes follow; found out from the Goldstein weights by default.
        memory: DuckDB's limit.
        threads: DuckDB's threads.
        mapping: another table of CAMEO codes.

    Raises:
        InputError: wrong number of fields, or shifted columns.
    """
    with bench(memory, threads) as con:
        con.execute("SET preserve_insertion_order=false")
        # Ten bytes an event: sixty million fit into the limit, and grouping them year by year does too.
        packed = "(day INT, s UTINYINT, t UTINYINT, code USMALLINT, goldstein SMALLINT)"
        con.execute(
            f"CREATE TABLE packed {packed}; CREATE TABLE staged {packed}; CREATE TABLE days (first INT, last INT)"
        )
        con.execute(
            "CREATE TABLE actors AS SELECT code, iso3, dense_rank() OVER (ORDER BY iso3)::UTINYINT AS id "
            "FROM states WHERE system = 'cameo'"
        )
        for file in files_of(path):
            with unpacked(file) as parts:
                for part in parts:
                    _add(con, part, file, actors, roots, rejects)
        first, last = con.execute("SELECT min(first), max(last) FROM days").fetchall()[0]
        if first is None:
            raise InputError(path, "no event between two states", _WANTED)
        if older is None:
            con.execute(
                "CREATE VIEW weighed AS SELECT substr(code::VARCHAR, 2) AS code, goldstein / 10.0 AS goldstein "
                "FROM packed"
            )
            older = is_older(con, load_mapping("cameo", mapping), "weighed")
        tables = []
        for (year,) in con.execute("SELECT DISTINCT day // 10000 FROM packed ORDER BY 1").fetchall() or [
            (first // 10000,)
        ]:
            con.execute(
                f"""CREATE OR REPLACE TABLE events AS
                SELECT strftime(strptime(day::VARCHAR, '%Y%m%d'), '%Y-%m-%d') AS date, a.iso3 AS source,
                       b.iso3 AS target,
                       substr(code::VARCHAR, 2) AS code, n
                FROM (SELECT day, s, t, code, count(*) AS n FROM packed WHERE day // 10000 = {year} GROUP BY ALL) p
                JOIN (SELECT DISTINCT id, iso3 FROM actors) a ON a.id = p.s
                JOIN (SELECT DISTINCT id, iso3 FROM actors) b ON b.id = p.t"""
            )
            coverage = (_iso(first), _iso(last))
            options: dict[str, Any] = {"coverage": coverage, "older": older, "mapping": mapping}
            tables.append(deeds_of_events(con, "gdelt", path=path, rejects=rejects, **options))
        return DeedTable(tables[0].source, pa.concat_tables([table.deeds for table in tables]))


def _iso(day: int) -> str:
    return f"{day // 10000:04d}-{day // 100 % 100:02d}-{day % 100:02d}"


def _add(
    con: duckdb.DuckDBPyConnection, part: Path, shown: Path, actors: Any, roots: bool, rejects: list[Reject]
) -> None:
    n_fields = _n_fields(part, shown)
    if n_fields == 0:
        return  # an empty quarter of an hour
    columns = "{" + ", ".join(f"'c{i}': 'VARCHAR'" for i in range(n_fields)) + "}"
    zipped = part.suffix.lower() == ".gz"
    scan = (
        f"read_csv({sql_text(part)}, delim='\t', quote='', escape='', header=false, auto_detect=false, "
        f"store_rejects=true, "
        f"rejects_limit=1000, columns={columns}, compression='{'gzip' if zipped else 'none'}')"
    )
    _check(con, scan, shown)
    picks = ", ".join(f"c{i} AS {name}" for name, i in _PLACES.items())
    types = ", ".join(sql_text(t) for t in ("", *STATE_TYPES))
    # A leading 1 keeps the leading zero of a code; 1 alone stands for what is no number.
    con.execute(
        f"""INSERT INTO staged
        SELECT try_cast(day AS INT), s.id, t.id, coalesce(try_cast('1' || e.code AS USMALLINT), 1),
               round(10 * try_cast(goldstein AS DOUBLE))
        FROM (SELECT {picks}, c25 AS root FROM {scan}) e
        JOIN actors s ON s.code = e.country1 JOIN actors t ON t.code = e.country2
        WHERE s.id <> t.id AND coalesce(type1, '') IN ({types}) AND coalesce(type2, '') IN ({types})
          AND try_strptime(day, '%Y%m%d') IS NOT NULL{" AND root = '1'" if roots else ""}"""
    )
    csv_rejects(con, shown, rejects)
    con.execute("INSERT INTO days SELECT min(day), max(day) FROM staged HAVING count(*) > 0")
    only = ""
    if actors:
        ids = f"(SELECT id FROM actors WHERE iso3 IN ({', '.join(sql_text(a) for a in sorted(actors))}))"
        only = f" WHERE s IN {ids} AND t IN {ids}"
    con.execute(f"INSERT INTO packed SELECT * FROM staged{only}; TRUNCATE staged")


def _n_fields(part: Path, shown: Path) -> int:
    try:
        line = first_line(part)
    except (OSError, EOFError) as error:
        raise InputError(shown, str(error), _WANTED) from error
    if not line.strip():
        return 0
    n = line.count("\t") + 1
    if n not in _FIELDS:
        raise InputError(f"{shown}:1", f"{n} tab-separated fields", _WANTED)
    return n


def _check(con: duckdb.DuckDBPyConnection, scan: str, shown: Path) -> None:
    """Look at the first rows: do the columns that matter hold what they should? Also note the days covered."""
    picks = ", ".join(f"c{i} AS {name}" for name, i in _PLACES.items())
    con.execute(f"CREATE OR REPLACE TEMP TABLE head AS SELECT {picks} FROM {scan} LIMIT 5000")
    expect(con, shown, "day", r"(19|20)\d{6}", "YYYYMMDD in field 2 (SQLDATE)", table="head")
    expect(con, shown, "code", CAMEO_PATTERN, "CAMEO codes such as 042 in field 27 (EventCode)", table="head")
    expect(con, shown, "quad", "[1-4]", "1 to 4 in field 30 (QuadClass)", table="head")
    expect(con, shown, "goldstein", r"-?(10|\d)(\.\d+)?", "-10 to 10 in field 31 (GoldsteinScale)", table="head")
    for place, column in ((8, "country1"), (18, "country2")):
        filled = con.execute(f"SELECT count({column}) FROM head WHERE {column} <> ''").fetchall()[0][0]
        if filled:
            expect(con, shown, column, "[A-Z]{3}|", f"three-letter country codes in field {place}", table="head")
    csv_rejects(con, shown, [])  # the whole pass lists them
