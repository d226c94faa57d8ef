"""A five-layer-thin BERT and a tokenizer of a few words, built in code: nothing is fetched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

WORDS = [
    *("we", "they", "you", "threat", "threaten", "peace", "war", "force", "never", "not", "no", "longer", "enemy"),
    *("friend", "partner", "treaty", "law", "break", "keep", "our", "their", "will", "use", "arms", "talk", "listen"),
    *("concerns", "ignore", "history", "common", "divided", "the", "a", "of", "to", "is", "are", "and", ".", ",", "?"),
]


def tokenizer_json() -> str:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocab = {w: n for n, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=50))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=16)
    text: str = tokenizer.to_str()
    return text


def write_encoder(path: Path, layers: int = 2, kind: str = "bert", spread: float = 0.02) -> Path:
    """Write a tiny encoder as a hub would hold it."""
    import torch
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(0)
    sizes: dict[str, Any] = {"vocab_size": len(WORDS) + 4, "hidden_size": 16, "num_hidden_layers": layers}
    sizes |= {"num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 32}
    sizes |= {"initializer_range": spread}  # of its weights: the wider, the more tokens heed each other
    model = AutoModel.from_config(AutoConfig.for_model(kind, **sizes))
    path.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(path)
    (path / "tokenizer.json").write_text(tokenizer_json(), encoding="utf-8")
    (path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 16}))
    return path


def sentences(n: int, seed: int = 0, longest: int = 20) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, int(rng.integers(1, longest)))) for _ in range(n)]
