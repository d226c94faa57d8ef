"""Ranges of activations, measured once in training, so that 8-bit scoring needs no look at its batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.bert_graph import Shape, activation_sites, build_graphs
from sca_nlp.classify.tokens import Window, feed_of
from sca_nlp.classify.transformer import feed_of_states, kinds_of
from sca_nlp.codebook import Codebook

_ALPHA = 0.8
_PRODUCTS = {
    "input": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attended": ("attention.output.dense",),
    "middle": ("intermediate.dense",),
    "expanded": ("output.dense",),
}


def activation_ranges(
    weights: Mapping[str, NDArray[Any]],
    sizes: Mapping[str, Any],
    codebook: Codebook,
    rows: Sequence[Window],
    tail: float = 1e-5,
) -> dict[str, NDArray[Any]]:
    """Return `quant.<layer>.<site>` -> [lowest, highest] over sentences, and `.balance` -> [channels], their divisors.

    A channel's divisor is (largest value)^0.8 / (largest weight of its row)^0.2, geometric mean 1 (SmoothQuant, Xiao et
    al. 2023, with alpha 0.8: of 0.5 to 1, 0.7 and 0.8 lose least here); ranges are those of the values after division.

    Args:
        weights: the network's arrays.
        sizes: `encoder` of model.json.
        codebook: for the head.
        rows: tokens of some hundred sentences.
        tail: share of values beyond the range, which 8-bit products then clip.
    """
    import onnxruntime as ort

    shape = Shape.of(sizes)
    graphs = build_graphs(weights, shape, codebook.groups(), int8=False, watch=True)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    alone, rest = (
        ort.InferenceSession(g, options, providers=["CPUExecutionProvider"]) for g in (graphs.alone, graphs.rest)
    )
    kinds = kinds_of(weights, shape)
    seen: list[list[NDArray[np.float16]]] = [[] for _ in activation_sites(shape)]
    for row in rows:
        found = [alone.run(None, feed_of([ids])) if ids else None for ids in (row.ids, row.before, row.after)]
        states = [None if f is None else f[0][0] for f in found]
        later = rest.run(None, feed_of_states([states], shape, kinds))
        assert found[0] is not None
        for sofar, value in zip(seen, [*found[0][1:], *later[1:]], strict=True):
            sofar.append(value[0].astype(np.float16))
    out: dict[str, NDArray[Any]] = {}
    for k, site in enumerate(activation_sites(shape)):
        values = np.concatenate(seen[k]).astype(np.float32)  # [tokens, channels]
        seen[k] = []
        largest, heaviest = np.abs(values).max(0), _largest_weights(weights, site)
        balance = np.maximum(largest, 1e-3) ** _ALPHA / np.maximum(heaviest, 1e-4) ** (1 - _ALPHA)
        balance /= np.exp(np.log(balance).mean())
        out[site + ".balance"] = balance.astype(np.float32)
        out[site] = np.quantile(values / balance, [tail, 1 - tail]).astype(np.float32)
    return out


def _largest_weights(weights: Mapping[str, NDArray[Any]], site: str) -> NDArray[np.float32]:
    """Return for each channel that enters a site's product its largest weight, in size."""
    _, layer, kind = site.split(".")
    stem = f"encoder.encoder.layer.{layer}."
    found = [np.abs(weights[f"{stem}{name}.weight"].astype(np.float32)).max(0) for name in _PRODUCTS[kind]]
    largest: NDArray[np.float32] = np.max(found, axis=0)
    return largest
