"""The codebook: indicators, their values, definitions and rulings; and the order of the classes that models score."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.share import share_path


@dataclass(frozen=True)
class Indicator:
    """One indicator. `values` maps each coded value to its mark: {"affirmed": "+", "denied": "-"}."""

    id: str
    short: str
    name: str
    question: str
    values: Mapping[str, str]
    definitions: Mapping[str, str]
    absent: str
    trust_sign: Mapping[str, int]  # value -> +1 speaks for trust, -1 against it


@dataclass(frozen=True)
class Codebook:
    """A versioned set of indicators, each affirmed, denied or absent (or other values that its TOML names)."""

    name: str
    version: str
    indicators: tuple[Indicator, ...]
    rulings: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    digest: str = ""
    #: The TOML that it was read from, so that it can be laid beside what was coded by it.
    text: str = field(default="", repr=False, compare=False)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Short forms in column order: `TP+, TP-, MU+, ...`; absent is no class."""
        return tuple(i.short + mark for i in self.indicators for mark in i.values.values())

    @cached_property
    def column(self) -> dict[str, int]:
        """Class -> column of a probability array."""
        return {c: k for k, c in enumerate(self.classes)}

    @cached_property
    def meaning(self) -> dict[str, tuple[str, str]]:
        """Class -> (indicator id, value): `TP+` -> (`threat_perception`, `affirmed`)."""
        return {i.short + mark: (i.id, value) for i in self.indicators for value, mark in i.values.items()}

    @cached_property
    def trust_sign(self) -> dict[str, int]:
        """Class -> +1 or -1: does it speak for or against trust? (`measures.md`, trust balance)."""
        return {i.short + mark: i.trust_sign[value] for i in self.indicators for value, mark in i.values.items()}

    def groups(self) -> list[list[int]]:
        """Return for each indicator its columns; a passage has at most one value of each."""
        return [[self.column[i.short + m] for m in i.values.values()] for i in self.indicators]

    def indicator(self, name: str) -> Indicator:
        """Return an indicator by id or short form.

        Raises:
            UnknownNameError: no such indicator.
        """
        for i in self.indicators:
            if name in (i.id, i.short):
                return i
        raise UnknownNameError("indicator", name, [i.id for i in self.indicators])

    def check_codes(self, codes: Iterable[str], where: object = "codes") -> tuple[str, ...]:
        """Return codes in column order.

        Raises:
            InputError: a code is not of this codebook, or an indicator has two values.
        """
        got = set(codes)
        unknown = sorted(got - set(self.column))
        if unknown:
            raise InputError(
                where, f"code {unknown[0]!r}", f"codes of {self.name} {self.version}: {', '.join(self.classes)}"
            )
        ordered = tuple(c for c in self.classes if c in got)
        ids = [self.meaning[c][0] for c in ordered]
        twice = next((i for i in ids if ids.count(i) > 1), None)
        if twice:
            raise InputError(where, f"two values of {twice}", "at most one value of each indicator")
        return ordered


def read_codebook(path: Path | str) -> Codebook:
    """Read a codebook from TOML (`configs/codebook.toml` shows the form).

    Raises:
        InputError: the file is missing, is no TOML, or lacks a part.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
        data = tomllib.loads(raw.decode("utf-8"))
    except FileNotFoundError:
        raise InputError(path, "no such file", "a codebook in TOML") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as e:
        raise InputError(path, f"not readable as TOML ({e})", "a codebook in TOML") from None
    entries = data.get("indicator")
    if not isinstance(entries, list) or not entries:
        raise InputError(path, "no [[indicator]]", "at least one [[indicator]] with id, short, name, values")
    indicators = []
    for n, entry in enumerate(entries, 1):
        where = f"{path}: indicator {n}"
        if not isinstance(entry, dict):
            raise InputError(where, repr(entry)[:80], "a table, [[indicator]]")
        for key in ("id", "short", "name", "values"):
            if not entry.get(key):
                raise InputError(where, f"no {key}", "id, short, name and values")
        _check_values(entry["values"], where)
        values = {str(v["value"]): str(v["mark"]) for v in entry["values"]}
        indicators.append(
            Indicator(
                id=str(entry["id"]),
                short=str(entry["short"]),
                name=str(entry["name"]),
                question=str(entry.get("question", "")),
                values=values,
                definitions={str(v["value"]): str(v.get("definition", "")) for v in entry["values"]},
                absent=str(entry.get("absent", "")),
                trust_sign={str(v["value"]): int(v.get("trust", 0)) for v in entry["values"]},
            )
        )
    book = Codebook(
        name=str(data.get("name", path.stem)),
        version=str(data.get("version", "0")),
        indicators=tuple(indicators),
        rulings=_listed(data, "rulings", path),
        targets=_listed(data, "targets", path),
        digest=hashlib.sha256(raw).hexdigest(),
        text=raw.decode("utf-8"),
    )
    if len(set(book.classes)) != len(book.classes):
        raise InputError(path, "two classes with the same short form", "distinct `short` and `mark`")
    return book


def _check_values(values: Any, where: str) -> None:
    wanted = '[{ value = "affirmed", mark = "+", trust = 1 }, ...]'
    if not isinstance(values, list) or not all(isinstance(v, dict) and {"value", "mark"} <= set(v) for v in values):
        raise InputError(where, f"values {str(values)[:80]!r}", wanted)
    for v in values:
        if not isinstance(v.get("trust", 0), int):
            raise InputError(where, f"trust {v['trust']!r}", "1, 0 or -1")


def _listed(data: dict[str, Any], key: str, where: object) -> tuple[str, ...]:
    value = data.get(key, [])
    if not isinstance(value, list):
        raise InputError(where, f"{key} is {str(value)[:80]!r}", f"{key} as a list")
    return tuple(str(v) for v in value)


@lru_cache(maxsize=1)
def default_codebook() -> Codebook:
    """Return the shipped codebook (five indicators, affirmed or denied)."""
    return read_codebook(share_path("configs", "codebook.toml"))


def codebook_of(run: Path) -> Codebook:
    """Return the codebook that a run was coded by: its own `codebook.toml`, or the shipped one where it has none."""
    path = run / "codebook.toml"
    return read_codebook(path) if path.exists() else default_codebook()
