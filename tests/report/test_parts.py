from __future__ import annotations

import csv
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sca_nlp.report import periods as per
from sca_nlp.report.events import beginnings
from sca_nlp.report.frames import read_frames
from sca_nlp.report.pairs import Break, Direction, Pair, Point, headline_method, pairs_of, slug
from sca_nlp.report.provenance import classifier_error
from sca_nlp.report.rows import choice_rows
from sca_nlp.report.summary import change, spans, summarise
from sca_nlp.report.svg import boxes, el, nice_ticks, short, uprights
from sca_nlp.report.tables import cell, guard, unguard, write_table
from sca_nlp.report.wording import num, pvalue


@given(st.text())
def test_guard_is_undone_and_no_formula_is_left(text):
    assert unguard(guard(text)) == text
    assert not guard(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_tables_keep_numbers_and_text(tmp_path):
    frame = pd.DataFrame(
        {"x": [-1.5, float("nan")], "n": [-3, 4], "t": ["=1+1", "'=a"], "l": [["-a", "b"], []], "b": [True, False]}
    )
    write_table(frame, tmp_path, "t")
    rows = list(csv.reader((tmp_path / "t.csv").open(encoding="utf-8", newline="")))
    assert rows == [["x", "n", "t", "l", "b"], ["-1.5", "-3", "'=1+1", "'-a;b", "true"], ["", "4", "''=a", "", "false"]]
    assert pd.read_parquet(tmp_path / "t.parquet")["t"].tolist() == ["=1+1", "'=a"]
    assert cell(np.float64(-2)) == "-2.0"


@pytest.mark.parametrize(("grain", "first"), [("year", "1985"), ("quarter", "1985Q1"), ("month", "1985-01")])
@given(k=st.integers(0, 500))
def test_periods_count_on(grain, first, k):
    name = per.name(per.ordinal(first) + k, grain)
    assert per.grain_of(name) == grain
    assert per.ordinal(name) - per.ordinal(first) == k
    assert 0 <= per.place(name, first) - k <= 1


def test_period_of_refuses_dates_that_are_too_coarse():
    assert per.period_of("1985-05-02", "quarter") == "1985Q2"
    assert per.period_of("1985", "quarter") is None
    assert per.period_of("1985-05", "month") == "1985-05"
    assert per.period_range(["1983", "1980", "1980Q1"]) == ["1980", "1981", "1982", "1983"]


@pytest.mark.parametrize("n", [1, 10, 20, 45, 80, 200])
def test_ticks_are_few(n):
    for axis in ([str(1900 + k) for k in range(n)], [per.name(1900 * 12 + k, "month") for k in range(n)]):
        assert 1 <= len(per.ticks(axis)) <= 12 or n < 3


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_nice_ticks_lie_inside(low, span):
    ticks = nice_ticks(low, low + span)
    assert len(ticks) <= 12
    assert all(low - span * 1e-3 - 1e-9 <= t <= low + span * 1.001 + 1e-9 for t in ticks)


@given(st.text())
def test_elements_escape(text):
    made = str(el("text", text, title=text))
    assert made.count("<") == 2
    assert made.count(">") == 2


@given(st.text(), st.text())
def test_slugs_tell_names_apart(a, b):
    assert (slug(a) == slug(b)) == (a == b) or {a, b} == {"", "x"}


def test_spans_draw_runs_together():
    axis = [str(y) for y in range(1980, 1990)]
    assert spans(["1981", "1983", "1984", "1985"], axis) == "1981, 1983–1985"


def test_change_carries_the_draws():
    d = Direction("A", "B", "a")
    years = [str(y) for y in range(1980, 1990)]
    d.words = {y: Point(0.1 if y < "1985" else 0.5, n=30) for y in years}
    assert change(d)[1] == pytest.approx(0.4)
    assert np.isnan(change(d)[2])  # no draws, no interval
    rng = np.random.default_rng(1)
    d.draws = pd.DataFrame({y: v.estimate + rng.normal(0, 0.1, 4000) for y, v in d.words.items()})
    _, value, low, high = change(d)
    half = 1.96 * 0.1 * np.sqrt(2 / 3)  # three periods at either end
    assert (low, high) == pytest.approx((value - half, value + half), abs=0.01)


def test_headline_is_the_best_method_that_shows_anything():
    words = pd.DataFrame(
        {
            "measure": "balance",
            "indicator": "all",
            "method": ["design", "adjusted", "raw_count"],
            "estimate": 0.1,
            "hidden": [True, False, False],
        }
    )
    assert headline_method(words) == "adjusted"
    assert headline_method(words, "raw_count") == "raw_count"


def test_pairs_come_once(run):
    frames = read_frames(run)
    assert pairs_of(frames, ()) == [("AVA", "BOR")]
    assert pairs_of(frames, [("BOR", "AVA"), ("AVA", "BOR")]) == [("BOR", "AVA")]
    assert not frames.missing
    assert frames.rejects[0][1] == 2


def test_a_frame_without_its_columns_is_named(run, tmp_path):
    (tmp_path / "words.parquet").write_bytes((run / "words_draws.parquet").read_bytes())
    (tmp_path / "deeds.parquet").write_bytes(b"not parquet")
    reasons = {m.file: m.reason for m in read_frames(tmp_path).missing}
    assert reasons["words.parquet"].startswith("has no column measure")
    assert "not readable as Parquet" in reasons["deeds.parquet"]


def test_wording():
    assert (num(-0.001), num(0.25, signed=True), num(float("nan")), pvalue(0.0004), pvalue(0.05)) == (
        "0.00",
        "+0.25",
        "—",
        "<.001",
        ".050",
    )
    assert "no measured scores" in classifier_error({})
    assert "macro-F1 0.52" in classifier_error({"public_test": {"macro_f1": 0.52}})


def test_a_treaty_in_force_is_one_deed_at_its_beginning():
    base = {"dataset": "alliances", "source": "AVA", "target": "BOR", "manifestation": "dispute_resolution", "sign": 1}
    years = [base | {"date": str(y), "code": "pact", "description": "pact in force"} for y in (1976, 1977, 1978, 1981)]
    other = base | {"date": "1977", "code": "war", "description": "war"}
    dated = base | {"date": "1977-05-01", "code": "pact", "description": "pact in force"}
    assert [r["date"] for r in beginnings([*years, other, dated])] == ["1976", "1981", "1977", "1977-05-01"]


def test_a_break_is_told_from_the_level_between_its_neighbours():
    level = [0.0] * 5 + [-2.0] * 5 + [3.0] * 5
    deeds = {str(1960 + k): Point(v) for k, v in enumerate(level)}
    d = Direction("AVA", "BOR", "a", "Avaria", "Borland", deeds=deeds)
    d.breaks = [Break("deeds", p, p, p, 0.01) for p in ("1965", "1970")]
    pair = Pair("AVA", "BOR", sorted(deeds), [d], [], "", "")
    told = dict(summarise(pair, pd.DataFrame(columns=["q"])))["Breaks"]
    assert (
        "deeds in 1965, p .010, level after it lower by 2.00" in told
    )  # though all that follows lies higher on average
    assert "deeds in 1970, p .010, level after it higher by 5.00" in told


def test_many_boxes_are_one_path():
    assert boxes([(1.0, 2.0, 3.0, 4.04), (10.26, 0.0, 1.5, 1.0)]) == "M1 2h3v4h-3zM10.3 0h1.5v1h-1.5z"
    assert uprights([(1.0, 2.0, -0.01)]) == "M1 2V0"
    assert short(-0.04) == "0"


def test_choices_stand_side_by_side_each_alone():
    row = {"source": "AVA", "target": "BOR", "statistic": "drift", "direction": "", "p": 0.5}
    table = pd.DataFrame(
        [
            row | {"variant": v, "window": w, "estimate": e}
            for v, w, e in (
                ("as reported", "as reported", 1.0),
                ("as reported", "its first half", 2.0),
                ("verbal deeds in", "as reported", 3.0),
                ("verbal deeds in", "its first half", 4.0),  # two choices at once: in the CSV
            )
        ]
        + [
            row
            | {"statistic": "agreement", "variant": "as reported", "window": "as reported", "estimate": float("nan")}
        ]
    )
    pair = Pair("AVA", "BOR", ["1990"], [], [], "", "")
    choices, rows = choice_rows(SimpleNamespace(extra={"sensitivity": table}), pair)
    assert choices == ["as reported", "window: its first half", "verbal deeds in"]
    assert [(r["what"], [r["by"][c]["estimate"] for c in choices]) for r in rows] == [("drift", [1.0, 2.0, 3.0])]
    assert (rows[0]["estimate"], rows[0]["low"], rows[0]["high"]) == (1.0, 1.0, 3.0)
    assert rows[0]["turned"] == rows[0]["crossed"] == []
    table.loc[table["variant"] == "verbal deeds in", ["estimate", "p"]] = -3.0, 0.01
    (row,) = choice_rows(SimpleNamespace(extra={"sensitivity": table}), pair)[1]
    assert (row["estimate"], row["low"], row["high"], row["p"], row["p_low"]) == (1.0, -3.0, 2.0, 0.5, 0.01)
    assert row["turned"] == row["crossed"] == ["verbal deeds in"]
    assert choice_rows(SimpleNamespace(extra={}), pair) == ([], [])
    assert choice_rows(SimpleNamespace(extra={"sensitivity": table}), Pair("AVA", "CAR", [], [], [], "", "")) == (
        [],
        [],
    )
