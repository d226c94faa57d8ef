"""The bar in short: a few worlds of the quickest pieces; `make bar` is the whole of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sca_nlp.compare import compare_dyad
from tests.bar.__main__ import PIECES, SERIES, main, measure
from tests.bar.found import Found, rows_of, together, verdict
from tests.compare.test_dyad import OPTIONS, both_ways


def test_the_command_prints_a_table_and_adds_to_its_file(tmp_path, capsys) -> None:
    out = tmp_path / "bar.json"
    assert main(["--worlds", "3", "--only", "crises", "pooled", "--out", str(out)]) == 0
    assert main(["--worlds", "2", "--only", "crises", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "crisis, deeds, rejected" in printed
    assert "60 years, momentum 0.5" in printed
    kept = json.loads(out.read_text("utf-8"))
    assert {(r["piece"], r["worlds"]) for r in kept["rows"]} == {("pooled", 3), ("crises", 2)}
    for row in kept["rows"]:
        assert 0 <= row["low"] <= row["share"] <= row["high"] <= 1


def test_numbers_depend_on_the_seed_alone() -> None:
    a, b, c = (measure("simulated", 2, seed) for seed in (0, 0, 1))
    assert a == b != c


def test_every_statistic_of_a_comparison_is_measured() -> None:
    asked = compare_dyad(*both_ways(), "AAA", "BBB", n_draws=2, **OPTIONS).tests
    rng = np.random.default_rng(0)
    pieces = [p for name, p in PIECES.items() if p.settings is SERIES and name != "panel"]
    named = {f.statistic for p in pieces for f in p.run(rng, 60, 0.5)}
    assert set(asked["statistic"]) <= named


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        ((0.05, 0.04, 0.06), "in"),
        ((0.08, 0.06, 0.1), "unsure"),
        ((0.02, 0.01, 0.029), "out"),
        ((0.1, 0.08, 0.2), "out"),
    ],
)
def test_outside_is_what_lies_outside_with_all_its_interval(measured, said) -> None:
    assert verdict("rejected", *measured) == said
    assert verdict("recovered", *measured) == ""


def test_answers_of_one_world_count_together() -> None:
    alike = [[Found("x", "rejected", k == 0)] * 10 for k in range(20)]
    (row,) = rows_of("p", "s", alike)
    assert (row.share, row.answers, row.worlds) == (0.05, 200, 20)
    assert row.high > 0.2  # twenty worlds, not two hundred


def test_settings_are_put_together_and_the_worst_stays_to_be_seen() -> None:
    worlds = [[Found("x", "rejected", k < 5)] for k in range(100)]
    bad = [[Found("x", "rejected", k < 30)] for k in range(100)]
    rows = [*rows_of("p", "a", worlds), *rows_of("p", "b", bad)]
    ((statistic, measured, share, low, high, least, most, n, said),) = together(rows)
    assert (statistic, measured, n) == ("x", "rejected", 200)
    assert (share, least, most) == (pytest.approx(0.175), 0.05, 0.3)
    assert 0.12 < low < share < high < 0.24
    assert said == "out: b"
