"""Rows in DuckDB -> a `DeedTable`: what every deed reader does alike.

A reader loads the columns that it needs as text (`files.load`), checks that they hold what they should (`expect`), says
in one query what each row means (`collect`), and gets deeds and rejects. DuckDB keeps to a memory limit and spills to
disk.
"""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.files import MAX_REJECTS, add_rejects, quoted, sql_text
from sca_nlp.read.deeds.mapping import Coding
from sca_nlp.read.deeds.mapping import Mapping as CodeTable
from sca_nlp.read.deeds.states import state_codes
from sca_nlp.read.deeds.table import DEED_SCHEMA, DeedTable
from sca_nlp.records import Reject

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


def reject_names(con: duckdb.DuckDBPyConnection, path: object, rejects: list[Reject]) -> None:
    """Append a reject for each name in the table `names` that no actor is known by."""
    for (name,) in con.execute("SELECT name FROM names WHERE iso3 IS NULL ORDER BY name").fetchall():
        rejects.append(Reject(str(path), 0, f"{name!r} is no state that is known; its rows are left out"))


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
    name, fits = quoted(column), f"regexp_full_match({quoted(column)}, {sql_text(pattern)})"
    query = f"SELECT count({name}), count(*) FILTER (WHERE {fits}), min({name}) FILTER (WHERE NOT {fits}) FROM {table}"
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
    only: Collection[str] = (),
    changes: dict[str, str] | None = None,
) -> DeedTable:
    """Code the rows of a query by a mapping table and return them as a checked `DeedTable`.

    The query's columns: `date, source, target, code`, and where it has them `factor` (multiplies the code's magnitude),
    `sign` (replaces the code's), `description`, `reference`, `line`, `record`, `problem` (a reason to reject the row).
    Rows with a problem, an unknown code or no actor go to `rejects`. With `only`, rows of other actors are left out;
    then `coverage` must be given, since it is the file's and not the selection's.
    """
    if only:
        listed = ", ".join(sql_text(a) for a in ("", *sorted(only)))
        query = (
            f"SELECT * FROM ({query}) WHERE coalesce(source, '') IN ({listed}) AND coalesce(target, '') IN ({listed})"
        )
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
            ORDER BY j.date, j.source, j.target, j.code, magnitude, description, coalesce(j.reference, ''),
                     coalesce(j.sign, c.sign)"""
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
