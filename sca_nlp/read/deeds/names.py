"""Names of states as publishers write them -> ISO3 codes, in a DuckDB table."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from sca_nlp.errors import InputError

#: Spellings of publishers that the gazetteer of speeches has no use for.
_ALSO = {"Occupied Palestinian Territory": "PSE", "Palestinian Territory, Occupied": "PSE"}


def map_names(con: duckdb.DuckDBPyConnection, query: str) -> None:
    """Make the table `names` (name, iso3) of the names in a query's rows `name, first year, last year`.

    `iso3` is missing where the gazetteer does not know the name.
    """
    rows = [(str(name), _code(str(name), int(last))) for name, _, last in con.execute(query).fetchall() if name]
    arrow = pa.table(
        {"name": pa.array([r[0] for r in rows], pa.string()), "iso3": pa.array([r[1] for r in rows], pa.string())}
    )
    con.register("names_arrow", arrow)
    con.execute("CREATE OR REPLACE TABLE names AS SELECT * FROM names_arrow")


def _code(name: str, year: int) -> str | None:
    from sca_nlp.actors import country_code  # loads the gazetteer, which most readers do not need

    if name in _ALSO:
        return _ALSO[name]
    try:
        return country_code(name, f"{year:04d}", where="name of a state")
    except InputError:
        return None
