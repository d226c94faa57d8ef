"""By what numbers are made: the code behind each stage and the libraries that can move them.

Each stage keeps `made_by(stage)` with its settings, so that `sca verify` can tell a number that somebody altered from
one that another version of the program makes. It is a note, no signature: who alters a run can alter the note too.
"""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sca_nlp import __version__
from sca_nlp.errors import UnknownNameError
from sca_nlp.share import share_path

_ALL = (
    "actors",
    "codebook",
    "config",
    "pipeline/dyads",
    "pipeline/frames",
    "records",
    "store",
    "configs/actors",
    "configs/codebook.toml",
)
#: Files and folders of the package, and tables that come with it, whose change can change a stage's numbers.
SOURCES: dict[str, tuple[str, ...]] = {
    "aggregate": (
        *(*_ALL, "aggregate", "prevalence", "read/annotations", "read/speeches/decode"),
        *("pipeline/aggregate", "pipeline/rates"),
    ),
    "deeds": (
        *(*_ALL, "aggregate", "prevalence", "read/dates", "read/deeds", "read/speeches/decode"),
        *("pipeline/deeds", "pipeline/deed_series", "configs/deeds", "configs/model.toml"),
    ),
    "compare": (
        *(*_ALL, "aggregate", "compare", "prevalence", "configs/spectrum.toml"),
        *("pipeline/compare", "pipeline/deed_series", "pipeline/evidence", "pipeline/leaders_and_crises"),
    ),
    "report": (
        *(*_ALL, "aggregate", "compare", "prevalence", "report", "pipeline/report"),
        *("configs/model.toml", "configs/spectrum.toml"),
    ),
}
#: Libraries that these files compute with. statsmodels and ruptures are not among them: they are the tests' oracles.
LIBRARIES = ("duckdb", "numpy", "pandas", "pyarrow", "scipy")
#: How a commit is named.
COMMIT = re.compile("[0-9a-f]{40,64}")
_TEXTS = {".css", ".csv", ".j2", ".js", ".json", ".py", ".toml"}


def made_by(stage: str) -> dict[str, Any]:
    """Return by what a stage's numbers are made here and now: `version`, `code` (a digest), `commit`, `libraries`.

    The commit is where the checkout stands ("" without one); what is told apart is told apart by the digest.
    """
    return {"version": __version__, "code": code_digest(stage), "commit": commit(), "libraries": libraries()}


@lru_cache
def code_digest(stage: str) -> str:
    """Return the SHA-256 over the sources behind a stage: the same in checkout and wheel, whatever their line ends."""
    total = hashlib.sha256()
    for name, path in sorted(_sources(stage)):
        text = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        total.update(f"{name}\n{hashlib.sha256(text).hexdigest()}\n".encode())
    return total.hexdigest()


def _sources(stage: str) -> Iterator[tuple[str, Path]]:
    """Yield (name, path) of the files behind a stage; nothing that Python or an editor left between them."""
    for entry in SOURCES[stage]:
        place = _place(entry)
        files = [place] if place.is_file() else [p for p in place.rglob("*") if p.suffix in _TEXTS]
        for path in files:
            inside = path.relative_to(place).parts if path != place else ()
            if not any(part.startswith((".", "__pycache__")) for part in inside):
                yield "/".join((entry, *inside)), path


def _place(entry: str) -> Path:
    """Return where a source is; a room may be a file or a folder."""
    if entry.startswith("configs/"):
        return share_path(*entry.split("/"))
    try:
        return share_path("sca_nlp", *entry.split("/"))
    except UnknownNameError:
        return share_path("sca_nlp", *f"{entry}.py".split("/"))


@lru_cache
def libraries() -> dict[str, str]:
    """Return the versions of what the code stands on: libraries, Python, kind of machine."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}".strip()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a build that brings it without its metadata
            found[name] = "unknown"
    return found


@lru_cache
def commit() -> str:
    """Return the commit at which the package's own checkout stands; "" where none is plain to see."""
    git = share_path("sca_nlp").parent / ".git"
    try:
        head = (git / "HEAD").read_text("utf-8").strip()
        if head.startswith("ref: "):
            name = head.removeprefix("ref: ")
            loose = git / name
            packed = "" if loose.exists() else (git / "packed-refs").read_text("utf-8")
            found = re.search(rf"^(\w+) {re.escape(name)}$", packed, re.MULTILINE)
            head = found[1] if found else loose.read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""
    return head if COMMIT.fullmatch(head) else ""
