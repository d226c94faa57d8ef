"""Profile `fast`: where the n-gram model's word is enough, learned on sentences that nobody coded.

The finished model reads sentences of speeches. From the n-grams' log odds its probability is foretold, and the chance
that it decides otherwise (logistic regression, Platt 1999, his targets); sentences with little doubt, as
`classify.cascade.FirstReader` weighs it, are then settled by the n-grams alone. How little is chosen on one half of the
sentences: as much doubt as keeps the codes of both together near the whole model's; the other half says how near.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.cascade import FirstReader, log_odds
from sca_nlp.classify.contract import Decision
from sca_nlp.classify.folder import load_model, write_folder
from sca_nlp.classify.linear import Ngrams
from sca_nlp.errors import InputError
from sca_nlp.read.annotations import read_annotations
from training.settings import CascadeSection

Array = NDArray[np.float32]
#: A word less says little, more is rarely one sentence.
SHORTEST, LONGEST = 5, 90
#: Fewest sentences from which anything is learned.
FEWEST = 40


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
    plan: CascadeSection, known: Collection[str], written: Mapping[str, Any], work: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return the section `cascade` of a finished model's `model.json`.

    Args:
        plan: says where the sentences are.
        known: coded sentences, which are not drawn: the n-grams have learned them by heart.
        written: what `write_folder` needs of the model, n-grams among it.
        work: folder for the model without a cascade.
        say: called with lines of progress.

    Raises:
        InputError: the speeches hold too few sentences.
    """
    folder = write_folder(work / "whole", **written)
    whole = load_model(str(folder.path), profile="balanced")
    ngrams = Ngrams(
        folder.arrays(), len(folder.codebook.classes), int(folder.meta["lexical"]["ngrams"]), folder.path, "lexical."
    )
    say(f"what n-grams can settle for profile fast: sentences of {plan.speeches} ...")
    held_out = (
        {a.speech_id for a in read_annotations(plan.without, codebook=folder.codebook)} if plan.without else set()
    )
    drawn = draw_sentences(plan.speeches, plan.sentences, {" ".join(t.split()) for t in known}, held_out)
    if len(drawn) < FEWEST:
        raise InputError(plan.speeches, f"{len(drawn)} sentences", f"at least {FEWEST} that nobody coded")
    parts = [drawn[k : k + 4096] for k in range(0, len(drawn), 4096)]
    scored = np.concatenate([whole.predict(*zip(*part, strict=True)).probabilities for part in parts])
    section = learn_first_reader(ngrams([t for t, _, _ in drawn]), scored, folder.decision, plan.agreement)
    settled, agreement = section["settled"], section["agreement"]
    say(f"they settle {settled:.0%}; codes of both against the whole model's: macro-F1 {agreement:.3f}")
    return {**section, "sentences": len(drawn)}


def learn_first_reader(ngrams: Array, whole: Array, decision: Decision, agreement: float) -> dict[str, Any]:
    """Return what `FirstReader` needs, and the share settled and agreement reached on sentences that chose nothing.

    Args:
        ngrams: the n-gram model's probabilities [n, n_classes], in random order.
        whole: the whole model's, calibrated.
        decision: its thresholds.
        agreement: least macro-F1 of the codes of both together against those of the whole model alone.
    """
    x, theirs = log_odds(ngrams), _codes(whole, decision)
    half = len(x) // 2
    counts = np.maximum(theirs[:half].sum(0), 1)
    classes = range(x.shape[1])
    section: dict[str, Any] = {
        "carry": [_logistic(x[:half, k], whole[:half, k]) for k in classes],
        "decides": [_logistic(x[:half, k], _platt(theirs[:half, k])) for k in classes],
        "counts": counts.tolist(),
        "most": 0.0,
    }
    first, doubt = FirstReader(section, decision.thresholds, "cascade").read(ngrams)
    mine = _codes(first, decision)
    for most in np.quantile(doubt[:half], np.linspace(1, 0, 201)):
        section["most"] = float(f"{most:.4g}")
        settled = doubt <= section["most"]
        both = np.where(settled[:, None], mine, theirs)
        if _macro_f1(both[:half], theirs[:half]) >= agreement:
            break
    else:
        section["most"], settled = 0.0, doubt <= 0.0
        both = np.where(settled[:, None], mine, theirs)
    reached = {"settled": settled[half:].mean(), "agreement": _macro_f1(both[half:], theirs[half:])}
    return section | {k: round(float(v), 4) for k, v in reached.items()}


def _codes(p: Array, decision: Decision) -> NDArray[np.bool_]:
    """Return decisions as a matrix [n, n_classes]."""
    classes = decision.codebook.classes
    return np.array([[c in row for c in classes] for row in decision.decide(p)], bool).reshape(-1, len(classes))


def _macro_f1(given: NDArray[np.bool_], gold: NDArray[np.bool_]) -> float:
    """Return the mean F1 of the classes that `gold` has."""
    right, all_given, wanted = (g.sum(0) for g in (given & gold, given, gold))
    f1 = 2 * right[wanted > 0] / (all_given + wanted)[wanted > 0]
    return float(f1.mean()) if len(f1) else 1.0


def _platt(decided: NDArray[np.bool_]) -> Array:
    """Return 0/1 targets drawn in by one example of each kind, so that a rare class is never sure (Platt 1999)."""
    n = int(decided.sum())
    return np.where(decided, (n + 1) / (n + 2), 1 / (len(decided) - n + 2)).astype(np.float32)


def _logistic(x: NDArray[np.float64], target: Array) -> list[float]:
    """Return (a, b) of sigmoid(a + b x) fitted to targets between 0 and 1, b not below 0."""
    from sklearn.linear_model import LogisticRegression

    y = np.repeat([1, 0], len(x))
    model = LogisticRegression(C=100.0).fit(np.tile(x, 2)[:, None], y, sample_weight=np.r_[target, 1 - target])
    a, b = float(model.intercept_[0]), float(model.coef_[0, 0])
    if b < 0:  # nothing learned but how frequent the class is
        mean = float(np.clip(target.mean(), 1e-6, 1 - 1e-6))
        a, b = float(np.log(mean / (1 - mean))), 0.0
    return [round(a, 4), round(b, 4)]
