"""From data sets of coded deeds to their series: what a run keeps of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sca_nlp.config import DeedsSection
from sca_nlp.errors import ScaError
from sca_nlp.pipeline.deed_series import keep_sources, series_of_deeds
from sca_nlp.pipeline.dyads import Dyads, members_function
from sca_nlp.pipeline.frames import note, write_frame
from sca_nlp.pipeline.guard import alone
from sca_nlp.pipeline.recipe import keep_recipe, relative
from sca_nlp.records import Reject
from sca_nlp.store import write_atomically

if TYPE_CHECKING:
    from sca_nlp.aggregate.cells import Members


@alone
def deeds(
    folder: Path,
    sections: Sequence[DeedsSection],
    dyads: Dyads,
    *,
    period: str = "year",
    actor_files: Iterable[str] = (),
    verbal: bool = False,
    window: Sequence[str] = (),
    first: str = "",
    last: str = "",
) -> dict[str, int]:
    """Make `deeds.parquet`, `deed_sources.json`, `deed_series.parquet` and `transactions.parquet`; return counts.

    Deeds of actors outside the dyads are left out of the run folder; those of the reference group of
    `configs/model.toml` are read where a source tells of transactions, and leave only their quartiles.
    """
    import pandas as pd

    from sca_nlp.aggregate.transactions import read_kinds, transactions
    from sca_nlp.read.deeds import read_deeds

    actor_files = tuple(actor_files)
    members = members_function(actor_files)
    rejects: list[Reject] = []
    frames, sources = [], []
    wanted = _actors(dyads, members)
    kinds, group = read_kinds()
    west = _actors([(group, group)], members) if group else set()
    traded = []
    for section in sections:
        beside = any(k.has(section.name) for k in kinds if k.count != "deeds")
        actors = wanted | west if beside else wanted
        made = read_deeds(section.name, section.path, rejects=rejects, actors=actors, **section.options)
        frame = made.deeds.to_pandas()
        if any(k.has(made.source.name) for k in kinds):
            traded.append(frame)
        if beside:
            frame = frame[frame["source"].isin(wanted) & (frame["target"].isin(wanted) | (frame["target"] == ""))]
        frames.append(frame)
        sources.append(made.source)
    if not frames:
        raise ScaError("no deeds: add [[deeds]] with name and path to the config, or --deeds name=path")
    table = pd.concat(frames, ignore_index=True)
    exchanged = transactions(
        pd.concat(traded, ignore_index=True) if traded else table.iloc[:0],
        sources,
        dyads,
        kinds=kinds,
        reference=lambda year: members(group, year) if group else frozenset(),
        members=members,
    )
    asked: dict[str, Any] = {"period": period, "verbal": verbal, "window": list(window), "first": first, "last": last}
    series = series_of_deeds(table, sources, dyads, members, **asked)
    write_frame(folder / "deeds.parquet", table)
    write_frame(folder / "transactions.parquet", exchanged)
    keep_sources(folder, sources)
    lines = [f"{r.file}:{r.line}: {r.reason}\n" for r in rejects]
    write_atomically(folder / "deed_rejects.txt", "".join(lines).encode("utf-8", "replace"))
    write_frame(folder / "deed_series.parquet", series)
    told = {"verbal": verbal, "n": len(table), "rejects": len(rejects), "sources": [s.name for s in sources]}
    note(folder, deeds=told)
    keep_recipe(
        folder,
        "deeds",
        sections=[replace(s, path=relative(s.path, folder)) for s in sections],
        dyads=list(dyads),
        actor_files=[relative(f, folder) for f in actor_files],
        **asked,
    )
    return {"deeds": len(table), "sources": len(sources), "rejects": len(rejects)}


def _actors(dyads: Dyads, members: Members) -> set[str]:
    """Return who is named in dyads, and who ever belonged to a group among them."""
    names = {a for d in dyads for a in d}
    return names | {m for a in names for year in range(1945, 2031) for m in members(a, year)}
