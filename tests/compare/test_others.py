"""Coincidence, endurance, crisis, q-values and the place on the spectrum."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from sca_nlp.compare import coincidence, crisis, endurance, multiple, spectrum
from sca_nlp.errors import InputError, UnknownNameError
from tests.compare.worlds import ar, of, pair


def test_coincidence_rates_by_hand():
    a = np.array([1, 0, 0, 1, 0, 0, 1, 0], bool)
    b = np.array([0, 1, 0, 0, 0, 1, 0, 0], bool)
    assert [float(v) for v in coincidence.rates(a, b, window=0, lag=1)] == [pytest.approx(1 / 3), pytest.approx(1 / 2)]
    assert [float(v) for v in coincidence.rates(a, b, window=1, lag=1)] == [pytest.approx(2 / 3), 1.0]


def test_events_that_follow_are_told_from_events_that_do_not():
    rng = np.random.default_rng(0)
    jump = (rng.random(100) < 0.12).astype(float) * 3
    words = jump.cumsum() * 0.1 + 0.02 * rng.standard_normal(100)
    deeds = np.concatenate([[0, 0], jump[:-2]]).cumsum() + 0.2 * rng.standard_normal(100)
    rows = coincidence.coincidence(pair(words, deeds, noise=0.001), permutations=299, rng=rng)
    assert of(rows, "event coincidence, conciliatory", "words lead deeds")["p"] < 0.01
    assert of(rows, "event coincidence, conciliatory", "words lead deeds")["lag"] == 1


def test_event_time_and_waiting():
    words, events = np.tile([0.0, 0, 1, 0, 0, 0, 0, 0], 6), np.tile([0, 0, 0, 1, 0, 0, 0, 0], 6).astype(bool)
    p = pair(words, words)
    around = coincidence.event_time(p, events).set_index("offset")
    assert around.loc[-1, "words"] == 1
    assert around.loc[0, "words"] == 0
    row = coincidence.time_to_next(p, events, permutations=99, rng=np.random.default_rng(0))
    assert row["estimate"] < 0  # loud words stand right before the events
    assert coincidence.time_to_next(p, np.zeros(48, bool), permutations=9, rng=np.random.default_rng(0))["reason"]


def test_a_drop_with_each_leader_is_found_and_trust_that_stays_is_not():
    rng = np.random.default_rng(1)
    changes = [endurance.Change("AAA", str(1900 + k), "x", "y") for k in (10, 20, 30, 40, 50)]
    saw = np.tile(np.linspace(0.9, 0, 10), 6) * -1 + 1
    saw = saw + 0.05 * rng.standard_normal(60)
    row = of(endurance.endurance(pair(saw, saw), changes, permutations=199, rng=rng), "change of leader, words")
    assert row["estimate"] < -0.4
    assert row["p"] < 0.1
    calm = ar(rng, 1, 60, 0.2)[0]
    row = of(endurance.endurance(pair(calm, calm), changes, permutations=199, rng=rng), "change of leader, words")
    assert row["low"] < 0 < row["high"]
    assert endurance.endurance(pair(calm, calm), [endurance.Change("ZZZ", "1910")], rng=rng) == []


def test_fallback_in_a_crisis():
    rng = np.random.default_rng(2)
    x = ar(rng, 1, 60, 0.2)[0]
    x[20:24] -= 4
    windows = [crisis.Window("strait", ("BBB", "AAA"), "1920", "1923")]
    rows = crisis.crisis(pair(x, x), windows, permutations=199, rng=rng)
    assert of(rows, "crisis, words")["estimate"] < -2
    assert of(rows, "crisis, words")["p"] < 0.06
    other = [crisis.Window("elsewhere", ("AAA", "CCC"), "1920", "1923")]
    assert crisis.crisis(pair(x, x), other, rng=rng) == []
    late = [crisis.Window("later", ("AAA", "BBB"), "1990", "1993")]
    assert all(r["reason"] for r in crisis.crisis(pair(x, x), late, rng=rng))


def test_q_values_are_those_of_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = np.random.default_rng(3).random(50) ** 3
    for ours, theirs in (("bh", "fdr_bh"), ("by", "fdr_by")):
        assert multiple.q_values(p, method=ours) == pytest.approx(multitest.multipletests(p, method=theirs)[1])
    with_holes = multiple.q_values(np.append(p, np.nan))
    assert np.isnan(with_holes[-1])
    assert with_holes[:-1] == pytest.approx(multiple.q_values(p))
    with pytest.raises(UnknownNameError):
        multiple.q_values(p, method="bonferoni")


def test_placebos_count_as_no_test():
    table = pd.DataFrame({"statistic": ["a", "local projection, placebo", "b"], "p": [0.01, 0.01, np.nan]})
    out = multiple.adjust(table)
    assert out["q"].tolist()[0] == 0.01
    assert out["q"].isna().tolist() == [False, True, True]
    assert out.attrs["n_tests"] == 1


def level_frames(threat, force, story, deeds):
    words = []
    for s, t in (("AAA", "BBB"), ("BBB", "AAA")):
        for year in range(1990, 1995):
            base = {"source": s, "target": t, "period": str(year), "method": "raw_probability", "hidden": False}
            words += [
                base | {"measure": "stance", "indicator": "threat_perception", "value": "affirmed", "estimate": threat},
                base | {"measure": "stance", "indicator": "force_as_option", "value": "affirmed", "estimate": force},
                base | {"measure": "balance", "indicator": "shared_storyline", "value": "balance", "estimate": story},
                base | {"measure": "balance", "indicator": "all", "value": "balance", "estimate": story - threat},
            ]
    rows = [
        {
            "source": s,
            "target": t,
            "period": str(y),
            "manifestation": m,
            "dataset": "all",
            "estimate": v,
            "covered": True,
            "n_deeds": 1,
        }
        for s, t in (("AAA", "BBB"), ("BBB", "AAA"))
        for y in range(1990, 1995)
        for m, v in deeds.items()
    ]
    return pd.DataFrame(words), pd.DataFrame(rows)


KEPT = {"response_to_threat": 0.2, "agreement_adherence": 0.5, "security_cooperation": 0.5, "institutionalisation": 0.1}


@pytest.mark.parametrize(
    ("threat", "force", "story", "deeds", "stage"),
    [
        (0.5, 0.2, 0.0, KEPT | {"response_to_threat": -3.0}, "conflict_formation"),
        (0.1, 0.05, 0.1, KEPT, "security_regime"),
        (0.01, 0.01, 0.1, KEPT, "security_community"),
        (0.01, 0.01, 0.4, KEPT | {"institutionalisation": 2.0}, "integration"),
        (
            0.5,
            0.2,
            0.4,
            KEPT | {"institutionalisation": 2.0, "response_to_threat": -3.0},
            "conflict_formation",
        ),  # no leap over a stage
    ],
)
def test_place_on_the_spectrum_by_the_shipped_criteria(threat, force, story, deeds, stage):
    words, series = level_frames(threat, force, story, deeds)
    found = spectrum.position(words, series, "AAA", "BBB", span=("1990", "1994"))
    assert found.stage == stage
    assert set(found.criteria["criterion"]) == {c.id for c in spectrum.read_criteria().criteria}
    assert found.criteria["n_periods"].max() == 5


def test_what_is_unknown_is_said_to_be_unknown():
    words, series = level_frames(0.1, 0.05, 0.1, KEPT)
    found = spectrum.position(words, series, "AAA", "CCC", span=("1990", "1994"))
    assert found.stage == "unknown"
    assert found.criteria["met"].isna().all()
    stages, every = spectrum.positions(words, series, "AAA", "BBB", width=2)
    assert stages["first"].tolist() == ["1990", "1992", "1994"]
    assert len(every)


def test_one_known_criterion_is_no_ground_for_a_place():
    words, series = level_frames(0.01, 0.01, 0.4, KEPT)
    words = words[(words["measure"] == "balance") & (words["indicator"] == "all")]
    found = spectrum.position(words, series[:0], "AAA", "BBB", span=("1990", "1994"))
    assert found.criteria["met"].notna().any()
    assert found.stage == "unknown"


def quiet(*deeds: tuple[str, str, float], manifestation: str = "response_to_threat") -> pd.DataFrame:
    """A series in which nothing happened but these deeds (source, period, magnitude), in own units and in z over 60
    years.
    """
    rows = []
    for s, t in (("AAA", "BBB"), ("BBB", "AAA")):
        own = np.zeros(60)
        for who, period, magnitude in deeds:
            own[int(period) - 1950] -= magnitude if who == s else 0
        z = np.clip((own - own.mean()) / (own.std() or 1.0), -3, 3)
        for k in range(60):
            n = sum(who == s and int(period) == 1950 + k for who, period, _ in deeds)
            base = {"source": s, "target": t, "period": str(1950 + k), "manifestation": manifestation, "covered": True}
            rows += [base | {"dataset": "all", "estimate": z[k], "n_deeds": n}]
            rows += [base | {"dataset": "mine", "estimate": own[k], "n_deeds": n}]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("deeds", "stage"),
    [
        ([("AAA", "1992", 1.0)], "security_community"),  # one expulsion in sixty years, three standard deviations off
        ([("AAA", "1992", 1.0), ("AAA", "1993", 1.0)], "conflict_formation"),
        ([("AAA", "1992", 3.0)], "conflict_formation"),  # one war is enough
        ([], "security_community"),
    ],
)
def test_one_small_deed_in_a_series_without_deeds_decides_nothing(deeds, stage):
    words, _ = level_frames(0.01, 0.01, 0.4, KEPT)
    words = words[words["indicator"].isin(["threat_perception", "force_as_option"])]
    series = pd.concat([quiet(*deeds), quiet(("AAA", "1990", 2.0), manifestation="security_cooperation")])
    series.loc[series["manifestation"] == "security_cooperation", "estimate"] *= -1
    found = spectrum.position(words, series, "AAA", "BBB", span=("1990", "1994"))
    row = found.criteria.set_index(["criterion", "source"]).loc[("no_hostile_response", "AAA")]
    assert row["n_deeds"] == len(deeds)
    if len(deeds) == 1 and deeds[0][2] == 1.0:
        assert row["value"] == -3
        assert row["met"]
        assert row["reason"] == "1 small deed, read as none: at least 2 wanted, or one of magnitude 2"
    assert found.stage == stage


def test_what_silence_says_is_written_in_the_criteria():
    words, _ = level_frames(0.01, 0.01, 0.4, KEPT)
    kinds = ("response_to_threat", "agreement_adherence", "security_cooperation", "institutionalisation")
    series = pd.concat([quiet(manifestation=m) for m in kinds])
    found = spectrum.position(words, series, "AAA", "BBB", span=("1990", "1994")).criteria
    met = found[found["source"] == "AAA"].set_index("criterion")["met"]
    assert met["no_hostile_response"]
    assert pd.isna(met["agreements_kept"])  # nothing was promised and nothing broken
    assert met["security_cooperation"] == False  # noqa: E712
    assert met["institutions"] == False  # noqa: E712


def test_one_years_words_do_not_stand_for_five():
    words, series = level_frames(0.01, 0.01, 0.1, KEPT)
    series = series[series["manifestation"] == "response_to_threat"]
    for years, stage in ((1, "unknown"), (2, "security_community")):
        few = words[words["period"].astype(int) < 1990 + years]
        assert spectrum.position(few, series, "AAA", "BBB", span=("1990", "1994")).stage == stage


def test_a_criterion_fails_where_one_side_fails_it():
    calm, series = level_frames(0.01, 0.01, 0.1, KEPT)
    harsh, _ = level_frames(0.5, 0.01, 0.1, KEPT)
    loud, _ = level_frames(0.27, 0.01, 0.1, KEPT)
    both = pd.concat([calm[calm["source"] == "AAA"], harsh[harsh["source"] == "BBB"]])  # together below zero
    for order in (("AAA", "BBB"), ("BBB", "AAA")):  # whoever comes first
        assert spectrum.position(both, series, *order, span=("1990", "1994")).stage == "conflict_formation"
    one_sided = pd.concat([calm[calm["source"] == "AAA"], loud[loud["source"] == "BBB"]])
    found = spectrum.position(one_sided, series, "AAA", "BBB", span=("1990", "1994"))
    swapped = spectrum.position(one_sided, series, "BBB", "AAA", span=("1990", "1994"))
    assert swapped.stage == found.stage
    value = found.criteria[found.criteria["together"]].set_index("criterion")["value"]
    assert value["words_not_hostile"] == pytest.approx(
        one_sided[(one_sided["measure"] == "balance") & (one_sided["indicator"] == "all")]["estimate"].mean()
    )
    pd.testing.assert_series_equal(
        value, swapped.criteria[swapped.criteria["together"]].set_index("criterion")["value"]
    )
    assert found.stage == "security_regime"  # three of four criteria of a regime, and none of a community's required
    # The loud side speaks in one year only: too little to decide, too much to be passed over.
    hushed = one_sided[(one_sided["source"] == "AAA") | (one_sided["period"] == "1990")]
    assert spectrum.position(hushed, series, "AAA", "BBB", span=("1990", "1994")).stage == "security_regime"
    agreeing = calm[(calm["source"] == "AAA") | (calm["period"] == "1990")]
    assert spectrum.position(agreeing, series, "AAA", "BBB", span=("1990", "1994")).stage == "security_community"


def test_a_treaty_on_both_sides_is_one_deed():
    words, _ = level_frames(0.01, 0.01, 0.4, KEPT)
    both = [(s, "1990", 1.0) for s in ("AAA", "BBB")]
    moves = [("AAA", "1990", 1.0), ("BBB", "1991", 1.0)]
    for deeds, n in ((both, 1), (moves, 2)):
        series = quiet(*deeds, manifestation="agreement_adherence")
        found = spectrum.position(words, series, "AAA", "BBB", span=("1990", "1994")).criteria.set_index("criterion")
        assert found.loc["agreements_kept", "n_deeds"] == n
        assert pd.isna(found.loc["agreements_kept", "met"]) == (n == 1)


def test_no_community_while_a_side_that_speaks_is_silent():
    words, series = level_frames(0.01, 0.01, 0.1, KEPT)
    one = words[words["source"] == "AAA"]
    assert (
        spectrum.position(one, series, "AAA", "BBB", span=("1990", "1994")).stage == "security_community"
    )  # never heard
    spoke = one.iloc[:4].assign(source="BBB", target="AAA", period="1980")
    with_voice = pd.concat([one, spoke])
    assert spectrum.position(with_voice, series, "AAA", "BBB", span=("1990", "1994")).stage == "security_regime"


def test_small_deeds_scattered_in_a_quiet_world_make_no_conflict_formation():
    words, _ = level_frames(0.01, 0.01, 0.4, KEPT)
    rng = np.random.default_rng(7)
    stages = set()
    for _ in range(20):
        deed = (str(rng.choice(["AAA", "BBB"])), str(rng.integers(1990, 1995)), 1.0)
        stages.add(spectrum.position(words, quiet(deed), "AAA", "BBB", span=("1990", "1994")).stage)
    assert "conflict_formation" not in stages


def test_criteria_with_a_slip_are_refused(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(
        '[[stage]]\nid="a"\nname="a"\ntext=""\n[[criterion]]\nid="x"\nstage="b"\ntext=""\nframe="words"\nover="mean"\nop=">="\nthreshold=1.0\n'
    )
    with pytest.raises(InputError, match="x"):
        spectrum.read_criteria(path)
    with pytest.raises(InputError, match="no such file"):
        spectrum.read_criteria(tmp_path / "none.toml")


def test_moves_are_changes_beyond_the_usual():
    x = np.array([0, 0.1, 0, 0.1, 0, 3, 2.9, 3, -1, np.nan, 4, 4.1])
    assert coincidence.moves(x).tolist() == [0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 0, 0]
    assert coincidence.moves(x[:4]).tolist() == [0, 0, 0, 0]  # fewer than four changes
    steps = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1.0])  # the usual change is none
    assert coincidence.moves(steps).tolist() == [0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
    assert not coincidence.moves(np.arange(9.0)).any()


def test_rates_have_leading_axes_and_are_unknown_without_events():
    a = np.array([[1, 0, 1, 0], [0, 0, 0, 0]], bool)
    b = np.array([0, 1, 0, 0], bool)
    trigger, precursor = coincidence.rates(a, b, window=0, lag=1)
    assert trigger[0] == 0.5
    assert np.isnan(trigger[1])
    assert precursor.tolist() == [1, 0]
    precursor = coincidence.rates(b, a, window=0, lag=1)[1]
    assert precursor[0] == 0.5
    assert np.isnan(precursor[1])
    beyond = coincidence.rates(np.array([1, 0, 0, 0], bool), b, window=9, lag=1)
    assert [float(v) for v in beyond] == [1, 1]  # a window that ends after the series


@pytest.mark.parametrize("silent", ["words", "deeds"])
def test_coincidence_says_which_side_never_moves_so(silent):
    jump = np.zeros(30)
    jump[10:], jump[20:] = 2, 4
    flat = np.repeat([0.0, -1.0], 15)  # one move, and a hostile one
    p = pair(flat, jump, draws=flat[None]) if silent == "words" else pair(jump, flat, draws=jump[None])
    rows = coincidence.coincidence(p, permutations=9, rng=np.random.default_rng(0))
    for direction in ("words lead deeds", "deeds lead words"):
        row = of(rows, "event coincidence, conciliatory", direction)
        assert row["reason"] == f"no conciliatory move in {silent}"


def test_coincidence_by_hand():
    words, deeds = np.zeros(30), np.zeros(30)
    for at in (5, 15, 25):
        words[at:] -= 1
    for at in (6, 16, 22):
        deeds[at:] -= 1
    rows = coincidence.coincidence(pair(words, deeds, draws=words[None]), permutations=99, rng=np.random.default_rng(0))
    row = of(rows, "event coincidence, hostile", "words lead deeds")
    assert row["estimate"] == pytest.approx(2 / 3)
    assert np.isnan(row["low"])  # one draw tells of no noise
    said = json.loads(row["settings"])
    assert (said["first_events"], said["second_events"], said["precursor_rate"]) == (3, 3, 0.6667)


def test_event_time_at_the_edges_and_with_holes():
    words, deeds = np.arange(10.0), np.arange(10.0, 20.0)
    deeds[4] = np.nan
    events = np.zeros(10, bool)
    events[[0, 4, 9]] = True
    around = coincidence.event_time(pair(words, deeds), events, before=1, after=1).set_index("offset")
    assert around["words"].tolist() == [(3 + 8) / 2, (0 + 4 + 9) / 3, (1 + 5) / 2]
    assert around["deeds"].tolist() == [(13 + 18) / 2, (10 + 19) / 2, (11 + 15) / 2]
    assert around["n"].tolist() == [2, 3, 2]
    nobody = coincidence.event_time(pair(np.full(10, np.nan), np.full(10, np.nan)), events, before=0, after=0)
    assert nobody[["words", "words_low", "deeds"]].isna().all(axis=None)


def test_waiting_is_counted_to_the_next_event_and_not_beyond_the_last():
    from scipy.stats import kendalltau

    rng = np.random.default_rng(3)
    events = np.zeros(30, bool)
    events[[6, 20]] = True
    words = rng.standard_normal(30)
    row = coincidence.time_to_next(pair(words, words, noise=0.1), events, permutations=99, rng=rng)
    wait = [6 - k for k in range(6)] + [20 - k for k in range(6, 20)]
    assert row["n"] == 20
    assert row["estimate"] == pytest.approx(kendalltau(words[:20], wait).statistic)
    assert row["low"] < row["estimate"] < row["high"]
    assert json.loads(row["settings"])["events"] == 2
    assert coincidence.time_to_next(pair(words, words), np.zeros(30, bool), permutations=9, rng=rng)["n"] == 0
    one = coincidence.time_to_next(pair(words, words), np.arange(30) == 20, permutations=9, rng=rng)
    assert one["reason"] == "fewer than 2 events or 10 periods before one"
    assert one["statistic"] == row["statistic"] == "time to next event"
    assert one["null"] == row["null"] == "the level of words says nothing of the time to the next event"


def test_q_values_keep_the_order_they_were_given_and_name_the_methods():
    p = [0.04, 0.01, np.nan, 0.03]
    assert multiple.q_values(p).tolist()[:2] == [pytest.approx(0.04), pytest.approx(0.03)]
    assert np.isnan(multiple.q_values([np.nan, np.nan])).all()
    with pytest.raises(UnknownNameError, match=r"method 'bonferroni'.*bh, by"):
        multiple.q_values(p, method="bonferroni")


def test_limits_of_the_waiting_time_count_the_timing_of_the_events():
    rng = np.random.default_rng(4)
    rows = []
    for x in ar(rng, 100, 50, 0.0):
        events = rng.random(50) < 0.15
        rows.append(coincidence.time_to_next(pair(x, x, noise=0.1), events, permutations=99, rng=rng))
    held = [r["low"] <= 0 <= r["high"] for r in rows if not r["reason"]]
    assert np.mean(held) >= 0.88  # .5 with the noise of the words alone
