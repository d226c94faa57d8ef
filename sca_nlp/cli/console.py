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


def known_models(incomplete: str) -> list[str]:
    """Return the shipped models that a word may be completed to."""
    from sca_nlp.classify.folder import list_models

    return [name for name in list_models() if name.startswith(incomplete)]


JsonFlag = Annotated[bool, typer.Option("--json", metavar="", show_default=False, help="Print JSON instead of text.")]
#: Colours of cells that hold just such a word.
_STYLES = {"default": "green", "yes": "green", "no": "red", "none": "dim"}
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
    """Print a table: drawn in colours on a terminal (not with NO_COLOR), tab-separated in a pipe."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        drawn = Table(*headers, header_style="bold cyan", box=None, pad_edge=False)
        for row in rows:
            first, *rest = (clean(c) for c in row)
            drawn.add_row(Text(first, "bold"), *(Text(c, _STYLES.get(c, "")) for c in rest))
        Console().print(drawn)
    else:
        print("\t".join(headers))
        for row in rows:
            print("\t".join(clean(c).replace("\t", " ").replace("\n", " ") for c in row))


class Advance:
    """Counts what is finished, and says how fast that goes and how long the rest will take.

    Args:
        what: the work, in a word.
        unit: what its second number counts.
        show: gets the line after each step.
    """

    def __init__(self, what: str, unit: str, show: Callable[[str], None] = lambda line: None) -> None:
        self._what, self._unit, self._show = what, unit, show
        self._start, self._speeches, self._units = time.monotonic(), 0, 0
        #: How many units there will be, or of speeches where those are counted; 0: not known.
        self.total = 0

    def __call__(self, n_speeches: int, n_units: int) -> None:
        """Add what has just been finished."""
        self._speeches += n_speeches
        self._units += n_units
        self._show(self.line(time.monotonic() - self._start))

    def begin(self, what: str, unit: str) -> None:
        """Count another work from now on, on the same line; nothing where it has begun already."""
        if (what, unit) != (self._what, self._unit):
            self._what, self._unit, self.total = what, unit, 0
            self._start, self._speeches, self._units = time.monotonic(), 0, 0

    def upto(self, done: int, total: int) -> None:
        """Take what is finished in all, of how many."""
        self.total = total
        self(0, done - self._units)

    def line(self, seconds: float) -> str:
        """Return how things stand after some seconds."""
        seconds = max(seconds, 1e-9)
        parts = [f"{self._speeches:,} speeches"] if self._speeches else []
        if self._units or not parts:
            rate = self._units / seconds
            parts += [f"{self._units:,} {self._unit}", f"{rate:,.{0 if rate >= 10 else 1}f} {self._unit}/s"]
        done = self._speeches or self._units
        if self.total and done:
            left = max(self.total - done, 0) * seconds / done
            parts.append(f"{min(done / self.total, 1):.0%}, {duration(left)} left")
        return f"{self._what}: {', '.join(parts)}"


def duration(seconds: float) -> str:
    """Return `45 s`, `3 min` or `2 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


@contextmanager
def progress(what: str, unit: str = "passages") -> Iterator[Advance]:
    """Show what is finished, with rate and time left (where a total is known); nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield Advance(what, unit)
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(what, total=None)
        yield Advance(what, unit, lambda line: bar.update(task, description=line))


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


def alarm(line: str) -> None:
    """Print a line that needs a person's eye: red on a terminal."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.text import Text

        Console().print(Text(clean(line), "red"))
    else:
        print(clean(line))


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
