"""Encoder classifiers at speed: unpadded tokens, batches of like length, equal passages once, windows for long ones.

Each distinct window is read alone first, then each passage with its neighbours' states: see `beside`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.bert_graph import Shape, build_graphs
from sca_nlp.classify.cascade import Cascade, plain_sentence
from sca_nlp.classify.contract import Array, Scores
from sca_nlp.classify.folder import ModelFolder
from sca_nlp.classify.linear import Ngrams, blend
from sca_nlp.classify.tokens import Tokens, Window, apart, feed_of, plan_batches, pool_windows
from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError


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


def _session(graph: bytes) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    # One thread a batch and several batches at once: no barrier between threads, so a busy neighbour costs little.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def kinds_of(arrays: Mapping[str, NDArray[Any]], shape: Shape) -> NDArray[np.float32]:
    """Return what is added to the states of the sentence before and of the one after [2, width].

    Raises:
        InputError: the model looks at neighbours, and has none.
    """
    if not shape.beside:
        return np.zeros((2, shape.width), np.float32)
    kinds = arrays.get("kinds")
    if kinds is None or kinds.shape != (2, shape.width):
        raise InputError("weights.safetensors", "no array 'kinds' of the right shape", f"one of (2, {shape.width})")
    return kinds.astype(np.float32)


def feed_of_states(
    rows: Sequence[Sequence[NDArray[np.float32] | None]], shape: Shape, kinds: NDArray[np.float32]
) -> dict[str, NDArray[Any]]:
    """Return what the second graph takes of a batch.

    Args:
        rows: states [length, width] of each row's own window, of the one before and of the one after; None: none there.
        shape: of the encoder.
        kinds: see `kinds_of`.
    """
    lengths = np.array([0 if own is None else len(own) for own, _, _ in rows], np.int32)
    states = np.zeros((len(rows), int(lengths.max()), shape.width), np.float32)
    feed: dict[str, NDArray[Any]] = {"states": states, "lengths": lengths}
    for n, (own, _, _) in enumerate(rows):
        states[n, : lengths[n]] = own
    if not shape.beside:
        return feed
    nothing, most = np.zeros((0, shape.width), np.float32), shape.beside
    near = []
    for _, before, after in rows:
        tail = nothing if before is None else before[max(0, len(before) - most.before) :]
        near.append((tail, nothing if after is None else after[: most.after]))
    # A batch of passages without neighbours still has one place for them.
    longest = max(1, *(len(tail) + len(head) for tail, head in near))
    side = np.zeros((len(rows), longest, shape.width), np.float32)
    seen = np.zeros((len(rows), longest), np.int32)
    for n, parts in enumerate(near):
        at = 0
        for part, kind in zip(parts, kinds, strict=True):
            side[n, at : at + len(part)] = part + kind
            at += len(part)
        seen[n, :at] = 1
    return feed | {"side": side, "seen": seen}


class Transformer:
    """A fine-tuned encoder in ONNX Runtime."""

    #: Most tokens of a batch. Larger ones fall out of the cache, and leave threads unevenly done where few sentences
    #: are left (profile fast, 1,000 sentences: 1,701 a second, with 512 1,621); smaller ones pay for calls.
    budget = 256
    #: Windows whose states are held at once; neighbours within such a stretch are read once. 140 MB, for MiniLM.
    stretch = 2048

    def __init__(self, folder: ModelFolder, *, profile: str = "balanced", threads: int = 0) -> None:
        encoder = folder.meta.get("encoder")
        if not isinstance(encoder, dict) or encoder.get("architecture") != "bert":
            raise InputError(folder.path / "model.json", f"encoder {encoder!r}", "architecture = bert with its sizes")
        arrays = folder.arrays()
        shape = Shape.of(encoder)
        groups = folder.codebook.groups() if folder.meta.get("loss", "softmax") == "softmax" else []
        int8 = profile != "exact" and any(k.startswith("quant.") for k in arrays)
        self._folder = folder
        self._threads = threads or available_threads()
        lexical = folder.meta.get("lexical")
        self._share = float(lexical["share"]) if isinstance(lexical, dict) else 0.0
        self._ngrams = None
        n = len(folder.codebook.classes)
        if isinstance(lexical, dict):
            self._ngrams = Ngrams(arrays, n, int(lexical["ngrams"]), folder.path, "lexical.")
        self._cascade = None
        if profile == "fast" and int8 and "cascade" in folder.meta and self._ngrams is not None:
            self._cascade = Cascade(folder.meta["cascade"], arrays, n, folder.path / "model.json")
        self._exits = self._cascade is not None and self._cascade.exit is not None
        graphs = build_graphs(arrays, shape, groups, int8=int8, narrow=int8 and saturates(), exit=self._exits)
        self._alone, self._rest = _session(graphs.alone), _session(graphs.rest)
        self._shape, self._kinds = shape, kinds_of(arrays, shape)
        # What really runs: a model without ranges has no 8-bit path, one without a cascade no fast one.
        self.profile = ("fast" if self._cascade else "balanced") if int8 else "exact"
        self._tokens = Tokens.from_file(folder.path / "tokenizer.json", encoder)
        places = len(arrays["encoder.embeddings.position_embeddings.weight"])
        if int(encoder["max_length"]) > places:
            read = f"windows of {encoder['max_length']} tokens"
            raise InputError(folder.path / "model.json", read, f"at most {places}, the encoder's places")
        self.codebook: Codebook = folder.codebook
        self.model_id: str = folder.model_id
        self.digest: str = folder.digest

    def predict(self, texts: Sequence[str], prev: Sequence[str] = (), next: Sequence[str] = ()) -> Scores:
        """Score passages; those with equal texts and neighbours are read once.

        In the order of their documents they cost least: a neighbour that is a passage nearby is read with it.
        """
        if not len(texts):
            return Scores(np.zeros((0, len(self.codebook.classes)), np.float32), np.zeros(0, np.int32))
        texts, prev, next, where = self._tokens.distinct(texts, prev, next)
        out = np.zeros((len(texts), len(self.codebook.classes)), np.float32)
        rest = np.arange(len(out))
        lexical, ids = self._count_and_read(texts, prev, next)
        if self._cascade is not None and self._ngrams is not None and lexical is not None:
            out, settled = self._cascade.of_ngrams(texts, lexical)
            rest = np.flatnonzero(~settled)
            prev, next = self._cascade.worth_a_look(texts, prev, next, settled, self._ngrams)
        cut = self._tokens(texts, prev, next, known=ids)
        if len(rest):
            may_leave = np.array([len(cut[i]) == 1 and plain_sentence(texts[i]) for i in rest])
            out[rest] = self._read([cut[i] for i in rest], may_leave, None if lexical is None else lexical[rest])
        return Scores(out[where], np.array([len(c) for c in cut], np.int32)[where])

    def decide(self, probabilities: Array) -> list[tuple[str, ...]]:
        """Return the codes of each row."""
        return self._folder.decision.decide(probabilities)

    def _count_and_read(self, *texts: Sequence[str]) -> tuple[Array | None, dict[str, list[int]]]:
        """Return the n-gram model's probabilities of the first of several lists of texts, and the tokens of all.

        Both at once: the n-grams hold the interpreter and one core, the tokenizer needs no interpreter.
        """
        if self._ngrams is None:
            return None, self._tokens.read(*texts)
        if self._threads == 1:
            return self._ngrams(texts[0]), self._tokens.read(*texts)
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(self._tokens.read, *texts)
            return self._ngrams(texts[0]), reading.result()

    def _read(self, cut: list[list[Window]], may_leave: NDArray[np.bool_], ngrams: Array | None) -> Array:
        """Return calibrated probabilities [n, n_classes].

        Args:
            cut: passages, each given as its windows of tokens.
            may_leave: those that may leave at the exit [n]; of one window each.
            ngrams: the n-gram model's probabilities of them [n, n_classes], where there is one.
        """
        rows = [w for windows in cut for w in windows]
        owner = np.repeat(np.arange(len(cut)), [len(c) for c in cut])
        per_window, left = self._run(rows, may_leave[owner], None if ngrams is None else ngrams[owner])
        found = pool_windows(per_window, owner, len(cut))
        raw = found if ngrams is None else blend(found, ngrams, self._share)
        out = self._folder.decision.calibrate(raw)
        early = owner[left]
        out[early] = found[early]
        return out

    def _run(
        self, rows: list[Window], may_leave: NDArray[np.bool_], ngrams: Array | None
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Return probabilities [n, n_classes] of windows, and which left at the exit, whose are calibrated."""
        out = np.zeros((len(rows), len(self.codebook.classes)), np.float32)
        left = np.zeros(len(rows), bool)
        for start in range(0, len(rows), self.stretch):
            some = rows[start : start + self.stretch]
            here = slice(start, start + len(some))
            pieces, where = apart(some)
            states, said = self._states(pieces)
            if self._cascade is not None and ngrams is not None:
                out[here], sure = self._cascade.of_exit(said[where[:, 0]], ngrams[here])
                left[here] = sure & may_leave[here]
            on = np.flatnonzero(~left[here])
            looked_at = [[states[i] if i >= 0 else None for i in where[n]] for n in on]

            def one(index: NDArray[np.int64], looked_at: Any = looked_at, at: Any = start + on) -> None:
                feed = feed_of_states([looked_at[n] for n in index], self._shape, self._kinds)
                out[at[index]] = self._rest.run(["probabilities"], feed)[0]

            self._in_threads(one, plan_batches(np.array([len(some[n]) for n in on], np.int64), self.budget))
        return out, left

    def _states(self, pieces: list[list[int]]) -> tuple[list[NDArray[np.float32]], Array]:
        """Return what the layers make of windows that they read alone.

        Returns:
            states: [length, width] of each.
            said: the exit's log odds [n, n_classes]; 0 without an exit.
        """
        out: list[NDArray[np.float32]] = [np.zeros((0, 0), np.float32)] * len(pieces)
        said = np.zeros((len(pieces), len(self.codebook.classes)), np.float32)

        def one(index: NDArray[np.int64]) -> None:
            names = ["states", "exit"] if self._exits else ["states"]
            found, *opinion = self._alone.run(names, feed_of([pieces[int(i)] for i in index]))
            for row, i in zip(found, index, strict=True):
                out[int(i)] = row[: len(pieces[int(i)])]
            if opinion:
                said[index] = opinion[0]

        self._in_threads(one, plan_batches(np.array([len(p) for p in pieces], np.int64), self.budget))
        return out, said

    def _in_threads(self, one: Callable[[NDArray[np.int64]], None], plan: list[NDArray[np.int64]]) -> None:
        if self._threads == 1 or len(plan) == 1:
            for index in plan:
                one(index)
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(one, reversed(plan)))  # the longest first, so that no thread ends alone


def load(folder: ModelFolder, *, profile: str = "balanced", threads: int = 0, device: str = "cpu") -> Any:
    """Return the classifier of a folder: ONNX Runtime, or torch for a GPU or where `model.json` says so."""
    if device != "cpu" or folder.meta.get("runtime") == "torch":
        from sca_nlp.classify.torch_runtime import TorchTransformer

        return TorchTransformer(folder, threads=threads, device=device)
    return Transformer(folder, profile=profile, threads=threads)
