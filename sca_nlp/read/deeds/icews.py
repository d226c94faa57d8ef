"""ICEWS coded events (and yearly counts made from them) -> deeds."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
from collections.abc import Collection
from pathlib import Path

from sca_nlp.read.deeds.cameo import CAMEO_PATTERN, deeds_of_events, padded
from sca_nlp.read.deeds.files import load
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.names import map_names
from sca_nlp.read.deeds.rows import bench, collect, expect, reject_names
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

_WHAT = "an ICEWS event file (tab-separated, with Event Date, Source Country, CAMEO Code, Intensity, Target Country)"
_DATE = r"\d{4}-\d\d-\d\d.*|\d{1,2}/\d{1,2}/\d{4}"


def read_icews(
    path: str | Path, *, rejects: list[Reject], older: bool | None = None, mapping: str | Path | None = None
) -> DeedTable:
    """Read ICEWS events between two states, one deed per directed pair, day and class.

    Args:
        path: yearly or weekly .tab files, zipped or not, a folder or a pattern, or Parquet with the same columns.
        rejects: grows by lines that cannot be read, names of countries that are not known, and unknown codes.
        older: which CAMEO list the codes follow; found out from the intensities by default.
        mapping: another table of CAMEO codes.

    Raises:
        InputError: columns are missing or shifted.
    """
    with bench() as con:
        required = ("event_date", "source_country", "target_country", "cameo_code", "intensity")
        optional = ("event_id", "source_sectors", "target_sectors")
        load(con, path, required=required, optional=optional, rejects=rejects, delimiter="\t", quote="", what=_WHAT)
        expect(con, path, "event_date", _DATE, "dates (YYYY-MM-DD or M/D/YYYY) in Event Date")
        expect(con, path, "cameo_code", r"\d{1,4}(\.0)?", "CAMEO codes such as 042 in CAMEO Code")
        expect(con, path, "intensity", r"-?(10|\d)(\.\d+)?", "-10 to 10 in Intensity")
        expect(con, path, "source_country", r"[^\d]+", "names of countries in Source Country")
        map_names(
            con,
            "SELECT source_country, 0, 2010 FROM raw GROUP BY 1 "
            "UNION SELECT target_country, 0, 2010 FROM raw GROUP BY 1",
        )
        reject_names(con, path, rejects)
        own = "({0}_sectors IS NULL OR regexp_matches({0}_sectors, 'Government|Military'))"
        con.execute(
            f"""CREATE TABLE events AS SELECT day AS date, s.iso3 AS source, t.iso3 AS target, code,
                   any_value(goldstein) AS goldstein, count(*) AS n
            FROM (SELECT DISTINCT ON (event_id, day, coalesce(event_id, line::VARCHAR)) *,
                         {padded("cameo_code")} AS code, number(intensity) AS goldstein,
                         strftime(coalesce(try_strptime(event_date[:10], '%Y-%m-%d'),
                                           try_strptime(event_date, '%m/%d/%Y')), '%Y-%m-%d') AS day FROM raw) e
            JOIN names s ON s.name = e.source_country JOIN names t ON t.name = e.target_country
            WHERE s.iso3 <> t.iso3 AND {own.format("source")} AND {own.format("target")} AND day IS NOT NULL
            GROUP BY ALL"""
        )
        expect(con, path, "code", CAMEO_PATTERN, "CAMEO codes such as 042 in CAMEO Code", table="events", share=0.9)
        days = con.execute(
            "SELECT min(d)::VARCHAR, max(d)::VARCHAR FROM (SELECT coalesce(try_strptime(event_date[:10], '%Y-%m-%d'), "
            "try_strptime(event_date, '%m/%d/%Y'))::DATE AS d FROM raw)"
        ).fetchall()[0]
        return deeds_of_events(con, "icews", path=path, rejects=rejects, coverage=days, older=older, mapping=mapping)


def read_icews_yearly(
    path: str | Path, *, rejects: list[Reject], actors: Collection[str] = (), mapping: str | Path | None = None
) -> DeedTable:
    """Read yearly ICEWS counts of the four quad classes as shares of a directed pair's events in the year.

    Args:
        path: a table with `source_iso3, target_iso3, year, verbCoop, matlCoop, verbConf, matlConf`.
        rejects: grows by rows that cannot be read.
        actors: only pairs of these states (ISO3); all by default.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: columns are missing or shifted.
    """
    quads = ("verbCoop", "matlCoop", "verbConf", "matlConf")
    with bench() as con:
        load(
            con,
            path,
            required=("source_iso3", "target_iso3", "year", *quads),
            rejects=rejects,
            what="yearly quad counts",
        )
        expect(con, path, "source_iso3", "[A-Z]{3}", "ISO3 codes in source_iso3")
        expect(con, path, "year", r"(19|20)\d\d(\.0)?", "years in year")
        for quad in quads:
            expect(con, path, quad, r"\d+(\.0)?", f"counts in {quad}")
        total = " + ".join(f"number({q})" for q in quads)
        query = " UNION ALL ".join(
            f"SELECT whole(year)::VARCHAR AS date, own(source_iso3, whole(year)) AS source, "
            f"own(target_iso3, whole(year)) AS target, "
            f"'quad:{q}' AS code, number({q}) / ({total}) AS factor, line, "
            f"whole({q}) || ' of ' || ({total})::INT || ' events' AS description "
            f"FROM raw WHERE ({total}) > 0 AND source_iso3 <> target_iso3"
            for q in quads
        )
        states = con.execute("SELECT source_iso3 FROM raw UNION SELECT target_iso3 FROM raw").fetchall()
        covered = frozenset(str(row[0]) for row in states if row[0])
        years = con.execute("SELECT min(whole(year))::VARCHAR, max(whole(year))::VARCHAR FROM raw").fetchall()[0]
        table = load_mapping("icews_yearly", mapping)
        return collect(con, table, query, path=path, rejects=rejects, coverage=years, actors=covered, only=actors)
