"""The only place that knows the order: read, segment, classify, attribute, store, aggregate, compare, report."""

from __future__ import annotations

from sca_nlp.pipeline.scoring import ScoreSummary, Tools, load_tools, predict, read, score, score_cuts
from sca_nlp.pipeline.series import (
    aggregate,
    compare,
    deeds,
    directed,
    error_rates,
    known_dyads,
    members_function,
    report,
    run,
)
from sca_nlp.pipeline.verdict import Verdict
from sca_nlp.pipeline.verify import verify

__all__ = [
    "ScoreSummary",
    "Tools",
    "Verdict",
    "aggregate",
    "compare",
    "deeds",
    "directed",
    "error_rates",
    "known_dyads",
    "load_tools",
    "members_function",
    "predict",
    "read",
    "report",
    "run",
    "score",
    "score_cuts",
    "verify",
]
