"""What stages hand on in a run folder: their frames, and what they note in its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sca_nlp.errors import InputError
from sca_nlp.store import read_manifest, write_json, write_table

if TYPE_CHECKING:
    import pandas as pd


def read_frame(path: Path, command: str) -> pd.DataFrame:
    """Return a frame that an earlier stage made, by `command`.

    Raises:
        InputError: not there, or damaged; says which command makes it.
    """
    import pandas as pd

    if not path.exists():
        raise InputError(path, "not there", f"the file that `{command}` makes; run that first")
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as e:  # pyarrow's errors are children of these
        raise InputError(path, f"not readable ({e})", f"the file that `{command}` makes; run that again") from None


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame whole or not at all."""
    import pyarrow as pa

    write_table(path, pa.Table.from_pandas(frame, preserve_index=False))


def note(folder: Path, **entries: Any) -> None:
    """Add what a finished stage says of itself to the run's manifest."""
    write_json(folder / "run.json", {**read_manifest(folder), **entries})
