"""How fast the model's 8-bit products alone could be here: the bound that its speed is held against.

For an encoder of `l` layers, width `d` and inner width `f` each token passes, in each layer, through products of shapes
(d, 3d), (d, d), (d, f) and (f, d), so it costs

    c = l (4 d^2 + 2 d f)   multiply-adds

(MiniLM: 6 (4 384^2 + 2 384 1536) = 10.6 million). With R_s the multiply-adds a second of ONNX Runtime's MatMulInteger
(unsigned 8-bit by signed 8-bit, sums of 32 bits, nothing else in the graph) at shape s, at the best of several numbers
of rows, and m_s the multiply-adds of a token at that shape, the bound is 1 / sum_s(l m_s / R_s) tokens a second, and

    share = tokens a second of the whole model / bound.

Left out of the bound, and so counted against the model: scales and biases, attention, GELU, layer norms, the head, the
n-grams, the tokenizer. Tokens are counted as read, without padding. Threads work as the model's do: each on rows of its
own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

ROWS = (128, 512, 2048)
_WORK = 4e8  # multiply-adds of one timing and thread: some milliseconds


def shapes(n_layers: int, width: int, inner: int) -> dict[tuple[int, int], int]:
    """Return (rows, columns) of each weight matrix -> how many such a token passes through."""
    found: dict[tuple[int, int], int] = {}
    for shape in ((width, 3 * width), (width, width), (width, inner), (inner, width)):
        found[shape] = found.get(shape, 0) + n_layers
    return found


def multiply_adds(products: dict[tuple[int, int], int]) -> int:
    """Return the multiply-adds of a token."""
    return sum(k * n * times for (k, n), times in products.items())


def _session(k: int, n: int) -> Any:
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).integers(-127, 128, (k, n)).astype(np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, ["m", k])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, ["m", n])],
        [numpy_helper.from_array(weights, "w")],
    )
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


class Bound:
    """Measures the bound in rounds, so that they can be interleaved with the model's."""

    def __init__(self, products: dict[tuple[int, int], int], threads: int = 1) -> None:
        self.products, self.threads = products, threads
        self._sessions = {shape: _session(*shape) for shape in products}
        self._rates: dict[tuple[tuple[int, int], int], list[float]] = {}

    def round(self) -> None:
        """Time every shape once at every number of rows."""
        with ThreadPoolExecutor(self.threads) as pool:
            for (k, n), session in self._sessions.items():
                for m in ROWS:
                    x = np.random.default_rng(1).integers(0, 256, (m, k)).astype(np.uint8)
                    times = max(1, int(_WORK / (m * k * n)))
                    start = time.perf_counter()
                    list(pool.map(_repeated(session, x, times), range(self.threads)))
                    rate = self.threads * times * m * k * n / (time.perf_counter() - start)
                    self._rates.setdefault(((k, n), m), []).append(rate)

    def rate(self, shape: tuple[int, int]) -> float:
        """Return multiply-adds a second at a shape: the best of the medians over numbers of rows."""
        return max(float(np.median(self._rates[shape, m])) for m in ROWS)

    def tokens_per_second(self) -> float:
        """Return the bound."""
        return 1 / sum(times * k * n / self.rate((k, n)) for (k, n), times in self.products.items())


def _repeated(session: Any, x: Any, times: int) -> Callable[[int], None]:
    def run(_: int) -> None:
        for _k in range(times):
            session.run(None, {"x": x})

    return run
