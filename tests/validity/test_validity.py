"""`sca validity`: what words tell in worlds whose answer is known, and in one in which they tell nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sca_nlp import cli
from sca_nlp.cli.validity import _print
from sca_nlp.errors import InputError
from sca_nlp.validity import auroc, read_plan, validate
from sca_nlp.validity.candidates import HEADLINE, PAST, panel_of
from sca_nlp.validity.evidence import read_evidence, read_lexica_evidence
from tests.validity.world import make_world

PLAN = read_plan()


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A world whose words follow the pairs' hostility; its run stands beside itself."""
    folder = tmp_path_factory.mktemp("told")
    latent, rival = make_world(folder, told=1.0)
    found = validate(folder / "run", folder / "data", PLAN, beside=[folder / "run"], lexica=False, draws=20)
    return folder, auroc(latent, rival, np.arange(len(rival)), draws=0), found


@pytest.fixture(scope="module")
def silent(tmp_path_factory):
    """A world whose words tell nothing."""
    folder = tmp_path_factory.mktemp("silent")
    make_world(folder, told=0.0, seed=3)
    return validate(folder / "run", folder / "data", PLAN, lexica=False, draws=20)


def row(found, question: str, score: str, years: str = PAST):
    return next(r for r in found[question]["rows"] if (r["score"], r["years"]) == (score, years))


def test_words_that_follow_hostility_tell_as_well_as_hostility_itself(told) -> None:
    _, truth, found = told
    assert truth.auroc > 0.75
    for score in (HEADLINE, "words, hostile attention", "words, hostile over cordial", "name match for targets"):
        assert row(found, "rivals_vs_allies", score)["auroc"] == pytest.approx(truth.auroc, abs=0.07), score
    assert truth.n_dyads == found["rivals_vs_allies"]["n_dyads"]


def test_all_years_tell_more_than_one(told) -> None:
    many, one = (
        row(told[2], "rivals_vs_allies", "words, hostile attention", y)["auroc"] for y in ("all years", "that year")
    )
    assert many > one + 0.03


def test_counting_names_tells_nothing_where_all_speak_of_all_alike(told) -> None:
    for score in ("names counted", "names counted, fitted"):
        assert row(told[2], "rivals_vs_allies", score)["auroc"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("question", ["rivals_vs_allies", "mid_vs_rest"])
def test_nothing_is_found_in_a_null_world(silent, question: str) -> None:
    for r in silent[question]["rows"]:
        assert r["auroc"] == pytest.approx(0.5, abs=0.12), r["score"]
        assert r["auroc"] < 0.6


def test_reliability_is_high_where_words_follow_the_pair_and_low_where_they_do_not(told, silent) -> None:
    by_speech = [r for r in told[2]["reliability"] if r["what"].startswith("by speech")]
    assert by_speech[0]["reliability"] > 0.5
    assert max(r["reliability"] for r in silent["reliability"] if r["min_passages"] == 10 and r["n"] > 100) < 0.3


def test_an_unknown_pair_of_windows_is_reported_and_not_left_out(told) -> None:
    rows = {e["id"]: e for e in told[2]["episodes"]}
    assert set(rows) == {e.id for e in PLAN.episodes}
    assert rows["soviet_west"]["verdict"] == "no sentences"
    assert rows["france_germany_turn"]["n_first"] == 0
    assert rows["india_pakistan_1971"]["n_first"] == 4  # two sentences each way in 1971


def test_numbers_do_not_depend_on_the_order_of_passages(told, tmp_path: Path) -> None:
    shutil.copytree(told[0] / "run", tmp_path / "run")
    part = tmp_path / "run" / "passages" / "part-0.parquet"
    table = pq.read_table(part)
    pq.write_table(table.take(np.random.default_rng(1).permutation(table.num_rows)), part)
    panels = [panel_of(read_evidence(run, PLAN), PLAN) for run in (told[0] / "run", tmp_path / "run")]
    assert panels[0].pairs == panels[1].pairs
    for name, values in panels[0].values.items():
        assert np.allclose(values, panels[1].values[name], rtol=1e-5), name


def test_the_command_prints_the_keys(told, tmp_path: Path) -> None:
    folder, out = told[0], tmp_path / "v.json"
    cli.add_commands()
    call = ["validity", str(folder / "run"), "--data", str(folder / "data"), "--no-lexica", "--draws", "0"]
    done = CliRunner().invoke(cli.app, [*call, "--json", "--out", str(out)])
    found = json.loads(done.stdout)
    assert found["rivals_vs_allies"]["auroc"] == told[2]["rivals_vs_allies"]["auroc"]
    assert {"auroc", "low", "high", "n_positive", "n_negative"} <= set(found["mid_vs_rest"])
    assert json.loads(out.read_text("utf-8"))["mid_vs_rest"] == found["mid_vs_rest"]


def test_the_table_says_all_of_it(told, capsys) -> None:
    _print(told[2])
    text = capsys.readouterr().out
    for part in ("Rivals without a defence pact", "militarised dispute", "Reliability", "Known episodes", HEADLINE):
        assert part in text
    assert "nan" not in text


def test_a_second_run_stands_beside(told) -> None:
    found = told[2]
    assert row(found, "mid_vs_rest", f"{HEADLINE} (run)")["auroc"] == found["mid_vs_rest"]["auroc"]


def test_lexica_find_their_words(told, tmp_path: Path) -> None:
    heads = {
        "threat_dictionary_choi2022": "word\ndanger\n",
        "grievance_dictionary_5plus": "word,category,mean_rating\ndanger,threat,8\n",
        "mfd2": "word,category\nfriends,loyalty.virtue\n",
        "lexicoder_lsd2015": "lexEntry,isPrefix,polarity\ndanger,0,negative\nfriend,1,positive\n",
        "cameo_verb_patterns": "verb,cameo,kind\nthreaten,130,verb\n",
    }
    for name, text in heads.items():
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    cells = read_lexica_evidence(told[0] / "run", tmp_path, PLAN, batch=700)
    ours = read_evidence(told[0] / "run", PLAN).cells.groupby(["source", "target", "year"])[["TP+", "named"]].sum()
    theirs = cells["threat dictionary (Choi 2022)"].set_index(["source", "target", "year"]).loc[ours.index]
    assert (theirs["named"] == ours["named"]).all()
    assert np.corrcoef(theirs["named_hostile"], ours["TP+"])[0, 1] > 0.999  # its one word stands in all of these
    assert (cells["moral foundations 2.0"]["named_cordial"] > 0).any()
    assert (cells["CAMEO verb patterns"]["named_hostile"] == 0).all()


def test_a_run_without_targets_is_refused(tmp_path: Path) -> None:
    make_world(tmp_path, told=1.0, targets=False)
    with pytest.raises(InputError, match="has a target"):
        validate(tmp_path / "run", tmp_path / "data", PLAN, lexica=False, draws=0)


def test_missing_data_is_named(told, tmp_path: Path, monkeypatch) -> None:
    folder = told[0]
    with pytest.raises(InputError, match=r"rivalry_tss\.parquet: no such file"):
        validate(folder / "run", tmp_path, PLAN, lexica=False, draws=0)
    monkeypatch.delenv("SCA_DATA", raising=False)
    cli.add_commands()
    done = CliRunner().invoke(cli.app, ["validity", str(folder / "run")])
    assert isinstance(done.exception, InputError)
    assert "--data or SCA_DATA" in str(done.exception)
    with pytest.raises(InputError, match="no passages"):
        validate(tmp_path, folder / "data", PLAN, lexica=False, draws=0)


def test_a_run_without_rivals_is_refused(told, tmp_path: Path) -> None:
    folder = told[0]
    shutil.copytree(folder / "run", tmp_path / "run")
    part = tmp_path / "run" / "passages" / "part-0.parquet"
    table = pq.read_table(part)
    pq.write_table(table.filter(pc.equal(table["source"], "ARG")).slice(0, 2), part)
    with pytest.raises(InputError, match="over many states"):
        validate(tmp_path / "run", folder / "data", PLAN, lexica=False, draws=0)


def test_a_plan_with_a_wrong_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text("[weights]\nhostile = {}\n", "utf-8")
    with pytest.raises(InputError, match="no key"):
        read_plan(path)


def test_every_episode_states_its_expectation_and_why() -> None:
    for episode in PLAN.episodes:
        assert episode.why
        assert episode.colder in ("first", "second")


def test_area_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    positive = rng.random(500) < 0.2
    score = np.round(rng.normal(size=500) + positive, 1)  # with ties
    found = auroc(score, positive, np.arange(500), draws=0)
    assert found.auroc == pytest.approx(roc_auc_score(positive, score))
    strata = (score > 0).astype(np.int64)
    areas, couples = [], []
    for k in (0, 1):
        m = strata == k
        areas.append(roc_auc_score(positive[m], score[m]))
        couples.append(positive[m].sum() * (~positive[m]).sum())
    within = auroc(score, positive, np.arange(500), strata=strata, draws=0)
    assert within.auroc == pytest.approx(np.average(areas, weights=couples))


def test_intervals_by_dyad_cover_and_those_by_row_do_not() -> None:
    rng = np.random.default_rng(2)
    truth = NormalDist().cdf(1.0 / np.sqrt(2))
    n_dyads, n_years = 80, 12
    dyad = np.repeat(np.arange(n_dyads), n_years)
    covered = {"dyad": 0, "row": 0}
    worlds = 100
    for _ in range(worlds):
        positive = np.repeat(rng.random(n_dyads) < 0.4, n_years)
        lasting, passing = rng.normal(size=n_dyads) * np.sqrt(0.8), rng.normal(size=len(dyad)) * np.sqrt(0.2)
        score = positive + lasting[dyad] + passing
        for name, cluster in (("dyad", dyad), ("row", np.arange(len(dyad)))):
            found = auroc(score, positive, cluster, draws=80, seed=int(rng.integers(1 << 30)))
            covered[name] += found.low <= truth <= found.high
    assert 0.88 <= covered["dyad"] / worlds <= 0.99
    assert covered["row"] / worlds < 0.75
