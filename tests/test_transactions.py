"""Transactions of a pair by year, beside all pairs of a reference group."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from sca_nlp.aggregate.transactions import Kind, read_kinds, transactions
from sca_nlp.errors import InputError
from sca_nlp.records import Coverage, DeedSource


def source(name, measure="event", first="2000", last="2002"):
    return DeedSource(
        name=name,
        title=name,
        measure=measure,
        grain="year",
        unit="",
        coverage=Coverage(first, last, frozenset(), frozenset()),
        licence="",
        citation="",
    )


def deed(date, a, b, dataset, magnitude=1.0):
    return {
        "date": date,
        "source": a,
        "target": b,
        "manifestation": "institutionalisation",
        "sign": 1,
        "magnitude": magnitude,
        "verbal": False,
        "dataset": dataset,
        "description": "",
    }


def both(*args):
    date, a, b, *rest = args
    return [deed(date, a, b, *rest), deed(date, b, a, *rest)]


WEST = frozenset({"USA", "GBR", "CAN"})
EVENT = Kind("exercises", "Exercises", "a year", ("exercises",), "one_way")
LEVEL = Kind("memberships", "Memberships", "", ("igo",), "level")


def made(rows, kind, measure, pairs=(("RUS", "USA"),), members=None):
    out = transactions(
        pd.DataFrame(rows),
        [source(kind.datasets[0], measure)],
        pairs,
        kinds=[kind],
        reference=lambda year: WEST,
        members=members,
    )
    return out.set_index("period")


def test_events_count_once_and_none_is_zero_beside_the_reference():
    rows = [*both("2000", "RUS", "USA", "exercises"), *both("2000", "RUS", "USA", "exercises")]
    rows += [*both("2000", "USA", "GBR", "exercises"), *both("2001", "CAN", "GBR", "exercises")]
    out = made(rows, EVENT, "event")
    assert list(out["value"]) == [2.0, 0.0, 0.0]
    assert list(out["n_ref"]) == [3, 3, 3]
    assert out.loc["2000", "ref_below"] == 1.0
    assert out.loc["2001", "ref_below"] == pytest.approx(1 / 3)  # ties count half: two of three are 0 as well
    assert out.loc["2000", "ref_median"] == 0.0


def test_levels_that_are_not_given_have_no_row():
    rows = [*both("2000", "RUS", "USA", "igo", 30.0), *both("2000", "USA", "GBR", "igo", 50.0)]
    out = made(rows, LEVEL, "level")
    assert list(out.index) == ["2000"]
    assert (out.loc["2000", "value"], out.loc["2000", "ref_median"], out.loc["2000", "n_ref"]) == (30.0, 50.0, 1)


def test_a_side_that_is_a_group_is_the_mean_of_its_pairs_and_not_its_own_yardstick():
    rows = [*both("2000", "RUS", "USA", "igo", 30.0), *both("2000", "RUS", "GBR", "igo", 20.0)]
    rows += both("2000", "USA", "GBR", "igo", 50.0)
    group = {"WEST": WEST}
    out = made(rows, LEVEL, "level", [("RUS", "WEST")], lambda a, y: group.get(a, frozenset({a})))
    assert (out.loc["2000", "value"], out.loc["2000", "n_pairs"]) == (25.0, 2)
    inside = made(rows, LEVEL, "level", [("USA", "GBR")])
    assert inside.loc["2000", "n_ref"] == 0


def test_shipped_kinds_are_read_and_wrong_ones_are_named(tmp_path):
    kinds, reference = read_kinds()
    assert reference == "WEST"
    assert {k.count for k in kinds} == {"level", "one_way", "both", "deeds"}
    assert next(k for k in kinds if k.id == "coded_cooperation").has("chronology_france_germany")
    wrong = tmp_path / "model.toml"
    wrong.write_text('[[transaction]]\nid = "x"\nname = "x"\nunit = ""\ndatasets = ["igo"]\ncount = "often"\n')
    with pytest.raises(InputError, match="often"):
        read_kinds(wrong)


def test_what_goes_both_ways_is_added_up_and_one_way_is_not():
    rows = [deed("2000", "RUS", "USA", "trade", 3.0), deed("2000", "USA", "RUS", "trade", 5.0)]
    rows.append(deed("2000", "RUS", "RUS", "trade", 9.0))  # with oneself
    for count, value in (("both", 8.0), ("one_way", 5.0), ("level", 5.0)):
        kind = Kind("trade", "Trade", "", ("trade",), count)
        assert made(rows, kind, "level").loc["2000", "value"] == value


def test_coverage_says_where_none_means_zero():
    rows = both("2001", "RUS", "USA", "exercises")
    pairs = (("RUS", "USA"), ("RUS", "CHN"))

    def years(**coverage):
        declared = replace(source("exercises", first="", last=""), coverage=Coverage(**coverage))
        out = transactions(pd.DataFrame(rows), [declared], pairs, kinds=[EVENT], reference=lambda year: frozenset())
        return {(r.b if r.a == "RUS" else r.a, r.period): r.value for r in out.itertuples()}

    everybody = {"actors": frozenset(), "dyads": frozenset()}
    # Without years of its own the coverage is that of the deeds.
    assert years(first="", last="", **everybody) == {("USA", "2001"): 1.0, ("CHN", "2001"): 0.0}
    some = everybody | {"actors": frozenset({"RUS", "USA"})}
    assert years(first="2001", last="2002", **some) == {("USA", "2001"): 1.0, ("USA", "2002"): 0.0}
    one = everybody | {"dyads": frozenset({("USA", "RUS")})}
    assert years(first="2001", last="2001", **one) == {("USA", "2001"): 1.0}
    rows.clear()
    empty = pd.DataFrame([deed("2001", "A", "B", "other")])
    declared = replace(source("exercises"), coverage=Coverage("", "", frozenset(), frozenset()))
    assert transactions(empty, [declared], pairs, kinds=[EVENT], reference=lambda year: WEST).empty


def test_kinds_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="transaction"):
        read_kinds(tmp_path / "none.toml")
    (tmp_path / "model.toml").write_text('[[transaction]]\nid = "x"\nweight = 2\n')
    with pytest.raises(InputError, match="weight"):
        read_kinds(tmp_path / "model.toml")
