"""Tables of a report as CSV and Parquet. A spreadsheet must not run a cell, and the text must survive the guard."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from sca_nlp.report.frames import NEEDED, Frames

_RISKY = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guard(text: str) -> str:
    """Return the text with a leading apostrophe if a spreadsheet could take it for a formula.

    Text that begins with `=`, `+`, `-`, `@`, tab or return, or with apostrophes and then one of these, gets one
    apostrophe in front; all other text is left as it is. `unguard` undoes exactly this.
    """
    return "'" + text if _RISKY.match(text) else text


def unguard(text: str) -> str:
    """Return the text that `guard` was given."""
    return text[1:] if _GUARDED.match(text) else text


def cell(value: Any) -> Any:
    """Return a value as it goes into a CSV: numbers as they are, missing as nothing, lists joined, text guarded."""
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return ""
    if hasattr(value, "tolist") and not isinstance(value, str):
        value = value.tolist()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return guard(";".join(map(str, value)))
    return guard(str(value))


def write_table(frame: pd.DataFrame, folder: Path, name: str) -> list[Path]:
    """Write a frame as `name.csv` (UTF-8, one header row, text guarded) and `name.parquet` (unchanged)."""
    folder.mkdir(parents=True, exist_ok=True)
    csv_path, parquet_path = folder / f"{name}.csv", folder / f"{name}.parquet"
    with csv_path.open("w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow([guard(str(c)) for c in frame.columns])
        for row in frame.itertuples(index=False, name=None):
            writer.writerow([cell(v) for v in row])
    frame.to_parquet(parquet_path, index=False)
    return [csv_path, parquet_path]


def write_tables(frames: Frames, codes: Collection[str], folder: Path) -> list[str]:
    """Write the tables beside the page, of the frames of pairs the rows of these actors; return their names."""
    names = []
    for file in NEEDED:
        frame = frames[file]
        if frame.empty or file == "words_draws.parquet":
            continue
        kept = frame[frame["source"].isin(codes) & (frame["target"].isin(codes) | (frame["target"] == ""))]
        name = Path(file).stem
        write_table(kept, folder, name)
        names.append(name)
    exchanged = {"transactions": frames.transactions} if len(frames.transactions) else {}
    for name, frame in (frames.extra | exchanged).items():
        write_table(frame, folder, name)
        names.append(name)
    return names
