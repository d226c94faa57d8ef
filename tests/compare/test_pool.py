"""Jobs in several processes: order, progress, and a process that dies."""

from __future__ import annotations

import os

import pytest

from sca_nlp.compare.pool import each
from sca_nlp.errors import ScaError


def double(x: int) -> int:
    return 2 * x


def die_at_three(x: int) -> int:
    if x == 3:
        os._exit(9)
    return x


def test_results_stand_in_order_whatever_the_number_of_processes():
    steps: list[tuple[int, int]] = []
    for workers in (1, 2):
        assert each(double, range(5), 5, workers=workers, progress=lambda *s: steps.append(s)) == [0, 2, 4, 6, 8]
    assert steps == 2 * [(k, 5) for k in range(1, 6)]


def test_a_process_that_is_killed_is_one_clear_error():
    with pytest.raises(ScaError, match="fewer workers"):
        each(die_at_three, range(6), 6, workers=2)
