"""Annotations -> a model folder: fold models, their out-of-fold probabilities, a last fit on everything, thresholds.

The recipe (measured in the model's card): one model a fold of documents; the mean of their weights is where the last
fit starts; its targets mix each coder's decision with the probability from the model that had not seen that sentence,
so that a label which the rest of the data contradicts pulls less. Calibration and thresholds come from those same
out-of-fold probabilities. Every part is kept in the work folder: a killed run goes on where it stopped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import Decision
from sca_nlp.classify.folder import ModelFolder, write_folder
from sca_nlp.classify.linear import Ngrams, blend
from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.read.annotations import read_annotations
from sca_nlp.read.annotations.standoff import fill_texts
from sca_nlp.records import Annotation, Reject
from sca_nlp.segment import segment
from training.calibrate import (
    calibration_error,
    carry_over,
    cross_fitted,
    f1_per_class,
    learn_decision,
    precision_recall_counts,
)
from training.counterfactuals import counterfactuals
from training.dataset import Dataset, encode_gold, file_digest, folds, make_dataset
from training.packing import held_out, load_codebook, package
from training.report import label_errors, learning_curve
from training.settings import TrainConfig, read_train_config

Array = NDArray[np.float32]
#: Held-out sentences that are scored after each epoch of a fold.
WATCHED = 4000
Say = Callable[[str], None]


def train(config_path: Path | str, say: Say = print) -> ModelFolder:
    """Train what a config describes and return the model folder that was written.

    Args:
        config_path: TOML, see `configs/train.toml`.
        say: called with lines of progress.

    Raises:
        InputError: unusable annotations (too few examples of a class, unknown codes) or settings.
    """
    start = time.time()
    config = read_train_config(config_path)
    if config.kind not in ("transformer", "linear"):
        raise UnknownNameError("kind of model", config.kind, ("transformer", "linear"))
    codebook, codebook_bytes = load_codebook(config)
    data = load_annotations(config, codebook, say)
    fold = folds(data, config.split.folds, config.split.seed, config.split.group)
    for k in range(config.split.folds):  # a fold must have something to learn each class from
        make_dataset(data.take(np.flatnonzero(fold != k)).rows, codebook, f"all folds but {k}", min(config.fewest, 2))
    work = config.work_path
    work.mkdir(parents=True, exist_ok=True)
    _claim(work, config, data)
    say(
        f"{len(data.rows):,} sentences of {len(set(data.documents)):,} documents, {config.split.folds} folds, in {work}"
    )
    if config.kind == "linear":
        raw, arrays, meta, texts = _linear(config, data, fold, say)
    else:
        raw, arrays, meta, texts = _transformer(config, codebook, data, fold, work, say)
    judged = judged_on(data)
    seen, gold, part = raw[judged], data.gold[judged], fold[judged]
    decision = learn_decision(seen, gold, codebook, config.decision.aim, config.decision.level)
    if config.kind == "transformer":
        decision = _carry(config, codebook, data, work, decision, arrays)
    np.savez_compressed(work / "out_of_fold.npz", raw=raw, gold=data.gold, fold=fold)
    metrics: dict[str, Any] = {"cross_validated": cross_validated(seen, gold, part, codebook, config)}
    metrics["cross_validated"]["sentences"] = len(judged)
    p, codes = cross_fitted(seen, gold, part, codebook, config.decision.aim, config.decision.level)
    metrics["out_of_fold_rates"] = precision_recall_counts(gold, codes, np.ones(len(codes), np.float32))
    say(f"cross-validated macro-F1 {metrics['cross_validated']['macro_f1']:.3f}")
    told = {
        "likely_label_errors": label_errors(data.take(judged), p, codebook),
        "learning_curve": learning_curve(data, fold, codebook),
    }
    (work / "report.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    settings = asdict(config)
    for key in ("codebook", "out", "work"):
        settings.pop(key)
    for key in ("speeches", "without"):
        settings["cascade"][key] = Path(settings["cascade"][key]).name
    settings["finish"]["teachers"] = [Path(name).name for name in settings["finish"]["teachers"]]
    for section in settings["annotations"]:
        section |= {key: Path(section[key]).name for key in ("path", "speeches")}
    training: dict[str, Any] = {
        "config": settings,
        "sentences": len(data.rows),
        "documents": len(set(data.documents)),
        "annotations_sha256": [file_digest(Path(a.path)) for a in config.annotations if Path(a.path).is_file()],
    }
    written: dict[str, Any] = {
        "meta": {"id": config.name, "kind": config.kind, **meta, "training": training},
        "codebook_bytes": codebook_bytes,
        "decision": decision,
        "arrays": arrays,
        "texts": {"metrics.json": json.dumps(metrics, indent=1) + "\n", **texts},
    }
    if config.cascade.speeches and "runtime" in meta:
        say("no profile fast: this encoder runs in torch alone")
    elif config.cascade.speeches and config.kind == "transformer":
        from training.cascade import learn_cascade

        written["meta"]["cascade"], at_exit = learn_cascade(config.cascade, data.texts, written, work, say)
        written["arrays"] |= at_exit
    training["seconds"] = round(time.time() - start)
    folder = write_folder(Path(config.out), **written)
    say(f"{folder.model_id} is in {folder.path} ({time.time() - start:,.0f} s)")
    return folder


def load_annotations(config: TrainConfig, codebook: Codebook, say: Say = print) -> Dataset:
    """Read and check all annotation files of a config; records that cannot be used are counted and the first shown."""
    rows: list[Annotation] = []
    bad: list[Reject] = []
    for section in config.annotations:
        read = read_annotations(section.path, format=section.format, codebook=codebook, rejects=bad.append)
        rows += fill_texts(read, section.speeches, bad.append, segment) if section.speeches else read
    if bad:
        say(f"{len(bad)} records cannot be used, first {bad[0].file}:{bad[0].line}: {bad[0].reason}")
        if len(bad) > len(rows):
            raise InputError(
                bad[0].file, f"{len(bad)} of {len(bad) + len(rows)} records unusable ({bad[0].reason})", "annotations"
            )
    audited = sum(r.stream == "audit" for r in rows)
    if audited:  # the audit estimates this model's errors: learned from, it would flatter it
        say(f"{audited} sentences of the random audit are left out: they measure the model")
        rows = [r for r in rows if r.stream != "audit"]
    return make_dataset(rows, codebook, ", ".join(a.path for a in config.annotations), config.fewest)


def judged_on(data: Dataset, enough: int = 30) -> NDArray[np.int64]:
    """Return the rows from which thresholds, calibration and scores are taken.

    Sentences of an informative draw were chosen by a model's own doubts: they teach, but frequencies among them are
    those of the draw. They are left out wherever the others have `enough` examples of every class.
    """
    others = np.array([r.stream != "informative" for r in data.rows])
    if data.gold[others].sum(0).min(initial=np.inf) < enough:
        others[:] = True
    return np.flatnonzero(others)


def cross_validated(
    raw: Array, gold: Array, fold: NDArray[np.int64], codebook: Codebook, config: TrainConfig
) -> dict[str, Any]:
    """Return F1, average precision and calibration error of each class, thresholds and calibration cross-fitted."""
    from sklearn.metrics import average_precision_score

    p, codes = cross_fitted(raw, gold, fold, codebook, config.decision.aim, config.decision.level)
    f1 = f1_per_class(gold, codes)
    return {
        "macro_f1": round(float(np.nanmean(f1)), 4),
        "classes": {
            c: {
                "n": int(gold[:, k].sum()),
                "f1": round(float(f1[k]), 4),
                "average_precision": round(float(average_precision_score(gold[:, k], p[:, k])), 4),
                "calibration_error": round(calibration_error(p[:, k], gold[:, k]), 4),
            }
            for k, c in enumerate(codebook.classes)
        },
    }


def _claim(work: Path, config: TrainConfig, data: Dataset) -> None:
    """Refuse a work folder that belongs to another config or other data: its parts would not fit together."""
    made = asdict(replace(config, out="", work="", workers=0, decision=type(config.decision)()))
    made.pop("annotations")
    for later in ("finish", "cascade"):  # learned from the folds' models, and from the finished one
        made.pop(later)
    mark = json.dumps({"config": made, "n": len(data.rows), "first": data.rows[0].annotation_id}, sort_keys=True)
    path = work / "settings.json"
    if path.exists() and path.read_text(encoding="utf-8") != mark:
        raise InputError(
            work, "parts of a run with other settings or data", "an empty folder (set `work`, or delete this one)"
        )
    path.write_text(mark, encoding="utf-8")


def _linear(
    config: TrainConfig, data: Dataset, fold: NDArray[np.int64], say: Say
) -> tuple[Array, dict[str, Any], dict[str, Any], dict[str, str]]:
    from training.linear import fit_linear, predict_linear

    raw = np.zeros_like(data.gold)
    for k in range(config.split.folds):
        inside = np.flatnonzero(fold == k)
        rest = data.take(np.flatnonzero(fold != k))
        raw[inside] = predict_linear(fit_linear(rest.texts, rest.gold), data.take(inside).texts)
        say(f"fold {k + 1} of {config.split.folds}")
    arrays: dict[str, Any] = fit_linear(data.texts, data.gold)
    half = {k: v.astype(np.float16 if k == "weights" else np.float32) for k, v in arrays.items()}
    return raw, half, {"ngrams": 2}, {}


def _transformer(
    config: TrainConfig, codebook: Codebook, data: Dataset, fold: NDArray[np.int64], work: Path, say: Say
) -> tuple[Array, dict[str, Any], dict[str, Any], dict[str, str]]:
    from training.encoders import open_base
    from training.finish import finish, taught_by

    jobs = [(config, codebook, data, k, work / f"fold{k}") for k in range(config.split.folds)]
    todo = [j for j in jobs if not j[-1].with_suffix(".pt").exists()]
    n = max(1, min(config.workers, len(todo)))
    if n > 1:
        # One process and one thread each: two threads of one process wait for each other whenever a core is busy.
        with ProcessPoolExecutor(n, mp_context=get_context("spawn")) as pool:
            list(pool.map(_fold_job, todo, [1] * len(todo)))
    else:
        for job in todo:
            _fold_job(job)
    raw = np.zeros_like(data.gold)
    for k in range(config.split.folds):
        raw[fold == k] = np.load(work / f"fold{k}.npy")
    base = open_base(config.encoder.base)
    lexical: dict[str, Any] = {}
    if config.lexical:
        beside, side, _, _ = _linear(config, data, fold, lambda line: None)
        raw = blend(raw, beside, config.lexical)  # a better teacher for the last fit, too
        lexical = {f"lexical.{k}": v for k, v in side.items()}
    teacher = taught_by(raw, data.gold, fold, config.finish.teachers)
    model = finish(config, codebook, base, data, teacher, work, say)
    arrays, meta, texts = package(model, config, codebook, base, data)
    if lexical:
        meta["lexical"] = {"share": config.lexical, "ngrams": 2}
    return raw, {**arrays, **lexical}, meta, texts


def _carry(
    config: TrainConfig, codebook: Codebook, data: Dataset, work: Path, decision: Decision, arrays: dict[str, Any]
) -> Decision:
    """Carry the decision over to the last model by way of sentences that nobody coded: the neighbours of coded ones."""
    from training.encoders import open_base
    from training.finish import logits_of, probabilities

    known, pool = set(data.texts), dict[str, tuple[str, str]]()
    for r in data.rows:  # of a neighbour's own neighbours one is known: the coded sentence
        pool |= {t: near for t, near in ((r.prev, ("", r.text)), (r.next, (r.text, ""))) if len(t.split()) > 4}
    uncoded = sorted(pool.keys() - known)
    if len(uncoded) < 500:
        return decision
    texts = [uncoded[i] for i in np.random.default_rng(0).permutation(len(uncoded))[:3000]]
    base = open_base(config.encoder.base)
    rows = base.windows(config.encoder, texts, [pool[t][0] for t in texts], [pool[t][1] for t in texts])
    states = [work / f"fold{k}.pt" for k in range(config.split.folds)]
    beside: Array | None = None
    if config.lexical:
        side = {k.removeprefix("lexical."): v for k, v in arrays.items() if k.startswith("lexical.")}
        beside = Ngrams(side, len(codebook.classes), 2, work)(texts)

    def mixed(path: Path) -> Array:
        p = probabilities(logits_of(path, base, config, codebook, rows), codebook, config.fit.loss)
        return p if beside is None else blend(p, beside, config.lexical)

    return carry_over(decision, [decision.calibrate(mixed(s)) for s in states], mixed(work / "last.pt"))


def _fold_job(job: tuple[TrainConfig, Codebook, Dataset, int, Path], threads: int = 0) -> None:
    """Fit the model of one fold in this process; leave its weights, its out-of-fold probabilities and its log.

    Whether to stop early is asked of `WATCHED` of the held-out sentences: all of them took a sixth of the time.
    """
    import torch

    from training.encoders import open_base
    from training.finish import device_of, lessons, macro_precision, probabilities
    from training.fit import fit

    config, codebook, data, k, path = job
    if threads:
        torch.set_num_threads(threads)
    fold = folds(data, config.split.folds, config.split.seed, config.split.group)
    base = open_base(config.encoder.base)
    whole = base.windows(config.encoder, data.texts, *data.neighbours)
    learn = lessons(whole, data, config)
    inside, rest = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
    extra = counterfactuals(codebook, config.templates) if config.templates else []
    more = base.windows(config.encoder, [a.text for a in extra])
    held = [whole[int(i)] for i in inside]
    watched = np.linspace(0, len(inside) - 1, min(len(inside), WATCHED)).astype(int)
    with path.with_suffix(".log").open("a", encoding="utf-8") as log:

        def write(row: dict[str, Any]) -> None:
            log.write(json.dumps(row) + "\n")
            log.flush()

        model = fit(
            base.network(codebook, config.fit, config.encoder),
            [learn[int(i)] for i in rest] + more,
            np.vstack([data.gold[rest], encode_gold(extra, codebook)]),
            config.fit,
            validation=([held[int(i)] for i in watched], data.gold[inside[watched]]),
            score=lambda z, y: macro_precision(probabilities(z, codebook, config.fit.loss), y),
            checkpoint=path.with_suffix(".checkpoint"),
            log=write,
            device=device_of(),
        )
    temporary = path.with_suffix(".partial")
    torch.save(model.cpu().state_dict(), temporary)
    np.save(path.with_suffix(".npy"), held_out(model, config, data, inside, threads))
    temporary.replace(path.with_suffix(".pt"))
