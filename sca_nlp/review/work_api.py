"""Deciding: queues, decisions, undo and redo, the audit's draws, progress, agreement, effect and retraining."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from sca_nlp.errors import InputError
from sca_nlp.review.api import At, Text, passage, segments, slot_json
from sca_nlp.review.app import Desk, not_found
from sca_nlp.review.journal import Decision
from sca_nlp.review.queues import coded_by, disputed

router = APIRouter()
Name = Annotated[str, Field(min_length=1, max_length=60)]
Key = Annotated[str, Field(min_length=8, max_length=64)]


class Step(BaseModel):
    """One key press of a coder, or its taking back."""

    key: Key
    coder: Name


class Decided(Step):
    """What a slot shall hold from now on."""

    base: Annotated[str, Field(max_length=64)] = ""
    passage_id: Annotated[str, Field(max_length=200)]
    kind: str = "edit"
    role: str = "coder"
    codes: Annotated[list[str], Field(max_length=40)] = []
    targets: Annotated[list[str], Field(max_length=10)] = []
    status: str = "draft"
    hard: bool = False
    comment: Annotated[str, Field(max_length=4000)] = ""
    saw_model: bool = False
    queue: Annotated[str, Field(max_length=20)] = ""


class Draw(BaseModel):
    """How much to draw for the random audit."""

    coder: Name
    n: Annotated[int, Field(ge=1, le=10_000)] = 50
    share_coded: Annotated[float, Field(ge=0, le=1)] = 0.5


@router.post("/decisions")
def decide(desk: At, d: Decided) -> dict[str, Any]:
    """Log one decision on one passage. There is no way to decide on several at once.

    Answers 409, with what stands there now, when somebody else changed the slot since it was read.
    """
    if desk.explorer.passage(d.passage_id) is None:
        raise not_found("passage", d.passage_id)
    codes = desk.codebook.check_codes(d.codes, "decision")
    unknown = [t for t in d.targets if t != "?" and t not in desk.actors]
    if unknown:
        raise InputError("target", repr(unknown[0][:40]), "the code of a state or group, or ?")
    decision = Decision(codes, tuple(dict.fromkeys(d.targets)), d.status, d.hard, d.comment, d.saw_model)
    inclusion = desk.queues.inclusion_of(d.passage_id)
    stream = "audit" if inclusion is not None else d.queue if d.queue in ("informative", "second", "explore") else ""
    slot = desk.journal.record(
        key=d.key,
        base=d.base,
        coder=d.coder.strip(),
        passage_id=d.passage_id,
        kind=d.kind,
        decision=decision,
        role=d.role,
        stream=stream,
        inclusion_probability=inclusion,
    )
    return {"slot": slot_json(slot), "steps": desk.journal.can(d.coder)}


@router.post("/undo")
def undo(desk: At, step: Step) -> dict[str, Any]:
    """Take back the coder's last step, wherever it was."""
    slot = desk.journal.undo(step.coder, step.key)
    return {"slot": slot_json(slot), "steps": desk.journal.can(step.coder)}


@router.post("/redo")
def redo(desk: At, step: Step) -> dict[str, Any]:
    """Do again what the coder took back last."""
    slot = desk.journal.redo(step.coder, step.key)
    return {"slot": slot_json(slot), "steps": desk.journal.can(step.coder)}


@router.get("/queues/{queue}")
def upcoming(desk: At, queue: str, coder: Text, n: int = 20) -> dict[str, Any]:
    """Return the next passages of a queue for a coder."""
    return {"queue": queue, "passages": desk.queues.upcoming(queue, coder, max(1, min(n, 50)))}


@router.post("/audit/draw")
def draw(desk: At, d: Draw) -> dict[str, Any]:
    """Draw more passages for the random audit."""
    return {"drawn": desk.queues.draw(d.coder, d.n, d.share_coded), "inclusion": desk.queues.inclusion()}


@router.get("/progress")
def progress(desk: At, coder: Text = "") -> dict[str, Any]:
    """Return what is done and what is left."""
    return {**desk.queues.progress(coder), "draws": desk.journal.draws(), "inclusion": desk.queues.inclusion()}


@router.get("/disputed")
def list_disputed(desk: At) -> list[dict[str, Any]]:
    """Return the passages on which coders disagree, not adjudicated yet."""
    slots = desk.journal.slots()
    by = coded_by(slots)
    ids = disputed(slots)
    found = desk.explorer.passages(ids)
    return [
        {
            "passage_id": p,
            "text": found[p]["text"],
            "views": [
                {"coder": c, "codes": list(s.decision.codes), "targets": list(s.decision.targets)}
                for c, s in sorted(by[p].items())
                if s.decision
            ],
        }
        for p in ids
        if p in found
    ]


@router.get("/disputed/{passage_id}")
def one_disputed(desk: At, passage_id: str, coder: Text = "") -> dict[str, Any]:
    """Return a passage for adjudication: what each coder decided, and the shared slot."""
    return passage(desk, passage_id, coder, True, "adjudicator")


@router.get("/agreement")
def agreement(desk: At) -> dict[str, Any]:
    """Return agreement between coders, and of coders with the model, with intervals."""
    from sca_nlp.review.measure import agreement_report

    return agreement_report(desk)


@router.post("/effect")
def start_effect(desk: At, step: Step) -> dict[str, Any]:
    """Start working out what the corrections change."""
    from sca_nlp.review.effect import start

    return start(desk)


@router.get("/effect")
def effect(desk: At) -> dict[str, Any]:
    """Return what the corrections change, or how far the work is."""
    from sca_nlp.review.effect import state

    return state(desk)


@router.post("/train")
def start_training(desk: At, step: Step) -> dict[str, Any]:
    """Start a retraining in the background."""
    from sca_nlp.review.retrain import start

    return start(desk)


@router.post("/train/stop")
def stop_training(desk: At, step: Step) -> dict[str, Any]:
    """Stop the retraining."""
    from sca_nlp.review.retrain import stop

    return stop(desk)


@router.get("/train")
def training(desk: At) -> dict[str, Any]:
    """Return how far a retraining is, and the new model beside the old."""
    from sca_nlp.review.retrain import state

    return state(desk)


__all__ = ["Desk", "router", "segments"]
