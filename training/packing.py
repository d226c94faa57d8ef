"""A fitted network -> what a model folder holds; and its probabilities in the runtime that will read that folder."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import Decision
from sca_nlp.classify.folder import load_model, write_folder
from sca_nlp.codebook import Codebook, default_codebook, read_codebook
from sca_nlp.share import share_path
from training.dataset import Dataset
from training.settings import TrainConfig

Array = NDArray[np.float32]


def load_codebook(config: TrainConfig) -> tuple[Codebook, bytes]:
    """Return the config's codebook and its bytes."""
    if config.codebook:
        return read_codebook(config.codebook), Path(config.codebook).read_bytes()
    return default_codebook(), share_path("configs", "codebook.toml").read_bytes()


def package(
    model: Any, config: TrainConfig, codebook: Codebook, base: Any, data: Dataset
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Return (arrays, meta, texts) of a fitted network for its model folder, activation ranges included."""
    from training.ranges import activation_ranges

    arrays = {k: v.detach().float().numpy() for k, v in model.state_dict().items() if "position_ids" not in k}
    sizes = base.sizes(config.encoder)
    meta = {"encoder": sizes, "loss": config.fit.loss, "base": config.encoder.base, "hidden": config.fit.hidden}
    texts = {"tokenizer.json": base.tokenizer_json}
    if sizes["architecture"] == "bert":
        half = {k: v.astype(np.float16) for k, v in arrays.items()}
        some = data.take(np.arange(0, len(data.rows), max(1, len(data.rows) // 400)))
        rows = base.windows(config.encoder, some.texts, *some.neighbours)
        return {**half, **activation_ranges(half, sizes, codebook, rows)}, meta, texts
    texts["encoder.json"] = json.dumps(base.config)
    return {k: v.astype(np.float16) for k, v in arrays.items()}, {**meta, "runtime": "torch"}, texts


def plain_decision(codebook: Codebook) -> Decision:
    """Return no calibration and thresholds of one half."""
    n = len(codebook.classes)
    return Decision(codebook, np.full(n, 0.5, np.float32), np.tile(np.array([1, 1, 0], np.float32), (n, 1)))


def held_out(model: Any, config: TrainConfig, data: Dataset, index: NDArray[np.int64], threads: int) -> Array:
    """Return a network's probabilities [n, n_classes], uncalibrated, of the rows at `index`, which it has not learned.

    On a CPU the runtime reads them, in 8 bits where the encoder can: as sentences will be read for which thresholds and
    calibration are wanted, and faster than torch does.
    """
    import torch

    from training.encoders import open_base
    from training.finish import device_of, probabilities
    from training.network import predict

    codebook, codebook_bytes = load_codebook(config)
    base, held = open_base(config.encoder.base), data.take(index)
    if device_of() == "cuda":
        rows = base.windows(config.encoder, held.texts, *held.neighbours)
        logits = predict(model.to(device_of(), torch.bfloat16), rows)
        return probabilities(logits, codebook, config.fit.loss)
    arrays, meta, texts = package(model.float(), config, codebook, base, data)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        meta = {"id": "fold", "kind": "transformer", **meta}
        decision = plain_decision(codebook)
        write_folder(path, meta=meta, codebook_bytes=codebook_bytes, decision=decision, arrays=arrays, texts=texts)
        runtime = load_model(str(path), profile="balanced", threads=threads)
        return runtime.predict(held.texts, *held.neighbours).probabilities
