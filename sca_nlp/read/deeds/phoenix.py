"""Phoenix events, daily (Open Event Data Alliance) and historical (Cline Center) -> deeds."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
from pathlib import Path

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.cameo import CAMEO_PATTERN, STATE_TYPES, deeds_of_events, padded
from sca_nlp.read.deeds.files import files_of, first_line, load, sql_text
from sca_nlp.read.deeds.rows import bench, expect
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

_DAILY = [
    "EventID", "Date", "Year", "Month", "Day", "SourceActorFull", "SourceActorEntity", "SourceActorRole",
    "SourceActorAttribute", "TargetActorFull", "TargetActorEntity", "TargetActorRole", "TargetActorAttribute",
    "EventCode", "EventRootCode", "QuadClass", "GoldsteinScore", "Issues", "Lat", "Lon", "LocationName",
    "StateName", "CountryCode", "SentenceID", "URLs", "NewsSources",
]  # fmt: skip
_WHAT = "Phoenix: 26 tab-separated fields without header (daily), or a CSV with story_date, source_root ... (Cline)"
_COLUMNS = ("date", "source", "source_role", "target", "target_role", "code", "goldstein", "quad")
_CLINE = ("story_date", "source_root", "source_agent", "target_root", "target_agent", "code", "goldstein", "quad_class")
_DAILY_PICKS = (
    "Date",
    "SourceActorEntity",
    "SourceActorRole",
    "TargetActorEntity",
    "TargetActorRole",
    "EventCode",
    "GoldsteinScore",
    "QuadClass",
)


def read_phoenix(
    path: str | Path, *, rejects: list[Reject], older: bool | None = None, mapping: str | Path | None = None
) -> DeedTable:
    """Read Phoenix events between two states, one deed per directed pair, day and class.

    Args:
        path: daily `events.full.*.txt(.zip)` files or Cline Center CSVs (not both), a folder or a pattern.
        rejects: grows by lines that cannot be read and unknown codes.
        older: which CAMEO list the codes follow; found out from the Goldstein weights by default.
        mapping: another table of CAMEO codes.

    Raises:
        InputError: it is neither form, or its columns are shifted.
    """
    first = first_line(files_of(path)[0])
    cline = "story_date" in first.lower()
    if not cline and first.count("\t") + 1 != len(_DAILY):
        raise InputError(path, f"{first.count(chr(9)) + 1} tab-separated fields in line 1", _WHAT)
    aliases = {name: (own,) for name, own in zip(_COLUMNS, _CLINE if cline else _DAILY_PICKS, strict=True)}
    if cline:  # its `source` and `target` hold the whole actor code, not the state's
        aliases["state1"], aliases["state2"] = ("source_root",), ("target_root",)
    else:
        aliases["state1"], aliases["state2"] = ("SourceActorEntity",), ("TargetActorEntity",)
    columns = ("state1", "state2", "source_role", "target_role", "code", "goldstein", "quad")
    when = "story_date" if cline else "Date"
    with bench() as con:
        load(
            con,
            path,
            required=(when, *columns),
            aliases=aliases,
            rejects=rejects,
            delimiter="," if cline else "\t",
            quote='"' if cline else "",
            names=None if cline else _DAILY,
            what=_WHAT,
        )
        expect(con, path, when, r"(19|20)\d{6}|\d{1,2}/\d{1,2}/\d{4}|\d{4}-\d\d-\d\d", f"dates in {when}")
        expect(con, path, "code", r"\d{1,4}(\.0)?", "CAMEO codes such as 042 in the event code")
        expect(con, path, "goldstein", r"-?(10|\d)(\.\d+)?", "-10 to 10 in the Goldstein score")
        expect(con, path, "quad", r"[0-4](\.0)?", "0 to 4 in the quad class")
        expect(con, path, "state1", r"[A-Z0-9]{3}.*", "three-letter actor codes in the source")
        kinds = ", ".join(sql_text(t) for t in STATE_TYPES)
        organ = "coalesce(left({0}, 3), 'GOV') IN (" + kinds + ")"
        con.execute(
            f"""CREATE TABLE events AS SELECT day AS date, s.iso3 AS source, t.iso3 AS target, e.code AS code,
                   any_value(goldstein) AS goldstein, count(*) AS n
            FROM (SELECT state1, state2, source_role, target_role, {padded("code")} AS code,
                         number(goldstein) AS goldstein,
                         strftime(coalesce(try_strptime({when}, '%Y%m%d'), try_strptime({when}, '%Y-%m-%d'),
                                           try_strptime({when}, '%m/%d/%Y')), '%Y-%m-%d') AS day FROM raw) e
            JOIN states s ON s.system = 'cameo' AND s.code = e.state1
            JOIN states t ON t.system = 'cameo' AND t.code = e.state2
            WHERE s.iso3 <> t.iso3 AND {organ.format("source_role")} AND {organ.format("target_role")}
              AND day IS NOT NULL
            GROUP BY ALL"""
        )
        if con.execute("SELECT count(*) FROM events").fetchall()[0][0]:
            expect(
                con, path, "code", CAMEO_PATTERN, "CAMEO codes such as 042 in the event code", table="events", share=0.9
            )
        days = con.execute(
            f"SELECT min(d)::VARCHAR, max(d)::VARCHAR FROM (SELECT coalesce(try_strptime({when}, '%Y%m%d'), "
            f"try_strptime({when}, '%Y-%m-%d'), try_strptime({when}, '%m/%d/%Y'))::DATE AS d FROM raw)"
        ).fetchall()[0]
        return deeds_of_events(con, "phoenix", path=path, rejects=rejects, coverage=days, older=older, mapping=mapping)
