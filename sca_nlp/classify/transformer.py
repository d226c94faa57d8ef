"""Encoder classifiers at speed: unpadded tokens, batches of like length, equal passages once, windows for long ones."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.bert_graph import Shape, build_graph
from sca_nlp.classify.contract import Array, Scores
from sca_nlp.classify.folder import ModelFolder
from sca_nlp.classify.linear import Ngrams, blend
from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError

#: Tokens that neighbouring windows of a long passage share.
OVERLAP = 32


def available_threads() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def saturates() -> bool:
    """Return whether 8-bit products may overflow here: x86 without VNNI, as far as can be told."""
    import platform

    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    try:
        return "vnni" not in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:
        return True


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


class Transformer:
    """A fine-tuned encoder in ONNX Runtime."""

    #: Most tokens of a batch. Larger ones fall out of the cache; smaller ones pay for calls. Measured, see the card.
    budget = 512

    def __init__(self, folder: ModelFolder, *, profile: str = "balanced", threads: int = 0) -> None:
        import onnxruntime as ort

        encoder = folder.meta.get("encoder")
        if not isinstance(encoder, dict) or encoder.get("architecture") != "bert":
            raise InputError(folder.path / "model.json", f"encoder {encoder!r}", "architecture = bert with its sizes")
        arrays = folder.arrays()
        shape = Shape(int(encoder["n_layers"]), int(encoder["n_heads"]), int(encoder["width"]), float(encoder["eps"]))
        softmax = folder.meta.get("loss", "softmax") == "softmax"
        has_ranges = any(k.startswith("quant.") for k in arrays)
        int8 = has_ranges and profile != "exact"
        self._folder = folder
        self._threads = threads or available_threads()
        lexical = folder.meta.get("lexical")
        self._share = float(lexical["share"]) if isinstance(lexical, dict) else 0.0
        self._ngrams = None
        if isinstance(lexical, dict):
            n = len(folder.codebook.classes)
            self._ngrams = Ngrams(arrays, n, int(lexical["ngrams"]), folder.path, "lexical.")
        self._settle: tuple[float, Array] | None = None
        if profile == "fast" and isinstance(lexical, dict) and "settle" in lexical:
            self._settle = float(lexical["settle"]), np.asarray(lexical["fill"], np.float32)
        graph = build_graph(
            arrays,
            shape,
            folder.codebook.groups() if softmax else [],
            int8=int8,
            narrow=int8 and saturates(),
        )
        # What really runs: a model without ranges has no 8-bit path, one without a cascade no fast one.
        self.profile = ("fast" if self._settle else "balanced") if int8 else "exact"
        options = ort.SessionOptions()
        # One thread a batch and several batches at once: no barrier between threads, so a busy neighbour costs little.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._tokens = Tokens(folder.path / "tokenizer.json", int(encoder["max_length"]))
        self.codebook: Codebook = folder.codebook
        self.model_id: str = folder.model_id
        self.digest: str = folder.digest

    def raw(self, texts: Sequence[str]) -> tuple[Array, NDArray[np.int32]]:
        """Return probabilities before calibration [n, n_classes] and windows [n]; equal texts are read once."""
        place: dict[str, int] = {}
        where = np.array([place.setdefault(t, len(place)) for t in texts], np.int64)
        unique = list(place)
        lexical = self._ngrams(unique) if self._ngrams is not None else None
        scored = np.zeros((len(unique), len(self.codebook.classes)), np.float32)
        n_windows = np.ones(len(unique), np.int32)
        read = np.arange(len(unique))
        if lexical is not None and self._settle is not None:
            # The cascade: where no word points to any class, the encoder's answer is known well enough unasked.
            limit, fill = self._settle
            settled = lexical.max(1) < limit
            scored[settled] = fill
            read = np.flatnonzero(~settled)
        cut = self._tokens([unique[int(i)] for i in read])
        n_windows[read] = [len(c) for c in cut]
        owner = np.repeat(np.arange(len(cut)), n_windows[read])
        scored[read] = pool_windows(self._run([w for c in cut for w in c]), owner, len(cut))
        if lexical is not None:
            scored = blend(scored, lexical, self._share)
        return scored[where], n_windows[where]

    def predict(self, texts: Sequence[str], prev: Sequence[str] = (), next: Sequence[str] = ()) -> Scores:
        """Score passages. Neighbours are not read: with them the model was no better (see its card)."""
        if not len(texts):
            return Scores(np.zeros((0, len(self.codebook.classes)), np.float32), np.zeros(0, np.int32))
        raw, n_windows = self.raw(texts)
        return Scores(self._folder.decision.calibrate(raw), n_windows)

    def decide(self, probabilities: Array) -> list[tuple[str, ...]]:
        """Return the codes of each row."""
        return self._folder.decision.decide(probabilities)

    def _run(self, rows: list[list[int]]) -> Array:
        lengths = np.array([len(r) for r in rows], np.int64)
        out = np.zeros((len(rows), len(self.codebook.classes)), np.float32)

        def one(index: NDArray[np.int64]) -> None:
            size = lengths[index]
            ids = np.zeros((len(index), int(size.max())), np.int64)
            for n, i in enumerate(index):
                ids[n, : size[n]] = rows[int(i)]
            feed: dict[str, Any] = {"ids": ids, "lengths": size.astype(np.int32)}
            out[index] = self._session.run(["probabilities"], feed)[0]

        plan = plan_batches(lengths, self.budget)
        if self._threads == 1 or len(plan) == 1:
            for index in plan:
                one(index)
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(one, reversed(plan)))  # the longest first, so that no thread ends alone
        return out


def load(folder: ModelFolder, *, profile: str = "balanced", threads: int = 0, device: str = "cpu") -> Any:
    """Return the classifier of a folder: ONNX Runtime, or torch for a GPU or where `model.json` says so."""
    if device != "cpu" or folder.meta.get("runtime") == "torch":
        from sca_nlp.classify.torch_runtime import TorchTransformer

        return TorchTransformer(folder, threads=threads, device=device)
    return Transformer(folder, profile=profile, threads=threads)
