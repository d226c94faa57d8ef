"""Coincidence, endurance, crisis, q-values and the place on the spectrum."""

from __future__ import annotations

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


def test_criteria_with_a_slip_are_refused(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(
        '[[stage]]\nid="a"\nname="a"\ntext=""\n[[criterion]]\nid="x"\nstage="b"\ntext=""\nframe="words"\nover="mean"\nop=">="\nthreshold=1.0\n'
    )
    with pytest.raises(InputError, match="x"):
        spectrum.read_criteria(path)
    with pytest.raises(InputError, match="no such file"):
        spectrum.read_criteria(tmp_path / "none.toml")
