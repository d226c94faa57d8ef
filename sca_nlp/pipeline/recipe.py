"""What every stage was asked for, kept beside its results, so that `sca verify` can make them again.

`recipe.json` in the run folder holds the settings of `aggregate`, `deeds` and `compare`; `report.json` in the report's
folder holds those of the report and the digest of every file that went into it or came out of it. Both say by what code
and libraries the numbers were made.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from sca_nlp.errors import InputError
from sca_nlp.pipeline.made_by import made_by
from sca_nlp.store import write_json

RECIPE, MANIFEST = "recipe.json", "report.json"
#: What each stage writes, as files in the run folder.
FRAMES = {
    "aggregate": ("words.parquet", "words_draws.parquet"),
    "deeds": ("deeds.parquet", "deed_series.parquet", "transactions.parquet"),
    "compare": (
        *("compare/gap.parquet", "compare/tests.parquet", "compare/breaks.parquet", "compare/sequences.parquet"),
        *("compare/position.parquet", "compare/criteria.parquet", "compare/sensitivity.parquet"),
    ),
}


#: What a report is made from, as patterns in the run folder.
INPUTS = (
    "passages/*.parquet",
    "speeches/*.parquet",
    "*.parquet",
    "compare/*.parquet",
    "config.toml",
    "codebook.toml",
    "deed_sources.json",
    "rejects.jsonl",
)

#: What a report consists of, as patterns in its folder.
REPORT_FILES = ("index.html", "pairs/*.html", "metrics.json", "figures/*", "tables/*")


def relative(path: str, folder: Path) -> str:
    """Return a path as it is from a folder, so that both can be moved together; an absolute one stays."""
    return path if not path or Path(path).is_absolute() else os.path.relpath(path, folder)


def located(path: str, folder: Path) -> str:
    """Return the path that `relative` was given, as it is from where the user stands."""
    return path if not path or Path(path).is_absolute() else os.path.normpath(folder / path)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def outputs(stage: str) -> tuple[str, ...]:
    """Return the files that a stage writes and a report reads."""
    return (*FRAMES[stage], "deed_sources.json") if stage == "deeds" else FRAMES[stage]


def keep_recipe(folder: Path, stage: str, **settings: Any) -> None:
    """Add what a stage was asked for to the run's recipe, by what it was made, and the digests of what came out.

    Sections are kept as tables, paths as they are from the run folder.
    """
    kept = {k: _plain(v) for k, v in settings.items()}
    kept["made_by"] = made_by(stage) | {"files": digests(folder, outputs(stage))}
    write_json(folder / RECIPE, read_recipe(folder) | {stage: kept})


def read_recipe(folder: Path) -> dict[str, Any]:
    """Return a run's recipe; empty where no stage has kept one.

    Raises:
        InputError: it is damaged.
    """
    return _object(folder / RECIPE, "the settings that the stages kept; run `sca run` again") or {}


def read_report_manifest(folder: Path) -> dict[str, Any]:
    """Return what a report was made from.

    Raises:
        InputError: not there, or damaged.
    """
    wanted = "a report's folder, as `sca report` makes it; make it again if it is older than this file"
    found = _object(folder / MANIFEST, wanted)
    if not found or not {"run", "title", "dyads", "files", "inputs"} <= set(found):
        raise InputError(folder / MANIFEST, "not there" if found is None else "no manifest of a report", wanted)
    return found


def _object(path: Path, wanted: str) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as e:
        raise InputError(path, f"not readable ({e})", wanted) from None
    if not isinstance(found, dict):
        raise InputError(path, "no object", wanted)
    return found


def digests(folder: Path, patterns: Iterable[str] = ("**/*",)) -> dict[str, str]:
    """Return file -> SHA-256 of the files of a folder that fit a pattern; names as they are from the folder, sorted."""
    found = {p for pattern in patterns for p in folder.glob(pattern) if p.is_file() and p.name != MANIFEST}
    out = {}
    for path in sorted(found):
        with path.open("rb") as f:
            out[path.relative_to(folder).as_posix()] = hashlib.file_digest(f, "sha256").hexdigest()
    return out


def seal_report(
    page: Path, run: Path, *, title: str, dyads: Sequence[tuple[str, str]], actor_files: Sequence[str], figures: bool
) -> None:
    """Write `report.json` beside a report's page."""
    from sca_nlp import __version__

    folder = page.parent
    write_json(
        folder / MANIFEST,
        {
            "format": 1,
            "version": __version__,
            "made_by": made_by("report"),
            "run": os.path.relpath(run, folder),
            "run_name": run.name,
            "title": title,
            "dyads": [list(d) for d in dyads],
            "actor_files": [relative(f, run) for f in actor_files],
            "figures": figures,
            "made": int((run / "run.json").stat().st_mtime) if (run / "run.json").exists() else 0,
            "inputs": digests(run, INPUTS),
            "files": digests(folder, REPORT_FILES),
        },
    )
