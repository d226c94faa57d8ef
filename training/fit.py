"""One fit of the network: bf16 weights with fp32 masters, layer-wise rates, averaged weights, resumable checkpoints."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sca_nlp.classify.tokens import Window
from sca_nlp.errors import InputError
from training.network import SentenceClassifier, batches, predict
from training.settings import FitSection

FitSettings = FitSection


def seed_all(seed: int) -> None:
    """Make the run repeatable."""
    torch.manual_seed(seed)
    np.random.seed(seed)


def rates(model: SentenceClassifier, s: FitSettings) -> list[tuple[str, nn.Parameter, float, float]]:
    """Return (name, parameter, rate, weight decay) of what is trained; freezes the rest."""
    layers = getattr(getattr(model.encoder, "encoder", model.encoder), "layer", None)
    n_layers = len(layers) if layers is not None else 0
    out = []
    for name, p in model.named_parameters():
        if not name.startswith("encoder."):
            rate = s.head_rate
        elif ".layer." in name and n_layers:
            k = int(name.split(".layer.")[1].split(".")[0])
            if k < s.freeze:
                p.requires_grad_(False)
                continue
            rate = s.rate * s.layer_decay ** (n_layers - 1 - k)
        elif "word_embeddings" in name or s.freeze:
            p.requires_grad_(False)
            continue
        else:
            rate = s.rate * s.layer_decay**n_layers
        plain = p.ndim < 2 or "LayerNorm" in name
        out.append((name, p, rate, 0.0 if plain else s.weight_decay))
    return out


def share_of_rate(step: int, steps: int, warmup: float) -> float:
    """Return the share of its rate at which `step` of `steps` learns: up over the share `warmup` of them, then down."""
    return min((step + 1) / max(1, warmup * steps), max(0.0, (steps - step) / (steps * (1 - warmup))))


def loss_of(logits: Tensor, target: Tensor, model: SentenceClassifier, weight: Tensor, kind: str) -> Tensor:
    """Return the mean loss against soft targets [n, n_classes] in [0, 1]."""
    if kind == "sigmoid":
        return (
            nn.functional.binary_cross_entropy_with_logits(logits, target, pos_weight=weight, reduction="none")
            .sum(1)
            .mean()
        )
    if kind != "softmax":
        raise InputError("fit.loss", repr(kind), "softmax or sigmoid")
    # One softmax an indicator; each class carries its share of `absent` so that sums over classes count it once.
    member = model.get_buffer("member").to(logits.dtype)
    shift = logits.max(1, keepdim=True).values.clamp(min=0).detach()
    log_total = shift + torch.log(torch.exp(-shift) + torch.exp(logits - shift) @ member)
    present = -(weight * target * (logits - log_total)).sum(1)
    absent = (((1 - target @ member).clamp(min=0) * log_total) / member.sum(0)).sum(1)
    return (present + absent).mean()


def fit(
    model: SentenceClassifier,
    rows: Sequence[Window],
    target: NDArray[np.float32],
    settings: FitSettings,
    *,
    weights: NDArray[np.float32] | None = None,
    validation: tuple[Sequence[Window], NDArray[np.float32]] | None = None,
    score: Callable[[NDArray[np.float32], NDArray[np.float32]], float] | None = None,
    checkpoint: Path | None = None,
    log: Callable[[dict[str, Any]], None] = lambda row: None,
    device: str = "cpu",
) -> SentenceClassifier:
    """Train in place and return the model with its averaged weights, in fp32.

    Args:
        model: encoder and head, fp32.
        rows: tokens of each sentence, with those of its neighbours where it reads them.
        target: soft targets [n, n_classes].
        settings: see `FitSettings`.
        weights: weight of each sentence [n].
        validation: rows and gold, scored after each epoch.
        score: (logits, gold) -> higher is better; with `patience` it stops the run.
        checkpoint: file that holds the state after each epoch; a run that finds one goes on from it.
        log: called with a dict of progress every 50 steps and after each epoch.
        device: torch device.
    """
    seed_all(settings.seed)
    plan = rates(model, settings)
    model.to(device=device, dtype=torch.bfloat16)
    params = [p for _, p, _, _ in plan]
    masters = [p.detach().float().clone() for p in params]
    average = [m.clone() for m in masters] if settings.average else None
    groups = [
        {"params": [m], "lr": r, "base": r, "weight_decay": d} for m, (_, _, r, d) in zip(masters, plan, strict=True)
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=device == "cpu")
    counts = target.sum(0)
    weight = torch.tensor(
        (np.median(counts) / np.maximum(counts, 1)) ** settings.weight_power, dtype=torch.float32, device=device
    )
    rng = np.random.default_rng(settings.seed)
    lengths = np.array([len(r) for r in rows])
    n_steps = len(batches(lengths, settings.budget)) * settings.epochs
    cycle = n_steps // max(1, settings.epochs) * (settings.cycle or settings.epochs)
    step, first, best, stale = 0, 0, -np.inf, 0
    best_average: list[Tensor] | None = None
    if checkpoint is not None and checkpoint.exists():
        # Our own file of tensors and numbers; weights_only refuses anything else.
        state = torch.load(checkpoint, weights_only=True, map_location=device)
        if state["settings"] != json.dumps(asdict(settings)):
            raise InputError(
                checkpoint, "a checkpoint of other settings", "the same settings, or another output folder"
            )
        for m, s in zip(masters, state["masters"], strict=True):
            m.copy_(s)
        if average is not None:
            average = state["average"]
        optimizer.load_state_dict(state["optimizer"])
        step, first, best, stale = state["step"], state["epoch"], state["best"], state["stale"]
        best_average = state["best_average"]
        for _ in range(first):
            batches(lengths, settings.budget, rng)
        load(params, masters)
    model.train()
    target_t = torch.tensor(target, device=device)
    weights_t = torch.tensor(weights if weights is not None else np.ones(len(rows), np.float32), device=device)
    start, seen = time.time(), 0
    for epoch in range(first, settings.epochs):
        total, tail = 0.0, 0
        for index in batches(lengths, settings.budget, rng):
            factor = share_of_rate(step % cycle, cycle, settings.warmup)
            for g in optimizer.param_groups:
                g["lr"] = g["base"] * factor
            pick = torch.tensor(index, device=device)
            logits = model([rows[int(i)] for i in index])
            # Sums over a fixed token budget would favour long sentences' batches less; the mean treats batches alike.
            loss = loss_of(logits, target_t[pick], model, weight, settings.loss) * weights_t[pick].mean()
            loss.backward()  # type: ignore[no-untyped-call]
            for m, p in zip(masters, params, strict=True):
                m.grad = p.grad.float() if p.grad is not None else torch.zeros_like(m)
                p.grad = None
            torch.nn.utils.clip_grad_norm_(masters, 1.0)
            optimizer.step()
            load(params, masters)
            step += 1
            if average is not None:
                decay = min(settings.average, (step + 1) / (step + 10))
                torch._foreach_lerp_(average, masters, 1 - decay)
            total += float(loss.detach())
            tail += 1
            seen += len(index)
            if step % 50 == 0:
                log(
                    {
                        "step": step,
                        "of": n_steps,
                        "loss": round(total / tail, 4),
                        "rate": round(seen / (time.time() - start), 1),
                    }
                )
                total, tail = 0.0, 0
        keep = average if average is not None else masters
        row: dict[str, Any] = {"epoch": epoch + 1, "seconds": round(time.time() - start)}
        if validation is not None and score is not None:
            load(params, keep)
            value = score(predict(model, validation[0]), validation[1])
            load(params, masters)
            row["score"] = round(value, 5)
            if value > best:
                best, stale, best_average = value, 0, [k.clone() for k in keep]
            elif not settings.cycle or (epoch + 1) % settings.cycle == 0:  # within a cycle the rate may still be high
                stale += 1
        log(row)
        if checkpoint is not None:
            save(checkpoint, settings, masters, average, optimizer, step, epoch + 1, best, stale, best_average)
        if settings.patience and stale >= settings.patience:
            break
    final = best_average if best_average is not None else (average if average is not None else masters)
    model.float()
    load(params, final)
    model.eval()
    return model


def load(params: Sequence[nn.Parameter], values: Sequence[Tensor]) -> None:
    """Copy values into parameters, rounding to their precision."""
    with torch.no_grad():
        torch._foreach_copy_(list(params), list(values))


def save(
    path: Path,
    settings: FitSettings,
    masters: list[Tensor],
    average: list[Tensor] | None,
    optimizer: torch.optim.Optimizer,
    step: int,
    epoch: int,
    best: float,
    stale: int,
    best_average: list[Tensor] | None,
) -> None:
    """Write a checkpoint under a temporary name, then rename it: a kill leaves the old or the new one."""
    temporary = path.with_suffix(".partial")
    torch.save(
        {
            "settings": json.dumps(asdict(settings)),
            "masters": masters,
            "average": average,
            "optimizer": copy.deepcopy(optimizer.state_dict()),
            "step": step,
            "epoch": epoch,
            "best": float(best),
            "stale": stale,
            "best_average": best_average,
        },
        temporary,
    )
    temporary.replace(path)
