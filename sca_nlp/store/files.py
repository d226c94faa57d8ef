"""Files that are written whole or not at all, here or behind a URL, and the run's manifest."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sca_nlp.errors import InputError, ScaError
from sca_nlp.places import Place, RemotePath


def write_atomically(path: Place, content: bytes) -> None:
    """Write a file whole or not at all: temporary name, flush to disk, rename."""
    if isinstance(path, RemotePath):
        try:
            path.write_whole(content)
        except OSError as e:
            raise mendable(e, path) from e
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        temporary.replace(path)
    except OSError as e:
        with contextlib.suppress(OSError):  # a folder that cannot be written to says so once
            temporary.unlink(missing_ok=True)
        raise mendable(e, path) from e


def write_table(path: Place, table: pa.Table) -> None:
    """Write a Parquet file whole or not at all."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, sink.getvalue().to_pybytes())


def mendable(e: OSError, path: Place) -> ScaError:
    """Return the error of a failed write as one that tells the user what to do."""
    if e.errno == errno.ENOSPC:
        return ScaError(
            f"{path.parent}: the disk is full; what is finished is kept. Free some space and run the same command again"
        )
    if e.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return ScaError(f"{path.parent}: not writable ({e.strerror}); choose another folder with --out")
    return ScaError(f"{path}: could not be written ({e.strerror or e})")


def json_bytes(value: Any) -> bytes:
    """Return JSON as bytes, keys sorted."""
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode("utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all, keys sorted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json_bytes(value))


def read_manifest(folder: Place) -> dict[str, Any]:
    """Return a run's manifest.

    Raises:
        InputError: the folder is no run, or its manifest is damaged.
    """
    path = folder / "run.json"
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(folder, "no run.json", "a run folder made by `sca score` or `sca run`") from None
    except (ValueError, OSError, RecursionError) as e:
        raise InputError(
            path, f"damaged ({e})", "the manifest of a run; restore it, or score into a new folder"
        ) from None
    if not isinstance(manifest, dict) or not {"format", "identity", "classes"} <= set(manifest):
        raise InputError(path, "not a run's manifest", "format, identity and classes")
    return dict(manifest)
