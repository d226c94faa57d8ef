"""UCDP Georeferenced Events between two states -> deeds."""

from __future__ import annotations

from pathlib import Path

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.files import files_of, first_line, load
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.rows import bench, collect, expect
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

#: The 49 columns, for Candidate releases that come without a header.
COLUMNS = [
    "id", "relid", "year", "active_year", "code_status", "type_of_violence", "conflict_dset_id",
    "conflict_new_id", "conflict_name", "dyad_dset_id", "dyad_new_id", "dyad_name", "side_a_dset_id",
    "side_a_new_id", "side_a", "side_b_dset_id", "side_b_new_id", "side_b", "number_of_sources", "source_article",
    "source_office", "source_date", "source_headline", "source_original", "where_prec", "where_coordinates",
    "where_description", "adm_1", "adm_2", "latitude", "longitude", "geom_wkt", "priogrid_gid", "country",
    "country_id", "region", "event_clarity", "date_prec", "date_start", "date_end", "deaths_a", "deaths_b",
    "deaths_civilians", "deaths_unknown", "best", "high", "low", "gwnoa", "gwnob",
]  # fmt: skip
_WHAT = "a UCDP GED file (49 columns: id, relid, year, ..., type_of_violence, ..., date_start, ..., best, gwnoa, gwnob)"


def read_ucdp_ged(path: str | Path, *, rejects: list[Reject], mapping: str | Path | None = None) -> DeedTable:
    """Read fighting between two states from UCDP GED, each event once in each direction.

    Args:
        path: the CSV, zipped or not, with or without header.
        rejects: grows by events whose date or states cannot be read.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: columns are missing or shifted.
    """
    head = first_line(files_of(path)[0])
    named = "type_of_violence" in head or head.startswith("PAR1")
    if not named and not head.split(",")[0].strip('"').isdigit():
        raise InputError(path, f"line 1 is {head[:40]!r}", _WHAT)
    with bench() as con:
        required = ("id", "year", "type_of_violence", "date_start", "best", "gwnoa", "gwnob")
        names = None if named else COLUMNS
        load(con, path, required=required, optional=("dyad_name",), rejects=rejects, names=names, what=_WHAT)
        expect(con, path, "type_of_violence", r"[123](\.0)?", "1, 2 or 3 in type_of_violence")
        expect(con, path, "year", r"(19|20)\d\d(\.0)?", "years in year")
        expect(con, path, "date_start", r"\d{4}-\d\d-\d\d.*|\d{1,2}/\d{1,2}/\d{4}.*", "dates in date_start")
        expect(con, path, "best", r"\d+(\.0)?", "numbers of deaths in best")
        con.execute(
            """CREATE TABLE fights AS
            SELECT line, id, y, strftime(coalesce(try_strptime(date_start[:10], '%Y-%m-%d'),
                   try_strptime(split_part(date_start, ' ', 1), '%m/%d/%Y')), '%Y-%m-%d') AS day, date_start,
                   gw(gwnoa, y) AS a, gw(gwnob, y) AS b, number(best) AS best, dyad_name
            FROM (SELECT *, whole(year) AS y FROM raw)
            WHERE whole(type_of_violence) = 1 AND whole(gwnoa) > 0 AND whole(gwnob) > 0"""
        )
        half = """SELECT day AS date, {0} AS source, {1} AS target, 'interstate' AS code,
                  ln(1 + greatest(best, 0)) AS factor,
                  line,
                  'GED ' || id AS reference, coalesce(dyad_name, '') || ', ' || coalesce(date_start, '') AS record,
                  coalesce(best, 0)::INT || ' deaths' AS description FROM fights WHERE a IS DISTINCT FROM b"""
        query = half.format("a", "b") + " UNION ALL " + half.format("b", "a")
        years = con.execute("SELECT min(whole(year))::VARCHAR, max(whole(year))::VARCHAR FROM raw").fetchall()[0]
        return collect(con, load_mapping("ucdp_ged", mapping), query, path=path, rejects=rejects, coverage=years)
