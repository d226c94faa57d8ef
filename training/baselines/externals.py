"""Sets labelled by others for related questions: does what a model says rank their positives first?"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from sca_nlp.errors import InputError
from training.baselines.material import Scorer


@dataclass(frozen=True)
class External:
    """One set: which classes, added up, should rank its positives above its negatives."""

    name: str
    asks: str  # positives against negatives, in words
    file: str  # `<file>.jsonl.gz`, rows with `text` and `field`
    up: str  # classes that speak for the positives, by blanks
    field: str  # where a row's label is; rows without one are left out
    positive: str  # pattern of the whole label, upper and lower case alike
    negative: str = ".*"  # the same for labels that are not positive; rows of neither are left out
    down: str = ""  # classes that speak against
    note: str = ""

    @property
    def signs(self) -> dict[str, int]:
        """Class -> +1 or -1."""
        return dict.fromkeys(self.up.split(), 1) | dict.fromkeys(self.down.split(), -1)

    def label(self, row: Mapping[str, Any]) -> bool | None:
        """Return whether a row is a positive; None leaves it out."""
        value = row.get(self.field)
        if value in (None, "", []):
            return None
        if re.fullmatch(self.positive, str(value), re.IGNORECASE | re.DOTALL):
            return True
        return False if re.fullmatch(self.negative, str(value), re.IGNORECASE | re.DOTALL) else None

    def read(self, folder: Path, most: int = 1500) -> list[tuple[str, bool]]:
        """Return (text, positive) of the set's rows, every k-th so that there are at most `most`.

        Raises:
            InputError: no such file, or all rows on one side.
        """
        path = folder / f"{self.file}.jsonl.gz"
        if not path.is_file():
            raise InputError(path, "no such file", f"the set {self.name}, as in SCA_DATA/bench")
        with gzip.open(path, "rt", encoding="utf-8") as f:
            rows = [json.loads(line) for line in f]
        known = [(str(r["text"]), label) for r in rows if (label := self.label(r)) is not None]
        known = known[:: max(1, -(-len(known) // most))]
        if len({label for _, label in known}) < 2:
            raise InputError(path, f"{len(known)} rows of one kind", "positives and negatives")
        return known

    def digest(self, folder: Path) -> str:
        """Return 16 hex digits that stand for the set and how it is read."""
        path = folder / f"{self.file}.jsonl.gz"
        content = path.read_bytes() if path.is_file() else b""
        return hashlib.sha256(repr(self).encode() + content).hexdigest()[:16]


EXTERNALS = tuple(
    External(**row) for row in tomllib.loads(Path(__file__).with_name("externals.toml").read_text("utf-8"))["set"]
)


def auc(scorer: Scorer, external: External, folder: Path, classes: Sequence[str], draws: int = 300) -> dict[str, Any]:
    """Return `n`, `positive`, `auc` and its 95 % bootstrap `interval` on an external set."""
    known = external.read(folder)
    y = np.array([v for _, v in known])
    p = np.clip(scorer([t for t, _ in known]).astype(np.float64), 1e-6, 1 - 1e-6)
    value = p @ np.array([external.signs.get(c, 0) for c in classes])
    rng = np.random.default_rng(0)
    picks = [pick for pick in rng.integers(0, len(y), (draws, len(y))) if 0 < y[pick].sum() < len(y)]
    low, high = np.percentile([area(y[pick], value[pick]) for pick in picks], [2.5, 97.5])
    return {
        "n": len(y),
        "positive": int(y.sum()),
        "auc": round(area(y, value), 3),
        "interval": [round(float(low), 3), round(float(high), 3)],
    }


def area(y: NDArray[np.bool_], value: NDArray[np.float64]) -> float:
    """Return the chance that a positive has a larger value than a negative, a tie counting half (Mann-Whitney)."""
    n = int(y.sum())
    return float((rankdata(value)[y].sum() - n * (n + 1) / 2) / (n * (len(y) - n)))
