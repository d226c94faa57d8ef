"""An encoder of the transformers library over passages with their neighbours: for training and all torch runtimes."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def read_passages(
    encoder: nn.Module, ids: Tensor, mask: Tensor | None, own: Tensor | None, longest: int, layers: int
) -> tuple[Tensor, Tensor | None]:
    """Return the vectors [n, longest, width] of the passages' own tokens, and their mask (None: nothing is padded).

    Args:
        encoder: any; one that knows kinds of tokens is told which are neighbours'.
        ids: tokens [n, length].
        mask: true for tokens, false for padding [n, length]; None where nothing is padded.
        own: how many first tokens are the passage's [n]; None: all.
        longest: the largest of them.
        layers: of a BERT, from below, that read the neighbours' tokens; the upper ones are spared them. 0: all do.
    """
    if own is None:
        return encoder(input_ids=ids, attention_mask=mask).last_hidden_state, mask
    inside = torch.arange(ids.shape[1], device=ids.device) < own[:, None]
    kept = inside[:, :longest]
    options = {"token_type_ids": (~inside).long()} if getattr(encoder.config, "type_vocab_size", 0) > 1 else {}
    if not layers or longest == ids.shape[1]:
        return encoder(input_ids=ids, attention_mask=mask, **options).last_hidden_state[:, :longest], kept
    h: Tensor = encoder.get_submodule("embeddings")(input_ids=ids, **options)
    for k, layer in enumerate(encoder.get_submodule("encoder.layer").children()):
        if k == layers:
            h, mask = h[:, :longest], kept
        h = layer(h, None if mask is None else ((1 - mask.to(h.dtype)) * torch.finfo(h.dtype).min)[:, None, None])
    return h[:, :longest], kept
