"""What can go wrong that a user can mend. Everything else is a bug and keeps its traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ScaError(Exception):
    """An error meant for the user: one line that says where, what was got and what was wanted."""


class InputError(ScaError):
    """A file, record or value from outside cannot be used.

    Args:
        where: file, `file:line`, or config key.
        got: what stands there.
        wanted: what would have been right.
    """

    def __init__(self, where: object, got: str, wanted: str) -> None:
        self.where, self.got, self.wanted = str(where), got, wanted
        super().__init__(f"{where}: {got}; wanted {wanted}")


class UnknownNameError(ScaError):
    """A name is not in a table; the message lists the known ones and the nearest."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        super().__init__(f"unknown {what} {name!r}{hint} Known: {', '.join(names) or 'none'}")


class MissingExtraError(ScaError):
    """An optional library is not installed; the message names the pip line that mends it."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed; run: pip install 'sca-nlp[{extra}]'")
