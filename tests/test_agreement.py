from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sca_nlp.agreement import alpha, f1


def units(rows: dict[str, str]) -> list[dict[str, str]]:
    """Return units from one string a coder; a dot is a missing value."""
    return [{c: v[k] for c, v in rows.items() if v[k] != "."} for k in range(len(next(iter(rows.values()))))]


def test_krippendorffs_own_example() -> None:
    # Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C: nominal data, four observers.
    rows = {"a": "123321412...", "b": "1233224125.3", "c": ".3332342251.", "d": "12332441251."}
    assert alpha(units(rows)).value == pytest.approx(0.743, abs=0.0005)


def test_agreement_is_one_and_chance_is_about_zero() -> None:
    assert alpha([{"a": v, "b": v} for v in "xyxyxyxy"]).value == 1
    assert abs(alpha([{"a": a, "b": b} for a in "xy" for b in "xy"] * 50).value or 1) < 0.02


def test_undefined_is_explained() -> None:
    assert "only 2 passages" in alpha([{"a": "x", "b": "x"}] * 2).reason
    assert "same value everywhere" in alpha([{"a": "x", "b": "x"}] * 9).reason
    assert "neither side" in f1([False] * 9, [False] * 9).reason


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("xyz")), min_size=5, max_size=40))
def test_coders_may_change_places(pairs: list[tuple[str, str]]) -> None:
    one, two = alpha([{"a": a, "b": b} for a, b in pairs]), alpha([{"a": b, "b": a} for a, b in pairs])
    assert one == two
    assert one.value is None or one.value <= 1


def test_f1_against_the_definition() -> None:
    got = f1([True, True, False, False, True, False], [True, False, True, False, True, False])
    assert got.value == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert got.low is not None
    assert got.high is not None
    assert got.low <= 2 / 3 <= got.high
