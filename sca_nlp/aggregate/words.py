"""Words: salience, stance and trust balance per dyad and period, with intervals and draws (`measures.md`, section 1).

A period's estimate is a ratio over sentences; its uncertainty comes from speeches. The number of speeches in a cell is
often small (one a year in the UN General Debate), so a cell's own variance over speeches is stabilised by the design
effect pooled over all cells of the run. Where no cell has two speeches, the interval speaks of sentences only
(`settings["design_effect"]` is then 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sca_nlp.aggregate.audit import LEAST, audit_rates, design_rows
from sca_nlp.aggregate.cells import Members, collect, open_base
from sca_nlp.aggregate.measures import KEYS, balances, shares
from sca_nlp.aggregate.variables import balance_weights, word_variables
from sca_nlp.aggregate.variance import design_effects
from sca_nlp.codebook import Codebook, default_codebook
from sca_nlp.errors import InputError
from sca_nlp.prevalence import ErrorRates

_SERIES = [
    *KEYS,
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
    share = balance_weights(book, weights)
    variables = word_variables(book, share, known.get("about"))
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
    effect = design_effects([everyone, toward])
    pool = dyads is not None  # of every pair there is, most have too few sentences to be read one by one
    frames: list[pd.DataFrame] = []
    if "salience" in measures:
        frames += shares(everyone, variables, book, "salience", effect, known.get("all"), min_passages, pool)
        frames += shares(salient, variables, book, "salience", effect, known.get("all"), min_passages, pool)
    if "stance" in measures:
        frames += shares(toward, variables, book, "stance", effect, known.get("about"), min_passages, pool)
    drawn = pd.DataFrame(columns=[*KEYS, "draw", "estimate"])
    if "balance" in measures:
        signed, drawn = balances(
            toward, variables, share, book, effect, known.get("about"), min_passages, headline, draws, seed
        )
        frames += signed
    if audit is not None:
        frames += design_rows(base, audit, toward, book, share, min_passages, members)
    out = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=_SERIES)
    order = [*KEYS, "stratum", "measure", "indicator", "value", "method"]
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
