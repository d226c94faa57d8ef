from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from sca_nlp.classify.folder import find_model, load_model, read_folder
from sca_nlp.codebook import default_codebook
from training.baselines import EXTERNALS, External, auc, lexicon_scorer
from training.card import card, measure
from training.inference_bench import read_texts

BOOK = default_codebook()


@pytest.fixture
def test_set(tmp_path: Path) -> Path:
    rows = []
    for n in range(60):
        code = BOOK.classes[n % 12] if n % 12 < 10 else None
        row = {
            "id": str(n),
            "doc_id": f"d{n // 2}",
            "text": f"They threaten our peace {n}.",
            "codes": [code] if code else [],
        }
        rows.append(row | ({"weight": 2.0, "part": "stratified"} if n % 2 else {}))
    path = tmp_path / "test.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in rows))
    return path


def test_a_card_is_made_of_measured_figures(test_set: Path) -> None:
    folder = find_model("lexicon")
    metrics = measure(folder, test_set)
    text = card(read_folder(folder).meta, metrics | {"notes": ["a note"]})
    assert f"{metrics['test']['macro_f1']:.3f}" in text
    assert "large language models" in text
    assert "a note" in text
    assert all(f"| {c} |" in text for c in BOOK.classes)
    for part in ("all", "about"):
        rates = metrics["error_rates"][part]
        assert rates["classes"] == list(BOOK.classes)
        assert all(0 <= v <= 1 for k in ("tpr", "fpr") for v in rates[k])
        assert len(rates["n_positive"]) == len(rates["n_negative"]) == 10


def test_shipped_models_have_cards_with_their_scores() -> None:
    for name in ("linear", "minilm"):
        folder = read_folder(find_model(name))
        metrics = json.loads((folder.path / "metrics.json").read_text())
        assert f"{metrics['test']['macro_f1']:.3f}" in (folder.path / "card.md").read_text()
        assert metrics["test"]["digest"] == load_model(name).digest, "measured on other weights"


def test_lexica_count_words_and_stems() -> None:
    score = lexicon_scorer({"TP+": [("menac*", 1.0), ("foe", 2.0)]}, BOOK.classes)
    p = score(["A menacing foe", "nothing", ""])
    assert p[0, 0] > p[1, 0] == p[2, 0] == 0
    assert (p[:, 1:] == 0).all()


def test_auc_follows_the_signs_of_the_classes(tmp_path: Path) -> None:
    rows = [{"text": "war" if n % 2 else "peace", "label": "yes" if n % 2 else "no"} for n in range(80)]
    with gzip.open(tmp_path / "set.jsonl.gz", "wt") as f:
        f.write("\n".join(json.dumps(r) for r in rows))
    column = BOOK.column["FO+"]

    def scorer(texts: list[str]) -> np.ndarray:
        p = np.zeros((len(texts), 10), np.float32)
        p[:, column] = [t == "war" for t in texts]
        return p

    right = External("x", "set", {"FO+": 1}, lambda r: r["label"] == "yes", "")
    wrong = External("x", "set", {"FO+": -1}, lambda r: r["label"] == "yes", "")
    assert auc(scorer, right, tmp_path, BOOK.classes)["auc"] == 1
    assert auc(scorer, wrong, tmp_path, BOOK.classes)["auc"] == 0


def test_external_sets_name_classes_of_the_codebook() -> None:
    assert all(set(e.classes) <= set(BOOK.classes) for e in EXTERNALS)


def test_bench_reads_distinct_sentences(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\none\ntwo\nthree\n")
    assert read_texts(tmp_path / "a.txt", 2) == ["one", "two"]
