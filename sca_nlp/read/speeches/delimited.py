"""Delimited text -> rows: the delimiter found, ragged quotes survived, bounds kept. A bad row costs that row only."""

from __future__ import annotations

import csv
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sca_nlp.errors import InputError
from sca_nlp.read.columns import SPEECH_COLUMNS, plain_name
from sca_nlp.read.speeches.decode import Line

DELIMITERS = ",;\t|"
MAX_COLUMNS = 10_000
_MAX_LINES = 200_000  # of one record
_MAX_DELIMITERS = 2_000_000  # of one record
_FREE_REREADS = 1 << 22  # characters that may be read again after bad quotes, beyond twice the file

_KNOWN = {alias for aliases in SPEECH_COLUMNS.values() for alias in aliases}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file separates and quotes. `escaped`: a quote in a quoted field is written with a backslash before it."""

    delimiter: str
    escaped: bool = False

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        """Return the standard library's reader for it, strict about quotes."""
        # The limit is one number for the whole process; the lines are bounded before they get there.
        csv.field_size_limit(max(csv.field_size_limit(), 1 << 30))
        if self.escaped:
            return csv.reader(lines, delimiter=self.delimiter, strict=True, doublequote=False, escapechar="\\")
        return csv.reader(lines, delimiter=self.delimiter, strict=True)


def sniff(sample: Sequence[str], path: Path, columns: Sequence[str] = ()) -> Dialect:
    """Return the dialect under which the first lines make most sense.

    The best has most headings that we or the user's mapping know, then fewest bad rows, then most columns.
    """
    known = _KNOWN | {plain_name(c) for c in columns}
    text = "".join(sample)
    escapes = (False, True) if '\\"' in text else (False,)

    def score(dialect: Dialect) -> tuple[int, int, int, bool]:
        header: list[str] = []
        n_bad = 0
        rows = dialect.reader(iter(sample))
        for n in itertools.count():
            try:
                row = next(rows)
            except StopIteration:
                break
            except csv.Error as e:
                if "unexpected end" in str(e):  # the sample may end within a record
                    break
                n_bad += 1
                rows = dialect.reader(iter(sample[n + 1 :])) if n < 20 else iter(())
                continue
            if not header:
                header = row
            elif row and len(row) != len(header):
                n_bad += 1
        n_known = sum(plain_name(name) in known for name in header)
        absent = len(header) == 1 and dialect.delimiter not in text
        return n_known, -n_bad, len(header), absent

    preferred = "\t" if path.name.lower().removesuffix(".gz").endswith((".tsv", ".tab")) else ","
    order = preferred + DELIMITERS.replace(preferred, "")
    return max((Dialect(d, e) for e in escapes for d in order), key=score)


class _Feed:
    """Hands lines to the csv reader, remembers those of the record being read, and can take them back."""

    def __init__(self, lines: Iterator[Line], max_record: int, delimiter: str) -> None:
        self._lines, self._max, self._delimiter = lines, max_record, delimiter
        self._back: deque[Line] = deque()
        self.taken: list[Line] = []
        self._size = self._marks = self._read = self._reread = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._back:
            line = self._back.popleft()
        else:
            line = next(self._lines)
            self._read += len(line.text)
        self.taken.append(line)
        self._size += len(line.text)
        self._marks += line.text.count(self._delimiter)
        if line.cut or self._size > self._max:
            raise _TooLongError(f"record longer than {self._max:,} characters")
        if len(self.taken) > _MAX_LINES:
            raise _TooLongError(f"record of more than {_MAX_LINES:,} lines")
        if self._marks > _MAX_DELIMITERS:
            raise _TooLongError(f"record with more than {_MAX_DELIMITERS:,} delimiters")
        return line.text

    def begin(self) -> None:
        self._size = self._marks = 0
        self.taken = []

    def take_back(self) -> bool:
        """Put all lines but the first back, unless too much was read twice already: then a file can't stall us."""
        rest = self.taken[1:]
        size = sum(len(line.text) for line in rest)
        self._reread += size
        if self._reread > _FREE_REREADS + 2 * self._read:
            return False
        self._back.extendleft(reversed(rest))
        return True


class _TooLongError(Exception):
    """A record is over a bound."""


def read_rows(
    lines: Iterator[Line],
    path: Path,
    max_record: int,
    columns: Sequence[str],
    reject: Callable[[int, str, str], None],
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, row) of a delimited file, the header first. Every row is as wide as the header.

    A row that is not goes to `reject`; where its quotes had swallowed lines, these are read again as rows of their own.

    Raises:
        InputError: no header, or one of more than 10,000 columns.
    """
    sample = list(itertools.islice(lines, 1))
    if not sample:
        raise InputError(path, "an empty file", "a header line and rows")
    if sample[0].cut or max(sample[0].text.count(d) for d in DELIMITERS) >= MAX_COLUMNS:
        raise InputError(path, "a header line that is too long", f"at most {MAX_COLUMNS:,} columns")
    size = 0
    for line in lines:
        sample.append(line)
        size += len(line.text)
        if size > 1 << 18 or len(sample) > 500:
            break
    first = sample[0].text.strip().lower()
    if first.startswith("sep=") and len(first) == 5 and len(sample) > 1:  # Excel's own hint
        dialect = Dialect(first[4] if first[4] in DELIMITERS else ",")
        sample = sample[1:]
    else:
        dialect = sniff([line.text for line in sample], path, columns)

    feed = _Feed(itertools.chain(sample, lines), max_record, dialect.delimiter)
    rows = dialect.reader(feed)
    width = 0
    while True:
        feed.begin()
        try:
            row = next(rows)
            problem = ""
        except StopIteration:
            if not feed.taken:
                break
            row, problem = [], "unreadable row"
        except _TooLongError as e:
            row, problem = [], str(e)
        except csv.Error as e:
            row, problem = [], _explain(e)
        number = feed.taken[0].number if feed.taken else 0
        if not problem:
            if not row or (width > 1 and not any(row)):
                continue
            if not width:
                width = len(row)
                yield number, row
                continue
            if len(row) > width and not any(row[width:]):
                row = row[:width]
            if len(row) == width:
                yield number, row
                continue
            problem = f"row has {len(row):,} fields; wanted {width}, as the header"
        if not width:
            raise InputError(f"{path}:{number}", problem, "a header line")
        swallowed = len(feed.taken) > 1
        if swallowed and not feed.take_back():
            problem += f"; it swallowed {len(feed.taken) - 1:,} more lines, which are lost"
        reject(number, problem, feed.taken[0].text[:200] if feed.taken else "")
        rows = dialect.reader(feed)


def _explain(error: csv.Error) -> str:
    text = str(error)
    if "expected after" in text:
        return "a quote inside a quoted field is not doubled"
    if "unexpected end" in text:
        return "a quoted field is not closed"
    return f"unreadable row ({text})"
