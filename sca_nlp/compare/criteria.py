"""The written criteria of the scale, read from TOML: levels of words and deeds, and how much each must rest on."""

from __future__ import annotations

import operator
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sca_nlp.errors import InputError
from sca_nlp.share import share_path

#: How a number is set against its threshold.
OPS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
#: How the periods of a span become one number.
OVER: dict[str, Callable[[Any], float]] = {
    "mean": lambda v: float(np.mean(v)),
    "min": lambda v: float(np.min(v)),
    "max": lambda v: float(np.max(v)),
    "sum": lambda v: float(np.sum(v)),
    "last": lambda v: float(v[-1]),
}
#: What a criterion on deeds is where its source covers the span and nothing happened.
SILENCE: dict[str, bool | None] = {"met": True, "not met": False, "unknown": None}


@dataclass(frozen=True)
class Criterion:
    """One written criterion on a level of words or deeds; fields as in `configs/spectrum.toml`."""

    id: str
    stage: str
    text: str
    frame: str
    over: str
    op: str
    threshold: float
    measure: str = "balance"
    indicator: str = "all"
    value: str = "balance"
    manifestation: str = "all"
    dataset: str = ""
    scale: str = "own"
    required: bool = False
    both: bool = False
    silence: str = "unknown"


@dataclass(frozen=True)
class Criteria:
    """Stages in order, from the least to the most community, and the criteria of each."""

    stages: tuple[tuple[str, str, str], ...]  # id, name, text
    criteria: tuple[Criterion, ...]
    share: float
    version: str
    known: float = 0.5
    periods: int = 1  # fewest known periods of a span
    deeds: int = 1  # fewest deeds in a span, unless one of them has
    magnitude: float = 2.0  # at least this magnitude


def read_criteria(path: Path | str | None = None) -> Criteria:
    """Read criteria from TOML; None: the shipped ones.

    Raises:
        InputError: a part is missing or unknown.
    """
    path = Path(path) if path is not None else share_path("configs", "spectrum.toml")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        stages = tuple((str(s["id"]), str(s["name"]), str(s["text"])) for s in data["stage"])
        criteria = tuple(Criterion(**c) for c in data["criterion"])
    except FileNotFoundError:
        raise InputError(path, "no such file", "criteria in TOML") from None
    except (KeyError, TypeError, tomllib.TOMLDecodeError) as e:
        raise InputError(
            path, f"not readable ({e})", "[[stage]] and [[criterion]] as in configs/spectrum.toml"
        ) from None
    for c in criteria:
        if (
            c.stage not in {s[0] for s in stages}
            or c.op not in OPS
            or c.over not in OVER
            or c.frame not in ("words", "deeds")
            or c.silence not in SILENCE
        ):
            told = f"stage {c.stage}, op {c.op}, over {c.over}, frame {c.frame}, silence {c.silence}"
            raise InputError(f"{path}: {c.id}", told, "known ones")
    return Criteria(
        stages,
        criteria,
        share=float(data.get("share", 0.6)),
        version=str(data.get("version", "")),
        known=float(data.get("known", 0.5)),
        periods=int(data.get("periods", 1)),
        deeds=int(data.get("deeds", 1)),
        magnitude=float(data.get("magnitude", 2.0)),
    )
