"""What the corrections change: the series of the touched dyads before and after, with the audit's intervals beside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sca_nlp.errors import ScaError
from sca_nlp.review.recount import LEAST_AUDIT, members_at, recount
from sca_nlp.review.series import dyads
from sca_nlp.review.slots import Slot

if TYPE_CHECKING:
    from sca_nlp.review.app import Desk

#: Dyads that are worked out at most, those with most corrections first.
MOST = 24


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
        out["dyads"] = recount(desk, changed, pairs, final)
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


def _touched(desk: Desk, changed: Mapping[str, Slot], models: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the dyads of the run that a correction bears upon, most corrections first."""
    group = members_at(desk)
    counts: dict[tuple[str, str], int] = {}
    known = [(d["source"], d["target"]) for d in dyads(desk)]
    for p, s in changed.items():
        about = {*models[p]["targets"], *models[p]["actors"], *(s.decision.targets if s.decision else ())}
        years = {int(models[p]["date"][:4])} if models[p]["date"][:4].isdigit() else set()
        for source, target in known:
            if source == models[p]["source"] and any(members_of(group, target, a, years) for a in about):
                counts[source, target] = counts.get((source, target), 0) + 1
    return [d for d, _ in sorted(counts.items(), key=lambda c: (-c[1], c[0]))][:MOST]
