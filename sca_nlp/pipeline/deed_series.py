"""Series of deeds, of those that were just read or of those that a run has kept with what their sources declared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sca_nlp.errors import InputError
from sca_nlp.pipeline.dyads import Dyads, members_function
from sca_nlp.pipeline.frames import read_frame
from sca_nlp.records import Coverage, DeedSource
from sca_nlp.store import write_json

if TYPE_CHECKING:
    import pandas as pd

    from sca_nlp.aggregate.cells import Members


def series_of_deeds(
    table: pd.DataFrame,
    sources: Sequence[DeedSource],
    dyads: Dyads,
    members: Members,
    *,
    period: str,
    verbal: bool,
    window: Sequence[str],
    first: str,
    last: str,
) -> pd.DataFrame:
    """Return `deed_series.parquet` of deeds: see `kept_deed_series` for what is asked."""
    from sca_nlp.aggregate import deed_series

    return deed_series(
        table,
        sources,
        dyads=dyads,
        period=period,
        members=members,
        first=first or None,
        last=last or None,
        verbal=verbal,
        reference=(window[0], window[1]) if len(window) == 2 else None,
    )


def kept_deed_series(
    folder: Path,
    dyads: Dyads,
    *,
    period: str,
    actor_files: Iterable[str] = (),
    verbal: bool,
    window: Sequence[str],
    first: str,
    last: str,
) -> pd.DataFrame:
    """Return the series of the deeds that a run has kept, made again from these, so that they may be asked otherwise.

    Args:
        folder: the run.
        dyads: directed pairs.
        period: `year`, `quarter` or `month`.
        actor_files: further actors.
        verbal: count verbal deeds too.
        window: first and last period over which z units are standardised; empty: all.
        first: first period; "": as the sources have it.
        last: last period; "": as the sources have it.

    Raises:
        InputError: the run has kept no deeds.
    """
    table, sources = read_frame(folder / "deeds.parquet", "sca deeds"), read_sources(folder)
    asked: dict[str, Any] = {"period": period, "verbal": verbal, "window": window, "first": first, "last": last}
    return series_of_deeds(table, sources, dyads, members_function(actor_files), **asked)


def keep_sources(folder: Path, sources: Iterable[DeedSource]) -> None:
    """Write `deed_sources.json`: what a run's deed data sets declare."""
    write_json(folder / "deed_sources.json", [_source_dict(s) for s in sources])


def _source_dict(source: DeedSource) -> dict[str, Any]:
    data = asdict(source)
    coverage = source.coverage
    data["coverage"] = {
        "first": coverage.first,
        "last": coverage.last,
        "actors": sorted(coverage.actors),
        "dyads": sorted(list(d) for d in coverage.dyads),
    }
    return data


def read_sources(folder: Path) -> list[DeedSource]:
    """Return what a run's deed data sets declared.

    Raises:
        InputError: the run has kept no deeds, or the file is damaged.
    """
    path = folder / "deed_sources.json"
    if not path.exists():
        raise InputError(path, "not there", "the file that `sca deeds` makes; run that first")
    found = []
    try:
        for data in json.loads(path.read_text("utf-8")):
            c = data["coverage"]
            dyads = frozenset((a, b) for a, b in c["dyads"])
            coverage = Coverage(c["first"], c["last"], frozenset(c["actors"]), dyads)
            found.append(DeedSource(**{**data, "coverage": coverage}))
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as e:
        raise InputError(path, f"damaged ({e})", "the file that `sca deeds` makes; run that again") from None
    return found
