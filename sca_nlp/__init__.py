"""sca_nlp: words against deeds, an instrument for the study of security communities.

>>> import sca_nlp as sca
>>> model = sca.load("linear")
>>> passages = model.score(["Iraq has attacked Kuwait. We met on Monday."])
>>> list(passages["text"])
['Iraq has attacked Kuwait.', 'We met on Monday.']
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sca_nlp.api import Model as Model
    from sca_nlp.api import Series as Series
    from sca_nlp.api import aggregate as aggregate
    from sca_nlp.api import compare as compare
    from sca_nlp.api import deeds as deeds
    from sca_nlp.api import load as load
    from sca_nlp.codebook import default_codebook as default_codebook
    from sca_nlp.estimator import SecurityIndicators as SecurityIndicators
    from sca_nlp.records import Speech as Speech

__version__ = "0.1.0"

_HOME = {
    "Model": "sca_nlp.api",
    "Series": "sca_nlp.api",
    "deeds": "sca_nlp.api",
    "load": "sca_nlp.api",
    "default_codebook": "sca_nlp.codebook",
    "SecurityIndicators": "sca_nlp.estimator",
    "Speech": "sca_nlp.records",
}
#: Names that are both a room of the package and a function of its interface.
_CALLED = ("aggregate", "compare")
__all__ = [
    "Model",
    "SecurityIndicators",
    "Series",
    "Speech",
    "aggregate",
    "compare",
    "deeds",
    "default_codebook",
    "load",
]


class _CalledRoom(ModuleType):
    """A package that can be called: `sca.aggregate(...)` is `sca_nlp.api.aggregate(...)`."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return getattr(import_module("sca_nlp.api"), self.__name__.rpartition(".")[2])(*args, **options)


class _Package(ModuleType):
    """This package: Python binds a room's name here once it is imported, whoever imports it, and it stays callable."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _CALLED and type(value) is ModuleType:
            value.__class__ = _CalledRoom
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    """Return a public name, importing its file when it is asked for."""
    if name in _CALLED:
        return import_module(f"{__name__}.{name}")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
