"""Bytes -> text: encodings found and named, archives and lines bounded. Nothing here knows what a speech is.

Characters are never changed but by decoding: line ends, spaces and odd characters stay, so that offsets into the text
hold. A byte-order mark is not part of the text.
"""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sca_nlp.errors import InputError

MAX_RECORD = 50_000_000  # characters a record; the longest speech that we have met holds about 300,000
_CHUNK = 1 << 20
_SAMPLE = 1 << 18
_FREE = 1 << 26  # what an archive may always unpack to, whatever its ratio
_RATIO = 200  # text shrinks 3 to 20 times; deflate's limit is 1032

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Candidates for text without a mark that is no UTF-8. The lists are short, so that a few bytes don't look like EBCDIC.
_LATIN = ["cp1252", "cp1250", "iso8859_2", "mac_roman", "cp1254", "cp1257", "cp850"]
_OTHER = ["cp1251", "koi8_r", "cp866", "iso8859_5", "cp1253", "iso8859_7", "cp1255", "cp1256", "cp1258"]
_OTHER += ["shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"]
#: The letters beyond ASCII of languages in Latin script; a right decoding stays within one of these rows.
_ALPHABETS = [
    frozenset(row)
    for row in (
        "äöüß áàé",
        "éèêëàâçôûîïùœæ",
        "áéíóúñüª",
        "àèéìòù",
        "áâãàçéêíóõôú",
        "åäöøæé",
        "ëéïöüè",
        "áéíóúýþðæö",
        "ąćęłńóśźż",
        "áčďéěíňóřšťúůýž",
        "áäčďéíĺľňóôŕšťúýž",
        "áéíóöőúüű",
        "ăâîșțşţ",
        "čćđšž",
        "çğıöşüâîû",
        "āčēģīķļņšūž",
        "ąčęėįšųūž",
    )
]
#: Bytes beyond ASCII, with what may be the second byte of a Chinese or Japanese character. In Latin alphabets a run is
#: one or two letters long, in others a word.
_RUN = re.compile(rb"(?:[\x80-\xff]+[\x40-\x7e]?)+")
_MIN_RUN = 4
_PUNCTUATION = frozenset("“”„‘’‚–—…«»‹›¿¡•°§£€\u00a0")


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding by its Python name, and how many pieces were not valid in it and read as U+FFFD."""

    name: str
    n_bad: int = 0


class _Bounded(io.RawIOBase):
    """An unpacked stream that refuses to become a bomb."""

    def __init__(self, stream: gzip.GzipFile, packed: int, where: Path) -> None:
        super().__init__()
        self._stream, self._limit, self._where, self._n = stream, max(_FREE, packed * _RATIO), where, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read1(len(buffer))  # what came before the damage is kept
        except (EOFError, zlib.error, gzip.BadGzipFile) as e:
            raise InputError(self._where, f"damaged gzip ({e})", "a whole .gz file") from None
        self._n += len(data)
        if self._n > self._limit:
            raise InputError(
                self._where, f"unpacks to more than {_RATIO} times its size", "a file unpacked by hand, if it is sound"
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading bytes, unpacking gzip (told by its first bytes) under a bound on its ratio."""
    try:
        stream = path.open("rb")
        magic = stream.read(2)
        stream.seek(0)
    except OSError as e:
        raise InputError(path, f"not readable ({e.strerror or e})", "a readable file") from None
    if magic == b"\x1f\x8b":
        unpacked = gzip.GzipFile(fileobj=stream, mode="rb")
        return io.BufferedReader(_Bounded(unpacked, path.stat().st_size, path), _CHUNK)
    return stream


def detect_encoding(path: Path) -> Encoding:
    """Return the encoding of a file: by its mark, by being valid UTF-8 throughout, else by the likeliest reading."""
    with open_bytes(path) as stream:
        try:
            head = stream.read(_SAMPLE)
        except InputError:
            return Encoding("utf-8")
        if quick := _by_mark(head):
            return quick
        decoder = codecs.getincrementaldecoder("utf-8")()
        chunk = head
        while chunk:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as e:
                return _guess(
                    head if chunk is head else head[: _SAMPLE // 4] + chunk[max(0, e.start - _SAMPLE // 2) :][:_SAMPLE]
                )
            chunk = stream.read(_CHUNK)
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return Encoding("utf-8", 1)
    return Encoding("utf-8")


def decode(data: bytes, encoding: str = "") -> tuple[str, Encoding]:
    """Return the text of a whole file in memory and the encoding that it was in (found, where none is given)."""
    if encoding:
        found = Encoding(encoding)
    else:
        found = _by_mark(data[:_SAMPLE]) or Encoding("utf-8")
        if found.name == "utf-8":
            try:
                return data.decode("utf-8"), found
            except UnicodeDecodeError as e:
                found = _guess(data if len(data) <= _SAMPLE else data[max(0, e.start - _SAMPLE // 2) :][:_SAMPLE])
    text = data.decode(found.name, "replace")
    return text, Encoding(found.name, max(0, text.count("\ufffd") - _true_replacements(data, found.name)))


def _true_replacements(data: bytes, name: str) -> int:
    """Return how many U+FFFD the author's own file holds."""
    return data.count("\ufffd".encode()) if name.startswith("utf-8") else 0


def check_encoding(name: str, where: object) -> str:
    """Return the encoding's name.

    Raises:
        InputError: Python knows no such text encoding.
    """
    try:
        if not codecs.lookup(name)._is_text_encoding:
            raise LookupError
    except (LookupError, ValueError):
        raise InputError(where, f"encoding {name!r} is not known", "a name such as utf-8, cp1252 or cp1251") from None
    return name


def _by_mark(head: bytes) -> Encoding | None:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name)
    # UTF-16 without a mark: ASCII letters with a zero beside each.
    part = head[:4096]
    even, odd = part[0::2].count(0), part[1::2].count(0)
    if len(part) >= 8 and max(even, odd) > 0.3 * len(part) / 2 and min(even, odd) < 0.05 * len(part) / 2:
        return Encoding("utf-16-le" if odd > even else "utf-16-be")
    return None


def _guess(sample: bytes) -> Encoding:
    """Return the likeliest encoding of bytes that are not all valid UTF-8."""
    text = sample.decode("utf-8", "replace")
    n_bad = text.count("\ufffd")
    n_good = sum(c > "\x7f" for c in text) - n_bad
    if n_good > 3 * n_bad:  # chance makes few valid sequences: this is UTF-8 with damage
        return Encoding("utf-8", n_bad)
    from charset_normalizer import from_bytes

    n_high = sum(b > 0x7F for b in sample)
    if n_high < 0.25 * len(sample):  # ASCII letters prevail: a Latin alphabet, or names in another among them
        runs = _RUN.findall(sample)
        if sum(map(len, runs)) >= _MIN_RUN * len(runs):
            names = b" ".join(dict.fromkeys(run for run in runs if len(run) >= _MIN_RUN))
            if other := from_bytes(names, cp_isolation=_OTHER).best():
                return Encoding(other.encoding)
        return Encoding(max(_LATIN, key=lambda name: _latin_score(sample, name)))
    match = from_bytes(sample, cp_isolation=_LATIN + _OTHER).best()
    return Encoding(match.encoding if match is not None else "latin_1")


def _latin_score(sample: bytes, name: str) -> int:
    """Return how well the characters beyond ASCII fit one language's alphabet and stand where they should."""
    text = sample[: 1 << 16].decode(name, "replace")
    letters: Counter[str] = Counter()
    n_wrong = 0
    for i, c in enumerate(text):
        if c <= "\x7f":
            continue
        before, after = text[i - 1 : i], text[i + 1 : i + 2]
        if c in _PUNCTUATION:
            n_wrong += before.isalpha() and after.isalpha() and c not in "’‘–—…\u00a0"
        elif not c.isalpha() or (before.islower() and c.isupper() and not after.isupper()):
            n_wrong += 1
        else:
            letters[c.lower()] += 1
    total = letters.total()
    return max(sum(n for c, n in letters.items() if c in row) for row in _ALPHABETS) - total - 2 * n_wrong


@dataclass(slots=True)
class Line:
    """One line with its end. `number` counts from 1; `cut`: it was longer than the limit and only its start is kept."""

    number: int
    text: str
    cut: bool = False


def read_lines(stream: IO[bytes], encoding: str, limit: int = MAX_RECORD) -> Iterator[Line]:
    r"""Yield the lines of a stream, ends (`\n`, `\r\n`, `\r`) kept, never holding more than `limit` characters."""
    text = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="")
    try:
        number = 0
        while piece := text.readline(limit + 1):
            number += 1
            if len(piece) <= limit or piece[-1] in "\r\n":
                yield Line(number, piece)
                continue
            start, piece = piece[:200], ""
            while (more := text.readline(_CHUNK)) and more[-1] not in "\r\n":
                pass
            yield Line(number, start, cut=True)
    finally:
        if not text.closed:
            text.detach()
