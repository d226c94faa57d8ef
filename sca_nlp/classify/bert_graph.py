"""Weights -> ONNX graphs in memory: BERT encoder and head, in fp32 or with 8-bit matrix products. No torch needed.

There are two, as in `beside`: one reads sentences alone, as far as they are read so; the other goes on from there and
looks at what their neighbours became. A model that looks at none has its embeddings in the first, the rest in the
second.

Quantisation is static (activation ranges were measured in training and travel with the model), per output column for
weights. Dynamic quantisation would take its scale from the batch, so scores would hang on who else is in it. A few
channels have values far beyond all others; they are divided, and their weights multiplied, by what evens them out (Xiao
et al. 2023, SmoothQuant), since with them in range a step of the 8-bit scale would be as large as most values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import membership
from sca_nlp.classify.tokens import Beside
from sca_nlp.errors import InputError

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Shape:
    """Sizes of an encoder."""

    n_layers: int
    n_heads: int
    width: int
    eps: float
    beside: Beside = field(default_factory=Beside)

    @classmethod
    def of(cls, encoder: Mapping[str, Any]) -> Shape:
        """Return the sizes in section `encoder` of a model.json.

        Raises:
            InputError: one is missing or no number.
        """
        try:
            n_layers, n_heads, width = (int(encoder[k]) for k in ("n_layers", "n_heads", "width"))
            beside = Beside.of(encoder)
            if beside.layers_alone + beside.layers_beside > n_layers:
                raise ValueError(f"{beside} in {n_layers} layers")
            return cls(n_layers, n_heads, width, float(encoder["eps"]), beside)
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

    def constant(self, value: Any) -> str:
        from onnx import numpy_helper

        self._n += 1
        name = f"c{self._n}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def cast(self, x: str, kind: str) -> str:
        """Return `x` as another kind of number, by the name that ONNX gives it."""
        from onnx import TensorProto

        return self.op("Cast", x, to=getattr(TensorProto, kind))

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        self._n += 1
        name = f"t{self._n}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], domain=domain, **attributes))
        return name


def activation_sites(shape: Shape) -> list[str]:
    """Return the names of the activations whose range 8-bit products need, in the graph's order."""
    return [f"quant.{k}.{site}" for k in range(shape.n_layers) for site in ("input", "attended", "middle", "expanded")]


@dataclass(frozen=True)
class Graphs:
    """Two serialised ONNX models; `lengths` [n] int32 says how many tokens of a row are no padding.

    Args:
        alone: `ids` [n, length] int64, `lengths` -> `states` [n, length, width] and, with an exit, its log odds
            `exit` [n, n_classes], without the n-grams'.
        rest: `states`, `lengths` and, of a model that looks at neighbours, `side` [n, some, width] with their states
            and `seen` [n, some] int32, 1 where there is one -> `probabilities` [n, n_classes].
    """

    alone: bytes
    rest: bytes


def build_graphs(
    weights: Arrays,
    shape: Shape,
    groups: list[list[int]],
    *,
    int8: bool,
    narrow: bool = False,
    watch: bool = False,
    exit: bool = False,
) -> Graphs:
    """Return the graphs of a model.

    Args:
        weights: arrays by the names that training gives them.
        shape: sizes of the encoder.
        groups: for each indicator its columns; empty: classes are scored apart (sigmoid).
        int8: 8-bit matrix products.
        narrow: 7-bit weights, for processors whose 8-bit products can saturate.
        watch: also output each activation that 8-bit products would quantise (to measure ranges).
        exit: also output what profile `fast` asks after the layers that read a sentence alone.

    Raises:
        InputError: an array is missing.
    """
    b = _Bert(weights, shape, int8=int8, narrow=narrow, watch=watch)
    h = b.embedded()
    first = shape.beside.layers_alone
    for k in range(first):
        h = b.layer(k, h, "lengths")
    results = {"states": h} | ({"exit": b.exit(h)} if exit else {})
    alone = b.graph(results, {"ids": 2, "lengths": 1})
    b = _Bert(weights, shape, int8=int8, narrow=narrow, watch=watch)
    h, mask = "states", b.mask("states")
    beside = range(first, first + shape.beside.layers_beside)
    there = b.op("Concat", b.cast(mask, "INT32"), "seen", axis=1) if beside else ""
    for k in range(first, shape.n_layers):
        h = b.layer(k, h, there, "side") if k in beside else b.layer(k, h, "lengths")
    inputs = {"states": 3, "lengths": 1} | ({"side": 3, "seen": 2} if beside else {})
    return Graphs(alone, b.graph({"probabilities": b.head(h, mask, groups)}, inputs))


class _Bert(_Builder):
    """Builds parts of a BERT classifier from its arrays."""

    def __init__(self, weights: Arrays, shape: Shape, *, int8: bool, narrow: bool, watch: bool) -> None:
        super().__init__()
        self._weights, self._shape = weights, shape
        self._int8, self._top, self._watch = int8, 63 if narrow else 127, watch
        self._zero, self._one, self._two = (self.constant(np.array([k], np.int64)) for k in (0, 1, 2))

    def array(self, name: str) -> NDArray[np.float32]:
        """Return an array of the model in fp32."""
        try:
            return self._weights[name].astype(np.float32)
        except KeyError:
            raise InputError("weights.safetensors", f"no array {name!r}", "the arrays of a BERT classifier") from None

    def linear(self, prefix: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return weights [in, out] and bias [out] of a product."""
        return self.array(prefix + ".weight").T, self.array(prefix + ".bias")

    def product(self, x: str, w: NDArray[np.float32], bias: NDArray[np.float32], quantised: _Quantised | None) -> str:
        """Return x w + bias."""
        if quantised is None:
            return self.op("Add", self.op("MatMul", x, self.constant(w)), self.constant(bias))
        return self.op(
            "MatMulIntegerToFloat",
            *(quantised.values, *self._in_steps(w, quantised)),
            *(quantised.zero, "", self.constant(bias)),
            domain="com.microsoft",
        )

    def _in_steps(self, w: NDArray[np.float32], x: _Quantised) -> tuple[str, str, str]:
        # whole numbers, then the scales of both sides
        rows = w * x.balance[:, None]
        w_scale = np.maximum(np.abs(rows).max(0), 1e-12) / self._top
        wq = np.clip(np.round(rows / w_scale), -self._top, self._top).astype(np.int8)
        return self.constant(wq), x.scale, self.constant(w_scale.astype(np.float32))

    def site(self, x: str, name: str) -> _Quantised | None:
        """Return an activation in 8 bits, or None where products of it stay in fp32."""
        if self._watch:
            self.watched.append(x)
        if not self._int8 or name not in self._weights:  # a product whose range was left out stays in fp32
            return None
        low, high = (float(v) for v in self.array(name))
        low, high = min(low, 0.0), max(high, 1e-6)
        scale = (high - low) / 255
        s = self.constant(np.float32(scale))
        z = self.constant(np.uint8(round(-low / scale)))
        balance = self.array(name + ".balance")
        even = self.op("Mul", x, self.constant(1 / balance))
        return _Quantised(self.op("QuantizeLinear", even, s, z), s, z, balance)

    def norm(self, x: str, skip: str, prefix: str) -> str:
        """Return the layer norm of a sum."""
        return self.op(
            "LayerNormalization",
            self.op("Add", x, skip),
            *(self.constant(self.array(prefix + ".weight")), self.constant(self.array(prefix + ".bias"))),
            axis=-1,
            epsilon=self._shape.eps,
        )

    def embedded(self) -> str:
        """Return the embeddings of `ids`."""
        stem = "encoder.embeddings."
        position = self.array(stem + "position_embeddings.weight")
        position = position + self.array(stem + "token_type_embeddings.weight")[0]
        length = self.op("Gather", self.op("Shape", "ids"), self._one)
        places = self.op("Slice", self.constant(position), self._zero, length, self._zero, self._one)
        words = self.op("Gather", self.constant(self.array(stem + "word_embeddings.weight")), "ids")
        return self.norm(words, places, stem + "LayerNorm")

    def layer(self, k: int, h: str, there: str, side: str = "") -> str:
        """Return what a layer makes of `h`.

        Args:
            k: the layer.
            h: states [n, length, width].
            there: without `side`, how many states are no padding [n]; with it, which of both are there.
            side: states that are looked at, too.
        """
        p = f"encoder.encoder.layer.{k}."
        attended = self._attend(k, h, side, p + "attention.self.", there)
        out = self.product(
            attended, *self.linear(p + "attention.output.dense"), self.site(attended, f"quant.{k}.attended")
        )
        h = self.norm(out, h, p + "attention.output.LayerNorm")
        wide = self.product(h, *self.linear(p + "intermediate.dense"), self.site(h, f"quant.{k}.middle"))
        wide = self.op("Gelu", wide, domain="com.microsoft")
        out = self.product(wide, *self.linear(p + "output.dense"), self.site(wide, f"quant.{k}.expanded"))
        return self.norm(out, h, p + "output.LayerNorm")

    def _attend(self, k: int, h: str, side: str, prefix: str, there: str) -> str:
        parts = [self.linear(prefix + name) for name in ("query", "key", "value")]
        n_heads = self._shape.n_heads
        looked_at = self.op("Concat", h, side, axis=1) if side else h
        source = self.site(looked_at, f"quant.{k}.input")
        if source is not None and not side:  # one operation, which lays the heads out as it multiplies
            wq, scale, w_scale = self._in_steps(np.hstack([w for w, _ in parts]), source)
            bias = np.hstack([v for _, v in parts])
            return self.op(
                "QAttention",
                *(source.values, wq, self.constant(bias), scale, w_scale, there, source.zero),
                self.constant(np.zeros(len(bias), np.int8)),
                domain="com.microsoft",
                num_heads=n_heads,
            )
        asking, own = source, h
        if source is not None and side:
            length = self.op("Gather", self.op("Shape", h), self._one)
            asking = replace(source, values=self.op("Slice", source.values, self._zero, length, self._one))
        q = self.product(own, *parts[0], asking)
        keys, values = (self.product(looked_at, *part, source) for part in parts[1:])
        return self.op("MultiHeadAttention", q, keys, values, "", there, domain="com.microsoft", num_heads=n_heads)

    def mask(self, h: str) -> str:
        """Return which of the states `h` are no padding [n, length], as booleans."""
        length = self.op("Gather", self.op("Shape", h), self.constant(np.int64(1)))
        steps = self.op("Range", self.constant(np.int64(0)), length, self.constant(np.int64(1)))
        lengths = self.op("Unsqueeze", self.cast("lengths", "INT64"), self._one)
        return self.op("Less", self.op("Unsqueeze", steps, self._zero), lengths)

    def perceptron(self, prefix: str, *read: str) -> str:
        """Return what two layers with a GELU between make of what is read, side by side."""
        inner = self.product(self.op("Concat", *read, axis=-1), *self.linear(prefix + "hidden"), None)
        return self.product(self.op("Gelu", inner, domain="com.microsoft"), *self.linear(prefix + "out"), None)

    def mean(self, h: str, mask: str) -> str:
        """Return the mean of the states [n, width] that are no padding; `mask` is 1 for them [n, length, 1]."""
        inside = self.op("ReduceSum", self.op("Mul", h, mask), self._one, keepdims=0)
        return self.op("Div", inside, self.op("ReduceSum", mask, self._one, keepdims=0))

    def first(self, h: str) -> str:
        """Return the first state [n, width]."""
        return self.op("Gather", h, self.constant(np.int64(0)), axis=1)

    def far_off(self, mask: str) -> str:
        """Return what keeps padding out of a maximum: 0 where `mask` is 1, and far below that where it is 0."""
        return self.op("Mul", self.op("Sub", mask, self.constant(np.float32(1))), self.constant(np.float32(1e9)))

    def exit(self, h: str) -> str:
        """Return log odds [n, n_classes]: of mean, first and greatest state."""
        mask = self.op("Unsqueeze", self.cast(self.mask(h), "FLOAT"), self._two)
        greatest = self.op("ReduceMax", self.op("Add", h, self.far_off(mask)), self._one, keepdims=0)
        return self.perceptron("exit.", self.mean(h, mask), self.first(h), greatest)

    def head(self, h: str, inside: str, groups: list[list[int]]) -> str:
        """Return probabilities [n, n_classes]: of mean and first token, and of each class's own attention."""
        mask = self.op("Unsqueeze", self.cast(inside, "FLOAT"), self._two)
        logits = self.perceptron("", self.mean(h, mask), self.first(h))
        off = self.far_off(mask)
        looks = self.op("Add", self.product(h, *self.linear("query"), None), off)
        says = self.op("MatMul", h, self.constant(self.array("value.weight").T))
        attended = self.op("Mul", self.op("Softmax", looks, axis=1), says)
        logits = self.op("Add", logits, self.op("ReduceSum", attended, self._one, keepdims=0))
        if not groups:
            return self.op("Sigmoid", logits)
        member = membership(groups)
        within = self.op("Clip", logits, self.constant(np.float32(-40)), self.constant(np.float32(40)))
        e = self.op("Exp", within)
        return self.op(
            "Div", e, self.op("Add", self.op("MatMul", e, self.constant(member)), self.constant(np.float32(1)))
        )

    def graph(self, results: Mapping[str, str], inputs: Mapping[str, int]) -> bytes:
        """Return the model that was built, with its watched activations behind its results.

        Args:
            results: how each is called outside, and here.
            inputs: each with its number of axes.
        """
        from onnx import TensorProto, helper

        kinds = {"ids": TensorProto.INT64, "lengths": TensorProto.INT32, "seen": TensorProto.INT32}
        self.nodes += [helper.make_node("Identity", [found], [name]) for name, found in results.items()]
        outputs = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in (*results, *self.watched)]
        takes = [
            helper.make_tensor_value_info(i, kinds.get(i, TensorProto.FLOAT), [f"{i}{a}" for a in range(axes)])
            for i, axes in inputs.items()
        ]
        graph = helper.make_graph(self.nodes, "sca", takes, outputs, self.constants)
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
        model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
        return model
