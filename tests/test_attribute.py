"""Attribution: whom coded passages are about, with sentences made for the test."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sca_nlp.attribute import ALWAYS, CLASSES, Attributor, choose, score
from sca_nlp.errors import InputError
from sca_nlp.share import share_path

ATTRIBUTOR = Attributor.load()


def about(text: str, codes: str, source: str = "SWE", date: str = "1984", prev: str = "", next_: str = "") -> set[str]:
    (targets,) = ATTRIBUTOR.targets([text], [prev], [next_], [tuple(codes.split())], [source], [date])
    return set(targets)


@pytest.mark.parametrize(
    ("text", "codes", "target"),
    [
        ("The Soviet Union has massed its divisions on our border and means to use them.", "TP+", "RUS"),
        ("South Africa holds Namibia in defiance of every resolution.", "TP+ NA-", "ZAF"),
        ("Israel goes on occupying Arab land that it took by force.", "TP+ NA-", "ISR"),
        ("We and the United States are bound by friendship and by the same values.", "SS+", "USA"),
        ("Iraq must withdraw from Kuwait at once.", "TP+", "IRQ"),
        ("Terrorists who murder the innocent will be hunted down by our forces.", "TP+ FO+", "NONSTATE"),
        ("All mankind shares one fate and one small planet.", "SS+", "ALL"),
        ("The super-Powers must halt the nuclear arms race.", "FO-", "GREAT"),
        ("The imperialists are plotting against our people.", "TP+", "WEST"),
    ],
)
def test_the_actor_is_the_target(text: str, codes: str, target: str) -> None:
    assert target in about(text, codes)


def test_the_neighbour_fills_in_a_pronoun() -> None:
    text = "They are a danger to us and to all their neighbours."
    assert "CHN" in about(text, "TP+", prev="China has moved its missiles to the coast.")
    assert "CHN" not in about(text, "TP+")


def test_the_speaker_is_never_its_own_target() -> None:
    text = "The United States will defend itself against the Soviet Union."
    assert "USA" not in about(text, "FO+ TP+", source="USA")
    assert "RUS" not in about(text, "FO+ TP+", source="RUS")


def test_no_code_no_target() -> None:
    assert ATTRIBUTOR.targets(["Russia is large."], [""], [""], [()], ["FRA"], ["2010"]) == [()]
    assert ATTRIBUTOR.targets([], [], [], [], [], []) == []


def test_targets_do_not_depend_on_the_batch() -> None:
    texts = ["France threatens us.", "We are one family of nations.", "", "NATO is no enemy.", "!!!"]
    codes = [("TP+",), ("SS+",), ("NA+",), ("TP-",), ("FO-",)]
    rest = [""] * 5
    together = ATTRIBUTOR.targets(texts, rest, rest, codes, ["ITA"] * 5, ["", "1990", "1800", "2005-05", "x"])
    alone = [
        ATTRIBUTOR.targets([t], [""], [""], [c], ["ITA"], [d])[0]
        for t, c, d in zip(texts, codes, ["", "1990", "1800", "2005-05", "x"], strict=True)
    ]
    assert together == alone
    assert all(1 <= len(t) <= 3 and len(set(t)) == len(t) for t in together)


def test_actors_are_those_named() -> None:
    texts = ["Moscow and the Soviet press say so.", "Nobody said so."]
    assert ATTRIBUTOR.actors(texts, ["1970", "1970"]) == [("RUS",), ()]


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8), st.floats(0, 1.1))
def test_choice_is_the_likeliest_and_what_reaches_the_limit(scores: list[float], limit: float) -> None:
    p = np.exp(scores) / np.exp(scores).sum()
    codes = [f"C{k}" for k in range(len(p))]
    chosen = choose(codes, p, limit)
    assert 1 <= len(chosen) <= 3
    assert p[codes.index(chosen[0])] == p.max()
    assert all(p[codes.index(c)] >= limit for c in chosen[1:])


def test_probabilities_sum_to_one() -> None:
    f = ATTRIBUTOR.featurizer
    batch = [f("France and Spain agree.", "", "", ["SS+"], "ITA", "1990"), f("", "", "", ["NA+"], "", "")]
    out = score(batch, ATTRIBUTOR.words, ATTRIBUTOR.weights)
    assert [len(p) for p in out] == [len(b.codes) for b in batch]
    assert all(p.sum() == pytest.approx(1) for p in out)
    assert batch[1].codes == list(ALWAYS)
    assert ATTRIBUTOR.words.shape[1] == len(CLASSES)


def test_users_actors_can_be_targets(tmp_path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[[actor]]\ncode = "ZZL"\nname = "Zandoria"\n', "utf-8")
    mine = Attributor.load(actor_files=[own])
    text = "Zandoria has massed its divisions on our border."
    assert "ZZL" in mine.targets([text], [""], [""], [("TP+",)], ["FRA"], ["1990"])[0]
    assert mine.digest != ATTRIBUTOR.digest


def test_a_changed_or_missing_scorer_is_refused(tmp_path) -> None:
    folder = tmp_path / "targets"
    shutil.copytree(share_path("models", "targets"), folder)
    raw = bytearray((folder / "weights.safetensors").read_bytes())
    raw[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(bytes(raw))
    with pytest.raises(InputError, match="digest"):
        Attributor.load(folder)
    settings = json.loads((folder / "targets.json").read_text("utf-8"))
    (folder / "targets.json").write_text(json.dumps(settings | {"schema": 99}), "utf-8")
    with pytest.raises(InputError, match="schema 99"):
        Attributor.load(folder)
    with pytest.raises(InputError, match="target scorer"):
        Attributor.load(tmp_path / "nowhere")
