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
    tail: float = 1e-5,
) -> dict[str, NDArray[Any]]:
    """Return `quant.<layer>.<site>` -> [lowest, highest] over sentences, and `.wide` -> channels that go beyond.

    One channel in 64, those with the largest values, is left to fp32; ranges are those of the rest.

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
    seen: list[list[NDArray[np.float32]]] = [[] for _ in names]
    for row in ids:
        feed = {"ids": np.array([row], np.int64), "lengths": np.array([len(row)], np.int32)}
        for k, value in enumerate(session.run(names, feed)):
            seen[k].append(value[0].astype(np.float16))
    out: dict[str, NDArray[Any]] = {}
    for k, site in enumerate(activation_sites(shape)):
        values = np.concatenate(seen[k]).astype(np.float32)  # [tokens, channels]
        seen[k] = []
        largest = np.abs(values).max(0)
        n_wide = max(1, values.shape[1] // 64)
        wide = np.sort(np.argsort(largest)[-n_wide:])
        rest = np.delete(values, wide, axis=1)
        out[site + ".wide"] = wide.astype(np.int32)
        out[site] = np.quantile(rest, [tail, 1 - tail]).astype(np.float32)
    return out
