"""Classifiers in torch: encoders other than BERT, and any encoder on a GPU.

Rows are sorted by length and batched by tokens, so that little is padded; weights and activations of the encoder are
bf16 where a GPU is asked for, the head is fp32. Batches are queued on the device and read back once at the end. Asked
for a GPU where there is none, the same code runs on the CPU and `notes` says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from sca_nlp.classify.contract import Array, Scores, membership
from sca_nlp.classify.folder import ModelFolder
from sca_nlp.classify.linear import Ngrams, blend
from sca_nlp.classify.tokens import Beside, Tokens, Window, plan_batches, pool_windows
from sca_nlp.classify.transformer import available_threads
from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError, MissingExtraError

#: Most tokens of a batch: on a GPU so many that its launches do not count, on a CPU what a cache can hold.
_BUDGET = {"cuda": 65_536, "cpu": 4096}
_STEP = 8  # lengths on a GPU are padded to a multiple of this: tensor cores want it, and shapes come again


def _configuration(folder: ModelFolder, arrays: dict[str, Any]) -> Any:
    """Return the encoder's configuration: that of `encoder.json`, or for the shipped BERT form from its weights."""
    from transformers import AutoConfig

    path = folder.path / "encoder.json"
    try:
        if path.exists():
            raw = json.loads(path.read_text(encoding="utf-8"))
            return AutoConfig.for_model(raw.pop("model_type"), **raw)
        given, stem = folder.meta["encoder"], "encoder.embeddings."
        if given.get("architecture") != "bert":
            raise KeyError("encoder.json")
        return AutoConfig.for_model(
            "bert",
            vocab_size=len(arrays[stem + "word_embeddings.weight"]),
            max_position_embeddings=len(arrays[stem + "position_embeddings.weight"]),
            type_vocab_size=len(arrays[stem + "token_type_embeddings.weight"]),
            hidden_size=int(given["width"]),
            num_hidden_layers=int(given["n_layers"]),
            num_attention_heads=int(given["n_heads"]),
            intermediate_size=len(arrays["encoder.encoder.layer.0.intermediate.dense.bias"]),
            layer_norm_eps=float(given["eps"]),
        )
    except (OSError, KeyError, ValueError, TypeError) as e:
        raise InputError(path, str(e), "the encoder's configuration") from None


class TorchTransformer:
    """A fine-tuned encoder in torch.

    Args:
        folder: the model.
        threads: on a CPU; 0 for the cores that this process may use.
        device: `cpu`: fp32 (the GPU is used where there is one and the model runs in torch only). `gpu`: bf16 on the
            GPU, or on the CPU where there is none. `gpu-compiled`: also through `torch.compile`, which takes about a
            minute at the start and is for corpora that take hours.
    """

    def __init__(self, folder: ModelFolder, *, threads: int = 0, device: str = "cpu") -> None:
        try:
            import torch
            from transformers import AutoModel

            from sca_nlp.classify import network
            from sca_nlp.classify.beside import can_look, states_of
        except ImportError as e:
            raise MissingExtraError(str(e.name), "train") from None
        raw = folder.arrays()
        config = _configuration(folder, raw)
        self._torch, self._probabilities = torch, network.probabilities
        asked = device != "cpu"
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._half = asked or self._device == "cuda"
        self.notes: list[str] = []
        if asked and self._device == "cpu":
            self.notes.append("no GPU at hand: torch runs on the CPU, in bf16 (without --device gpu it is quicker)")
        self.budget = _BUDGET[self._device]
        if self._device == "cpu":
            torch.set_num_threads(threads or available_threads())
        arrays = {
            k: torch.from_numpy(v.astype(np.float32))
            for k, v in raw.items()
            if not k.startswith(("quant.", "lexical.", "exit."))
        }
        self._tokens = Tokens.from_file(folder.path / "tokenizer.json", folder.meta["encoder"])
        beside = Beside.of(folder.meta["encoder"])
        # from_config builds an architecture that transformers itself holds; code from the folder is never run.
        encoder = AutoModel.from_config(config, trust_remote_code=False)  # type: ignore[no-untyped-call]
        if beside and not can_look(encoder):
            raise InputError(
                folder.path / "model.json", "neighbours for such an encoder", "one whose layers are BERT's"
            )
        n = len(folder.codebook.classes)
        hidden = len(arrays.get("hidden.bias", ()))
        self._network = network.Network(encoder, int(config.hidden_size), n, hidden, beside).eval()
        try:
            missing, unknown = self._network.load_state_dict(arrays, strict=False)
        except RuntimeError as e:  # of other sizes
            raise InputError(
                folder.path / "weights.safetensors", str(e)[:200], "arrays of the network's sizes"
            ) from None
        missing = [m for m in missing if "pooler" not in m and "position_ids" not in m]
        # One that learned with neighbours may be read without: model.json decides.
        unknown = [u for u in unknown if "pooler" not in u and u != "kinds"]
        if missing or unknown:
            raise InputError(folder.path, f"weights lack {missing[:1]} or hold unknown {unknown[:1]}", "the network's")
        self._network.to(self._device)
        encoder.to(torch.bfloat16 if self._half else torch.float32)
        self._layer = None
        if device == "gpu-compiled":
            self._layer = torch.compile(states_of, dynamic=True)
            encoder.compile(dynamic=True)
        lexical = folder.meta.get("lexical")
        self._share = float(lexical["share"]) if isinstance(lexical, dict) else 0.0
        self._ngrams = None
        if isinstance(lexical, dict):
            self._ngrams = Ngrams(raw, n, int(lexical["ngrams"]), folder.path, "lexical.")
        softmax = folder.meta.get("loss", "softmax") == "softmax"
        self._member = membership(folder.codebook.groups()) if softmax else None
        self._folder = folder
        self.profile = "bf16" if self._half else "exact"
        self.codebook: Codebook = folder.codebook
        self.model_id: str = folder.model_id
        self.digest: str = folder.digest

    def predict(self, texts: Sequence[str], prev: Sequence[str] = (), next: Sequence[str] = ()) -> Scores:
        """Score passages; those with equal texts and neighbours are read once."""
        if not len(texts):
            return Scores(np.zeros((0, len(self.codebook.classes)), np.float32), np.zeros(0, np.int32))
        *unique, where = self._tokens.distinct(texts, prev, next)
        cut = self._tokens(*unique)
        n_windows = np.array([len(c) for c in cut], np.int32)
        raw = pool_windows(self._run([w for c in cut for w in c]), np.repeat(np.arange(len(cut)), n_windows), len(cut))
        if self._ngrams is not None:
            raw = blend(raw, self._ngrams(unique[0]), self._share)
        return Scores(self._folder.decision.calibrate(raw[where]), n_windows[where])

    def decide(self, probabilities: Array) -> list[tuple[str, ...]]:
        """Return the codes of each row."""
        return self._folder.decision.decide(probabilities)

    def _logits(self, rows: list[Window]) -> Any:
        return self._network.read(rows, _STEP if self._device == "cuda" else 1, self._layer)

    def _run(self, rows: list[Window]) -> Array:
        lengths = np.array([len(r) for r in rows], np.int64)
        out = np.zeros((len(rows), len(self.codebook.classes)), np.float32)
        with self._torch.inference_mode():
            plan = plan_batches(lengths, self.budget)
            made = [self._logits([rows[int(i)] for i in index]) for index in plan]
            for index, logits in zip(plan, made, strict=True):  # read back once all is queued
                out[index] = self._probabilities(logits.cpu(), self._member).numpy()
        return out
