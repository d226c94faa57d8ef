"""What the passages of one direction tell the page on the study's model: voices, norms invoked, meetings named."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError
from sca_nlp.report import periods as per
from sca_nlp.report.evidence import _PERIOD_SQL
from sca_nlp.share import share_path


@dataclass(frozen=True)
class Terms:
    """The term lists of `configs/model.toml`."""

    norms: tuple[tuple[str, str, re.Pattern[str]], ...]  # id, name, pattern
    meetings: str  # a pattern for RE2
    least_sentences: int
    least_voice: int
    least_voice_speeches: int
    reference: str


@dataclass
class Said:
    """Of one direction. Frames may be empty, with their columns."""

    #: a row a passage about the other: period, speech_id, speaker, office, balance (from probabilities, -1 to 1)
    about: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["period", "speech_id", "speaker", "office", "balance"])
    )
    #: a row a sentence that calls a norm binding or not: period, text, speaker, date, affirmed, about, p
    norms: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["period", "text", "speaker", "date", "affirmed", "about", "p"])
    )
    #: period -> sentences about the other that name a meeting; a sentence of each period
    meetings: dict[str, int] = field(default_factory=dict)
    meeting: dict[str, str] = field(default_factory=dict)


def pattern(terms: Sequence[str]) -> str:
    """Return terms as one pattern for Python and RE2: whole words, whatever the case, `*` for any ending."""
    parts = [re.escape(t.rstrip("*")).replace(r"\ ", r"\s+") + (r"\w*" if t.endswith("*") else "") for t in terms]
    return rf"(?i)\b(?:{'|'.join(parts)})\b" if parts else r"[^\s\S]"


def read_terms(path: Path | None = None) -> Terms:
    """Read the term lists.

    Raises:
        InputError: a part is missing.
    """
    path = path or share_path("configs", "model.toml")
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        return Terms(
            tuple((str(n["id"]), str(n["name"]), re.compile(pattern(n["terms"]))) for n in data["norm"]),
            pattern(data["meetings"]),
            int(data["least_sentences"]),
            int(data["least_voice"]),
            int(data["least_voice_speeches"]),
            str(data.get("reference", "")),
        )
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as e:
        raise InputError(path, f"not readable ({e})", "[[norm]] and meetings as in configs/model.toml") from None


def hear(db: duckdb.DuckDBPyConnection, periods: Sequence[str], book: Codebook, terms: Terms) -> Said:
    """Return what the direction last given to `evidence.passages_of` (its table `who`) says for the model's conditions.

    Args:
        db: opened by `evidence.open_passages`.
        periods: of the pair, for their grain.
        book: for the sign of each class.
        terms: from `read_terms`.
    """
    grain = per.grain_of(periods[0]) or "year"
    there = {str(r[0]) for r in db.execute("DESCRIBE passages").fetchall()}
    signed = [(c, s) for c, s in book.trust_sign.items() if c in there and s]
    share = len({c.rstrip("+-") for c, _ in signed}) or 1
    balance = " + ".join(f'{s} * "{c}"' for c, s in signed) or "0"
    affirmed, denied = (f'"{c}"' if c in there else "0" for c in ("NA+", "NA-"))
    db.execute(f"""
        CREATE OR REPLACE TEMP TABLE spoken AS
        SELECT p.passage_id, p.speech_id, p.period, p.date, p.speaker, p.codes, p.text,
          ({balance}) / {share} AS balance, greatest({affirmed}, {denied}) AS norm,
          list_has_any(CASE WHEN len(targets) = 0 AND len(codes) = 0 THEN actors ELSE targets END, others) AS about
        FROM (SELECT *, {_PERIOD_SQL[grain]} AS period FROM passages) p JOIN who USING (period)
        WHERE list_contains(sources, p.source)
        QUALIFY row_number() OVER (PARTITION BY p.passage_id) = 1
        """)  # noqa: S608 (class names are the codebook's, quoted; grain is one of three)
    about = db.execute(
        "SELECT period, t.speech_id, coalesce(speaker, '') speaker, coalesce(max(s.office), '') office,"
        " any_value(balance)::DOUBLE balance FROM spoken t LEFT JOIN speeches s USING (speech_id) WHERE about"
        " GROUP BY period, t.speech_id, speaker, passage_id ORDER BY period, t.speech_id, passage_id"
    ).df()
    norms = db.execute(
        "SELECT period, text, coalesce(speaker, '') speaker, date, list_contains(codes, 'NA+') affirmed, about,"
        " norm::DOUBLE p FROM spoken WHERE list_has_any(codes, ['NA+', 'NA-']) ORDER BY p DESC, passage_id"
    ).df()
    met = db.execute(
        "SELECT period, count(*), first(text ORDER BY passage_id) FROM spoken WHERE about AND regexp_matches(text, ?)"
        " GROUP BY period ORDER BY period",
        [terms.meetings],
    ).fetchall()
    return Said(about, norms, {str(p): int(n) for p, n, _ in met}, {str(p): str(text) for p, _, text in met})


def west_meetings(db: duckdb.DuckDBPyConnection, states: frozenset[str], terms: Terms) -> tuple[int, int]:
    """Return how many sentences of these states are about another of them, and how many of these name a meeting."""
    if len(states) < 2:
        return 0, 0
    found = db.execute(
        "SELECT count(*), coalesce(sum(regexp_matches(text, ?)::INT), 0) FROM passages WHERE list_contains(?, source)"
        " AND list_has_any(targets, ?) AND targets <> [source]",
        [terms.meetings, sorted(states), sorted(states)],
    ).fetchall()[0]
    return int(found[0]), int(found[1])


@dataclass(frozen=True)
class Voice:
    """One speaker in one office about the other side, and how far off the side's other voices in the same periods."""

    speaker: str
    office: str
    first: str
    last: str
    n: int
    n_speeches: int
    balance: float
    deviation: float  # own balance less that of the others in the same periods; NaN where too few others spoke
    low: float
    high: float
    n_others: int

    @property
    def dissents(self) -> bool:
        """Tell whether the interval of the deviation leaves out 0."""
        return self.low > 0 or self.high < 0


def voices(said: Said, terms: Terms) -> list[Voice]:
    """Return the speakers of a side with enough sentences about the other, those with most first.

    The intervals hold for all speakers of the side at once (Bonferroni), over speeches, with Student's t.
    """
    from scipy.stats import t

    rows = said.about
    found: list[tuple[str, str, pd.DataFrame, pd.DataFrame]] = []
    for (speaker, office), own in rows[rows["speaker"] != ""].groupby(["speaker", "office"], sort=True):
        if len(own) >= terms.least_voice and own["speech_id"].nunique() >= terms.least_voice_speeches:
            same = (rows["speaker"] == speaker) & (rows["office"] == office)
            found.append((str(speaker), str(office), own, rows[~same & rows["period"].isin(set(own["period"]))]))
    n_tests = sum(_enough(own, others, terms) for *_, own, others in found)
    out = []
    for speaker, office, own, others in found:
        value = float(own["balance"].mean())
        deviation = low = high = float("nan")
        shared = own[own["period"].isin(set(others["period"]))]
        n_speeches = (shared["speech_id"].nunique(), others["speech_id"].nunique())
        if _enough(own, others, terms):
            weight = shared["period"].value_counts()
            beside = others["period"].map(weight / others["period"].value_counts()).to_numpy(float)
            x, y = shared["balance"].to_numpy(float), others["balance"].to_numpy(float)
            deviation = float(x.mean() - np.average(y, weights=beside))
            variance = _clustered(x, np.ones(len(x)), shared["speech_id"]) + _clustered(y, beside, others["speech_id"])
            half = float(t.ppf(1 - 0.025 / n_tests, min(n_speeches) - 1)) * float(np.sqrt(variance))
            low, high = deviation - half, deviation + half
        span = (str(own["period"].min()), str(own["period"].max()))
        counts = (len(own), int(own["speech_id"].nunique()))
        out.append(Voice(speaker, office, *span, *counts, value, deviation, low, high, len(others)))
    return sorted(out, key=lambda v: (not v.dissents, -v.n, v.speaker))


def _enough(own: pd.DataFrame, others: pd.DataFrame, terms: Terms) -> bool:
    """Tell whether a voice and those beside it have speeches enough for an interval."""
    shared = own[own["period"].isin(set(others["period"]))]
    least = max(terms.least_voice_speeches, 3)
    return (
        min(len(shared), len(others)) >= terms.least_voice
        and min(shared["speech_id"].nunique(), others["speech_id"].nunique()) >= least
    )


def _clustered(x: np.ndarray, weight: np.ndarray, cluster: pd.Series) -> float:
    """Return the variance of a weighted mean over clusters (linearised ratio)."""
    rest = weight * (x - np.average(x, weights=weight))
    sums = pd.Series(rest).groupby(cluster.to_numpy()).sum().to_numpy(float)
    k = len(sums)
    return float((sums**2).sum() / weight.sum() ** 2 * k / (k - 1)) if k > 1 else float("nan")
