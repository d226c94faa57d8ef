"""From speeches and deeds to the report: a module a stage, `run` strings them, `verify` does them again."""

from __future__ import annotations

from sca_nlp.pipeline.aggregate import aggregate
from sca_nlp.pipeline.compare import compare
from sca_nlp.pipeline.deeds import deeds
from sca_nlp.pipeline.dyads import directed, known_dyads, members_function
from sca_nlp.pipeline.rates import error_rates, run_error_rates
from sca_nlp.pipeline.reading import read
from sca_nlp.pipeline.report import report
from sca_nlp.pipeline.run import RunSummary, run
from sca_nlp.pipeline.scoring import ScoreSummary, Tools, load_tools, predict, score, score_cuts
from sca_nlp.pipeline.verdict import Verdict
from sca_nlp.pipeline.verify import verify

__all__ = [
    "RunSummary",
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
    "run_error_rates",
    "score",
    "score_cuts",
    "verify",
]
