from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from sca_nlp.classify.cascade import Cascade, Reader, line
from sca_nlp.classify.linear import log_odds
from sca_nlp.errors import InputError

SECTION = {"carry": [[0, 1], [1, 0.5]], "decides": [[0, 2], [0, 2]], "counts": [10, 2], "most": 0.1}
FIVE = "They met in the capital."


def cascade(most: float = 0.1) -> Cascade:
    return Cascade({"ngrams": {**SECTION, "most": most}}, {}, 2, "x")


def test_doubt_is_the_chance_of_error_weighed_by_how_rare_a_class_is() -> None:
    x = log_odds(np.array([[0.9, 0.01], [0.5, 0.01]], np.float32))
    reader = Reader(SECTION, 2, "x")
    p, settled = reader(x)
    rare = math.log(0.01 / 0.99)
    np.testing.assert_allclose(p[0], [0.9, 1 / (1 + math.exp(-(1 + 0.5 * rare)))], atol=1e-5)
    assert settled.tolist() == [True, True]
    # The first class is seen (wrong where the model says no), the second is not (wrong where it says yes).
    no = 1 - 1 / (1 + math.exp(-2 * math.log(9)))
    yes = 1 / (1 + math.exp(-2 * rare))
    np.testing.assert_allclose(reader.doubt(x), [no / 10 + yes / 2, 0.5 / 10 + yes / 2], rtol=1e-4)
    assert Reader({**SECTION, "most": 0.01}, 2, "x")(x)[1].tolist() == [True, False]


@pytest.mark.parametrize("text", ["", "!!!", "We will bomb them.", "word " * 91])
def test_texts_of_other_lengths_than_it_learned_from_go_on(text: str) -> None:
    _, settled = cascade(99).of_ngrams([text, FIVE], np.full((2, 2), 0.01, np.float32))
    assert settled.tolist() == [False, True]


def test_neighbours_that_would_be_settled_are_not_looked_at() -> None:
    reader = cascade()
    plain, charged, beyond, asked = FIVE, "They will attack us soon.", "That is all there is.", []

    def ngrams(texts: Sequence[str]) -> np.ndarray:
        asked.extend(texts)
        return np.array([[0.5, 0.5] if t == charged else [0.01, 0.01] for t in texts], np.float32)

    texts = [plain, charged, plain]
    _, settled = reader.of_ngrams(texts, ngrams(texts))
    assert settled.tolist() == [True, False, True]
    asked.clear()
    near = reader.worth_a_look(texts, ["", plain, charged], [charged, beyond, ""], settled, ngrams)
    assert near == (["", "", charged], [charged, "", ""])
    assert set(asked) == {beyond, ""}  # the others are passages, of which it is known


def test_the_exit_adds_what_ngrams_say() -> None:
    plain = {"carry": [[0, 1]] * 2, "decides": [[0, 1]] * 2, "counts": [1, 1], "most": 0.3}
    both = Cascade({"ngrams": SECTION, "exit": plain}, {"exit.mix": np.array([[1, 0], [2, 0]])}, 2, "x")
    said, ngrams = np.array([[1, -3], [0, -3]], np.float32), np.array([[0.5, 0.6], [0.5, 0.5]], np.float32)
    p, leaves = both.of_exit(said, ngrams)
    x = 1 + 2 * math.log(1.5)  # of the second class's n-grams, twice
    np.testing.assert_allclose(p[0], [1 / (1 + math.exp(-x)), 1 / (1 + math.exp(3))], atol=1e-5)
    assert leaves.tolist() == [True, False]  # doubts .14 + .05 and .5 + .05
    assert not cascade().of_exit(said, ngrams)[1].any()  # there is none


def test_log_odds_and_back() -> None:
    p = np.array([[0.001, 0.5, 0.999]], np.float32)
    np.testing.assert_allclose(line(log_odds(p), np.array([[0, 1]] * 3)), p, atol=1e-6)
    assert np.isfinite(log_odds(np.array([[0.0, 1.0]], np.float32))).all()


@pytest.mark.parametrize(
    "wrong",
    [
        "x",
        {},
        {"layers": 1, "margin": 1},
        {**SECTION, "carry": [[0, 1]]},
        {**SECTION, "carry": [0, 1, 1, 0.5]},
        {**SECTION, "decides": [[0, 1], [0, "a"]]},
        {**SECTION, "decides": [[0, 1], [0, math.inf]]},
        {**SECTION, "counts": [0, 2]},
        {**SECTION, "counts": [math.inf, 2]},
        {**SECTION, "counts": [10**400, 2]},
        {**SECTION, "counts": None},
        {**SECTION, "most": math.nan},
        {**SECTION, "most": 10**400},
        {**SECTION, "most": []},
    ],
)
def test_a_section_that_cannot_be_is_refused(wrong: object) -> None:
    with pytest.raises(InputError, match="cascade"):
        Cascade({"ngrams": wrong}, {}, 2, "model.json")
    with pytest.raises(InputError, match="cascade"):
        Cascade({"ngrams": SECTION, "exit": wrong}, {"exit.mix": np.eye(2)}, 2, "model.json")


@pytest.mark.parametrize("arrays", [{}, {"exit.mix": np.eye(3)}])
def test_an_exit_without_its_array_is_refused(arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(InputError, match=r"exit\.mix"):
        Cascade({"ngrams": SECTION, "exit": SECTION}, arrays, 2, "model.json")


@pytest.mark.parametrize("section", [None, "x", {}, {"exit": SECTION}, SECTION])
def test_a_cascade_without_ngrams_is_refused(section: object) -> None:
    with pytest.raises(InputError, match="cascade"):
        Cascade(section, {"exit.mix": np.eye(2)}, 2, "model.json")
