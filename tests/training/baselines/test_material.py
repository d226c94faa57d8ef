from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from sca_nlp.errors import InputError
from training.baselines.material import Material, read_material


def test_no_document_is_on_two_sides(material: Material) -> None:
    sides = [set(d.documents) for d in (material.learn, material.held, material.test)]
    assert all(sides)
    assert not (sides[0] & sides[1]) | (sides[0] & sides[2]) | (sides[1] & sides[2])
    assert len(material.learn.rows) + len(material.held.rows) == 300


def test_a_test_document_among_those_to_learn_from_stops_all(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    text = (shared / "annotations" / "train.jsonl").read_text()
    for name in ("train", "test"):
        (tmp_path / "annotations" / f"{name}.jsonl").write_text(text)
    with pytest.raises(InputError, match="also in the training set"):
        read_material(tmp_path)


def test_a_config_adds_its_annotations_and_an_informative_draw_sets_no_thresholds(shared: Path, tmp_path: Path) -> None:
    train = shared / "annotations" / "train.jsonl"
    rows = [json.loads(line) for line in train.read_text().splitlines()]
    drawn = [r | {"id": f"more-{n}", "stream": "informative", "text": f"also {r['text']}"} for n, r in enumerate(rows)]
    (tmp_path / "more.jsonl").write_text("\n".join(json.dumps(r) for r in drawn))
    (tmp_path / "more.toml").write_text(
        f'name = "x"\nout = "out"\n[[annotations]]\npath = "{train}"\n[[annotations]]\npath = "more.jsonl"\n'
    )
    # 300 sentences of 12 kinds are 25 of each: too few to set thresholds without the others, so they are not left out.
    both = read_material(shared, tmp_path / "more.toml")
    assert len(both.learn.rows) + len(both.held.rows) == 600
    assert both.annotations == ("train.jsonl", "more.jsonl")
    (tmp_path / "twice.jsonl").write_text(
        "\n".join(json.dumps(r | {"id": f"twice-{n}", "text": f"then {r['text']}"}) for n, r in enumerate(rows))
    )
    with (tmp_path / "more.toml").open("a") as f:
        f.write('[[annotations]]\npath = "twice.jsonl"\n')
    three = read_material(shared, tmp_path / "more.toml")
    assert all(r.stream != "informative" for r in three.held.rows)
    assert any(r.stream == "informative" for r in three.learn.rows)


def test_the_digest_is_that_of_what_went_in(material: Material, shared: Path) -> None:
    assert material.digest() == dataclasses.replace(material, bench=Path("elsewhere")).digest()
    assert material.digest() != dataclasses.replace(material, base="another").digest()
    less = read_material(shared, sentences=200, base=material.base)
    assert len(less.learn.rows) + len(less.held.rows) == 200
    assert less.digest() != material.digest()
