"""Transaction density: how much two sides have to do with each other by year, beside all pairs of a reference group."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.aggregate.cells import Members, expand
from sca_nlp.errors import InputError
from sca_nlp.records import Coverage, DeedSource
from sca_nlp.share import share_path

COLUMNS = [
    *("a", "b", "kind", "name", "unit", "dataset", "period", "value", "n_pairs"),
    *("ref_low", "ref_median", "ref_high", "ref_below", "n_ref"),
]
_COUNTS = ("level", "one_way", "both", "deeds")


@dataclass(frozen=True)
class Kind:
    """One kind of transaction, as in `configs/model.toml`."""

    id: str
    name: str
    unit: str
    datasets: tuple[str, ...]
    count: str
    manifestations: tuple[str, ...] = ()

    def has(self, dataset: str) -> bool:
        """Tell whether a data set counts for this kind: its name, or its name with something behind it."""
        return any(dataset == d or dataset.startswith(f"{d}_") for d in self.datasets)


def read_kinds(path: Path | str | None = None) -> tuple[tuple[Kind, ...], str]:
    """Return the kinds of transactions and the group that pairs are set beside.

    Raises:
        InputError: a kind has unknown or missing keys, or an unknown way of counting.
    """
    path = Path(path) if path is not None else share_path("configs", "model.toml")
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        rows: list[dict[str, Any]] = data["transaction"]
        made: list[dict[str, Any]] = [{k: tuple(v) if isinstance(v, list) else v for k, v in r.items()} for r in rows]
        kinds = tuple(Kind(**r) for r in made)
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as e:
        raise InputError(path, f"not readable ({e})", "[[transaction]] as in configs/model.toml") from None
    wrong = next((k for k in kinds if k.count not in _COUNTS), None)
    if wrong:
        raise InputError(f"{path}: {wrong.id}", f"count = {wrong.count!r}", f"one of {', '.join(_COUNTS)}")
    return kinds, str(data.get("reference", ""))


def transactions(
    deeds: pd.DataFrame,
    sources: Sequence[DeedSource],
    pairs: Iterable[tuple[str, str]],
    *,
    kinds: Sequence[Kind],
    reference: Callable[[int], frozenset[str]],
    members: Members | None = None,
) -> pd.DataFrame:
    """Return the transactions of each unordered pair by year and data set (`transactions.parquet`).

    `value` is that of the pair; where a side is a group, the mean over the pairs of members that the data cover
    (`n_pairs`). `ref_low`, `ref_median`, `ref_high` are the quartiles over the covered pairs of the reference group in
    the year (the pair itself and what belongs to it left out), `ref_below` the share of them below the pair, ties half.
    Years outside the coverage have no row; a level that is not given has none either; no event is 0.

    Args:
        deeds: columns as in `records.Deed`; also of the reference group's states.
        sources: what the data sets declare.
        pairs: two sides each, states or groups; the order does not matter.
        kinds: what is counted, from `read_kinds`.
        reference: year -> states of the reference group; may be empty.
        members: `members(group, year)`.
    """
    sides = sorted({(a, b) if a < b else (b, a) for a, b in pairs})
    rows: list[dict[str, Any]] = []
    for kind in kinds:
        for source in sources:
            if kind.has(source.name):
                part = deeds[deeds["dataset"] == source.name]
                rows += _dataset(kind, source, part, sides, reference, members)
    return pd.DataFrame(rows, columns=COLUMNS)


def _dataset(
    kind: Kind,
    source: DeedSource,
    deeds: pd.DataFrame,
    sides: Sequence[tuple[str, str]],
    reference: Callable[[int], frozenset[str]],
    members: Members | None,
) -> Iterator[dict[str, Any]]:
    value = _by_pair(kind, deeds)
    event = source.measure == "event"
    for year in _years(source.coverage, deeds):

        def of(pairs: Iterable[tuple[str, str]], year: int = year) -> Mapping[tuple[str, str], float]:
            found = {}
            for a, b in pairs:
                x = value.get((year, a, b), 0.0 if event and _covered(source.coverage, a, b) else np.nan)
                if x == x:
                    found[a, b] = x
            return found

        # Chronologies are of one pair: no deed there of others says nothing.
        west = sorted(c for c in reference(year) if len(c) == 3) if kind.count != "deeds" else []
        beside = of(combinations(west, 2))
        for a, b in sides:
            left, right = expand(a, year, members), expand(b, year, members)
            inside = {(min(i, j), max(i, j)) for i in left for j in right if i != j}
            own = of(sorted(inside))
            if kind.count == "deeds":  # a deed of the alliance as such is a deed of the pair: counted, not averaged
                own = {(a, b): sum(own.values())} if own else {}
            if not own:
                continue
            # A group and its members are no pairs that had to be added up for events: keep to those with states.
            states = {p: x for p, x in own.items() if all(len(c) == 3 for c in p)} or own
            mine = float(np.mean(list(states.values())))
            others = np.array([x for p, x in beside.items() if p not in inside])
            low, median, high = np.quantile(others, [0.25, 0.5, 0.75]) if len(others) else (np.nan,) * 3
            below = ((others < mine).mean() + (others == mine).mean() / 2) if len(others) else np.nan
            yield dict(
                zip(
                    COLUMNS,
                    (
                        *(a, b, kind.id, kind.name, kind.unit, source.name, f"{year:04d}", mine, len(states)),
                        *(float(low), float(median), float(high), float(below), len(others)),
                    ),
                    strict=True,
                )
            )


def _by_pair(kind: Kind, deeds: pd.DataFrame) -> dict[tuple[int, str, str], float]:
    """Return (year, one state, the other) -> value, the two in order of name."""
    if kind.manifestations:
        deeds = deeds[deeds["manifestation"].isin(kind.manifestations)]
    deeds = deeds[(deeds["target"].fillna("") != "") & (deeds["source"] != deeds["target"])]
    if kind.count == "deeds":
        deeds = deeds[(deeds["sign"] > 0) & ~deeds["verbal"].astype(bool)]
    if deeds.empty:
        return {}
    s, t = deeds["source"].to_numpy(str), deeds["target"].to_numpy(str)
    frame = pd.DataFrame(
        {
            "year": deeds["date"].str[:4].astype(int).to_numpy(),
            "a": np.where(s < t, s, t),
            "b": np.where(s < t, t, s),
            "forward": s < t,
            "x": deeds["magnitude"].to_numpy(float),
            "deed": (deeds["date"].astype(str) + "|" + deeds["description"].fillna("").astype(str)).to_numpy()
            if "description" in deeds
            else deeds["date"].to_numpy(),
        }
    )
    by = frame.groupby(["year", "a", "b"], sort=True)
    if kind.count == "level":
        found = by["x"].max()
    elif kind.count == "both":
        found = by["x"].sum()
    elif kind.count == "deeds":
        found = by["deed"].nunique().astype(float)
    else:  # deeds without direction stand once each way; some sources list one way only
        each = frame.groupby(["year", "a", "b", "forward"], sort=True)["x"].sum()
        found = each.groupby(level=[0, 1, 2]).max()
    keys: list[tuple[Any, ...]] = list(found.index)
    return {(int(k[0]), str(k[1]), str(k[2])): float(x) for k, x in zip(keys, found.to_numpy(), strict=True)}


def _years(coverage: Coverage, deeds: pd.DataFrame) -> range:
    first, last = coverage.first[:4], coverage.last[:4]
    there = deeds["date"].str[:4]
    if not first.isdigit():
        first = there.min() if len(there) else "1"
    if not last.isdigit():
        last = there.max() if len(there) else "0"
    return range(max(int(first), 1900), int(last) + 1)


def _covered(coverage: Coverage, a: str, b: str) -> bool:
    if coverage.actors and not (a in coverage.actors and b in coverage.actors):
        return False
    return not coverage.dyads or (a, b) in coverage.dyads or (b, a) in coverage.dyads
