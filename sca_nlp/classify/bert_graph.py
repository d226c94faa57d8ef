"""Weights -> an ONNX graph in memory: BERT encoder and head, in fp32 or with 8-bit matrix products. No torch needed.

Quantisation is static (activation ranges were measured in training and travel with the model), per output column for
weights. Dynamic quantisation would take its scale from the batch, so scores would hang on who else is in it. A few
channels have values far beyond all others; they are divided, and their weights multiplied, by what evens them out (Xiao
et al. 2023, SmoothQuant), since with them in range a step of the 8-bit scale would be as large as most values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.folder import reads_neighbours
from sca_nlp.errors import InputError

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Shape:
    """Sizes of an encoder."""

    n_layers: int
    n_heads: int
    width: int
    eps: float
    beside: bool = False  # whether neighbours' tokens may follow the passage's
    layers_beside: int = 0  # layers, from below, that read them; 0: all

    @classmethod
    def of(cls, encoder: Mapping[str, Any]) -> Shape:
        """Return the sizes in section `encoder` of a model.json.

        Raises:
            InputError: one is missing or no number.
        """
        try:
            n_layers, n_heads, width = (int(encoder[k]) for k in ("n_layers", "n_heads", "width"))
            layers = max(0, int(encoder.get("layers_beside", 0)))
            return cls(n_layers, n_heads, width, float(encoder["eps"]), reads_neighbours({"encoder": encoder}), layers)
        except (KeyError, TypeError, ValueError) as e:
            raise InputError("model.json: encoder", f"{type(e).__name__}: {e}", "numbers for its sizes") from None


@dataclass(frozen=True)
class _Quantised:
    values: str
    scale: str
    zero: str
    balance: NDArray[np.float32]  # what each channel was divided by, and its row of weights is multiplied by


class _Builder:
    """Collects nodes and constants; one method an operation, each returning the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.watched: list[str] = []
        self._n = 0

    def constant(self, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self._n += 1
        name = f"c{self._n}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        self._n += 1
        name = f"t{self._n}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], domain=domain, **attributes))
        return name


def activation_sites(shape: Shape) -> list[str]:
    """Return the names of the activations whose range 8-bit products need, in the graph's order."""
    return [f"quant.{k}.{site}" for k in range(shape.n_layers) for site in ("input", "attended", "middle", "expanded")]


def build_graph(
    weights: Arrays, shape: Shape, groups: list[list[int]], *, int8: bool, narrow: bool = False, watch: bool = False
) -> bytes:
    """Return a serialised ONNX model: `ids` [n, length] int64 -> `probabilities` [n, n_classes].

    Its other inputs, `lengths` and `own` [n] int32, say how many tokens a row has and how many of them, the first ones,
    are the passage's; the rest are its neighbours', which the head does not look at.

    Args:
        weights: arrays by the names that training gives them.
        shape: sizes of the encoder.
        groups: for each indicator its columns; empty: classes are scored apart (sigmoid).
        int8: 8-bit matrix products.
        narrow: 7-bit weights, for processors whose 8-bit products can saturate.
        watch: also output each activation that 8-bit products would quantise (to measure ranges).

    Raises:
        InputError: an array is missing.
    """
    from onnx import TensorProto, helper

    b = _Builder()

    def array(name: str) -> NDArray[np.float32]:
        try:
            return weights[name].astype(np.float32)
        except KeyError:
            raise InputError("weights.safetensors", f"no array {name!r}", "the arrays of a BERT classifier") from None

    def product(x: str, w: NDArray[np.float32], bias: NDArray[np.float32], quantised: _Quantised | None) -> str:
        # w is [in, out]
        if quantised is None:
            return b.op("Add", b.op("MatMul", x, b.constant(w)), b.constant(bias))
        return b.op(
            "MatMulIntegerToFloat",
            *(quantised.values, *in_steps(w, quantised)),
            *(quantised.zero, "", b.constant(bias)),
            domain="com.microsoft",
        )

    def in_steps(w: NDArray[np.float32], x: _Quantised) -> tuple[str, str, str]:
        # whole numbers, then the scales of both sides
        top = 63 if narrow else 127
        rows = w * x.balance[:, None]
        w_scale = np.maximum(np.abs(rows).max(0), 1e-12) / top
        wq = np.clip(np.round(rows / w_scale), -top, top).astype(np.int8)
        return b.constant(wq), x.scale, b.constant(w_scale.astype(np.float32))

    def attend(x: str, quantised: _Quantised | None, prefix: str, lengths: str, own: str) -> str:
        # own: the tokens of x that ask, where not all do
        parts = [linear(prefix + name) for name in ("query", "key", "value")]
        if quantised is not None and not own:  # one operation, which lays the heads out as it multiplies
            wq, scale, w_scale = in_steps(np.hstack([w for w, _ in parts]), quantised)
            bias = np.hstack([v for _, v in parts])
            return b.op(
                "QAttention",
                *(quantised.values, wq, b.constant(bias), scale, w_scale, lengths, quantised.zero),
                b.constant(np.zeros(len(bias), np.int8)),
                domain="com.microsoft",
                num_heads=shape.n_heads,
            )
        asking = quantised
        if quantised is not None:
            asking = replace(quantised, values=b.op("Slice", quantised.values, zero_i, longest, one_i))
        q = product(own or x, *parts[0], asking)
        k, v = (product(x, *part, quantised) for part in parts[1:])
        return b.op("MultiHeadAttention", q, k, v, "", lengths, domain="com.microsoft", num_heads=shape.n_heads)

    def site(x: str, name: str) -> _Quantised | None:
        if watch:
            b.watched.append(x)
        if not int8 or name not in weights:  # a product whose range was left out stays in fp32
            return None
        low, high = (float(v) for v in array(name))
        low, high = min(low, 0.0), max(high, 1e-6)
        scale = (high - low) / 255
        s = b.constant(np.array(scale, np.float32))
        z = b.constant(np.array(round(-low / scale), np.uint8))
        balance = array(name + ".balance")
        even = b.op("Mul", x, b.constant(1 / balance))
        return _Quantised(b.op("QuantizeLinear", even, s, z), s, z, balance)

    def linear(prefix: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return array(prefix + ".weight").T, array(prefix + ".bias")

    def norm(x: str, skip: str, prefix: str) -> str:
        return b.op(
            "LayerNormalization",
            b.op("Add", x, skip),
            *(b.constant(array(prefix + ".weight")), b.constant(array(prefix + ".bias"))),
            axis=-1,
            epsilon=shape.eps,
        )

    stem = "encoder.embeddings."
    types = array(stem + "token_type_embeddings.weight")
    position = array(stem + "position_embeddings.weight") + types[0]
    zero_i, one_i = b.constant(np.array([0], np.int64)), b.constant(np.array([1], np.int64))
    length = b.op("Gather", b.op("Shape", "ids"), b.constant(np.array([1], np.int64)))
    places = b.op("Slice", b.constant(position), zero_i, length, zero_i, one_i)

    def each(name: str) -> str:
        return b.op("Unsqueeze", b.op("Cast", name, to=TensorProto.INT64), one_i)

    def number(value: Any) -> str:
        return b.constant(np.array(value))

    steps = b.op("Range", number(np.int64(0)), b.op("Squeeze", length), number(np.int64(1)))
    words = b.op("Gather", b.constant(array(stem + "word_embeddings.weight")), "ids")
    longest = length
    if shape.beside:  # a model without neighbours does not pay for them
        after = b.op("GreaterOrEqual", b.op("Unsqueeze", steps, zero_i), each("own"))
        after = b.op("Unsqueeze", b.op("Cast", after, to=TensorProto.FLOAT), b.constant(np.array([2], np.int64)))
        other = b.constant(types[min(1, len(types) - 1)] - types[0])
        words = b.op("Add", words, b.op("Mul", after, other))
        longest = b.op("Cast", b.op("ReduceMax", "own", keepdims=1), to=TensorProto.INT64)
    h = norm(words, places, stem + "LayerNorm")
    lengths, until = "lengths", min(shape.layers_beside or shape.n_layers, shape.n_layers)
    for k in range(shape.n_layers):
        p = f"encoder.encoder.layer.{k}."
        # From the last layer that reads neighbours on, the passage's own tokens alone are wanted.
        own = b.op("Slice", h, zero_i, longest, one_i) if shape.beside and k == until - 1 else ""
        attended = attend(h, site(h, f"quant.{k}.input"), p + "attention.self.", lengths, own)
        if own:
            h, lengths = own, "own"
        out = product(attended, *linear(p + "attention.output.dense"), site(attended, f"quant.{k}.attended"))
        h = norm(out, h, p + "attention.output.LayerNorm")
        wide = product(h, *linear(p + "intermediate.dense"), site(h, f"quant.{k}.middle"))
        wide = b.op("Gelu", wide, domain="com.microsoft")
        out = product(wide, *linear(p + "output.dense"), site(wide, f"quant.{k}.expanded"))
        h = norm(out, h, p + "output.LayerNorm")

    # Head: mean over the passage's tokens and first token -> perceptron; plus each class's own attention over tokens.
    steps = b.op("Range", number(np.int64(0)), b.op("Squeeze", longest), number(np.int64(1)))
    inside = b.op("Less", b.op("Unsqueeze", steps, zero_i), each("own" if shape.beside else "lengths"))
    mask = b.op("Unsqueeze", b.op("Cast", inside, to=TensorProto.FLOAT), b.constant(np.array([2], np.int64)))
    mean = b.op(
        "Div",
        b.op("ReduceSum", b.op("Mul", h, mask), one_i, keepdims=0),
        b.op("ReduceSum", mask, one_i, keepdims=0),
    )
    first = b.op("Gather", h, b.constant(np.array(0, np.int64)), axis=1)
    joint = b.op("Concat", mean, first, axis=-1)
    hidden = b.op("Gelu", product(joint, *linear("hidden"), None), domain="com.microsoft")
    logits = product(hidden, *linear("out"), None)
    off = b.op("Mul", b.op("Sub", mask, b.constant(np.array(1, np.float32))), b.constant(np.array(1e9, np.float32)))
    looks = b.op("Add", product(h, *linear("query"), None), off)
    says = b.op("MatMul", h, b.constant(array("value.weight").T))
    attention = b.op("Softmax", looks, axis=1)
    logits = b.op("Add", logits, b.op("ReduceSum", b.op("Mul", attention, says), one_i, keepdims=0))
    n = array("out.bias").shape[0]
    if groups:
        member = np.zeros((n, n), np.float32)
        for g in groups:
            member[np.ix_(g, g)] = 1
        e = b.op(
            "Exp", b.op("Clip", logits, b.constant(np.array(-40, np.float32)), b.constant(np.array(40, np.float32)))
        )
        total = b.op("Add", b.op("MatMul", e, b.constant(member)), b.constant(np.array(1, np.float32)))
        final = b.op("Div", e, total)
    else:
        final = b.op("Sigmoid", logits)
    b.nodes.append(helper.make_node("Identity", [final], ["probabilities"]))
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", n])]
    outputs += [helper.make_tensor_value_info(w, TensorProto.FLOAT, None) for w in b.watched]
    graph = helper.make_graph(
        b.nodes,
        "classifier",
        [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["n", "length"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["n"]),
            helper.make_tensor_value_info("own", TensorProto.INT32, ["n"]),
        ],
        outputs,
        b.constants,
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    return model
