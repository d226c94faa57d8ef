"""Classifiers on encoders other than BERT, in torch: slower to start, but any architecture of transformers' own."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import Array, Scores
from sca_nlp.classify.folder import ModelFolder
from sca_nlp.classify.linear import Ngrams, blend
from sca_nlp.classify.transformer import Tokens, available_threads, plan_batches, pool_windows
from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError, MissingExtraError

_ENDS = (("[CLS]", "[SEP]"), ("<s>", "</s>"))


class TorchTransformer:
    """A fine-tuned encoder in torch, fp32; on a GPU in bf16 where there is one."""

    budget = 4096

    def __init__(self, folder: ModelFolder, *, threads: int = 0) -> None:
        try:
            import torch
            from transformers import AutoConfig, AutoModel
        except ImportError as e:
            raise MissingExtraError(str(e.name), "train") from None
        try:
            raw = json.loads((folder.path / "encoder.json").read_text(encoding="utf-8"))
            config = AutoConfig.for_model(raw.pop("model_type"), **raw)
        except (OSError, KeyError, ValueError) as e:
            raise InputError(folder.path / "encoder.json", str(e), "the encoder's configuration") from None
        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        if self._device == "cpu":
            torch.set_num_threads(threads or available_threads())
        arrays = {k: torch.from_numpy(v.astype(np.float32)) for k, v in folder.arrays().items()}
        # from_config builds an architecture that transformers itself holds; code from the folder is never run.
        self._encoder = AutoModel.from_config(config, trust_remote_code=False).eval()  # type: ignore[no-untyped-call]
        prefix = "encoder."
        state = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        missing, unknown = self._encoder.load_state_dict(state, strict=False)
        missing = [m for m in missing if "pooler" not in m and "position_ids" not in m]
        if missing or unknown:
            raise InputError(
                folder.path, f"weights lack {missing[:1]} or hold unknown {list(unknown)[:1]}", "the encoder's"
            )
        self._head = {k: v.to(self._device) for k, v in arrays.items() if not k.startswith((prefix, "lexical."))}
        self._encoder.to(self._device)
        tokenizer = (folder.path / "tokenizer.json").read_text(encoding="utf-8")
        ends = next((e for e in _ENDS if all(json.dumps(t) in tokenizer for t in e)), _ENDS[0])
        self._tokens = Tokens(folder.path / "tokenizer.json", int(folder.meta["encoder"]["max_length"]), ends)
        lexical = folder.meta.get("lexical")
        self._share = float(lexical["share"]) if isinstance(lexical, dict) else 0.0
        self._ngrams = None
        if isinstance(lexical, dict):
            n = len(folder.codebook.classes)
            self._ngrams = Ngrams(folder.arrays(), n, int(lexical["ngrams"]), folder.path, "lexical.")
        self._softmax = folder.meta.get("loss", "softmax") == "softmax"
        self._folder = folder
        self.profile = "exact"
        self.codebook: Codebook = folder.codebook
        self.model_id: str = folder.model_id
        self.digest: str = folder.digest

    def predict(self, texts: Sequence[str], prev: Sequence[str] = (), next: Sequence[str] = ()) -> Scores:
        """Score passages; equal texts are read once, neighbours are not read."""
        if not len(texts):
            return Scores(np.zeros((0, len(self.codebook.classes)), np.float32), np.zeros(0, np.int32))
        place: dict[str, int] = {}
        where = np.array([place.setdefault(t, len(place)) for t in texts], np.int64)
        cut = self._tokens(list(place))
        n_windows = np.array([len(c) for c in cut], np.int32)
        rows = [w for c in cut for w in c]
        raw = pool_windows(self._run(rows), np.repeat(np.arange(len(cut)), n_windows), len(cut))
        if self._ngrams is not None:
            raw = blend(raw, self._ngrams(list(place)), self._share)
        return Scores(self._folder.decision.calibrate(raw[where]), n_windows[where])

    def decide(self, probabilities: Array) -> list[tuple[str, ...]]:
        """Return the codes of each row."""
        return self._folder.decision.decide(probabilities)

    def _run(self, rows: list[list[int]]) -> Array:
        torch = self._torch
        nn, h = torch.nn.functional, self._head
        lengths = np.array([len(r) for r in rows], np.int64)
        out = np.zeros((len(rows), len(self.codebook.classes)), np.float32)
        half = torch.autocast(self._device, dtype=torch.bfloat16, enabled=self._device == "cuda")
        with torch.inference_mode(), half:
            for index in plan_batches(lengths, self.budget):
                longest = int(lengths[index].max())
                ids = torch.zeros(len(index), longest, dtype=torch.long)
                mask = torch.zeros(len(index), longest, dtype=torch.long)
                for n, i in enumerate(index):
                    ids[n, : lengths[i]] = torch.tensor(rows[int(i)])
                    mask[n, : lengths[i]] = 1
                ids, mask = ids.to(self._device), mask.to(self._device)
                x = self._encoder(input_ids=ids, attention_mask=mask).last_hidden_state.float()
                m = mask.unsqueeze(-1).float()
                joint = torch.cat([(x * m).sum(1) / m.sum(1), x[:, 0]], 1)
                hidden = nn.gelu(nn.linear(joint, h["hidden.weight"], h["hidden.bias"]))
                looks = nn.linear(x, h["query.weight"], h["query.bias"]).masked_fill(m == 0, -1e9).softmax(1)
                logits = nn.linear(hidden, h["out.weight"], h["out.bias"]) + (looks * (x @ h["value.weight"].T)).sum(1)
                out[index] = self._probabilities(logits.float().cpu().numpy())
        return out

    def _probabilities(self, logits: NDArray[np.float32]) -> Array:
        z = np.clip(logits, -40, 40)
        if not self._softmax:
            flat: Array = (1 / (1 + np.exp(-z))).astype(np.float32)
            return flat
        e = np.exp(z)
        out = np.zeros_like(e)
        for group in self.codebook.groups():
            out[:, group] = e[:, group] / (1 + e[:, group].sum(1, keepdims=True))
        return out
