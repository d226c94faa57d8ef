"""What the explorer shows: a filter, and the conditions in SQL that it stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sca_nlp.errors import InputError

STATES = ("unseen", "suggested", "coded", "adjudicated")
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?|Q[1-4])?")


@dataclass(frozen=True)
class Filter:
    """What the explorer shows. Empty fields do not restrict; all others must hold together."""

    source: str = ""
    target: str = ""
    speaker: str = ""
    corpus: str = ""
    kind: str = ""
    language: str = ""
    first: str = ""  # period: year, quarter, month or day
    last: str = ""
    indicator: str = ""  # short form
    value: str = ""  # a mark (+ or -), "any", or "absent"
    low: float = 0.0  # probability band of the indicator's value; of the likeliest class where no indicator is given
    high: float = 1.0
    text: str = ""
    state: str = ""  # one of STATES, or: differs, disputed, hard, models (two models disagree)
    sort: str = "date"
    speech: str = ""


SORTS = {
    "date": "row",
    "newest": "row DESC",
    "doubtful": "uncertainty DESC, row",
    "rare": "rare DESC, row",
    "torn": "torn DESC, row",
    "models": "bit_count(xor(mask, coalesce(other_mask, mask))) DESC, row",
    "random": "shuffle, row",
    "likely": "",  # by the probability of what is filtered for
}


@dataclass
class Clauses:
    """SQL conditions with their values."""

    parts: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, sql: str, *values: Any) -> None:
        """Add a condition."""
        self.parts.append(sql)
        self.values += values

    def where(self) -> str:
        """Return the WHERE clause."""
        return f"WHERE {' AND '.join(self.parts)}" if self.parts else ""


def period_bounds(period: str) -> tuple[str, str]:
    """Return the first date string of a period and one that is above all of its dates.

    Raises:
        InputError: no period.
    """
    if not _DATE.fullmatch(period):
        raise InputError("period", repr(period), "1985, 1985Q1, 1985-03 or 1985-03-11")
    if "Q" in period:
        year, quarter = int(period[:4]), int(period[-1])
        return f"{year}-{3 * quarter - 2:02d}", f"{year}-{3 * quarter:02d}~"
    return period, period + "~"
