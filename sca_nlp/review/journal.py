"""The journal: an append-only log of every decision, in SQLite. What stands now is a view of it.

A *slot* is one coder's place for one passage; adjudication has one slot a passage that all share. Each event holds what
the slot was and what it is, so undo and redo are events too, and nothing is ever changed or removed. Every event
carries a key made by the client: sent twice (the network was gone), it counts once. An event names the key that it
builds upon: if somebody was faster, it is refused and nothing is overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sca_nlp.errors import InputError
from sca_nlp.review.database import Database
from sca_nlp.review.slots import COMMENT, KINDS, STATUSES, ConflictError, Decision, Facts, Slot, decision_from, slot_of
from sca_nlp.review.standing import Standing


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Journal:
    """The journal of one run. Each call is one transaction, on the disk when it returns.

    Raises:
        ScaError: the file is no journal, or was written by a newer version.
    """

    path: Path
    facts: Facts = field(default_factory=Facts)

    def __post_init__(self) -> None:
        self._db = Database(self.path)
        self._standing = Standing()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def read(self, sql: str, values: Iterable[Any] = ()) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        return self._db.read(sql, values)

    # -- slots -----------------------------------------------------------------------------------------------------

    def slot(self, passage_id: str, coder: str, role: str = "coder") -> Slot:
        """Return a slot as it stands."""
        with self._db.lock:
            return self._slot(passage_id, coder, role)

    def _slot(self, passage_id: str, coder: str, role: str) -> Slot:
        sql = "SELECT * FROM events WHERE passage_id = ? AND role = ?"
        values: list[Any] = [passage_id, role]
        if role == "coder":
            sql += " AND coder = ?"
            values.append(coder)
        row = self._db.con.execute(sql + " ORDER BY event DESC LIMIT 1", values).fetchone()
        return slot_of(dict(row)) if row else Slot(passage_id, coder, role)

    def slots(self, passage_id: str = "") -> list[Slot]:
        """Return all slots that hold something now, of one passage or of all."""
        with self._db.lock:
            self._standing.follow(self._db.con)
            return [s for s in self._standing.held(passage_id) if s.decision is not None]

    def history(self, passage_id: str) -> list[dict[str, Any]]:
        """Return all events of a passage, oldest first."""
        return self.read("SELECT * FROM events WHERE passage_id = ? ORDER BY event", [passage_id])

    def events(self, coder: str = "", limit: int = 200) -> list[dict[str, Any]]:
        """Return the last events, newest first."""
        where, values = ("WHERE coder = ?", [coder]) if coder else ("", [])
        return self.read(f"SELECT * FROM events {where} ORDER BY event DESC LIMIT {int(limit)}", values)

    def all_events(self) -> list[dict[str, Any]]:
        """Return the whole log, oldest first."""
        return self.read("SELECT * FROM events ORDER BY event")

    # -- events ----------------------------------------------------------------------------------------------------

    def record(
        self,
        *,
        key: str,
        base: str,
        coder: str,
        passage_id: str,
        kind: str,
        decision: Decision,
        role: str = "coder",
        stream: str = "",
        inclusion_probability: float | None = None,
    ) -> Slot:
        """Log a decision; return the slot after it. The same key twice counts once.

        Raises:
            ConflictError: the slot's last event is not `base`.
            InputError: a kind, status or role that is none.
        """
        if kind not in KINDS or decision.status not in STATUSES or role not in ("coder", "adjudicator"):
            raise InputError("decision", f"{kind}, {decision.status}, {role}", f"one of {KINDS}, of {STATUSES}")
        if len(decision.comment) > COMMENT:
            raise InputError("comment", f"{len(decision.comment):,} characters", f"at most {COMMENT:,}")
        with self._db.writing():
            if self._known(key):
                return self._slot(passage_id, coder, role)
            slot = self._slot(passage_id, coder, role)
            if slot.key != base:
                raise ConflictError(slot)
            if decision.comment == "" and slot.decision and kind != "comment":
                decision = replace(decision, comment=slot.decision.comment)
            # Where a decision came in by is fixed by its first event: an audit unit stays one.
            if slot.stream and not stream:
                stream, inclusion_probability = slot.stream, slot.inclusion_probability
            self._insert(
                *(key, coder, role, passage_id, kind, slot.decision, decision, None, stream, inclusion_probability)
            )
            return self._slot(passage_id, coder, role)

    def _known(self, key: str) -> bool:
        return self._db.con.execute("SELECT 1 FROM events WHERE key = ?", [key]).fetchone() is not None

    def _insert(
        self,
        key: str,
        coder: str,
        role: str,
        passage_id: str,
        kind: str,
        old: Decision | None,
        new: Decision | None,
        about: int | None,
        stream: str,
        inclusion_probability: float | None,
        at: str = "",
    ) -> None:
        f = self.facts
        self._db.con.execute(
            """INSERT INTO events (key, at, coder, role, passage_id, kind, old, new, about, stream,
               inclusion_probability, run_id, model_digest, codebook_version, codebook_digest)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                *(key, at or _now(), coder, role, passage_id, kind),
                *(old.to_json() if old else None, new.to_json() if new else None, about, stream, inclusion_probability),
                *(f.run_id, f.model_digest, f.codebook_version, f.codebook_digest),
            ),
        )

    def _stacks(self, coder: str) -> tuple[list[int], list[int]]:
        """Return the coder's events that can be undone and redone, the next one last."""
        self._standing.follow(self._db.con)
        return self._standing.steps(coder)

    def can(self, coder: str) -> dict[str, int]:
        """Return how many steps a coder can undo and redo."""
        with self._db.lock:
            done, undone = self._stacks(coder)
        return {"undo": len(done), "redo": len(undone)}

    def undo(self, coder: str, key: str) -> Slot | None:
        """Take back the coder's last step, on whichever passage it was; None where there is none.

        Raises:
            ConflictError: an adjudication was changed by somebody else since.
        """
        return self._step(coder, key, "undo")

    def redo(self, coder: str, key: str) -> Slot | None:
        """Do again what was undone last; None where there is nothing.

        Raises:
            ConflictError: an adjudication was changed by somebody else since.
        """
        return self._step(coder, key, "redo")

    def _step(self, coder: str, key: str, kind: str) -> Slot | None:
        with self._db.writing():
            repeated = self._db.con.execute("SELECT * FROM events WHERE key = ?", [key]).fetchone()
            if repeated:
                return self._slot(repeated["passage_id"], coder, repeated["role"])
            stack = self._stacks(coder)[0 if kind == "undo" else 1]
            if not stack:
                return None
            row = dict(self._db.con.execute("SELECT * FROM events WHERE event = ?", [stack[-1]]).fetchone())
            was, becomes = (row["new"], row["old"]) if kind == "undo" else (row["old"], row["new"])
            slot = self._slot(row["passage_id"], coder, row["role"])
            if slot.decision != decision_from(was):
                raise ConflictError(slot)
            self._insert(
                *(key, coder, row["role"], row["passage_id"], kind, slot.decision, decision_from(becomes)),
                *(row["event"], row["stream"], row["inclusion_probability"]),
            )
            return self._slot(row["passage_id"], coder, row["role"])

    def take_in(self, rows: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
        """Take in decisions made elsewhere (key, coder, role, passage_id, decision, stream, inclusion_probability, at).

        A slot that already holds a decision is left alone, and so is a key that is known. Returns how many were taken
        and how many left.
        """
        taken = left = 0
        with self._db.writing():
            for r in rows:
                slot = self._slot(r["passage_id"], r["coder"], r["role"])
                if self._known(r["key"]) or (slot.decision is not None and slot.decision.status == "coded"):
                    left += 1
                    continue
                self._insert(
                    *(r["key"], r["coder"], r["role"], r["passage_id"], "import", slot.decision, r["decision"], None),
                    *(r.get("stream", ""), r.get("inclusion_probability"), r.get("at", "")),
                )
                taken += 1
        return taken, left

    # -- states ----------------------------------------------------------------------------------------------------

    def states(self) -> dict[str, str]:
        """Return the state of each passage that somebody has decided on: coded or adjudicated. Drafts do not count."""
        out: dict[str, str] = {}
        for s in self.slots():
            if s.decision and s.decision.status == "coded":
                if s.role == "adjudicator":
                    out[s.passage_id] = "adjudicated"
                else:
                    out.setdefault(s.passage_id, "coded")
        return out

    def final(self) -> dict[str, Slot]:
        """Return for each passage the decision that holds: the adjudicated one, else the first coder's."""
        out: dict[str, Slot] = {}
        for s in sorted(self.slots(), key=lambda s: (s.role != "adjudicator", s.event)):
            if s.decision and s.decision.status == "coded":
                out.setdefault(s.passage_id, s)
        return out

    # -- draws of the audit ----------------------------------------------------------------------------------------

    def draws(self) -> list[dict[str, Any]]:
        """Return the audit's draws, oldest first."""
        return self.read("SELECT * FROM draws ORDER BY draw")

    def drawn(self) -> list[dict[str, Any]]:
        """Return the audit's passages in the order in which they are coded: place, passage_id, stratum."""
        return self.read("SELECT place, passage_id, stratum FROM drawn ORDER BY place")

    def add_draw(
        self, coder: str, seed: int, strata: Mapping[str, tuple[int, int]], units: Iterable[tuple[str, str]]
    ) -> int:
        """Log a draw: `strata` gives (n, population) of each; `units` are (passage id, stratum) in coding order."""
        with self._db.writing() as con:
            ids = {}
            for stratum, (n, population) in strata.items():
                made = con.execute(
                    "INSERT INTO draws (at, coder, seed, stratum, n, population) VALUES (?, ?, ?, ?, ?, ?)",
                    (_now(), coder, seed, stratum, n, population),
                )
                ids[stratum] = made.lastrowid
            rows = [(ids[stratum], p, stratum) for p, stratum in units]
            con.executemany("INSERT INTO drawn (draw, passage_id, stratum) VALUES (?, ?, ?)", rows)
        return len(rows)
