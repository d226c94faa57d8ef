"""Coverage of the data sets of deeds: of whom and when can one speak at all?"""

from __future__ import annotations

from sca_nlp.aggregate import periods
from sca_nlp.records import Coverage


def covers(coverage: Coverage, period: str, source: str, target: str) -> bool:
    """Return whether a data set can speak of a dyad in a period (both ends of the span included)."""
    grain = periods.grain_of(period)
    start, end = periods.period_of(coverage.first, grain), periods.period_of(coverage.last, grain)
    low = start or periods.period_of(coverage.first[:4] + "-01", grain)
    high = end or periods.period_of(coverage.last[:4] + "-12", grain)
    if low is None or high is None or not periods.number(low) <= periods.number(period) <= periods.number(high):
        return False
    if coverage.actors and not (source in coverage.actors and (target in coverage.actors or target == "")):
        return False
    return not coverage.dyads or (source, target) in coverage.dyads or (source, "") in coverage.dyads


def covers_any(coverage: Coverage, period: str, left: frozenset[str], right: frozenset[str]) -> bool:
    """Return whether at least one pair of members is covered."""
    if not coverage.actors and not coverage.dyads:
        return covers(coverage, period, "", "")
    return any(covers(coverage, period, i, j) for i in sorted(left) for j in sorted(right) if i != j)
