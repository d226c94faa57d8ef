"""Which passage comes next: the informative queue, the random audit, second coding, disagreements."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.review.explore import Explorer
from sca_nlp.review.filters import Filter
from sca_nlp.review.journal import Journal
from sca_nlp.review.slots import Slot

QUEUES = {
    "informative": "Doubtful, rare and torn passages: best for training, never for estimates",
    "audit": "A random sample with known inclusion probabilities: the only basis for unbiased estimates",
    "second": "Blind second coding of what others have coded",
    "disputed": "Passages on which coders disagree, for adjudication",
    "hard": "Passages flagged as hard",
}
#: Passages of each kind that the informative queue looks at, at a time.
_LOOK = 400


def pick(key: str, seed: int) -> float:
    """Return a passage's own random number in [0, 1): the same for the same seed, on every machine."""
    digest = hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def coded_by(slots: Iterable[Slot]) -> dict[str, dict[str, Slot]]:
    """Return passage id -> coder -> slot of all finished codings (adjudications left out)."""
    out: dict[str, dict[str, Slot]] = {}
    for s in slots:
        if s.role == "coder" and s.decision and s.decision.status == "coded":
            out.setdefault(s.passage_id, {})[s.coder] = s
    return out


def disputed(slots: Sequence[Slot]) -> list[str]:
    """Return the passages on whose codes or targets two coders differ, not adjudicated yet, oldest first."""
    settled = {s.passage_id for s in slots if s.role == "adjudicator" and s.decision and s.decision.status == "coded"}
    found = []
    for passage_id, by in coded_by(slots).items():
        views = {(s.decision.codes, frozenset(s.decision.targets)) for s in by.values() if s.decision}
        if len(views) > 1 and passage_id not in settled:
            found.append((min(s.event for s in by.values()), passage_id))
    return [p for _, p in sorted(found)]


def special_states(journal: Journal, explorer: Explorer) -> dict[str, dict[str, str]]:
    """Return for the filters `differs`, `disputed` and `hard` the passages that have this state."""
    slots = journal.slots()
    coded = {s.passage_id: s for s in slots if s.decision and s.decision.status == "coded"}
    models = explorer.passages(list(coded))
    differs = [
        p for p, s in coded.items() if p in models and s.decision and tuple(models[p]["codes"]) != s.decision.codes
    ]
    return {
        "differs": dict.fromkeys(differs, "differs"),
        "disputed": dict.fromkeys(disputed(slots), "disputed"),
        "hard": {s.passage_id: "hard" for s in slots if s.decision and s.decision.hard},
    }


class Queues:
    """The queues of one run."""

    def __init__(self, explorer: Explorer, journal: Journal, seed: int = 1957) -> None:
        self.explorer, self.journal, self.seed = explorer, journal, seed

    def upcoming(self, queue: str, coder: str, n: int = 25, within: Filter | None = None) -> list[str]:
        """Return the next passages of a queue for a coder, at most n.

        Raises:
            UnknownNameError: no such queue.
        """
        if queue not in QUEUES:
            raise UnknownNameError("queue", queue, QUEUES)
        slots = self.journal.slots()
        mine = {s.passage_id for s in slots if s.role == "coder" and s.coder == coder and _over(s)}
        if queue == "audit":
            return [d["passage_id"] for d in self.journal.drawn() if d["passage_id"] not in mine][:n]
        if queue == "disputed":
            return disputed(slots)[:n]
        if queue == "hard":
            settled = {s.passage_id for s in slots if s.role == "adjudicator" and _over(s)}
            hard = dict.fromkeys(s.passage_id for s in slots if s.decision and s.decision.hard)
            return [p for p in hard if p not in settled][:n]
        if queue == "second":
            others = [p for p, by in coded_by(slots).items() if coder not in by and p not in mine]
            return sorted(others, key=lambda p: pick(p, self.seed))[:n]
        return self._informative(mine | set(coded_by(slots)), n, within)

    def _informative(self, done: set[str], n: int, within: Filter | None) -> list[str]:
        """Take in turn from the doubtful, the rare and the torn; no passage twice, no audit unit."""
        import pyarrow as pa

        left_out = done | {d["passage_id"] for d in self.journal.drawn()}
        c, frames = self.explorer.clauses(within or Filter(), self.journal.states())
        frames["left_out"] = pa.table({"passage_id": pa.array(sorted(left_out), pa.string())})
        c.add("passage_id NOT IN (SELECT passage_id FROM left_out)")
        # Where another model's codes are at hand, its disagreement is worth more than a model torn in itself.
        orders = ["uncertainty", "rare", "torn"]
        if self.explorer.has_other:
            orders[2] = "bit_count(xor(mask, coalesce(other_mask, mask)))"
        lists = [
            [
                r["passage_id"]
                for r in self.explorer.rows(
                    f"SELECT passage_id FROM p {c.where()} ORDER BY {by} DESC, shuffle LIMIT {min(n, _LOOK)}",
                    c.values,
                    **frames,
                )
            ]
            for by in orders
        ]
        mixed = dict.fromkeys(p for three in zip(*lists, strict=False) for p in three)
        return list(mixed)[:n]

    def draw(self, coder: str, n: int, share_coded: float = 0.5) -> int:
        """Draw n more passages for the random audit; return how many were drawn.

        The population has two strata: passages to which the model gives a code, and all others; `share_coded` of the
        draw comes from the first, since codes are rare. Within a stratum, passages are taken in the order of their own
        random number (`pick`), so that every draw, however often it is continued, is a simple random sample.

        Raises:
            InputError: n or the share is out of range.
        """
        if not 1 <= n <= 10_000:
            raise InputError("n", str(n), "1 to 10,000")
        if not 0 <= share_coded <= 1:
            raise InputError("share_coded", str(share_coded), "0 to 1")
        taken = {d["passage_id"] for d in self.journal.drawn()}
        wanted = {"coded": round(n * share_coded), "other": n - round(n * share_coded)}
        strata: dict[str, tuple[int, int]] = {}
        units: list[tuple[str, str]] = []
        for stratum, k in wanted.items():
            where = "mask <> 0" if stratum == "coded" else "mask = 0"
            population = self.explorer.rows(f"SELECT count(*) AS n FROM p WHERE {where}")[0]["n"]
            chosen = self._next_in_order(where, k, taken)
            strata[stratum] = (len(chosen), population)
            units += [(p, stratum) for p in chosen]
        # Mixed, so that the coder cannot tell the stratum from the place; each stratum keeps its random order.
        order = {p: pick(p, self.seed + 1) for p, _ in units}
        slots = {s: iter([u for u in units if u[1] == s]) for s in wanted}
        sequence = [s for _, s in sorted((order[p], s) for p, s in units)]
        return self.journal.add_draw(coder, self.seed, strata, [next(slots[s]) for s in sequence])

    def _next_in_order(self, where: str, k: int, taken: set[str]) -> list[str]:
        if not k:
            return []
        import heapq

        cursor = self.explorer.rows(f"SELECT passage_id FROM p WHERE {where}")
        fresh = (r["passage_id"] for r in cursor if r["passage_id"] not in taken)
        return heapq.nsmallest(k, fresh, key=lambda p: pick(p, self.seed))

    def inclusion(self) -> dict[str, float]:
        """Return the inclusion probability of each stratum under all draws so far."""
        n: dict[str, int] = {}
        population: dict[str, int] = {}
        for d in self.journal.draws():
            n[d["stratum"]] = n.get(d["stratum"], 0) + d["n"]
            population[d["stratum"]] = d["population"]
        return {s: n[s] / population[s] for s in n if population[s]}

    def reached(self, coded: Iterable[str]) -> dict[str, float]:
        """Return audit unit -> inclusion probability, as far as the audit has been coded.

        Units of a stratum are coded in random order, so those coded so far are themselves a random sample of it.
        """
        strata = {d["passage_id"]: d["stratum"] for d in self.journal.drawn()}
        population = {d["stratum"]: d["population"] for d in self.journal.draws()}
        held = [p for p in coded if p in strata]
        n = {s: sum(strata[p] == s for p in held) for s in population}
        return {p: n[strata[p]] / population[strata[p]] for p in held}

    def inclusion_of(self, passage_id: str) -> float | None:
        """Return the inclusion probability of an audit unit, None for others."""
        rows = self.journal.read("SELECT stratum FROM drawn WHERE passage_id = ?", [passage_id])
        return self.inclusion().get(rows[0]["stratum"]) if rows else None

    def progress(self, coder: str) -> dict[str, Any]:
        """Return what is done and what is left, in all and by this coder. Drafts and suggestions are not work done."""
        slots = self.journal.slots()
        coded = coded_by(slots)
        drawn = [d["passage_id"] for d in self.journal.drawn()]
        states = self.journal.states()
        mine = {p for p, by in coded.items() if coder in by}
        return {
            "coded": sum(s == "coded" for s in states.values()),
            "adjudicated": sum(s == "adjudicated" for s in states.values()),
            "mine": len(mine),
            "drafts": sum(1 for s in slots if s.decision and s.decision.status == "draft"),
            "skipped": sum(1 for s in slots if s.decision and s.decision.status == "skipped"),
            "twice": sum(len(by) > 1 for by in coded.values()),
            "disputed": len(disputed(slots)),
            "hard": len({s.passage_id for s in slots if s.decision and s.decision.hard}),
            "audit_drawn": len(drawn),
            "audit_coded": sum(p in coded or p in states for p in drawn),
            "audit_left_for_me": sum(p not in mine for p in drawn),
            "second_left": sum(coder not in by for by in coded.values()),
            "coders": sorted({c for by in coded.values() for c in by}),
            "passages": self.explorer.n_passages,
        }


def _over(s: Slot) -> bool:
    return s.decision is not None and s.decision.status in ("coded", "skipped")
