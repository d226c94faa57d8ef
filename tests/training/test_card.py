from __future__ import annotations

import json
from pathlib import Path

import pytest

from sca_nlp.classify.folder import find_model, load_model, read_folder
from sca_nlp.codebook import default_codebook
from sca_nlp.read.lexica import lexicon_scorer
from training.card import card, measure
from training.inference_bench import read_said

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


def test_the_table_of_baselines_enters_the_card_as_it_stands(test_set: Path) -> None:
    folder = read_folder(find_model("lexicon"))
    rows = {
        "SetFit": {"test": 0.4, "interval": [0.35, 0.45], "learned_from": 90, "cap": "few pairs", "seconds": 61.4}
        | {"held_out": 0.5},
        "plain": {"test": 0.1, "interval": [0.05, 0.15], "learned_from": 0, "seconds": 0.2},
    }
    sets = {"Set": {"asks": "this against that", "note": "news", "n": 40, "positive": 9}}
    sets["Set"]["rows"] = {k: {"auc": 0.7, "interval": [0.65, 0.75]} for k in rows}
    made = {"annotations": ["train.jsonl"], "learned_from": 90, "thresholds_from": 20, "tested_on": 60}
    text = card(folder.meta, {"baselines": {"made": made, "annotated": rows, "external": sets}})
    assert "| SetFit (few pairs) | 90 | 0.500 | 0.400 | 0.350-0.450 | 61 |" in text
    assert "| plain | 0 |  | 0.100 | 0.050-0.150 | 0 |" in text
    assert "| SetFit | 0.70 (0.65-0.75) |" in text
    assert "Set: this against that (news; 40 texts, 9 positive)" in text
    earlier = {"annotated": {"plain": {"test": 0.1, "interval": [0, 1]}}, "external": {}}
    assert "Against others" not in card(folder.meta, {"baselines": earlier})


def test_bench_reads_distinct_sentences(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\none\ntwo\nthree\n")
    assert read_said(tmp_path / "a.txt", 2) == [("one", "", "one"), ("two", "one", "three")]
