"""UN General Assembly votes -> yearly voting agreement of pairs of states."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
from collections.abc import Collection
from pathlib import Path

import duckdb

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.files import load
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.names import map_names
from sca_nlp.read.deeds.rows import bench, collect, expect, reject_names
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

_WHAT = (
    "pair-years (year, iso3_a, iso3_b, n_joint, agree), or a folder with un_votes, un_roll_calls, un_roll_call_issues"
)
_ARMS = ("Arms control and disarmament", "Nuclear weapons and nuclear material")
_POINTS = (
    "CASE WHEN lower(vote) IN ('yes', '1') THEN 1.0 WHEN lower(vote) IN ('abstain', '2') THEN 0.5 "
    "WHEN lower(vote) IN ('no', '3') THEN 0.0 END"
)


def read_unga(
    path: str | Path,
    *,
    rejects: list[Reject],
    subset: str = "agree",
    min_joint: int = 10,
    actors: Collection[str] = (),
    mapping: str | Path | None = None,
) -> DeedTable:
    """Read voting agreement of pairs of states by year, in [0, 1], once in each direction.

    Args:
        path: pair-years already computed (`year, iso3_a, iso3_b, n_joint, agree`), or a folder with the votes as
            published: `un_votes` (rcid, country, country_code, vote), `un_roll_calls` (rcid, date) and for `agree_arms`
            `un_roll_call_issues` (rcid, issue).
        rejects: grows by names that are no state, and by one line with the number of pair-years that have fewer than
            `min_joint` joint votes.
        subset: `agree` (all votes) or `agree_arms` (arms control and nuclear weapons).
        min_joint: pair-years with fewer joint votes are left out.
        actors: only pairs of these states (ISO3); all by default.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: columns are missing or shifted, or the subset is unknown.
    """
    if subset not in ("agree", "agree_arms"):
        raise InputError("subset", repr(subset), "agree or agree_arms")
    joint = "n_joint" if subset == "agree" else "n_joint_arms"
    with bench() as con:
        if Path(path).is_dir():
            _agreement(con, Path(path), rejects, subset, joint)
        else:
            load(con, path, required=("year", "iso3_a", "iso3_b", joint, subset), rejects=rejects, what=_WHAT)
            expect(con, path, "year", r"(19|20)\d\d(\.0)?", "years in year")
            for side in ("iso3_a", "iso3_b"):
                expect(con, path, side, "[A-Z]{3}", f"ISO3 codes in {side}")
            number = r"(0(\.\d+)?|1(\.0+)?|\d(\.\d+)?[eE]-\d+)"
            expect(con, path, subset, number, f"numbers between 0 and 1 in {subset}")
        few = f"coalesce(whole({joint}), 0) < {int(min_joint)}"
        thin = con.execute(f"SELECT count(*) FROM raw WHERE {few}").fetchall()[0][0]
        if thin:
            reason = f"{thin} pair-years with fewer than {min_joint} joint votes are left out"
            rejects.append(Reject(str(path), 0, reason))
        con.execute(
            "CREATE TABLE pairs AS SELECT line, whole(year) AS year, own(iso3_a, whole(year)) AS a, "
            f"own(iso3_b, whole(year)) AS b, number({subset}) AS agree "
            f"FROM raw WHERE NOT {few} AND {subset} IS NOT NULL"
        )
        half = (
            f"SELECT year::VARCHAR AS date, {{0}} AS source, {{1}} AS target, '{subset}' AS code, agree AS factor, "
            "line FROM pairs"
        )
        years = con.execute("SELECT min(year)::VARCHAR, max(year)::VARCHAR FROM pairs").fetchall()[0]
        coverage = (years[0] or "", years[1] or "")
        query = f"{half.format('a', 'b')} WHERE a <> b UNION ALL {half.format('b', 'a')} WHERE a <> b"
        return collect(
            con, load_mapping("unga", mapping), query, path=path, rejects=rejects, coverage=coverage, only=actors
        )


def _agreement(con: duckdb.DuckDBPyConnection, folder: Path, rejects: list[Reject], subset: str, joint: str) -> None:
    """Compute pair-years from votes: 1 less the mean distance of two states' votes over votes that both cast."""
    files = {
        key: _one(folder, key) for key in ("votes", "roll_calls", *(("issues",) if subset == "agree_arms" else ()))
    }
    load(
        con,
        files["votes"],
        required=("rcid", "country", "vote"),
        optional=("country_code",),
        rejects=rejects,
        table="votes",
        what="un_votes (rcid, country, country_code, vote)",
    )
    expect(con, files["votes"], "vote", "(?i)yes|no|abstain|absent|[1-9]", "yes, abstain or no in vote", table="votes")
    load(
        con,
        files["roll_calls"],
        required=("rcid", "date"),
        rejects=rejects,
        table="calls",
        what="un_roll_calls (rcid, date)",
    )
    expect(con, files["roll_calls"], "date", r"(19|20)\d\d-\d\d-\d\d.*", "dates in date", table="calls")
    where = ""
    if "issues" in files:
        load(
            con,
            files["issues"],
            required=("rcid", "issue"),
            rejects=rejects,
            table="issues",
            what="un_roll_call_issues",
        )
        where = f"WHERE c.rcid IN (SELECT rcid FROM issues WHERE issue IN ({', '.join(repr(a) for a in _ARMS)}))"
    # A name and its year first, since ISO2 is empty for some historical states and reused for others.
    con.execute(
        f"""CREATE TABLE cast_votes AS SELECT whole(c.date[:4]) AS year, c.rcid AS rcid,
               v.country AS country, {_POINTS} AS point
        FROM votes v JOIN calls c ON c.rcid = v.rcid {where}"""
    )
    map_names(con, "SELECT country, min(year), min(year) FROM cast_votes GROUP BY country")
    reject_names(con, files["votes"], rejects)
    con.execute("CREATE TABLE raw (line BIGINT, year INT, iso3_a VARCHAR, iso3_b VARCHAR, n INT, value DOUBLE)")
    con.execute(f"ALTER TABLE raw RENAME n TO {joint}; ALTER TABLE raw RENAME value TO {subset}")
    for (year,) in con.execute("SELECT DISTINCT year FROM cast_votes ORDER BY 1").fetchall():
        con.execute(
            f"""INSERT INTO raw
            WITH mine AS (SELECT rcid, n.iso3 AS state, avg(point) AS point
                          FROM cast_votes v JOIN names n ON n.name = v.country
                          WHERE year = {int(year)} AND n.iso3 IS NOT NULL AND point IS NOT NULL GROUP BY ALL)
            SELECT 0, {int(year)}, a.state, b.state, count(*), 1 - avg(abs(a.point - b.point))
            FROM mine a JOIN mine b ON a.rcid = b.rcid AND a.state < b.state GROUP BY a.state, b.state"""
        )


def _one(folder: Path, key: str) -> Path:
    names = {"votes": "un_votes", "roll_calls": "un_roll_calls", "issues": "un_roll_call_issues"}
    found = sorted(p for p in folder.iterdir() if p.name.lower().startswith(names[key] + "."))
    if not found:
        raise InputError(folder, f"no file {names[key]}.*", _WHAT)
    return found[0]
