"""Read the frames of a run folder. What is missing or unusable is listed with the command that makes it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from sca_nlp.errors import InputError

#: file -> (columns that the report needs, command that makes it)
NEEDED: dict[str, tuple[tuple[str, ...], str]] = {
    "words.parquet": (
        ("source", "target", "period", "measure", "indicator", "value", "method", "estimate", "low", "high"),
        "sca aggregate",
    ),
    "words_draws.parquet": (("source", "target", "period", "draw", "estimate"), "sca aggregate"),
    "deeds.parquet": (
        ("date", "source", "target", "manifestation", "sign", "magnitude", "verbal", "dataset"),
        "sca deeds",
    ),
    "deed_series.parquet": (
        ("source", "target", "period", "manifestation", "dataset", "estimate", "n_deeds", "covered"),
        "sca deeds",
    ),
    "compare/gap.parquet": (("source", "target", "period", "words_z", "deeds_z", "gap", "low", "high"), "sca compare"),
    "compare/tests.parquet": (("source", "target", "question", "statistic", "estimate", "p", "q"), "sca compare"),
    "compare/breaks.parquet": (("source", "target", "series", "period"), "sca compare"),
    "compare/sequences.parquet": (("source", "target", "kind", "start", "end", "steps"), "sca compare"),
}
_TEXT = ("source", "target", "period", "indicator", "value", "method", "measure", "manifestation", "dataset", "date")


@dataclass(frozen=True)
class Missing:
    """A part of the run that the report had to do without."""

    file: str
    reason: str
    command: str


@dataclass
class Frames:
    """What a run folder holds, as far as it could be read. Absent frames are empty, with their columns."""

    folder: Path
    manifest: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    deed_sources: list[dict[str, Any]]
    rejects: list[tuple[str, int, str]]  # reason with its particulars blanked, how often, one example
    missing: list[Missing] = field(default_factory=list)
    extra: dict[str, pd.DataFrame] = field(default_factory=dict)  # further tables in compare/
    transactions: pd.DataFrame = field(default_factory=pd.DataFrame)  # empty where the run has none

    def __getitem__(self, file: str) -> pd.DataFrame:
        """Return a frame of `NEEDED` by its file name."""
        return self.tables[file]

    def lacks(self, *files: str) -> list[Missing]:
        """Return what is missing among these files."""
        return [m for m in self.missing if m.file in files]

    @property
    def has_passages(self) -> bool:
        """Tell whether the run has scored passages."""
        return any(self.folder.glob("passages/*.parquet"))


def of_dyad(frame: pd.DataFrame, source: str, target: str) -> pd.DataFrame:
    """Return the rows of one direction."""
    return frame[(frame["source"] == source) & (frame["target"] == target)]


def _json(path: Path, missing: list[Missing], command: str, empty: Any) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        missing.append(Missing(path.name, "not there", command))
    except (UnicodeDecodeError, json.JSONDecodeError) as e:
        missing.append(Missing(path.name, f"not readable as JSON ({e})", command))
    return empty


def _table(path: Path, file: str, missing: list[Missing]) -> pd.DataFrame:
    columns, command = NEEDED[file]
    try:
        frame = pd.read_parquet(path)
    except FileNotFoundError:
        missing.append(Missing(file, "not there", command))
        return pd.DataFrame(columns=list(columns))
    except (OSError, ValueError) as e:  # pyarrow's errors are children of these
        missing.append(Missing(file, f"not readable as Parquet ({e})", command))
        return pd.DataFrame(columns=list(columns))
    absent = [c for c in columns if c not in frame.columns]
    if absent:
        missing.append(Missing(file, f"has no column {', '.join(absent)}", command))
        return pd.DataFrame(columns=list(columns))
    for column in _TEXT:
        if column in frame.columns:
            frame[column] = frame[column].astype(object).where(frame[column].notna(), "").astype(str)
    return frame


def _rejects(path: Path) -> list[tuple[str, int, str]]:
    counts: Counter[str] = Counter()
    example: dict[str, str] = {}
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                except json.JSONDecodeError:
                    entry = {"reason": "a line of rejects.jsonl that is no JSON"}
                if not isinstance(entry, dict):
                    entry = {"reason": "a line of rejects.jsonl that is no object"}
                reason = str(entry.get("reason", "no reason given"))
                kind = re.sub(r'"[^"]*"|\'[^\']*\'|\d+', "…", reason)
                counts[kind] += 1
                example.setdefault(kind, f"{entry.get('file', '?')}:{entry.get('line', 0)}: {reason}")
    return [(kind, n, example[kind]) for kind, n in sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))]


def read_frames(folder: Path) -> Frames:
    """Read all frames of a run folder.

    Raises:
        InputError: the folder is not there.
    """
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "a run folder, as `sca run` or `sca score` makes it")
    missing: list[Missing] = []
    manifest = _json(folder / "run.json", missing, "sca score", {})
    sources = _json(folder / "deed_sources.json", missing, "sca deeds", [])
    tables = {file: _table(folder / file, file, missing) for file in NEEDED}
    extra = {}
    for path in sorted((folder / "compare").glob("*.parquet")):
        if f"compare/{path.name}" not in NEEDED:
            try:
                extra[path.stem] = pd.read_parquet(path)
            except (OSError, ValueError) as e:
                missing.append(Missing(f"compare/{path.name}", f"not readable as Parquet ({e})", "sca compare"))
    try:
        exchanged = pd.read_parquet(folder / "transactions.parquet")
    except (OSError, ValueError):  # older runs have none, and the page says so where it would stand
        exchanged = pd.DataFrame()
    if not any(folder.glob("passages/*.parquet")):
        missing.append(Missing("passages/", "no scored passages", "sca score"))
    return Frames(
        folder=folder,
        manifest=manifest if isinstance(manifest, dict) else {"run.json": manifest},
        tables=tables,
        deed_sources=[s for s in sources if isinstance(s, dict)] if isinstance(sources, list) else [],
        rejects=_rejects(folder / "rejects.jsonl"),
        missing=missing,
        extra=extra,
        transactions=exchanged,
    )
