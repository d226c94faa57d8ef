"""The same job for many dyads, in this process or several: the results and their order do not depend on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import pandas as pd

from sca_nlp.errors import ScaError

Task = TypeVar("Task")
Result = TypeVar("Result")
#: Called with (done, all) after each job.
Step = Callable[[int, int], None]


def each(
    job: Callable[[Task], Result], tasks: Iterable[Task], n: int, *, workers: int = 1, progress: Step | None = None
) -> list[Result]:
    """Return the results of the job for each of `n` tasks, in their order.

    Args:
        job: a function of a module, so that another process can find it.
        tasks: what it is given; made one after another, so that they need not all be held.
        n: how many tasks there are.
        workers: processes.
        progress: called after each.

    Raises:
        ScaError: a process was ended from outside.
    """
    done: list[Result] = []

    def keep(result: Result) -> None:
        done.append(result)
        if progress:
            progress(len(done), n)

    if workers <= 1 or n <= 1:
        for task in tasks:
            keep(job(task))
        return done
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    try:
        with ProcessPoolExecutor(min(workers, n), mp_context=get_context("spawn"), initializer=_one_thread) as pool:
            for result in pool.map(job, tasks, chunksize=1):
                keep(result)
    except BrokenProcessPool:
        raise ScaError(
            f"a worker process ended after {len(done)} of {n} steps, perhaps for want of memory; run again with fewer"
            " workers (--workers 1)"
        ) from None
    return done


def _one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"


def by_pair(frame: pd.DataFrame, dyads: Sequence[tuple[str, str]]) -> dict[frozenset[str], pd.DataFrame]:
    """Return the rows of each pair of actors, both directions, so that a worker gets no more than it needs."""
    wanted = {frozenset(d) for d in dyads}
    out: dict[frozenset[str], list[pd.DataFrame]] = {}
    for (s, t), part in frame.groupby(["source", "target"], sort=True):
        key = frozenset((str(s), str(t)))
        if key in wanted:
            out.setdefault(key, []).append(part)
    empty = frame.iloc[:0]
    return {k: pd.concat(out[k], ignore_index=True) if k in out else empty for k in wanted}
