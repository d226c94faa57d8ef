"""Word lists: the simplest classifier, and one whose every decision can be read off.

`lexicon.toml` holds for each class `terms` (regular expressions, matched on word limits, case ignored) and, for the
whole model, `negators`: a term within four words after one speaks for the indicator's other value, where it has one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any

import numpy as np

from sca_nlp.classify.contract import Array, Scores
from sca_nlp.classify.folder import ModelFolder
from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError

_REACH = 4


class Lexicon:
    """A lexicon from a model folder. Probabilities are h / (h + 1) for h hits, before calibration."""

    def __init__(self, folder: ModelFolder) -> None:
        path = folder.path / "lexicon.toml"
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as e:
            raise InputError(path, f"not readable ({e})", "a lexicon in TOML") from None
        classes = folder.codebook.classes
        terms = data.get("terms", {})
        if not isinstance(terms, dict):
            raise InputError(path, f"terms {str(terms)[:80]!r}", "a table, class -> list of terms")
        unknown = sorted(set(terms) - set(classes))
        if unknown:
            raise InputError(path, f"terms of {unknown[0]}", f"classes {', '.join(classes)}")
        try:
            self._terms = [_pattern(terms.get(c, [])) for c in classes]
            self._negator = _pattern(data.get("negators", []))
        except (re.error, RecursionError, OverflowError) as e:
            raise InputError(
                path, f"a term is no regular expression ({e})", "terms that Python's re can read"
            ) from None
        self._other: dict[int, int] = {}
        for group in folder.codebook.groups():
            if len(group) == 2:
                self._other |= {group[0]: group[1], group[1]: group[0]}
        self._folder = folder
        self.codebook: Codebook = folder.codebook
        self.model_id: str = folder.model_id
        self.digest: str = folder.digest
        self.profile = "exact"

    def hits(self, text: str) -> Array:
        """Return the number of terms of each class in a text, negated ones counted for the other value."""
        out = np.zeros(len(self._terms), np.float32)
        for k, pattern in enumerate(self._terms):
            for match in pattern.finditer(text) if pattern else ():
                before = " ".join(text[: match.start()].split()[-_REACH:])
                negated = self._negator is not None and self._negator.search(before) is not None
                out[self._other.get(k, k) if negated else k] += 1
        return out

    def predict(self, texts: Sequence[str], prev: Sequence[str] = (), next: Sequence[str] = ()) -> Scores:
        """Score passages; neighbours are not used."""
        h = np.array([self.hits(t) for t in texts], np.float32).reshape(len(texts), len(self._terms))
        return Scores(self._folder.decision.calibrate(h / (h + 1)), np.ones(len(texts), np.int32))

    def decide(self, probabilities: Array) -> list[tuple[str, ...]]:
        """Return the codes of each row."""
        return self._folder.decision.decide(probabilities)


#: A term may repeat something without end so often, and repeats may not be nested: `(a+)+` takes ages on `aaaa!`.
_MOST_REPEATS = 3
_FEW = 16


def _check_repeats(term: str) -> None:
    """Refuse a term whose matching may take out of proportion to the text.

    Raises:
        re.error: it nests repeats or repeats alternatives, has too many repeats, or refers back to a group.
    """
    from re import _constants, _parser  # type: ignore[attr-defined]

    repeats = (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)
    n = 0

    def walk(value: Any, inside: bool) -> None:
        nonlocal n
        if isinstance(value, tuple) and value and value[0] in (_constants.GROUPREF, _constants.GROUPREF_EXISTS):
            raise re.error(f"{term[:60]!r} refers back to a group")
        if inside and isinstance(value, tuple) and value and value[0] is _constants.BRANCH:
            raise re.error(f"{term[:60]!r} repeats alternatives")
        if isinstance(value, tuple) and len(value) == 2 and value[0] in repeats:
            _, high, body = value[1]
            if high > _FEW:
                n += 1
                if inside or n > _MOST_REPEATS:
                    raise re.error(f"{term[:60]!r} nests repeats or has more than {_MOST_REPEATS}")
            walk(body, inside or high > _FEW)
        elif isinstance(value, (list, tuple, _parser.SubPattern)):
            for part in value:
                walk(part, inside)

    walk(_parser.parse(term), False)


def _pattern(terms: Any) -> re.Pattern[str] | None:
    if not isinstance(terms, list) or not all(isinstance(t, str) and t for t in terms):
        raise re.error(f"{str(terms)[:60]!r} is no list of terms")
    for term in terms:
        _check_repeats(term)
    return re.compile(rf"\b(?:{'|'.join(terms)})\b", re.IGNORECASE) if terms else None


def load(folder: ModelFolder, *, profile: str = "balanced", threads: int = 0) -> Lexicon:
    """Return the classifier of a folder; it has one profile and one thread."""
    return Lexicon(folder)
