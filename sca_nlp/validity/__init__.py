"""Validity against the world: do words alone tell rivals from allies, and years with a militarised dispute from others?

`validate` does it all; `plan` is what was written down before looking, `evidence` what was said, `world` what happened,
`scores` one number a pair and year, `judge` how well it tells, `episodes` the known cases.
"""

from __future__ import annotations

from sca_nlp.validity.candidates import HEADLINE
from sca_nlp.validity.judge import Judged, auroc, split_half
from sca_nlp.validity.plan import Plan, read_plan
from sca_nlp.validity.validate import validate

__all__ = ["HEADLINE", "Judged", "Plan", "auroc", "read_plan", "split_half", "validate"]
