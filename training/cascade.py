"""Profile `fast`: where the n-gram model's word is enough, or that of an exit, learned on sentences that nobody coded.

The finished model reads sentences of speeches. On most of them a model that looks at neighbours learns an exit
(`training.exit`). On others the chance is learned, from the n-grams' log odds and from the exit's, that the whole model
decides for a class (logistic regression, Platt 1999, his targets); sentences with little doubt, as
`classify.cascade.Reader` weighs it, are then settled. How little is chosen on the same sentences: as much doubt as
keeps the codes of all together near the whole model's, in macro-F1 and, so that shares over many speeches keep their
height, in how often each class is coded. Profile `fast` then reads the last part, and says how near.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.classify.cascade import Cascade, Reader, line, plain_sentence
from sca_nlp.classify.contract import Decision
from sca_nlp.classify.folder import write_folder
from sca_nlp.classify.linear import Ngrams, log_odds
from sca_nlp.classify.tokens import Beside
from sca_nlp.classify.transformer import Transformer
from sca_nlp.errors import InputError
from sca_nlp.read.annotations import read_annotations
from training.calibrate import as_matrix, f1_per_class
from training.settings import CascadeSection

Array = NDArray[np.float32]
#: Fewest sentences from which anything is learned.
FEWEST = 40
#: An exit is learned from at least so many, three fifths of those drawn; one that learned from 24,000 saved nothing.
ENOUGH = 40_000
#: How much doubt n-grams may leave to one that the exit may leave: what is left to the exit costs two layers, what
#: passes it six. Measured on the General Debate: time is least between 0.4 and 0.6.
SHARES = {"ngrams": 0.6, "exit": 1.0}
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
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the section `cascade` of a finished model's `model.json`, and the arrays of its exit.

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
    whole = Transformer(folder, profile="balanced")
    ngrams = Ngrams(
        folder.arrays(), len(folder.codebook.classes), int(folder.meta["lexical"]["ngrams"]), folder.path, "lexical."
    )
    say(f"what can be settled early in profile fast: sentences of {plan.speeches} ...")
    held_out = (
        {a.speech_id for a in read_annotations(plan.without, codebook=folder.codebook)} if plan.without else set()
    )
    drawn = draw_sentences(plan.speeches, plan.sentences, {" ".join(t.split()) for t in known}, held_out)
    if len(drawn) < FEWEST:
        raise InputError(plan.speeches, f"{len(drawn)} sentences", f"at least {FEWEST} that nobody coded")
    parts = [drawn[k : k + 4096] for k in range(0, len(drawn), 4096)]
    scored = np.concatenate([whole.predict(*zip(*part, strict=True)).probabilities for part in parts])
    texts, prev, after = (list(column) for column in zip(*drawn, strict=True))
    opinions = {"ngrams": log_odds(ngrams(texts))}
    arrays: dict[str, NDArray[Any]] = {}
    taught, judged = len(drawn) * 3 // 5, len(drawn) // 2
    if Beside.of(folder.meta["encoder"]).layers_alone and taught >= ENOUGH:
        from training.exit import exit_log_odds, learn_exit, pooled

        say(f"an exit after the layers that read alone, from {taught:,} of them ...")
        read, judged = pooled(whole, texts), len(drawn) * 4 // 5
        arrays = learn_exit(read[:taught], opinions["ngrams"][:taught], scored[:taught])
        opinions["exit"] = exit_log_odds(arrays, read, opinions["ngrams"])
    else:
        taught = 0
    chosen, left = slice(taught, judged), slice(judged, len(drawn))
    section = learn_readers(
        {k: x[chosen] for k, x in opinions.items()}, scored[chosen], folder.decision, plan.agreement, plan.lost
    )
    written = {**written, "meta": {**written["meta"], "cascade": section}, "arrays": {**written["arrays"], **arrays}}
    folder = write_folder(work / "whole", **written)
    cascade = Cascade(section, arrays, len(folder.codebook.classes), "cascade")
    settled = cascade.ngrams(opinions["ngrams"][left])[1]
    leaves = ~settled & cascade.exit(opinions["exit"][left])[1] if cascade.exit else np.zeros_like(settled)
    found = Transformer(folder, profile="fast").predict(texts[left], prev[left], after[left]).probabilities
    shares = {"settled": round(float(settled.mean()), 4), "left_at_exit": round(float(leaves.mean()), 4)}
    section |= shares | came_of(found, scored[left], folder.decision)
    say(
        f"n-grams settle {shares['settled']:.0%}, {shares['left_at_exit']:.0%} leave at the exit; codes of all against "
        f"the whole model's: macro-F1 {section['agreement']:.3f}"
    )
    if not settled.any():
        say(f"too few of the {len(drawn):,} sentences have a code, or the n-grams say too little: fast is balanced")
    return {**section, "sentences": len(drawn), "judged": len(drawn) - judged}, arrays


def learn_readers(
    opinions: Mapping[str, NDArray[np.float64]], whole: Array, decision: Decision, agreement: float, lost: float
) -> dict[str, Any]:
    """Return what `Cascade` needs of each reader.

    Args:
        opinions: log odds [n, n_classes] of `ngrams`, then of `exit`, if there is one; rows in random order.
        whole: the whole model's probabilities, calibrated [n, n_classes].
        decision: its thresholds.
        agreement: least macro-F1 of the codes of all together against those of the whole model alone, over classes
            with `RARE` cases.
        lost: greatest share of a class's codes that may go, in classes with `COUNTED` cases.
    """
    theirs = _codes(whole, decision)
    classes, cases = range(theirs.shape[1]), theirs.sum(0)
    sections: dict[str, Any] = {
        name: {
            "carry": [[0.0, 1.0] for _ in classes],
            "decides": [_logistic(x[:, k], _platt(theirs[:, k])) for k in classes],
            "counts": np.maximum(cases, RARE).tolist(),
            "most": 0.0,
        }
        for name, x in opinions.items()
    }
    doubt = {k: Reader(sections[k], len(classes), "cascade").doubt(x) / SHARES[k] for k, x in opinions.items()}
    mine = {k: line(x, np.array(sections[k]["decides"])) >= 0.5 for k, x in opinions.items()}
    settled: dict[str, NDArray[np.bool_]] = {}
    least = np.min(list(doubt.values()), axis=0)
    for most in np.quantile(least, np.linspace(1, 0, 201)) if (cases >= RARE).any() else ():
        both, rest = theirs.copy(), np.ones(len(whole), bool)
        for k in opinions:
            settled[k] = rest & (doubt[k] <= most)
            both[settled[k]] = mine[k][settled[k]]
            rest &= ~settled[k]
        kept = (both.sum(0) / np.maximum(cases, 1))[cases >= COUNTED]
        if _macro_f1(both, theirs, cases >= RARE) >= agreement and (kept >= 1 - lost).all():
            break
    else:
        return sections
    for k, x in opinions.items():
        if settled[k].any():
            sections[k]["most"] = float(f"{most * SHARES[k]:.4g}")
            sections[k]["carry"] = [_logistic(x[settled[k], c], whole[settled[k], c]) for c in classes]
    return sections


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
