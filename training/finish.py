"""The last fit: from the mean of the fold models, on every sentence, toward softened targets."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from sca_nlp.classify import network
from sca_nlp.classify.contract import membership
from sca_nlp.classify.linear import blend
from sca_nlp.classify.tokens import Window
from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError
from training.counterfactuals import counterfactuals
from training.dataset import Dataset, encode_gold
from training.encoders import Base, open_base
from training.fit import fit
from training.network import SentenceClassifier, predict
from training.settings import TrainConfig

Array = NDArray[np.float32]


def device_of() -> str:
    """Return `cuda` where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def probabilities(logits: Array, codebook: Codebook, loss: str) -> Array:
    """Return probabilities [n, n_classes] from logits, as the runtime makes them."""
    member = membership(codebook.groups()) if loss == "softmax" else None
    out: Array = network.probabilities(torch.from_numpy(logits), member).numpy()
    return out


def macro_precision(p: Array, gold: Array) -> float:
    """Return the mean over classes of average precision: smoother than F1, and free of thresholds."""
    from sklearn.metrics import average_precision_score

    present = np.flatnonzero(gold.sum(0))
    return float(np.mean([average_precision_score(gold[:, k], p[:, k]) for k in present])) if len(present) else 0.0


def mean_weights(paths: list[Path]) -> dict[str, torch.Tensor]:
    """Return the mean of saved weights. Fold models start from one point, so their mean lies in a common basin."""
    states = [torch.load(p, weights_only=True, map_location="cpu") for p in paths]
    return {k: torch.stack([s[k].float() for s in states]).mean(0) for k in states[0]}


def soften(gold: Array, out_of_fold: Array, share: float) -> Array:
    """Return targets between the coder's decision and the probability from a model that had not seen the sentence."""
    return ((1 - share) * gold + share * out_of_fold).astype(np.float32)


def taught_by(own: Array, gold: NDArray[np.float32], fold: NDArray[np.int64], runs: Sequence[str]) -> Array:
    """Return the mean, in log odds, of the out-of-fold probabilities of this run and of others [n, n_classes].

    An ensemble judges better than each of its members; one network then learns what it says (Hinton et al. 2015).

    Args:
        own: this run's.
        gold: this run's codes [n, n_classes].
        fold: the fold of each sentence [n].
        runs: work folders of finished runs on the same sentences and folds.

    Raises:
        InputError: no finished run there, or one whose models have learned from the sentences that they would judge.
    """
    mean = own
    for k, name in enumerate(runs, 1):
        path = Path(name) / "out_of_fold.npz"
        try:
            with np.load(path, allow_pickle=False) as found:
                raw, same = found["raw"], all(np.array_equal(found[n], x) for n, x in (("gold", gold), ("fold", fold)))
        except (OSError, KeyError, ValueError, BadZipFile) as e:
            raise InputError(path, f"not readable ({e})", "what a finished run leaves in its work folder") from None
        if not same:
            raise InputError(path, "of other sentences or folds", "a run on the same annotations with the same [split]")
        mean = blend(mean, raw, 1 / (k + 1))
    return mean


def finish(
    config: TrainConfig,
    codebook: Codebook,
    base: Base,
    data: Dataset,
    out_of_fold: Array,
    work: Path,
    say: Callable[[str], None],
) -> SentenceClassifier:
    """Return the final network: the mean of `finish.seeds` fits, or of the fold models where `finish.epochs` is 0."""
    model = base.network(codebook, config.fit, config.encoder)
    _made_otherwise(work, config, say)
    if config.finish.epochs:
        np.save(work / "teacher.npy", out_of_fold)
        jobs = [(config, codebook, data, work, k) for k in range(config.finish.seeds)]
        todo = [j for j in jobs if not (work / f"final{j[4]}.pt").exists()]
        say(f"last fit: {len(todo)} of {len(jobs)} to do")
        n = max(1, min(config.workers, len(todo)))
        if n > 1:
            with ProcessPoolExecutor(n, mp_context=get_context("spawn")) as pool:
                list(pool.map(_finish_job, todo, [1] * len(todo)))
        else:
            for job in todo:
                _finish_job(job, torch.get_num_threads())
        paths = [work / f"final{k}.pt" for k in range(config.finish.seeds)]
    else:
        paths = [work / f"fold{k}.pt" for k in range(config.split.folds)]
    model.load_state_dict(mean_weights(paths))
    torch.save(model.state_dict(), work / "last.pt")
    return model.float().eval()


def _made_otherwise(work: Path, config: TrainConfig, say: Callable[[str], None]) -> None:
    """Drop the parts of a last fit with other settings: the folds' models serve any."""
    mark, path = json.dumps(asdict(config.finish), sort_keys=True), work / "finish.json"
    if path.exists() and path.read_text(encoding="utf-8") != mark:
        say("the last fit is made anew: [finish] has changed")
        for part in work.glob("final*"):
            part.unlink()
    path.write_text(mark, encoding="utf-8")


def logits_of(path: Path, base: Base, config: TrainConfig, codebook: Codebook, rows: Sequence[Window]) -> Array:
    """Return the logits of saved weights on rows of tokens."""
    model = base.network(codebook, config.fit, config.encoder)
    model.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    return predict(model.to(torch.bfloat16).to(device_of()), rows)


def lessons(rows: Sequence[Window], data: Dataset, config: TrainConfig) -> list[Window]:
    """Return what is learned from: the tokens of `data`, a share of them without neighbours."""
    alone = data.share(config.encoder.alone)
    return [row.alone() if a else row for row, a in zip(rows, alone, strict=True)]


def turn(n: int, share: float, k: int, seed: int) -> NDArray[np.int64]:
    """Return the rows that fit `k` learns from: a share of all `n`, each fit another until all have had their turn."""
    order = np.random.default_rng(seed).permutation(n)
    size = max(1, round(share * n))
    return order[(k * size + np.arange(size)) % n]


def _finish_job(job: tuple[TrainConfig, Codebook, Dataset, Path, int], threads: int) -> None:
    """Fit once from the mean of the fold models; leave the weights and a log in the work folder."""
    config, codebook, data, work, k = job
    torch.set_num_threads(threads)
    base = open_base(config.encoder.base)
    extra = counterfactuals(codebook, config.templates) if config.templates else []
    target = soften(data.gold, np.load(work / "teacher.npy"), config.finish.soften)
    rate = config.finish.rate
    seed = config.fit.seed + 1 + k
    settings = replace(config.fit, epochs=config.finish.epochs, cycle=0, rate=rate, patience=0, seed=seed)
    model = base.network(codebook, config.fit, config.encoder)
    model.load_state_dict(mean_weights([work / f"fold{f}.pt" for f in range(config.split.folds)]))
    rows = base.windows(config.encoder, data.texts, *data.neighbours)
    learn = [*lessons(rows, data, config), *base.windows(config.encoder, [a.text for a in extra])]
    targets = np.vstack([target, encode_gold(extra, codebook)])
    part = turn(len(learn), config.finish.share, k, config.fit.seed)
    with (work / f"final{k}.log").open("a", encoding="utf-8") as log:

        def write(row: dict[str, Any]) -> None:
            log.write(json.dumps(row) + "\n")
            log.flush()

        model = fit(
            model,
            [learn[int(i)] for i in part],
            targets[part],
            replace(settings, head_rate=min(settings.head_rate, rate * 4)),
            checkpoint=work / f"final{k}.checkpoint",
            log=write,
            device=device_of(),
        )
    temporary = work / f"final{k}.partial"
    torch.save(model.cpu().state_dict(), temporary)
    temporary.replace(work / f"final{k}.pt")
