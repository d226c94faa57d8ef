"""Training of the target scorer on a small made-up set, and the shipped scorer on the real one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from sca_nlp.actors import Gazetteer, load_data
from sca_nlp.attribute import Attributor, Featurizer, score
from sca_nlp.errors import InputError
from training import target_fit, targets
from training.target_fit import fit, read_examples
from training.targets import measure, pick_limit

FEATURIZER = Featurizer(Gazetteer(load_data().forms), load_data())


def row(n: int, text: str, codes: list[str], gold: list[str]) -> dict[str, object]:
    base = {"prev": "", "next": "", "country": "SWE", "date": "1990", "doc_id": f"d{n // 2}"}
    return base | {"text": text, "codes": codes, "targets": gold}


def made_up() -> list[dict[str, object]]:
    pairs = [("France", "FRA", "Spain"), ("Italy", "ITA", "Peru"), ("Egypt", "EGY", "Chad"), ("Kenya", "KEN", "Cuba")]
    rows = []
    for k in range(5):
        for name, code, other in pairs:
            rows.append(row(len(rows), f"{name} attacked {other} again in month {k}.", ["TP+"], [code]))
            rows.append(row(len(rows), f"We all share one world, says part {k} of {name}.", ["SS+"], ["ALL"]))
    return rows


def write(folder: Path, name: str, rows: list[dict[str, object]]) -> Path:
    path = folder / name
    path.write_text("\n".join(json.dumps(r) for r in rows) + "\n", "utf-8")
    return path


def test_fit_learns_the_attacker_and_carries_over_to_unseen_states(tmp_path) -> None:
    words, weights = fit(read_examples(write(tmp_path, "a.jsonl", made_up()), FEATURIZER), 0.1, 0.1, 40)
    new = read_examples(
        write(tmp_path, "b.jsonl", [row(0, "Norway attacked Ghana again in month 9.", ["TP+"], ["NOR"])]), FEATURIZER
    )
    (p,) = score([new[0].candidates], words, weights)
    codes = new[0].candidates.codes
    assert codes[int(np.argmax(p))] == "NOR"
    assert measure(new, [p], 1.0)["overlap"] == 1


def test_training_twice_gives_the_same_folder_that_loads(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(target_fit, "ITERATIONS", 10)
    monkeypatch.setattr(target_fit, "FOLDS", 2)
    write(tmp_path, "train.jsonl", made_up())
    write(tmp_path, "test.jsonl", made_up()[:8])
    first = targets.train(tmp_path, tmp_path / "one")
    targets.train(tmp_path, tmp_path / "two")
    for name in ("weights.safetensors", "targets.json", "metrics.json", "card.md"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert first["test"]["n"] == 8
    loaded = Attributor.load(tmp_path / "one")
    assert loaded.targets(["France attacked Spain."], [""], [""], [("TP+",)], ["SWE"], ["1990"])[0]


def test_measures_of_known_sets() -> None:
    c = FEATURIZER("France and Spain.", "", "", ["SS+"], "SWE", "1990")
    p = np.zeros(len(c.codes))
    p[c.codes.index("FRA")], p[c.codes.index("ESP")] = 0.6, 0.4
    example = targets.Example(c, frozenset({"ESP", "ITA"}), "d", "SWE")
    assert measure([example], [p], 0.5)["overlap"] == 0
    two = measure([example], [p], 0.4)
    assert (two["overlap"], two["size"], two["jaccard"]) == (1, 2, round(1 / 3, 4))


def test_limit_is_the_highest_that_reaches_the_aim() -> None:
    curve = {"0.3": {"overlap": 0.7}, "0.2": {"overlap": 0.86}, "0.1": {"overlap": 0.9}}
    assert pick_limit(curve, 0.85) == 0.2
    assert pick_limit(curve, 0.99) == 0.1


def test_bad_annotations_are_named(tmp_path) -> None:
    bad = write(tmp_path, "train.jsonl", [made_up()[0], {"text": "x", "codes": ["TP+"], "targets": ["FRA"]}])
    with pytest.raises(InputError, match=r"train\.jsonl:2.*prev"):
        read_examples(bad, FEATURIZER)
    with pytest.raises(InputError, match="no such file"):
        read_examples(tmp_path / "none.jsonl", FEATURIZER)
    with pytest.raises(InputError, match="no sentence"):
        fit([])


@pytest.mark.data
def test_the_shipped_scorer_overlaps_with_the_coders() -> None:
    data = Path(os.environ.get("SCA_DATA", "../shared/data")) / "annotations" / "test.jsonl"
    if not data.is_file():
        pytest.skip("no annotations: set SCA_DATA to the folder of the project's data")
    examples = read_examples(data, FEATURIZER)
    shipped = Attributor.load()
    p = score([e.candidates for e in examples], shipped.words, shipped.weights)
    assert measure(examples, p, shipped.limit)["overlap"] >= 0.80
