"""The segmenter as a spaCy component, for pipelines that want tokens as well (the actors' room).

`nlp.add_pipe("sca_sentences")` marks each token's `is_sent_start` by the rules of `sentence_spans`, so `doc.sents` and
the passages of `segment` agree. Import this module once before the call; it is what registers the name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import spacy
from spacy.attrs import IDX, LENGTH, SENT_START
from spacy.language import Language

from sca_nlp.segment.boundaries import sentence_spans
from sca_nlp.segment.language import LANGUAGES

if TYPE_CHECKING:
    from spacy.tokens import Doc


class SentenceMarker:
    """Marks sentence starts on a document's tokens."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, doc: Doc) -> Doc:
        """Return the document with every token's `is_sent_start` set.

        A token that holds several starts (no space between sentences, as in Chinese) can carry only one.
        """
        offsets = doc.to_array([IDX, LENGTH]).astype(np.int64)
        starts = np.array([start for start, _ in sentence_spans(doc.text, self.language)], dtype=np.int64)
        marks = np.full(len(doc), -1, dtype=np.int64)
        if len(doc):
            # The first token that ends behind a start holds it. (Setting `is_sent_start` one by one is quadratic.)
            holders = np.searchsorted(offsets[:, 0] + offsets[:, 1], starts, side="right")
            marks[holders] = 1
            marks[0] = 1
            signed: Any = marks.reshape(-1, 1).astype(np.uint64)
            doc.from_array([SENT_START], signed)
        return doc


@Language.factory("sca_sentences", default_config={"language": ""}, assigns=["token.is_sent_start", "doc.sents"])
def make_sentence_marker(nlp: Language, name: str, language: str) -> SentenceMarker:
    """Return the component; `language` is an ISO 639-1 code, by default the pipeline's own."""
    return SentenceMarker(language or nlp.lang or "en")


def sentence_pipeline(language: str = "en") -> Language:
    """Return a blank spaCy pipeline of a language (its tokenizer and exceptions) that ends in `sca_sentences`."""
    nlp = spacy.blank(language if language in LANGUAGES else "xx")
    nlp.max_length = 10_000_000  # rules only: spaCy's limit guards the parser's memory
    nlp.add_pipe("sca_sentences", config={"language": language})
    return nlp
