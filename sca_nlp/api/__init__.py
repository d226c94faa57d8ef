"""The Python interface: `load`, `Model.score`, `Model.predict`, `aggregate`, `deeds`, `compare`, `Series.plot`.

Nothing is written to disk; `sca run` and its stages do the same job on files, and go on after a kill.
"""

from __future__ import annotations

from sca_nlp.api.model import Model, load
from sca_nlp.api.series import Series
from sca_nlp.api.steps import aggregate, compare, deeds

__all__ = ["Model", "Series", "aggregate", "compare", "deeds", "load"]
