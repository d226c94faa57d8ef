from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sca_nlp.errors import InputError
from sca_nlp.records import Annotation
from training.draw import draw

N = 200
PASSAGES = [Annotation(str(n), f"d{n}", 0, 9, f"word{n} other{n} third{n}", ("TP+",), ("RUS",)) for n in range(N)]
RNG = np.random.default_rng(0)
P = RNG.random((N, 3)).astype(np.float32) ** 3
T = np.full(3, 0.4, np.float32)


def take(seed: int = 0, n_informative: int = 20, n_audit: int = 40, **more: object) -> list[Annotation]:
    return draw(PASSAGES, P, T, n_informative=n_informative, n_audit=n_audit, seed=seed, **more)


def test_rows_are_blank_distinct_and_marked() -> None:
    rows = take()
    assert Counter(r.stream for r in rows) == {"audit": 40, "informative": 20}
    assert len({r.annotation_id for r in rows}) == 60
    assert all(r.codes == () and r.targets == () for r in rows)
    assert all((r.inclusion_probability == 0.2) == (r.stream == "audit") for r in rows)
    assert [r.annotation_id for r in rows] == [r.annotation_id for r in take()]


def test_the_audit_estimates_a_mean_without_bias() -> None:
    value = P[:, 0].astype(float)
    means = [np.mean([value[int(r.annotation_id)] for r in take(s, 0)]) for s in range(300)]
    assert abs(np.mean(means) - value.mean()) < 4 * np.std(means) / np.sqrt(300)


def test_strata_weigh_to_the_population() -> None:
    strata = ["a"] * 150 + ["b"] * 50
    rows = take(strata=strata, n_informative=0)
    assert sum(r.weight or 0 for r in rows) == pytest.approx(N)
    assert Counter(strata[int(r.annotation_id)] for r in rows) == {"a": 30, "b": 10}


def test_the_queue_goes_to_the_threshold() -> None:
    rows = take(n_informative=15, n_audit=0)
    gap = np.abs(P - T).min(1)
    assert np.mean([gap[int(r.annotation_id)] for r in rows]) < np.median(gap) / 2


def test_near_repeats_are_put_off() -> None:
    same = [Annotation(str(n), "d", 0, 9, "the very same words again", ()) for n in range(50)] + PASSAGES[50:]
    p = np.full((N, 3), 0.01, np.float32)
    p[:60] = 0.4
    rows = draw(same, p, T, n_informative=8, n_audit=0, seed=0)
    assert sum(r.text == "the very same words again" for r in rows) == 1


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(InputError, match="of 200"):
        take(n_informative=199, n_audit=2)
