"""The embedded sample is sound: its ids, dates, offsets, codes and deeds are what the datasheet says."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sca_nlp.codebook import default_codebook
from sca_nlp.records import MANIFESTATIONS

SAMPLE = Path(__file__).resolve().parent.parent / "corpus" / "sample"
ACTORS = {"NVL", "EMK", "MCP", "VLM", "ORY"}
TARGETS = ACTORS | {"ALL", "NONSTATE", "?"}

# ISO 3166-1 alpha-3 (and the withdrawn codes of states that speeches name): the sample may use none of them.
ISO = frozenset(
    re.findall(
        r"[A-Z]{3}",
        """
        ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR BHS BIH BLM
    BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB CUW CXR
    CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM GAB GBR GEO GGY GHA GIB
    GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA
    JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA
    MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR
    NPL NRU NZL OMN PAK PAN PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS
    SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON
    TTO TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE
    ANT BUR BYS CSK DDR DHY HVO PCZ PCI RHO SCG SUN TMP VDR XKX XKO YMD YUG ZAR""",
    )
)


def read_jsonl(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLE / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def speeches() -> list[dict[str, Any]]:
    return read_jsonl("speeches.jsonl")


@pytest.fixture(scope="module")
def gold() -> list[dict[str, Any]]:
    return read_jsonl("gold.jsonl")


@pytest.fixture(scope="module")
def deeds() -> list[dict[str, str]]:
    with (SAMPLE / "deeds.csv").open(newline="", encoding="utf-8") as h:
        return list(csv.DictReader(h))


def test_no_code_is_a_real_state() -> None:
    assert not ACTORS & ISO


def test_actors_file_names_every_actor_once() -> None:
    data = tomllib.loads((SAMPLE / "actors.toml").read_text(encoding="utf-8"))
    codes = [a["code"] for a in data["actor"] + data["group"]]
    assert sorted(codes) == sorted(ACTORS)
    for group in data["group"]:
        assert {m["code"] for m in group["members"]} <= set(codes)
        assert all(m["from"] <= m["to"] for m in group["members"])


def test_speeches_have_unique_ids_and_ordered_whole_dates(speeches: list[dict[str, Any]]) -> None:
    ids = [s["speech_id"] for s in speeches]
    assert len(ids) == len(set(ids)) >= 60
    dates = [dt.date.fromisoformat(s["date"]) for s in speeches]
    assert dates == sorted(dates)
    assert {d.year for d in dates} == set(range(1991, 2013))
    for s in speeches:
        assert s["speech_id"].startswith(f"{s['country']}-{s['date'][:7]}-"), s["speech_id"]
        assert s["corpus"] == "sample"
        assert s["language"] == "en"
        assert s["text"].strip() == s["text"]
        assert "\n\n" in s["text"]
        assert all(s[k] for k in ("speaker", "office", "title", "venue", "kind"))


def test_both_states_speak_in_every_year(speeches: list[dict[str, Any]]) -> None:
    said = {(s["country"], s["date"][:4]) for s in speeches}
    assert {(c, str(y)) for c in ("NVL", "EMK") for y in range(1991, 2013)} <= said
    assert len({s["speaker"] for s in speeches if s["country"] == "MCP"}) == 3


def test_no_text_stands_twice(speeches: list[dict[str, Any]], gold: list[dict[str, Any]]) -> None:
    text = {s["speech_id"]: s["text"] for s in speeches}
    long = [t for g in gold if len(t := text[g["speech_id"]][g["start"] : g["end"]]) > 60]
    assert len(long) == len(set(long))


def test_speakers_hold_the_office_they_speak_in(speeches: list[dict[str, Any]]) -> None:
    with (SAMPLE / "leaders.csv").open(newline="", encoding="utf-8") as h:
        terms = list(csv.DictReader(h))
    assert all(dt.date.fromisoformat(t["from"]) < dt.date.fromisoformat(t["to"]) for t in terms)
    for s in speeches:
        assert any(
            (t["code"], t["speaker"], t["office"]) == (s["country"], s["speaker"], s["office"])
            and t["from"] <= s["date"] <= t["to"]
            for t in terms
        ), f"{s['speech_id']}: {s['speaker']}, {s['office']} on {s['date']} is not in leaders.csv"


def test_gold_offsets_rebuild_the_speeches(speeches: list[dict[str, Any]], gold: list[dict[str, Any]]) -> None:
    left = {s["speech_id"]: s["text"] for s in speeches}
    last = Counter[str]()
    for g in gold:
        text = left[g["speech_id"]]
        assert last[g["speech_id"]] <= g["start"] < g["end"] <= len(text)
        assert text[last[g["speech_id"]] : g["start"]].strip() == ""
        sentence = text[g["start"] : g["end"]]
        assert sentence.strip() == sentence
        assert "\n" not in sentence
        assert re.search(r"[.!?][’”\"]?$", sentence), sentence
        last[g["speech_id"]] = g["end"]
    assert all(last[k] == len(t) for k, t in left.items()), "some text is not covered"


def test_gold_codes_follow_the_codebook(gold: list[dict[str, Any]]) -> None:
    codebook = default_codebook()
    seen = Counter[str]()
    for g in gold:
        codebook.check_codes(g["codes"], g["speech_id"])
        assert set(g["targets"]) <= TARGETS
        assert len(g["targets"]) <= 3
        assert bool(g["codes"]) == bool(g["targets"]), g
        assert g["speech_id"][:3] not in g["targets"], g
        seen.update(g["codes"])
    assert sum(bool(g["codes"]) for g in gold) >= 150
    assert all(seen[c] >= 10 for c in codebook.classes)
    assert sum(not g["codes"] for g in gold) > len(gold) / 2


def test_deeds_are_coded_by_the_rule(deeds: list[dict[str, str]]) -> None:
    assert len(deeds) >= 70
    assert set(deeds[0]) == {
        *["date", "source", "target", "manifestation", "sign", "magnitude", "verbal", "description", "reference"]
    }
    for d in deeds:
        dt.date.fromisoformat(d["date"])
        assert d["source"] != d["target"]
        assert {d["source"], d["target"]} <= ACTORS
        assert d["manifestation"] in MANIFESTATIONS
        assert d["sign"] in {"1", "-1", "0"}
        assert d["magnitude"] in {"1", "2", "3"}
        assert d["verbal"] in {"true", "false"}
        assert d["description"]
        assert d["reference"] == "fictional, corpus/sample"
    assert [d["date"] for d in deeds] == sorted(d["date"] for d in deeds)


def test_deeds_cover_manifestations_directions_and_years(deeds: list[dict[str, str]]) -> None:
    assert {d["manifestation"] for d in deeds} == set(MANIFESTATIONS)
    for pair in (("NVL", "EMK"), ("EMK", "NVL")):
        own = [d for d in deeds if (d["source"], d["target"]) == pair]
        assert {d["manifestation"] for d in own} == set(MANIFESTATIONS), pair
        assert {d["date"][:4] for d in own} == {str(y) for y in range(1991, 2013)}, pair
    assert any(d["source"] == "MCP" for d in deeds)
    assert any(d["target"] == "MCP" for d in deeds)


def test_deeds_tell_the_arc(deeds: list[dict[str, str]]) -> None:
    def total(source: str, first: str, last: str) -> int:
        return sum(
            int(d["sign"]) * int(d["magnitude"])
            for d in deeds
            if d["source"] == source and first <= d["date"] < last and d["verbal"] == "false"
        )

    assert total("NVL", "1991", "1994") < 0
    assert total("EMK", "1991", "1994") < 0
    # Estmark turns first, and Norvale answers only after its change of government
    assert total("EMK", "1994-07", "1995-10-16") > 0 > total("NVL", "1994-07", "1995-10-16")
    assert total("NVL", "1996", "2004") > 20
    assert total("EMK", "1996", "2004") > 20
    # Estmark's deeds cool years before its words do
    assert total("EMK", "2005", "2008") < -8
    assert total("NVL", "2005", "2008") >= 0
    assert total("EMK", "2008", "2009") < 0
