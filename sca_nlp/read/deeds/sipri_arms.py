"""SIPRI arms transfers (trend indicator values) -> deeds."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
import csv
import re
from pathlib import Path

import duckdb
import pyarrow as pa

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.files import files_of, first_line, load
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.names import map_names
from sca_nlp.read.deeds.rows import bench, collect, expect, reject_names
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

_WHAT = "SIPRI TIV export tables (one CSV a supplier), or a table with supplier, recipient, year, value"


def read_sipri_arms(
    path: str | Path, *, rejects: list[Reject], supplier: str = "", mapping: str | Path | None = None
) -> DeedTable:
    """Read deliveries of major arms, from supplier to recipient, by year.

    Args:
        path: TIV export tables as published (title and notes, then recipients in rows and years in columns), a folder
            or pattern of them, or one tidy table (`supplier, recipient, year, value` or `tiv_musd1990`).
        rejects: grows by names that are no state (rebels, organisations).
        supplier: ISO3 of the supplier, where the title of a published table does not name it.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: it is neither form, or the supplier is not known.
    """
    with bench() as con:
        head = first_line(files_of(path)[0])
        if head.startswith("PAR1") or "recipient" in head.lower():
            aliases = {"value": ("tiv_musd1990", "tiv")}
            load(
                con,
                path,
                required=("supplier", "recipient", "year", "value"),
                aliases=aliases,
                rejects=rejects,
                what=_WHAT,
            )
            expect(con, path, "year", r"(19|20)\d\d(\.0)?", "years in year")
            expect(con, path, "value", r"\d+(\.\d+)?", "trend indicator values in value")
        else:
            _load_exports(con, path, supplier)
        names = "SELECT supplier AS n, whole(year) AS y FROM raw UNION ALL SELECT recipient, whole(year) FROM raw"
        map_names(con, f"SELECT n, min(y), max(y) FROM ({names}) GROUP BY n")
        reject_names(con, path, rejects)
        query = """
            SELECT year AS date, own(s, year::INT) AS source, own(t, year::INT) AS target, 'delivery' AS code,
                   ln(1 + sum(number(value))) AS factor, sum(number(value)) || ' million TIV' AS description
            FROM (SELECT whole(year)::VARCHAR AS year, value, s.iso3 AS s, t.iso3 AS t FROM raw r
                  JOIN names s ON s.name = r.supplier JOIN names t ON t.name = r.recipient)
            WHERE number(value) IS NOT NULL AND s IS NOT NULL AND t IS NOT NULL AND s <> t GROUP BY ALL"""
        years = con.execute("SELECT min(whole(year))::VARCHAR, max(whole(year))::VARCHAR FROM raw").fetchall()[0]
        return collect(con, load_mapping("sipri_arms", mapping), query, path=path, rejects=rejects, coverage=years)


def _load_exports(con: duckdb.DuckDBPyConnection, path: str | Path, supplier: str) -> None:
    """Load published export tables as `raw` (line, supplier, recipient, year, value)."""
    rows: dict[str, list[str | int]] = {"line": [], "supplier": [], "recipient": [], "year": [], "value": []}
    for file in files_of(path):
        try:
            lines = list(csv.reader(file.read_text("utf-8-sig", "replace").splitlines()))
        except csv.Error as error:
            raise InputError(file, str(error), _WHAT) from error
        top = next((i for i, c in enumerate(lines) if len(c) > 2 and not c[0] and c[1].strip().isdigit()), None)
        if top is None:
            raise InputError(file, "no row of years", _WHAT)
        title = next((" ".join(c) for c in lines[:top] if "from" in " ".join(c).lower()), "")
        named = re.search(r"\bexports? from ([^,:;]+?)(?:,| to |$)", title)
        who = supplier or (named.group(1).strip() if named else "")
        if not who:
            raise InputError(file, f"the title {title!r}", "'TIV of arms exports from ...', or the option supplier")
        years = [c.strip() for c in lines[top]]
        for number, cells in enumerate(lines[top + 1 :], top + 2):
            if not cells or not cells[0].strip() or cells[0].strip().lower() == "total":
                continue
            for year, value in zip(years[1:], cells[1:], strict=False):
                if year.isdigit() and value.strip():
                    for key, item in zip(rows, (number, who, cells[0].strip(), year, value.strip()), strict=True):
                        rows[key].append(item)
    if not rows["line"]:
        raise InputError(path, "no delivery", _WHAT)
    con.register("exports", pa.table(rows))
    con.execute("CREATE TABLE raw AS SELECT * FROM exports")
