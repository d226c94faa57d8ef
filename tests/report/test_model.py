"""The page on the study's model: each condition with what is behind it, and what the data cannot say."""

from __future__ import annotations

import html
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from sca_nlp.report import write_report
from sca_nlp.report.said import Said, pattern, read_terms, voices
from tests.report.test_html import Page


@pytest.fixture(scope="module")
def text(run, tmp_path_factory):
    pd.DataFrame(
        {
            "a": "AVA",
            "b": "BOR",
            "kind": "memberships",
            "name": "Shared memberships of organisations",
            "unit": "organisations",
            "dataset": "igo",
            "period": [str(y) for y in range(1980, 2000)],
            "value": np.linspace(10, 40, 20),
            "n_pairs": 1,
            "ref_low": 15.0,
            "ref_median": 20.0,
            "ref_high": 25.0,
            "ref_below": np.linspace(0, 1, 20),
            "n_ref": 30,
        }
    ).to_parquet(run / "transactions.parquet")
    try:
        page = write_report(
            run, title="t", dyads=[("AVA", "BOR")], out=tmp_path_factory.mktemp("out"), figures=False
        ).read_text("utf-8")
    finally:
        (run / "transactions.parquet").unlink()
    return page


def test_every_condition_stands_on_the_page_with_its_limits(text):
    Page(text)
    sections = re.findall(r'<details class="more condition" id="model-AVA_BOR-(\w+)"', text)
    assert sections == [
        *("precipitating", "determination", "power", "responsiveness", "values", "density", "organisations", "trust")
    ]
    assert text.count("What the data cannot say") == 8
    plain = html.unescape(re.sub(r"<[^>]+>", "", text))
    assert "Military spending: not in this run's data (readers sipri_milex, nmc)" in plain
    assert "Trade, travel, mail and students abroad have no reader: not in this run's data" in plain


def test_density_says_how_dense_how_it_moves_and_beside_whom(text):
    plain = html.unescape(re.sub(r"<[^>]+>", "", text))
    assert "1 of 1 kind denser than the median pair of the West; 1 growing, 0 falling." in plain
    assert "denser than three quarters of them" in plain
    assert '<path d="M' in text
    assert 'class="refband"' in text


def test_power_says_whose_change_in_which_unit(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("report"))
    series = pd.read_parquet(copy / "deed_series.parquet")
    spent = series[(series["manifestation"] == "all") & (series["dataset"] == "all")].assign(
        manifestation="military_spending", dataset="sipri_milex", estimate=-0.25
    )
    pd.concat([series, spent]).to_parquet(copy / "deed_series.parquet")
    source = {"name": "sipri_milex", "title": "Spending of the Two", "measure": "level", "unit": "points of GDP"}
    (copy / "deed_sources.json").write_text(json.dumps([source]), "utf-8")
    page = write_report(copy, title="t", dyads=[("AVA", "BOR")], figures=False).read_text("utf-8")
    block = page.split('id="model-AVA_BOR-power"')[1].split("</details>")[0]
    plain = html.unescape(re.sub(r"<[^>]+>", "", block))
    # A rise in arms counts away from a community; the sentence says what was spent.
    assert "+0.25 a year in the last years (Spending of the Two: points of GDP)." in plain
    assert plain.count("+0.25") >= 4


def test_sentences_and_deeds_of_a_condition_lead_to_what_the_page_holds(text):
    block = text.split('id="model-AVA_BOR-values"')[1].split("</details>")[0]
    assert "We keep the Treaty of Lake Orm" in block
    assert re.search(r"International law and treaties kept</a></td><td>\d+ \(\d+ about BOR\)", block)
    ids = set(re.findall(r'id="([^"]+)"', text))
    links = set(re.findall(r'href="#([^"]+)"', block))
    assert links
    assert links <= ids


def test_a_dissenting_voice_is_found_and_a_lone_one_is_not_judged():
    rng = np.random.default_rng(0)
    rows = []
    for period in range(1990, 2000):
        for speaker, level in (("Head", 0.2), ("Minister", 0.2), ("Critic", -0.3)):
            rows += [
                {
                    "period": str(period),
                    "speech_id": f"{speaker}{period}",
                    "speaker": speaker,
                    "office": "",
                    "balance": b,
                }
                for b in rng.normal(level, 0.1, 6)
            ]
    rows += [
        {"period": "2010", "speech_id": f"late{k}", "speaker": "Late", "office": "", "balance": 0.9} for k in range(8)
    ]
    found = {v.speaker: v for v in voices(Said(about=pd.DataFrame(rows)), read_terms())}
    assert found["Critic"].dissents
    assert found["Critic"].deviation == pytest.approx(-0.5, abs=0.05)
    assert not found["Late"].dissents
    assert np.isnan(found["Late"].deviation)


def test_voices_alike_rarely_dissent():
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(25):
        speech = rng.normal(0, 0.1, 40)  # sentences of one speech are alike
        rows = [
            {"period": str(1990 + k // 4), "speech_id": str(k), "speaker": f"S{k % 4}", "office": "", "balance": b}
            for k in range(40)
            for b in rng.normal(speech[k], 0.1, 8)
        ]
        wrong += any(v.dissents for v in voices(Said(about=pd.DataFrame(rows)), read_terms()))
    assert wrong <= 5  # nominal 5 % of 25, family-wise


def test_terms_are_words_with_any_ending_where_a_star_stands():
    found = re.compile(pattern(["treaty", "disarm*", "rule of law"]))
    assert found.search("The Treaty holds")
    assert found.search("disarmament")
    assert found.search("the rule  of law")
    assert not found.search("entreaty")
    assert not re.search(pattern([]), "anything")
