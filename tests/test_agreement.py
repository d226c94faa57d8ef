from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sca_nlp.agreement import LEAST, alpha, f1, nominal_alpha


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


def test_alpha_alone_is_that_of_the_example() -> None:
    rows = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    assert nominal_alpha([[v for v in unit if v != "."] for unit in zip(*rows, strict=True)]) == pytest.approx(
        0.743, abs=0.0005
    )
    assert nominal_alpha([[1, 2], [1, "2"], [1, 1]]) == nominal_alpha([["a", "b"], ["a", "b"], ["a", "a"]])
    assert nominal_alpha([["x"], []]) is None  # nobody to agree with


def test_intervals_stand_around_the_figure_and_narrow_with_more_passages() -> None:
    few = alpha([{"a": a, "b": b} for a, b in ("xx", "yy", "xy", "yy", "xx", "yx", "xx", "yy")])
    many = alpha([{"a": a, "b": b} for a, b in ("xx", "yy", "xy", "yy", "xx", "yx", "xx", "yy") * 20])
    for figure in (few, many):
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low < (figure.value or 0) < figure.high
    assert (few.n, many.n) == (8, 160)
    assert (many.high or 0) - (many.low or 0) < 0.5 * ((few.high or 0) - (few.low or 0))


def test_as_many_passages_as_are_needed_are_enough() -> None:
    units = [{"a": a, "b": b} for a, b in ("xx", "yy", "xy", "yy", "xx")]
    assert len(units) == LEAST
    assert alpha(units).value is not None
    short = alpha([*units[:-1], {"a": "x"}])  # one coder alone tells nothing of agreement
    assert (short.value, short.n) == (None, LEAST - 1)
    assert f1([True] * LEAST, [True] * LEAST).value == 1
    short = f1([True] * (LEAST - 1), [True] * (LEAST - 1))
    assert (short.value, short.n) == (None, LEAST - 1)
    assert short.reason == f"only {LEAST - 1} passages; {LEAST} are needed"
    assert alpha([{"a": "x", "b": "x"}] * 9).n == f1([False] * 9, [False] * 9).n == 9


def test_a_code_that_was_given_once_has_an_interval_all_the_same() -> None:
    once = f1([True] + [False] * 11, [True] + [False] * 11)
    assert (once.value, once.low, once.high) == (1, 1, 1)
    missed = f1([True] + [False] * 11, [False] * 12)
    assert (missed.value, missed.low, missed.high) == (0, 0, 0)
