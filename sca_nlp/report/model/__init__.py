"""The study's model of a pair, condition by condition: what the data says, what is behind it, what it cannot say.

The conditions are those of Wilhelmsen (2002), after Adler & Barnett (1998): a frame for questions, not a causal chain.
Each reading is by a rule that stands beside it.
"""

from __future__ import annotations

from sca_nlp.report.model.condition import Condition, Known
from sca_nlp.report.model.outcome import trust
from sca_nlp.report.model.setting import power, precipitating
from sca_nlp.report.model.sides import determination, responsiveness
from sca_nlp.report.model.ties import density, organisations
from sca_nlp.report.model.values import values

#: The conditions in the model's order.
_CONDITIONS = (precipitating, determination, power, responsiveness, values, density, organisations, trust)


def model(k: Known) -> list[Condition]:
    """Return the conditions of a pair in the model's order."""
    return [of(k) for of in _CONDITIONS]
