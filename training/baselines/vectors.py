"""Sentence vectors of an encoder that stays as it is, and logistic regressions on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.baselines.material import Array, Scorer
from training.settings import EncoderSection

Embed = Callable[[Sequence[str]], Array]


#: How rows that start from the encoder read a sentence: without its neighbours.
ALONE = EncoderSection(before=0, after=0)


def longest(base: Any) -> int:
    """Return how many tokens of a sentence are read: 128, or what the encoder can."""
    return int(base.sizes(ALONE)["max_length"])


@cache
def frozen(base: str) -> Embed:
    """Return the sentence vectors of an encoder as it comes; rows of one run share them."""
    from transformers import AutoModel

    from training.encoders import open_base

    opened = open_base(base)
    return embedder(AutoModel.from_pretrained(opened.name, trust_remote_code=False), opened)


def embedder(encoder: Any, base: Any) -> Embed:
    """Return a function of texts: the mean of their tokens' vectors, of length 1; each text is read once.

    Args:
        encoder: a transformer of PyTorch; it is turned to bf16.
        base: `training.encoders.Base`, for its tokenizer.
    """
    import torch

    from sca_nlp.classify.beside import padded
    from training.network import STRIDE, batches

    model = encoder.eval().to(torch.bfloat16)
    known: dict[str, NDArray[np.float16]] = {}

    def embed(texts: Sequence[str]) -> Array:
        new = sorted({t for t in texts if t not in known})
        rows = base.windows(ALONE, new)
        with torch.inference_mode():
            for index in batches([len(r) for r in rows], 2048):
                x, mask = padded([rows[int(i)].ids for i in index], STRIDE)
                m = mask.unsqueeze(-1)
                h = model(input_ids=x, attention_mask=mask).last_hidden_state.float() * m
                v = (h.sum(1) / m.sum(1)).numpy()
                for row, i in zip(v, index, strict=True):
                    known[new[int(i)]] = (row / np.linalg.norm(row)).astype(np.float16)
        return np.array([known[t] for t in texts], np.float32)

    return embed


def regressions(embed: Embed, texts: Sequence[str], gold: Array) -> Scorer:
    """Return the scorer of one logistic regression a class on sentence vectors."""
    from sklearn.linear_model import LogisticRegression

    x = embed(texts)
    models = [LogisticRegression(C=20.0, max_iter=300).fit(x, gold[:, k] > 0.5) for k in range(gold.shape[1])]

    def score(texts: Sequence[str]) -> Array:
        v = embed(texts)
        return np.array([m.predict_proba(v)[:, 1] for m in models], np.float32).T

    return score
