"""Self-training: the encoder first learns, on sentences that nobody coded, what an earlier model says of them.

Soft targets from a teacher carry more than a label each (Hinton, Vinyals and Dean 2015), and there are many more such
sentences than coded ones. Half of them are likely to hold one of the rarer classes, half are drawn at random.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.folder import load_model
from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError
from sca_nlp.read.annotations import read_annotations
from training.dataset import Dataset
from training.settings import TrainConfig

Array = NDArray[np.float32]
#: A word less says little, more is rarely one sentence.
SHORTEST, LONGEST = 5, 90


def draw_sentences(
    speeches: str, n: int, without: set[str], held_out: Collection[str] = (), seed: int = 0
) -> list[str]:
    """Return `n` different sentences of the speeches (fewer where there are fewer), none of those in `without`.

    Speeches whose ids are in `held_out` are not read.

    The draw keeps the sentences whose digests are smallest: the same ones on every machine, in one pass, whatever the
    order of the files.
    """
    import heapq

    from sca_nlp.read.speeches import read_speeches
    from sca_nlp.segment import segment

    kept: list[tuple[int, str]] = []
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
                heapq.heappush(kept, (key, text))
                if len(kept) > n:
                    seen.discard(heapq.heappop(kept)[1])
    return [text for _, text in sorted(kept, reverse=True)]


def choose(probabilities: Array, n: int, seed: int = 0) -> NDArray[np.int64]:
    """Return the rows to learn from: half with a high probability of a class that is rare here, half at random."""
    rng = np.random.default_rng(seed)
    total = len(probabilities)
    if total <= n:
        return np.arange(total)
    share = probabilities.mean(0)
    rare = np.argsort(share)[: max(1, len(share) * 6 // 10)]
    score = np.log(probabilities[:, rare].max(1) + 1e-3) + 0.8 * rng.gumbel(size=total)
    likely = np.argsort(-score)[: n // 2]
    rest = np.setdiff1d(np.arange(total), likely)
    return np.sort(np.concatenate([likely, rng.choice(rest, n - len(likely), replace=False)]))


def learn_from_teacher(
    config: TrainConfig, codebook: Codebook, base: Any, data: Dataset, work: Path, say: Callable[[str], None]
) -> None:
    """Leave `start.pt` in the work folder: the encoder after one epoch on the teacher's probabilities.

    Raises:
        InputError: the teacher has another codebook, or the speeches hold no sentence.
    """
    plan, path = config.unlabelled, work / "start.pt"
    if not plan.speeches or path.exists():
        return
    import torch

    from training.finish import device_of
    from training.fit import fit

    teacher = load_model(plan.teacher, profile="balanced")
    if teacher.codebook.classes != codebook.classes:
        raise InputError("unlabelled.teacher", f"{plan.teacher} codes by another codebook", "a model of this codebook")
    say(f"unlabelled sentences of {plan.speeches} ...")
    held_out = {a.speech_id for a in read_annotations(plan.without, codebook=codebook)} if plan.without else set()
    known = {" ".join(t.split()) for t in data.texts}
    texts = draw_sentences(plan.speeches, 4 * plan.sentences, known, held_out)
    if not texts:
        raise InputError(plan.speeches, "no sentence", "speeches to learn from")
    scored = [teacher.predict(texts[k : k + 4096]).probabilities for k in range(0, len(texts), 4096)]
    soft = np.concatenate(scored)
    index = choose(soft, plan.sentences)
    say(f"the encoder learns what {teacher.model_id} says of {len(index):,} of {len(texts):,} sentences ...")
    settings = replace(config.fit, epochs=1, rate=plan.rate, patience=0)
    with (work / "start.log").open("a", encoding="utf-8") as log:

        def write(row: dict[str, Any]) -> None:
            log.write(json.dumps(row) + "\n")
            log.flush()

        ids = base.ids([texts[int(i)] for i in index], config.encoder.max_length)
        model = fit(base.network(codebook, config.fit), ids, soft[index], settings, log=write, device=device_of())
    temporary = path.with_suffix(".partial")
    torch.save(model.cpu().state_dict(), temporary)
    temporary.replace(path)


def first_network(base: Any, codebook: Codebook, config: TrainConfig, work: Path) -> Any:
    """Return where the fits start: the base encoder, or what it became on the unlabelled sentences."""
    import torch

    model = base.network(codebook, config.fit)
    if config.unlabelled.speeches:
        model.load_state_dict(torch.load(work / "start.pt", weights_only=True, map_location="cpu"))
    return model
