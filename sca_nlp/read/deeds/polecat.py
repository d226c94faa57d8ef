"""POLECAT events in the PLOVER ontology -> deeds."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
from dataclasses import replace
from pathlib import Path

from sca_nlp.read.deeds.files import load
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.names import map_names
from sca_nlp.read.deeds.rows import bench, collect, expect, reject_names
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

_WHAT = "a POLECAT file (tab-separated, with Event Date, Event Type, Event Mode, Actor Country, Recipient Country)"
_TYPES = (
    "AGREE|CONSULT|SUPPORT|CONCEDE|COOPERATE|AID|RETREAT|REQUEST|ACCUSE|REJECT|THREATEN|PROTEST|SANCTION|MOBILIZE|"
    "COERCE|ASSAULT"
)


def read_polecat(path: str | Path, *, rejects: list[Reject], mapping: str | Path | None = None) -> DeedTable:
    """Read POLECAT events between two states, one deed per directed pair, day and class.

    Columns are matched by name. Several countries in one cell (`USA; GBR`) each count.

    Args:
        path: `ngecEvents*.txt(.zip)` files, a folder or a pattern.
        rejects: grows by lines that cannot be read, unknown countries and unknown event types.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: columns are missing or shifted.
    """
    table = load_mapping("polecat", mapping)
    with bench() as con:
        load(
            con,
            path,
            required=("event_date", "event_type", "actor_country", "recipient_country"),
            optional=("event_id", "event_mode", "actor_sector", "recipient_sector"),
            aliases={"actor_sector": ("primary_actor_sector",), "recipient_sector": ("primary_recipient_sector",)},
            rejects=rejects,
            delimiter="\t",
            quote="",
            what=_WHAT,
            repair=True,
        )
        expect(con, path, "event_date", r"\d{4}-\d\d-\d\d.*", "dates (YYYY-MM-DD) in Event Date")
        expect(con, path, "event_type", f"(?i){_TYPES}", "PLOVER event types such as CONSULT in Event Type")
        cells = "SELECT DISTINCT trim(unnest(string_split({0}, ';'))) FROM raw"
        map_names(
            con,
            f"SELECT n, 0, 2020 FROM ({cells.format('actor_country')} UNION {cells.format('recipient_country')}) c(n)",
        )
        reject_names(con, path, rejects)
        state = "({0} IS NULL OR regexp_matches({0}, '(?i)GOV|MIL|LEG|JUD|COP|SPY|government|military'))"
        con.execute(
            f"""CREATE TABLE pairs AS
            SELECT event_date[:10] AS date, s.iso3 AS source, t.iso3 AS target, upper(event_type) AS kind,
                   lower(event_mode) AS mode,
                   min(line) AS line, count(*) AS n
            FROM (SELECT DISTINCT line, event_date, event_type, event_mode, trim(a) AS a, trim(r) AS r FROM (
                    SELECT *, unnest(string_split(actor_country, ';')) AS a FROM raw
                    WHERE {state.format("actor_sector")} AND {state.format("recipient_sector")}),
                  LATERAL (SELECT unnest(string_split(recipient_country, ';')) AS r)) e
            JOIN names s ON s.name = e.a JOIN names t ON t.name = e.r
            WHERE s.iso3 <> t.iso3 GROUP BY ALL"""
        )
        codes = {}
        for kind, mode in con.execute("SELECT DISTINCT kind, mode FROM pairs").fetchall():
            row = table.codes.get(f"{kind}:{mode}") or table.codes.get(kind)
            if row is not None:
                name = f"{kind}:{mode}" if mode else kind
                codes[name] = replace(row, code=name)
        rows = ", ".join(
            f"('{c.code}', '{c.manifestation}', {c.sign}, {c.verbal}, {c.magnitude})" for c in codes.values()
        )
        query = f"""
            SELECT date, source, target, coalesce(max_by(p.code, (m.magnitude, p.code)), min(p.code)) AS code,
                   min(line) AS line,
                   sum(n)::BIGINT || CASE WHEN sum(n) = 1 THEN ' event' ELSE ' events' END AS description
            FROM (SELECT *, kind || coalesce(':' || mode, '') AS code FROM pairs) p
            LEFT JOIN (VALUES {rows or "('', '', 0, false, 0.0)"}) m(code, manifestation, sign, verbal, magnitude)
              ON m.code = p.code
            GROUP BY date, source, target, m.manifestation, m.sign, m.verbal,
                     CASE WHEN m.code IS NULL THEN p.code END"""
        days = con.execute("SELECT min(event_date)[:10], max(event_date)[:10] FROM raw").fetchall()[0]
        return collect(con, replace(table, codes=codes), query, path=path, rejects=rejects, coverage=days)
