"""Militarized interstate disputes (COW MID and its GML recoding) -> deeds."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
from pathlib import Path
from typing import Any

import duckdb

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.files import load
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.rows import bench, collect, expect
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

_DYADIC = ("dispnum", "ccode1", "ccode2", "year", "hostlev1")
_DYADIC_MORE = ("hiact1", "styear", "stmon", "settle", "source_iso3", "target_iso3")
_WHAT = "a directed dispute-dyad-year file (dispnum, ccode1, ccode2, year, hostlev1), or MIDA together with MIDB"

_DEEDS = """
    SELECT CASE WHEN year = styear THEN iso_date(year, stmon, NULL) ELSE year::VARCHAR END AS date,
           cow(ccode1, year) AS source, cow(ccode2, year) AS target, 'hostlev:' || hostlev1 AS code,
           'dispute ' || dispnum AS reference, line,
           'dispute ' || dispnum || ': ' || ccode1 || ' -> ' || ccode2 || coalesce(', ' || year, '') AS record,
           CASE WHEN hostlev1 IS NULL THEN 'hostlev1 is missing' WHEN year IS NULL THEN 'year is missing' END AS problem
    FROM dyads
    UNION ALL
    SELECT year::VARCHAR, cow(ccode1, year), cow(ccode2, year), 'settle:' || settle, 'dispute ' || dispnum, line,
           NULL, NULL
    FROM dyads WHERE settle IN (1, 2)
    QUALIFY row_number() OVER (PARTITION BY dispnum, ccode1, ccode2 ORDER BY year DESC) = 1
"""


def read_mid_cow(
    path: str | Path, *, rejects: list[Reject], mida: str | Path | None = None, mapping: str | Path | None = None
) -> DeedTable:
    """Read COW militarized disputes: directed dyad-years, or `MIDB` with `MIDA` for its settlements.

    Args:
        path: directed dispute-dyad-year file (CSV or Parquet), a `MIDB` file, or a folder with `MIDA*` and `MIDB*`.
        rejects: grows by rows whose hostility level, year or states are missing (-9).
        mida: the `MIDA` file, where `path` is a `MIDB` file.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: the file is neither of these, or its columns are shifted.
    """
    return _read("mid_cow", path, rejects, mida, mapping)


def read_mid_gml(path: str | Path, *, rejects: list[Reject], mapping: str | Path | None = None) -> DeedTable:
    """Read the Gibler-Miller-Little directed dispute-dyad-years; otherwise as `read_mid_cow`."""
    return _read("mid_gml", path, rejects, None, mapping)


def _read(
    name: str, path: str | Path, rejects: list[Reject], mida: str | Path | None, mapping: str | Path | None
) -> DeedTable:
    with bench() as con:
        here = Path(path)
        if here.is_dir():
            parts = {
                key: sorted(p for p in here.iterdir() if p.name.lower().startswith(key)) for key in ("mida", "midb")
            }
            if not parts["midb"]:
                raise InputError(here, "no MIDB file in the folder", _WHAT)
            path, mida = parts["midb"][0], mida or (parts["mida"][0] if parts["mida"] else None)
        optional = (
            *_DYADIC_MORE,
            "ccode",
            "sidea",
            "hostlev",
            "endyear",
            "stday",
            "ccode1",
            "ccode2",
            "year",
            "hostlev1",
        )
        found = load(con, path, required=("dispnum",), optional=optional, rejects=rejects, what=_WHAT)
        if {"ccode", "sidea", "hostlev", "styear", "endyear"} <= set(found):
            _cross(con, path, mida, rejects)
        elif not set(_DYADIC) <= set(found):
            missing = [c for c in _DYADIC if c not in found]
            raise InputError(path, f"no column {', '.join(missing)}", _WHAT)
        else:
            expect(con, path, "ccode1", r"\d{1,3}(\.0)?", "COW state numbers in ccode1")
            expect(con, path, "year", r"(18|19|20)\d\d(\.0)?", "years in year")
            expect(con, path, "hostlev1", r"(-9|[0-5])(\.0)?", "hostility levels 1-5 (or -9) in hostlev1")
            con.execute(
                "CREATE TABLE dyads AS SELECT line, whole(dispnum) AS dispnum, whole(ccode1) AS ccode1, "
                "whole(ccode2) AS ccode2, whole(year) AS year, known(hostlev1) AS hostlev1, "
                "known(settle) AS settle, known(styear) AS styear, "
                "known(stmon) AS stmon FROM raw"
            )
        return collect(con, load_mapping(name, mapping), _DEEDS, path=path, rejects=rejects)


def _cross(con: duckdb.DuckDBPyConnection, midb: Any, mida: Any, rejects: list[Reject]) -> None:
    """Make directed dyad-years of participants: side A against side B of a dispute in the years that both are in it."""
    expect(con, midb, "ccode", r"\d{1,3}(\.0)?", "COW state numbers in ccode")
    expect(con, midb, "hostlev", r"(-9|[0-5])(\.0)?", "hostility levels 1-5 (or -9) in hostlev")
    expect(con, midb, "sidea", r"[01](\.0)?", "0 or 1 in sidea")
    settled = "SELECT NULL::INT AS dispnum, NULL::INT AS settle WHERE false"
    if mida is not None:
        load(
            con,
            mida,
            required=("dispnum", "settle"),
            rejects=rejects,
            table="mida",
            what="a MIDA file (dispnum, settle)",
        )
        settled = "SELECT whole(dispnum) AS dispnum, known(settle) AS settle FROM mida"
    con.execute(
        f"""CREATE TABLE dyads AS
        WITH spells AS (
            SELECT line, whole(dispnum) AS dispnum, whole(ccode) AS ccode, whole(sidea) AS sidea,
                   known(hostlev) AS hostlev, known(styear) AS styear, known(endyear) AS endyear,
                   known(stmon) AS stmon FROM raw),
        years AS (
            SELECT dispnum, ccode, sidea, y.year AS year, max(hostlev) AS hostlev, min(line) AS line,
                   min(styear) AS styear, arg_min(stmon, styear) AS stmon
            FROM spells, LATERAL (SELECT unnest(range(styear, endyear + 1)) AS year) y GROUP BY ALL),
        settled AS ({settled})
        SELECT a.line, a.dispnum, a.ccode AS ccode1, b.ccode AS ccode2, a.year::INT AS year,
               a.hostlev AS hostlev1, s.settle, a.styear, a.stmon
        FROM years a JOIN years b ON a.dispnum = b.dispnum AND a.year = b.year AND a.sidea <> b.sidea
        LEFT JOIN settled s ON s.dispnum = a.dispnum"""
    )
