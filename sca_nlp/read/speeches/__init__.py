"""Speeches from whatever a user has: `read_speeches` picks the reader, `ReadReport` counts what it met."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from sca_nlp import registry
from sca_nlp.errors import InputError
from sca_nlp.read.speeches.folder import SIDE_ENDINGS
from sca_nlp.read.speeches.intake import ReadReport, Rejects
from sca_nlp.records import Reject, Speech

__all__ = ["ReadReport", "detect_format", "read_speeches"]

#: File name ending -> reader. `.gz` after any of the tables' is fine.
ENDINGS: dict[str, str] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".txt": "text",
    ".tgz": "ungdc",
    ".tar": "ungdc",
    ".tar.gz": "ungdc",
    ".pdf": "documents",
    ".html": "documents",
    ".htm": "documents",
    ".docx": "documents",
}
_TABLES = ("csv", "jsonl", "parquet")
#: What people have and no reader takes -> what their program can save instead.
_SAVE_AS = dict.fromkeys((".xlsx", ".xls", ".ods"), "CSV (UTF-8)") | dict.fromkeys(
    (".doc", ".odt", ".rtf", ".docm"), ".docx or .txt"
)
_SESSION = re.compile(r"Session\s+[0-9]+\s*-\s*[0-9]{4}")


def detect_format(path: Path | str) -> str:
    """Return the name of the speech reader for a file or folder, by its ending or layout.

    Raises:
        InputError: no such file, or nothing that a reader takes.
    """
    path = Path(path)
    if path.is_dir():
        return _folder_format(path)
    if not path.exists():
        wanted = "a file, folder or pattern; for a data set on a hub give format = 'huggingface'"
        raise InputError(path, "no such file", wanted)
    if name := _by_ending(path):
        return name
    with path.open("rb") as stream:
        head = stream.read(64).lstrip()
    for magic, name in ((b"PAR1", "parquet"), (b"%PDF-", "documents"), (b"{", "jsonl")):
        if head.startswith(magic):
            return name
    if instead := _SAVE_AS.get(path.suffix.lower()):
        raise InputError(path, f"ending {path.suffix!r}, which has no reader", f"the same saved as {instead}")
    raise InputError(path, f"ending {path.suffix!r}", f"one of {' '.join(ENDINGS)}, or --format (see sca corpus list)")


def _by_ending(path: Path) -> str:
    name = path.name.lower()
    for ending in (".tar.gz", "".join(path.suffixes[-2:]).lower().removesuffix(".gz"), path.suffix.lower()):
        if ending in ENDINGS and (name.endswith(ending) or name.endswith(ending + ".gz")):
            return ENDINGS[ending]
    return ""


def _folder_format(path: Path) -> str:
    names = {p.name for p in path.iterdir()}
    if {"dataset_info.json", "state.json"} <= names or "dataset_dict.json" in names:
        return "huggingface"
    inner = [path / n for n in ("TXT", "txt") if n in names and (path / n).is_dir()]
    if any(_SESSION.fullmatch(p.name) for folder in (path, *inner) for p in folder.iterdir()):
        return "ungdc"
    found = {_by_ending(p) for p in path.rglob("*") if not p.name.startswith(".")}
    for name in ("text", "documents", *_TABLES):  # a table beside texts is their sidecar
        if name in found:
            return name
    raise InputError(path, "a folder without speeches", f"files ending in {' '.join(ENDINGS)}")


def read_speeches(
    path: Path | str | Sequence[Path | str],
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    *,
    rejects: Rejects,
    defaults: Mapping[str, str] | None = None,
    report: ReadReport | None = None,
    **options: Any,
) -> Iterator[Speech]:
    """Yield the speeches of a file, a folder, a pattern such as `speeches/*.csv`, or several of these.

    Files are read in the order of their names. Ids are compared across all of them: a second speech with the id and
    text of an earlier one, or its id and another text, is rejected; the same text under another id is kept and counted.
    Where there are several files, one that cannot be read is rejected as a whole, and the others are read.

    Args:
        path: what to read.
        format: a speech reader's name (`registry.names("speech reader")`); None: told by ending and layout.
        columns: field -> column, before the common names.
        rejects: called with each record or file that cannot be used.
        defaults: field -> value for what files and records lack, such as `{"source": "FRA"}`.
        report: filled with counts, encodings and notes.
        **options: the reader's own, and those of `intake.Intake`.

    Raises:
        InputError: nothing could be read at all.
        UnknownNameError: an unknown format, option or field.
    """
    report = report if report is not None else ReadReport()
    places = _expand(path, format or "")
    if isinstance(path, (str, Path)) and Path(path).is_dir() and len(places) > 1:
        options.setdefault("corpus", Path(path).resolve().name)  # not part-0001, part-0002, ...
    for folder in [path] if isinstance(path, (str, Path)) else path:
        _note_others(Path(folder), {name for _, name in places}, report)
    n_failed = 0
    for place, name in places:
        reader = registry.resolve("speech reader", name)
        try:
            yield from reader(place, columns=columns, rejects=rejects, defaults=defaults, report=report, **options)
        except InputError as e:
            n_failed += 1
            if n_failed == len(places):
                raise
            report.n_rejected += 1
            rejects(Reject(str(place), 0, f"file left out: {e}"))


def _note_others(folder: Path, readers: Set[str], report: ReadReport) -> None:
    """Note which files of a folder its reader passes over, so that no speech is missed in silence."""
    if not folder.is_dir() or readers & {"ungdc", "huggingface"}:
        return
    others: Counter[str] = Counter()
    for file in sorted(folder.rglob("*")):
        sidecar = file.parent == folder and file.suffix.lower() in SIDE_ENDINGS
        if file.name.startswith((".", "_", "~$")) or sidecar or not file.is_file():
            continue
        if _by_ending(file) not in readers:
            others[file.suffix.lower() or "without an ending"] += 1
    if others:
        kinds = ", ".join(f"{n:,} {ending}" for ending, n in others.most_common(5))
        report.note(f"{folder}: {others.total():,} files of other kinds are not read ({kinds})")


def _expand(path: Path | str | Sequence[Path | str], format: str) -> list[tuple[str | Path, str]]:
    """Return (file or folder, reader) for everything that a path, a pattern or a list of these stands for."""
    if not isinstance(path, (str, Path)):
        return [place for one in path for place in _expand(one, format)]
    if format == "huggingface":
        return [(path, format)]
    text = str(path)
    if not Path(text).exists() and re.search(r"[*?\[]", text):
        found = sorted(p for p in glob.glob(text, recursive=True) if not Path(p).is_dir() or format)  # noqa: PTH207
        if not found:
            raise InputError(text, "no file fits this pattern", "a pattern such as speeches/*.csv")
        return [(Path(p), format or detect_format(p)) for p in found]
    name = format or detect_format(path)
    if name in _TABLES and Path(path).is_dir():
        root = Path(path).resolve()
        inside = [p for p in sorted(Path(path).rglob("*")) if p.is_file() and p.resolve().is_relative_to(root)]
        kinds = [(p, _by_ending(p)) for p in inside if not p.name.startswith((".", "_"))]
        return [(p, kind) for p, kind in kinds if kind in _TABLES and (not format or kind == format)]
    return [(path, name)]
