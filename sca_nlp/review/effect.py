"""What the corrections change: the series of the touched dyads before and after, with the audit's intervals beside."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sca_nlp.errors import ScaError, UnknownNameError
from sca_nlp.review.series import dyads
from sca_nlp.review.slots import Slot

if TYPE_CHECKING:
    import pandas as pd

    from sca_nlp.review.app import Desk

#: Dyads that are worked out at most, those with most corrections first.
MOST = 24
#: Fewer coded audit passages than this give no error rates.
LEAST_AUDIT = 30


def start(desk: Desk) -> dict[str, Any]:
    """Start the work in the background, unless it is going on or nothing was decided since; return its state."""
    last = (desk.journal.events(limit=1) or [{"event": 0}])[0]["event"]
    with desk.lock:
        known = desk.jobs.get("effect", {})
        if known.get("state") == "working" or (known.get("state") == "done" and known["after_event"] == last):
            return state(desk)
        desk.jobs["effect"] = {"state": "working"}
    threading.Thread(target=_work, args=(desk, last), daemon=True).start()
    return state(desk)


def state(desk: Desk) -> dict[str, Any]:
    """Return the result, or how far the work is: none, working, done, failed."""
    found: dict[str, Any] = desk.jobs.get("effect", {"state": "none"})
    return found


def _work(desk: Desk, last: int) -> None:
    try:
        desk.jobs["effect"] = {"state": "done", "after_event": last, **effect(desk)}
    except ScaError as e:
        desk.jobs["effect"] = {"state": "failed", "error": str(e)}
    except Exception as e:  # a thread's traceback would reach nobody
        desk.jobs["effect"] = {"state": "failed", "error": f"{type(e).__name__}: {e}"}


def effect(desk: Desk) -> dict[str, Any]:
    """Return what changed: counts, and for each touched dyad its trust balance before and after, period by period.

    Corrections of the informative queue were not drawn at random: "after" shows what they did to the series, and is no
    unbiased estimate. Only `audited` (corrected by the error rates of the random audit) is one.
    """
    final = desk.journal.final()
    models = desk.explorer.passages(list(final))
    changed = {p: s for p, s in final.items() if p in models and _differs(models[p], s)}
    out: dict[str, Any] = {
        "n_decided": len(final),
        "n_changed": len(changed),
        "by_class": _by_class(desk, changed, models),
        "dyads": [],
        "audit": _audit_note(desk, final),
    }
    pairs = _touched(desk, changed, models)
    if pairs:
        out["dyads"] = _series(desk, changed, pairs, final)
    return out


def _differs(model: Mapping[str, Any], slot: Slot) -> bool:
    d = slot.decision
    return d is not None and (
        tuple(model["codes"]) != d.codes or (bool(d.codes) and set(model["targets"]) != set(d.targets))
    )


def _by_class(desk: Desk, changed: Mapping[str, Slot], models: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for c in desk.codebook.classes:
        before = [c in models[p]["codes"] for p in changed]
        after = [s.decision is not None and c in s.decision.codes for s in changed.values()]
        added = sum(a and not b for a, b in zip(after, before, strict=True))
        rows.append(
            {"name": c, "added": added, "removed": sum(b and not a for a, b in zip(after, before, strict=True))}
        )
    return rows


def _audit_note(desk: Desk, final: Mapping[str, Slot]) -> dict[str, Any]:
    drawn = [d["passage_id"] for d in desk.journal.drawn()]
    n = sum(p in final for p in drawn)
    reason = "" if n >= LEAST_AUDIT else f"{n} audit passages are coded; {LEAST_AUDIT} are needed for error rates"
    return {"drawn": len(drawn), "coded": n, "reason": reason}


def members_of(year_of: Callable[[str, int], frozenset[str]], target: str, code: str, years: set[int]) -> bool:
    """Tell whether an actor is the target, or one of its members in one of the years."""
    return code == target or any(code in year_of(target, y) for y in years)


def _members(desk: Desk) -> Callable[[str, int], frozenset[str]]:
    from sca_nlp.actors import members

    def of(group: str, year: int) -> frozenset[str]:
        try:
            return members(group, year, data=desk.actor_data)
        except UnknownNameError:  # an actor of the user's own, known to the run alone
            return frozenset()

    return of


def _touched(desk: Desk, changed: Mapping[str, Slot], models: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the dyads of the run that a correction bears upon, most corrections first."""
    group = _members(desk)
    counts: dict[tuple[str, str], int] = {}
    known = [(d["source"], d["target"]) for d in dyads(desk)]
    for p, s in changed.items():
        about = {*models[p]["targets"], *models[p]["actors"], *(s.decision.targets if s.decision else ())}
        years = {int(models[p]["date"][:4])} if models[p]["date"][:4].isdigit() else set()
        for source, target in known:
            if source == models[p]["source"] and any(members_of(group, target, a, years) for a in about):
                counts[source, target] = counts.get((source, target), 0) + 1
    return [d for d, _ in sorted(counts.items(), key=lambda c: (-c[1], c[0]))][:MOST]


def _series(
    desk: Desk, changed: Mapping[str, Slot], pairs: list[tuple[str, str]], final: Mapping[str, Slot]
) -> list[dict[str, Any]]:
    from sca_nlp.aggregate import words

    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "before.parquet", Path(folder) / "after.parquet"
        sources = sorted({s for s, _ in pairs})
        _copy(desk, sources, {}, before)
        _copy(desk, sources, changed, after)
        settings: dict[str, Any] = {
            "dyads": pairs,
            "members": _members(desk),
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
