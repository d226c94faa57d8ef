"""What the segmenter knows of a language, and which language a text is in."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

#: Languages with rules of their own (ISO 639-1). Any other is cut by the English ones.
LANGUAGES: tuple[str, ...] = ("en", "ru", "fr", "de", "es")

_WORD = re.compile(r"[^\W\d_]+")
_SAMPLE = 4000  # characters read to guess a language: some 600 words, enough for stop words to tell
_SHARE = 0.12  # share of words that must be stop words: other languages' texts stay below, short slogans too
_TELLING = 120  # letters: some 20 words. Of an English text 40 % are stop words, so these would be among them

#: A language, but none with rules (ISO 639-2: undetermined).
OTHER_LANGUAGE = "und"

#: Names and three-letter codes of the languages with rules.
_NAMES = {
    name: code
    for code, names in {
        "en": "english eng anglais englisch inglés",
        "ru": "russian rus русский russe russisch ruso",
        "fr": "french fra fre français francais französisch francés",
        "de": "german deu ger deutsch allemand alemán",
        "es": "spanish spa español espanol castellano espagnol spanisch",
    }.items()
    for name in names.split()
}


@dataclass(frozen=True, slots=True)
class Rules:
    """Abbreviations and sentence starters of one language; lower case without the last dot, but `starters`."""

    titles: frozenset[str]
    never: frozenset[str]
    references: frozenset[str]
    may_end: frozenset[str]
    months: frozenset[str]
    starters: frozenset[str]
    ordinal_nouns: frozenset[str]
    stop_words: frozenset[str]


@cache
def _tables() -> dict[str, Rules]:
    raw = tomllib.loads(files("sca_nlp.segment").joinpath("languages.toml").read_text(encoding="utf-8"))
    return {
        name: Rules(**{slot: frozenset(table.get(slot, ())) for slot in Rules.__slots__}) for name, table in raw.items()
    }


def rules_for(language: str) -> Rules:
    """Return the rules of a language by its ISO 639-1 code (`fr`, also `fr-CA`); English ones for an unknown code."""
    tables = _tables()
    return tables.get(language.lower()[:2], tables["en"])


def guess_language(text: str) -> str:
    """Return the ISO 639-1 code (`en`, `ru`, `fr`, `de`, `es`) of a text's language, or `""` when it is none of them.

    The share of the first 4,000 characters' words that are stop words decides. Not for texts of one or two words.
    """
    words = _WORD.findall(text[:_SAMPLE].lower())
    if not words:
        return ""
    scores = {name: sum(word in rules.stop_words for word in words) / len(words) for name, rules in _tables().items()}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] >= _SHARE else ""


def language_code(name: str) -> str:
    """Return a publisher's way of naming a language in one form: `EN`, `en-US`, `eng`, `English` -> `en`.

    A name that is not known is returned in lower case, and "" for none.
    """
    plain = name.strip().lower()
    if plain in _NAMES:
        return _NAMES[plain]
    head = re.split(r"[-_]", plain)[0]
    return _NAMES.get(head, head if len(head) == 2 else plain)


def language_of(text: str, given: str = "") -> str:
    """Return the language of a text: as its publisher names it, in one form, else a guess.

    `OTHER_LANGUAGE` is the answer for a text of some length in which the guess finds no language that it knows, so
    that it is not taken for one in the model's language; "" that for a text too short to tell.
    """
    if known := language_code(given):
        return known
    if sum(c.isalpha() for c in text[:_SAMPLE]) < _TELLING:
        return guess_language(text)
    return guess_language(text) or OTHER_LANGUAGE
