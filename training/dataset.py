"""Annotations -> arrays: gold codes as columns, folds that keep a document together, and what makes a set unusable."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError
from sca_nlp.records import Annotation

#: Fewest examples of a class from which a threshold and a calibration can be learned at all.
FEWEST = 8


@dataclass(frozen=True)
class Dataset:
    """Annotated sentences with their codes as a 0/1 matrix, in the codebook's column order."""

    rows: tuple[Annotation, ...]
    gold: NDArray[np.float32]  # [n, n_classes]

    @property
    def texts(self) -> list[str]:
        """The sentences."""
        return [r.text for r in self.rows]

    @property
    def neighbours(self) -> tuple[list[str], list[str]]:
        """The sentences before and after each."""
        return [r.prev for r in self.rows], [r.next for r in self.rows]

    def share(self, part: float) -> NDArray[np.bool_]:
        """Return a choice of about so large a part of the rows, the same ones every time."""
        drawn = [int(hashlib.sha256(r.annotation_id.encode()).hexdigest()[:8], 16) for r in self.rows]
        return np.array(drawn) < part * 2**32

    @property
    def documents(self) -> list[str]:
        """The document (or, without one, the annotation) that each sentence belongs to."""
        return [r.speech_id or r.annotation_id for r in self.rows]

    def take(self, index: Sequence[int] | NDArray[np.int64]) -> Dataset:
        """Return the rows at `index`, in that order."""
        return Dataset(tuple(self.rows[int(i)] for i in index), self.gold[index])


def encode_gold(rows: Sequence[Annotation], codebook: Codebook) -> NDArray[np.float32]:
    """Return the codes as a 0/1 matrix [n, n_classes].

    Raises:
        InputError: a code is not of the codebook, or an indicator has two values.
    """
    gold = np.zeros((len(rows), len(codebook.classes)), np.float32)
    for n, row in enumerate(rows):
        for code in codebook.check_codes(row.codes, f"annotation {row.annotation_id}"):
            gold[n, codebook.column[code]] = 1
    return gold


def make_dataset(rows: Sequence[Annotation], codebook: Codebook, where: object, fewest: int = FEWEST) -> Dataset:
    """Check annotations and encode them.

    Args:
        rows: annotations with text.
        codebook: whose classes become columns.
        where: their file, for messages.
        fewest: examples that each class must have; 0 for sets that are only scored.

    Raises:
        InputError: no rows, rows without text, unknown codes, or a class with fewer than `fewest` examples.
    """
    if not rows:
        raise InputError(where, "no annotated sentence", "at least one")
    empty = sum(not r.text.strip() for r in rows)
    if empty:
        raise InputError(where, f"{empty} annotations without text", "the sentence in every annotation")
    gold = encode_gold(rows, codebook)
    counts = gold.sum(0)
    short = [f"{c} {int(k)}" for c, k in zip(codebook.classes, counts, strict=True) if k < fewest]
    if short:
        raise InputError(where, f"too few examples ({', '.join(short)})", f"at least {fewest} of each class")
    return Dataset(tuple(rows), gold)


def fold_of(key: str, n_folds: int, seed: int = 0) -> int:
    """Return the fold of a group: a hash of its key alone, so that new data never move old data."""
    digest = hashlib.blake2b(f"{seed}\0{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % n_folds


def folds(data: Dataset, n_folds: int, seed: int = 0, group: str = "document") -> NDArray[np.int64]:
    """Return the fold of each sentence [n], whole groups together.

    Args:
        data: the annotated sentences.
        n_folds: number of folds, at least 2.
        seed: another seed, another split.
        group: `document`, `speaker` or `year`.

    Raises:
        InputError: a fold is empty, or `group` is none of the three.
    """
    keys = {
        "document": data.documents,
        "speaker": [r.speaker or r.source or r.speech_id for r in data.rows],
        "year": [r.date[:4] for r in data.rows],
    }.get(group)
    if keys is None:
        raise InputError("split.group", repr(group), "document, speaker or year")
    out = np.array([fold_of(k, n_folds, seed) for k in keys], np.int64)
    if len(set(out.tolist())) < n_folds:
        raise InputError(f"{len(set(keys))} groups by {group}", "an empty fold", f"enough groups for {n_folds} folds")
    return out


def check_leakage(train: Dataset, test: Dataset, where: object) -> None:
    """Stop when a document stands on both sides of a split.

    Raises:
        InputError: names the first shared document and their number.
    """
    shared = sorted(({r.speech_id for r in train.rows} & {r.speech_id for r in test.rows}) - {""})
    if shared:
        raise InputError(
            where, f"{len(shared)} documents also in the training set ({shared[0]} ...)", "other documents"
        )


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
