"""How many speeches files hold, where that can be told without reading them: for the time left, never for a result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_BLOCK = 1 << 20


def expected_speeches(paths: Sequence[str]) -> int:
    """Return the speeches in JSONL and Parquet files; 0 if any path is of another form, a pattern or a URL."""
    total = 0
    for path in map(Path, paths):
        try:
            if path.suffix == ".parquet" and path.is_file():
                import pyarrow.parquet as pq

                total += int(pq.read_metadata(path).num_rows)
            elif path.suffix in (".jsonl", ".ndjson") and path.is_file():
                with path.open("rb") as f:
                    while block := f.read(_BLOCK):
                        total += block.count(b"\n")
            else:
                return 0
        except (OSError, ValueError):  # told, with a reason, by the reader itself
            return 0
    return total
