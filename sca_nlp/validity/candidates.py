"""The scores that are set side by side: of words, of simpler words, of none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sca_nlp.codebook import default_codebook
from sca_nlp.validity.evidence import Evidence, hostile_and_cordial
from sca_nlp.validity.plan import Plan
from sca_nlp.validity.scores import (
    Array,
    Panel,
    attention,
    balance,
    by_pair,
    by_state,
    content_features,
    cross_fitted,
    folds_by_pair,
    hostile_attention,
    learned_weights,
    make_panel,
    salience_features,
    third_features,
)

Mask = NDArray[np.bool_]
PAST, ALL, NOW, BEFORE = "up to the year", "all years", "that year", "years before"
#: The score behind the headline keys.
HEADLINE = "words, fitted"
#: How the names of features begin that a reader who only counts names would have.
COUNTED = "how often: "


@dataclass(frozen=True)
class Question:
    """What is to be told from what: rows in use, and which of them are positive."""

    name: str
    use: Mask
    positive: Mask


@dataclass(frozen=True)
class Candidate:
    """One score: `values(question)` gives it for every row, larger = more hostile; `years` whose words it uses."""

    name: str
    years: str
    kind: str  # words: of the classifier; baseline: of something simpler; votes: not of words
    values: Callable[[Question], Array]


def panel_of(evidence: Evidence, plan: Plan, *, directed: bool = False) -> Panel:
    """Lay a run's evidence out as a panel with the hostile and the cordial mass."""
    hostile, cordial = hostile_and_cordial(evidence.cells, plan)
    cells = evidence.cells.assign(hostile=hostile, cordial=cordial)
    columns = ["hostile", "cordial"] + ([] if directed else ["about", *evidence.classes])
    return make_panel(cells, evidence.spoken, columns, directed=directed)


def named_panel(cells: pd.DataFrame, spoken: pd.DataFrame) -> Panel:
    """Lay out cells whose sentences are those that name the other state."""
    named = cells[["source", "target", "year"]].assign(
        n=cells["named"], hostile=cells["named_hostile"], cordial=cells["named_cordial"]
    )
    return make_panel(named[named["n"] > 0], spoken, ["hostile", "cordial"])


def of_words(evidence: Evidence, panel: Panel, rows: pd.DataFrame, plan: Plan, label: str = "") -> Iterator[Candidate]:
    """Yield the scores of a run's words. With a label, only the headline's and the theory's, for a run beside it."""
    prior, half_life = plan.prior, plan.half_life
    place = _Place(panel, rows)

    @lru_cache(maxsize=2)
    def seen(past: bool, third: bool, before: bool) -> tuple[list[str], Array]:
        named = features(evidence, panel, plan, past, third)
        return list(named), np.column_stack([place.at(_year_before(v) if before else v) for v in named.values()])

    def fitted(
        past: bool = True, only: str = "", third: bool = False, states: bool = False, before: bool = False
    ) -> Callable[[Question], Array]:
        def values(q: Question) -> Array:
            names, x = seen(past, third, before)
            return _fit(x[:, [n.startswith(only) for n in names]], rows, plan, q, states)

        return values

    def fixed(array: Array) -> Callable[[Question], Array]:
        values = place.at(array)
        return lambda q: values

    theory, names = "words, hostile attention", "names counted"
    yield Candidate(f"{HEADLINE}{label}", PAST, "words", fitted())
    yield Candidate(f"{theory}{label}", PAST, "words", fixed(hostile_attention(panel, prior, half_life, True)))
    if label:
        return
    yield Candidate(f"{HEADLINE}, no state shared", PAST, "words", fitted(states=True))
    yield Candidate("words, hostile over cordial", PAST, "words", fixed(balance(panel, prior, half_life, True)))
    yield Candidate("words and third parties', fitted", PAST, "words", fitted(third=True))
    yield Candidate(HEADLINE, BEFORE, "words", fitted(before=True))
    yield Candidate(HEADLINE, ALL, "words", fitted(past=False))
    yield Candidate(theory, ALL, "words", fixed(hostile_attention(panel, prior, half_life, False)))
    yield Candidate(theory, NOW, "words", fixed(hostile_attention(panel, prior, None, True)))
    yield Candidate("words, codebook's trust balance", NOW, "words", fixed(_distrust(panel, evidence.classes)))
    yield Candidate(f"{names}, fitted", PAST, "baseline", fitted(only=COUNTED))
    yield Candidate(f"{names}, fitted, no state shared", PAST, "baseline", fitted(only=COUNTED, states=True))
    yield Candidate(names, PAST, "baseline", fixed(attention(panel, prior, half_life, True)))
    named = named_panel(evidence.cells, evidence.spoken)
    yield of_names("name match for targets", named, rows, plan)


def of_names(name: str, panel: Panel, rows: pd.DataFrame, plan: Plan) -> Candidate:
    """Return the theory's score over the sentences that name the other state."""
    values = at_pairs(panel, hostile_attention(panel, plan.prior, plan.half_life, True), rows)
    return Candidate(name, PAST, "baseline", lambda q: values)


def of_votes(votes: pd.DataFrame, rows: pd.DataFrame) -> Candidate:
    """Return the distance of two states' ideal points in the votes of the year (NaN where one did not vote)."""
    point = votes.groupby(["state", "year"])["point"].mean()
    left, right = (point.reindex(pd.MultiIndex.from_frame(rows[[s, "year"]])).to_numpy(float) for s in ("a", "b"))
    return Candidate("UN votes, ideal-point distance", NOW, "votes", lambda q: np.abs(left - right))


def features(evidence: Evidence, panel: Panel, plan: Plan, past: bool, third: bool = False) -> dict[str, Array]:
    """Return what the fitted score is made of, name -> (pairs, years)."""
    counted = salience_features(panel, plan.half_life, past)
    out = {f"{COUNTED}{name}": v for name, v in counted.items()}
    out |= content_features(panel, evidence.classes, plan.prior, plan.half_life, past)
    return out | (third_features(panel, evidence.third, plan.half_life, past) if third else {})


def _fit(x: Array, rows: pd.DataFrame, plan: Plan, q: Question, states: bool) -> Array:
    known = ~np.isnan(x).any(axis=1)
    if states:
        train, test = by_state(rows["a"].tolist(), rows["b"].tolist())
    else:
        train, test = by_pair(folds_by_pair(list(zip(rows["a"], rows["b"], strict=True))))
    learn = q.use & known & (rows["n"].to_numpy() >= plan.min_passages)
    scores = cross_fitted(np.nan_to_num(x), q.positive, learn, train, test)
    return np.where(known, scores, np.nan)


def weights(evidence: Evidence, panel: Panel, rows: pd.DataFrame, plan: Plan, q: Question) -> dict[str, float]:
    """Return what the headline's fit weighs: log odds per standard deviation of each feature, fitted on all pairs."""
    named = features(evidence, panel, plan, past=True)
    place = _Place(panel, rows)
    use = q.use & (rows["n"].to_numpy() >= plan.min_passages)
    x = np.column_stack([place.at(v)[use] for v in named.values()])
    _, weight = learned_weights(x, q.positive[use])
    return {name: round(float(w), 3) for name, w in zip(named, weight * x.std(axis=0), strict=True)}


def _year_before(array: Array) -> Array:
    """Return each year's value of the year before; the first year has none."""
    out = np.full_like(array, np.nan)
    out[:, 1:] = array[:, :-1]
    return out


def _distrust(panel: Panel, classes: tuple[str, ...]) -> Array:
    """Return minus the codebook's balance of the year: the mean signed indicator over sentences about the other."""
    book = default_codebook()
    sign = {c: s for c, s in book.trust_sign.items() if c in classes}
    total: Array = sum((s * panel.values[c] for c, s in sign.items()), start=np.zeros_like(panel.values["n"]))
    about = panel.values["about"]
    mean = total.sum() / max(about.sum(), 1.0)  # where nothing was said: the mean, which tells nothing
    out: Array = -np.where(about > 0, total / np.maximum(about, 1.0), mean) / max(len(book.indicators), 1)
    return out


def at_pairs(panel: Panel, array: Array, rows: pd.DataFrame) -> Array:
    """Return an array's values at pair-years (`a`, `b`, `year`); NaN where the panel has none."""
    return _Place(panel, rows).at(array)


class _Place:
    """Where pair-years stand in a panel; found once, used for many arrays."""

    def __init__(self, panel: Panel, rows: pd.DataFrame) -> None:
        index = {p: k for k, p in enumerate(panel.pairs)}
        self.pair = np.array([index.get(p, -1) for p in zip(rows["a"], rows["b"], strict=True)], dtype=int)
        self.t = rows["year"].to_numpy() - panel.first
        self.known = (self.pair >= 0) & (self.t >= 0) & (self.t < panel.values["n"].shape[1])

    def at(self, array: Array) -> Array:
        out = np.full(len(self.pair), np.nan)
        out[self.known] = array[self.pair[self.known], self.t[self.known]]
        return out
