"""What the journal holds: decisions, the slots that they stand in, and who was faster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sca_nlp.errors import ScaError

STATUSES = ("draft", "coded", "skipped")
KINDS = ("edit", "confirm", "skip", "comment", "import")
#: Longest comment, in characters.
COMMENT = 4000


@dataclass(frozen=True)
class Decision:
    """What one slot holds: codes in column order, whom they are about, and how far it is."""

    codes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    status: str = "draft"
    hard: bool = False
    comment: str = ""
    saw_model: bool = False  # were the model's codes on the screen?

    def to_json(self) -> str:
        """Return it as JSON text, keys sorted."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)


def decision_from(text: str | None) -> Decision | None:
    """Return the decision of a log entry; None for an empty slot."""
    if not text:
        return None
    d = json.loads(text)
    return Decision(
        tuple(d["codes"]), tuple(d["targets"]), d["status"], bool(d["hard"]), d["comment"], bool(d.get("saw_model"))
    )


@dataclass(frozen=True)
class Slot:
    """The last event of a slot. `key` is "" where nothing has happened yet."""

    passage_id: str
    coder: str
    role: str
    key: str = ""
    at: str = ""
    decision: Decision | None = None
    stream: str = ""
    inclusion_probability: float | None = None
    event: int = 0


class ConflictError(ScaError):
    """Somebody else was faster. `slot` is what stands there now."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        super().__init__(
            f"{slot.coder} changed this passage at {slot.at[11:19]} UTC, after you opened it. Yours was not stored; "
            "look at what stands there now, then decide again."
        )


@dataclass(frozen=True)
class Facts:
    """Under what an event is logged, beside who and when."""

    run_id: str = ""
    model_digest: str = ""
    codebook_version: str = ""
    codebook_digest: str = ""


def slot_of(r: Mapping[str, Any]) -> Slot:
    """Return the slot after an event, from the event's row."""
    return Slot(
        r["passage_id"],
        r["coder"],
        r["role"],
        r["key"],
        r["at"],
        decision_from(r["new"]),
        r["stream"],
        r["inclusion_probability"],
        r["event"],
    )
