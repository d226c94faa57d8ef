"""The full comparison of one dyad, and of many in parallel with the same numbers whatever the number of workers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.compare import breaks, coincidence, crisis, endurance, gap, granger, leadlag, multiple, reciprocity, series
from sca_nlp.compare.crisis import Window
from sca_nlp.compare.endurance import Change
from sca_nlp.compare.pool import Step, by_pair, each
from sca_nlp.compare.sequences import COLUMNS as SEQUENCE_COLUMNS
from sca_nlp.compare.sequences import Evidence
from sca_nlp.compare.series import Pair
from sca_nlp.errors import InputError


@dataclass(frozen=True)
class Comparison:
    """What the comparison says: frames as in `compare/*.parquet`; `settings` for the provenance."""

    gap: pd.DataFrame
    tests: pd.DataFrame
    breaks: pd.DataFrame
    sequences: pd.DataFrame
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """How dyads are compared; every field is also a keyword of `compare_dyad` and `compare_many`."""

    window: tuple[str, str] | None = None  # reference window of z; None: all periods
    max_lag: int = 5  # periods
    horizons: int = 3  # periods
    lags: int = 2  # own past that is held fixed
    method: str | None = None  # of the words
    manifestation: str = "all"
    dataset: str = "all"
    n_draws: int = 200  # at most, of those given
    permutations: int = 1000
    level: float = 0.95  # of noise that a break must exceed
    leaders: tuple[Change, ...] = ()
    crises: tuple[Window, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("max_lag", "permutations"):
            if getattr(self, name) < 1:
                raise InputError(f"compare.{name}", str(getattr(self, name)), "a number of at least 1")


def _rng(options: Options, *key: str) -> np.random.Generator:
    """Return a generator that depends on the dyad, the statistic and the seed alone."""
    digest = hashlib.blake2b("\0".join(key).encode(), digest_size=8).digest()
    return np.random.default_rng([options.seed, int.from_bytes(digest, "big")])


def compare_dyad(
    words: pd.DataFrame,
    draws: pd.DataFrame,
    deed_series: pd.DataFrame,
    source: str,
    target: str,
    *,
    evidence: Evidence | None = None,
    adjust: bool = True,
    **options: Any,
) -> Comparison:
    """Return the comparison of one dyad's words with its deeds.

    Args:
        words: word series (`words.parquet`), of this dyad and, for reciprocity, of its reverse.
        draws: draws of the trust balance (`words_draws.parquet`).
        deed_series: deed series (`deed_series.parquet`), of this dyad and of its reverse.
        source: who speaks and acts.
        target: about whom.
        evidence: (source, target, period) -> ids of passages and deeds, put beside each step of a sequence.
        adjust: fill q over this dyad's tests; `compare_many` does it over all dyads instead.
        options: fields of `Options`.

    A statistic that cannot be had (constant, short, missing series) gives a row with a NaN estimate and a reason.
    """
    o = Options(**options)
    pair = series.align(
        words, draws, deed_series, source, target, method=o.method, manifestation=o.manifestation, dataset=o.dataset
    )
    pair = _limit(pair, o.n_draws)
    back = _limit(
        series.align(
            words, draws, deed_series, target, source, method=o.method, manifestation=o.manifestation, dataset=o.dataset
        ),
        o.n_draws,
    )
    key = (source, target)
    rows: list[dict[str, Any]] = []
    rows += gap.divergence(pair, window=o.window, permutations=o.permutations, rng=_rng(o, *key, "gap"))
    rows += leadlag.cross_correlation(pair, max_lag=o.max_lag, permutations=o.permutations, rng=_rng(o, *key, "ccf"))
    rows += leadlag.local_projections(
        pair, horizons=o.horizons, lags=o.lags, permutations=o.permutations, rng=_rng(o, *key, "projection")
    )
    rows += granger.toda_yamamoto_rows(pair, max_lag=o.lags + 1)
    rows += coincidence.coincidence(pair, permutations=o.permutations, rng=_rng(o, *key, "coincidence"))
    answers, sequences = reciprocity.reciprocity(
        pair, back, evidence=evidence, permutations=o.permutations, lags=o.lags, rng=_rng(o, *key, "reciprocity")
    )
    rows += answers
    found = []
    for which in ("words", "deeds"):
        settings: dict[str, Any] = {"permutations": o.permutations, "rng": _rng(o, *key, "breaks", which)}
        found.append(breaks.find(pair, which, level=o.level, **settings))
        rows.append(breaks.any_break(pair, which, **settings))
    rows.append(
        breaks.nearness(
            pair, found[0], breaks.of_history(found[1]), permutations=o.permutations, rng=_rng(o, *key, "nearness")
        )
    )
    rows += endurance.endurance(pair, o.leaders, permutations=o.permutations, rng=_rng(o, *key, "endurance"))
    rows += crisis.crisis(pair, o.crises, permutations=o.permutations, rng=_rng(o, *key, "crisis"))
    tests = pd.DataFrame(rows, columns=list(series.TEST_COLUMNS))
    return Comparison(
        gap.gap(pair, window=o.window),
        multiple.adjust(tests) if adjust else tests,
        _concat(found, breaks.COLUMNS),
        sequences,
        {
            "window": o.window,
            "draws": len(pair.draws),
            "permutations": o.permutations,
            "seed": o.seed,
            "n_tests": int(tests["p"].notna().sum()),
        },
    )


def _limit(pair: Pair, draws: int) -> Pair:
    return replace(pair, draws=pair.draws[: max(draws, 1)])


def _concat(frames: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    full = [f for f in frames if len(f)]
    return pd.concat(full, ignore_index=True) if full else pd.DataFrame(columns=list(columns))


def _job(
    task: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, str, str, Evidence | None, dict[str, Any]],
) -> Comparison:
    words, draws, deeds, source, target, evidence, options = task
    return compare_dyad(words, draws, deeds, source, target, evidence=evidence, adjust=False, **options)


def compare_many(
    words: pd.DataFrame,
    draws: pd.DataFrame,
    deed_series: pd.DataFrame,
    dyads: Sequence[tuple[str, str]],
    *,
    evidence: Evidence | None = None,
    workers: int = 1,
    progress: Step | None = None,
    correction: str = "bh",
    **options: Any,
) -> Comparison:
    """Return the comparisons of many dyads as one, with q over all their tests, and the panel test over all dyads.

    Args:
        words: word series, as for `compare_dyad`, of all dyads.
        draws: their draws.
        deed_series: deed series of all dyads.
        dyads: directed pairs.
        evidence: as for `compare_dyad`.
        workers: processes; the numbers do not depend on it.
        progress: called with (done, all) after each dyad.
        correction: `bh` or `by`.
        options: fields of `Options`.
    """
    o = Options(**options)
    ordered = sorted(set(dyads))
    parts = [by_pair(f, ordered) for f in (words, draws, deed_series)]
    behind: dict[frozenset[str], dict[tuple[str, str, str], Sequence[str]]] = {}
    for key, ids in (evidence or {}).items():
        behind.setdefault(frozenset(key[:2]), {})[key] = ids

    def three(source: str, target: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        key = frozenset((source, target))
        return parts[0][key], parts[1][key], parts[2][key]

    tasks = ((*three(s, t), s, t, behind.get(frozenset((s, t))), options) for s, t in ordered)
    done = each(_job, tasks, len(ordered), workers=workers, progress=progress)
    tests = _concat([c.tests for c in done], series.TEST_COLUMNS)
    if len(ordered) >= 3:
        chosen: dict[str, Any] = {"method": o.method, "manifestation": o.manifestation, "dataset": o.dataset}
        pairs = [series.align(*three(s, t), s, t, **chosen) for s, t in ordered]
        panel = granger.panel(pairs, lags=1, permutations=min(o.permutations, 200), rng=_rng(o, "panel"))
        tests = _concat([tests, pd.DataFrame(panel, columns=list(series.TEST_COLUMNS))], series.TEST_COLUMNS)
    tests = multiple.adjust(tests, method=correction)
    return Comparison(
        _concat([c.gap for c in done], gap.COLUMNS),
        tests,
        _concat([c.breaks for c in done], breaks.COLUMNS),
        _concat([c.sequences for c in done], SEQUENCE_COLUMNS),
        {
            "dyads": len(ordered),
            "correction": correction,
            "n_tests": int(tests.attrs["n_tests"]),
            "seed": o.seed,
            "permutations": o.permutations,
        },
    )
