"""Deciding: queues, decisions, undo and redo, the audit's draws, progress, agreement, effect and retraining."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from sca_nlp.errors import InputError
from sca_nlp.review import effect, retrain
from sca_nlp.review.api import At, Text, passage, segments, slot_json
from sca_nlp.review.app import Desk, not_found
from sca_nlp.review.queues import coded_by, disputed
from sca_nlp.review.slots import Decision

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


def _steps(kind: Literal["undo", "redo"], says: str) -> None:
    """Add the route of a step back, or forward again."""

    def take(desk: At, step: Step) -> dict[str, Any]:
        slot = (desk.journal.undo if kind == "undo" else desk.journal.redo)(step.coder, step.key)
        return {"slot": slot_json(slot), "steps": desk.journal.can(step.coder)}

    router.add_api_route(f"/{kind}", take, methods=["POST"], name=kind, description=says)


_steps("undo", "Take back the coder's last step, wherever it was.")
_steps("redo", "Do again what the coder took back last.")


def _job(path: str, name: str, call: Callable[[Desk], dict[str, Any]], *, starts: bool) -> None:
    """Add a route to work in the background: one that starts or stops it (POST, by a coder), or asks for its state."""

    def tell(desk: At, step: Step) -> dict[str, Any]:
        return call(desk)

    def ask(desk: At) -> dict[str, Any]:
        return call(desk)

    says = str(call.__doc__).splitlines()[0]
    router.add_api_route(
        path, tell if starts else ask, methods=["POST" if starts else "GET"], name=name, description=says
    )


_job("/effect", "start_effect", effect.start, starts=True)
_job("/effect", "effect", effect.state, starts=False)
_job("/train", "start_training", retrain.start, starts=True)
_job("/train/stop", "stop_training", retrain.stop, starts=True)
_job("/train", "training", retrain.state, starts=False)


__all__ = ["Desk", "router", "segments"]
