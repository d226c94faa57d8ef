"""The full comparison: every question is answered or says why not; same numbers for any number of workers; quick."""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
import pytest

from sca_nlp.compare import compare_dyad, compare_many
from sca_nlp.compare.crisis import Window
from sca_nlp.compare.endurance import Change
from sca_nlp.compare.series import TEST_COLUMNS
from sca_nlp.errors import InputError
from tests.compare.worlds import frames, led

OPTIONS = {
    "permutations": 49,
    "leaders": (Change("AAA", "1915", "old", "new"), Change("BBB", "1930", "old", "new")),
    "crises": (Window("strait", ("AAA", "BBB"), "1920", "1922"),),
}


def both_ways(seed=0, periods=40, names=("AAA", "BBB")):
    rng = np.random.default_rng(seed)
    parts = [frames(*led(rng, periods=periods), source=s, target=t, seed=seed) for s, t in (names, names[::-1])]
    return [pd.concat(p, ignore_index=True) for p in zip(*parts, strict=True)]


def test_every_question_has_its_rows_with_a_null_in_words():
    c = compare_dyad(*both_ways(), "AAA", "BBB", window=("1900", "1930"), **OPTIONS)
    assert list(c.tests.columns) == list(TEST_COLUMNS)
    assert set(c.tests["question"]) == {
        "do they diverge?",
        "who leads?",
        "does one predict the other?",
        "do rare deeds follow words?",
        "do they answer each other?",
        "when did it change?",
        "does it outlast leaders?",
        "under strain?",
    }
    assert c.tests["null"].str.len().min() > 10
    assert (c.tests["estimate"].notna() | (c.tests["reason"] != "")).all()
    known = c.tests[c.tests["p"].notna()]
    assert known["p"].between(0, 1).all()
    assert (known["n"] > 0).all()
    assert (c.tests["low"].fillna(-9) <= c.tests["estimate"].fillna(9) + 1e-9).all()
    for settings in c.tests["settings"]:
        assert isinstance(json.loads(settings), dict)
    found = known[~known["statistic"].str.contains("placebo")]
    assert found["q"].notna().all()
    assert (found["q"] >= found["p"] - 1e-12).all()
    assert {"gap", "low", "high", "window"} <= set(c.gap.columns)


def test_row_order_and_names_do_not_matter():
    a = both_ways()
    shuffled = [f.sample(frac=1, random_state=1) for f in a]
    first = compare_dyad(*a, "AAA", "BBB", permutations=29)
    again = compare_dyad(*shuffled, "AAA", "BBB", permutations=29)
    pd.testing.assert_frame_equal(first.tests, again.tests)
    named = [f.replace({"source": {"AAA": "KKK"}, "target": {"AAA": "KKK"}}) for f in a]
    renamed = compare_dyad(*named, "KKK", "BBB", permutations=29)
    # Estimates do not depend on names; only the permutations are drawn anew.
    np.testing.assert_allclose(first.tests["estimate"], renamed.tests["estimate"])


def test_workers_do_not_change_numbers():
    names = [("AAA", "BBB"), ("CCC", "DDD"), ("EEE", "FFF"), ("GGG", "HHH"), ("III", "JJJ"), ("KKK", "LLL")]
    parts = [both_ways(seed, names=two) for seed, two in enumerate(names, 1)]
    all_frames = [pd.concat(p, ignore_index=True) for p in zip(*parts, strict=True)]
    dyads = [names[0], ("DDD", "CCC"), *names[2:]]
    seen = []
    one = compare_many(*all_frames, dyads, permutations=19, progress=lambda done, total: seen.append((done, total)))
    two = compare_many(*all_frames, dyads[::-1], workers=2, permutations=19)
    assert seen == [(k, 6) for k in range(1, 7)]
    for name in ("tests", "gap", "breaks", "sequences"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))
    assert (one.tests["statistic"] == "Dumitrescu-Hurlin panel").sum() == 2
    assert one.settings["n_tests"] == one.tests["q"].notna().sum()
    alone = compare_dyad(*both_ways(1), "AAA", "BBB", permutations=19)
    mine = one.tests[(one.tests["source"] == "AAA") & (one.tests["target"] == "BBB")].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine.drop(columns="q"), alone.tests.drop(columns="q"))


@pytest.mark.parametrize(
    "spoil", ["constant words", "constant deeds", "short", "no deeds", "no words", "hidden", "nothing"]
)
def test_poor_series_give_reasons_not_crashes(spoil):
    words, draws, deeds = both_ways(periods=7 if spoil == "short" else 30)
    if spoil == "constant words":
        words["estimate"], draws["estimate"] = 0.1, 0.1
    if spoil == "constant deeds":
        deeds["estimate"] = 0.0
    if spoil in ("no deeds", "nothing"):
        deeds = deeds.iloc[:0]
    if spoil in ("no words", "nothing"):
        words, draws = words.iloc[:0], draws.iloc[:0]
    if spoil == "hidden":
        words["hidden"] = True
    c = compare_dyad(words, draws, deeds, "AAA", "BBB", **OPTIONS)
    cross = c.tests[c.tests["question"].isin(["who leads?", "do they diverge?", "does one predict the other?"])]
    assert len(cross)
    assert cross["estimate"].isna().all()
    assert (cross["reason"] != "").all()


def test_one_dyad_with_200_draws_and_1000_permutations_takes_less_than_20_seconds():
    rng = np.random.default_rng(0)
    parts = [frames(*led(rng, periods=80), draws=200, source=s, target=t) for s, t in (("AAA", "BBB"), ("BBB", "AAA"))]
    all_frames = [pd.concat(p, ignore_index=True) for p in zip(*parts, strict=True)]
    start = time.process_time()
    c = compare_dyad(*all_frames, "AAA", "BBB", n_draws=200, permutations=1000)
    assert time.process_time() - start < 20
    assert c.settings["draws"] == 200


def test_sensitivity_shows_each_choice_and_changes_nothing_else():
    from sca_nlp.compare.sensitivity import sensitivity

    words, draws, deeds = both_ways()
    louder = deeds.assign(estimate=deeds["estimate"] * 3)
    windows = {"all": None, "early": ("1900", "1919")}
    table = sensitivity(
        {
            "main": (words, draws, deeds),
            "louder": (words, draws, louder),
            "cold": (words, draws, deeds.assign(estimate=-deeds["estimate"])),
        },
        "AAA",
        "BBB",
        windows=windows,
        permutations=49,
    )
    assert (table["window"] == "early").sum() == 3  # only the drift hangs on the window
    assert set(table["statistic"]) > {
        "Toda-Yamamoto",
        "answer to hostile words",
        "GRIT runs in deeds",
        "break in words",
    }
    by = table.set_index(["variant", "window", "statistic", "direction"])["estimate"]
    assert by["louder", "all", "break in deeds", ""] == pytest.approx(3 * by["main", "all", "break in deeds", ""])
    by = by.drop("break in deeds", level="statistic")
    assert by["main"].to_numpy() == pytest.approx(by["louder"].to_numpy(), abs=1e-6, nan_ok=True)
    first = "cross-correlation", "words lead deeds"
    assert by["cold", "all", *first] == pytest.approx(-by["main", "all", *first], abs=1e-6)


def test_the_balance_without_an_indicator_and_from_counted_codes():
    from sca_nlp.compare.sensitivity import other_words

    base = {"source": "AAA", "target": "BBB", "measure": "balance", "value": "balance", "hidden": False}
    rows = []
    for period, threat, force in (("1990", 0.4, 0.2), ("1991", -0.6, 0.0)):
        values = {"threat": threat, "force": force, "story": 0.1}
        values["all"] = 0.5 * threat + 0.25 * force + 0.25 * 0.1
        rows += [
            base | {"period": period, "method": "adjusted", "indicator": i, "estimate": v} for i, v in values.items()
        ]
        rows.append(base | {"period": period, "method": "raw_count", "indicator": "all", "estimate": 0.05})
    words = pd.DataFrame(rows)
    draws = pd.DataFrame(
        [
            {"source": "AAA", "target": "BBB", "period": p, "draw": k, "estimate": 0.1 * k}
            for p in ("1990", "1991")
            for k in (0, 1)
        ]
    )
    made = other_words(words, draws, {"threat": 0.5, "force": 0.25, "story": 0.25}, "adjusted")
    assert sorted(made) == [
        *(f"weights: without {i}" for i in ("force", "story", "threat")),
        "words: codes counted at the threshold",
    ]
    calm, moved = made["weights: without threat"]
    assert calm["estimate"].tolist() == pytest.approx([0.15, 0.05])  # the mean of the other two
    assert moved["estimate"].tolist() == pytest.approx(
        [-0.125, -0.025, 0.325, 0.425]
    )  # 0 and .1, by .15 - .275 and .05 + .275
    louder, _ = made["weights: without force"]
    assert louder["estimate"].tolist() == pytest.approx([(2 * 0.4 + 0.1) / 3, (2 * -0.6 + 0.1) / 3])
    counted, none = made["words: codes counted at the threshold"]
    assert counted["estimate"].tolist() == [0.05, 0.05]
    assert none.empty


def test_a_result_that_hangs_on_one_indicator_is_seen_to():
    from sca_nlp.compare.sensitivity import sensitivity

    rng = np.random.default_rng(4)
    lead, deeds = led(rng, periods=60)
    words, draws, series = frames(lead, deeds)
    noise = rng.standard_normal(60) * lead.std()
    balance = words[words["measure"] == "balance"]
    parts = [
        balance.assign(indicator="threat", estimate=2 * lead - noise),
        balance.assign(indicator="story", estimate=noise),
    ]
    made = sensitivity(
        {"as reported": (pd.concat([words, *parts]), draws, series)},
        "AAA",
        "BBB",
        weights={"threat": 0.5, "story": 0.5},
        permutations=99,
    )
    leads = made[(made["statistic"] == "cross-correlation") & (made["direction"] == "words lead deeds")]
    leads = leads.set_index("variant")["estimate"].abs()
    assert leads["weights: without threat"] < 0.5 * leads["as reported"]


@pytest.mark.parametrize("name", ["permutations", "max_lag"])
def test_what_leaves_nothing_to_compare_with_is_refused(name):
    with pytest.raises(InputError, match=f"compare.{name}: 0; wanted a number of at least 1"):
        compare_many(*both_ways(), [("AAA", "BBB")], **{name: 0})
