"""What the commands print with: one summary line, tables, JSON on request, progress bars on a terminal only."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
_CONTROLS = {c: "�" for c in (*range(0x20), *range(0x7F, 0xA0)) if c not in (0x09, 0x0A)}


def clean(text: object) -> str:
    """Return text without control characters: what comes from a corpus must not steer the terminal."""
    return str(text).translate(_CONTROLS)


def emit(data: Any, as_json: bool, human: Callable[[], None]) -> None:
    """Print data as JSON, or let `human` print it."""
    if as_json:
        print(json.dumps(data, indent=1, ensure_ascii=False, default=str))
    else:
        human()


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: drawn on a terminal, tab-separated in a pipe."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        drawn = Table(*headers, header_style="bold", box=None, pad_edge=False)
        for row in rows:
            drawn.add_row(*(Text(clean(c)) for c in row))
        Console().print(drawn)
    else:
        print("\t".join(headers))
        for row in rows:
            print("\t".join(clean(c).replace("\t", " ").replace("\n", " ") for c in row))


@contextmanager
def progress(what: str, unit: str = "passages") -> Iterator[Callable[[int, int], None]]:
    """Show speeches and passages as they are finished, with the rate; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda n_speeches, n_passages: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    start, totals = time.monotonic(), [0, 0]
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(what, total=None)

        def advance(n_speeches: int, n_passages: int) -> None:
            totals[0] += n_speeches
            totals[1] += n_passages
            rate = totals[1] / max(time.monotonic() - start, 1e-9)
            bar.update(task, description=f"{what}: {totals[0]:,} speeches, {totals[1]:,} {unit}, {rate:,.0f} {unit}/s")

        yield advance


def pairs(values: Sequence[str] | None, option: str) -> dict[str, str]:
    """Parse `name=value` options."""
    from sca_nlp.errors import InputError

    result: dict[str, str] = {}
    for value in values or ():
        name, equals, rest = value.partition("=")
        if not equals:
            raise InputError(option, repr(value), "name=value")
        result[name.strip()] = rest.strip()
    return result


def counted(counts: Mapping[str, int]) -> str:
    """Return `3 speeches, 210 passages`."""
    return ", ".join(f"{n:,} {name}" for name, n in counts.items())


def reasons(rejects: Sequence[Any], most: int = 10) -> list[str]:
    """Return why records were rejected, the most frequent first: how many, why, and the first of them."""
    kinds: dict[str, list[Any]] = {}
    for r in rejects:
        kinds.setdefault(re.sub(r"'[^']*'|[0-9][0-9,.]*|^[^:]{1,300}: ", "*", r.reason), []).append(r)
    found = []
    for same in sorted(kinds.values(), key=len, reverse=True)[:most]:
        first = same[0]
        at = f"{first.file}:{first.line}" if first.line else first.file
        found.append(clean(f"{len(same):,} x {first.reason[:300]} ({'first: ' if len(same) > 1 else ''}{at})"))
    if len(kinds) > most:
        found.append(f"{len(kinds) - most:,} more kinds")
    return found
