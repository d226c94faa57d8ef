"""What keeps stages from each other's feet: one process at a time in a run folder, and damage named where it lies."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sca_nlp.errors import InputError, ScaError
from sca_nlp.store import iter_passages, mendable

P = ParamSpec("P")
T = TypeVar("T")


def alone(stage: Callable[Concatenate[Path, P], T]) -> Callable[Concatenate[Path, P], T]:
    """Let a stage hold its run folder's lock, the one that scoring holds too.

    Raises:
        ScaError: another process is writing to the run, or it cannot be written to.
    """

    @wraps(stage)
    def locked(folder: Path, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if not (folder / "run.json").exists():  # no run: the stage says so, and nothing is left there
            return stage(folder, *args, **kwargs)
        try:
            lock = (folder / ".lock").open("w")
        except OSError as e:
            raise mendable(e, folder / "run.json") from e
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ScaError(
                    f"{folder}: another process is writing to this run; wait for it, then run the same command again"
                ) from None
            return stage(folder, *args, **kwargs)

    return locked


@contextmanager
def shards_named(folder: Path) -> Iterator[None]:
    """Turn the database's error about a damaged shard into one that names it and says what to do.

    Raises:
        InputError: a shard of the run cannot be read.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as e:
        for _ in iter_passages(folder):  # raises at the damaged one
            pass
        why = str(e).splitlines()[0]
        raise InputError(folder / "passages", f"not readable ({why})", "whole shards; see `sca check`") from None
