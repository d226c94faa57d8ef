"""Where two frames, tables or pages differ, in words."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

#: Numbers that differ by less are the same: other processors round the last digits otherwise.
TOLERANCE = 1e-6
#: What stands in the lines of a page that name or count its drawings.
_DRAWN = ("<code>figures/</code>", "in figures/,")
_KEYS = (
    *("source", "target", "period", "measure", "indicator", "value", "method", "draw", "date", "manifestation"),
    *("dataset", "question", "statistic", "direction", "series", "kind", "start", "first", "name"),
)


def _read(path: Path) -> pd.DataFrame | str:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        return "not there"
    except (OSError, ValueError) as e:
        return f"not readable ({e})"


def frames_differ(theirs: Path, ours: Path, counted: Callable[[int], None]) -> Iterator[str]:
    """Yield where two Parquet files differ: which row, what is there, what was recomputed.

    Args:
        theirs: what lies in the run.
        ours: what was recomputed.
        counted: told how many numbers were compared.
    """
    a, b = _read(theirs), _read(ours)
    if isinstance(a, str) or isinstance(b, str):
        if isinstance(a, str) != isinstance(b, str):
            yield a if isinstance(a, str) else "there, but not made by the recorded settings"
        return
    if list(a.columns) != list(b.columns):
        yield f"columns {', '.join(map(str, a.columns))}; recomputed {', '.join(map(str, b.columns))}"
        return
    if len(a) != len(b):
        yield f"{len(a):,} rows; recomputed {len(b):,}"
        return
    counted(sum(int(b[c].notna().sum()) for c in b.select_dtypes("number")))
    keys = [k for k in _KEYS if k in b.columns]
    for column in a.columns:
        for row in _rows_that_differ(a[column], b[column]):
            named = ", ".join(str(b[k].iloc[row]) for k in keys if str(b[k].iloc[row]) not in ("", column))
            yield f"row {row + 1} ({named}): {column} is {a[column].iloc[row]}; recomputed {b[column].iloc[row]}"


def _rows_that_differ(a: pd.Series, b: pd.Series) -> list[int]:
    import numpy as np
    import pandas as pd

    if pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b):
        x, y = a.to_numpy(float, na_value=np.nan), b.to_numpy(float, na_value=np.nan)
        same = np.isclose(x, y, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
        return [int(k) for k in np.flatnonzero(~same)]
    return [k for k, (x, y) in enumerate(zip(a, b, strict=True)) if not _same(x, y)]


def _same(x: Any, y: Any) -> bool:
    x, y = (v.tolist() if hasattr(v, "tolist") else v for v in (x, y))
    return bool(x == y or (x != x and y != y) or str(x) == str(y))


def cells_differ(theirs: Path, ours: Path) -> Iterator[str]:
    """Yield where two CSV tables differ, numbers by their value."""
    try:
        with theirs.open(encoding="utf-8", newline="") as f:
            a = list(csv.reader(f))
    except FileNotFoundError:
        yield "not there"
        return
    except (OSError, ValueError, csv.Error) as e:
        yield f"not readable ({e})"
        return
    with ours.open(encoding="utf-8", newline="") as f:
        b = list(csv.reader(f))
    if len(a) != len(b):
        yield f"{len(a) - 1:,} rows; recomputed {len(b) - 1:,}"
        return
    for line, (x, y) in enumerate(zip(a, b, strict=True), 1):
        if len(x) != len(y):
            yield f"line {line}: {len(x)} cells; recomputed {len(y)}"
            continue
        for name, u, v in zip(b[0], x, y, strict=True):
            if u != v and not _close(u, v):
                yield f"line {line}: {name} is {u[:80]!r}; recomputed {v[:80]!r}"


def _close(u: str, v: str) -> bool:
    try:
        x, y = float(u), float(v)
    except ValueError:
        return False
    return abs(x - y) <= TOLERANCE * max(1.0, abs(y))


def lines_differ(theirs: Path, ours: Path, figures: bool) -> Iterator[str]:
    """Yield where two pages differ, with what stands around the first difference of a line."""
    if not ours.exists():
        return  # of no pair of this report; its digest is missing, which is said
    try:
        a = theirs.read_text("utf-8").split("\n")
    except FileNotFoundError:
        yield "not there"
        return
    except (OSError, ValueError) as e:
        yield f"not readable ({e})"
        return
    b = ours.read_text("utf-8").split("\n")
    if figures:  # drawings are not made again, so that the page does not name them
        a, b = ([x for x in page if not any(names in x for names in _DRAWN)] for page in (a, b))
    if len(a) != len(b):
        yield f"{len(a):,} lines; recomputed {len(b):,}"
    for line, (x, y) in enumerate(zip(a, b, strict=False), 1):
        if x != y:
            at = next((k for k, (p, q) in enumerate(zip(x, y, strict=False)) if p != q), min(len(x), len(y)))
            cut = slice(max(0, at - 30), at + 40)
            yield f"line {line}: {x[cut].strip()!r}; recomputed {y[cut].strip()!r}"
            if len(a) != len(b):
                return
