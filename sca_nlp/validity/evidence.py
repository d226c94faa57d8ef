"""What was said: a scored run's passages added up by source, target, year and half. DuckDB, below 1 GB."""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names)
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from sca_nlp.actors import load_data
from sca_nlp.errors import InputError
from sca_nlp.read.lexica import lexica_scorer, read_lexica
from sca_nlp.store import read_manifest
from sca_nlp.validity.plan import Plan
from sca_nlp.validity.world import own_state, undirected

KEYS = ["source", "target", "year"]
#: More states than this in one sentence are a list, and say nothing of two of them.
_LIST = 4


@dataclass(frozen=True)
class Evidence:
    """What a run says of pairs of states.

    `cells`: source, target, year, `half` (0 or 1, by speech), `odd` (0 or 1, by sentence); `n` sentences that name the
    target or are about it, `about`, `named`; sums of probabilities of each class over the sentences about it, and
    `named_hostile`, `named_cordial` over those that name it.
    `spoken`: source, year, half, odd, n (all sentences), speeches.
    `third`: a, b, year, n, hostile: sentences of third parties that name both.
    """

    cells: pd.DataFrame
    spoken: pd.DataFrame
    third: pd.DataFrame
    classes: tuple[str, ...]


def require_passages(run: Path) -> None:
    """Check that a folder holds scored passages, before anything long begins.

    Raises:
        InputError: it does not.
    """
    if not any((run / "passages").glob("part-*.parquet")):
        raise InputError(run, "no passages", "a scored run folder, as made by: sca score speeches --out RUN")


@contextmanager
def passages(run: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, tuple[str, ...]]]:
    """Open a run's passages as the table `p` (without texts), and return the connection and the classes.

    Raises:
        InputError: the folder is no run, or no passage of it has a target.
    """
    files = run / "passages" / "part-*.parquet"
    require_passages(run)
    classes = tuple(str(c) for c in read_manifest(run)["classes"])
    states = sorted(s.code for s in load_data().states.values() if s.cow)
    with duckdb.connect() as con:
        con.execute("SET memory_limit='1GB'; SET threads=1; SET preserve_insertion_order=false")
        con.register("states", pa.table({"code": states}))
        columns = {r[0] for r in con.execute(f"DESCRIBE SELECT * FROM '{_sql(files)}'").fetchall()}
        lacking = [c for c in ("targets", "actors", *classes) if c not in columns]
        if lacking:
            raise InputError(run, f"no column {lacking[0]} in its passages", "a run of this version's sca score")
        picks = ", ".join(f'"{c}"' for c in classes)
        # China's seat was the Republic's until 1971: its speeches are Taiwan's.
        con.execute(
            f"""CREATE TABLE p AS
            SELECT passage_id, speech_id, idx % 2 AS odd,
                   CASE WHEN md5(speech_id) < '8' THEN 0 ELSE 1 END AS half, year,
                   CASE WHEN source = 'CHN' AND year <= 1971 THEN 'TWN' WHEN source = 'YUG' AND year > 2005 THEN 'SRB'
                        WHEN source = 'SRB' AND year <= 2005 THEN 'YUG' ELSE source END AS source,
                   actors, targets, {picks}
            FROM (SELECT *, try_cast(date[:4] AS INT) AS year FROM '{_sql(files)}')"""
        )
        n, n_about = con.execute("SELECT count(*), count(*) FILTER (len(targets) > 0) FROM p").fetchall()[0]
        if not n_about:
            raise InputError(
                run, f"none of its {n:,} passages has a target", "a run that was scored with targets (sca score)"
            )
        yield con, classes


def read_evidence(run: Path, plan: Plan, say: Callable[[str], None] = lambda line: None) -> Evidence:
    """Add up a run's passages.

    Raises:
        InputError: as `passages`, or the run's codebook lacks a class that the plan weighs.
    """
    say(f"adding up {run}")
    with passages(run) as (con, classes):
        lacking = [c for c in (*plan.hostile, *plan.cordial) if c not in classes]
        if lacking:
            raise InputError(run, f"scored without class {lacking[0]}", f"a codebook with {', '.join(plan.hostile)}")
        hostile, cordial = _mass(plan.hostile), _mass(plan.cordial)
        sums = ", ".join(f'sum("{c}") FILTER (about) AS "{c}"' for c in classes)
        cells = con.execute(
            f"""SELECT source, target, year, half, odd, count(*) AS n, count(*) FILTER (about) AS about,
                       count(*) FILTER (named) AS named, {sums},
                       sum({hostile}) FILTER (named) AS named_hostile, sum({cordial}) FILTER (named) AS named_cordial
            FROM (SELECT *, list_contains(targets, target) AS about, list_contains(actors, target) AS named
                  FROM (SELECT *, unnest(list_distinct(list_concat(actors, targets))) AS target FROM p))
            WHERE target IN (SELECT code FROM states) AND source IN (SELECT code FROM states) AND target <> source
                  AND year IS NOT NULL
            GROUP BY ALL"""
        ).df()
        cells["target"] = own_state(cells["target"], cells["year"])
        cells = cells[cells["source"] != cells["target"]]
        cells = cells.groupby([*KEYS, "half", "odd"], as_index=False).sum()  # YUG and SRB may meet in one cell
        spoken = con.execute(
            """SELECT source, year, half, odd, count(*) AS n, count(DISTINCT speech_id) AS speeches FROM p
               WHERE source IN (SELECT code FROM states) AND year IS NOT NULL GROUP BY ALL"""
        ).df()
        return Evidence(cells, spoken, _third(con, hostile), classes)


def _third(con: duckdb.DuckDBPyConnection, hostile: str) -> pd.DataFrame:
    frame = con.execute(
        f"""WITH q AS (
            SELECT passage_id, source, year, {hostile} AS hostile, list_distinct(list_concat(actors, targets)) AS who
            FROM p WHERE len(actors) >= 2 AND year IS NOT NULL),
        m AS (SELECT * FROM (SELECT *, unnest(who) AS state FROM q)
              WHERE state IN (SELECT code FROM states) AND state <> source),
        few AS (SELECT passage_id FROM m GROUP BY 1 HAVING count(*) <= {_LIST})
        SELECT x.state AS x, y.state AS y, x.year, count(*) AS n, sum(x.hostile) AS hostile
        FROM m x JOIN m y ON x.passage_id = y.passage_id AND x.state < y.state
        WHERE x.passage_id IN (SELECT passage_id FROM few) GROUP BY ALL"""
    ).df()
    found: pd.DataFrame = undirected(frame, "x", "y").groupby(["a", "b", "year"], as_index=False).sum()
    return found


def read_lexica_evidence(
    run: Path, folder: Path, plan: Plan, say: Callable[[str], None] = lambda line: None, batch: int = 50_000
) -> dict[str, pd.DataFrame]:
    """Return for each published lexicon its cells: source, target, year, n, named, named_hostile, named_cordial.

    A word list finds no targets: its sentences are those that name the other state.

    Raises:
        InputError: a lexicon or the run is not there.
    """
    lexica = read_lexica(folder)
    classes = (*plan.hostile, *plan.cordial)
    score = lexica_scorer(list(lexica.values()), classes)
    bad = np.array([plan.hostile.get(c, 0.0) for c in classes], np.float32)
    good = np.array([plan.cordial.get(c, 0.0) for c in classes], np.float32)
    parts: list[pd.DataFrame] = []
    files = _sql(run / "passages" / "part-*.parquet")
    columns = [f"{kind}{n}" for n in range(len(lexica)) for kind in ("h", "c")]
    with passages(run) as (con, _):
        con.execute(
            """CREATE TABLE named AS
            SELECT * FROM (SELECT passage_id, source, year, unnest(actors) AS target FROM p)
            WHERE target IN (SELECT code FROM states) AND source IN (SELECT code FROM states)
                  AND target <> source AND year IS NOT NULL"""
        )
        con.execute("DROP TABLE p")
        texts = con.cursor()
        reader = texts.execute(
            f"""SELECT passage_id, text FROM '{files}'
                WHERE len(actors) > 0 AND passage_id IN (SELECT passage_id FROM named)"""
        )
        done = 0
        while rows := reader.fetchmany(batch):
            made = score([text for _, text in rows])
            mass = np.stack([made @ bad, made @ good], axis=2).reshape(len(rows), -1)
            con.register(
                "batch", pa.table({"passage_id": [i for i, _ in rows], **dict(zip(columns, mass.T, strict=True))})
            )
            sums = ", ".join(f"sum({c}) AS {c}" for c in columns)
            parts.append(
                con.execute(
                    f"""SELECT source, target, year, count(*) AS named, {sums}
                        FROM named JOIN batch USING (passage_id) GROUP BY ALL"""
                ).df()
            )
            done += len(rows)
            say(f"lexica: {done:,} sentences that name a state")
    whole = pd.concat(parts) if parts else pd.DataFrame(columns=[*KEYS, "named", *columns])
    whole["target"] = own_state(whole["target"], whole["year"])
    whole = whole.groupby(KEYS, as_index=False).sum()
    return {
        name: whole[[*KEYS, "named"]].assign(
            n=whole["named"], named_hostile=whole[f"h{k}"], named_cordial=whole[f"c{k}"]
        )
        for k, name in enumerate(lexica)
    }


def _mass(weights: dict[str, float]) -> str:
    return " + ".join(f'{w} * "{c}"' for c, w in weights.items()) or "0"


def _sql(path: Path) -> str:
    return str(path).replace("'", "''")


def hostile_and_cordial(cells: pd.DataFrame, plan: Plan) -> tuple[pd.Series, pd.Series]:
    """Return the weighted sums of a table of cells (or of any frame with the classes as columns)."""

    def total(weights: dict[str, float]) -> pd.Series:
        return sum((w * cells[c] for c, w in weights.items()), start=pd.Series(0.0, index=cells.index))

    return total(plan.hostile), total(plan.cordial)


def columns_of(classes: Sequence[str]) -> list[str]:
    """Return the columns of `Evidence.cells` that are added up."""
    return ["n", "about", "named", *classes, "named_hostile", "named_cordial"]
