"""The exit of profile `fast`: a small head on the layers that read a sentence alone learns what the whole model says.

It reads what those layers, in the model's own 8 bits, made of sentences that nobody coded, and knows what the n-grams
say of them; the encoder stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sca_nlp.classify.transformer import Transformer

Array = NDArray[np.float32]
#: Inner size of the perceptron. From 180,000 sentences 512 with dropout 0.5 agrees best with the whole model (0.961
#: where 256 with 0.2 agrees in 0.953, three quarters settled); from 69,000 it was no better.
HIDDEN = 512
_EPOCHS, _BATCH, _RATE, _DROPOUT = 20, 512, 1e-3, 0.5


def pooled(model: Transformer, texts: Sequence[str]) -> Array:
    """Return mean, first and greatest state [n, 3 width] of the first window of each text, as far as read alone."""
    out = []
    for start in range(0, len(texts), 2048):
        states, _ = model._states([windows[0].ids for windows in model._tokens(texts[start : start + 2048])])
        out += [np.concatenate([s.mean(0), s[0], s.max(0)]) for s in states]
    return np.array(out, np.float32)


def learn_exit(read: Array, ngrams: NDArray[np.float64], whole: Array, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Return the arrays of an exit.

    Args:
        read: of `pooled` [n, 3 width].
        ngrams: the n-grams' log odds [n, n_classes].
        whole: the whole model's calibrated probabilities [n, n_classes].
        seed: of weights and order.
    """
    torch.manual_seed(seed)
    mean, spread = read.mean(0), read.std(0) + 1e-6
    x, near = torch.from_numpy((read - mean) / spread), torch.from_numpy(ngrams.astype(np.float32))
    wanted, n = torch.from_numpy(whole), whole.shape[1]
    hidden, out, mix = nn.Linear(x.shape[1], HIDDEN), nn.Linear(HIDDEN, n), nn.Linear(n, n, bias=False)
    nn.init.zeros_(mix.weight)
    weights = [p for layer in (hidden, out, mix) for p in layer.parameters()]
    steps = _EPOCHS * -(-len(x) // _BATCH)
    fit = torch.optim.AdamW(weights, lr=_RATE, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.OneCycleLR(fit, _RATE, total_steps=steps)
    for _ in range(_EPOCHS):
        for batch in torch.split(torch.randperm(len(x)), _BATCH):
            inner = nn.functional.dropout(nn.functional.gelu(hidden(x[batch])), _DROPOUT)
            said = out(inner) + mix(near[batch])
            fit.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(said, wanted[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            fit.step()
            rate.step()
    told = {k: p.detach().numpy() for k, p in zip(("w", "b", "out", "out_b", "mix"), weights, strict=True)}
    w = told["w"] / spread  # so that states are read as they are
    arrays = {
        "exit.hidden.weight": w,
        "exit.hidden.bias": told["b"] - w @ mean,
        "exit.out.weight": told["out"],
        "exit.out.bias": told["out_b"],
        "exit.mix": told["mix"].T,
    }
    return {k: v.astype(np.float16) for k, v in arrays.items()}


def exit_log_odds(arrays: dict[str, NDArray[Any]], read: Array, ngrams: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an exit's log odds [n, n_classes], the n-grams' part in them."""
    of = {k: torch.from_numpy(v.astype(np.float32)) for k, v in arrays.items()}
    inner = nn.functional.gelu(torch.from_numpy(read) @ of["exit.hidden.weight"].T + of["exit.hidden.bias"])
    said = inner @ of["exit.out.weight"].T + of["exit.out.bias"]
    return np.asarray(said.numpy().astype(np.float64) + ngrams @ arrays["exit.mix"].astype(np.float64))
