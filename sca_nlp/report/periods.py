"""Periods as the frames write them (`1985`, `1985Q1`, `1985-03`): their order, their range, their place on an axis."""

from __future__ import annotations

import re

_YEAR, _QUARTER, _MONTH = (re.compile(p) for p in (r"(\d{4})$", r"(\d{4})Q([1-4])$", r"(\d{4})-(\d{2})$"))
#: Periods in a year.
PER_YEAR = {"year": 1, "quarter": 4, "month": 12}


def grain_of(period: str) -> str | None:
    """Return `year`, `quarter` or `month`; None where the string is no period."""
    for grain, form in (("year", _YEAR), ("quarter", _QUARTER), ("month", _MONTH)):
        if form.match(period):
            return grain
    return None


def ordinal(period: str) -> int:
    """Return the running number of a period within its own grain.

    Raises:
        ValueError: the string is no period.
    """
    for form, n in ((_YEAR, 1), (_QUARTER, 4), (_MONTH, 12)):
        m = form.match(period)
        if m:
            return int(m[1]) * n + (int(m[2]) - 1 if n > 1 else 0)
    raise ValueError(f"{period!r} is no period")


def name(number: int, grain: str) -> str:
    """Return the period of a running number."""
    year, part = divmod(number, PER_YEAR[grain])
    return {"year": f"{year:04d}", "quarter": f"{year:04d}Q{part + 1}", "month": f"{year:04d}-{part + 1:02d}"}[grain]


def period_range(periods: list[str]) -> list[str]:
    """Return every period from the first to the last, so that an axis is to scale; the commonest grain only."""
    grains = [g for g in map(grain_of, periods) if g]
    if not grains:
        return []
    grain = max(PER_YEAR, key=grains.count)
    numbers = [ordinal(p) for p in periods if grain_of(p) == grain]
    return [name(k, grain) for k in range(min(numbers), max(numbers) + 1)]


def period_of(date: str, grain: str) -> str | None:
    """Return the period that a date falls in; None where the date is less precise than the grain."""
    m = re.match(r"(\d{4})(?:-(\d{2}))?", date)
    if not m or (grain != "year" and not m[2]):
        return None
    if grain == "year":
        return m[1]
    return f"{m[1]}Q{(int(m[2]) - 1) // 3 + 1}" if grain == "quarter" else f"{m[1]}-{m[2]}"


def place(date: str, first: str) -> float:
    """Return where a date or period lies on an axis that starts at period `first`, in periods (0 = its beginning).

    A date less precise than a day lies in the middle of what it names.
    """
    grain = grain_of(first) or "year"
    n = PER_YEAR[grain]
    quarter = _QUARTER.match(date)
    if quarter:
        years = int(quarter[1]) + (int(quarter[2]) - 0.5) / 4
    else:
        parts = [int(p) for p in re.findall(r"\d+", date)[:3]]
        if not parts:
            raise ValueError(f"{date!r} is no date")
        years = float(parts[0])
        if len(parts) == 1:
            years += 0.5
        elif len(parts) == 2:
            years += (parts[1] - 0.5) / 12
        else:
            years += (parts[1] - 1 + (parts[2] - 0.5) / 31) / 12
    return years * n - ordinal(first)


def ticks(periods: list[str], most: int = 12) -> list[tuple[int, str]]:
    """Return (index, label) of the periods to be labelled: whole years, at most `most` of them."""
    if not periods:
        return []
    grain = grain_of(periods[0]) or "year"
    years = len(periods) / PER_YEAR[grain]
    if grain != "year" and years < 3:
        step = -(-len(periods) // most)
        return [(i, p) for i, p in enumerate(periods) if i % step == 0]
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 1000) if years / s <= most)
    first_part = {"year": "", "quarter": "Q1", "month": "-01"}[grain]
    return [(i, p[:4]) for i, p in enumerate(periods) if int(p[:4]) % step == 0 and p[4:] == first_part]
