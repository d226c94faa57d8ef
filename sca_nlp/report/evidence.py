"""The passages and deeds behind every point: the strongest, and a random few that keep the strongest honest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pandas as pd

from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError
from sca_nlp.report import periods as per
from sca_nlp.report.frames import Frames
from sca_nlp.report.pairs import Direction

#: (actor, year) -> the codes that count as this actor in that year, itself included.
Members = Callable[[str, int], frozenset[str]]

_PERIOD_SQL = {
    "year": "regexp_extract(date, '^\\d{4}')",
    "quarter": "regexp_extract(date, '^\\d{4}') || 'Q' || ((TRY_CAST(substr(date, 6, 2) AS INTEGER) + 2) // 3)",
    "month": "regexp_extract(date, '^\\d{4}-\\d{2}')",
}
_SPEECH_COLUMNS = ("office", "title", "venue", "url")


@dataclass(frozen=True)
class Shown:
    """One passage as the page shows it. `drawn`: at random, not for its strength."""

    passage_id: str
    speech_id: str
    start: int
    end: int
    date: str
    speaker: str
    office: str
    title: str
    venue: str
    url: str
    source: str
    corpus: str
    targets: tuple[str, ...]
    codes: tuple[tuple[str, float], ...]  # class, calibrated probability
    prev: str
    text: str
    next: str
    drawn: bool


@dataclass
class Cell:
    """What stands behind one point: one source, one target, one period."""

    period: str
    passages: list[Shown] = field(default_factory=list)
    n_about: int = 0  # passages about the target, coded or not
    n_coded: int = 0
    deeds: list[dict[str, Any]] = field(default_factory=list)
    n_deeds: int = 0


def safe_url(url: str) -> str:
    """Return the address if it is an ordinary web address, else nothing: no `javascript:` behind a link."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    return url.strip() if parts.scheme in ("http", "https") and parts.netloc else ""


def budget(wanted: int, n_points: int, most: int = 4000) -> int:
    """Return how many passages a point may embed so that the page stays within a few megabytes."""
    return max(0, min(wanted, max(3, most // max(1, n_points))))


def _scan(folder: Path) -> str:
    """Return the SQL that reads a folder's Parquet files, each by its name: a folder may be called `mine[1]`."""
    listed = ", ".join("'" + str(p).replace("'", "''") + "'" for p in sorted(folder.glob("*.parquet")))
    return f"read_parquet([{listed}], union_by_name=true)"


def _columns(db: duckdb.DuckDBPyConnection, scan: str) -> set[str]:
    return {str(r[0]) for r in db.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()}  # noqa: S608


def open_passages(frames: Frames) -> duckdb.DuckDBPyConnection | None:
    """Open the passages of a run for reading, in bounded memory; None where it has none.

    Raises:
        InputError: the Parquet files lack a column that the report needs, or cannot be read.
    """
    if not frames.has_passages:
        return None
    db = duckdb.connect()
    db.execute("SET memory_limit = '2GB'")
    folder = frames.folder / "passages"
    try:
        columns = _columns(db, scan := _scan(folder))
        needed = {"passage_id", "speech_id", "idx", "start", "end", "text", "date", "source", "targets", "codes"}
        if needed - columns:
            raise InputError(
                folder, f"no column {', '.join(sorted(needed - columns))}", "passages as `sca score` stores them"
            )
        extra = "".join(f", ''::VARCHAR AS {c}" for c in ("speaker", "corpus") if c not in columns)
        extra += "" if "actors" in columns else ", []::VARCHAR[] AS actors"
        db.execute(f"CREATE VIEW passages AS SELECT *{extra} FROM {scan}")  # noqa: S608
        speeches = frames.folder / "speeches"
        if any(speeches.glob("*.parquet")):
            folder = speeches
            columns = _columns(db, scan := _scan(folder))
            chosen = ", ".join(c if c in columns else f"''::VARCHAR AS {c}" for c in _SPEECH_COLUMNS)
            view = f"SELECT speech_id, {chosen} FROM {scan}"  # noqa: S608
            db.execute(f"CREATE VIEW speeches AS {view}")
        else:
            db.execute("CREATE VIEW speeches AS SELECT '' speech_id, '' office, '' title, '' venue, '' url WHERE false")
    except duckdb.Error as e:
        raise InputError(
            folder, f"not readable ({str(e).splitlines()[0]})", "Parquet files as `sca score` stores them"
        ) from None
    return db


def passages_of(
    db: duckdb.DuckDBPyConnection, d: Direction, periods: Sequence[str], k: int, book: Codebook, members: Members
) -> dict[str, Cell]:
    """Return the cells of one direction: at most two thirds of `k` passages by strength, the rest at random.

    A passage is about its targets; one with no code and no target is about the actors that it names, as in aggregation.
    Strength is the largest probability among a passage's codes. The random ones are drawn from all passages about the
    target, coded or not, by a hash of their ids: the same run shows the same ones.
    """
    grain = per.grain_of(periods[0]) or "year" if periods else "year"
    who = pd.DataFrame(
        {
            "period": list(periods),
            "sources": [sorted(members(d.source, int(p[:4])) | {d.source}) for p in periods],
            "others": [sorted(members(d.target, int(p[:4])) | {d.target}) for p in periods],
        }
    )
    db.register("who_frame", who)
    db.execute(
        "CREATE OR REPLACE TEMP TABLE who AS SELECT period::VARCHAR period, sources::VARCHAR[] sources,"
        " others::VARCHAR[] others FROM who_frame"
    )
    there = {str(r[0]) for r in db.execute("DESCRIBE passages").fetchall()}
    classes = [c for c in book.classes if c in there]
    strength = ", ".join(f"CASE WHEN list_contains(codes, '{c}') THEN \"{c}\" ELSE 0 END" for c in classes) or "0"
    probabilities = ", ".join(f'"{c}"' for c in classes) or "0"
    strong = -(-2 * k // 3)
    db.execute(f"""
        CREATE OR REPLACE TEMP TABLE cells AS
        WITH p AS (
          SELECT passage_id, speech_id, idx, source, codes, targets, {_PERIOD_SQL[grain]} AS period,
            CASE WHEN len(targets) = 0 AND len(codes) = 0 THEN actors ELSE targets END AS about,
            greatest(0, {strength}) AS strength
          FROM passages WHERE source IN (SELECT unnest(sources) FROM who)
        ), about AS (
          SELECT p.*, len(codes) > 0 AS coded
          FROM p JOIN who USING (period)
          WHERE list_contains(sources, source) AND list_has_any(p.about, others)
        )
        SELECT *, row_number() OVER (PARTITION BY period ORDER BY coded DESC, strength DESC, passage_id) AS by_strength,
          count(*) OVER (PARTITION BY period) AS n_about, sum(coded::INT) OVER (PARTITION BY period) AS n_coded
        FROM about
        """)  # noqa: S608 (class names are the codebook's, quoted; grain is one of three)
    cells = {
        str(p): Cell(str(p), n_about=int(n), n_coded=int(c))
        for p, n, c in db.execute("SELECT DISTINCT period, n_about, n_coded FROM cells").fetchall()
    }
    rows = db.execute(f"""
        WITH strong AS (SELECT *, false AS drawn FROM cells WHERE by_strength <= {strong} AND coded),
        rest AS (
          SELECT c.*, true AS drawn FROM cells c ANTI JOIN strong USING (passage_id)
          QUALIFY row_number() OVER (PARTITION BY c.period ORDER BY md5(passage_id)) <= {k} - least({strong}, c.n_coded)
        ), chosen AS (SELECT * FROM strong UNION ALL SELECT * FROM rest),
        near AS (SELECT speech_id, idx, text FROM passages WHERE speech_id IN (SELECT speech_id FROM chosen))
        SELECT c.period, p.passage_id, p.speech_id, p.start, p."end", p.date, p.speaker, s.office, s.title, s.venue,
          s.url, p.source, p.corpus, p.targets, p.codes, a.text, p.text, b.text, c.drawn, {probabilities}
        FROM chosen c JOIN passages p USING (passage_id) LEFT JOIN speeches s ON s.speech_id = p.speech_id
        LEFT JOIN near a ON a.speech_id = p.speech_id AND a.idx = p.idx - 1
        LEFT JOIN near b ON b.speech_id = p.speech_id AND b.idx = p.idx + 1
        ORDER BY c.period, c.drawn, c.strength DESC, p.passage_id
        """).fetchall()  # noqa: S608
    seen: set[tuple[str, str]] = set()
    for r in rows:
        if (r[0], r[1]) in seen:  # a speech stored twice must not show its passages twice
            continue
        seen.add((r[0], r[1]))
        probability = dict(zip(classes, r[19:], strict=False))
        passage_id, speech_id, start, end, date, speaker, office, title, venue, url, source, corpus = r[1:13]
        targets, codes, before, text, after, drawn = r[13:19]
        cells[str(r[0])].passages.append(
            Shown(
                passage_id=str(passage_id),
                speech_id=str(speech_id),
                start=int(start),
                end=int(end),
                date=str(date or ""),
                speaker=str(speaker or ""),
                office=str(office or ""),
                title=str(title or ""),
                venue=str(venue or ""),
                url=str(url or ""),
                source=str(source or ""),
                corpus=str(corpus or ""),
                targets=tuple(map(str, targets or ())),
                codes=tuple((str(c), float(probability.get(c) or 0)) for c in codes or ()),
                prev=str(before or ""),
                text=str(text or ""),
                next=str(after or ""),
                drawn=bool(drawn),
            )
        )
    return cells


def list_command(folder: Path) -> str:
    """Return the command that lists every passage of a run with ids, offsets, date, source, targets and codes."""
    return f"sca export {folder.name} --format csv --out passages.csv"
