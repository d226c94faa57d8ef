"""The row of SetFit: the encoder learns from pairs of a few sentences, a linear head from all."""

from __future__ import annotations

import logging
import tempfile
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.baselines.material import Array, Made, Material, Say
from training.baselines.vectors import embedder, longest, regressions

BATCH = 16


def few(gold: Array, each: int, seed: int = 0) -> NDArray[np.int64]:
    """Return the rows of at most `each` sentences of every class, and twice as many without a code."""
    rng = np.random.default_rng(seed)
    groups = [(gold[:, k] > 0.5, each) for k in range(gold.shape[1])] + [(gold.sum(1) == 0, 2 * each)]
    return np.unique(np.concatenate([rng.permutation(np.flatnonzero(mask))[:n] for mask, n in groups]))


def set_fit(material: Material, say: Say, each: int = 24, pairs: int = 640) -> Made:
    """Contrast `pairs` pairs of sentences with and without a common code, then fit a linear head on all sentences.

    The method is SetFit's (Tunstall et al. 2022), by its own library; one pass over the pairs, batches of 16.

    Raises:
        ImportError: setfit or sentence-transformers is not installed.
    """
    from datasets import Dataset as Table
    from datasets import disable_progress_bars
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from setfit import SetFitModel, Trainer, TrainingArguments
    from transformers import PrinterCallback, TrainerCallback

    from training.encoders import open_base

    class Progress(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            if state.global_step % 10 == 0:
                say(f"step {state.global_step} of {state.max_steps}")

    disable_progress_bars()
    logging.getLogger("setfit").setLevel(logging.WARNING)
    base, learn = open_base(material.base), material.learn
    part = learn.take(few(learn.gold, each))
    words = Transformer(base.name, max_seq_length=longest(base))
    body = SentenceTransformer(modules=[words, Pooling(base.width)], device="cpu")
    labels = part.gold.astype(int).tolist()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            batch_size=BATCH,
            max_steps=-(-pairs // BATCH),
            num_epochs=1,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            show_progress_bar=False,
            seed=0,
        )
        trainer = Trainer(
            model=SetFitModel(model_body=body, model_head=None, multi_target_strategy="one-vs-rest"),
            args=arguments,
            train_dataset=Table.from_dict({"text": part.texts, "label": labels}),
            callbacks=[Progress()],
        )
        trainer.remove_callback(PrinterCallback)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*pin_memory.*")
            trainer.train_embeddings(part.texts, labels, args=arguments)
    say("linear head")
    scorer = regressions(embedder(words.auto_model, base), learn.texts, learn.gold)
    return Made(scorer, len(learn.rows), f"encoder from {pairs} pairs of {len(part.rows)} sentences")
