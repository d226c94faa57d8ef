"""Military spending of states (SIPRI milex, COW NMC) -> yearly changes, toward nobody in particular."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.files import load
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.names import map_names
from sca_nlp.read.deeds.rows import bench, collect, expect
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

_SIPRI = "the SIPRI xlsx with its sheets, or a table with iso3, year, share_gdp, const2021_musd"
_REAL_UNIT = "log change from the year before of military expenditure in constant US$"
_MILPER_UNIT = "change from the year before of military personnel per 1,000 inhabitants"


def read_nmc(
    path: str | Path, *, rejects: list[Reject], variable: str = "milex", mapping: str | Path | None = None
) -> DeedTable:
    """Read yearly changes of military spending or personnel from COW National Material Capabilities.

    Args:
        path: `NMC*.csv` as published, or a Parquet table with `ccode, year, milex, milper, tpop`.
        rejects: grows by rows whose state or year cannot be read.
        variable: `milex` (log change of current US$ less the median state's) or `milper` (change per 1,000
            inhabitants).
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: columns are missing or shifted, or the variable is unknown.
    """
    if variable not in ("milex", "milper"):
        raise InputError("variable", repr(variable), "milex or milper")
    with bench() as con:
        what = "a COW NMC file (ccode, year, milex, milper, tpop)"
        load(con, path, required=("ccode", "year", variable), optional=("tpop",), rejects=rejects, what=what)
        expect(con, path, "ccode", r"\d{1,3}(\.0)?", "COW state numbers in ccode")
        expect(con, path, "year", r"(18|19|20)\d\d(\.0)?", "years in year")
        expect(con, path, variable, r"-?[\d.]+([eE][+-]?\d+)?", f"numbers in {variable}")
        value = f"CASE WHEN number({variable}) > 0 THEN ln(number({variable})) END"
        if variable == "milper":
            value = "CASE WHEN number(milper) >= 0 AND number(tpop) > 0 THEN 1000 * number(milper) / number(tpop) END"
        con.execute(
            f"CREATE TABLE levels AS SELECT min(line) AS line, whole(ccode)::VARCHAR AS id, "
            f"cow(ccode, whole(year)) AS state, whole(year) AS year, max({value}) AS value FROM raw GROUP BY ALL"
        )
        changes = {} if variable == "milex" else {"unit": _MILPER_UNIT}
        return _changes(con, "nmc", variable, path, rejects, mapping, demean=variable == "milex", changes=changes)


def read_sipri_milex(
    path: str | Path, *, rejects: list[Reject], variable: str = "share_gdp", mapping: str | Path | None = None
) -> DeedTable:
    """Read yearly changes of the military burden from SIPRI's military expenditure database.

    Args:
        path: the .xlsx as published, or a table with `iso3, year, share_gdp, const2021_musd`.
        rejects: grows by states whose name is not known.
        variable: `share_gdp` (percentage points of GDP) or `real` (log change in constant US$).
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: the sheet or header row is not found, or the variable is unknown.
    """
    if variable not in ("share_gdp", "real"):
        raise InputError("variable", repr(variable), "share_gdp or real")
    with bench() as con:
        if str(path).lower().endswith((".xlsx", ".xlsm")):
            con.register(
                "sheet",
                _sheet(Path(path), r"^Share of GDP$" if variable == "share_gdp" else r"^Constant \(\d{4}\) US\$"),
            )
            con.execute("CREATE TABLE raw AS SELECT * FROM sheet")
            map_names(con, "SELECT name, min(year), max(year) FROM raw GROUP BY name")
            con.execute(
                "CREATE TABLE levels AS SELECT r.line, r.name AS id, own(n.iso3, r.year) AS state, r.year, r.value "
                "FROM raw r LEFT JOIN names n ON n.name = r.name"
            )
        else:
            column = "share_gdp" if variable == "share_gdp" else "const2021_musd"
            load(
                con,
                path,
                required=("iso3", "year", column),
                optional=("country",),
                aliases={"const2021_musd": ("constant_musd", "real")},
                rejects=rejects,
                what=_SIPRI,
            )
            expect(con, path, "iso3", "[A-Z]{3}", "ISO3 codes in iso3")
            con.execute(
                f"CREATE TABLE levels AS SELECT line, coalesce(country, iso3) AS id, own(iso3, whole(year)) AS state, "
                f"whole(year) AS year, number({column}) AS value FROM raw WHERE iso3 IS NOT NULL"
            )
        top = con.execute("SELECT max(value) FROM levels").fetchall()[0][0]
        if variable == "share_gdp":
            if top is not None and top > 5:
                raise InputError(path, f"a share of GDP of {top}", "fractions (0.04 for 4 %)")
            con.execute("UPDATE levels SET value = 100 * value")
            return _changes(con, "sipri_milex", variable, path, rejects, mapping)
        con.execute("UPDATE levels SET value = CASE WHEN value > 0 THEN ln(value) END")
        return _changes(con, "sipri_milex", variable, path, rejects, mapping, changes={"unit": _REAL_UNIT})


def _changes(
    con: duckdb.DuckDBPyConnection,
    name: str,
    code: str,
    path: Any,
    rejects: list[Reject],
    mapping: Any,
    *,
    demean: bool = False,
    changes: dict[str, str] | None = None,
) -> DeedTable:
    """Turn a table `levels` (line, id, state, year, value) into changes between consecutive years of one `id`."""
    con.execute(
        "CREATE TABLE moves AS SELECT line, id, state, year, value - lag(value) OVER w AS change, "
        "year - lag(year) OVER w AS step FROM levels WHERE value IS NOT NULL "
        "WINDOW w AS (PARTITION BY id ORDER BY year)"
    )
    level = "change - median(change) OVER (PARTITION BY year)" if demean else "change"
    query = f"""
        SELECT year::VARCHAR AS date, state AS source, '' AS target, '{code}' AS code, -sign(change)::INT AS sign,
               abs(change) AS factor, line, id || ', ' || year AS record,
               CASE WHEN change > 0 THEN 'rise of ' WHEN change < 0 THEN 'fall of ' ELSE 'change of ' END
               || round(abs(change), 3) AS description
        FROM (SELECT line, id, state, year, {level} AS change FROM moves WHERE step = 1)
        WHERE change IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY state, year ORDER BY id) = 1 OR state IS NULL"""
    return collect(con, load_mapping(name, mapping), query, path=path, rejects=rejects, changes=changes)


def _sheet(path: Path, pattern: str) -> pa.Table:
    """Read one sheet of the SIPRI workbook as long rows `line, name, year, value`."""
    import warnings

    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "no default style": harmless, in every edition
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises many kinds on a file that is none of its own
        raise InputError(path, f"{type(error).__name__}: {error}", _SIPRI) from error
    try:
        sheets = [s for s in book.sheetnames if re.match(pattern, s.strip())]
        if not sheets:
            raise InputError(path, f"sheets {', '.join(book.sheetnames)}", f"a sheet that matches {pattern}")
        header: list[Any] = []
        rows: dict[str, list[Any]] = {"line": [], "name": [], "year": [], "value": []}
        for line, cells in enumerate(book[sheets[0]].iter_rows(values_only=True), 1):
            if not header:
                if cells and str(cells[0]).strip() == "Country":
                    header = [int(str(c)) if str(c).strip().isdigit() else None for c in cells]
                continue
            filled = [(year, v) for year, v in zip(header, cells, strict=False) if year and isinstance(v, (int, float))]
            for year, value in filled if cells[0] else []:
                for key, item in zip(rows, (line, str(cells[0]).strip(), year, float(value)), strict=True):
                    rows[key].append(item)
    finally:
        book.close()
    if not rows["line"]:
        raise InputError(path, f"no row that begins with Country and holds years in sheet {sheets[0]!r}", _SIPRI)
    return pa.table(
        {"line": rows["line"], "name": rows["name"], "year": pa.array(rows["year"], pa.int32()), "value": rows["value"]}
    )
