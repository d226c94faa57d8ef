"""Find actors in a text: one pass over its words, longest name first, each name only in its years."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from sca_nlp.actors.data import load_data
from sca_nlp.actors.tables import Form


class Mention(NamedTuple):
    """One actor named in a text: `text[start:end]`. A name of two actors gives two mentions of one span."""

    start: int
    end: int
    code: str
    kind: str  # name, people, seat, leader, group; cue: points to the actor without naming it


#: Words: dotted abbreviations stay whole ("U.S.S.R."), hyphens and apostrophes divide ("Viet-Nam" = "Viet Nam").
_WORD = re.compile(r"(?:[A-Z]\.){2,}|[^\W_]+")
#: What may stand between the words of one name; a full stop only after a short first part ("St. Lucia").
_GAP = re.compile(r"[\s\-–‑'’(/]{1,4}|\.\s?")
#: What stands before a place.
_PLACE = re.compile(r"\b(?:in|at|near)\s+$")
#: Too frequent to start the search from.
_COMMON = frozenset(
    {
        "the",
        "all",
        "our",
        "this",
        "of",
        "and",
        "no",
        "any",
        "every",
        "each",
        "us",
        "we",
        "its",
        "states",
        "state",
        "two",
    }
    | {"people", "peoples", "nations", "nation", "country", "countries", "both", "one", "world", "power", "powers"}
    | {"general", "old", "former", "big", "five", "four"}
)


class _Entry(NamedTuple):
    words: tuple[str, ...]
    lower: list[str]
    anchor: int  # which of the words is looked up
    forms: tuple[Form, ...]


def _same(form_word: str, word: str) -> bool:
    """Compare one word: lower-case words in any case; others as written or all in capitals."""
    if form_word == word:
        return True
    if form_word.islower():
        return form_word == word.lower()
    return len(word) > 3 and word.isupper() and form_word.upper() == word


class Gazetteer:
    """Dated names of actors. `Gazetteer.load()` reads the shipped tables."""

    def __init__(self, forms: tuple[Form, ...]) -> None:
        by_words: dict[tuple[str, ...], list[Form]] = {}
        for form in forms:
            words = tuple(_WORD.findall(form.text))
            if words:
                by_words.setdefault(words, []).append(form)
        index: dict[str, list[_Entry]] = {}
        for words, group in by_words.items():
            anchor = next((k for k, w in enumerate(words) if w.lower() not in _COMMON), 0)
            entry = _Entry(words, [w.lower() for w in words], anchor, tuple(group))
            word = words[anchor]
            variants = {word}
            if word.islower():
                variants |= {word.capitalize(), word.upper()}
            elif len(word) > 3:
                variants.add(word.upper())
            for variant in variants:
                index.setdefault(variant, []).append(entry)
        self._index = {w: tuple(sorted(e, key=lambda x: -len(x.words))) for w, e in index.items()}
        self._anchors = frozenset(self._index)

    @classmethod
    def load(cls, path: Path | str | None = None, extra: Iterable[Path | str] = (), language: str = "en") -> Gazetteer:
        """Read the tables of a folder; without one, those that come with the package.

        Args:
            path: folder with `states.toml`, `groups.toml`, `leaders.toml`, `other.toml`.
            extra: TOML files with further actors (form: `corpus/sample/actors.toml`).
            language: ISO 639-1 code of the texts' language; one without a table gets the English names.

        Raises:
            InputError: a table is missing or wrong.
        """
        folder = Path(path) if path is not None else None
        data = load_data(folder).in_language(language, folder)
        return cls((data.extended(extra) if extra else data).forms)

    def find(self, text: str, date: str = "") -> list[Mention]:
        """Return the actors named in a text, in order, without overlaps (a longer name hides the shorter ones in it).

        Args:
            text: a sentence, or any text.
            date: ISO date; a name counts only in its years. Undated texts get a name's latest owner.
        """
        words = _WORD.findall(text)
        if self._anchors.isdisjoint(words):
            return []
        year = int(date[:4]) if date[:4].isdigit() else None
        spans: list[tuple[int, int]] | None = None
        hits: list[tuple[int, int, tuple[Form, ...]]] = []
        lower = [w.lower() for w in words]
        index = self._index
        for k in [k for k, word in enumerate(words) if word in index]:
            for entry in index[words[k]]:
                if len(entry.words) > 1:
                    first = k - entry.anchor
                    last = first + len(entry.words)
                    if first < 0 or lower[first:last] != entry.lower:
                        continue
                    if not all(map(_same, entry.words, words[first:last])):
                        continue
                    if spans is None:
                        spans = [m.span() for m in _WORD.finditer(text)]
                    if not _joined(text, spans[first:last]):
                        continue
                else:
                    first, last = k, k + 1
                forms = _in_year(entry.forms, year)
                if forms:
                    hits.append((first, last, forms))
                    break
        if not hits:
            return []
        if spans is None:
            spans = [m.span() for m in _WORD.finditer(text)]
        hits.sort(key=lambda h: (h[0] - h[1], h[0]))
        used: set[int] = set()
        found: list[Mention] = []
        for first, last, forms in hits:
            if used.isdisjoint(range(first, last)):
                used.update(range(first, last))
                start, end = spans[first][0], spans[last - 1][1]
                seen: set[str] = set()
                for form in forms:
                    for code in form.codes:
                        if code not in seen:
                            seen.add(code)
                            found.append(Mention(start, end, code, form.kind))
        found.sort()
        return found

    def actors(self, text: str, date: str = "") -> tuple[str, ...]:
        """Return the codes of the actors that a text names, each once, in order of first mention (see `named`)."""
        return named(text, self.find(text, date))


def named(text: str, mentions: Iterable[Mention]) -> tuple[str, ...]:
    """Return the codes of the actors that a text names, each once, in order of first mention.

    Cues are left out, and seats of government that are merely places ("met in Moscow").
    """
    return tuple(
        dict.fromkeys(
            m.code
            for m in mentions
            if m.kind != "cue" and not (m.kind == "seat" and _PLACE.search(text, max(0, m.start - 8), m.start))
        )
    )


def _in_year(forms: tuple[Form, ...], year: int | None) -> tuple[Form, ...]:
    if year is not None:
        return tuple(f for f in forms if f.years[0] <= year <= f.years[1])
    latest = max(f.years[1] for f in forms)
    return tuple(f for f in forms if f.years[1] == latest)


def _joined(text: str, spans: list[tuple[int, int]]) -> bool:
    """Tell whether words stand together as one name, with no comma or full stop between them."""
    for (start, end), (following, _) in pairwise(spans):
        gap = text[end:following]
        if not _GAP.fullmatch(gap) or (gap[0] == "." and end - start > 2):
            return False
    return True
