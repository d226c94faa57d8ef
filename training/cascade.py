"""The first reader of profile `fast`: a shallow encoder that learns, on sentences nobody coded, what the model says.

It starts from the lowest layers of the finished model and fits the model's calibrated probabilities (Hinton, Vinyals
and Dean 2015). In scoring, a sentence on which it is sure of every class goes no further. How sure is sure is chosen on
held-out sentences: the smallest margin at which the codes of both together agree with the whole model's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.contract import Decision
from sca_nlp.classify.folder import load_model, write_folder
from sca_nlp.classify.transformer import FirstReader
from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError
from sca_nlp.read.annotations import read_annotations
from training.settings import TrainConfig

Array = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]
#: A word less says little, more is rarely one sentence.
SHORTEST, LONGEST = 5, 90
#: Held-out sentences that choose the margin: one for each eight that are learned from, at most so many.
MOST_HELD_OUT = 10_000


def draw_sentences(
    speeches: str, n: int, without: set[str], held_out: Collection[str] = (), seed: int = 0
) -> list[tuple[str, str, str]]:
    """Return `n` different sentences of the speeches (fewer where there are fewer), none of those in `without`.

    Each with the sentences before and after it.

    Speeches whose ids are in `held_out` are not read.

    The draw keeps the sentences whose digests are smallest: the same ones on every machine, in one pass, whatever the
    order of the files.
    """
    import heapq

    from sca_nlp.read.speeches import read_speeches
    from sca_nlp.segment import segment

    kept: list[tuple[int, str, str, str]] = []
    seen = set(without)
    for speech in read_speeches(speeches, rejects=lambda reject: None):
        if speech.speech_id in held_out:
            continue
        for passage in segment(speech):
            text = " ".join(passage.text.split())
            if not SHORTEST <= text.count(" ") + 1 <= LONGEST:
                continue
            digest = hashlib.blake2b(f"{seed}\0{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
            key = -int.from_bytes(digest, "big")
            if (len(kept) < n or key > kept[0][0]) and text not in seen:
                seen.add(text)
                heapq.heappush(kept, (key, text, passage.prev, passage.next))
                if len(kept) > n:
                    seen.discard(heapq.heappop(kept)[1])
    return [row[1:] for row in sorted(kept, reverse=True)]


def learn_cascade(
    config: TrainConfig,
    codebook: Codebook,
    base: Any,
    known: Collection[str],
    decision: Decision,
    written: Mapping[str, Any],
    work: Path,
    say: Callable[[str], None],
) -> tuple[Arrays, dict[str, Any]]:
    """Return the first reader's arrays, named `cascade.*`, and the section `cascade` of `model.json`.

    Args:
        config: the run's; its section `cascade` says where the sentences are.
        codebook: the model's.
        base: the encoder that the run started from.
        known: coded sentences, which are not drawn.
        decision: the model's thresholds and calibration.
        written: what `write_folder` needs of the whole model.
        work: folder with `last.pt`, the network's weights.
        say: called with lines of progress.

    Raises:
        InputError: the speeches hold too few sentences.
    """
    import torch

    from training.finish import device_of, probabilities
    from training.fit import fit
    from training.network import predict
    from training.ranges import activation_ranges

    plan = config.cascade
    write_folder(work / "whole", **written)
    whole = load_model(str(work / "whole"), profile="balanced")
    say(f"a first reader for profile fast: sentences of {plan.speeches} ...")
    held_out = {a.speech_id for a in read_annotations(plan.without, codebook=codebook)} if plan.without else set()
    n_held = min(MOST_HELD_OUT, plan.sentences // 8)
    drawn = draw_sentences(plan.speeches, plan.sentences + n_held, {" ".join(t.split()) for t in known}, held_out)
    texts = [t for t, _, _ in drawn]
    if len(texts) < 20:
        raise InputError(plan.speeches, f"{len(texts)} sentences", "at least 20 that nobody coded")
    n_held = min(n_held, len(texts) // 9)
    parts = [drawn[k : k + 4096] for k in range(0, len(drawn), 4096)]
    scored = np.concatenate([whole.predict(*zip(*part, strict=True)).probabilities for part in parts])
    rows = base.windows(config.encoder, texts)  # the first reader reads no neighbours
    network = base.network(codebook, config.fit)
    network.load_state_dict(torch.load(work / "last.pt", weights_only=True, map_location="cpu"))
    network.encoder.encoder.layer = network.encoder.encoder.layer[: plan.layers]
    say(f"{plan.layers} of the encoder's layers learn {len(texts) - n_held:,} sentences ...")
    settings = replace(config.fit, epochs=1, rate=plan.rate, weight_power=0.0, dropout=0.0, patience=0, budget=2048)
    with (work / "cascade.log").open("a", encoding="utf-8") as log:

        def write(row: dict[str, Any]) -> None:
            log.write(json.dumps(row) + "\n")
            log.flush()

        network = fit(network, rows[n_held:], scored[n_held:], settings, log=write, device=device_of()).cpu()
    first = probabilities(predict(network, rows[:n_held]), codebook, config.fit.loss)
    margin, settled, agreement = choose_margin(first, scored[:n_held], decision, plan.agreement)
    say(f"it settles {settled:.0%} of sentences; codes of both against the whole model's: macro-F1 {agreement:.3f}")
    # The word vectors never learn: the whole model's serve both.
    arrays = {k: v.detach().numpy() for k, v in network.state_dict().items()}
    arrays = {k: v.astype(np.float16) for k, v in arrays.items() if "position_ids" not in k}
    sizes = {**base.sizes(config.encoder), "n_layers": plan.layers}
    arrays |= activation_ranges(arrays, sizes, codebook, rows[n_held :: max(1, len(rows) // 400)])
    own = {f"cascade.{k}": v for k, v in arrays.items() if "word_embeddings" not in k}
    meta = {"layers": plan.layers, "margin": round(margin, 3), "sentences": len(texts) - n_held}
    return own, {**meta, "settled": round(settled, 4), "agreement": round(agreement, 4)}


def choose_margin(first: Array, whole: Array, decision: Decision, agreement: float) -> tuple[float, float, float]:
    """Return the smallest margin in log odds that keeps the codes, the share then settled, and the agreement reached.

    Args:
        first: the first reader's calibrated probabilities [n, n_classes].
        whole: the whole model's.
        decision: thresholds of both.
        agreement: least macro-F1 of the codes of both together against those of the whole model alone.
    """
    classes = decision.codebook.classes

    def codes(p: Array) -> NDArray[np.bool_]:
        return np.array([[c in row for c in classes] for row in decision.decide(p)], bool).reshape(-1, len(classes))

    mine, theirs = codes(first), codes(whole)
    away = FirstReader.distance(first, decision.thresholds)
    for margin in np.arange(0, 6, 0.05):
        settled = away >= margin
        both = np.where(settled[:, None], mine, theirs)
        right, given, gold = ((x).sum(0) for x in (both & theirs, both, theirs))
        f1 = 2 * right[gold > 0] / (given + gold)[gold > 0]
        reached = float(f1.mean()) if len(f1) else 1.0
        if reached >= agreement:
            break
    return float(margin), float(settled.mean()), reached
