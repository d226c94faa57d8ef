"""The trust balance of dyads counted anew: decisions in place of the model's codes, and as the audit corrects it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sca_nlp.errors import ScaError, UnknownNameError
from sca_nlp.review.slots import Slot

if TYPE_CHECKING:
    import pandas as pd

    from sca_nlp.review.app import Desk

#: Fewer coded audit passages than this give no error rates.
LEAST_AUDIT = 30


def members_at(desk: Desk) -> Callable[[str, int], frozenset[str]]:
    """Return what gives the members of a group in a year; none for an actor that the run alone knows."""
    from sca_nlp.actors import members

    def of(group: str, year: int) -> frozenset[str]:
        try:
            return members(group, year, data=desk.actor_data)
        except UnknownNameError:  # an actor of the user's own, known to the run alone
            return frozenset()

    return of


def recount(
    desk: Desk, changed: Mapping[str, Slot], pairs: list[tuple[str, str]], final: Mapping[str, Slot]
) -> list[dict[str, Any]]:
    """Return for each of the `pairs` its balance before and after the `changed` passages, period by period.

    `final` are all decisions that hold: those of the random audit correct the series for the model's errors.
    """
    from sca_nlp.aggregate import words

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.parquet", Path(folder) / "after.parquet"
        sources = sorted({s for s, _ in pairs})
        _copy(desk, sources, {}, before)
        _copy(desk, sources, changed, after)
        settings: dict[str, Any] = {
            "dyads": pairs,
            "members": members_at(desk),
            "period": _grain(desk),
            "codebook": desk.codebook,
            "measures": ("balance",),
            "draws": 0,
            "languages": (),
            "threads": 1,
        }
        first = words([before], **settings).series
        second = words([after], **settings).series
        audited = _audited(desk, before, settings, final)
    return [_dyad(desk, pair, first, second, audited) for pair in pairs]


def _audited(desk: Desk, path: Path, settings: Mapping[str, Any], final: Mapping[str, Slot]) -> pd.DataFrame | None:
    """Return the series corrected by the audit's error rates, or None where too little is audited."""
    import pandas as pd

    from sca_nlp.aggregate import words

    inclusion = desk.queues.reached(final)
    held = {p: s for p, s in final.items() if p in inclusion}
    if len(held) < LEAST_AUDIT:
        return None
    audit = pd.DataFrame(
        {
            "passage_id": list(held),
            "codes": [list(s.decision.codes) if s.decision else [] for s in held.values()],
            "inclusion_probability": [inclusion[p] for p in held],
        }
    )
    from sca_nlp.aggregate.audit import audit_rates

    everything = path.with_name("audited.parquet")
    _copy(desk, [], {}, everything, list(held))
    try:
        rates = audit_rates([everything], audit, desk.codebook, "named")
        return words([path], **settings, error_rates=rates).series
    except (ScaError, ValueError):
        return None


def _copy(
    desk: Desk, sources: list[str], changed: Mapping[str, Slot], path: Path, ids: list[str] | None = None
) -> None:
    """Write passages of sources (or those with the given ids) to Parquet, decisions in place of the model's codes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    book = desk.codebook
    decided = pa.table(
        {
            "passage_id": pa.array(list(changed), pa.string()),
            "codes": pa.array(
                [list(s.decision.codes) if s.decision else [] for s in changed.values()], pa.list_(pa.string())
            ),
            "targets": pa.array(
                [list(s.decision.targets) if s.decision else [] for s in changed.values()], pa.list_(pa.string())
            ),
        }
    )
    if ids is None:
        wanted = pa.table({"key": pa.array(sources, pa.string())})
        where = "p.source IN (SELECT key FROM wanted)"
    else:
        wanted = pa.table({"key": pa.array(ids, pa.string())})
        where = "p.passage_id IN (SELECT key FROM wanted)"
    literal = {c: "'" + c.replace("'", "''") + "'" for c in book.classes}
    probabilities = ", ".join(
        f'(CASE WHEN d.passage_id IS NULL THEN p."{c}" '
        f"WHEN list_contains(d.codes, {literal[c]}) THEN 1 ELSE 0 END)::FLOAT"
        f' AS "{c}"'
        for c in book.classes
    )
    cursor = desk.explorer.cursor()
    try:
        cursor.register("decided", decided)
        cursor.register("wanted", wanted)
        found: Any = cursor.sql(
            f"""SELECT p.passage_id, p.speech_id, p.idx, p.date, p.source, p.speaker, p.kind, p.corpus,
                p.language, p.actors,
                CASE WHEN d.passage_id IS NULL THEN p.codes ELSE d.codes END AS codes,
                CASE WHEN d.passage_id IS NULL THEN p.targets ELSE d.targets END AS targets, {probabilities}
                FROM p LEFT JOIN decided d ON d.passage_id = p.passage_id WHERE {where} ORDER BY p.row"""
        )
        # DuckDB 2 has a new name for what 1 calls fetch_arrow_reader.
        reader = (getattr(found, "to_arrow_reader", None) or found.fetch_arrow_reader)(50_000)
        with pq.ParquetWriter(path, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
    finally:
        cursor.close()


def _grain(desk: Desk) -> str:
    import pyarrow.parquet as pq

    path = desk.run / "words.parquet"
    try:
        periods = pq.read_table(path, columns=["period"])["period"].slice(0, 1).to_pylist()
    except (OSError, KeyError):
        return "year"
    first = str(periods[0]) if periods else ""
    return "quarter" if "Q" in first else "month" if len(first) == 7 else "year"


def _dyad(
    desk: Desk, pair: tuple[str, str], first: pd.DataFrame, second: pd.DataFrame, audited: pd.DataFrame | None
) -> dict[str, Any]:
    import math

    def points(frame: pd.DataFrame | None, method: str) -> dict[str, dict[str, Any]]:
        if frame is None:
            return {}
        keep = frame[
            (frame["source"] == pair[0])
            & (frame["target"] == pair[1])
            & (frame["measure"] == "balance")
            & (frame["indicator"] == "all")
            & (frame["method"] == method)
        ]
        return {
            str(r["period"]): {
                k: round(float(r[k]), 5) if r[k] is not None and math.isfinite(r[k]) else None
                for k in ("estimate", "low", "high")
            }
            | {"n": int(r["n_passages"])}
            for r in keep.to_dict("records")
        }

    a, b, c = points(first, "raw_probability"), points(second, "raw_probability"), points(audited, "adjusted")
    periods = sorted({*a, *b})
    rows = [{"period": p, "before": a.get(p), "after": b.get(p), "audited": c.get(p)} for p in periods]
    moved = [r for r in rows if _estimate(r["before"]) != _estimate(r["after"])]
    return {
        "source": pair[0],
        "target": pair[1],
        "source_name": desk.name(pair[0]),
        "target_name": desk.name(pair[1]),
        "periods": rows,
        "n_moved": len(moved),
    }


def _estimate(point: Any) -> float | None:
    return point["estimate"] if point else None
