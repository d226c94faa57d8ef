"""The tables under `configs/deeds/`: publisher's code -> manifestation, sign, magnitude, verbal or material."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sca_nlp.errors import InputError
from sca_nlp.records import MANIFESTATIONS, Coverage, DeedSource
from sca_nlp.share import share_path

_SOURCE_KEYS = ("title", "measure", "grain", "unit", "licence", "citation")
_CODE_KEYS = {"manifestation", "sign", "magnitude", "verbal", "meaning", "goldstein"}


@dataclass(frozen=True, slots=True)
class Coding:
    """What one code of a publisher says in the study's terms."""

    code: str
    manifestation: str
    sign: int
    magnitude: float
    verbal: bool
    meaning: str = ""
    goldstein: float | None = None


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole table: what the data set is, and what each of its codes says."""

    name: str
    source: dict[str, Any]
    codes: dict[str, Coding]
    older: dict[str, Coding]  # codes that mean something else in an older list of the publisher
    path: Path

    def declare(
        self, first: str, last: str, *, actors: frozenset[str] = frozenset(), changes: dict[str, str] | None = None
    ) -> DeedSource:
        """Return what the data set declares, with the coverage that was found in the file.

        Args:
            first: first period covered, as a date of any precision.
            last: last period covered.
            actors: the only states covered; empty for all.
            changes: fields of the declaration that an option of the reader changed (`unit`, `title`, `notes` ...).
        """
        said = {key: str(self.source.get(key, "")) for key in (*_SOURCE_KEYS, "notes")} | (changes or {})
        return DeedSource(name=self.name, coverage=Coverage(first, last, actors), **said)


def load_mapping(name: str, path: str | Path | None = None) -> Mapping:
    """Read the mapping table of a data set, the shipped one unless another file is given.

    Raises:
        InputError: the table has an unknown key, manifestation or sign; names the file and the code.
    """
    file = Path(path) if path is not None else share_path("configs", "deeds", f"{name}.toml")
    try:
        raw = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(file, str(error), "a TOML table with [source] and [codes]") from error
    for part in ("source", "codes", "older"):
        if not isinstance(raw.get(part, {}), dict):
            raise InputError(f"{file}: {part}", repr(raw[part])[:80], f"a table [{part}]")
    source = raw.get("source", {})
    for key in _SOURCE_KEYS:
        if not isinstance(source.get(key), str) or not source[key]:
            raise InputError(f"{file}: source.{key}", repr(source.get(key)), "a text")
    codes = {code: _coding(f"{file}: codes.{code}", code, row) for code, row in raw.get("codes", {}).items()}
    older = {code: _coding(f"{file}: older.{code}", code, row) for code, row in raw.get("older", {}).items()}
    return Mapping(name=name, source=source, codes=codes, older=older, path=file)


def _coding(where: str, code: str, row: object) -> Coding:
    if not isinstance(row, dict):
        raise InputError(where, repr(row), "a table with manifestation, sign, magnitude, verbal")
    unknown = set(row) - _CODE_KEYS
    if unknown:
        raise InputError(where, f"unknown key {sorted(unknown)[0]!r}", ", ".join(sorted(_CODE_KEYS)))
    if row.get("manifestation") not in MANIFESTATIONS:
        raise InputError(where, f"manifestation {row.get('manifestation')!r}", f"one of {', '.join(MANIFESTATIONS)}")
    if row.get("sign") not in (-1, 0, 1):
        raise InputError(where, f"sign {row.get('sign')!r}", "-1, 0 or 1")
    magnitude = row.get("magnitude", 1.0)
    if not isinstance(magnitude, (int, float)) or magnitude < 0:
        raise InputError(where, f"magnitude {magnitude!r}", "a number of at least 0")
    goldstein = row.get("goldstein")
    return Coding(
        code=code,
        manifestation=row["manifestation"],
        sign=row["sign"],
        magnitude=float(magnitude),
        verbal=bool(row.get("verbal", False)),
        meaning=str(row.get("meaning", "")),
        goldstein=None if goldstein is None else float(goldstein),
    )
