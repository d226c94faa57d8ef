"""Words: salience, stance and trust balance per dyad and period, with intervals and draws (`measures.md`, section 1).

A period's estimate is a ratio over sentences; its uncertainty comes from speeches. The number of speeches in a cell is
often small (one a year in the UN General Debate), so a cell's own variance over speeches is stabilised by the design
effect pooled over all cells of the run. Where no cell has two speeches, the interval speaks of sentences only
(`settings["design_effect"]` is then 1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp import prevalence
from sca_nlp.aggregate.audit import LEAST, audit_rates, design_rows
from sca_nlp.aggregate.cells import Cells, Members, Variable, collect, open_base
from sca_nlp.codebook import Codebook, default_codebook
from sca_nlp.errors import InputError
from sca_nlp.prevalence import ErrorRates

#: How many units the pooled design effect and unit variance count for beside a cell's own speeches and sentences.
_PRIOR_SPEECHES, _PRIOR_SENTENCES = 8.0, 4.0
#: Fewer periods than this say too little of how periods differ: their cells lean on nothing.
_LEAST_PERIODS = 4
_KEYS = ["source", "target", "period"]
_SERIES = [
    *_KEYS,
    "stratum",
    "measure",
    "indicator",
    "value",
    "method",
    "estimate",
    "low",
    "high",
    "n_passages",
    "n_speeches",
    "hidden",
]
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Words:
    """Word series of all dyads: `series` and `draws` as in `words.parquet` and `words_draws.parquet`.

    `left_out` counts the passages that were not used, by reason; `settings` says what was done, for the provenance.
    """

    series: pd.DataFrame
    draws: pd.DataFrame
    left_out: dict[str, int] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


def words(
    passages: Sequence[Path | str] | Path | str,
    *,
    dyads: Sequence[tuple[str, str]] | None,
    members: Members | None = None,
    period: str = "year",
    codebook: Codebook | None = None,
    weights: Mapping[str, float] | None = None,
    min_passages: int = 10,
    error_rates: ErrorRates | Mapping[str, ErrorRates] | None = None,
    audit: pd.DataFrame | None = None,
    headline: str | None = None,
    about: str = "named",
    languages: Sequence[str] = ("en", ""),
    speakers: Sequence[str] | None = None,
    kinds: Sequence[str] | None = None,
    corpora: Sequence[str] | None = None,
    by: str | None = None,
    measures: Sequence[str] = ("salience", "stance", "balance"),
    draws: int = 200,
    seed: int = 0,
    threads: int | None = None,
) -> Words:
    """Return the word series of the dyads.

    Args:
        passages: Parquet files of scored passages, their folder, or a glob.
        dyads: directed pairs (source, target), states or groups; None: every source with every actor that it names.
        members: `members(group, year)` gives a group's states in a year (empty for a state).
        period: year, quarter or month. Passages dated more coarsely are left out and counted.
        codebook: the codebook of the scores; None: the shipped one.
        weights: weight of each indicator (id) in the trust balance; equal by default.
        min_passages: cells with fewer sentences are flagged `hidden`; they are neither filled nor given draws.
        error_rates: sensitivity and false-alarm rates, one for all sentences or a mapping with keys `all` and `about`
            (sentences about somebody; selected by their codes, so their rates differ). Adds the method `adjusted`.
        audit: random audit: `passage_id`, `codes` (the coder's, a list) and, where uneven, `inclusion_probability`.
            Gives the error rates of every class of which it has at least 20 cases (`error_rates` serves for the
            others), and the method `design` in cells with at least 20 audited sentences.
        headline: method of the draws: `raw_count`, `raw_probability` or `adjusted` (the default where rates are
            known; else `raw_probability`).
        about: `named`: a sentence is about its targets or, when it has no code, about the actors that it names;
            `targets`: about its targets alone, so that only coded sentences count.
        languages: languages that the model reads; others are left out and counted. Empty: all.
        speakers: keep only these, where given.
        kinds: keep only these kinds of speech, where given.
        corpora: keep only these, where given.
        by: column (such as `speaker` or `kind`) within whose values the series are made; adds a column of that name.
        measures: which of salience, stance, balance.
        draws: number of draws of the balance per cell, 0 for none.
        seed: of the draws; a cell's draws depend on its own key and the seed alone.
        threads: of DuckDB; None: all cores.

    Raises:
        InputError: files, columns or settings do not fit.
    """
    book = codebook or default_codebook()
    if about not in ("named", "targets"):
        raise InputError("about", repr(about), "named or targets")
    rates = dict(error_rates) if isinstance(error_rates, Mapping) else {"all": error_rates, "about": error_rates}
    audited: dict[str, list[str]] = {}
    if audit is not None:  # it measures the model on this very corpus; where it has too few cases, others must do
        own = audit_rates(passages, audit, book, about)
        audited = {
            k: [c for c, n in zip(r.classes, r.n_positive, strict=True) if n >= LEAST or rates.get(k) is None]
            for k, r in own.items()
        }
        rates = {k: r.backed_by(rates.get(k), LEAST) for k, r in own.items()}
    known = {k: v for k, v in rates.items() if v is not None}
    headline = headline or ("adjusted" if "about" in known else "raw_probability")
    if headline not in ("raw_count", "raw_probability", "adjusted") or (
        headline == "adjusted" and "about" not in known
    ):
        raise InputError(
            "headline", repr(headline), "raw_count, raw_probability, or adjusted with error rates or an audit"
        )
    share = _weights(book, weights)
    variables = _variables(book, share, known.get("about"))
    base = open_base(
        passages,
        variables,
        period=period,
        about=about,
        languages=languages,
        where={"speaker": speakers, "kind": kinds, "corpus": corpora},
        by=by,
        threads=threads,
    )
    everyone, toward, salient = collect(base, dyads, members)
    effect = _design_effects([everyone, toward])
    pool = dyads is not None  # of every pair there is, most have too few sentences to be read one by one
    frames: list[pd.DataFrame] = []
    if "salience" in measures:
        frames += _shares(everyone, variables, book, "salience", effect, known.get("all"), min_passages, pool)
        frames += _shares(salient, variables, book, "salience", effect, known.get("all"), min_passages, pool)
    if "stance" in measures:
        frames += _shares(toward, variables, book, "stance", effect, known.get("about"), min_passages, pool)
    drawn = pd.DataFrame(columns=[*_KEYS, "draw", "estimate"])
    if "balance" in measures:
        balances, drawn = _balances(
            toward, variables, share, book, effect, known.get("about"), min_passages, headline, draws, seed
        )
        frames += balances
    if audit is not None:
        frames += design_rows(base, audit, toward, book, share, min_passages, members)
    out = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=_SERIES)
    order = [*_KEYS, "stratum", "measure", "indicator", "value", "method"]
    out = out.sort_values(order, kind="stable", ignore_index=True)
    base.con.close()
    settings = {
        "period": period,
        "about": about,
        "headline": headline,
        "weights": dict(share),
        "min_passages": min_passages,
        "draws": draws,
        "seed": seed,
        "languages": list(languages),
        "by": by or "",
        "design_effect": round(float(np.median(effect)), 4),
        **({"sensitivity_from_audit": audited} if audit is not None else {}),
        "cells": len(toward.n),
    }
    return Words(_name_stratum(out, by), _name_stratum(drawn, by), base.left_out, settings)


def _name_stratum(frame: pd.DataFrame, by: str | None) -> pd.DataFrame:
    if "stratum" not in frame:
        return frame
    return frame.rename(columns={"stratum": by}) if by else frame.drop(columns="stratum")


def _weights(book: Codebook, weights: Mapping[str, float] | None) -> dict[str, float]:
    """Return each indicator's share in the trust balance; they sum to one."""
    w = (
        {i.id: 1.0 for i in book.indicators}
        if weights is None
        else {book.indicator(k).id: float(v) for k, v in weights.items()}
    )
    total = sum(w.values())
    if total <= 0 or min(w.values()) < 0:
        raise InputError("weights", str(dict(w)), "weights of at least 0 with a positive sum")
    return {i.id: w.get(i.id, 0.0) / total for i in book.indicators}


def _signed(book: Codebook, share: Mapping[str, float], indicator: str | None = None) -> dict[str, float]:
    """Return each class's weight in the balance of one indicator, or of all."""
    return {
        c: book.trust_sign[c] * (share[book.meaning[c][0]] if indicator is None else 1.0)
        for c in book.classes
        if indicator in (None, book.meaning[c][0])
    }


def _variables(book: Codebook, share: Mapping[str, float], rates: ErrorRates | None) -> list[Variable]:
    out = [Variable(f"code:{c}", "code", {c: 1.0}) for c in book.classes]
    out += [Variable(f"probability:{c}", "probability", {c: 1.0}) for c in book.classes]
    for name in (None, *(i.id for i in book.indicators)):
        signed = _signed(book, share, name)
        out += [Variable(f"{of}:{name or 'all'}", of, signed) for of in ("code", "probability")]
        if rates is not None:
            slope = _slope(rates)
            out.append(
                Variable(
                    f"adjusted:{name or 'all'}", "code", {c: w / slope[c] for c, w in signed.items() if slope[c] > 0}
                )
            )
    return out


def _slope(rates: ErrorRates) -> dict[str, float]:
    """Return tpr - fpr of each class; 0 where the class is no better than chance (below .05) and is left out."""
    gap = rates.tpr - rates.fpr
    return {c: float(g) if g >= 0.05 else 0.0 for c, g in zip(rates.classes, gap, strict=True)}


def _moments(cells: Cells) -> tuple[Array, Array, Array]:
    """Return per cell and variable: mean, variance of a sentence (stabilised), variance of the mean over speeches."""
    n, m, nn = cells.n[:, None], cells.m[:, None], cells.nn[:, None]
    mean = cells.total / n
    unit = np.maximum(cells.square / n - mean**2, 0.0)
    pooled = (unit * n).sum(0) / n.sum() if len(n) else unit.sum(0)
    unit = (unit * n + _PRIOR_SENTENCES * pooled) / np.maximum(n - 1 + _PRIOR_SENTENCES, 1)
    over = m / np.maximum(m - 1, 1) * np.maximum(cells.cluster - 2 * mean * cells.cross + mean**2 * nn, 0.0) / n**2
    return mean, unit, over


def _design_effects(tables: list[Cells]) -> Array:
    """Return each variable's design effect (variance over speeches by variance over sentences), pooled over all
    cells.
    """
    up, down = 0.0, 0.0
    for cells in tables:
        if not len(cells.n):
            continue
        _, unit, over = _moments(cells)
        weight = np.where(cells.m >= 2, cells.m - 1, 0.0)[:, None]
        up, down = up + (weight * over * cells.n[:, None]).sum(0), down + (weight * unit).sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(up) / np.asarray(down)
    return np.maximum(np.where(np.isfinite(ratio), ratio, 1.0), 1.0)


def _variance(cells: Cells, effect: Array) -> tuple[Array, Array, Array]:
    """Return mean, variance of the mean, and degrees of freedom, per cell and variable."""
    mean, unit, over = _moments(cells)
    df = np.maximum(cells.m[:, None] - 1, 0.0)
    expected = unit / cells.n[:, None] * effect
    return (
        mean,
        (df * over + _PRIOR_SPEECHES * expected) / (df + _PRIOR_SPEECHES),
        np.broadcast_to(df + _PRIOR_SPEECHES, mean.shape),
    )


def _frame(
    cells: Cells, measure: str, indicator: str, value: str, method: str, min_passages: int, *limits: Array
) -> pd.DataFrame:
    named = {"measure": measure, "indicator": indicator, "value": value, "method": method}
    numbers = dict(zip(("estimate", "low", "high"), limits, strict=True))
    counts = {
        "n_passages": cells.n.astype(np.int64),
        "n_speeches": cells.m.astype(np.int64),
        "hidden": cells.n < min_passages,
    }
    return pd.DataFrame({**cells.keys, **named, **numbers, **counts}, index=cells.keys.index)


def _shares(
    cells: Cells,
    variables: list[Variable],
    book: Codebook,
    measure: str,
    effect: Array,
    rates: ErrorRates | None,
    least: int,
    pool: bool,
) -> list[pd.DataFrame]:
    """Return the frames of salience or stance: each class by each method."""
    if not len(cells.n):
        return []
    at = {v.name: k for k, v in enumerate(variables)}
    mean, var, df = _variance(cells, effect)
    out = []
    for k, c in enumerate(book.classes):
        indicator, value = book.meaning[c]
        i = at[f"code:{c}"]
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.where(
                mean[:, i] * (1 - mean[:, i]) > 0, mean[:, i] * (1 - mean[:, i]) / var[:, i], cells.n / effect[i]
            )
        size = np.minimum(size, cells.n)
        z = prevalence.t_quantile(df[:, i])
        out.append(
            _frame(
                cells,
                measure,
                indicator,
                value,
                "raw_count",
                least,
                mean[:, i],
                *prevalence.wilson(mean[:, i], size, z),
            )
        )
        j = at[f"probability:{c}"]
        half = z * np.sqrt(var[:, j])
        limits = (np.clip(mean[:, j] - half, 0, 1), np.clip(mean[:, j] + half, 0, 1))
        out.append(_frame(cells, measure, indicator, value, "raw_probability", least, mean[:, j], *limits))
        if rates is not None:
            known = rates.tpr[k], rates.fpr[k], rates.n_positive[k], rates.n_negative[k]
            fixed = prevalence.adjusted(mean[:, i], size, *known, z=z)
            out.append(_frame(cells, measure, indicator, value, "adjusted", least, *fixed))
            if pool:
                fixed = prevalence.adjusted(*_pooled(cells, mean[:, i], size), *known)
                out.append(_frame(cells, measure, indicator, value, "pooled", least, *fixed))
    return out


def _pooled(cells: Cells, share: Array, size: Array) -> tuple[Array, Array]:
    """Return each cell's share and the number of sentences it is worth, leaning on the other periods of its pair."""
    share, size = share.copy(), size.copy()
    for rows in cells.keys.groupby(["source", "target", "stratum"]).indices.values():
        if len(rows) >= _LEAST_PERIODS:
            share[rows], size[rows] = prevalence.pool(share[rows], size[rows])
    return share, size


def _balances(
    cells: Cells,
    variables: list[Variable],
    share: Mapping[str, float],
    book: Codebook,
    effect: Array,
    rates: ErrorRates | None,
    least: int,
    headline: str,
    draws: int,
    seed: int,
) -> tuple[list[pd.DataFrame], pd.DataFrame]:
    """Return the frames of the trust balance (all and by indicator) and the draws of `all` by the headline method."""
    empty = pd.DataFrame(columns=[*_KEYS, "stratum", "draw", "estimate"])
    if not len(cells.n):
        return [], empty
    at = {v.name: k for k, v in enumerate(variables)}
    mean, var, df = _variance(cells, effect)
    counts = mean[:, [at[f"code:{c}"] for c in book.classes]]
    out = []
    for name in ("all", *(i.id for i in book.indicators)):
        for method in ("raw_count", "raw_probability", *(("adjusted",) if rates is not None else ())):
            k = at[f"{_OF[method]}:{name}"]
            centre, spread = mean[:, k], var[:, k]
            if method == "adjusted" and rates is not None:
                signed = _signed(book, share, None if name == "all" else name)
                centre, extra = _corrected(counts, signed, rates)
                spread = spread + extra
            half = prevalence.t_quantile(df[:, k]) * np.sqrt(spread)
            limits = (np.clip(centre, -1, 1), np.clip(centre - half, -1, 1), np.clip(centre + half, -1, 1))
            out.append(_frame(cells, "balance", name, "balance", method, least, *limits))
    shown = np.flatnonzero(cells.n >= least)
    if not draws or not len(shown):
        return out, empty
    k = at[f"{_OF[headline]}:all"]
    noise = np.stack([_noise(tuple(cells.keys.iloc[r]), draws, df[r, k], seed) for r in shown])
    if headline == "adjusted" and rates is not None:
        t, f = rates.draw(draws, np.random.default_rng([seed, 1]))
        weight = np.array([_signed(book, share).get(c, 0.0) if s > 0 else 0.0 for c, s in _slope(rates).items()])
        a = weight / np.maximum(t - f, 0.05)
        centre = counts[shown] @ a.T - (a * f).sum(1)
    else:
        centre = np.repeat(mean[shown, k][:, None], draws, 1)
    values = np.clip(centre + noise * np.sqrt(var[shown, k])[:, None], -1, 1)
    drawn = cells.keys.iloc[np.repeat(shown, draws)].reset_index(drop=True)
    return out, drawn.assign(draw=np.tile(np.arange(draws), len(shown)), estimate=values.ravel())


_OF = {"raw_count": "code", "raw_probability": "probability", "adjusted": "adjusted"}


def _noise(key: tuple[Any, ...], draws: int, df: float, seed: int) -> Array:
    """Return standard noise of a cell (Student's t), from its key and the seed alone."""
    digest = hashlib.blake2b("\0".join(map(str, key)).encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "big")]).standard_t(df, draws)


def _corrected(counts: Array, signed: Mapping[str, float], rates: ErrorRates) -> tuple[Array, Array]:
    """Return the signed sum of adjusted counts per cell, and the variance that the error rates add (delta method)."""
    centre, extra = np.zeros(len(counts)), np.zeros(len(counts))
    slope = _slope(rates)
    for k, c in enumerate(rates.classes):
        if c not in signed or slope[c] <= 0:
            continue
        p = (counts[:, k] - rates.fpr[k]) / slope[c]
        var_t = rates.tpr[k] * (1 - rates.tpr[k]) / max(rates.n_positive[k], 1)
        var_f = rates.fpr[k] * (1 - rates.fpr[k]) / max(rates.n_negative[k], 1)
        centre += signed[c] * p
        extra += signed[c] ** 2 * (p**2 * var_t + (1 - p) ** 2 * var_f) / slope[c] ** 2
    return centre, extra
