from __future__ import annotations

import pytest

from training.gemm_bound import ROWS, Bound, multiply_adds, shapes


def test_multiply_adds_of_minilm() -> None:
    assert multiply_adds(shapes(6, 384, 1536)) == 6 * (4 * 384**2 + 2 * 384 * 1536)


def test_equal_shapes_are_added_up() -> None:
    assert shapes(2, 8, 8) == {(8, 24): 2, (8, 8): 6}


def test_the_bound_follows_from_the_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = Bound({(8, 8): 2, (8, 16): 1}, threads=2)
    bound._rates = {((8, 8), m): [m, 1e6, 1e9] for m in ROWS} | {((8, 16), m): [2e6 + m] for m in ROWS}
    assert bound.rate((8, 8)) == 1e6  # the median, not the best round
    assert bound.rate((8, 16)) == 2e6 + max(ROWS)
    assert bound.tokens_per_second() == pytest.approx(1 / (2 * 64 / 1e6 + 128 / (2e6 + max(ROWS))))


def test_a_round_times_every_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.gemm_bound._WORK", 1.0)
    bound = Bound(shapes(1, 8, 16), threads=2)
    bound.round()
    assert len(bound._rates) == len(ROWS) * len(bound.products)
    assert bound.tokens_per_second() > 0
