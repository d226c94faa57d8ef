"""Series for the explorer's charts, from the frames that the run's later stages made."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from sca_nlp.review.app import Desk

#: The best method there is for a series, first to last.
METHODS = ("adjusted", "raw_probability", "raw_count")


@lru_cache(maxsize=8)
def _table(path: Path, changed: int) -> pa.Table:
    """Return a frame of the run; kept in memory until its file changes."""
    return pq.read_table(path)


def _read(path: Path, **equal: str) -> list[dict[str, Any]]:
    """Return the rows of a Parquet file whose columns equal the given values; none where it is missing or damaged."""
    try:
        table = _table(path, path.stat().st_mtime_ns)
        for column, value in equal.items():
            table = table.filter(pc.equal(table[column], value))
    except (OSError, KeyError, pa.ArrowInvalid):
        return []
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _number(value: Any) -> float | None:
    """Return a finite number rounded for the wire, or None: a gap in the line is a gap, never 0."""
    if value is None or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return round(float(value), 5)


def dyads(desk: Desk) -> list[dict[str, Any]]:
    """Return dyads: source, target, names, n, and whether series were made."""
    found = [r for r in _read(desk.run / "words.parquet", measure="balance", indicator="all") if r["target"]]
    counts: dict[tuple[str, str], int] = {}
    best = next((m for m in METHODS if any(r["method"] == m for r in found)), "")
    for r in found:
        if r["method"] == best:
            counts[r["source"], r["target"]] = counts.get((r["source"], r["target"]), 0) + int(r["n_passages"] or 0)
    made = bool(counts)
    if not made:
        rows = desk.explorer.rows("SELECT source, target, n FROM f_dyad ORDER BY n DESC, source, target LIMIT 300")
        counts = {(r["source"], r["target"]): r["n"] for r in rows}
    return [
        {"source": s, "target": t, "source_name": desk.name(s), "target_name": desk.name(t), "n": n, "made": made}
        for (s, t), n in sorted(counts.items(), key=lambda c: -c[1])
    ]


def series(desk: Desk, source: str, target: str, indicator: str = "all") -> dict[str, Any]:
    """Return the series of a dyad: `words`, `deeds`, `gap`, each a list of points with `low` and `high`.

    Args:
        desk: the run.
        source: who speaks.
        target: about whom.
        indicator: an indicator's id, or `all` for the trust balance.
    """
    dyad = {"source": source, "target": target}
    rows = sorted(
        _read(desk.run / "words.parquet", **dyad, measure="balance", indicator=indicator),
        key=lambda r: str(r["period"]),
    )
    method = next((m for m in METHODS if any(r["method"] == m for r in rows)), "")
    words = [
        _point(r) | {"n": int(r["n_passages"]), "hidden": bool(r["hidden"])} for r in rows if r["method"] == method
    ]
    deeds = [
        _point(r) | {"n": int(r["n_deeds"] or 0), "hidden": not r["covered"]}
        for r in sorted(
            _read(desk.run / "deed_series.parquet", **dyad, manifestation="all", dataset="all"),
            key=lambda r: str(r["period"]),
        )
    ]
    gaps = sorted(_read(desk.run / "compare" / "gap.parquet", **dyad), key=lambda r: str(r["period"]))
    headline = [r for r in gaps if r.get("headline")] or gaps
    window = headline[0]["window"] if headline else ""
    gap = [_point(r | {"estimate": r["gap"]}) for r in headline if r["window"] == window]
    out = {"source": source, "target": target, "indicator": indicator, "method": method, "window": window}
    if not words:
        words, out["method"] = _counted(desk, source, target, indicator), "counted in the index"
    return {**out, "words": words, "deeds": deeds, "gap": gap}


def _point(r: dict[str, Any]) -> dict[str, Any]:
    return {
        "period": str(r["period"]),
        "estimate": _number(r["estimate"]),
        "low": _number(r.get("low")),
        "high": _number(r.get("high")),
    }


def _counted(desk: Desk, source: str, target: str, indicator: str) -> list[dict[str, Any]]:
    """Return the plain yearly balance of coded passages, where no series were made yet. No intervals."""
    book = desk.codebook
    parts = [
        f"{book.trust_sign[c]} * CASE WHEN (mask & {1 << k}) <> 0 THEN 1 ELSE 0 END"
        for k, c in enumerate(book.classes)
        if indicator in ("all", book.meaning[c][0])
    ] or ["0"]
    rows = desk.explorer.rows(
        f"""SELECT substr(date, 1, 4) AS period, count(*) AS n,
            avg({" + ".join(parts)}) / {len(book.indicators)} AS estimate
            FROM p WHERE source = ? AND list_contains(targets, ?) GROUP BY 1 ORDER BY 1""",
        [source, target],
    )
    return [{**_point(r), "n": int(r["n"]), "hidden": int(r["n"]) < 10} for r in rows]
