"""Agreement among the coders of a run, and of the model with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sca_nlp.agreement import alpha, f1
from sca_nlp.codebook import Codebook
from sca_nlp.review.queues import coded_by
from sca_nlp.review.slots import Slot

if TYPE_CHECKING:
    from sca_nlp.review.app import Desk


def value_of(book: Codebook, codes: Iterable[str], indicator: str) -> str:
    """Return the value that an indicator (id) has in codes, or `absent`."""
    return next((book.meaning[c][1] for c in codes if book.meaning[c][0] == indicator), "absent")


def agreement_report(desk: Desk) -> dict[str, Any]:
    """Return alpha per indicator over passages coded by two, per-class F1 between each pair of coders, and the model's.

    The model is judged on the random audit alone: passages of the informative queue were chosen for being hard.
    """
    book = desk.codebook
    by = coded_by(desk.journal.slots())
    twice = {p: s for p, s in by.items() if len(s) > 1}
    alphas = []
    for i in book.indicators:
        units = [{c: value_of(book, _codes(s), i.id) for c, s in slots.items()} for slots in twice.values()]
        alphas.append({"name": i.name, **asdict(alpha(units))})
    targets = [
        {c: " ".join(sorted(s.decision.targets)) if s.decision else "" for c, s in slots.items()}
        for slots in twice.values()
    ]
    alphas.append({"name": "Target", **asdict(alpha(targets))})
    coders = sorted({c for slots in by.values() for c in slots})
    pairs = []
    for k, a in enumerate(coders):
        for b in coders[k + 1 :]:
            shared = [s for s in twice.values() if a in s and b in s]
            if shared:
                rows = [
                    {"name": c, **asdict(f1([c in _codes(s[a]) for s in shared], [c in _codes(s[b]) for s in shared]))}
                    for c in book.classes
                ]
                pairs.append({"a": a, "b": b, "n": len(shared), "classes": rows})
    return {"alpha": alphas, "n_twice": len(twice), "pairs": pairs, "model": _model_rows(desk)}


def _codes(slot: Slot) -> tuple[str, ...]:
    return slot.decision.codes if slot.decision else ()


def _model_rows(desk: Desk) -> dict[str, Any]:
    final = desk.journal.final()
    drawn = {d["passage_id"] for d in desk.journal.drawn()}
    held = {p: s for p, s in final.items() if p in drawn}
    models = desk.explorer.passages(list(held))
    rows = []
    for c in desk.codebook.classes:
        given = [c in models[p]["codes"] for p in held if p in models]
        gold = [c in _codes(s) for p, s in held.items() if p in models]
        rows.append({"name": c, "n_gold": sum(gold), "n_model": sum(given), **asdict(f1(gold, given))})
    return {"n": len(held), "classes": rows}
