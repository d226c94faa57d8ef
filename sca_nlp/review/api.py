"""Reading: setup, passages, speeches, series, history. Nothing here changes anything."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from sca_nlp.review.app import Desk, not_found
from sca_nlp.review.filters import Filter
from sca_nlp.review.queues import QUEUES, special_states
from sca_nlp.review.series import dyads, series
from sca_nlp.review.slots import Slot

router = APIRouter()


def desk_of(request: Request) -> Desk:
    """Return the desk of this app."""
    desk: Desk = request.app.state.desk
    return desk


At = Annotated[Desk, Depends(desk_of)]
Text = Annotated[str, Query(max_length=400)]


def passage_of(desk: Desk, passage_id: str) -> dict[str, Any]:
    """Return a passage of this run.

    Raises:
        InputError: no such passage.
    """
    found = desk.explorer.passage(passage_id)
    if found is None:
        raise not_found("passage", passage_id)
    return found


def opened(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return entries of the journal with what was and what is as objects."""
    for e in events:
        for side in ("old", "new"):
            e[side] = json.loads(e[side]) if e[side] else None
    return events


def slot_json(slot: Slot | None) -> dict[str, Any] | None:
    """Return a slot as the page reads it."""
    if slot is None:
        return None
    d = slot.decision
    return {
        "passage_id": slot.passage_id,
        "coder": slot.coder,
        "role": slot.role,
        "key": slot.key,
        "at": slot.at,
        "stream": slot.stream,
        "decision": None
        if d is None
        else {
            "codes": list(d.codes),
            "targets": list(d.targets),
            "status": d.status,
            "hard": d.hard,
            "comment": d.comment,
            "saw_model": d.saw_model,
        },
    }


@router.get("/setup")
def setup(desk: At) -> dict[str, Any]:
    """Return what every view needs: codebook, keys, actors, choices of the filters."""
    book = desk.codebook
    return {
        "run": desk.facts,
        "passages": desk.explorer.n_passages,
        "has_other": desk.explorer.has_other,
        "codebook": {
            "name": book.name,
            "version": book.version,
            "classes": list(book.classes),
            "rulings": list(book.rulings),
            "indicators": [
                {
                    "id": i.id,
                    "short": i.short,
                    "name": i.name,
                    "question": i.question,
                    "absent": i.absent,
                    "values": [
                        {
                            "value": v,
                            "mark": m,
                            "class": i.short + m,
                            "definition": i.definitions[v],
                            "trust": i.trust_sign[v],
                        }
                        for v, m in i.values.items()
                    ],
                }
                for i in book.indicators
            ],
        },
        "keys": desk.class_keys(),
        "actors": [["?", "unclear"], *sorted(desk.actors.items(), key=lambda a: a[1])],
        "choices": desk.explorer.choices(),
        "queues": QUEUES,
    }


@router.get("/passages")
def passages(
    desk: At,
    source: Text = "",
    target: Text = "",
    speaker: Text = "",
    corpus: Text = "",
    kind: Text = "",
    language: Text = "",
    first: Text = "",
    last: Text = "",
    indicator: Text = "",
    value: Text = "",
    low: Annotated[float, Query(ge=0, le=1)] = 0.0,
    high: Annotated[float, Query(ge=0, le=1)] = 1.0,
    text: Text = "",
    state: Text = "",
    sort: Text = "date",
    speech: Text = "",
    offset: int = 0,
) -> dict[str, Any]:
    """Return a page of passages that fit the filter, with their review states."""
    f = Filter(
        *(source, target, speaker, corpus, kind, language, first, last, indicator, value, low, high),
        *(text, state, sort, speech),
    )
    states = desk.journal.states()
    wanted = special_states(desk.journal, desk.explorer)[state] if state in ("differs", "disputed", "hard") else states
    page = desk.explorer.page(f, offset, wanted)
    for p in page["passages"]:
        p["state"] = states.get(p["passage_id"]) or ("suggested" if p["codes"] else "unseen")
    return page


@router.get("/complete/{field}")
def complete(desk: At, field: str, q: Text = "") -> list[dict[str, Any]]:
    """Return values of a field that contain what was typed."""
    return desk.explorer.complete(field, q)


@router.get("/passage/{passage_id}")
def passage(desk: At, passage_id: str, coder: Text = "", reveal: bool = True, role: Text = "coder") -> dict[str, Any]:
    """Return one passage with its context and the coder's slot.

    Without `reveal` neither the model's codes nor other coders' are in the answer: blind coding is blind.
    """
    p = passage_of(desk, passage_id)
    slot = desk.journal.slot(passage_id, coder, "adjudicator" if role == "adjudicator" else "coder")
    slots = desk.journal.slots(passage_id)
    decided = [s for s in slots if s.decision and s.decision.status == "coded"]
    state = "adjudicated" if any(s.role == "adjudicator" for s in decided) else "coded" if decided else ""
    codes, targets = p["codes"], set(p["targets"])
    inclusion = desk.queues.inclusion_of(passage_id)
    out = {
        "passage": p,
        "context": desk.explorer.around(p),
        "segments": segments(desk, p["text"], p["date"], targets if reveal else set()),
        "named": list(desk.gazetteer.actors(p["text"], p["date"])),
        "names": {c: desk.name(c) for c in {*p["actors"], *p["targets"], p["source"]}},
        "state": state or ("suggested" if codes else "unseen"),
        "slot": slot_json(slot),
        "in_audit": inclusion is not None,
        "steps": desk.journal.can(coder) if coder else {"undo": 0, "redo": 0},
        "others": [slot_json(s) for s in slots if s.coder != coder or "adjudicator" in (s.role, role)]
        if reveal
        else [],
        "n_others": sum(1 for s in decided if s.coder != coder),
    }
    if not reveal:
        for name in ("probabilities", "codes", "other_codes", "targets", "uncertainty", "rare", "torn", "mask"):
            p.pop(name, None)
        out["state"] = state or "unseen"
    return out


def segments(desk: Desk, text: str, date: str, targets: set[str]) -> list[dict[str, Any]]:
    """Return a text in pieces: plain, or an actor with its codes, names, and whether it is a target."""
    pieces: list[dict[str, Any]] = []
    spans: dict[tuple[int, int], list[str]] = {}
    for m in desk.gazetteer.find(text, date):
        if m.kind != "cue":
            spans.setdefault((m.start, m.end), []).append(m.code)
    at = 0
    for (start, end), codes in sorted(spans.items()):
        if start < at:
            continue
        if start > at:
            pieces.append({"text": text[at:start]})
        pieces.append(
            {
                "text": text[start:end],
                "actors": codes,
                "names": [desk.name(c) for c in codes],
                "target": bool(targets & set(codes)),
            }
        )
        at = end
    if at < len(text):
        pieces.append({"text": text[at:]})
    return pieces


@router.get("/passage/{passage_id}/explain")
def explain(desk: At, passage_id: str) -> dict[str, Any]:
    """Return for each likely class how much every word of the passage contributed."""
    from sca_nlp.review.explain import attributions

    p = passage_of(desk, passage_id)
    around = desk.explorer.around(p, 1)
    return attributions(desk, p, (around["before"] or [""])[-1], (around["after"] or [""])[0])


@router.get("/passage/{passage_id}/similar")
def similar(desk: At, passage_id: str, coder: Text = "", reveal: bool = True) -> list[dict[str, Any]]:
    """Return passages already coded that share rare words with this one: the coder's own where `reveal` is off."""
    from sca_nlp.review.similar import similar_coded

    p = passage_of(desk, passage_id)
    return similar_coded(desk.explorer, desk.journal, p, "" if reveal else coder)


@router.get("/passage/{passage_id}/history")
def history(desk: At, passage_id: str) -> dict[str, Any]:
    """Return a passage and everything that was ever decided on it."""
    p = passage_of(desk, passage_id)
    return {
        "passage": p,
        "context": desk.explorer.around(p, 0),
        "events": opened(desk.journal.history(passage_id)),
    }


@router.get("/events")
def events(desk: At, coder: Text = "") -> list[dict[str, Any]]:
    """Return the last events of the journal, newest first."""
    return opened(desk.journal.events(coder, 100))


@router.get("/speech")
def speech(desk: At, speech_id: Text) -> dict[str, Any]:
    """Return a whole speech, sentence by sentence, with the model's codes and the states."""
    s = desk.explorer.speech(speech_id)
    if s is None:
        raise not_found("speech", speech_id)
    states = desk.journal.states()
    final = desk.journal.final()
    for p in s["sentences"]:
        p["state"] = states.get(p["passage_id"]) or ("suggested" if p["codes"] else "unseen")
        held = final.get(p["passage_id"])
        p["decided"] = list(held.decision.codes) if held and held.decision else None
    s["source_name"] = desk.name(s["source"])
    return s


@router.get("/dyads")
def list_dyads(desk: At) -> list[dict[str, Any]]:
    """Return the pairs of which there are series, or pairs with most coded passages where no series were made."""
    return dyads(desk)


@router.get("/series")
def one_series(desk: At, source: Text, target: Text, indicator: Text = "all") -> dict[str, Any]:
    """Return words, deeds and gap of a dyad with intervals, and the method of the words."""
    return series(desk, source, target, indicator)
