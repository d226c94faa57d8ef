"""The quick rows: nothing at all, word lists, n-grams, an encoder that stays as it is, and the shipped models."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from sca_nlp.classify.folder import find_model, load_model, read_folder
from sca_nlp.errors import UnknownNameError
from sca_nlp.read.lexica import lexicon_scorer, read_lexica
from training.baselines.material import Array, Made, Material, Say
from training.baselines.vectors import frozen, regressions
from training.linear import fit_linear, predict_linear


def majority(material: Material, say: Say) -> Made:
    """Return the row that gives every sentence what most have: no code."""
    n = len(material.book.classes)
    return Made(
        lambda texts: np.zeros((len(texts), n), np.float32), len(material.learn.rows), "", lambda p: [()] * len(p), 0.0
    )


def word_list(name: str, material: Material, say: Say) -> Made:
    """Return the row of a published word list; nothing is learned but thresholds.

    Raises:
        UnknownNameError: no such list.
    """
    lexica = read_lexica(material.bench / "lexica")
    if name not in lexica:
        raise UnknownNameError("lexicon", name, lexica)
    return Made(lexicon_scorer(lexica[name], material.book.classes))


def tfidf(material: Material, say: Say) -> Made:
    """Return the row of hashed word n-grams, TF-IDF and logistic regression."""
    arrays = fit_linear(material.learn.texts, material.learn.gold)
    return Made(lambda texts: predict_linear(arrays, texts), len(material.learn.rows))


def zero_shot(material: Material, say: Say) -> Made:
    """Return the row by similarity to the codebook's definitions, less that to the indicator's 'absent'."""
    embed, book = frozen(material.base), material.book
    definitions = embed([book.indicator(i).definitions[v] for i, v in book.meaning.values()])
    absent = embed([book.indicator(i).absent for i, _ in book.meaning.values()])

    def score(texts: Sequence[str]) -> Array:
        v = embed(texts)
        out: Array = (1 / (1 + np.exp(-10 * (v @ definitions.T - v @ absent.T)))).astype(np.float32)
        return out

    return Made(score)


def frozen_encoder(material: Material, say: Say) -> Made:
    """Return the row of logistic regression on the sentence vectors of the encoder as it comes."""
    learn = material.learn
    return Made(regressions(frozen(material.base), learn.texts, learn.gold), len(learn.rows))


def shipped(name: str, material: Material, say: Say) -> Made:
    """Return the row of a shipped model, with the thresholds, and the cross-validated figure, that it brings along.

    Raises:
        UnknownNameError: the model has other classes than the codebook.
    """
    classifier, folder = load_model(name, threads=1), read_folder(find_model(name))
    if classifier.codebook.classes != material.book.classes:
        raise UnknownNameError("class", classifier.codebook.classes[0], material.book.classes)
    path = folder.path / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    rows = (*material.test.rows, *material.held.rows)
    near = {r.text: (r.prev, r.next) for r in rows}  # the sets that others labelled have no neighbours

    def score(texts: Sequence[str]) -> Array:
        found = [near.get(t, ("", "")) for t in texts]
        return classifier.predict(texts, [p for p, _ in found], [n for _, n in found]).probabilities

    return Made(
        score,
        int(folder.meta.get("training", {}).get("sentences", 0)),
        decide=classifier.decide,
        held_out=metrics.get("cross_validated", {}).get("macro_f1"),
    )
