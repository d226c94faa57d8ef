"""Texts -> windows of tokens, batches of like length, and windows' scores back to one a passage.

A model that looks at neighbours gets with each window of a passage the last window of the sentence before and the first
of the one after. In a document these are other passages' windows, so each is read once (`apart`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import Array, neighbours
from sca_nlp.errors import InputError

#: Tokens that neighbouring windows of a long passage share.
OVERLAP = 32
#: First and last token of what an encoder reads, as the kinds of encoders name them.
_ENDS = (("[CLS]", "[SEP]"), ("<s>", "</s>"))


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens that are read at once, and those of the neighbours' windows that are looked at (empty: none)."""

    ids: list[int]
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    def alone(self) -> Window:
        """Return the same without neighbours."""
        return Window(self.ids)


@dataclass(frozen=True, slots=True)
class Beside:
    """What a model looks at beside a passage, and in which of its layers.

    Args:
        before: last tokens of the sentence before; 0: none.
        after: first tokens of the sentence after.
        layers_alone: layers, from below, that read each sentence alone.
        layers_beside: layers above those whose tokens also look at what the neighbours' became there.
    """

    before: int = 0
    after: int = 0
    layers_alone: int = 0
    layers_beside: int = 0

    @classmethod
    def of(cls, sizes: Mapping[str, Any]) -> Beside:
        """Return what section `encoder` of a model.json says.

        Raises:
            ValueError, TypeError: no numbers of 0 or more, or tokens without layers.
        """
        numbers = {f.name: int(sizes.get(f.name, 0)) for f in fields(cls)}
        if min(numbers.values()) < 0:
            raise ValueError(f"{numbers}, of which none may be below 0")
        if bool(numbers["before"] or numbers["after"]) != bool(numbers["layers_beside"]):
            raise ValueError(f"{numbers}: neighbours without layers that look at them, or the other way round")
        return cls(**numbers)

    def __bool__(self) -> bool:
        return self.layers_beside > 0


def apart(rows: Sequence[Window]) -> tuple[list[list[int]], NDArray[np.int64]]:
    """Return the distinct windows of rows and of their neighbours, and where each row's three are.

    Returns:
        pieces: tokens of each distinct window.
        where: places of a row's own window, of the one before and of the one after [n, 3]; -1 where there is none.
    """
    place: dict[tuple[int, ...], int] = {}
    where = np.full((len(rows), 3), -1, np.int64)
    for n, row in enumerate(rows):
        for k, ids in enumerate((row.ids, row.before, row.after)):
            if ids:
                where[n, k] = place.setdefault(tuple(ids), len(place))
    return [list(ids) for ids in place], where


def windows(ids: Sequence[int], first: int, last: int, size: int) -> list[list[int]]:
    """Cut the tokens of a passage into windows of at most `size`, special tokens included.

    Neighbouring windows share `OVERLAP` tokens, half a window where windows are that short.
    """
    room = max(1, size - 2)
    if len(ids) <= room:
        return [[first, *ids, last]]
    overlap = min(OVERLAP, room // 2)
    starts = range(0, len(ids) - overlap, room - overlap)
    return [[first, *ids[s : s + room], last] for s in starts]


def plain_normalizer(tokenizer: Any) -> dict[str, Any] | None:
    """Return a tokenizer.json that reads printable ASCII as the given one does, in two thirds of the time.

    BERT's normalizer looks at each character for accents, controls and Chinese; in such a text it can only fold case.
    None: another normalizer.
    """
    normalizer = tokenizer.get("normalizer") if isinstance(tokenizer, Mapping) else None
    if not isinstance(normalizer, Mapping) or normalizer.get("type") != "BertNormalizer":
        return None
    return {**tokenizer, "normalizer": {"type": "Lowercase"} if normalizer.get("lowercase") else None}


class Tokens:
    """A tokenizer that neither pads nor cuts passages.

    Args:
        tokenizer: text of a tokenizer.json.
        size: most tokens of a passage in one window, special tokens included; longer ones get several.
        beside: what is looked at beside a passage.
        where: the file, for messages.

    Raises:
        InputError: no tokenizer, or one without first and last token.
    """

    def __init__(
        self, tokenizer: str, size: int, beside: Beside | None = None, where: object = "tokenizer.json"
    ) -> None:
        from tokenizers import Tokenizer

        try:
            plain = plain_normalizer(json.loads(tokenizer))
            self._tokenizer = Tokenizer.from_str(tokenizer)
            self._plain = None if plain is None else Tokenizer.from_str(json.dumps(plain))
        except Exception as e:  # the library raises bare Exception
            raise InputError(where, f"not readable ({e})", "a tokenizer.json") from None
        for one in (self._tokenizer, self._plain):
            if one is not None:
                one.no_padding()
                one.no_truncation()
        of = self._tokenizer.token_to_id
        for first, last in ((of(a), of(b)) for a, b in _ENDS):
            if first is not None and last is not None:
                self._first, self._last = int(first), int(last)
                break
        else:
            raise InputError(where, "no first and last token", " or ".join(" with ".join(pair) for pair in _ENDS))
        self._size, self._beside = size, beside or Beside()

    @classmethod
    def from_file(cls, path: Path, sizes: Mapping[str, Any]) -> Tokens:
        """Read a tokenizer.json.

        Args:
            path: the file.
            sizes: `max_length`, and the names of `Beside` for a model that looks at neighbours.

        Raises:
            InputError: not readable, or sizes that cannot be.
        """
        try:
            size, beside = int(sizes.get("max_length", 0)), Beside.of(sizes)
            if size < 3:
                raise ValueError(f"max_length {size}")
        except (TypeError, ValueError) as e:
            raise InputError(path, str(e), "max_length of 3 or more, before and after of 0 or more") from None
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as e:
            raise InputError(path, f"not readable ({e})", "a tokenizer.json") from None
        return cls(text, size, beside, path)

    def distinct(
        self, texts: Sequence[str], prev: Sequence[str], next: Sequence[str]
    ) -> tuple[list[str], list[str], list[str], NDArray[np.int64]]:
        """Return what the model can tell apart: texts with the neighbours that it reads, and where each row is there.

        Raises:
            InputError: another number of neighbours than of texts.
        """
        before, after = neighbours(texts, prev), neighbours(texts, next)
        nothing = [""] * len(texts)
        place: dict[tuple[str, str, str], int] = {}
        rows = zip(
            texts, before if self._beside.before else nothing, after if self._beside.after else nothing, strict=True
        )
        where = np.array([place.setdefault(row, len(place)) for row in rows], np.int64)
        return [t for t, _, _ in place], [p for _, p, _ in place], [n for _, _, n in place], where

    def __call__(
        self,
        texts: Sequence[str],
        prev: Sequence[str] = (),
        next: Sequence[str] = (),
        *,
        known: Mapping[str, list[int]] | None = None,
    ) -> list[list[Window]]:
        """Return for each text its windows; without `prev` and `next`, or in a model that reads none, alone.

        Args:
            texts: the passages.
            prev: what stands before each.
            next: what stands after each.
            known: tokens of all three, where `read` has read them already.
        """
        ids = self.read(texts, prev, next) if known is None else known
        if not self._beside or not (len(prev) or len(next)):
            return [[Window(w) for w in self._cut(ids[t])] for t in texts]
        prev, next = neighbours(texts, prev), neighbours(texts, next)
        cut = {t: self._cut(ids[t]) if ids[t] else [] for t in dict.fromkeys([*texts, *prev, *next])}
        out = []
        for here, above, below in zip(texts, prev, next, strict=True):
            before = cut[above][-1] if self._beside.before and cut[above] else []
            after = cut[below][0] if self._beside.after and cut[below] else []
            out.append([Window(w, before, after) for w in cut[here] or self._cut([])])
        return out

    def read(self, *texts: Sequence[str]) -> dict[str, list[int]]:
        """Return the tokens of each distinct text of several lists, and of `""`: a passage is often a neighbour too."""
        distinct = list(dict.fromkeys(["", *(t for part in texts for t in part)]))
        return dict(zip(distinct, self._encode(distinct), strict=True))

    def text(self, ids: Sequence[int]) -> str:
        """Return tokens as a text again, as near as they allow."""
        return str(self._tokenizer.decode(list(ids)))

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        plain: list[int] = []
        others: list[int] = []
        for i, t in enumerate(texts):
            (plain if t.isascii() and t.isprintable() else others).append(i)
        out: list[list[int]] = [[]] * len(texts)
        for tokenizer, some in ((self._plain or self._tokenizer, plain), (self._tokenizer, others)):
            # lone surrogates would not encode
            clean = [texts[i].encode("utf-8", "replace").decode("utf-8") for i in some]
            for i, found in zip(some, tokenizer.encode_batch_fast(clean, add_special_tokens=False), strict=True):
                out[i] = found.ids
        return out

    def _cut(self, ids: Sequence[int]) -> list[list[int]]:
        return windows(ids, self._first, self._last, self._size)


def feed_of(pieces: Sequence[Sequence[int]], step: int = 1) -> dict[str, NDArray[Any]]:
    """Return what the runtime's graph takes of a batch: `ids` [n, longest] int64 and `lengths` [n] int32.

    The longest is rounded up to a multiple of `step`.
    """
    lengths = np.array([len(p) for p in pieces], np.int32)
    ids = np.zeros((len(pieces), -(-int(lengths.max()) // step) * step), np.int64)
    for n, piece in enumerate(pieces):
        ids[n, : lengths[n]] = piece
    return {"ids": ids, "lengths": lengths}


def plan_batches(lengths: NDArray[np.int64], budget: int) -> list[NDArray[np.int64]]:
    """Cut a set, sorted by length, into batches of at most `budget` tokens, padding included (at least one each)."""
    order = np.argsort(lengths, kind="stable")
    out, start = [], 0
    for k, i in enumerate(order):
        if k > start and (k - start + 1) * int(lengths[i]) > budget:
            out.append(order[start:k])
            start = k
    if len(order):
        out.append(order[start:])
    return out


def pool_windows(per_window: Array, owner: NDArray[np.int64], n: int) -> Array:
    """Return for each passage the highest probability of its windows, class by class."""
    out = np.zeros((n, per_window.shape[1]), np.float32)
    np.maximum.at(out, owner, per_window)
    return out
