from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sca_nlp.codebook import default_codebook
from sca_nlp.errors import InputError
from tests.training.baselines.small import LABELS
from training.baselines.externals import EXTERNALS, External, area, auc

BOOK = default_codebook()


def write(folder: Path, rows: list[dict]) -> None:
    with gzip.open(folder / "set.jsonl.gz", "wt") as f:
        f.write("\n".join(json.dumps(r) for r in rows))


def test_auc_follows_the_signs_of_the_classes(tmp_path: Path) -> None:
    write(tmp_path, [{"text": "war" if n % 2 else "peace", "label": "yes" if n % 2 else "no"} for n in range(80)])
    column = BOOK.column["FO+"]

    def scorer(texts: list[str]) -> np.ndarray:
        p = np.zeros((len(texts), 10), np.float32)
        p[:, column] = [t == "war" for t in texts]
        return p

    right = External("x", "", "set", up="FO+", field="label", positive="yes")
    wrong = External("x", "", "set", up="", down="FO+", field="label", positive="yes")
    made = auc(scorer, right, tmp_path, BOOK.classes)
    assert (made["auc"], made["n"], made["positive"]) == (1, 80, 40)
    assert made["interval"] == [1, 1]
    assert auc(scorer, wrong, tmp_path, BOOK.classes)["auc"] == 0


@pytest.mark.parametrize("external", EXTERNALS, ids=lambda e: e.name)
def test_external_sets_name_classes_of_the_codebook_and_tell_both_sides(external: External) -> None:
    assert set(external.signs) <= set(BOOK.classes)
    positive, negative = LABELS[external.name]
    assert external.label({external.field: positive}) is True
    assert external.label({external.field: negative}) is False


def test_rows_of_neither_side_and_rows_without_label_are_left_out(tmp_path: Path) -> None:
    two = next(e for e in EXTERNALS if e.name == "PLOVER")
    assert two.label({"label": "CONSULT"}) is None
    assert two.label({"label": "THREATENED"}) is None
    assert next(e for e in EXTERNALS if e.name == "DIPROMATS").label({"label_t2": []}) is None
    one = External("x", "", "set", up="FO+", field="label", positive="yes", negative="no")
    write(tmp_path, [{"text": "a", "label": v} for v in ("yes", "no", "perhaps", None)])
    assert [v for _, v in one.read(tmp_path)] == [True, False]
    write(tmp_path, [{"text": "a", "label": "yes"}])
    with pytest.raises(InputError, match="one kind"):
        one.read(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        one.read(tmp_path / "none")


def test_a_large_set_is_thinned_evenly(tmp_path: Path) -> None:
    write(tmp_path, [{"text": str(n), "label": "yes" if n % 3 else "no"} for n in range(100)])
    one = External("x", "", "set", up="FO+", field="label", positive="yes")
    assert [t for t, _ in one.read(tmp_path, most=30)] == [str(n) for n in range(0, 100, 4)]


def test_area_is_that_of_scikit_learn_ties_included() -> None:
    rng = np.random.default_rng(0)
    y, value = rng.random(200) < 0.3, rng.integers(0, 9, 200).astype(float)
    assert area(y, value) == pytest.approx(roc_auc_score(y, value))
