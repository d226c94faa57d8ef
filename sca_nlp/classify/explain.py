"""Why a passage got a code: what its probability loses when a word, or a neighbour, is left out (occlusion)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sca_nlp.classify.contract import Classifier
from sca_nlp.errors import UnknownNameError

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
#: Longer passages are explained in steps of several words, so that a page never waits: at most so many pieces, and so
#: many words read in all (each piece costs one reading of the passage).
MOST = 48
READ = 1500


@dataclass(frozen=True, slots=True)
class Attribution:
    """A stretch `text[start:end]`, and by how much the probability falls without it (negative: it rises)."""

    start: int
    end: int
    weight: float


def explain(classifier: Classifier, text: str, code: str, prev: str = "", next: str = "") -> list[Attribution]:
    """Return the attribution of each word (of each run of words in long passages), in order.

    Args:
        classifier: any model.
        text: the passage.
        code: a class such as `TP+`.
        prev: the sentence before, for models that read it.
        next: the sentence after.

    Raises:
        UnknownNameError: the model has no such class.
    """
    if code not in classifier.codebook.column:
        raise UnknownNameError("code", code, classifier.codebook.classes)
    words = [m.span() for m in _WORD.finditer(text)]
    if not words:
        return []
    pieces = max(12, min(MOST, READ // len(words)))
    size = -(-len(words) // pieces)
    spans = [(words[k][0], words[min(k + size, len(words)) - 1][1]) for k in range(0, len(words), size)]
    variants = [text, *(f"{text[:a].rstrip()} {text[b:].lstrip()}".strip() for a, b in spans)]
    n = len(variants)
    p = classifier.predict(variants, [prev] * n, [next] * n).probabilities[:, classifier.codebook.column[code]]
    return [Attribution(a, b, float(p[0] - p[k + 1])) for k, (a, b) in enumerate(spans)]


def explain_neighbours(
    classifier: Classifier, text: str, code: str, prev: str = "", next: str = ""
) -> tuple[float, float]:
    """Return by how much the probability falls without the sentence before, and without the one after.

    Both are 0 in models that read neither. Arguments and errors are those of `explain`.
    """
    if code not in classifier.codebook.column:
        raise UnknownNameError("code", code, classifier.codebook.classes)
    found = classifier.predict([text] * 3, [prev, "", prev], [next, next, ""])
    p = found.probabilities[:, classifier.codebook.column[code]]
    return float(p[0] - p[1]), float(p[0] - p[2])
