"""Tables of pairs of states by year or date: IGO memberships, defence agreements, exercises, ideal points."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
from collections.abc import Collection
from pathlib import Path

import duckdb

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.files import load, sql_text
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.rows import bench, collect, expect
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

_STATE_NUMBER = r"-?\d{1,3}(\.0)?"
_YEAR = r"(18|19|20)\d\d(\.0)?"


def read_igo(
    path: str | Path, *, rejects: list[Reject], actors: Collection[str] = (), mapping: str | Path | None = None
) -> DeedTable:
    """Read how many organisations two states share, by year, once in each direction.

    Args:
        path: COW IGO dyad-years (`ccode1, ccode2, year, dyadigos`; CSV, Parquet).
        rejects: grows by rows whose states or year cannot be read.
        actors: only pairs of these states (ISO3); all by default.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: columns are missing or shifted.
    """
    with bench() as con:
        what = "COW IGO dyad-years (ccode1, ccode2, year, dyadigos)"
        load(con, path, required=("ccode1", "ccode2", "year", "dyadigos"), rejects=rejects, what=what)
        expect(con, path, "ccode1", _STATE_NUMBER, "COW state numbers in ccode1")
        expect(con, path, "year", _YEAR, "years in year")
        expect(con, path, "dyadigos", r"-?\d{1,3}(\.0)?", "numbers of organisations in dyadigos")
        con.execute(
            "CREATE TABLE links AS SELECT min(line) AS line, whole(year)::VARCHAR AS date, "
            "cow(ccode1, whole(year)) AS a, "
            "cow(ccode2, whole(year)) AS b, 'shared' AS code, max(known(dyadigos))::DOUBLE AS factor, "
            "min(ccode1 || '-' || ccode2 || ', ' || year) AS record "
            "FROM raw WHERE known(dyadigos) IS NOT NULL GROUP BY ALL"
        )
        years = _years(con, "known(year)")
        table = load_mapping("igo", mapping)
        return collect(con, table, _both_ways(con), path=path, rejects=rejects, coverage=years, only=actors)


def read_dcad(path: str | Path, *, rejects: list[Reject], mapping: str | Path | None = None) -> DeedTable:
    """Read defence co-operation agreements at their signing, once in each direction.

    Args:
        path: the DCAD main file (Latin-1 CSV) or Parquet with its columns.
        rejects: grows by agreements whose states or year of signing cannot be read.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: columns are missing or shifted.
    """
    table = load_mapping("dcad", mapping)
    with bench() as con:
        load(
            con,
            path,
            required=("ccode1", "ccode2", "signYear", "type", "category1"),
            optional=("signMonth", "signDay", "DCAid"),
            rejects=rejects,
            what="the DCAD main file (ccode1, ccode2, signDay, signMonth, signYear, type, category1 ...)",
        )
        expect(con, path, "ccode1", _STATE_NUMBER, "COW state numbers in ccode1")
        expect(con, path, "signYear", r"-\d\d(\.0)?|" + _YEAR, "years in signYear")
        expect(con, path, "type", "(?i)general|sector", "general or sector in type")
        listed = ", ".join(sql_text(code) for code in table.codes)
        con.execute(
            f"""CREATE TABLE links AS SELECT line, iso_date(y, known(signMonth), known(signDay)) AS date,
                   cow(ccode1, y) AS a, cow(ccode2, y) AS b, coalesce(DCAid, '') AS reference,
                   'row ' || line || coalesce(', ' || DCAid, '') AS record,
                   CASE WHEN lower(type) || ':' || upper(category1) IN ({listed})
                        THEN lower(type) || ':' || upper(category1)
                        ELSE lower(type) END AS code
            FROM (SELECT *, known(signYear) AS y FROM raw)"""
        )
        years = _years(con, "known(signYear)")
        return collect(con, table, _both_ways(con), path=path, rejects=rejects, coverage=years)


def read_exercises(path: str | Path, *, rejects: list[Reject], mapping: str | Path | None = None) -> DeedTable:
    """Read joint military exercises, one deed per exercise and pair of participants, in each direction.

    Args:
        path: exercises with `participants` (ISO3, separated by `;`), `year`, `month` and `n_participants`; or
            pair-years with `iso3_a, iso3_b, year, n_exercises, n_bilateral`.
        rejects: grows by exercises without a year.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: columns are missing or shifted.
    """
    with bench() as con:
        what = "exercises (participants, year, month) or pair-years (iso3_a, iso3_b, year, n_exercises, n_bilateral)"
        optional = (
            "participants",
            "month",
            "MMEID",
            "name",
            "n_participants",
            "Warfighting",
            "Peacekeeping",
            "Humanitarian",
        )
        pairs = ("iso3_a", "iso3_b", "n_exercises", "n_bilateral")
        found = load(con, path, required=("year",), optional=(*optional, *pairs), rejects=rejects, what=what)
        expect(con, path, "year", _YEAR, "years in year")
        if "participants" in found:
            expect(
                con,
                path,
                "participants",
                "[A-Z]{3}(;[A-Z]{3})*",
                "ISO3 codes separated by ; in participants",
                share=0.9,
            )
            con.execute(
                """CREATE TABLE members AS
                SELECT line, iso_date(whole(year), known(month), NULL) AS date, MMEID, name,
                       own(p, whole(year)) AS state,
                       CASE WHEN known(n_participants) = 2 THEN 'bilateral'
                            WHEN known(Warfighting) = 0 AND known(Peacekeeping) + known(Humanitarian) > 0
                            THEN 'peacekeeping'
                            ELSE 'multilateral' END AS code
                FROM (SELECT *, unnest(string_split(participants, ';')) AS p FROM raw WHERE whole(year) IS NOT NULL)"""
            )
            missing = con.execute("SELECT line, coalesce(MMEID, name) FROM raw WHERE whole(year) IS NULL").fetchall()
            rejects.extend(Reject(str(path), int(line), "year is missing", str(name)) for line, name in missing)
            con.execute(
                "CREATE TABLE links AS SELECT DISTINCT a.line, a.date, a.state AS a, b.state AS b, a.code, "
                "coalesce(a.MMEID, '') AS reference, coalesce(a.name, '') AS record "
                "FROM members a JOIN members b ON a.line = b.line AND a.state < b.state"
            )
        elif set(pairs) <= set(found):
            for column in pairs[:2]:
                expect(con, path, column, "[A-Z]{3}", f"ISO3 codes in {column}")
            con.execute(
                "CREATE TABLE links AS SELECT line, year[:4] AS date, own(iso3_a, whole(year)) AS a, "
                "own(iso3_b, whole(year)) AS b, "
                "unnest(['bilateral', 'multilateral']) AS code, "
                "unnest([known(n_bilateral), known(n_exercises) - known(n_bilateral)])::DOUBLE AS factor FROM raw"
            )
            con.execute("DELETE FROM links WHERE factor <= 0")
        else:
            raise InputError(path, f"the columns {', '.join(found)}", what)
        return collect(
            con,
            load_mapping("exercises", mapping),
            _both_ways(con),
            path=path,
            rejects=rejects,
            coverage=_years(con, "whole(year)"),
        )


def read_unga_idealpoints(
    path: str | Path,
    *,
    rejects: list[Reject],
    subset: str = "All",
    actors: Collection[str] = (),
    mapping: str | Path | None = None,
) -> DeedTable:
    """Read the distance of two states' ideal points by year, once in each direction.

    Args:
        path: Voeten's ideal points (`ccode, session, IdealPoint ...`, Latin-1 CSV) or Parquet with
            `ccode, session, ideal_point`.
        rejects: grows by rows whose state or session cannot be read.
        subset: which votes, where the file holds several (`votes_subset`): All, Important, Nuclear, HumanRights ...
        actors: only pairs of these states (ISO3); all by default.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: columns are missing or shifted, or the subset is not in the file.
    """
    with bench() as con:
        aliases = {"ideal_point": ("IdealPoint", f"IdealPoint{subset}"), "n_votes": ("NVotes", f"NVotes{subset}")}
        what = "ideal points (ccode, session, IdealPoint or ideal_point)"
        required = ("ccode", "session", "ideal_point")
        found = load(
            con, path, required=required, optional=("votes_subset",), aliases=aliases, rejects=rejects, what=what
        )
        expect(con, path, "ccode", _STATE_NUMBER, "COW state numbers in ccode")
        expect(con, path, "session", r"\d{1,3}(\.0)?", "sessions 1, 2, ... in session")
        expect(con, path, "ideal_point", r"-?\d(\.\d+)?([eE]-?\d+)?", "numbers between -5 and 5 in the ideal point")
        where = ""
        if "votes_subset" in found:
            known = [
                str(r[0])
                for r in con.execute("SELECT DISTINCT votes_subset FROM raw WHERE votes_subset IS NOT NULL").fetchall()
            ]
            if subset not in known:
                raise InputError(path, f"no rows of votes_subset {subset!r}", f"one of {', '.join(sorted(known))}")
            where = f" AND votes_subset = {sql_text(subset)}"
        con.execute(
            f"""CREATE TABLE points AS SELECT min(line) AS line, y, cow(ccode, y) AS state,
                   avg(number(ideal_point)) AS point
            FROM (SELECT *, whole(session) + 1945 AS y FROM raw) WHERE number(ideal_point) IS NOT NULL{where}
            GROUP BY y, cow(ccode, y)"""
        )
        con.execute(
            "CREATE TABLE links AS SELECT a.line, a.y::VARCHAR AS date, a.state AS a, b.state AS b, "
            "'distance' AS code, "
            "abs(a.point - b.point) AS factor FROM points a JOIN points b ON a.y = b.y AND a.state < b.state"
        )
        unknown = con.execute("SELECT line, y FROM points WHERE state IS NULL").fetchall()
        rejects.extend(Reject(str(path), int(line), "the state is not known", str(y)) for line, y in unknown)
        years = _years(con, "whole(session) + 1945")
        table = load_mapping("unga_idealpoints", mapping)
        return collect(con, table, _both_ways(con), path=path, rejects=rejects, coverage=years, only=actors)


def _both_ways(con: duckdb.DuckDBPyConnection) -> str:
    """Return a query of the table `links` (a, b, ...) once in each direction, without a state's pair with itself."""
    columns = [row[0] for row in con.execute("DESCRIBE links").fetchall() if row[0] not in ("a", "b")]
    rest = ", ".join(columns)
    return (
        f"SELECT a AS source, b AS target, {rest} FROM links WHERE a IS DISTINCT FROM b "
        f"UNION ALL SELECT b, a, {rest} FROM links WHERE a IS DISTINCT FROM b"
    )


def _years(con: duckdb.DuckDBPyConnection, year: str) -> tuple[str, str]:
    first, last = con.execute(f"SELECT min({year})::VARCHAR, max({year})::VARCHAR FROM raw").fetchall()[0]
    return first or "", last or ""
