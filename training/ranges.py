"""Ranges of activations, measured once in training, so that 8-bit scoring needs no look at its batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.bert_graph import Shape, activation_sites, build_graph
from sca_nlp.codebook import Codebook


def activation_ranges(
    weights: Mapping[str, NDArray[Any]],
    sizes: Mapping[str, Any],
    codebook: Codebook,
    ids: Sequence[Sequence[int]],
    tail: float = 2e-6,
) -> dict[str, NDArray[np.float32]]:
    """Return `quant.<layer>.<site>` -> [lowest, highest] over sentences; a share `tail` at each end is let go.

    Args:
        weights: the network's arrays.
        sizes: `encoder` of model.json.
        codebook: for the head.
        ids: token ids of some hundred sentences.
        tail: share of values beyond the range, which 8-bit products then clip.
    """
    import onnxruntime as ort

    shape = Shape(int(sizes["n_layers"]), int(sizes["n_heads"]), int(sizes["width"]), float(sizes["eps"]))
    options = ort.SessionOptions()
    options.log_severity_level = 3
    graph = build_graph(weights, shape, codebook.groups(), int8=False, watch=True)
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()][1:]
    low: list[list[float]] = [[] for _ in names]
    high: list[list[float]] = [[] for _ in names]
    size = 0
    for row in ids:
        feed = {"ids": np.array([row], np.int64), "lengths": np.array([len(row)], np.int32)}
        for k, value in enumerate(session.run(names, feed)):
            flat = value.ravel()
            size = max(size, flat.size)
            keep = max(1, int(flat.size * 1e-4))
            part = np.partition(flat, (keep, flat.size - keep - 1))
            low[k] += part[:keep].tolist()
            high[k] += part[-keep:].tolist()
    out = {}
    for k, site in enumerate(activation_sites(shape)):
        total = sum(len(row) for row in ids) * (int(sizes["width"]) * (4 if site.endswith("expanded") else 1))
        drop = int(total * tail)
        bottom, top = sorted(low[k]), sorted(high[k], reverse=True)
        out[site] = np.array([bottom[min(drop, len(bottom) - 1)], top[min(drop, len(top) - 1)]], np.float32)
    return out
