"""How neighbours are read: an encoder's lowest layers read each sentence alone, the next look at what its neighbours'
tokens became there.

So a sentence costs little more with neighbours than without: in a document each neighbour is a sentence that is read
anyway. The encoder is any of the transformers library whose layers are BERT's (RoBERTa's and ELECTRA's are); others
read a sentence alone. For training and all torch runtimes; `bert_graph` does the same without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sca_nlp.classify.tokens import Beside, Window, apart, feed_of

#: Takes a layer, states, their mask, and the states that are looked at, too, with their mask.
Layer = Callable[[nn.Module, Tensor, Tensor, Tensor | None, Tensor | None], Tensor]


def can_look(encoder: nn.Module) -> bool:
    """Return whether an encoder's layers are BERT's, so that some of them can look at neighbours."""
    layers = getattr(getattr(encoder, "encoder", None), "layer", None)
    inside = getattr(getattr(layers[0], "attention", None), "self", None) if layers else None
    return hasattr(encoder, "embeddings") and all(hasattr(inside, k) for k in ("query", "key", "value"))


def padded(pieces: Sequence[Sequence[int]], step: int = 1, device: Any = None) -> tuple[Tensor, Tensor]:
    """Return ids [n, longest] and their mask (1 for tokens), the longest rounded up to a multiple of `step`."""
    feed = feed_of(pieces, step)
    mask = np.arange(feed["ids"].shape[1]) < feed["lengths"][:, None]
    return torch.from_numpy(feed["ids"]).to(device), torch.from_numpy(mask.astype(np.int64)).to(device)


def read_rows(
    encoder: nn.Module,
    rows: Sequence[Window],
    beside: Beside,
    kinds: Tensor | None,
    step: int = 1,
    layer: Layer | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the vectors [n, longest, width] of the passages' tokens, and their mask [n, longest].

    Args:
        encoder: any; one whose layers are BERT's where `beside` asks for neighbours.
        rows: windows of like length; with `beside`, their neighbours are looked at.
        beside: what is looked at.
        kinds: what is added to the states of the sentence before and of the one after [2, width].
        step: lengths are padded to a multiple of this.
        layer: what computes a layer, where it is not `states_of` (compiled, say).
    """
    layer = layer or states_of
    device = next(encoder.parameters()).device
    ids, mask = padded([r.ids for r in rows], step, device)
    if not beside or kinds is None:
        return encoder(input_ids=ids, attention_mask=mask).last_hidden_state, mask
    layers = list(encoder.get_submodule("encoder.layer").children())

    def alone(ids: Tensor, mask: Tensor) -> Tensor:
        h: Tensor = encoder.get_submodule("embeddings")(input_ids=ids)
        if hasattr(encoder, "embeddings_project"):  # ELECTRA's embeddings may be narrower than its layers
            h = encoder.get_submodule("embeddings_project")(h)
        for one in layers[: beside.layers_alone]:
            h = layer(one, h, mask, None, None)
        return h

    h = alone(ids, mask)
    side, seen = _looked_at(alone, rows, beside, kinds.to(h.dtype), step)
    for k, one in enumerate(layers[beside.layers_alone :]):
        h = layer(one, h, mask, side, seen) if k < beside.layers_beside else layer(one, h, mask, None, None)
    return h, mask


def _looked_at(
    alone: Callable[[Tensor, Tensor], Tensor], rows: Sequence[Window], beside: Beside, kinds: Tensor, step: int
) -> tuple[Tensor, Tensor]:
    """Return the states of neighbours [n, before + after, width] and which of them are there."""
    pieces, where = apart([Window([], r.before, r.after) for r in rows])
    device, n = kinds.device, len(rows)
    width = beside.before + beside.after
    if not pieces:
        return kinds.new_zeros(n, width, kinds.shape[1]), torch.zeros(n, width, dtype=torch.long, device=device)
    order = sorted(range(len(pieces)), key=lambda i: len(pieces[i]))
    size = max(1, -(-len(order) // _GROUPS))
    parts: list[Tensor] = []
    for start in range(0, len(order), size):
        ids, mask = padded([pieces[i] for i in order[start : start + size]], step, device)
        h = alone(ids, mask)
        lengths = mask.sum(1)
        tail = (lengths - beside.before).clamp(min=0)[:, None] + torch.arange(beside.before, device=device)
        head = torch.arange(beside.after, device=device).expand(len(h), -1)
        at = torch.cat([tail, head], 1)
        at = torch.where(at < lengths[:, None], at, -1)
        found = h.gather(1, at.clamp(min=0)[:, :, None].expand(-1, -1, h.shape[2]))
        parts.append(torch.cat([found, (at >= 0)[:, :, None].to(h.dtype)], 2))  # the last channel: is it there
    flat = torch.cat([*parts, parts[0].new_zeros(1, *parts[0].shape[1:])])
    rank = {piece: k for k, piece in enumerate(order)} | {-1: len(order)}
    above = flat[torch.tensor([rank[int(i)] for i in where[:, 1]], device=device), : beside.before]
    below = flat[torch.tensor([rank[int(i)] for i in where[:, 2]], device=device), beside.before :]
    side = torch.cat([above[:, :, :-1] + kinds[0], below[:, :, :-1] + kinds[1]], 1)
    return side, torch.cat([above[:, :, -1], below[:, :, -1]], 1).round().long()


#: Neighbours of a batch are of any length; so many groups of like length are read apart, so that little is padded.
_GROUPS = 3


def states_of(layer: nn.Module, h: Tensor, mask: Tensor, side: Tensor | None, seen: Tensor | None) -> Tensor:
    """Return the states of a BERT layer, whose tokens also look at `side` where `seen`."""
    source, there = h, mask
    if side is not None and seen is not None:
        source, there = torch.cat([h, side], 1), torch.cat([mask, seen], 1)
    attention: Any = layer.get_submodule("attention.self")
    heads = attention.num_attention_heads

    def split(x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)

    q, k, v = split(attention.query(h)), split(attention.key(source)), split(attention.value(source))
    if h.is_cuda:
        found = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=there.bool()[:, None, None])
    else:  # over short sentences and with its backward pass a CPU's fused attention takes longer
        looks = (q @ k.transpose(-1, -2)) * q.shape[-1] ** -0.5
        looks = looks + ((1 - there.to(h.dtype)) * torch.finfo(h.dtype).min)[:, None, None]
        found = looks.softmax(-1) @ v
    found = found.transpose(1, 2).reshape(h.shape)
    between = layer.get_submodule("attention.output")(found, h)
    out: Tensor = layer.get_submodule("output")(layer.get_submodule("intermediate")(between), between)
    return out
