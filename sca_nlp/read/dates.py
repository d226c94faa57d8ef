"""Dates as found in corpora and tables -> ISO strings whose length is their precision. Nothing is guessed."""

from __future__ import annotations

import datetime
import math
import re
from functools import lru_cache

from sca_nlp.errors import InputError

FIRST_YEAR, LAST_YEAR = 1000, 2100
WANTED = "YYYY, YYYY-MM or YYYY-MM-DD"

_NAMES = ["january", "february", "march", "april", "may", "june"]
_NAMES += ["july", "august", "september", "october", "november", "december"]
_MONTHS = {name[:n]: i for i, name in enumerate(_NAMES, 1) for n in (3, len(name))} | {"sept": 9}
_MONTH = "(" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\.?"
_DAY = r"([0-9]{1,2})(?:st|nd|rd|th)?"
_YEAR = "([0-9]{4})"
_WEEKDAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tue|wed|thu|fri|sat|sun)\.?,?\s+"
_TIME = r"(?:[T\s,]+(?:at\s+)?[0-9]{1,2}:[0-9]{2}.{0,30})?"


def _pattern(body: str) -> re.Pattern[str]:
    return re.compile(f"(?:{_WEEKDAY})?{body}{_TIME}", re.IGNORECASE)


_YEAR_MONTH = re.compile(rf"{_YEAR}(?:-([0-9]{{1,2}}))?")  # not 2001/02, which may be two years
_YEAR_MONTH_DAY = re.compile(rf"{_YEAR}([-/.])([0-9]{{1,2}})\2([0-9]{{1,2}}){_TIME}", re.IGNORECASE)
_COMPACT = re.compile(r"([0-9]{4})(?:([0-9]{2})([0-9]{2}))?(?:\.0+)?")
_DAY_MONTH_YEAR = _pattern(rf"{_DAY}[\s-]+(?:of\s+)?{_MONTH}[\s,-]+{_YEAR}")
_MONTH_DAY_YEAR = _pattern(rf"{_MONTH}[\s-]+{_DAY}[\s,-]+{_YEAR}")
_MONTH_YEAR = re.compile(rf"{_MONTH}[\s,-]+{_YEAR}", re.IGNORECASE)
_NUMERIC = re.compile(rf"([0-9]{{1,2}})([-/.])([0-9]{{1,2}})\2{_YEAR}{_TIME}", re.IGNORECASE)


def parse_date(value: object, *, day_first: bool | None = None, where: object = "date") -> str:
    """Return a date in ISO form, its precision kept: `1985`, `1985-03` or `1985-03-11`.

    Takes ISO dates (also with a time, `/` or `.`, and `1985-00-00` for an unknown month), whole numbers (years, or
    YYYYMMDD), `1985.0`, `date`, `datetime`, pandas and numpy timestamps, `12 March 1999`, `March 12, 1999`, and
    `25/03/1999`. A time of day is cut off; no time zone is converted.

    Args:
        value: what stands in the file.
        day_first: how to read `12.03.1999`: True = 12 March, False = December 3. None accepts only what can be read
            in one way.
        where: file, line and column, for the error.

    Raises:
        InputError: no date, an ambiguous one, or a year outside 1000-2100.
    """
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, datetime.date):  # also datetime, pandas Timestamp and NaT
        text = value.isoformat()[:10]
    elif isinstance(value, bool) or value is None:
        text = "" if value is None else str(value)
    elif isinstance(value, (int, float)):
        text = _number(value)
    else:  # numpy scalars
        text = str(value)[:40].strip()
        if re.fullmatch(r"[0-9-]{10}T[0-9:.]+", text):
            text = text[:10]
    if not text or text in ("NaT", "nan", "None"):
        raise InputError(where, "no date", WANTED)
    result, problem = _parse(text[:60], day_first)
    if not result:
        raise InputError(where, f"date is {text[:60]!r}{problem}", WANTED)
    return result


def _number(value: int | float) -> str:
    """Return a whole number without its `.0`, an empty text for NaN, and anything else so that it is no date."""
    if isinstance(value, float) and math.isnan(value):
        return ""
    if abs(value) < 1e9 and value == int(value):
        return str(int(value))
    return f"number {value:.6g}" if abs(value) < 1e300 else "number out of range"


@lru_cache(maxsize=65536)
def _parse(text: str, day_first: bool | None) -> tuple[str, str]:
    """Return the date and an empty problem, or an empty date and the problem."""
    if m := _YEAR_MONTH.fullmatch(text):
        return _checked(m[1], m[2], None)
    if m := _YEAR_MONTH_DAY.fullmatch(text):
        return _checked(m[1], m[3], m[4])
    if m := _COMPACT.fullmatch(text):
        return _checked(m[1], m[2], m[3])
    if m := _DAY_MONTH_YEAR.fullmatch(text):
        return _checked(m[3], _MONTHS[m[2].lower()], m[1])
    if m := _MONTH_DAY_YEAR.fullmatch(text):
        return _checked(m[3], _MONTHS[m[1].lower()], m[2])
    if m := _MONTH_YEAR.fullmatch(text):
        return _checked(m[2], _MONTHS[m[1].lower()], None)
    if m := _NUMERIC.fullmatch(text):
        first, second, year = int(m[1]), int(m[3]), m[4]
        if day_first is None:
            if first <= 12 and second <= 12 and first != second:
                return "", " (day or month first? say so: --option day_first=true, or =false)"
            day_first = first > 12
        day, month = (first, second) if day_first else (second, first)
        if not (day and month):
            return "", " (no such day)"
        return _checked(year, month, day)
    return "", ""


def _checked(year: str | int, month: str | int | None, day: str | int | None) -> tuple[str, str]:
    y, m, d = int(year), int(month or 0), int(day or 0)
    if not FIRST_YEAR <= y <= LAST_YEAR:
        return "", f" (year outside {FIRST_YEAR}-{LAST_YEAR})"
    if not m:  # 1985-00-00: the month is not known; a day without a month is no date
        return ("", " (no such day)") if d else (f"{y:04d}", "")
    if not d:
        return (f"{y:04d}-{m:02d}", "") if m <= 12 else ("", " (no such month)")
    try:
        return datetime.date(y, m, d).isoformat(), ""
    except ValueError:
        return "", " (no such day)"
