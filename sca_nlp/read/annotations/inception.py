"""INCEpTION exports as UIMA CAS JSON: every sentence of the document, with the codes of the spans that touch it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError
from sca_nlp.read.annotations.flat import Rejects, read_codes, split
from sca_nlp.read.annotations.tables import keep, open_text
from sca_nlp.records import Annotation, Reject


def read_inception(path: Path, *, codebook: Codebook, rejects: Rejects) -> Iterator[Annotation]:
    """Yield one annotation a sentence. A span of any custom layer codes it when a feature's value is a code.

    Java counts UTF-16 units; offsets are turned into characters.

    Raises:
        InputError: no CAS JSON, no text, or no sentences.
    """
    with open_text(path) as f:
        try:
            cas = json.load(f)
        except (ValueError, RecursionError) as e:
            raise InputError(path, f"not JSON ({e})", "an export in UIMA CAS JSON") from None
    structures = cas.get("%FEATURE_STRUCTURES") if isinstance(cas, dict) else None
    if isinstance(structures, dict):
        structures = list(structures.values())
    if not isinstance(structures, list):
        raise InputError(path, "no %FEATURE_STRUCTURES", "an export in UIMA CAS JSON")
    items = [s for s in structures if isinstance(s, dict)]
    text = next((s["sofaString"] for s in items if isinstance(s.get("sofaString"), str)), None)
    if text is None:
        raise InputError(path, "no sofaString", "a document with its text")
    place = _characters(text)
    sentences = sorted(
        (s for s in items if str(s.get("%TYPE", "")).endswith(".Sentence")), key=lambda s: s.get("begin", 0)
    )
    if not sentences:
        raise InputError(path, "no sentences", "a document whose sentences INCEpTION has marked")
    spans = [s for s in items if "custom" in str(s.get("%TYPE", "")) and isinstance(s.get("end"), int)]
    name = next((s["documentId"] for s in items if isinstance(s.get("documentId"), str)), path.stem)

    def rows() -> Iterator[tuple[int, dict[str, Any]]]:
        texts = [text[place(s.get("begin", 0)) : place(s.get("end", 0))] for s in sentences]
        for n, sentence in enumerate(sentences):
            begin, end = sentence.get("begin", 0), sentence.get("end", 0)
            inside = [s for s in spans if s.get("begin", 0) < end and s["end"] > begin]
            codes: list[str] = []
            targets: list[str] = []
            for span in inside:
                for feature, value in span.items():
                    if feature.startswith(("%", "@")) or not isinstance(value, str):
                        continue
                    if feature.lower().startswith("target"):
                        targets += split(value)
                        continue
                    try:
                        codes += read_codes(split(value), codebook, path)
                    except InputError as e:
                        rejects(Reject(str(path), n + 1, f"{feature}: {e.got}", value[:200]))
            yield (
                n + 1,
                {
                    "speech_id": name,
                    "start": place(begin),
                    "end": place(end),
                    "text": texts[n],
                    "prev": texts[n - 1] if n else "",
                    "next": texts[n + 1] if n + 1 < len(texts) else "",
                    "codes": codes,
                    "targets": list(dict.fromkeys(targets))[:3],
                },
            )

    yield from keep(rows(), path, codebook, rejects)


def _characters(text: str) -> Any:
    """Return a function from UTF-16 offsets to character offsets."""
    if all(ord(c) < 0x10000 for c in text):
        return lambda k: k
    places: list[int] = []
    for n, c in enumerate(text):
        places += [n] * (2 if ord(c) >= 0x10000 else 1)
    places.append(len(text))
    return lambda k: places[min(k, len(places) - 1)]
