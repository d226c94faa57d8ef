"""Texts -> windows of tokens, batches of like length, and windows' scores back to one a passage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import Array
from sca_nlp.errors import InputError

#: Tokens that neighbouring windows of a long passage share.
OVERLAP = 32


def windows(ids: Sequence[int], first: int, last: int, size: int) -> list[list[int]]:
    """Cut the tokens of a passage into windows of at most `size`, special tokens included, overlapping by `OVERLAP`."""
    room = size - 2
    if len(ids) <= room:
        return [[first, *ids, last]]
    step = max(1, room - OVERLAP)
    starts = range(0, len(ids) - OVERLAP, step)
    return [[first, *ids[s : s + room], last] for s in starts]


class Tokens:
    """A tokenizer that neither pads nor cuts."""

    def __init__(self, path: Path, size: int, specials: tuple[str, str] = ("[CLS]", "[SEP]")) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as e:  # the library raises bare Exception
            raise InputError(path, f"not readable ({e})", "a tokenizer.json") from None
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        first, last = (self._tokenizer.token_to_id(s) for s in specials)
        if first is None or last is None:
            raise InputError(path, f"not both of {specials[0]} and {specials[1]}", "a tokenizer with both")
        self._first, self._last = int(first), int(last)
        self._size = size

    def __call__(self, texts: Sequence[str]) -> list[list[list[int]]]:
        """Return for each text its windows of token ids."""
        clean = [t.encode("utf-8", "replace").decode("utf-8") for t in texts]  # lone surrogates would not encode
        encoded = self._tokenizer.encode_batch_fast(clean, add_special_tokens=False)
        return [windows(e.ids, self._first, self._last, self._size) for e in encoded]


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
