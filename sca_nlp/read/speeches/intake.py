"""What every speech reader hands its records to: fields found, dates and countries in one form, bad ones rejected."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sca_nlp.actors import country_code
from sca_nlp.errors import InputError, ScaError, UnknownNameError
from sca_nlp.read.columns import SPEECH_COLUMNS, match_columns
from sca_nlp.read.dates import parse_date
from sca_nlp.read.speeches.decode import MAX_RECORD, Encoding
from sca_nlp.records import Reject, Speech

Rejects = Callable[[Reject], None]

#: What no UTF-8 store or page can carry: lone surrogates and NUL. Each becomes one U+FFFD, so that offsets hold.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MAX_ID = 500


@dataclass(slots=True)
class ReadReport:
    """What reading met, in counts; one object may serve several files, and then ids are compared across them."""

    n_read: int = 0
    n_rejected: int = 0
    n_duplicates: int = 0  # of the rejected: same id and same text
    n_same_text: int = 0  # kept: the text of an earlier speech under another id
    n_replaced: int = 0  # speeches in which NULs, lone surrogates or undecodable bytes became U+FFFD
    encodings: dict[str, int] = field(default_factory=dict)  # encoding -> files
    notes: list[str] = field(default_factory=list)  # what an analyst should know, such as a file not in UTF-8
    _text_of: dict[bytes, bytes] = field(default_factory=dict, repr=False)
    _texts: set[bytes] = field(default_factory=set, repr=False)

    def note(self, text: str) -> None:
        """Keep a remark, once, and at most 1,000 of them."""
        if len(self.notes) < 1000 and text not in self.notes[-50:]:
            self.notes.append(text)

    def encoding(self, file: object, found: Encoding) -> None:
        """Count a file's encoding, and name the file where it is no clean UTF-8."""
        self.encodings[found.name] = self.encodings.get(found.name, 0) + 1
        if found.n_bad:
            self.note(f"{file}: read as {found.name}; {found.n_bad} bytes or more were not valid in it")
        elif not found.name.startswith("utf-8"):
            self.note(f"{file}: read as {found.name}")

    def remarks(self) -> list[str]:
        """Return a line for each count that an analyst should know."""
        counts = (
            (self.n_duplicates, "duplicates left out (same id, same text)"),
            (self.n_same_text, "kept with the text of an earlier speech under another id"),
            (self.n_replaced, "with NULs or broken characters, read as U+FFFD"),
        )
        return [f"{n:,} {what}" for n, what in counts if n]

    def as_dict(self) -> dict[str, Any]:
        """Return the counts, encodings and notes for a manifest."""
        names = ("n_read", "n_rejected", "n_duplicates", "n_same_text", "n_replaced", "encodings", "notes")
        return {name: getattr(self, name) for name in names}


@dataclass
class Intake:
    """Turns records into speeches. The options below are those of every reader.

    Args:
        file: the file as named in rejects and errors.
        rejects: called with each record that cannot be used.
        columns: field -> column, before the common names.
        defaults: field -> value where the file has no such column, or the record no value.
        report: counts; give one object to several readers to find duplicates across files.
        required: fields that the file or `defaults` must hold, and that no record may leave empty.
        keep_unknown_sources: keep a country name that the gazetteer does not know as it stands.
        day_first: how to read `12.03.1999`; None rejects it as ambiguous.
        max_record: characters that a record may hold.
        country_code: (name or code, date) -> actor code; default `sca_nlp.actors.country_code`.
    """

    file: str
    rejects: Rejects
    columns: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    report: ReadReport = field(default_factory=ReadReport)
    required: Sequence[str] = ("text", "date", "source")
    keep_unknown_sources: bool = False
    day_first: bool | None = None
    max_record: int = MAX_RECORD
    country_code: Callable[[str, str], str] | None = None
    corpus: str = ""
    matched: dict[str, str] = field(default_factory=dict, init=False)
    _codes: dict[tuple[str, str], str | InputError] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for name in self.defaults:
            if name not in SPEECH_COLUMNS:
                raise UnknownNameError("field in defaults", name, SPEECH_COLUMNS)
        for name in self.required:
            if name not in SPEECH_COLUMNS:
                raise UnknownNameError("field in required", name, SPEECH_COLUMNS)

    def match(self, found: Sequence[str]) -> dict[str, str]:
        """Return field -> column for a table with these columns.

        Raises:
            InputError: a required field has neither column nor default, or a mapped column is not there.
        """
        required = [name for name in self.required if name not in self.defaults]
        self.matched = match_columns(found, self.columns, where=self.file, required=required)
        return self.matched

    def reject(self, line: int, reason: str, record: object = "") -> None:
        """Report a record that cannot be used."""
        self.report.n_rejected += 1
        self.rejects(Reject(self.file, line, _clean(reason)[:1000], _clean(str(record)[:200])))

    def speech(self, record: Mapping[str, Any], line: int = 0) -> Speech | None:
        """Return the speech of a record (field -> value), or None after having rejected it."""
        try:
            speech, replaced = self._speech(record, f"{self.file}:{line}" if line else self.file)
        except ScaError as e:
            where = f"{self.file}:{line}: " if line else f"{self.file}: "
            self.reject(line, str(e).removeprefix(where), _excerpt(record))
            return None
        if not self._is_new(speech, line):
            return None
        self.report.n_read += 1
        self.report.n_replaced += replaced
        return speech

    def _speech(self, record: Mapping[str, Any], where: str) -> tuple[Speech, bool]:
        def value(name: str) -> Any:
            got = record.get(name)
            return self.defaults.get(name, "") if got is None or got != got or got == "" else got

        text = value("text")
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if not isinstance(text, str):
            raise InputError(where, f"text is {type(text).__name__}", "text")
        if len(text) > self.max_record:
            raise InputError(where, f"text of {len(text):,} characters", f"at most {self.max_record:,}")
        cleaned = _clean(text)
        if not cleaned.strip().strip("\ufeff\u200b\u2060"):
            raise InputError(where, "text is empty", "the speech's text")

        date = self._date(value("date"), where)
        source = self._source(_short(value("source")), date, where)
        rest = {
            name: _short(value(name))
            for name in ("speaker", "office", "title", "venue", "kind", "url", "corpus", "language")
        }
        rest["corpus"] = rest["corpus"] or self.corpus
        speech_id = _short(value("speech_id"))
        if len(speech_id) > _MAX_ID:
            raise InputError(where, f"speech_id of {len(speech_id):,} characters", f"at most {_MAX_ID}")
        if not speech_id:
            key = "\0".join((source, date, rest["speaker"], rest["title"], cleaned))
            speech_id = "speech-" + _digest(key).hex()
        return Speech(speech_id=speech_id, date=date, source=source, text=cleaned, **rest), cleaned != text

    def _date(self, value: Any, where: str) -> str:
        if value == "" or value is None:
            if "date" in self.required:
                raise InputError(where, "date is empty", "YYYY, YYYY-MM or YYYY-MM-DD")
            return ""
        return parse_date(value, day_first=self.day_first, where=where)

    def _source(self, value: str, date: str, where: str) -> str:
        if not value:
            if "source" in self.required:
                raise InputError(where, "source is empty", "a country's name or code")
            return ""
        key = (value[:200], date[:4])
        if key not in self._codes:
            try:
                self._codes[key] = (self.country_code or country_code)(*key)
            except InputError as e:
                self._codes[key] = value if self.keep_unknown_sources else e
        code = self._codes[key]
        if isinstance(code, InputError):
            raise InputError(where, code.got, code.wanted)
        return code

    def _is_new(self, speech: Speech, line: int) -> bool:
        seen = self.report
        name, text = _digest(speech.speech_id), _digest(speech.text)
        earlier = seen._text_of.get(name)
        if earlier == text:
            seen.n_duplicates += 1
            self.reject(
                line, f"duplicate: speech_id {speech.speech_id!r} was read before, with the same text", speech.text
            )
            return False
        if earlier is not None:
            reason = f"speech_id {speech.speech_id!r} was read before, with another text; wanted one text an id"
            self.reject(line, reason, speech.text)
            return False
        seen._text_of[name] = text
        seen.n_same_text += text in seen._texts
        seen._texts.add(text)
        return True


def open_intake(
    path: object,
    columns: Mapping[str, str] | None,
    rejects: Rejects,
    defaults: Mapping[str, str] | None,
    options: Mapping[str, Any],
    corpus: str = "",
) -> Intake:
    """Return the intake for a file, its options checked.

    Raises:
        UnknownNameError: an option that this reader does not have.
    """
    known = [
        n
        for n in Intake.__dataclass_fields__
        if n not in ("file", "rejects", "columns", "defaults", "matched", "_codes")
    ]
    for name in options:
        if name not in known:
            raise UnknownNameError("reader option", name, known)
    values = {name: _option(name, value) for name, value in options.items()}
    return Intake(
        file=str(path),
        rejects=rejects,
        columns=columns or {},
        defaults={k: str(v) for k, v in (defaults or {}).items()},
        **{"corpus": corpus, **values},
    )


def _option(name: str, value: Any) -> Any:
    """Return an option's value, parsed where it came as text from a command line."""
    if not isinstance(value, str):
        return value
    if name in ("keep_unknown_sources", "day_first"):
        if value.lower() not in ("true", "false"):
            raise InputError(f"option {name}", repr(value), "true or false")
        return value.lower() == "true"
    if name == "max_record":
        if not value.isdecimal():
            raise InputError(f"option {name}", repr(value), "a whole number")
        return int(value)
    return [part.strip() for part in value.split(",")] if name == "required" else value


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=12).digest()


def _clean(text: str) -> str:
    if "\x00" not in text:
        try:
            text.encode("utf-8")  # many times quicker than the search, and nearly always enough
            return text
        except UnicodeEncodeError:
            pass
    return _UNSTORABLE.sub("\ufffd", text)


def _short(value: Any) -> str:
    """Return a value of a field other than the text: stripped, without `.0` on whole numbers."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return _clean(str(value)).strip()


def _excerpt(record: Mapping[str, Any]) -> str:
    return ", ".join(f"{k}={str(v)[:60]}" for k, v in record.items() if v not in (None, ""))[:200]


def plain_corpus(path: Path) -> str:
    """Return a corpus name from a file's name: without its endings."""
    return path.name.split(".")[0] or path.name
