"""UN General Assembly votes -> yearly voting agreement of pairs of states."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
from pathlib import Path

import duckdb

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.rows import bench, collect, expect, load
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

_WHAT = "pair-years (year, iso3_a, iso3_b, n_joint, agree), or votes (rcid, country_code, vote) with their roll calls"


def read_unga(
    path: str | Path,
    *,
    rejects: list[Reject],
    subset: str = "agree",
    min_joint: int = 10,
    mapping: str | Path | None = None,
) -> DeedTable:
    """Read voting agreement of pairs of states by year, in [0, 1], once in each direction.

    Args:
        path: pair-years already computed (`year, iso3_a, iso3_b, n_joint, agree`).
        rejects: grows by one line with the number of pair-years that have fewer than `min_joint` joint votes.
        subset: `agree` (all votes) or `agree_arms` (arms control and nuclear weapons).
        min_joint: pair-years with fewer joint votes are left out.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: columns are missing or shifted, or the subset is unknown.
    """
    if subset not in ("agree", "agree_arms"):
        raise InputError("subset", repr(subset), "agree or agree_arms")
    joint = "n_joint" if subset == "agree" else "n_joint_arms"
    with bench() as con:
        load(con, path, required=("year", "iso3_a", "iso3_b", joint, subset), rejects=rejects, what=_WHAT)
        expect(con, path, "year", r"(19|20)\d\d(\.0)?", "years in year")
        for side in ("iso3_a", "iso3_b"):
            expect(con, path, side, "[A-Z]{3}", f"ISO3 codes in {side}")
        expect(con, path, subset, r"(0(\.\d+)?|1(\.0+)?|\d(\.\d+)?[eE]-\d+)", f"numbers between 0 and 1 in {subset}")
        return _finish(con, path, subset, joint, min_joint, rejects, mapping)


def _finish(
    con: duckdb.DuckDBPyConnection,
    path: str | Path,
    subset: str,
    joint: str,
    min_joint: int,
    rejects: list[Reject],
    mapping: str | Path | None,
) -> DeedTable:
    thin = con.execute(f"SELECT count(*) FROM raw WHERE coalesce(whole({joint}), 0) < {int(min_joint)}").fetchall()[0][
        0
    ]
    if thin:
        rejects.append(Reject(str(path), 0, f"{thin} pair-years with fewer than {min_joint} joint votes are left out"))
    con.execute(
        f"CREATE TABLE pairs AS SELECT line, whole(year) AS year, "
        f"own(iso3_a, whole(year)) AS a, own(iso3_b, whole(year)) AS b, number({subset}) AS agree "
        f"FROM raw WHERE whole({joint}) >= {int(min_joint)} AND {subset} IS NOT NULL"
    )
    query = f"""
        SELECT year::VARCHAR AS date, a AS source, b AS target, '{subset}' AS code, agree AS factor, line
        FROM pairs WHERE a <> b
        UNION ALL SELECT year::VARCHAR, b, a, '{subset}', agree, line FROM pairs WHERE a <> b"""
    return collect(con, load_mapping("unga", mapping), query, path=path, rejects=rejects)
