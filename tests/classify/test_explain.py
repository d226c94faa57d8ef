from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from sca_nlp.classify.contract import Scores
from sca_nlp.classify.explain import MOST, explain, explain_neighbours
from sca_nlp.codebook import default_codebook
from sca_nlp.errors import UnknownNameError


class Fake:
    """Sees a threat in one word and its end in another."""

    codebook = default_codebook()
    model_id = digest = "fake"

    def predict(self, texts: Sequence[str], prev: Sequence[str] = (), next: Sequence[str] = ()) -> Scores:
        p = np.zeros((len(texts), 10), np.float32)
        near = zip(prev or [""] * len(texts), next or [""] * len(texts), strict=True)
        p[:, 0] = [0.5 + 0.4 * ("threat" in t) - 0.3 * ("no" in t.split()) for t in texts]
        p[:, 0] += [0.1 * ("enemy" in a) - 0.2 * ("peace" in b) for a, b in near]
        return Scores(p, np.ones(len(texts), np.int32))

    def decide(self, probabilities: np.ndarray) -> list[tuple[str, ...]]:
        return [()] * len(probabilities)


def test_the_words_that_matter_are_found_with_their_sign() -> None:
    text = "There is no threat, friends."
    got = {text[a.start : a.end]: round(a.weight, 3) for a in explain(Fake(), text, "TP+")}
    assert got == {"There": 0, "is": 0, "no": -0.3, "threat": 0.4, "friends": 0}


def test_long_passages_are_explained_in_runs() -> None:
    text = " ".join(f"word{n}" for n in range(400)) + " threat"
    got = explain(Fake(), text, "TP+")
    assert len(got) <= MOST
    assert max(got, key=lambda a: a.weight).end == len(text)


def test_no_words_and_no_such_code() -> None:
    assert explain(Fake(), "... !", "TP+") == []
    with pytest.raises(UnknownNameError, match="TP\\+"):
        explain(Fake(), "x", "TP*")


def test_neighbours_are_left_out_in_turn() -> None:
    got = explain_neighbours(Fake(), "a threat", "TP+", "the enemy", "we want peace")
    np.testing.assert_allclose(got, [0.1, -0.2], atol=1e-6)
    assert explain_neighbours(Fake(), "a threat", "TP+") == (0, 0)
    with pytest.raises(UnknownNameError, match="TP\\+"):
        explain_neighbours(Fake(), "x", "TP*")
