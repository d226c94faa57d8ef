"""Speeches to passages: sentences with offsets that rebuild the speech's text.

The rules work on the text itself, not on tokens: on real speeches `sentence_spans` cuts 11.2 MB/s a core (CPU time,
median of 5, machine shared), where spaCy's tokenizer with the same rules as component `sca_sentences`
(`sca_nlp.segment.component`) reaches 1.25, its own sentencizer 1.70 and pysbd 0.28: `python -m
training.segmentation_bench` measures them anew. Both ways give the same sentences wherever tokens allow.

Conventions, as the annotated sentences have them: a paragraph's number, a speaker's label and a closing quote belong to
their sentence; each sentence inside a longer quotation is one of its own; a semicolon or colon inside a line ends none.
"""

from __future__ import annotations

from sca_nlp.records import Passage, Speech, passage_id
from sca_nlp.segment.boundaries import MAX_LENGTH, sentence_spans
from sca_nlp.segment.language import LANGUAGES, guess_language, language_code, language_of

#: Part of a run's identity: raise it when cuts change, so that no store mixes two ways of cutting.
SEGMENTER_VERSION = "1"

__all__ = ["LANGUAGES", "MAX_LENGTH", "guess_language", "language_code", "language_of", "segment", "sentence_spans"]


def segment(speech: Speech, language: str = "") -> list[Passage]:
    """Return a speech's sentences as passages, each with its offsets and its neighbours' texts.

    Args:
        speech: the speech; an empty text gives no passages.
        language: ISO 639-1 code of the rules to cut by; default is what the speech states, else a guess, else English.
    """
    text = speech.text
    chosen = language or speech.language or guess_language(text) or "en"
    spans = sentence_spans(text, chosen)
    texts = [text[start:end] for start, end in spans]
    padded = ["", *texts, ""]
    return [
        Passage(
            passage_id=passage_id(speech.speech_id, start, end),
            speech_id=speech.speech_id,
            index=index,
            start=start,
            end=end,
            text=texts[index],
            prev=padded[index],
            next=padded[index + 2],
        )
        for index, (start, end) in enumerate(spans)
    ]
