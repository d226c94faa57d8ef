"""Published word lists, mapped onto the codebook's classes: what any trained model must beat."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from sca_nlp.errors import InputError

Array = NDArray[np.float32]
#: Lexicon -> class -> (word, or stem with `*`, weight).
Lexicon = Mapping[str, Sequence[tuple[str, float]]]
_WORD = re.compile(r"[a-z']+")
#: Lexicoder has two lists only: 1 where its positive words stand for the class.
_GOOD = {"TP+": 0, "TP-": 1, "MU+": 1, "MU-": 0, "SS+": 1, "SS-": 0, "NA+": 1, "NA-": 0, "FO+": 0, "FO-": 1}


def read_lexica(folder: Path) -> dict[str, dict[str, list[tuple[str, float]]]]:
    """Return lexicon -> class -> (word or stem*, weight), mapped as the data card says.

    Raises:
        InputError: a file is missing.
    """

    def rows(name: str) -> list[dict[str, str]]:
        path = folder / f"{name}.csv"
        if not path.is_file():
            raise InputError(path, "no such file", "the folder of the lexica, as in SCA_DATA/bench/lexica")
        with path.open(encoding="utf-8", newline="") as f:
            return list(csv.DictReader(f))

    threat = [(r["word"], 1.0) for r in rows("threat_dictionary_choi2022")]
    grievance = rows("grievance_dictionary_5plus")

    def stems(*categories: str) -> list[tuple[str, float]]:
        return [(r["word"] + "*", float(r["mean_rating"]) / 10) for r in grievance if r["category"] in categories]

    moral = rows("mfd2")

    def morals(*categories: str) -> list[tuple[str, float]]:
        return [(r["word"], 1.0) for r in moral if r["category"] in categories]

    tone = [
        (r["lexEntry"] + ("*" if r["isPrefix"] in ("1", "TRUE") else ""), r["polarity"])
        for r in rows("lexicoder_lsd2015")
    ]
    bad = [(w, 1.0) for w, p in tone if p == "negative"]
    good = [(w, 1.0) for w, p in tone if p == "positive"]
    verbs = [(r["verb"].lower(), r["cameo"]) for r in rows("cameo_verb_patterns") if r["kind"] != "block"]

    def cameo(*roots: str) -> list[tuple[str, float]]:
        return [(v.rstrip("ed") + "*" if len(v) > 5 else v, 1.0) for v, c in verbs if c[:2] in roots and v.isalpha()]

    return {
        "threat dictionary (Choi 2022)": {"TP+": threat},
        "grievance dictionary": {
            "TP+": stems("threat", "hate"),
            "FO+": stems("violence", "weaponry", "soldier", "murder"),
            "MU-": stems("grievance", "frustration"),
        },
        "moral foundations 2.0": {
            "SS+": morals("loyalty.virtue"),
            "SS-": morals("loyalty.vice"),
            "NA+": morals("authority.virtue", "fairness.virtue"),
            "NA-": morals("authority.vice", "fairness.vice"),
        },
        "Lexicoder 2015": {c: (good if s else bad) for c, s in _GOOD.items()},
        "CAMEO verb patterns": {
            "FO+": cameo("13", "15", "17", "18", "19", "20"),
            "FO-": cameo("03", "04", "05", "08"),
            "NA-": cameo("11", "12"),
            "SS+": cameo("05", "06", "07"),
        },
    }


def lexica_scorer(lexica: Sequence[Lexicon], classes: Sequence[str]) -> Callable[[Sequence[str]], Array]:
    """Return a scorer of texts: (texts, lexica, classes) of the found words' weights per square root of the words.

    Values lie in [0, 1): v / (1 + v) for a weight v. A word counts where it stands in the list itself, and once more
    where the shortest listed stem of three or more letters begins it. All lexica are read in one pass over the words.
    """
    width = len(lexica) * len(classes)
    exact: dict[str, Array] = {}
    prefix: dict[str, Array] = {}
    for n, lexicon in enumerate(lexica):
        for k, c in enumerate(classes):
            for word, weight in lexicon.get(c, ()):
                table = prefix if word.endswith("*") else exact
                key = word.rstrip("*").lower()
                if key:
                    row = table.setdefault(key, np.zeros(width, np.float32))
                    row[n * len(classes) + k] = max(weight, row[n * len(classes) + k])
    weights: list[Array] = [np.zeros(width, np.float32)]  # row 0: a word of no lexicon
    known: dict[str, int] = {}

    def row_of(word: str) -> int:
        found = exact.get(word, weights[0]).copy()
        left = np.ones(len(lexica), bool)  # the shortest stem counts in each lexicon by itself
        for size in range(3, len(word) + 1):
            stem = prefix.get(word[:size])
            if stem is not None:
                here = stem.reshape(len(lexica), -1).any(1) & left
                found += (stem.reshape(len(lexica), -1) * here[:, None]).ravel()
                left &= ~here
        known[word] = len(weights) if found.any() else 0
        if found.any():
            weights.append(found)
        return known[word]

    def score(texts: Sequence[str]) -> Array:
        rows, ends, sizes = [], np.zeros(len(texts) + 1, np.int64), np.ones(len(texts), np.float32)
        for n, text in enumerate(texts):
            words = _WORD.findall(text.lower())
            sizes[n] = max(1, len(words))
            rows += [r for w in words if (r := known[w] if w in known else row_of(w))]
            ends[n + 1] = len(rows)
        ones = np.ones(len(rows), np.float32)
        out: Array = csr_matrix((ones, rows, ends), (len(texts), len(weights))) @ np.stack(weights)
        out /= np.sqrt(sizes)[:, None]
        result: Array = (out / (1 + out)).astype(np.float32).reshape(len(texts), len(lexica), len(classes))
        return result

    return score


def lexicon_scorer(lexicon: Lexicon, classes: Sequence[str]) -> Callable[[Sequence[str]], Array]:
    """Return the scorer of one lexicon: (texts, classes), see `lexica_scorer`."""
    score = lexica_scorer([lexicon], classes)
    return lambda texts: score(texts)[:, 0]
