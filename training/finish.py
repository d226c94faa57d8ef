"""The last fit: from the mean of the fold models, on every sentence, toward softened targets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sca_nlp.codebook import Codebook
from training.counterfactuals import counterfactuals
from training.dataset import Dataset, encode_gold
from training.encoders import Base
from training.fit import fit
from training.network import SentenceClassifier
from training.settings import TrainConfig

Array = NDArray[np.float32]


def device_of() -> str:
    """Return `cuda` where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def probabilities(logits: Array, codebook: Codebook, loss: str) -> Array:
    """Return probabilities [n, n_classes] from logits, as the runtime makes them."""
    z = np.clip(logits, -40, 40)
    if loss == "sigmoid":
        return (1 / (1 + np.exp(-z))).astype(np.float32)
    e = np.exp(z)
    out = np.zeros_like(e)
    for group in codebook.groups():
        out[:, group] = e[:, group] / (1 + e[:, group].sum(1, keepdims=True))
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


def finish(
    config: TrainConfig,
    codebook: Codebook,
    base: Base,
    data: Dataset,
    out_of_fold: Array,
    work: Path,
    say: Callable[[str], None],
) -> SentenceClassifier:
    """Return the final network; with `finish.epochs = 0` the plain mean of the fold models."""
    path = work / "final.pt"
    model = base.network(codebook, config.fit)
    if path.exists():
        model.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
        return model.float().eval()
    model.load_state_dict(mean_weights([work / f"fold{k}.pt" for k in range(config.split.folds)]))
    if config.finish.epochs:
        extra = counterfactuals(codebook, config.templates) if config.templates else []
        texts = [*data.texts, *(a.text for a in extra)]
        target = soften(data.gold, out_of_fold, config.finish.soften)
        settings = replace(
            config.fit, epochs=config.finish.epochs, rate=config.finish.rate, patience=0, seed=config.fit.seed + 1
        )
        settings = replace(settings, head_rate=min(settings.head_rate, settings.rate * 4))
        with (work / "final.log").open("a", encoding="utf-8") as log:

            def write(row: dict[str, Any]) -> None:
                log.write(json.dumps(row) + "\n")
                log.flush()
                if "epoch" in row:
                    say(f"last fit, epoch {row['epoch']} of {settings.epochs}")

            model = fit(
                model,
                base.ids(texts, config.encoder.max_length),
                np.vstack([target, encode_gold(extra, codebook)]),
                settings,
                checkpoint=work / "final.checkpoint",
                log=write,
                device=device_of(),
            )
    torch.save(model.cpu().state_dict(), path)
    return model.eval()
