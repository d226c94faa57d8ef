"""What stands now: the log of the journal, followed from event to event."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from sca_nlp.review.slots import Slot, slot_of


class Standing:
    """The slots as they stand and each coder's steps, up to the last event that was read."""

    def __init__(self) -> None:
        self._seen = 0
        self._live: dict[tuple[str, str, str], Slot] = {}
        self._live_of: dict[str, dict[tuple[str, str, str], Slot]] = {}
        self._steps: dict[str, tuple[list[int], list[int]]] = {}

    def follow(self, con: sqlite3.Connection) -> None:
        """Follow the log from where it was read last.

        Other processes may write too, so the log is asked each time; only new events are read.
        """
        for r in con.execute("SELECT * FROM events WHERE event > ? ORDER BY event", [self._seen]):
            slot = slot_of(dict(r))
            place = (slot.passage_id, slot.role, "" if slot.role == "adjudicator" else slot.coder)
            self._live[place] = slot
            self._live_of.setdefault(slot.passage_id, {})[place] = slot
            done, undone = self._steps.setdefault(slot.coder, ([], []))
            if r["kind"] == "undo":
                undone.append(done.pop())
            elif r["kind"] == "redo":
                done.append(undone.pop())
            elif r["kind"] != "import":
                done.append(slot.event)
                undone.clear()
            self._seen = slot.event

    def held(self, passage_id: str = "") -> Iterable[Slot]:
        """Return the slots of one passage or of all, also those that hold nothing any more."""
        return self._live.values() if not passage_id else self._live_of.get(passage_id, {}).values()

    def steps(self, coder: str) -> tuple[list[int], list[int]]:
        """Return the coder's events that can be undone and redone, the next one last."""
        return self._steps.get(coder, ([], []))
