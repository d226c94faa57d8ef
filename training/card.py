"""Measure a trained model and write its `metrics.json` and `card.md`.

python -m training.card models/minilm --test SCA_DATA/annotations/test.jsonl --baselines baselines.json
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sca_nlp.classify.contract import Classifier
from sca_nlp.classify.folder import PROFILES, load_model, read_folder, reads_neighbours, rewrite_texts
from sca_nlp.classify.transformer import Transformer
from training.calibrate import as_matrix, calibration_error, f1_per_class, precision_recall_counts
from training.evaluate import evaluate, minimal_pairs, read_dataset, score

LABELS = (
    "Labels were made by large language models of one family that followed the project's codebook (one coder a "
    "training sentence; two coders and an adjudicator a test sentence). They agree with each other at macro-F1 0.94 "
    "over the ten classes on the test set (target overlap 0.92): more than people would, and they may share blind "
    "spots. A score against them says how well the model codes as they do, not how well it codes as a person would."
)


def measure(model: Path, test: Path, pairs: Path | None = None) -> dict[str, Any]:
    """Return figures of a model: test report, profiles, minimal pairs, error rates; cross-validated ones are kept.

    The test set is scored as it is; nothing is chosen on it.
    """
    folder = read_folder(model)
    path = model / "metrics.json"
    metrics: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    classifier = load_model(str(model))
    metrics["test"] = evaluate(classifier, test)
    metrics["test"].pop("errors")  # ids only, but of no use in a card
    if reads_neighbours(folder.meta):
        data = read_dataset(test, classifier)
        codes = as_matrix(classifier.decide(classifier.predict(data.texts).probabilities), classifier.codebook)
        metrics["test"]["macro_f1_alone"] = round(float(np.nanmean(f1_per_class(data.gold, codes))), 4)
    if isinstance(classifier, Transformer):
        metrics["profiles"] = {p: profile(load_model(str(model), profile=p, threads=1), test) for p in PROFILES}
    if pairs is not None:
        metrics["minimal_pairs"] = minimal_pairs(classifier, pairs)
    metrics["error_rates"] = error_rates(classifier, test, metrics.get("out_of_fold_rates"))
    metrics["bytes"] = sum(f.stat().st_size for f in folder.path.iterdir())
    return metrics


def profile(classifier: Classifier, test: Path) -> dict[str, float]:
    """Return macro-F1, mean calibration error and sentences a second on one thread (median of 3) of a profile."""
    data = read_dataset(test, classifier)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        p, _ = score(classifier, data)
        seconds.append(time.perf_counter() - start)
    report = evaluate(classifier, test, n_draws=10)
    return {
        "macro_f1": report["macro_f1"],
        "calibration_error": round(
            float(np.mean([calibration_error(*c) for c in zip(p.T, data.gold.T, strict=True)])), 4
        ),
        "sentences_per_second": round(len(data.rows) / float(np.median(seconds)), 1),
    }


def error_rates(classifier: Classifier, test: Path, out_of_fold: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return sensitivity and false-alarm rate of each class, for the correction of prevalence.

    Sensitivity comes from out-of-fold predictions on the training set where they are at hand (many more positives);
    false alarms from the random part of the test set, by its weights: the training set is enriched with hard negatives,
    on which a model errs more often than on sentences as they come. `about` keeps to sentences that are about an actor,
    as far as codes tell: those with any code, gold or given.
    """
    data = read_dataset(test, classifier)
    _, codes = score(classifier, data)
    weights = np.array([r.weight or 0 for r in data.rows], np.float32)
    if not weights.any():
        weights = np.ones(len(data.rows), np.float32)
    coded = (data.gold.any(1) | codes.any(1)).astype(np.float32)
    classes = list(classifier.codebook.classes)
    out: dict[str, Any] = {}
    for name, mask in (("all", np.ones_like(coded)), ("about", coded)):
        found = precision_recall_counts(data.gold, codes, weights * mask)
        out[name] = {"classes": classes, **found}
        if out_of_fold:
            out[name] |= {k: list(out_of_fold[k]) for k in ("tpr", "n_positive")}
    return out


def card(meta: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Return the model card in Markdown, from figures alone."""
    test, training = metrics.get("test", {}), meta.get("training", {})
    cross = metrics.get("cross_validated", {}).get("classes", {})
    lines = [f"# {meta['id']}", "", _what(meta), "", "## Labels", "", LABELS, ""]
    lines += ["The test set was never used to train, or to set thresholds or calibration.", ""]
    if test:
        low, high = test["interval"]
        lines += [
            "## Scores",
            "",
            f"Macro-F1 over the classes on the public test set ({test['sentences']} sentences, {test['documents']} "
            f"documents, none in training): **{test['macro_f1']:.3f}** [{low:.3f}, {high:.3f}], 95 % bootstrap by "
            "document, profile `balanced`. Cross-validated on training sentences, grouped by document, thresholds and "
            f"calibration cross-fitted: {metrics.get('cross_validated', {}).get('macro_f1', 0):.3f}. ECE is the "
            "expected calibration error, in 15 bins of equal width." + _alone(test),
            "",
            "| class | n | precision | recall | F1 | 95 % | ECE | cross-validated: n | F1 | ECE |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for c, r in test["classes"].items():
            x = cross.get(c, {})
            row = [c, r["n"], r["precision"], r["recall"], r["f1"], "{:.2f}-{:.2f}".format(*r["f1_interval"])]
            row += [r["calibration_error"], x.get("n", ""), x.get("f1", ""), x.get("calibration_error", "")]
            lines.append(_row(row))
        if "random_part" in test:
            lines += ["", "On the random part of the test set, weighted to the population it was drawn from:", ""]
            lines += [
                "| class | n | share | share coded | precision | recall |",
                "| --- | --- | --- | --- | --- | --- |",
            ]
            for c, r in test["random_part"]["classes"].items():
                lines.append(_row([c, r["n"], r["share"], r["share_coded"], r["precision"], r["recall"]]))
        lines += ["", "By slice (classes with a case; slices under 40 sentences left out):", ""]
        lines += ["| slice | n | macro-F1 | micro-F1 |", "| --- | --- | --- | --- |"]
        for kind, part in test["slices"].items():
            lines += [_row([f"{kind} {k}", v["n"], v["macro_f1"], v["micro_f1"]]) for k, v in part.items()]
    if "minimal_pairs" in metrics:
        lines += ["", "## Negation and polarity", ""]
        lines += [
            "Minimal pairs in `tests/training/minimal_pairs.jsonl`, written for the project, never trained on:",
            "",
        ]
        lines += ["| phenomenon | pairs | sentences right | both right |", "| --- | --- | --- | --- |"]
        lines += [
            _row([k, v["pairs"], v["sentences_right"], v["pairs_right"]]) for k, v in metrics["minimal_pairs"].items()
        ]
    if "profiles" in metrics:
        lines += ["", "## Profiles", "", "One thread, same sentences, same machine:", ""]
        lines += ["| profile | macro-F1 (test) | calibration error (mean) | sentences/s |", "| --- | --- | --- | --- |"]
        columns = ("macro_f1", "calibration_error", "sentences_per_second")
        lines += [_row([k, *(v[c] for c in columns)]) for k, v in metrics["profiles"].items()]
    if "cascade" in meta:
        c = meta["cascade"]
        kept = [f"{k} {v:.2f}" for k, v in zip(meta["classes"], c["coded"], strict=True) if v is not None]
        lines += [
            "",
            f"In profile `fast` the n-grams settle {c['settled']:.0%} of sentences that nobody coded, and "
            f"{c['left_at_exit']:.0%} leave at an exit after the layers that read a sentence alone; codes of all agree "
            f"with the whole model's at macro-F1 {c['agreement']:.3f} (classes with too few cases left out). To one "
            f"code of the whole model there are: {', '.join(kept)}. All on {c['judged']:,} of {c['sentences']:,} "
            "sentences; the others taught the exit and chose how much doubt may pass.",
        ]
    lines += _baselines(metrics.get("baselines", {}))
    lines += ["", "## How it was made", ""]
    lines += [f"- {note}" for note in metrics.get("notes", [])]
    lines += [f"- {training.get('sentences', '?')} sentences of {training.get('documents', '?')} documents."]
    lines += [
        "- `SCA_DATA=... sca train configs/train.toml` makes such a model; `python -m training.card` measures it.",
        "",
    ]
    return "\n".join(lines)


def _what(meta: Mapping[str, Any]) -> str:
    if meta["kind"] == "transformer":
        beside = " with hashed word n-grams beside it" if "lexical" in meta else ""
        around = ""
        if reads_neighbours(meta):
            e = meta["encoder"]
            around = (
                f", beside it the last {e['before']} tokens of the one before and the first {e['after']} of the one "
                f"after (what they became in the lowest {e['layers_alone']} layers, in the next {e['layers_beside']}),"
            )
        return (
            f"A {meta['encoder']['n_layers']}-layer encoder ({meta.get('base', '')}), fine-tuned{beside}. It reads one "
            f"sentence{around} and gives for each class of the codebook a calibrated probability. English only."
        )
    return {
        "linear": "Hashed word n-grams and logistic regression: a baseline, and quick. English only.",
        "lexicon": "Word lists written from the codebook, with negators: a baseline whose decisions can be read off.",
    }[str(meta["kind"])]


def _alone(test: Mapping[str, Any]) -> str:
    if "macro_f1_alone" not in test:
        return ""
    return f" The same sentences without their neighbours: {test['macro_f1_alone']:.3f}."


def _baselines(table: Mapping[str, Any]) -> list[str]:
    """Return the section on other models: the table of `training.baselines`, all rows as they stand there."""
    if "made" not in table:  # none, or one of an earlier form, made in several runs
        return []
    made, rows = table["made"], table["annotated"]
    lines = ["", "## Against others", ""]
    lines += [
        "`python -m training.baselines`, one command; macro-F1 with its 95 % interval on the same "
        f"{made['tested_on']:,} test sentences. All rows that learn, learn from sentences of the same "
        f"{made['learned_from']:,} ({', '.join(made['annotations'])}) and take thresholds and calibration from "
        f"{made['thresholds_from']:,} sentences of other documents, on which `held out` is measured, cross-fitted. The "
        "shipped models bring their own thresholds, learned from the number of sentences that is given, and "
        "`held out` is their cross-validated figure. Seconds are those of the whole row on one core.",
        "",
    ]
    lines += ["| model | learned from | held out | test | 95 % | s |", "| --- | --- | --- | --- | --- | --- |"]
    for name, r in rows.items():
        full = f"{name} ({r['cap']})" if "cap" in r else name
        span = "{:.3f}-{:.3f}".format(*r["interval"])
        lines.append(_row([full, r["learned_from"], r.get("held_out"), r["test"], span, round(r["seconds"])]))
    sets = table["external"]
    if sets:
        lines += ["", "AUC (95 %) on sets that others labelled for related questions, none trained on:", ""]
        lines += [
            f"- {name}: {e['asks']} ({e['note']}; {e['n']} texts, {e['positive']} positive)" for name, e in sets.items()
        ]
        lines += ["", _row(["model", *sets]), "|" + " --- |" * (len(sets) + 1)]
        for name in rows:
            each = [e["rows"][name] for e in sets.values()]
            lines.append(_row([name, *("{:.2f} ({:.2f}-{:.2f})".format(r["auc"], *r["interval"]) for r in each)]))
    return lines


def _row(values: Sequence[Any]) -> str:
    return "| " + " | ".join(f"{v:.3f}" if isinstance(v, float) else "" if v is None else str(v) for v in values) + " |"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--test", type=Path, required=True, help="annotations that the model has not seen")
    parser.add_argument("--pairs", type=Path, help="minimal pairs")
    parser.add_argument("--baselines", type=Path, help="the table that training.baselines wrote")
    parser.add_argument("--note", action="append", default=[], help="a line for 'How it was made'")
    args = parser.parse_args()
    metrics = measure(args.model, args.test, args.pairs)
    if args.baselines:
        metrics["baselines"] = json.loads(args.baselines.read_text(encoding="utf-8"))
    metrics["notes"] = args.note or metrics.get("notes", [])
    meta = read_folder(args.model).meta
    rewrite_texts(args.model, {"metrics.json": json.dumps(metrics, indent=1) + "\n", "card.md": card(meta, metrics)})


if __name__ == "__main__":
    main()
