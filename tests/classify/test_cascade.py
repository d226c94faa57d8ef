from __future__ import annotations

import math

import numpy as np
import pytest

from sca_nlp.classify.cascade import FirstReader, line, log_odds
from sca_nlp.errors import InputError

SECTION = {"carry": [[0, 1], [1, 0.5]], "decides": [[0, 2], [0, 2]], "counts": [10, 2], "most": 0.1}
THRESHOLDS = np.array([0.5, 0.4], np.float32)


def test_doubt_is_the_chance_of_error_weighed_by_how_rare_a_class_is() -> None:
    reader = FirstReader(SECTION, THRESHOLDS, "x")
    ngrams = np.array([[0.9, 0.01], [0.5, 0.01]], np.float32)
    p, doubt = reader.read(ngrams)
    rare = math.log(0.01 / 0.99)
    np.testing.assert_allclose(p[0], [0.9, 1 / (1 + math.exp(-(1 + 0.5 * rare)))], atol=1e-5)
    # The first class is seen (wrong where the model says no), the second is not (wrong where it says yes).
    no = 1 - 1 / (1 + math.exp(-2 * math.log(9)))
    yes = 1 / (1 + math.exp(-2 * rare))
    assert doubt[0] == pytest.approx(no / 10 + yes / 2, rel=1e-4)
    assert doubt[1] == pytest.approx(0.5 / 10 + yes / 2, rel=1e-4)
    assert reader(ngrams)[1].tolist() == [True, True]
    assert FirstReader({**SECTION, "most": 0.01}, THRESHOLDS, "x")(ngrams)[1].tolist() == [True, False]


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
        {**SECTION, "decides": [[0, 1], [0, "a"]]},
        {**SECTION, "decides": [[0, 1], [0, math.inf]]},
        {**SECTION, "counts": [0, 2]},
        {**SECTION, "counts": None},
        {**SECTION, "most": math.nan},
        {**SECTION, "most": []},
    ],
)
def test_a_section_that_cannot_be_is_refused(wrong: object) -> None:
    with pytest.raises(InputError, match="cascade"):
        FirstReader(wrong, THRESHOLDS, "model.json")
