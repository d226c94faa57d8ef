"""Known episodes: was one window colder than the other, as was written down before looking?"""

from __future__ import annotations

# ruff: noqa: S608  (the SQL is put together from our own names)
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sca_nlp.actors import load_data, members
from sca_nlp.validity.evidence import hostile_and_cordial, passages
from sca_nlp.validity.plan import Episode, Plan, Window


def read_episodes(
    run: Path, plan: Plan, draws: int, seed: int = 0, say: Callable[[str], None] = lambda line: None
) -> list[dict[str, Any]]:
    """Return one row an episode: the balance in both windows, their difference with its interval, and the verdict.

    Balance is (C - H) / (C + H) over the sentences about the targets, in [-1, 1]; intervals are over speeches.
    """
    say("known episodes")
    states = load_data().states
    with passages(run) as (con, classes):
        sums = ", ".join(f'coalesce(sum("{c}") FILTER (about), 0.0) AS "{c}"' for c in classes)

        def speeches(years: Window, sources: list[str], targets: Sequence[str]) -> pd.DataFrame:
            con.register("wanted", _targets(targets, years))
            frame = con.execute(
                f"""WITH told AS (
                    SELECT DISTINCT passage_id FROM (SELECT passage_id, source, year, unnest(targets) AS code FROM p)
                    JOIN wanted USING (year, code) WHERE code <> source AND list_contains(?, source))
                SELECT speech_id, count(*) FILTER (about) AS n, {sums}
                FROM (SELECT *, passage_id IN (SELECT passage_id FROM told) AS about FROM p
                      WHERE list_contains(?, source) AND year IN (SELECT year FROM wanted))
                GROUP BY speech_id ORDER BY speech_id""",
                [sources, sources],
            ).df()
            hostile, cordial = hostile_and_cordial(frame, plan)
            return frame[["n"]].assign(hostile=hostile, cordial=cordial)

        rows = []
        for episode in plan.episodes:
            first = speeches(episode.first, list(episode.sources), episode.targets)
            every = sorted(s.code for s in states.values() if s.cow)
            second = (
                speeches(episode.second, list(episode.sources), episode.targets)
                if episode.second
                else speeches(episode.first, every, every)
            )
            rows.append(_judge(episode, first, second, draws, seed))
        return rows


def _targets(codes: Sequence[str], years: Window) -> pa.Table:
    """Return which target codes are meant in each year: groups stand for themselves and their members of the year."""
    data = load_data()
    rows = set()
    for first, last in years:
        for year in range(first, last + 1):
            for code in codes:
                rows.add((year, code))
                if code not in data.states and code in data.groups:
                    rows |= {(year, member) for member in members(code, year, data)}
    listed = sorted(rows)
    return pa.table({"year": pa.array([y for y, _ in listed], pa.int32()), "code": [c for _, c in listed]})


def _judge(episode: Episode, first: pd.DataFrame, second: pd.DataFrame, draws: int, seed: int) -> dict[str, Any]:
    def balance(frame: pd.DataFrame, weight: np.ndarray[Any, Any]) -> float:
        h, c = float(weight @ frame["hostile"]), float(weight @ frame["cordial"])
        return (c - h) / (c + h) if c + h > 0 else np.nan

    rng = np.random.default_rng(seed)
    one, two = balance(first, np.ones(len(first))), balance(second, np.ones(len(second)))
    spread = [
        balance(second, rng.multinomial(len(second), np.full(len(second), 1 / len(second))))
        - balance(first, rng.multinomial(len(first), np.full(len(first), 1 / len(first))))
        for _ in range(draws)
        if len(first) and len(second)
    ]
    known = [v for v in spread if not np.isnan(v)]
    low, high = np.percentile(known, [2.5, 97.5]) if known else (np.nan, np.nan)
    rise = two - one
    expected = 1 if episode.colder == "first" else -1
    if np.isnan(rise):
        verdict = "no sentences"
    elif low <= 0 <= high:
        verdict = "as expected, within chance" if rise * expected > 0 else "against, within chance"
    else:
        verdict = "as expected" if rise * expected > 0 else "against"
    return {
        "id": episode.id,
        "name": episode.name,
        "expected": f"{episode.colder} colder",
        "first": one,
        "second": two,
        "difference": rise,
        "low": float(low),
        "high": float(high),
        "n_first": int(first["n"].sum()),
        "n_second": int(second["n"].sum()),
        "speeches_first": len(first),
        "speeches_second": len(second),
        "verdict": verdict,
        "why": episode.why,
    }
