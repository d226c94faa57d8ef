"""UCDP/PRIO Armed Conflict (conflict-years) -> deeds."""

from __future__ import annotations

from pathlib import Path

from sca_nlp.read.deeds.files import load
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.rows import bench, collect, expect
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

_WHAT = "a UCDP/PRIO conflict-year file (conflict_id, year, gwno_a, gwno_b, type_of_conflict, intensity_level)"

# The official file puts several parties into one cell ("2, 200"); the tidy one has a row for each.
_QUERY = """
    WITH conflicts AS (
        SELECT min(line) AS line, conflict_id, whole(year) AS year, max(whole(intensity_level)) AS intensity,
               CASE WHEN whole(type_of_conflict) = 2 OR lower(type_of_conflict) = 'interstate' THEN 'interstate'
                    WHEN whole(type_of_conflict) = 4 OR lower(type_of_conflict) LIKE 'internationali_ed%' THEN 'civil'
               END AS kind,
               gwno_a, gwno_b, gwno_a_2nd, gwno_b_2nd,
               min(CASE WHEN start_date2[:4] = whole(year)::VARCHAR THEN start_date2[:10] END) AS started
        FROM raw GROUP BY ALL),
    parties AS (
        SELECT conflict_id, year, kind, line, intensity, started, side, second, gw(trim(n), year) AS state,
               trim(n) AS n FROM (
            SELECT *, 'a' AS side, false AS second, unnest(string_split(gwno_a, ',')) AS n FROM conflicts
            UNION ALL SELECT *, 'b', false, unnest(string_split(gwno_b, ',')) FROM conflicts
            UNION ALL SELECT *, 'a', true, unnest(string_split(gwno_a_2nd, ',')) FROM conflicts
            UNION ALL SELECT *, 'b', true, unnest(string_split(gwno_b_2nd, ',')) FROM conflicts)
        WHERE kind IS NOT NULL),
    pairs AS (
        SELECT a.conflict_id, a.year, a.kind, a.line, a.intensity, a.started, a.state AS one, b.state AS other,
               a.n AS n_one, b.n AS n_other, a.second AS second_one, b.second AS second_other, b.side AS other_side
        FROM parties a JOIN parties b USING (conflict_id, year, kind)
        WHERE a.side = 'a' AND CASE kind WHEN 'interstate' THEN b.side = 'b' ELSE b.second AND NOT a.second END),
    said AS (
        SELECT *, CASE WHEN kind = 'interstate' AND NOT second_one AND NOT second_other THEN 'interstate'
                       WHEN kind = 'interstate' THEN 'interstate:secondary'
                       WHEN other_side = 'b' THEN 'troops:rebels' ELSE 'troops:government' END AS code FROM pairs),
    sided AS (
        SELECT *, one AS source, other AS target, n_one AS ns, n_other AS nt FROM said WHERE code <> 'troops:government'
        UNION ALL SELECT *, other, one, n_other, n_one FROM said)
    SELECT coalesce(min(started), year::VARCHAR) AS date, source, target, code, max(intensity)::DOUBLE AS factor,
           'conflict ' || whole(conflict_id) AS reference, min(line) AS line,
           'conflict ' || conflict_id || coalesce(', ' || year, '') || ': ' || ns || ' - ' || nt AS record,
           CASE WHEN year IS NULL THEN 'year is missing'
                WHEN max(intensity) IS NULL THEN 'intensity_level is missing' END AS problem
    FROM sided WHERE ns <> nt GROUP BY year, source, target, code, conflict_id, ns, nt
"""


def read_ucdp_acd(path: str | Path, *, rejects: list[Reject], mapping: str | Path | None = None) -> DeedTable:
    """Read UCDP/PRIO conflict-years: fighting between states, and foreign troops in civil wars.

    Args:
        path: the published CSV (lists in the cells of the parties) or a table with one row per combination of parties.
        rejects: grows by rows whose year, intensity or states cannot be read.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: columns are missing or shifted.
    """
    with bench() as con:
        load(
            con,
            path,
            required=("conflict_id", "year", "gwno_a", "gwno_b", "type_of_conflict", "intensity_level"),
            optional=("gwno_a_2nd", "gwno_b_2nd", "start_date2"),
            rejects=rejects,
            what=_WHAT,
        )
        expect(con, path, "year", r"(19|20)\d\d(\.0)?", "years in year")
        expect(con, path, "gwno_a", r"[\d., ]+", "Gleditsch-Ward state numbers in gwno_a")
        expect(con, path, "intensity_level", r"[12](\.0)?", "1 or 2 in intensity_level")
        expect(
            con,
            path,
            "type_of_conflict",
            r"(?i)[1-4](\.0)?|.*(state|extrasystemic).*",
            "1-4 or its name in type_of_conflict",
        )
        years = con.execute("SELECT min(whole(year))::VARCHAR, max(whole(year))::VARCHAR FROM raw").fetchall()[0]
        return collect(con, load_mapping("ucdp_acd", mapping), _QUERY, path=path, rejects=rejects, coverage=years)
