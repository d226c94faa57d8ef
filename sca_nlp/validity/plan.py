"""What is set against what, and what each known episode should show: `configs/validity.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sca_nlp.errors import InputError
from sca_nlp.share import share_path

Window = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Episode:
    """A known episode and what it should show, written before looking."""

    id: str
    name: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    first: Window
    second: Window  # empty: against all pairs of states in the first window's years
    colder: str  # first or second
    why: str


@dataclass(frozen=True)
class Plan:
    """The settings of a validation."""

    hostile: dict[str, float]  # class -> weight
    cordial: dict[str, float]
    half_life: float  # years
    prior: float  # sentences
    first: int
    last: int
    min_passages: int
    episodes: tuple[Episode, ...]


def read_plan(path: Path | None = None) -> Plan:
    """Read a plan, the shipped one unless another file is given.

    Raises:
        InputError: the file is missing or a key is wrong; names it.
    """
    path = path or share_path("configs", "validity.toml")
    wanted = "a plan as in configs/validity.toml"
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise InputError(path, f"not readable ({e})", wanted) from None
    try:
        weights, pooling, reading = data["weights"], data["pooling"], data["reading"]
        plan = Plan(
            hostile={str(k): float(v) for k, v in weights["hostile"].items()},
            cordial={str(k): float(v) for k, v in weights["cordial"].items()},
            half_life=float(pooling["half_life"]),
            prior=float(pooling["prior"]),
            first=int(reading["first"]),
            last=int(reading["last"]),
            min_passages=int(reading["min_passages"]),
            episodes=tuple(_episode(row) for row in data.get("episode", ())),
        )
    except KeyError as e:
        raise InputError(path, f"no key {e.args[0]!r}", wanted) from None
    except (TypeError, ValueError, AttributeError) as e:
        raise InputError(path, f"a value of the wrong kind ({e})", wanted) from None
    if not (plan.half_life > 0 and plan.prior > 0 and plan.min_passages > 0 and plan.first <= plan.last):
        raise InputError(path, "half_life, prior or min_passages of 0 or less, or first after last", wanted)
    for episode in plan.episodes:
        if episode.colder not in ("first", "second"):
            raise InputError(f"{path}: episode {episode.id}", f"colder = {episode.colder!r}", '"first" or "second"')
    return plan


def _episode(row: dict[str, Any]) -> Episode:
    def windows(key: str) -> Window:
        return tuple((int(a), int(b)) for a, b in row.get(key, ()))

    if "second" not in row and row.get("against") != "all pairs":
        raise KeyError("second")
    return Episode(
        row["id"],
        row["name"],
        tuple(row["sources"]),
        tuple(row["targets"]),
        windows("first"),
        windows("second"),
        row["colder"],
        row.get("why", ""),
    )
