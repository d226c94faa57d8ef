"""The row of LoRA: low-rank additions to the encoder's attention, and the same head as the shipped model."""

from __future__ import annotations

import time

import numpy as np

from training.baselines.material import Made, Material, Say
from training.baselines.vectors import ALONE


def lora(material: Material, say: Say, rank: int = 8, rate: float = 1e-3, budget: int = 1024) -> Made:
    """Train low-rank additions (Hu et al. 2021) by peft, for one epoch; weights in bf16, what is learned in fp32 too.

    Raises:
        ImportError: peft is not installed.
    """
    import torch
    from peft import LoraConfig, inject_adapter_in_model

    from training.encoders import open_base
    from training.finish import probabilities
    from training.fit import load, loss_of
    from training.network import batches, predict
    from training.settings import FitSection

    fit, base, learn, book = FitSection(), open_base(material.base), material.learn, material.book
    model = base.network(book, fit, ALONE)
    low = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=["query", "value"], lora_dropout=0.05)
    model.encoder = inject_adapter_in_model(low, model.encoder)
    for name, p in model.named_parameters():
        p.requires_grad_("lora_" in name or not name.startswith("encoder."))
    model.to(torch.bfloat16)
    params = [p for p in model.parameters() if p.requires_grad]
    masters = [p.detach().float().clone() for p in params]  # steps are too small for bf16
    optimizer = torch.optim.AdamW(masters, lr=rate)
    rows, gold = base.windows(ALONE, learn.texts), torch.tensor(learn.gold)
    plan = batches([len(r) for r in rows], budget, np.random.default_rng(0))
    weight = torch.ones(len(book.classes))
    model.train()
    start = time.monotonic()
    for step, index in enumerate(plan):
        for group in optimizer.param_groups:
            group["lr"] = rate * min((step + 1) / max(1, 0.08 * len(plan)), 1 - step / len(plan))
        logits = model([rows[int(i)] for i in index])
        loss = loss_of(logits, gold[torch.tensor(index)], model, weight, fit.loss)
        loss.backward()  # type: ignore[no-untyped-call]
        for m, p in zip(masters, params, strict=True):
            m.grad = p.grad.float() if p.grad is not None else torch.zeros_like(m)
            p.grad = None
        optimizer.step()
        load(params, masters)
        if (step + 1) % max(1, len(plan) // 10) == 0:
            left = (time.monotonic() - start) / (step + 1) * (len(plan) - step - 1)
            say(f"step {step + 1} of {len(plan)}, about {left:,.0f} s left of training")
    model.eval()
    return Made(
        lambda texts: probabilities(predict(model, base.windows(ALONE, texts)), book, fit.loss),
        len(learn.rows),
        f"one epoch, rank {rank}",
    )
