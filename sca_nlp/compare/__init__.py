"""Words against deeds: one statistic, one file; `compare_dyad` and `compare_many` run them all.

Positive lag = words first. Every row of the table of tests has its null in words, its n and its settings.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Comparison": "dyad",
    "Options": "dyad",
    "compare_dyad": "dyad",
    "compare_many": "dyad",
    "Window": "crisis",
    "Change": "endurance",
    "position": "spectrum",
    "positions": "spectrum",
    "read_criteria": "criteria",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Return a public name, importing its file when it is asked for (pandas and scipy stay out of `import sca_nlp`)."""
    if name not in _HOME:
        raise AttributeError(name)
    return getattr(import_module(f"sca_nlp.compare.{_HOME[name]}"), name)
