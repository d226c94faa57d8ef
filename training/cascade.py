"""Profile `fast`: where the n-gram model's word is enough, learned on sentences that nobody coded.

The finished model reads sentences of speeches. From the n-grams' log odds the chance is learned that it decides for a
class (logistic regression, Platt 1999, his targets); sentences with little doubt, as `classify.cascade.FirstReader`
weighs it, are then settled by the n-grams alone. How little is chosen on the same half of the sentences: as much doubt
as keeps the codes of both together near the whole model's, in macro-F1 and, so that shares over many speeches keep
their height, in how often each class is coded. Profile `fast` then reads the other half, and says how near.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.cascade import FirstReader, line, plain_sentence
from sca_nlp.classify.contract import Decision
from sca_nlp.classify.folder import load_model, write_folder
from sca_nlp.classify.linear import Ngrams, log_odds
from sca_nlp.errors import InputError
from sca_nlp.read.annotations import read_annotations
from training.calibrate import as_matrix, f1_per_class
from training.settings import CascadeSection

Array = NDArray[np.float32]
#: Fewest sentences from which anything is learned.
FEWEST = 40
#: A class counts in the macro-F1 from so many cases, and in doubt as if it had so many; with fewer its F1 is chance.
RARE = 10
#: From so many cases on it is asked how many codes of a class are lost.
COUNTED = 50


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
            if not plain_sentence(text):
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
    half = len(drawn) // 2
    said = ngrams([t for t, _, _ in drawn])
    section = learn_first_reader(said[:half], scored[:half], folder.decision, plan.agreement, plan.lost)
    folder = write_folder(work / "whole", **{**written, "meta": {**written["meta"], "cascade": section}})
    texts, prev, after = (list(column) for column in zip(*drawn[half:], strict=True))
    _, settled = FirstReader(section, said.shape[1], "cascade")(texts, said[half:])
    found = load_model(str(folder.path), profile="fast").predict(texts, prev, after).probabilities
    share = float(settled.mean())
    section |= {"settled": round(share, 4)} | came_of(found, scored[half:], folder.decision)
    say(f"they settle {share:.0%}; codes of both against the whole model's: macro-F1 {section['agreement']:.3f}")
    if not share:
        say(f"too few of the {len(drawn):,} sentences have a code, or the n-grams say too little: fast is balanced")
    return {**section, "sentences": len(drawn)}


def learn_first_reader(
    ngrams: Array, whole: Array, decision: Decision, agreement: float, lost: float
) -> dict[str, Any]:
    """Return what `FirstReader` needs.

    Args:
        ngrams: the n-gram model's probabilities [n, n_classes], in random order.
        whole: the whole model's, calibrated.
        decision: its thresholds.
        agreement: least macro-F1 of the codes of both together against those of the whole model alone, over classes
            with `RARE` cases.
        lost: greatest share of a class's codes that may go, in classes with `COUNTED` cases.
    """
    x, theirs = log_odds(ngrams), _codes(whole, decision)
    classes = range(x.shape[1])
    cases = theirs.sum(0)
    section: dict[str, Any] = {
        "carry": [[0.0, 1.0] for _ in classes],
        "decides": [_logistic(x[:, k], _platt(theirs[:, k])) for k in classes],
        "counts": np.maximum(cases, RARE).tolist(),
        "most": 0.0,
    }
    doubt = FirstReader(section, len(classes), "cascade").doubt(x)
    mine = line(x, np.array(section["decides"])) >= 0.5
    settled = np.zeros(len(x), bool)
    for most in np.quantile(doubt, np.linspace(1, 0, 201)) if (cases >= RARE).any() else ():
        section["most"] = float(f"{most:.4g}")
        settled = doubt <= section["most"]
        both = np.where(settled[:, None], mine, theirs)
        kept = (both.sum(0) / np.maximum(cases, 1))[cases >= COUNTED]
        if _macro_f1(both, theirs, cases >= RARE) >= agreement and (kept >= 1 - lost).all():
            break
    else:
        section["most"], settled[:] = 0.0, False
    if settled.any():
        section["carry"] = [_logistic(x[settled, k], whole[settled, k]) for k in classes]
    return section


def came_of(fast: Array, whole: Array, decision: Decision) -> dict[str, Any]:
    """Return what profile `fast` made of sentences that chose nothing.

    That is `agreement`, the macro-F1 of its codes against the whole model's over classes with `RARE` cases; and
    `coded`, for each class how many codes there are to one of the whole model's (None: it has none).

    Args:
        fast: its probabilities [n, n_classes].
        whole: the whole model's.
        decision: the thresholds.
    """
    mine, theirs = _codes(fast, decision), _codes(whole, decision)
    cases = theirs.sum(0)
    coded = [round(float(g / w), 3) if w else None for g, w in zip(mine.sum(0), cases, strict=True)]
    return {"agreement": round(_macro_f1(mine, theirs, cases >= RARE), 4), "coded": coded}


def _codes(p: Array, decision: Decision) -> NDArray[np.bool_]:
    """Return decisions as a matrix [n, n_classes]."""
    return as_matrix(decision.decide(p), decision.codebook).astype(bool)


def _macro_f1(given: NDArray[np.bool_], gold: NDArray[np.bool_], of: NDArray[np.bool_]) -> float:
    """Return the mean F1 of the classes in the mask `of` that are given or wanted at all (1 where none is)."""
    f1 = f1_per_class(*(x[:, of].astype(np.float32) for x in (gold, given)))
    return float(np.nanmean(f1)) if np.isfinite(f1).any() else 1.0


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
