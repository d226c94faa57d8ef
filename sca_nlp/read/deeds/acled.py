"""ACLED events between two states -> deeds."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
from dataclasses import replace
from pathlib import Path

from sca_nlp.read.deeds.files import load
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.names import map_names
from sca_nlp.read.deeds.rows import bench, collect, expect
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

_WHAT = "an ACLED export (event_id_cnty, event_date, event_type, sub_event_type, actor1, actor2)"
_DAY = (
    "coalesce(try_strptime(event_date[:10], '%Y-%m-%d'), try_strptime(event_date, '%d %B %Y'), "
    "try_strptime(event_date, '%d %b %Y'), try_strptime(event_date, '%d-%b-%Y'))"
)
# "Military Forces of Russia (2000-) Air Force", "Police Forces of ...", "Civilians (Ukraine)"
_STATE = (
    r"regexp_extract({0}, '^(?:Military|Police|State|Government|Security|Naval|Air)[^()]* of (?:the )?([^()]+?) \(', 1)"
)
_PEOPLE = r"regexp_extract({0}, '^Civilians \(([^()]+)\)', 1)"


def read_acled(path: str | Path, *, rejects: list[Reject], mapping: str | Path | None = None) -> DeedTable:
    """Read ACLED events in which the forces of two states meet, one deed per directed pair, day and class.

    States are known from the names of the actors. Columns are matched by name. Battles and agreements count in both
    directions, the rest from actor 1 to actor 2.

    Args:
        path: exported CSV(s), with or without BOM, zipped or not.
        rejects: grows by rows of state forces whose country or date cannot be read.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: columns are missing or shifted.
    """
    table = load_mapping("acled", mapping)
    with bench() as con:
        required = ("event_id_cnty", "event_date", "event_type", "sub_event_type", "actor1", "actor2")
        load(con, path, required=required, rejects=rejects, what=_WHAT)
        expect(con, path, "event_date", r"\d{4}-\d\d-\d\d.*|\d{1,2}[ -][A-Za-z]+[ -]\d{4}", "dates in event_date")
        expect(con, path, "event_id_cnty", r"[A-Z]{3}\d+", "ids such as UKR123 in event_id_cnty")
        kinds = "|".join(sorted({code.split(":")[0] for code in table.codes}))
        expect(con, path, "event_type", kinds, "ACLED event types in event_type", share=0.9)
        con.execute(
            f"""CREATE TABLE meetings AS SELECT line, event_id_cnty AS id, event_date, event_type, sub_event_type,
                   {_DAY} AS day,
                   nullif({_STATE.format("actor1")}, '') AS one,
                   coalesce(nullif({_STATE.format("actor2")}, ''), nullif({_PEOPLE.format("actor2")}, '')) AS other
            FROM raw"""
        )
        con.execute("DELETE FROM meetings WHERE one IS NULL OR other IS NULL OR one = other")
        map_names(
            con, "SELECT one, 0, 2020 FROM meetings GROUP BY 1 UNION SELECT other, 0, 2020 FROM meetings GROUP BY 1"
        )
        codes = {}
        for kind, sub in con.execute("SELECT DISTINCT event_type, sub_event_type FROM meetings").fetchall():
            row = table.codes.get(f"{kind}: {sub}") or table.codes.get(kind)
            if row is not None:
                codes[f"{kind}: {sub}"] = replace(row, code=f"{kind}: {sub}")
        half = """SELECT strftime(day, '%Y-%m-%d') AS date, {0}.iso3 AS source, {1}.iso3 AS target,
                         event_type || ': ' || coalesce(sub_event_type, '') AS code, line, id,
                         one || ' - ' || other || ', ' || event_date AS record
                  FROM meetings m LEFT JOIN names a ON a.name = m.one LEFT JOIN names b ON b.name = m.other
                  WHERE a.iso3 IS DISTINCT FROM b.iso3"""
        query = f"""
            SELECT date, source, target, code, min(line) AS line, min(record) AS record, min(id) AS reference,
                   count(*) || CASE WHEN count(*) = 1 THEN ' event' ELSE ' events' END AS description
            FROM ({half.format("a", "b")} UNION ALL
                  {half.format("b", "a")} AND (event_type = 'Battles' OR sub_event_type = 'Agreement'))
            GROUP BY date, source, target, code"""
        days = con.execute(
            f"SELECT strftime(min({_DAY}), '%Y-%m-%d'), strftime(max({_DAY}), '%Y-%m-%d') FROM raw"
        ).fetchall()[0]
        return collect(con, replace(table, codes=codes), query, path=path, rejects=rejects, coverage=days)
