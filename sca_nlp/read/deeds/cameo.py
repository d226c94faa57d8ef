"""Events coded in CAMEO (GDELT, ICEWS, Phoenix): codes -> the study's terms, one deed a dyad, day and class."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names; texts from outside pass through sql_text)
from dataclasses import replace
from typing import Any

import duckdb

from sca_nlp.read.deeds.mapping import Coding, Mapping, load_mapping
from sca_nlp.read.deeds.rows import collect
from sca_nlp.read.deeds.table import DeedTable
from sca_nlp.records import Reject

#: What a CAMEO event code looks like: roots 01 to 20, two to four digits.
CAMEO_PATTERN = r"(0[1-9]|1\d|20)\d{0,2}"

#: Actor types of a state's own organs; other types (rebels, business, media, parties, civilians ...) are not the state.
STATE_TYPES = ("GOV", "MIL", "LEG", "COP", "JUD", "SPY")

#: Statements and appeals are no deeds, whatever their code below this root.
OUT_OF_SCOPE = ("01", "02")


def padded(column: str) -> str:
    """Return SQL that gives a CAMEO code back its leading zero where it was once read as a number.

    Event codes have three or four digits in all these sources, so 10 is 010 and not the root 10; 312 can only be 0312.
    """
    code = f"regexp_replace(trim({column}::VARCHAR), '\\.0$', '')"
    return (
        f"CASE WHEN length({code}) < 3 THEN lpad({code}, 3, '0') "
        f"WHEN length({code}) = 3 AND left({code}, 2) > '20' THEN '0' || {code} ELSE {code} END"
    )


def is_older(con: duckdb.DuckDBPyConnection, mapping: Mapping, table: str = "events") -> bool:
    """Tell by the Goldstein weights in a table of events whether it follows the older CAMEO list.

    Only codes that weigh differently in the two lists speak; without any the answer is no.
    """
    votes = 0
    rows = con.execute(
        f"SELECT code, goldstein, count(*) FROM {table} WHERE goldstein IS NOT NULL AND code IN "
        f"({', '.join(repr(c) for c in mapping.older)}) GROUP BY ALL"
    ).fetchall()
    for code, goldstein, n in rows:
        older, newer = mapping.older[code].goldstein, mapping.codes[code].goldstein if code in mapping.codes else None
        if older is not None and newer is not None:
            votes += n * (
                (abs(goldstein - older) < abs(goldstein - newer)) - (abs(goldstein - newer) < abs(goldstein - older))
            )
    return votes > 0


def coding_of(code: str, mapping: Mapping, *, older: bool) -> Coding | None:
    """Return the row of a code's longest listed beginning, or None."""
    tables = (mapping.older, mapping.codes) if older else (mapping.codes,)
    for end in range(len(code), 1, -1):
        for table in tables:
            if code[:end] in table:
                return replace(table[code[:end]], code=code)
    return None


def deeds_of_events(
    con: duckdb.DuckDBPyConnection,
    name: str,
    *,
    path: Any,
    rejects: list[Reject],
    coverage: tuple[str, str],
    older: bool | None = None,
    mapping: Any = None,
) -> DeedTable:
    """Return the deeds of a DuckDB table `events` (date, source, target, code, goldstein, n).

    Its actors are mapped to ISO3 already, and its codes padded.

    Args:
        con: a connection from `rows.bench`.
        name: of the data set, whose own TOML declares it.
        path: for messages.
        rejects: grows by unknown codes, with their number of events.
        coverage: first and last day in the file.
        older: which CAMEO list the file follows; found out from its Goldstein weights by default.
        mapping: another table of CAMEO codes.
    """
    cameo = load_mapping("cameo", mapping)
    old = is_older(con, cameo) if older is None else older
    codes: dict[str, Coding] = {}
    for code, n in con.execute("SELECT code, sum(n) FROM events GROUP BY code ORDER BY code").fetchall():
        found = coding_of(code or "", cameo, older=old)
        if found is not None:
            codes[code] = found
        elif not str(code).startswith(OUT_OF_SCOPE):
            rejects.append(Reject(str(path), 0, f"event code {code!r} is not CAMEO ({n} events)"))
    declared = replace(load_mapping(name), codes=codes)
    rows = ", ".join(f"('{c.code}', '{c.manifestation}', {c.sign}, {c.verbal}, {c.magnitude})" for c in codes.values())
    if not rows:
        rows = "('', '', 0, false, 0.0)"
    query = f"""
        SELECT e.date AS date, source, target, max_by(e.code, (m.magnitude, e.code)) AS code,
               sum(n)::BIGINT || CASE WHEN sum(n) = 1 THEN ' event' ELSE ' events' END AS description
        FROM (SELECT date, own(source, left(date, 4)::INT) AS source, own(target, left(date, 4)::INT) AS target, code, n
              FROM events) e
        JOIN (VALUES {rows}) m(code, manifestation, sign, verbal, magnitude) ON m.code = e.code
        WHERE source <> target GROUP BY e.date, source, target, m.manifestation, m.sign, m.verbal"""
    listing = {"notes": f"{declared.source.get('notes', '')} CAMEO list: {'older' if old else '1.1b3'}.".strip()}
    return collect(con, declared, query, path=path, rejects=rejects, coverage=coverage, changes=listing)
