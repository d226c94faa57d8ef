"""What a design would find: its tests in worlds with its effects and without, counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.compare import breaks, gap, leadlag, multiple, reciprocity, series
from sca_nlp.simulate.worlds import Array, Design, World, check, world


def _tests(w: World, d: Design, permutations: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return the tests that a design is judged by: lead, gap, break, reciprocity."""
    rows = leadlag.cross_correlation(w.pair, permutations=permutations, rng=rng)
    rows += leadlag.local_projections(w.pair, horizons=d.lag, permutations=permutations, rng=rng)
    rows += gap.divergence(w.pair, window=None, permutations=permutations, rng=rng)
    rows.append(breaks.any_break(w.pair, "words", permutations=permutations, rng=rng))
    rows += [
        r
        for r in reciprocity.answers(w.pair, w.back, permutations=permutations, rng=rng)
        if r["direction"].startswith("A")
    ]
    return rows


def design(
    design: Design | None = None,
    *,
    worlds: int = 100,
    permutations: int = 499,
    draws: int = 30,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> pd.DataFrame:
    """Return what a design would find: power in a world with its effects, false alarms in one without, and coverage.

    Args:
        design: the study; None: the defaults of `Design` changed by `settings`.
        worlds: studies simulated of each kind.
        permutations: of each test; with few, no q can be small (199 over 13 tests: .065 at best).
        draws: of each word series.
        seed: of all worlds.
        progress: called with (done, all).
        settings: fields of `Design`.

    Returns:
        One row per statistic and direction: `power` and `false_alarms` (shares with p <= .05), `power_q` (q <= .05
        among all tests of the study), `right_place` (lag or break within one period of the truth, where found), their
        Monte Carlo error `error`, `n`; and rows of the question `how common?` with `coverage` of the 95 % limits of the
        trust balance and `bias` of the corrected and of the raw one.
    """
    d = check(replace(design or Design(), **settings))
    found: list[dict[str, Any]] = []
    measured: list[dict[str, float]] = []
    for kind, what in (("known", d), ("null", d.null())):
        for k in range(worlds):
            rng = np.random.default_rng([seed, k, kind == "null"])
            rows: list[dict[str, Any]] = []
            for _ in range(d.dyads):
                w = world(what, rng, draws=draws)
                rows += _tests(w, what, permutations, rng)
                inside = (w.low <= w.truth) & (w.truth <= w.high)
                measured.append(
                    {
                        "coverage": float(inside.mean()),
                        "bias": float((w.pair.words - w.truth).mean()),
                        "slope": _slope(w.truth, w.pair.words),
                        "raw_slope": _slope(w.truth, w.raw),
                    }
                )
            table = multiple.adjust(pd.DataFrame(rows, columns=list(series.TEST_COLUMNS)))
            found.append({"kind": kind, "table": table})
            if progress:
                progress(len(found), 2 * worlds)
    frames = [f["table"].assign(kind=f["kind"]) for f in found]
    return pd.concat(
        [_power(pd.concat(frames, ignore_index=True), d), _measures(pd.DataFrame(measured))], ignore_index=True
    )


def _slope(truth: Array, seen: Array) -> float:
    return float(np.polyfit(truth, seen, 1)[0]) if series.spread(truth) else float("nan")


def _power(tests: pd.DataFrame, d: Design) -> pd.DataFrame:
    rows = []
    near = np.where(tests["statistic"].eq("cross-correlation"), (tests["lag"] - d.lag).abs() <= 1, True)
    at = tests["settings"].str.extract(r'"at": "(\d+)"')[0].astype(float) - 1900
    near = np.where(tests["statistic"].str.startswith("break"), (at - d.periods // 2).abs() <= 1, near)
    tests = tests.assign(near=near, lag=np.where(tests["statistic"].str.contains("projection"), tests["lag"], np.nan))
    for key, part in tests.groupby(["question", "statistic", "direction", "lag"], sort=True, dropna=False):
        known, none = part[part["kind"] == "known"], part[part["kind"] == "null"]
        hit = known["p"] <= 0.05
        power = float(hit[known["p"].notna()].mean()) if known["p"].notna().any() else float("nan")
        placed = known.loc[hit, "near"].astype(float)
        rows.append(
            dict(zip(("question", "statistic", "direction", "lag"), key, strict=True))
            | {"power": power, "power_q": float((known["q"] <= 0.05).mean())}
            | {
                "false_alarms": float((none.loc[none["p"].notna(), "p"] <= 0.05).mean())
                if none["p"].notna().any()
                else float("nan")
            }
            | {"right_place": float(placed.mean()) if len(placed) else float("nan")}
            | {"error": float(np.sqrt(max(power * (1 - power), 0.0) / max(len(known), 1))), "n": len(known)}
        )
    return pd.DataFrame(rows)


def _measures(measured: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "question": "how common?",
            "statistic": "corrected trust balance",
            "coverage": float(measured["coverage"].mean()),
            "bias": float(measured["bias"].mean()),
            "slope": float(measured["slope"].mean()),
            "n": len(measured),
        },
        {
            "question": "how common?",
            "statistic": "raw trust balance",
            "slope": float(measured["raw_slope"].mean()),
            "n": len(measured),
        },
    ]
    return pd.DataFrame(rows)
