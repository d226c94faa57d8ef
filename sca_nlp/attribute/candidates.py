"""The candidates of a coded passage, and what is known of each: hashed features for the scorer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from zlib import crc32

from sca_nlp.actors import ActorData, Gazetteer, Mention, members
from sca_nlp.errors import UnknownNameError

#: Candidates of every coded passage, named or not.
ALWAYS = ("?", "ALL", "UN", "WEST", "EAST", "NONSTATE", "GREAT", "SOUTH", "AMER", "AFR", "ARAB")
#: Classes of candidates, columns of the word weights: the groups, then states by where they are named.
CLASSES = (*ALWAYS, "EU", "NATO", "ASEAN", "in text", "before", "after")
_CLASS = {c: k for k, c in enumerate(CLASSES)}
#: Sizes of the hashed tables.
N_WORDS, N_FEATURES = 1 << 15, 1 << 17

_TOKEN = re.compile(r"[^\W\d_]+(?:['’](?=s\b))?|[?!]")
_SELF = frozenset({"we", "our", "us", "ourselves", "my", "i"})


@dataclass
class Candidates:
    """The candidates of one passage: `features[k]`: rows of feature weights; `columns[k]`: class of `codes[k]`."""

    codes: list[str] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    features: list[list[int]] = field(default_factory=list)
    words: list[int] = field(default_factory=list)  # rows of the word weights


class Featurizer:
    """Turns passages into candidates with hashed features."""

    def __init__(self, gazetteer: Gazetteer, data: ActorData) -> None:
        self.gazetteer = gazetteer
        self.data = data
        self._found: dict[tuple[str, str], list[Mention]] = {}
        self._row: dict[str, int] = {}
        self._pairs: dict[str, dict[str, tuple[int, int]]] = {}
        self._blocs: dict[tuple[str, str, str], bool] = {}

    def find(self, text: str, date: str) -> list[Mention]:
        """Return the mentions of a text; a neighbour's are found once, though it is asked for three times."""
        key = (text, date)
        if key not in self._found:
            if len(self._found) > 4096:
                self._found.clear()
            self._found[key] = self.gazetteer.find(text, date)
        return self._found[key]

    def row(self, name: str) -> int:
        """Return the row of a feature's weight."""
        if (row := self._row.get(name)) is None:
            if len(self._row) > 1 << 18:
                self._row.clear()
            row = self._row[name] = crc32(name.encode()) & (N_FEATURES - 1)
        return row

    def shared_rows(self, shared: Sequence[str], where: str, group: str) -> list[int]:
        """Return the rows of what is known of the passage, for a candidate of a group named at `where`."""
        out: list[int] = []
        for s in shared:
            if (table := self._pairs.get(s)) is None:
                if len(self._pairs) > 1 << 13:
                    self._pairs.clear()
                table = self._pairs[s] = {}
            if (pair := table.get(where)) is None:
                pair = table[where] = (self.row(f"{where}|{s}"), self.row(f"{group}|{s}"))
            out += pair
        return out

    def _in_bloc(self, source: str, group: str, date: str) -> bool:
        key = (source, group, date[:4])
        if key not in self._blocs:
            try:
                year = int(date[:4]) if date[:4].isdigit() else 2000
                self._blocs[key] = source in members(group, year, self.data)
            except UnknownNameError:
                self._blocs[key] = False
        return self._blocs[key]

    def __call__(self, text: str, prev: str, next_: str, codes: Sequence[str], source: str, date: str) -> Candidates:
        """Return the candidates of one coded passage."""
        here = self.find(text, date)
        around = {"T": here, "P": self.find(prev, date) if prev else [], "N": self.find(next_, date) if next_ else []}
        mentions: dict[str, dict[str, list[Mention]]] = {}
        for place, found in around.items():
            for m in found:
                if m.code != source:
                    mentions.setdefault(m.code, {}).setdefault(place, []).append(m)
        named = [c for c in mentions if c not in _CLASS]
        order = {
            place: list(dict.fromkeys(m.code for m in found if m.code in mentions)) for place, found in around.items()
        }
        n_text = min(3, sum("T" in mentions[c] for c in named))
        n_around = min(3, len(named) - sum("T" in mentions[c] for c in named))
        out = Candidates()
        out.words = _word_rows(text, prev, next_, here, source)
        lead = ",".join(codes)
        decade = date[:3]
        shared = [f"S={source}", f"D={decade}", f"n={n_text}{n_around}", f"c={lead}", f"l={min(6, len(text) // 60)}"]
        shared += [f"c1={c}" for c in codes]
        groups = sorted({m.code for m in here if m.code in _CLASS})
        shared += ["G=" + ",".join(groups), *(f"G1={g}" for g in groups)]
        shared += sorted({"f=" + text[m.start : m.end].lower() for m in here if m.code in _CLASS})
        speaks = [any(m.code == source for m in found) for found in (here, around["P"])]
        shared.append(f"self={speaks}")
        for code in dict.fromkeys([*ALWAYS, *mentions]):
            places = mentions.get(code, {})
            mask = "".join(p for p in "TPN" if p in places)
            if code in _CLASS:
                group = code
                column = _CLASS[code]
            else:
                group = "state"
                column = _CLASS["in text" if "T" in places else "before" if "P" in places else "after"]
            where = f"{group}|{mask}"
            names = [f"id={code}", f"id={code}|{mask}", f"{source}>{code}", f"id={code}|{decade}"]
            names += [f"id={code}|{c}" for c in codes]
            if group != "state":
                own = self._in_bloc(source, code, date)
                names += [f"{group}|own={own}", f"{where}|own={own}"]
            for place, found in places.items():
                rank = order[place].index(code)
                last = rank == len(order[place]) - 1
                g = "state" if group == "state" else group
                names.append(f"{g}|{place}|n={min(3, len(found))}")
                names.append(f"state|{place}|rank={min(rank, 3)}|last={last}|of={min(4, len(order[place]))}|{mask}")
                body = text if place == "T" else prev if place == "P" else next_
                for m in found[:3]:
                    names += _beside(body, m, place, g, codes)
            out.codes.append(code)
            out.columns.append(column)
            row = self.row
            out.features.append(self.shared_rows(shared, where, group) + [row(n) for n in names])
        return out


def _beside(body: str, m: Mention, place: str, group: str, codes: Sequence[str]) -> list[str]:
    """Return features of one mention: its kind, what stands beside it, how far into the sentence it stands."""
    left = _TOKEN.findall(body[max(0, m.start - 40) : m.start].lower())[-3:]
    right = _TOKEN.findall(body[m.end : m.end + 40].lower())[:3]
    l1, l2 = (left[-1] if left else "^"), (left[-2] if len(left) > 1 else "^")
    r1, r2 = (right[0] if right else "$"), (right[1] if len(right) > 1 else "$")
    far = min(4, 5 * m.start // max(1, len(body)))
    at = f"m|{place}"
    names = [
        f"{at}|k={m.kind}",
        f"{at}|L={l1}",
        f"{at}|LL={l2} {l1}",
        f"{at}|R={r1}",
        f"{at}|RR={r1} {r2}",
        f"{at}|far={far}",
    ]
    names += [f"{at}|k={m.kind}|far={far}", f"{at}|L3={w}" if (w := left[0] if len(left) > 2 else "^") else ""]
    if place == "T":
        names += [f"{at}|{c}|L={l1}" for c in codes] + [f"{at}|{c}|R={r1}" for c in codes]
        names += [f"{at}|{c}|far={far}|k={m.kind}" for c in codes]
    if group != "state":
        form = body[m.start : m.end].lower()
        names += [f"g|{group}|{place}|{form}", f"g|{group}|{place}|L={l1}", f"g|{group}|{place}|R={r1}"]
        names += [f"g|{group}|{place}|{form}|{c}" for c in codes]
    return names


def _word_rows(text: str, prev: str, next_: str, here: Sequence[Mention], source: str) -> list[int]:
    """Return the rows of a passage's words and word pairs; actors are masked, so that words speak and not names."""
    parts: list[str] = []
    at = 0
    for m in here:
        if m.start >= at and m.code not in _CLASS and m.kind != "cue":
            parts += [text[at : m.start].lower(), "selfactor" if m.code == source else "otheractor"]
            at = m.end
    parts.append(text[at:].lower())
    words = _TOKEN.findall(" ".join(parts))
    names = set(words)
    names.update(f"{a} {b}" for a, b in pairwise(words))
    names.update(f"{a} {b} {c}" for a, b, c in zip(words, words[1:], words[2:], strict=False))
    names.update(f"^{k} {w}" for k, w in enumerate(words[:3]))
    names.add(f"#we={bool(_SELF.intersection(words))}")
    names.update("P:" + w for w in _TOKEN.findall(prev.lower())[-25:])
    names.update("N:" + w for w in _TOKEN.findall(next_.lower())[:25])
    return [crc32(n.encode()) & (N_WORDS - 1) for n in sorted(names)]
