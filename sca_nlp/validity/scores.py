"""From sums of words to one number a pair and year: pooled over years, by theory or by weights learned on other pairs.

All scores rise with hostility. `past` scores use only words up to the year itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """Pairs by years: sums of words both ways.

    `values[name]` is (pairs, years). `n` sentences that name or are about the other; `expected` that number if each
    spoke of others as often as it does and of each as often as all do; `spoken` all sentences of the two; `n_less`,
    `n_more` the lesser and the greater of the two directions, and so for `hostile` and `cordial`.
    """

    pairs: list[tuple[str, str]]
    first: int
    values: dict[str, Array]

    def at(self, array: Array, rows: pd.DataFrame) -> Array:
        """Return the values of pair-years (`pair`, `year`)."""
        out: Array = array[rows["pair"].to_numpy(), rows["year"].to_numpy() - self.first]
        return out


def make_panel(cells: pd.DataFrame, spoken: pd.DataFrame, columns: Sequence[str], *, directed: bool = False) -> Panel:
    """Lay cells (source, target, year, n, ...) out as a panel of pairs by years, without gaps.

    Args:
        cells: one row or several a cell; they are added up.
        spoken: source, year, n: all sentences of a source.
        columns: of `cells` to carry, beside `n`.
        directed: pairs are source and target; else the two in the alphabet's order, both directions added.
    """
    first = int(min(cells["year"].min(), spoken["year"].min()))
    n_years = int(max(cells["year"].max(), spoken["year"].max())) - first + 1
    states = sorted({*cells["source"], *cells["target"], *spoken["source"]})
    number = {s: k for k, s in enumerate(states)}
    i, j = cells["source"].map(number).to_numpy(), cells["target"].map(number).to_numpy()
    t = cells["year"].to_numpy() - first
    low, high = (i, j) if directed else (np.minimum(i, j), np.maximum(i, j))
    codes, pair = np.unique(low * len(states) + high, return_inverse=True)
    a, b = codes // len(states), codes % len(states)
    shape = (len(codes), n_years)
    values: dict[str, Array] = {}
    carried = list(dict.fromkeys(["n", *columns]))
    both = () if directed else [c for c in ("n", "hostile", "cordial") if c in carried]
    for column in carried:
        ways = np.zeros((2, *shape))
        np.add.at(ways, ((i > j).astype(int), pair, t), cells[column].to_numpy(dtype=float))
        values[column] = ways[0] + ways[1]
        if column in both:
            values[f"{column}_less"], values[f"{column}_more"] = ways.min(axis=0), ways.max(axis=0)
    out, into, said = (np.zeros((len(states), n_years)) for _ in range(3))
    np.add.at(out, (i, t), cells["n"].to_numpy(dtype=float))
    np.add.at(into, (j, t), cells["n"].to_numpy(dtype=float))
    np.add.at(
        said, (spoken["source"].map(number).to_numpy(), spoken["year"].to_numpy() - first), spoken["n"].to_numpy()
    )
    total = np.maximum(out.sum(axis=0), 1.0)
    values["expected"] = out[a] * into[b] / total
    values["spoken"] = said[a]
    if not directed:
        values["expected"] += out[b] * into[a] / total
        values["spoken"] = values["spoken"] + said[b]
    return Panel([(states[x], states[y]) for x, y in zip(a, b, strict=True)], first, values)


def kernel(n_years: int, half_life: float, past: bool) -> Array:
    """Return (years, years) weights: half for every `half_life` years of distance, 0 for later years if `past`."""
    ahead = np.arange(n_years)[:, None] - np.arange(n_years)[None, :]
    w: Array = 0.5 ** (np.abs(ahead) / half_life)
    return np.where(ahead >= 0, w, 0.0) if past else w


def pooled(panel: Panel, names: Sequence[str], half_life: float | None, past: bool) -> dict[str, Array]:
    """Return panel values with other years' evidence added; None: the year alone."""
    if half_life is None:
        return {name: panel.values[name] for name in names}
    w = kernel(panel.values["n"].shape[1], half_life, past).T
    return {name: panel.values[name] @ w for name in names}


def hostile_attention(
    panel: Panel, prior: float, half_life: float | None, past: bool, hostile: str = "hostile"
) -> Array:
    """Return the theory score: log of hostile sentences over those expected from attention alone.

    log((H + prior * h) / (E + prior)), H the hostile mass, h its mean a sentence over all pairs, E the expected
    sentences (see `Panel`): how much hostility the two voice beyond what their talkativeness and each other's fame
    would bring. A pair that never speaks of each other stands at the mean of what is expected of it.
    """
    v = pooled(panel, [hostile, "n", "expected"], half_life, past)
    mean = v[hostile].sum() / max(v["n"].sum(), 1e-9)
    out: Array = np.log((v[hostile] + prior * max(mean, 1e-9)) / (v["expected"] + prior))
    return out


def attention(panel: Panel, prior: float, half_life: float | None, past: bool) -> Array:
    """Return log of sentences over those expected: how often they speak of each other, not how."""
    v = pooled(panel, ["n", "expected"], half_life, past)
    out: Array = np.log((v["n"] + prior) / (v["expected"] + prior))
    return out


def balance(panel: Panel, prior: float, half_life: float | None, past: bool) -> Array:
    """Return log of hostile over cordial sentences, each with its mean's prior: how they speak, not how often."""
    v = pooled(panel, ["hostile", "cordial", "n"], half_life, past)
    n = max(v["n"].sum(), 1e-9)
    bad, good = (prior * max(v[k].sum() / n, 1e-9) for k in ("hostile", "cordial"))
    out: Array = np.log((v["hostile"] + bad) / (v["cordial"] + good))
    return out


def salience_features(panel: Panel, half_life: float, past: bool) -> dict[str, Array]:
    """Return what a reader who only counts names sees: sentences, beside those expected and those spoken."""
    out: dict[str, Array] = {}
    for label, h in (("this year", None), ("pooled", half_life)):
        v = pooled(panel, ["n", "n_less", "n_more", "expected", "spoken"], h, past)
        out |= {
            f"sentences, {label}": np.log(v["n"] + 1),
            f"sentences of the quieter side, {label}": np.log(v["n_less"] + 1),
            f"sentences over expected, {label}": np.log((v["n"] + 1) / (v["expected"] + 1)),
            f"sentences over spoken, {label}": np.log((v["n"] + 1) / (v["spoken"] + 30)),
        }
    return out


def content_features(
    panel: Panel, classes: Sequence[str], prior: float, half_life: float, past: bool
) -> dict[str, Array]:
    """Return how the two speak of each other: each class's share (shrunken), and hostility by side."""
    v = pooled(panel, [*classes, "about"], half_life, past)
    total = max(v["about"].sum(), 1e-9)
    out = {
        f"share of {c}": np.log((v[c] + prior * max(v[c].sum() / total, 1e-9)) / (v["about"] + prior)) for c in classes
    }
    for label, h in (("this year", None), ("pooled", half_life)):
        w = pooled(panel, ["hostile_less", "hostile_more", "cordial_less", "cordial_more"], h, past)
        for name, side in (("less", "milder"), ("more", "harsher")):
            out[f"hostile sentences of the {side} side, {label}"] = np.log(w[f"hostile_{name}"] + 0.3)
        out[f"cordial sentences of the warmer side, {label}"] = np.log(w["cordial_more"] + 0.3)
    return out


def third_features(panel: Panel, third: pd.DataFrame, half_life: float, past: bool) -> dict[str, Array]:
    """Return how often, and how hostilely, third parties name the two in one sentence."""
    index = {p: k for k, p in enumerate(panel.pairs)}
    pair = np.array([index.get(p, -1) for p in zip(third["a"], third["b"], strict=True)], dtype=int)
    known = pair >= 0
    t = third["year"].to_numpy()[known] - panel.first
    arrays = {}
    for column in ("n", "hostile"):
        arrays[column] = np.zeros_like(panel.values["n"])
        np.add.at(arrays[column], (pair[known], t), third[column].to_numpy()[known])
    inner = Panel(panel.pairs, panel.first, arrays)
    out = {}
    for label, h in (("this year", None), ("pooled", half_life)):
        v = pooled(inner, ["n", "hostile"], h, past)
        out[f"third parties name both, {label}"] = np.log(v["n"] + 0.3)
        out[f"third parties, hostile, {label}"] = np.log(v["hostile"] + 0.3)
    return out


def folds_by_pair(pairs: Sequence[tuple[str, str]], n: int = 5) -> NDArray[np.int64]:
    """Return the fold of each pair: a function of its names, so that a pair's years are never on both sides."""
    return np.array([crc32(f"{a}-{b}".encode()) % n for a, b in pairs], dtype=np.int64)


def cross_fitted(
    x: Array,
    positive: NDArray[np.bool_],
    use: NDArray[np.bool_],
    train: list[NDArray[np.bool_]],
    test: list[NDArray[np.bool_]],
) -> Array:
    """Return scores of a logistic regression, each row's from a fit that did not see its pair (log odds; NaN unscored).

    Args:
        x: (rows, features).
        positive: what is to be told.
        use: rows that may be learned from (with `train`), all `test` rows are scored.
        train: rows to learn from, one mask a fit.
        test: rows to score, one mask a fit.
    """
    out = np.full(len(x), np.nan)
    for learn, apply in zip(train, test, strict=True):
        rows = learn & use
        if apply.any() and positive[rows].any() and not positive[rows].all():
            mean, weight = learned_weights(x[rows], positive[rows])
            # Without the intercept: it is the share of positives among the other pairs, which is low where this fold's
            # is high, and would push every area below the truth.
            out[apply] = (x[apply] - mean) @ weight
    return out


def learned_weights(x: Array, positive: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return the features' means and a logistic regression's weights in their own units (ridge penalty, C = 0.1)."""
    from sklearn.linear_model import LogisticRegression

    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 1e-12, spread, np.inf)  # a constant feature weighs nothing
    fit = LogisticRegression(C=0.1, max_iter=500).fit((x - mean) / spread, positive)
    weight: Array = fit.coef_[0] / spread
    return mean, weight


def by_pair(fold: NDArray[np.int64]) -> tuple[list[NDArray[np.bool_]], list[NDArray[np.bool_]]]:
    """Return the masks of a cross-fit by pair: train and test rows of each fold."""
    numbers = np.unique(fold)
    return [fold != k for k in numbers], [fold == k for k in numbers]


def by_state(a: Sequence[str], b: Sequence[str], n: int = 5) -> tuple[list[NDArray[np.bool_]], list[NDArray[np.bool_]]]:
    """Return the masks of a cross-fit in which no state of a scored pair was in any pair learned from."""
    group = {s: crc32(s.encode()) % n for s in {*a, *b}}
    left, right = np.array([group[s] for s in a]), np.array([group[s] for s in b])
    train, test = [], []
    for i in range(n):
        for j in range(i, n):
            test.append(((left == i) & (right == j)) | ((left == j) & (right == i)))
            train.append(~np.isin(left, [i, j]) & ~np.isin(right, [i, j]))
    return train, test
