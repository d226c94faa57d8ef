"""Alliance obligations by directed dyad-year (ATOP, COW Formal Alliances) -> deeds."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
from collections.abc import Collection
from pathlib import Path

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.files import load
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.rows import bench, collect, expect
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

_ATOP = ("atop_defense", "atop_offense", "atop_neutral", "atop_nonagg", "atop_consul")
_COW = ("defense", "neutrality", "nonaggression", "entente")
_WHAT = "directed dyad-years of ATOP or COW alliances (ccode1, ccode2, year, and atop_defense ... or defense ...)"
_ALIASES = {
    "ccode1": ("stateA", "mem1"),
    "ccode2": ("stateB", "mem2"),
    "atop_offense": ("offense",),
    "atop_neutral": ("neutral",),
    "atop_nonagg": ("nonagg",),
    "atop_consul": ("consul",),
}


def read_alliances(
    path: str | Path,
    *,
    rejects: list[Reject],
    obligations: list[str] | None = None,
    actors: Collection[str] = (),
    mapping: str | Path | None = None,
) -> DeedTable:
    """Read alliance obligations in force, one deed per obligation, directed pair and year.

    Args:
        path: directed dyad-years of ATOP 5 or COW Formal Alliances 4.1 (CSV, Parquet).
        rejects: grows by rows whose states or year cannot be read.
        obligations: only these codes, such as `["atop_defense"]`; all by default.
        actors: only pairs of these states (ISO3); all by default.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: columns are missing or shifted, or an obligation is unknown.
    """
    table = load_mapping("alliances", mapping)
    with bench() as con:
        found = load(
            con,
            path,
            required=("ccode1", "ccode2", "year"),
            optional=(*_ATOP, *_COW),
            aliases=_ALIASES,
            rejects=rejects,
            what=_WHAT,
        )
        atop = "atop_defense" in found or ("defense" in found and "atop_nonagg" in found)
        columns = {c: c for c in _ATOP if c in found} if atop else {f"cow_{c}": c for c in _COW if c in found}
        if atop and "atop_defense" not in columns:
            columns["atop_defense"] = "defense"
        if not columns:
            raise InputError(path, "no column of obligations", _WHAT)
        unknown = [o for o in obligations or [] if o not in columns]
        if unknown:
            raise InputError(path, f"obligations {', '.join(unknown)}", f"some of {', '.join(columns)}")
        expect(con, path, "ccode1", r"\d{1,3}(\.0)?", "COW state numbers in ccode1")
        expect(con, path, "year", r"(18|19|20)\d\d(\.0)?", "years in year")
        for column in columns.values():
            expect(con, path, column, r"(-9|[01])(\.0)?", f"0 or 1 in {column}")
        picks = {code: column for code, column in columns.items() if obligations is None or code in obligations}
        years = con.execute("SELECT min(whole(year))::VARCHAR, max(whole(year))::VARCHAR FROM raw").fetchall()[0]
        most = ", ".join(f"max(whole({c})) AS {c}" for c in picks.values())
        con.execute(
            f"""CREATE TABLE pacts AS SELECT min(line) AS line, source, target, y, {most}
            FROM (SELECT *, cow(ccode1, y) AS source, cow(ccode2, y) AS target
                  FROM (SELECT *, whole(year) AS y FROM raw))
            GROUP BY source, target, y, CASE WHEN source IS NULL OR target IS NULL THEN line END"""
        )
        query = " UNION ALL ".join(
            f"SELECT y::VARCHAR AS date, source, target, '{code}' AS code, line, "
            f"source || '-' || target || ' ' || y AS record "
            f"FROM pacts WHERE {column} = 1 AND source IS DISTINCT FROM target"
            for code, column in picks.items()
        )
        title = "Alliance Treaty Obligations and Provisions (ATOP)" if atop else "COW Formal Alliances"
        return collect(
            con, table, query, path=path, rejects=rejects, coverage=years, only=actors, changes={"title": title}
        )
