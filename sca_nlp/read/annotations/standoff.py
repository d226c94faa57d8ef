"""Stand-off annotations: codes with a place in a speech and a digest, and the sentence from the reader's own copy.

A project that may not pass texts on passes these on; whoever has the speeches gets the sentences back.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sca_nlp.read.speeches import read_speeches
from sca_nlp.records import Annotation, Passage, Reject, Speech


def text_digest(text: str) -> str:
    """Return the first 16 hex digits of a text's sha256, each run of white space read as one blank (UTF-8)."""
    return hashlib.sha256(" ".join(text.split()).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def stand_off(row: Annotation) -> Annotation:
    """Return an annotation without texts, with the digest that tells whether a copy of its speech is the same."""
    return replace(row, text="", prev="", next="", digest=row.digest or text_digest(row.text))


def fill_texts(
    rows: Iterable[Annotation],
    speeches: Path | str,
    rejects: Callable[[Reject], None] = lambda reject: None,
    cut: Callable[[Speech], Sequence[Passage]] = lambda speech: (),
) -> Iterator[Annotation]:
    """Yield annotations with their sentences and these' neighbours, where they need them read from `speeches`.

    Args:
        rows: annotations; those with a text pass unchanged and first.
        speeches: file, folder or pattern of the speeches that `speech_id`, `start` and `end` point into.
        rejects: called with an annotation whose speech is missing, or whose sentence is not the one that was coded.
        cut: cuts a speech into its sentences, as `sca_nlp.segment.segment` does; by default neighbours stay empty.

    Raises:
        InputError: the speeches cannot be read.
    """
    wanted: dict[str, list[Annotation]] = {}
    for row in rows:
        if row.text:
            yield row
        else:
            wanted.setdefault(row.speech_id, []).append(row)
    if not wanted:
        return
    # Of all speeches in a large folder few are asked for; the readers' own complaints about the others are not ours.
    for speech in read_speeches(speeches, rejects=lambda reject: None):
        if speech.speech_id not in wanted:
            continue
        passages = cut(speech)
        starts = [p.start for p in passages]
        for row in wanted.pop(speech.speech_id):
            text = speech.text[row.start : row.end]
            if not text or (row.digest and text_digest(text) != row.digest):
                reason = f"characters {row.start}-{row.end} are not the sentence that was coded (another edition?)"
                rejects(Reject(str(speeches), 0, reason, row.speech_id))
                continue
            source, date = row.source or speech.source, row.date or speech.date
            first = bisect_right(starts, row.start) - 1  # the passage that it begins in, and the one after its end
            after = bisect_left(starts, row.end)
            prev = passages[first - 1].text if first > 0 else ""
            next_ = passages[after].text if after < len(passages) else ""
            speaker = row.speaker or speech.speaker
            yield replace(row, text=text, prev=prev, next=next_, source=source, date=date, speaker=speaker)
    for speech_id, left in wanted.items():
        rejects(Reject(str(speeches), 0, f"no such speech, {len(left)} annotations lost", speech_id))
