"""Sums over passages per cell (source, target, period), done in DuckDB: exact integers, so row order cannot matter."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.aggregate import periods
from sca_nlp.errors import InputError, UnknownNameError

#: Values are summed as whole numbers of this fraction.
SCALE = 100_000
Members = Callable[[str, int], frozenset[str]]


@dataclass(frozen=True)
class Variable:
    """One thing that is averaged over sentences: `name` and, per class, the weight of its code or of its
    probability.
    """

    name: str
    of: str  # "code" or "probability"
    weights: dict[str, float]

    def sql(self) -> str:
        """Return the value of one sentence as a whole number of 1/SCALE."""
        if self.of == "code":
            parts = [
                f"{round(w * SCALE)} * CAST(list_contains(codes, '{c}') AS INTEGER)" for c, w in self.weights.items()
            ]
            return " + ".join(parts) or "0"
        parts = [f'{w!r} * coalesce("{c}", 0)' for c, w in self.weights.items()]
        return f"CAST(round({SCALE} * ({' + '.join(parts) or '0'})) AS INTEGER)"


@dataclass
class Cells:
    """Cells and, for each variable (columns of the arrays), sums over sentences and over speeches, in natural units."""

    keys: pd.DataFrame  # source, target, period, stratum
    n: np.ndarray[Any, Any]  # sentences
    m: np.ndarray[Any, Any]  # speeches
    nn: np.ndarray[Any, Any]  # sum over speeches of squared sentences
    total: np.ndarray[Any, Any]  # sum over sentences; (cells, variables)
    square: np.ndarray[Any, Any]  # sum over sentences of squares
    cluster: np.ndarray[Any, Any]  # sum over speeches of squared sums
    cross: np.ndarray[Any, Any]  # sum over speeches of sum times sentences


@dataclass
class Base:
    """An open connection with the view `base` (passages that pass the filters) and the counts of those left out."""

    con: Any
    variables: list[Variable]
    left_out: dict[str, int] = field(default_factory=dict)
    years: list[int] = field(default_factory=list)


def files_of(passages: Sequence[Path | str] | Path | str) -> list[str]:
    """Return the Parquet files of a list, a folder or a glob.

    Raises:
        InputError: there are none.
    """
    if isinstance(passages, (str, Path)):
        path = Path(passages)
        found = sorted(str(p) for p in path.glob("*.parquet")) if path.is_dir() else sorted(glob.glob(str(passages)))  # noqa: PTH207
    else:
        found = [str(p) for p in passages]
    missing = [f for f in found if not Path(f).is_file()]
    if not found or missing:
        raise InputError(missing[0] if missing else passages, "no such file", "scored passages as Parquet")
    return found


def _in(column: str, values: Sequence[str]) -> str:
    listed = ", ".join("'" + v.replace("'", "''") + "'" for v in values)
    return f"coalesce({column}, '') IN ({listed})"


def open_base(
    passages: Sequence[Path | str] | Path | str,
    variables: list[Variable],
    *,
    period: str,
    about: str,
    languages: Sequence[str],
    where: dict[str, Sequence[str] | None],
    by: str | None,
    threads: int | None = None,
) -> Base:
    """Open the passages, filter them, and count what is left out and why."""
    import duckdb

    con = duckdb.connect(config={"threads": threads} if threads else {})
    files = files_of(passages)
    con.execute(
        "CREATE TEMP VIEW shard AS SELECT * FROM read_parquet(["
        + ", ".join("'" + f.replace("'", "''") + "'" for f in files)
        + "])"
    )
    have = {r[0] for r in con.execute("DESCRIBE shard").fetchall()}
    wanted = {"passage_id", "speech_id", "source", "date", "codes", "targets"} | {
        c for v in variables if v.of == "probability" for c in v.weights
    }
    wanted |= {column for column, values in where.items() if values is not None}
    if wanted - have:
        raise InputError(files[0], f"no column {sorted(wanted - have)[0]!r}", "passages as the pipeline writes them")
    named = "len(targets) = 0 AND len(codes) = 0" if about == "named" and "actors" in have else "FALSE"
    listed = f"list_distinct(CASE WHEN {named} THEN {'actors' if 'actors' in have else 'targets'} ELSE targets END)"
    tests = {"language": _in("language", [*languages]) if languages and "language" in have else "TRUE"}
    tests |= {k: _in(k, v) for k, v in where.items() if v is not None}
    stratum = f"coalesce({by}, '')" if by else "''"
    con.execute(
        f"CREATE TEMP VIEW dated AS SELECT *, {periods.sql('date', period)} AS period_, {stratum} AS stratum_, "
        f"coalesce({listed}, []) AS about_, ({' AND '.join(f'({t})' for t in tests.values())}) AS kept_ FROM shard"
    )
    counts = con.execute(
        f"SELECT count(*), count(*) FILTER (NOT ({tests['language']})), count(*) FILTER (NOT kept_), "
        "count(*) FILTER (kept_ AND period_ IS NULL), count(*) FILTER (kept_ AND period_ IS NOT NULL AND "
        "coalesce(source, '') = '') FROM dated"
    ).fetchall()[0]
    con.execute(
        "CREATE TEMP VIEW base AS SELECT passage_id, speech_id, source, period_ AS period, CAST(left(period_, "
        "4) AS INTEGER) AS year, "
        "stratum_ AS stratum, about_ AS about, codes, "
        + ", ".join(f"CAST({v.sql()} AS INTEGER) AS v{k}" for k, v in enumerate(variables))
        + " FROM dated WHERE kept_ AND period_ IS NOT NULL AND coalesce(source, '') <> ''"
    )
    left_out = {
        "passages": counts[0],
        "other_language": counts[1],
        "filtered": counts[2] - counts[1],
        "date_too_coarse": counts[3],
        "no_source": counts[4],
    }
    years = [r[0] for r in con.execute("SELECT DISTINCT year FROM base ORDER BY 1").fetchall()]
    return Base(con, variables, left_out, years)


def expand(actor: str, year: int, members: Members | None) -> frozenset[str]:
    """Return an actor's own code and, for a group, its members of the year (none: the code alone)."""
    try:
        return frozenset({actor}) | (members(actor, year) if members else frozenset())
    except UnknownNameError:  # NONSTATE, or a code of the codebook that is no list of states
        return frozenset({actor})


def _mapping(names: Sequence[str], years: Sequence[int], members: Members | None) -> pd.DataFrame:
    rows = [
        (name, year, code)
        for name in sorted(set(names))
        for year in years
        for code in sorted(expand(name, year, members))
    ]
    return pd.DataFrame(rows, columns=["name", "year", "code"])


def collect(base: Base, dyads: Sequence[tuple[str, str]] | None, members: Members | None) -> tuple[Cells, Cells, Cells]:
    """Return three tables of cells: all sentences of a source; sentences about a target; salience of a target.

    The third has the sums of the second over the sentences and speeches of the first. `dyads` None: every source with
    every actor that it names.
    """
    con, k = base.con, len(base.variables)
    if dyads is None:
        codes = [r[0] for r in con.execute("SELECT DISTINCT unnest(about) FROM base").fetchall()]
        sources = [r[0] for r in con.execute("SELECT DISTINCT source FROM base").fetchall()]
        smap, tmap = _mapping(sources, base.years, None), _mapping(codes, base.years, None)
    else:
        smap = _mapping([d[0] for d in dyads], base.years, members)
        tmap = _mapping([d[1] for d in dyads], base.years, members)
        con.register("dyad_frame", pd.DataFrame(sorted(set(dyads)), columns=["name", "target"]))
    con.register("smap", smap)
    con.register("tmap", tmap)
    sums = ", ".join(f"sum(v{i}) AS s{i}, sum(CAST(v{i} AS BIGINT) * v{i}) AS q{i}" for i in range(k))
    con.execute(
        f"CREATE TEMP TABLE speech AS SELECT smap.name AS source, period, stratum, speech_id, count(*) AS n, {sums} "
        "FROM base JOIN smap ON base.source = smap.code AND base.year = smap.year GROUP BY ALL"
    )
    pair = (
        "pairs.target <> smap.name"
        if dyads is None
        else "(smap.name, pairs.target) IN (SELECT (name, target) FROM dyad_frame)"
    )
    con.execute("CREATE TEMP TABLE hit AS SELECT row_number() OVER () AS rid, * FROM base WHERE len(about) > 0")
    con.execute(
        "CREATE TEMP TABLE pairs AS SELECT DISTINCT rid, tmap.name AS target FROM (SELECT rid, year, "
        "unnest(about) AS code FROM hit) u "
        "JOIN tmap ON u.code = tmap.code AND u.year = tmap.year"
    )
    con.execute(
        f"CREATE TEMP TABLE speech_about AS SELECT smap.name AS source, pairs.target, period, stratum, "
        f"speech_id, count(*) AS n, {sums} "
        f"FROM hit JOIN pairs USING (rid) JOIN smap ON hit.source = smap.code AND hit.year = smap.year WHERE "
        f"{pair} GROUP BY ALL"
    )
    second = ", ".join(
        f"CAST(sum(s{i}) AS DOUBLE) AS s{i}, CAST(sum(q{i}) AS DOUBLE) AS q{i}, "
        f"CAST(sum(CAST(s{i} AS HUGEINT) * s{i}) AS DOUBLE) AS c{i}, CAST(sum(CAST(s{i} AS HUGEINT) * n) AS "
        f"DOUBLE) AS d{i}"
        for i in range(k)
    )
    head = "count(*) AS m, CAST(sum(n) AS DOUBLE) AS n, CAST(sum(CAST(n AS HUGEINT) * n) AS DOUBLE) AS nn"
    everyone = con.execute(
        f"SELECT source, '' AS target, period, stratum, {head}, {second} FROM speech GROUP BY ALL ORDER BY ALL"
    ).df()
    about = con.execute(
        f"SELECT source, target, period, stratum, {head}, {second} FROM speech_about GROUP BY ALL ORDER BY ALL"
    ).df()
    joined = "speech_about a JOIN speech b USING (source, period, stratum, speech_id)"
    inside = ", ".join(f"a.s{i}, a.q{i}" for i in range(k))
    salience = con.execute(
        f"SELECT x.*, y.m, y.n, y.nn FROM (SELECT source, target, period, stratum, {second} FROM "
        f"(SELECT source, a.target, period, stratum, b.n AS n, {inside} FROM {joined}) GROUP BY ALL) x "
        f"JOIN (SELECT source, period, stratum, {head} FROM speech GROUP BY ALL) y USING (source, period, stratum) "
        "ORDER BY source, target, period, stratum"
    ).df()
    return _cells(everyone, k), _cells(about, k), _cells(salience, k)


def _cells(frame: pd.DataFrame, k: int) -> Cells:
    def block(letter: str, scale: float) -> np.ndarray[Any, Any]:
        return frame[[f"{letter}{i}" for i in range(k)]].to_numpy(float) / scale

    return Cells(
        keys=frame[["source", "target", "period", "stratum"]].astype(str).reset_index(drop=True),
        n=frame["n"].to_numpy(float),
        m=frame["m"].to_numpy(float),
        nn=frame["nn"].to_numpy(float),
        total=block("s", SCALE),
        square=block("q", SCALE**2),
        cluster=block("c", SCALE**2),
        cross=block("d", SCALE),
    )
