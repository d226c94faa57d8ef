"""Sums of GDELT scores of pairs of states by month or day -> the share of friendly days."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
from collections.abc import Collection
from pathlib import Path

from sca_nlp.errors import InputError
from sca_nlp.read.deeds.files import load
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.rows import bench, collect, expect
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

_WHAT = "pair-months (month, iso3_a, iso3_b, days_pos, days_neg) or pair-days (date, iso3_a, iso3_b, score)"


def read_gdelt_network(
    path: str | Path,
    *,
    rejects: list[Reject],
    min_days: int = 5,
    actors: Collection[str] = (),
    mapping: str | Path | None = None,
) -> DeedTable:
    """Read by month how a pair's days with a score above zero outweigh those below, from -1 to 1, in each direction.

    Days are counted and scores are not added up, since a sum grows with media coverage.

    Args:
        path: pair-months with `days_pos` and `days_neg`, or pair-days with `score`.
        rejects: grows by one line with the number of pair-months with too few days.
        min_days: pair-months with fewer days that have a score are left out.
        actors: only pairs of these states (ISO3); all by default.
        mapping: another mapping table than the shipped one.

    Raises:
        InputError: columns are missing or shifted.
    """
    with bench() as con:
        optional = ("month", "days_pos", "days_neg", "date", "score")
        found = load(con, path, required=("iso3_a", "iso3_b"), optional=optional, rejects=rejects, what=_WHAT)
        for side in ("iso3_a", "iso3_b"):
            expect(con, path, side, "[A-Z]{3}", f"ISO3 codes in {side}")
        if {"month", "days_pos", "days_neg"} <= set(found):
            expect(con, path, "month", r"(19|20)\d\d-(0[1-9]|1[0-2])", "months (YYYY-MM) in month")
            source = "month, whole(days_pos) AS up, whole(days_neg) AS down FROM raw"
        elif {"date", "score"} <= set(found):
            expect(con, path, "date", r"(19|20)\d\d-\d\d-\d\d.*", "dates in date")
            source = (
                "date[:7] AS month, count(*) FILTER (WHERE number(score) > 0) AS up, "
                "count(*) FILTER (WHERE number(score) < 0) AS down FROM raw GROUP BY ALL"
            )
        else:
            raise InputError(path, f"the columns {', '.join(found)}", _WHAT)
        con.execute(f"CREATE TABLE months AS SELECT iso3_a AS a, iso3_b AS b, {source}")
        thin = con.execute(f"SELECT count(*) FROM months WHERE up + down < {int(min_days)}").fetchall()[0][0]
        if thin:
            rejects.append(Reject(str(path), 0, f"{thin} pair-months with fewer than {min_days} days are left out"))
        half = (
            "SELECT month AS date, {0} AS source, {1} AS target, 'days' AS code, sign(up - down)::INT AS sign, "
            "abs(up - down) / (up + down) AS factor, up || ' days up, ' || down || ' down' AS description "
            f"FROM months WHERE up + down >= {max(1, int(min_days))} AND a <> b"
        )
        covered = con.execute("SELECT min(month), max(month) FROM months").fetchall()[0]
        states = con.execute("SELECT a FROM months UNION SELECT b FROM months").fetchall()
        return collect(
            con,
            load_mapping("gdelt_network", mapping),
            f"{half.format('a', 'b')} UNION ALL {half.format('b', 'a')}",
            path=path,
            rejects=rejects,
            coverage=covered,
            actors=frozenset(str(s) for (s,) in states),
            only=actors,
        )
