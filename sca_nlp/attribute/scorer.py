"""The scorer: from candidates to the actors that a passage is about."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sca_nlp.actors import Gazetteer, language_file, load_data, named
from sca_nlp.attribute.candidates import CLASSES, Candidates, Featurizer
from sca_nlp.errors import InputError
from sca_nlp.share import share_path

SCHEMA = 1


def choose(codes: Sequence[str], probabilities: NDArray[np.float64], limit: float) -> tuple[str, ...]:
    """Return the best candidate and up to two others whose probability is at least `limit`, likeliest first.

    For a given mean size of the sets, no other rule has a higher expected share of sets that hold a right target.
    """
    order = np.argsort(-probabilities, kind="stable")[:3]
    return tuple(codes[k] for n, k in enumerate(order) if n == 0 or probabilities[k] >= limit)


def score(
    batch: Sequence[Candidates], words: NDArray[np.float32], weights: NDArray[np.float32]
) -> list[NDArray[np.float64]]:
    """Return for each passage the probabilities of its candidates (softmax; they sum to 1).

    Args:
        batch: passages; each has at least one candidate.
        words: (N_WORDS, classes) weights.
        weights: (N_FEATURES,) weights.
    """
    if not batch:
        return []
    # A passage's words weigh by 1 / sqrt(n), so that long sentences do not drown the other features.
    by_class = np.stack([words[b.words].sum(axis=0) / np.sqrt(max(1, len(b.words))) for b in batch]).astype(np.float64)
    flat = np.fromiter((i for b in batch for f in b.features for i in f), dtype=np.int64)
    sizes = np.fromiter((len(f) for b in batch for f in b.features), dtype=np.int64)
    own = np.add.reduceat(weights[flat].astype(np.float64), np.concatenate([[0], np.cumsum(sizes)[:-1]]))
    passage = np.repeat(np.arange(len(batch)), [len(b.codes) for b in batch])
    total = own + by_class[passage, [c for b in batch for c in b.columns]]
    out = []
    at = 0
    for b in batch:
        z = total[at : at + len(b.codes)]
        at += len(b.codes)
        e = np.exp(z - z.max())
        out.append(e / e.sum())
    return out


class Attributor:
    """Finds whom coded passages are about. `Attributor.load()` reads the shipped scorer."""

    def __init__(
        self,
        featurizer: Featurizer,
        words: NDArray[np.float32],
        weights: NDArray[np.float32],
        limit: float,
        digest: str = "",
    ) -> None:
        self.featurizer = featurizer
        self.words, self.weights = words, weights
        self.limit = limit
        self.digest = digest

    @classmethod
    def load(
        cls, path: Path | str | None = None, actor_files: Iterable[Path | str] = (), language: str = "en"
    ) -> Attributor:
        """Read a scorer's folder (default: `models/targets`) and check its digest.

        Args:
            path: folder with `targets.json` and `weights.safetensors`.
            actor_files: TOML files with actors beyond the shipped gazetteer.
            language: ISO 639-1 code of the texts; decides the names that are looked for. The scorer itself learned from
                English sentences, whatever the language.

        Raises:
            InputError: a file is missing, of another schema, or not the one that was trained.
        """
        from safetensors.numpy import load as read_tensors

        folder = Path(path) if path is not None else share_path("models", "targets")
        files = tuple(actor_files)
        try:
            settings = json.loads((folder / "targets.json").read_text("utf-8"))
            raw = (folder / "weights.safetensors").read_bytes()
        except (OSError, ValueError) as e:
            raise InputError(
                folder, f"not readable ({e})", "a target scorer made by python -m training.targets"
            ) from None
        if settings.get("schema") != SCHEMA or tuple(settings.get("classes", ())) != CLASSES:
            raise InputError(
                folder / "targets.json", f"schema {settings.get('schema')}", f"schema {SCHEMA} of this version"
            )
        digest = hashlib.sha256(raw).hexdigest()
        if digest != settings.get("sha256"):
            raise InputError(
                folder / "weights.safetensors", f"digest {digest[:12]}", f"{str(settings.get('sha256'))[:12]}"
            )
        tensors = read_tensors(raw)
        table = language_file(language)
        data = load_data().in_language(language)
        data = data.extended(files) if files else data
        for file in (*([table] if table else []), *files):
            digest = hashlib.sha256(digest.encode() + Path(file).read_bytes()).hexdigest()
        featurizer = Featurizer(Gazetteer(data.forms), data)
        return cls(
            featurizer,
            tensors["words"].astype(np.float32),
            tensors["weights"].astype(np.float32),
            float(settings["limit"]),
            digest,
        )

    def targets(
        self,
        texts: Sequence[str],
        prev: Sequence[str],
        next_: Sequence[str],
        codes: Sequence[Sequence[str]],
        sources: Sequence[str],
        dates: Sequence[str],
    ) -> list[tuple[str, ...]]:
        """Return for each passage whom its codes are about: one to three targets, none without a code."""
        rows = [k for k, c in enumerate(codes) if len(c)]
        batch = [self.featurizer(texts[k], prev[k], next_[k], codes[k], sources[k], dates[k]) for k in rows]
        out: list[tuple[str, ...]] = [()] * len(texts)
        for k, candidates, p in zip(rows, batch, score(batch, self.words, self.weights), strict=True):
            out[k] = choose(candidates.codes, p, self.limit)
        return out

    def actors(self, texts: Sequence[str], dates: Sequence[str]) -> list[tuple[str, ...]]:
        """Return for each passage the actors named in it, the speaker included, in order of first mention."""
        return [named(t, self.featurizer.find(t, d)) for t, d in zip(texts, dates, strict=True)]
