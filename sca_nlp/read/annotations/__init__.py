"""Annotations from files and from the exports of annotation tools, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from sca_nlp.codebook import Codebook, default_codebook
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.records import Annotation, Reject

_HERE = "sca_nlp.read.annotations."
#: Format -> reader(path, *, codebook, rejects).
READERS: dict[str, str] = {
    "jsonl": "tables:read_jsonl",
    "csv": "tables:read_csv",
    "parquet": "tables:read_parquet",
    "dataset": "tables:read_dataset",
    "doccano": "tools:read_doccano",
    "label_studio": "tools:read_label_studio",
    "argilla": "tools:read_argilla",
    "prodigy": "tools:read_prodigy",
    "inception": "inception:read_inception",
}
#: Format -> writer(path, annotations).
WRITERS: dict[str, str] = {
    "jsonl": "tables:write_jsonl",
    "csv": "tables:write_csv",
    "parquet": "tables:write_parquet",
    "doccano": "tools:write_doccano",
    "label_studio": "tools:write_label_studio",
    "argilla": "tools:write_argilla",
    "prodigy": "tools:write_prodigy",
}


def read_annotations(
    path: Path | str,
    *,
    format: str = "",
    codebook: Codebook | None = None,
    rejects: Callable[[Reject], None] = lambda reject: None,
) -> Iterator[Annotation]:
    """Yield annotations.

    Args:
        path: a file, or the folder of a saved Hugging Face dataset.
        format: a key of `READERS`; empty: told by the name, and for JSON by the keys of the first record.
        codebook: whose codes are expected; the shipped one by default.
        rejects: called with each record that cannot be used.

    Raises:
        InputError: no such file, or nothing in it can be understood.
        UnknownNameError: no such format.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(path, "no such file", "annotations")
    reader = _lookup(READERS, format or guess_format(path))
    return reader(path, codebook=codebook or default_codebook(), rejects=rejects)  # type: ignore[no-any-return]


def write_annotations(path: Path | str, rows: Iterable[Annotation], format: str = "jsonl") -> int:
    """Write annotations in a format of `WRITERS`; return their number.

    Raises:
        UnknownNameError: no such format.
    """
    return int(_lookup(WRITERS, format)(Path(path), rows))


def guess_format(path: Path) -> str:
    """Return the format of a file from its name and, for JSON, its first record."""
    if path.is_dir():
        return "dataset"
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".csv", ".tsv")):
        return "csv"
    if name.endswith(".parquet"):
        return "parquet"
    from sca_nlp.read.annotations.tables import open_text

    with open_text(path) as f:
        head = f.read(1 << 20)
    try:
        first, _ = json.JSONDecoder().raw_decode(head.lstrip().removeprefix("[").lstrip())
    except (ValueError, RecursionError):
        first = None
    keys: set[str] = set(first) if isinstance(first, dict) else set()
    if "%FEATURE_STRUCTURES" in keys or '"%FEATURE_STRUCTURES"' in head or '"%TYPES"' in head[:200]:
        return "inception"
    if "data" in keys and "annotations" in keys:
        return "label_studio"
    if "responses" in keys or "annotation_agent" in keys:
        return "argilla"
    if "answer" in keys:
        return "prodigy"
    if "label" in keys and "codes" not in keys:
        return "doccano"
    return "jsonl"


def _lookup(table: dict[str, str], name: str) -> Any:
    if name not in table:
        raise UnknownNameError("annotation format", name, table)
    module, function = table[name].split(":")
    return getattr(import_module(_HERE + module), function)
