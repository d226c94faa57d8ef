"""Periods: years, quarters and months as strings (`1985`, `1985Q1`, `1985-03`), in order and without holes."""

from __future__ import annotations

from typing import Literal

from sca_nlp.errors import InputError, UnknownNameError

Grain = Literal["year", "quarter", "month"]
GRAINS: tuple[str, ...] = ("year", "quarter", "month")
#: Length that a date must have to fall into one period of the grain.
PRECISION = {"year": 4, "quarter": 7, "month": 7}
_PER_YEAR = {"year": 1, "quarter": 4, "month": 12}


def grain_of(period: str) -> str:
    """Return the grain of a period string.

    Raises:
        InputError: it is none of YYYY, YYYYQn, YYYY-MM.
    """
    if len(period) == 4 and period.isdigit():
        return "year"
    if len(period) == 6 and period[4] == "Q" and period[5] in "1234" and period[:4].isdigit():
        return "quarter"
    if len(period) == 7 and period[4] == "-" and period[:4].isdigit() and period[5:] in _MONTHS:
        return "month"
    raise InputError("period", repr(period), "YYYY, YYYYQ1 to YYYYQ4, or YYYY-MM")


_MONTHS = {f"{m:02d}" for m in range(1, 13)}


def number(period: str) -> int:
    """Return the running number of a period within its grain; neighbours differ by one."""
    grain = grain_of(period)
    year = int(period[:4])
    if grain == "year":
        return year
    return year * 4 + int(period[5]) - 1 if grain == "quarter" else year * 12 + int(period[5:]) - 1


def name(index: int, grain: str) -> str:
    """Return the period of a running number: the inverse of `number`."""
    per = _PER_YEAR[check_grain(grain)]
    year, part = divmod(index, per)
    return f"{year:04d}" if per == 1 else f"{year:04d}Q{part + 1}" if per == 4 else f"{year:04d}-{part + 1:02d}"


def span(first: str, last: str) -> list[str]:
    """Return all periods from first to last, both included; empty when last comes first."""
    grain = grain_of(first)
    if grain_of(last) != grain:
        raise InputError("period", f"{first} and {last}", "two periods of one grain")
    return [name(k, grain) for k in range(number(first), number(last) + 1)]


def period_of(date: str, grain: str) -> str | None:
    """Return the period of an ISO date, or None where the date is coarser than the grain or no date."""
    check_grain(grain)
    if len(date) < PRECISION[grain] or not date[:4].isdigit():
        return None
    if grain == "year":
        return date[:4]
    if date[4:5] != "-" or date[5:7] not in _MONTHS:
        return None
    return date[:7] if grain == "month" else f"{date[:4]}Q{(int(date[5:7]) + 2) // 3}"


def check_grain(grain: str) -> str:
    """Return the grain.

    Raises:
        UnknownNameError: it is none of year, quarter, month.
    """
    if grain not in GRAINS:
        raise UnknownNameError("period", grain, GRAINS)
    return grain


def sql(column: str, grain: str) -> str:
    """Return a DuckDB expression that does what `period_of` does (NULL where it gives None)."""
    year_ok = f"regexp_matches({column}, '^[0-9]{{4}}')"
    if check_grain(grain) == "year":
        return f"CASE WHEN {year_ok} THEN left({column}, 4) END"
    ok = f"regexp_matches({column}, '^[0-9]{{4}}-(0[1-9]|1[0-2])')"
    if grain == "month":
        return f"CASE WHEN {ok} THEN left({column}, 7) END"
    quarter = f"((CAST(substr({column}, 6, 2) AS INTEGER) + 2) // 3)"
    return f"CASE WHEN {ok} THEN left({column}, 4) || 'Q' || {quarter} END"
