"""The class that loads an exported model: encoder by `AutoModel`, head and n-gram model beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModel
from transformers.modeling_outputs import SequenceClassifierOutput

from sca_nlp.classify.contract import Array, decision_from, membership
from sca_nlp.classify.hub_export import FORM, HEAD
from sca_nlp.classify.linear import Ngrams, blend
from sca_nlp.classify.network import Network, probabilities
from sca_nlp.classify.tokens import Beside, Tokens, plan_batches, pool_windows
from sca_nlp.codebook import read_codebook
from sca_nlp.errors import InputError

_BUDGET = 4096  # tokens of a batch of `score`


class SecurityIndicatorsNetwork(Network):
    """An exported model in torch: `from_pretrained` loads it, a call gives logits, `score` calibrated probabilities.

    Logits [n, n_classes] are the network's; a softmax over each indicator's values and absent (logit 0) makes
    probabilities of them (`probabilities`), which `score` blends with the n-gram model and calibrates.
    """

    def __init__(self, encoder: nn.Module, config: Any, arrays: dict[str, Any], folder: Path) -> None:
        sca = config.sca
        n, width = arrays["query.weight"].shape
        super().__init__(encoder, width, n, len(arrays["hidden.bias"]), Beside.of(sca))
        self.config = config
        head = {k: torch.from_numpy(arrays[k]) for k in (*HEAD, *(["kinds"] if self.beside else []))}
        _, unknown = self.load_state_dict(head, strict=False)
        assert not unknown
        book = read_codebook(folder / "codebook.toml")
        self._decision = decision_from(sca, book, folder / "config.json")
        self._member = membership(sca["groups"]) if sca["loss"] == "softmax" else None
        self._share = float(sca["lexical"]["share"]) if sca["lexical"] else 0.0
        ngrams = int(sca["lexical"]["ngrams"]) if sca["lexical"] else 0
        self._ngrams = Ngrams(arrays, n, ngrams, folder, "lexical.") if ngrams else None
        self._tokens = Tokens.from_file(folder / "tokenizer.json", sca)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> SecurityIndicatorsNetwork:
        """Load a folder that `sca models export` wrote. Nothing is fetched and no code of the folder runs.

        Raises:
            InputError: a file is missing or not of that form.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        path = Path(folder)
        try:
            raw = json.loads((path / "config.json").read_text("utf-8"))
            arrays = load_file(path / "sca_head.safetensors")
        except (OSError, ValueError, SafetensorError) as e:
            raise InputError(path, str(e), "a folder that sca models export wrote") from None
        form = raw.get("sca", {}).get("form") if isinstance(raw, dict) else None
        missing = [k for k in HEAD if k not in arrays]
        if form != FORM or missing:
            raise InputError(path, f"form {form!r}, arrays missing: {missing}", f"form {FORM} and a whole head")
        encoder = AutoModel.from_pretrained(path, trust_remote_code=False, local_files_only=True, use_safetensors=True)
        return cls(encoder, encoder.config, arrays, path).eval()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> SequenceClassifierOutput:
        """Return logits [n, n_classes] of token ids and mask [n, length]; a tokenizer's other outputs are not used.

        Sentences are read alone; `score` looks at their neighbours, too.
        """
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        h = self.encoder(input_ids=input_ids, attention_mask=mask).last_hidden_state
        return SequenceClassifierOutput(logits=self.logits(h, mask))

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return probabilities of the same shape, before blend and calibration."""
        return probabilities(logits, self._member)

    def score(self, texts: Sequence[str], prev: Sequence[str] = (), next: Sequence[str] = ()) -> Array:
        """Return calibrated probabilities [n, n_classes] of sentences; long ones are read in windows.

        `prev` and `next` are the sentences before and after each, or empty where unknown.
        """
        if not len(texts):
            return np.zeros((0, len(self._decision.codebook.classes)), np.float32)
        cut = self._tokens(texts, prev, next)
        rows = [w for c in cut for w in c]
        found = np.zeros((len(rows), len(self._decision.codebook.classes)), np.float32)
        with torch.inference_mode():
            for index in plan_batches(np.array([len(r) for r in rows], np.int64), _BUDGET):
                found[index] = self.probabilities(self.read([rows[int(i)] for i in index])).cpu().numpy()
        raw = pool_windows(found, np.repeat(np.arange(len(cut)), [len(c) for c in cut]), len(cut))
        if self._ngrams is not None:
            raw = blend(raw, self._ngrams(list(texts)), self._share)
        return self._decision.calibrate(raw)

    def codes(self, texts: Sequence[str], prev: Sequence[str] = (), next: Sequence[str] = ()) -> list[tuple[str, ...]]:
        """Return the codes of sentences."""
        return self._decision.decide(self.score(texts, prev, next))
