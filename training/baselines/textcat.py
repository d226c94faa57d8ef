"""The row of spaCy's text categoriser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from training.baselines.material import Array, Made, Material, Say


def spacy_textcat(material: Material, say: Say, epochs: int = 4) -> Made:
    """Train spaCy's `textcat_multilabel` (its default: a bag of words beside a small network)."""
    import spacy
    from spacy.tokens import Doc
    from spacy.training import Example
    from thinc.api import fix_random_seed

    fix_random_seed(0)
    nlp, learn = spacy.blank("en"), material.learn
    categoriser: Any = nlp.add_pipe("textcat_multilabel")
    names = [c.replace("+", "_yes").replace("-", "_no") for c in material.book.classes]
    for name in names:
        categoriser.add_label(name)
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {n: float(g) for n, g in zip(names, row, strict=True)}})
        for text, row in zip(learn.texts, learn.gold, strict=True)
    ]
    optimizer = nlp.initialize(lambda: examples[:200])
    rng = np.random.default_rng(0)
    for epoch in range(epochs):
        order = rng.permutation(len(examples))
        for k in range(0, len(order), 64):
            nlp.update([examples[int(i)] for i in order[k : k + 64]], sgd=optimizer, drop=0.2)
        say(f"epoch {epoch + 1} of {epochs}")

    def score(texts: Sequence[str]) -> Array:
        done: list[Doc] = list(nlp.pipe(texts, batch_size=256))
        return np.array([[d.cats[n] for n in names] for d in done], np.float32)

    return Made(score, len(examples), f"{epochs} epochs")
