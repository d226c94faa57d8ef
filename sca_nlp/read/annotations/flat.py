"""One flat record <-> one annotation: the field names that CSV, JSONL and the tools' metadata share."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError
from sca_nlp.records import Annotation, Reject

Rejects = Callable[[Reject], None]

#: Field -> names under which files carry it, the first being the one that is written.
NAMES: dict[str, tuple[str, ...]] = {
    "annotation_id": ("annotation_id", "id"),
    "speech_id": ("speech_id", "doc_id"),
    "start": ("start",),
    "end": ("end",),
    "text": ("text", "sentence"),
    "codes": ("codes", "label", "labels"),
    "targets": ("targets", "target"),
    "prev": ("prev", "previous"),
    "next": ("next",),
    "date": ("date",),
    "speaker": ("speaker",),
    "source": ("source", "country", "country_iso3"),
    "corpus": ("corpus",),
    "coder": ("coder", "annotator"),
    "stream": ("stream", "part"),
    "inclusion_probability": ("inclusion_probability",),
    "weight": ("weight",),
    "digest": ("digest", "sha256"),
}
#: Words for "no code", which people type where a tool wants some label.
_NOTHING = {"", "-", "absent", "none", "nothing", "no code"}
_OLD_STYLE = re.compile(r"[,;|\s]+")


def split(value: Any) -> list[str]:
    """Return the items of a list, or of a text that separates them by blanks, commas, semicolons or bars."""
    if value is None or (isinstance(value, float) and value != value):
        return []
    if isinstance(value, str):
        return [v for v in _OLD_STYLE.split(value.strip()) if v]
    if isinstance(value, Mapping):
        return []
    return [str(v).strip() for v in value]


def read_codes(values: list[str], codebook: Codebook, where: object) -> tuple[str, ...]:
    """Return codes in column order from `TP+`, `threat_perception:affirmed` or `threat_perception=affirmed`.

    Raises:
        InputError: a label is not of the codebook, or two values of one indicator.
    """
    by_meaning = {f"{i}:{v}": c for c, (i, v) in codebook.meaning.items()}
    out = []
    for value in values:
        name = value.strip()
        name = by_meaning.get(re.sub(r"\s*[=/:]\s*", ":", name.lower()), name)
        if name.lower() in _NOTHING or re.fullmatch(r"[a-z_]+:absent", re.sub(r"\s*[=/:]\s*", ":", name.lower())):
            continue
        out.append(name)
    return codebook.check_codes(out, where)


def from_record(record: Mapping[str, Any], codebook: Codebook, where: object) -> Annotation:
    """Return the annotation that a flat record holds.

    Raises:
        InputError: neither text nor a place in a speech, unknown codes, or numbers that are none.
    """

    def get(field: str) -> Any:
        return next((record[n] for n in NAMES[field] if record.get(n) is not None), None)

    def text(field: str) -> str:
        value = get(field)
        return "" if value is None or value != value else str(value)

    def number(field: str) -> float | None:
        value = get(field)
        if value is None or value == "" or value != value:
            return None
        try:
            return float(value)
        except (TypeError, ValueError):
            raise InputError(where, f"{field} is {value!r}", "a number") from None

    start, end = number("start"), number("end")
    sentence, speech = text("text"), text("speech_id")
    if not sentence and not (speech and end):
        raise InputError(where, "neither a text nor speech_id, start and end", "the coded sentence or its place")
    codes = read_codes(split(get("codes")), codebook, where)
    key = (
        text("annotation_id")
        or hashlib.blake2b(
            f"{speech}\0{start}\0{end}\0{sentence}\0{text('coder')}".encode("utf-8", "surrogatepass"), digest_size=8
        ).hexdigest()
    )
    return Annotation(
        annotation_id=key,
        speech_id=speech,
        start=int(start or 0),
        end=int(end or 0),
        text=sentence,
        codes=codes,
        targets=tuple(split(get("targets"))),
        prev=text("prev"),
        next=text("next"),
        date=text("date"),
        speaker=text("speaker"),
        source=text("source"),
        corpus=text("corpus"),
        coder=text("coder"),
        stream=text("stream"),
        inclusion_probability=number("inclusion_probability"),
        weight=number("weight"),
        digest=text("digest"),
    )


def to_record(a: Annotation) -> dict[str, Any]:
    """Return an annotation as a flat record; empty optional fields are left out."""
    out: dict[str, Any] = {}
    for field in NAMES:
        value = getattr(a, field)
        if isinstance(value, tuple):
            out[field] = list(value)
        elif value not in ("", None):
            out[field] = value
    out["codes"], out["targets"] = list(a.codes), list(a.targets)
    return out


def meta_of(a: Annotation) -> dict[str, Any]:
    """Return what a tool should carry along unseen: all but text, codes and coder."""
    return {k: v for k, v in to_record(a).items() if k not in ("text", "codes", "coder")}
