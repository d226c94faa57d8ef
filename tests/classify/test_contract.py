from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sca_nlp.classify.contract import Decision, decision_from, neighbours
from sca_nlp.codebook import default_codebook
from sca_nlp.errors import InputError

BOOK = default_codebook()
N = len(BOOK.classes)


def decision(threshold: float = 0.5, calibration: tuple[float, float, float] = (1, 1, 0)) -> Decision:
    return Decision(BOOK, np.full(N, threshold, np.float32), np.tile(np.array(calibration, np.float32), (N, 1)))


PROBABILITIES = hnp.arrays(np.float32, st.tuples(st.integers(0, 6), st.just(N)), elements=st.floats(0, 1, width=32))


@given(PROBABILITIES, st.floats(0.05, 0.95))
def test_at_most_one_value_of_each_indicator(p: np.ndarray, threshold: float) -> None:
    for row, codes in zip(p, decision(threshold).decide(p), strict=True):
        assert BOOK.check_codes(codes) == codes
        over = [c for c, v in zip(BOOK.classes, row, strict=True) if v >= np.float32(threshold)]
        assert set(codes) <= set(over)
        assert {BOOK.meaning[c][0] for c in over} == {BOOK.meaning[c][0] for c in codes}


def test_of_two_values_the_one_further_over_its_threshold_wins() -> None:
    rule = decision()
    rule.thresholds[:] = [0.5, 0.2, *[0.9] * (N - 2)]
    p = np.zeros((1, N), np.float32)
    p[0, :2] = 0.6, 0.4
    assert rule.decide(p) == [("TP-",)]


@given(PROBABILITIES, st.floats(0, 3), st.floats(0, 3), st.floats(-2, 2))
def test_calibration_keeps_order_and_range(p: np.ndarray, a: float, b: float, c: float) -> None:
    out = decision(calibration=(a, b, c)).calibrate(p)
    assert ((out >= 0) & (out <= 1)).all()
    order = np.sort(p.ravel())
    moved = decision(calibration=(a, b, c)).calibrate(np.tile(order[:, None], (1, N)))
    assert (np.diff(moved[:, 0]) >= -1e-6).all()


def test_no_calibration_changes_nothing() -> None:
    p = np.linspace(0.01, 0.99, 5 * N, dtype=np.float32).reshape(5, N)
    np.testing.assert_allclose(decision().calibrate(p), p, atol=1e-5)


def test_thresholds_must_fit_the_codebook() -> None:
    with pytest.raises(InputError, match="thresholds"):
        decision_from({"thresholds": [0.5]}, BOOK, "model.json")
    with pytest.raises(InputError, match="no numeric"):
        decision_from({}, BOOK, "model.json")


def test_neighbours_are_one_each_or_none() -> None:
    assert neighbours(["a", "b"], ()) == ["", ""]
    with pytest.raises(InputError, match="1 for 2"):
        neighbours(["a", "b"], ["x"])
