"""What happened: rivals, allies, militarised disputes and votes by pair and year, from the publishers' files.

Pairs are undirected, in the alphabet's order, and states as in `own_state`.
"""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names)
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from sca_nlp.errors import InputError
from sca_nlp.read.deeds import read_deeds
from sca_nlp.read.deeds.files import load
from sca_nlp.read.deeds.rows import bench, expect
from sca_nlp.records import Reject

PAIR = ["a", "b", "year"]
#: States that Correlates of War counts as major powers, with their years since 1946.
_MAJOR = {
    "USA": (1946, 9999),
    "RUS": (1946, 9999),
    "GBR": (1946, 9999),
    "FRA": (1946, 9999),
    "CHN": (1950, 9999),
    "DEU": (1991, 9999),
    "JPN": (1991, 9999),
}
FILES = {
    "rivals": "rivalry_tss.parquet",
    "rivals_thompson_dreyer": "rivalry_thompson_dreyer.parquet",
    "allies": "alliance_atop5_dirdyad.parquet",
    "mid": "mid_cow_v5_dirdyad.parquet",
    "mid_gml": "mid_gml_v221_dirdyad.parquet",
    "votes": "unga_idealpoints_stateyear.parquet",
    "contiguity": "contiguity_cow.parquet",
}


def own_state(codes: pd.Series, years: pd.Series) -> pd.Series:
    """Return the codes with Yugoslavia until 2005 and Serbia after it, whichever of the two a table says."""
    late = years > 2005
    out = codes.mask(late & (codes == "YUG"), "SRB")
    return out.mask(~late & (codes == "SRB"), "YUG")


def undirected(frame: pd.DataFrame, left: str, right: str) -> pd.DataFrame:
    """Return a frame with columns `a`, `b` (the pair in the alphabet's order) in place of two columns of states."""
    x, y = own_state(frame[left], frame["year"]), own_state(frame[right], frame["year"])
    rest = frame.drop(columns=[left, right])
    return rest.assign(a=np.where(x < y, x, y), b=np.where(x < y, y, x))


def read_world(
    folder: Path, first: int, last: int, *, rejects: list[Reject], say: Callable[[str], None] = lambda line: None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the pair-years of which something is known, and the states' ideal points.

    Args:
        folder: with the files of `FILES`.
        first: first year.
        last: last year.
        rejects: grows by rows that no reader could use.
        say: called with a line on what is read.

    Returns:
        Pair-years (`a, b, year`, and 0 or 1 in `rival, rival_td, ally, mid, mid_any, mid_gml, contiguous`), and votes
        (`state, year, point`).

    Raises:
        InputError: a file is missing or not what it should be.
    """
    for name in FILES.values():
        if not (folder / name).is_file():
            raise InputError(
                folder / name, "no such file", "the deed tables, as in SCA_DATA/deeds; name the data folder with --data"
            )
    say("reading rivals, alliances, disputes, votes")
    parts = [
        _spells(folder / FILES["rivals"], "start", "end", last, rejects).assign(rival=1),
        _spells(folder / FILES["rivals_thompson_dreyer"], "styear", "endyear", last, rejects).assign(rival_td=1),
        _allies(folder / FILES["allies"], rejects).assign(ally=1),
        _disputes("mid_cow", folder / FILES["mid"], rejects),
        _disputes("mid_gml", folder / FILES["mid_gml"], rejects).rename(columns={"mid": "mid_gml"})[[*PAIR, "mid_gml"]],
        _contiguous(folder / FILES["contiguity"], last).assign(contiguous=1),
    ]
    known: pd.DataFrame | None = None
    for part in parts:
        part = part[part["year"].between(first, last)].groupby(PAIR, as_index=False).max()
        known = part if known is None else known.merge(part, on=PAIR, how="outer")
    assert known is not None
    values = [c for c in known.columns if c not in PAIR]
    known[values] = known[values].fillna(0).astype(np.int8)
    return known, _ideal_points(folder / FILES["votes"], rejects)


def major(state: pd.Series, year: pd.Series) -> pd.Series:
    """Return whether each state was a major power in the year."""
    first = state.map({k: v[0] for k, v in _MAJOR.items()})
    last = state.map({k: v[1] for k, v in _MAJOR.items()})
    return (year >= first) & (year <= last)


def _spells(path: Path, start: str, end: str, last: int, rejects: list[Reject]) -> pd.DataFrame:
    with bench() as con:
        what = f"rivalries (iso3_a, iso3_b, {start}, {end})"
        load(con, path, required=("iso3_a", "iso3_b", start, end), rejects=rejects, what=what)
        expect(con, path, "iso3_a", "[A-Z]{3}", "ISO3 codes in iso3_a")
        expect(con, path, start, r"1[4-9]\d\d(\.0)?|20\d\d(\.0)?", f"years in {start}")
        frame = con.execute(
            f"""SELECT DISTINCT iso3_a AS x, iso3_b AS y,
                       unnest(range(whole("{start}"), least(coalesce(whole("{end}"), {last}), {last}) + 1))::INT AS year
                FROM raw WHERE iso3_a IS NOT NULL AND iso3_b IS NOT NULL AND whole("{start}") IS NOT NULL"""
        ).df()
    return undirected(frame, "x", "y")


def _allies(path: Path, rejects: list[Reject]) -> pd.DataFrame:
    deeds = read_deeds("alliances", path, rejects=rejects, obligations=["atop_defense"]).deeds
    frame = deeds.select(["date", "source", "target"]).to_pandas()
    return undirected(frame.assign(year=frame.pop("date").str[:4].astype(int)), "source", "target")


def _disputes(reader: str, path: Path, rejects: list[Reject]) -> pd.DataFrame:
    """Return pair-years with a dispute: `mid` 1 where one starts between the two in that year, `mid_any` always 1."""
    deeds = read_deeds(reader, path, rejects=rejects).deeds
    frame = deeds.select(["date", "source", "target", "code", "reference"]).to_pandas()
    frame = frame[frame["code"].str.startswith("hostlev")].drop(columns="code")
    frame["year"] = frame["date"].str[:4].astype(int)
    frame["dated"] = (frame.pop("date").str.len() > 4).astype(int)  # the month stands only in the dispute's first year
    frame = undirected(frame, "source", "target")
    year = frame.groupby(["a", "b", "reference"])["year"].transform("min")
    begins = (frame["year"] == year) & ((frame["year"] > frame["year"].min()) | (frame["dated"] == 1))
    return frame.assign(mid=begins.astype(int), mid_any=1)[[*PAIR, "mid", "mid_any"]]


def _contiguous(path: Path, last: int) -> pd.DataFrame:
    import duckdb

    with duckdb.connect() as con:
        frame = con.execute(
            f"""SELECT DISTINCT source_iso3 AS x, target_iso3 AS y,
                       unnest(range(year(stdate), least(year(enddate), {last}) + 1))::INT AS year
                FROM read_parquet(?)""",
            [str(path)],
        ).df()
    return undirected(frame, "x", "y")


def _ideal_points(path: Path, rejects: list[Reject]) -> pd.DataFrame:
    with bench() as con:
        what = "ideal points (iso3, year, ideal_point, votes_subset)"
        load(con, path, required=("iso3", "year", "ideal_point", "votes_subset"), rejects=rejects, what=what)
        expect(con, path, "ideal_point", r"-?\d(\.\d+)?([eE]-?\d+)?", "numbers between -5 and 5 in ideal_point")
        frame = con.execute(
            """SELECT iso3 AS state, whole(year) AS year, avg(number(ideal_point)) AS point FROM raw
               WHERE votes_subset = 'All' AND iso3 IS NOT NULL AND number(ideal_point) IS NOT NULL GROUP BY ALL"""
        ).df()
    frame["state"] = own_state(frame["state"], frame["year"])
    return frame
