"""Scoring beyond one machine: Ray Data over the shards of a run, each finished by `pipeline.finish_shard`.

The driver reads speeches as it does alone and writes the first half of each shard (its speeches) to the run folder.
What Ray Data is given are the shards' names: `map_batches` with a pool of actors, each of which loads the model once,
reads a shard's speeches from the folder, scores them and writes the second half. So no text passes through Ray, memory
does not grow with the corpus, and a task that is tried again writes the same file again. Names are handed over in waves
that grow, so that workers start while the driver still reads.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from sca_nlp.errors import InputError, MissingExtraError, ScaError, UnknownNameError
from sca_nlp.pipeline.reading import ahead
from sca_nlp.pipeline.scoring import Engine, Finished, Tools, finish_shard, here
from sca_nlp.places import Place
from sca_nlp.records import Reject, Speech
from sca_nlp.store import n_passages_of, read_manifest, read_speeches_of, text_digest, write_speeches

#: A task whose worker dies (killed, out of memory, its node gone) is tried this many times more.
RETRIES = 3
#: Shards of the first wave for each worker, how much larger the next is, and the most of one wave: the driver keeps
#: the ids of two waves in memory, and between waves the workers load the model anew.
FIRST_WAVE, GROWTH, LARGEST_PER_WORKER, LARGEST = 16, 16, 256, 20_000
_WRITE_TRIES = 3


class Worker:
    """An actor: it loads the tools once and finishes shards by name."""

    def __init__(self, load: Callable[[], Tools], identity: dict[str, str], folder: Place) -> None:
        self._folder, self._trouble = folder, ""
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        try:
            self._tools = load()
            mine = self._tools.identity()
            if read_manifest(folder)["identity"] != identity:
                raise InputError(folder, "another run", "the folder of this run, seen from every node")
            if mine != identity:
                changed = " and ".join(k for k in identity if mine.get(k) != identity[k])
                raise InputError("worker", f"another {changed} than the driver's", "the same version on every node")
        except Exception as e:
            self._trouble = (
                f"{self._name}: {e}" if isinstance(e, ScaError) else f"{self._name}: {type(e).__name__}: {e}"
            )

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """Finish the shards of a batch; each row out is the JSON of what came of one."""
        return {"row": [json.dumps(self._finish(str(name))) for name in batch["shard"]]}

    def _told(self, e: Exception) -> str:
        return f"{self._name}: {e}" if isinstance(e, ScaError) else f"{self._name}: {type(e).__name__}: {e}"

    def _finish(self, name: str) -> dict[str, Any]:
        row: dict[str, Any] = {"shard": name, "worker": self._name}
        for k in range(_WRITE_TRIES):
            if self._trouble:
                break
            try:
                return row | asdict(finish_shard(read_speeches_of(self._folder, name), self._tools, self._folder))
            except ScaError as e:  # a store that does not answer at once may do so soon
                if k == _WRITE_TRIES - 1:
                    return row | {"trouble": self._told(e)}
                time.sleep(2**k)
            except Exception as e:
                return row | {"trouble": self._told(e)}
        return row | {"trouble": self._trouble}


def engine_named(name: str, load: Callable[[], Tools], **options: Any) -> Engine:
    """Return the engine of a name: `local` (this process) or `ray`, whose options are those of `RayEngine`.

    Raises:
        UnknownNameError: neither.
        InputError: a cluster's options for the local engine.
    """
    if name not in ("local", "ray"):
        raise UnknownNameError("engine", name, ("local", "ray"))
    if name == "ray":
        return RayEngine(load, say=lambda text: print(text, file=sys.stderr), **options)
    given = [k for k in ("address", "workers", "gpus") if options.get(k)]
    if given:
        raise InputError(f"--{given[0]}", "given for the engine on this machine", "--engine ray with it")
    return here


@dataclass(frozen=True)
class _Planned:
    name: str
    digests: dict[str, str]  # speech id -> text digest


@dataclass
class RayEngine:
    """A `pipeline.scoring.Engine` on Ray Data.

    Args:
        load: gives the tools; called once by each worker.
        address: of a running cluster; empty: that of `RAY_ADDRESS`, or a cluster of this machine's own cores.
        workers: at most this many; 0 for as many as fit the cluster.
        cpus: of each worker; also its threads.
        gpus: of each worker, for models that run in torch.
        say: told what the user should know.
    """

    load: Callable[[], Tools]
    address: str = ""
    workers: int = 0
    cpus: float = 1.0
    gpus: float = 0.0
    say: Callable[[str], None] = lambda text: None
    seen: set[str] = field(default_factory=set)  # workers (host:process) that finished a shard

    def __call__(self, shards: Iterator[list[Speech]], tools: Tools, folder: Place) -> Iterator[Finished]:
        """Yield what came of each shard, as workers finish them.

        Raises:
            ScaError: a worker cannot load the model, or the folder cannot be written; what is finished is kept.
        """
        with _connected(self.address) as ray:
            n = self._n_workers(ray)
            identity = tools.identity()
            for wave in ahead(self._waves(shards, folder, n), depth=1):
                lost = yield from self._score(wave, n, identity, folder)
                # Something in these kills its worker. Alone, only the speech that does so is lost.
                again = [_plan([s], folder) for p in lost for s in _taken_back(p, folder)]
                gone = (yield from self._score(again, n, identity, folder, ahead_of_it=0)) if again else []
                for planned in gone:
                    _taken_back(planned, folder)
                    why = f"its worker died {RETRIES + 1} times (out of memory?)"
                    yield Finished(rejects=tuple(Reject(i, 0, f"could not be scored: {why}") for i in planned.digests))

    def _n_workers(self, ray: Any) -> int:
        have = ray.cluster_resources()
        fits = [have.get("CPU", 0) / self.cpus] if self.cpus else []
        fits += [have.get("GPU", 0) / self.gpus] if self.gpus else []
        most = int(min(fits)) if fits else 1
        if most < 1:  # it would wait for ever
            got = f"{have.get('CPU', 0):g} CPUs and {have.get('GPU', 0):g} GPUs"
            raise InputError("cluster", got, f"{self.cpus:g} CPUs and {self.gpus:g} GPUs for one worker")
        n = min(self.workers or most, most)
        if self.workers > most:
            self.say(f"note: {most} workers fit the cluster, not {self.workers}")
        free = ray.available_resources().get("CPU", 0)
        if free < self.cpus:
            self.say("note: other jobs hold the cluster's CPUs; waiting for them")
        nodes = sum(bool(node["Alive"]) for node in ray.nodes())
        self.say(f"Ray: {n} workers on {nodes} nodes, {self.cpus:g} CPUs and {self.gpus:g} GPUs each")
        return n

    def _waves(self, shards: Iterable[list[Speech]], folder: Place, n: int) -> Iterator[list[_Planned]]:
        size, most = FIRST_WAVE * n, min(LARGEST_PER_WORKER * n, LARGEST)
        wave: list[_Planned] = []
        for shard in shards:
            wave.append(_plan(shard, folder))
            if len(wave) >= size:
                yield wave
                wave, size = [], min(size * GROWTH, most)
        if wave:
            yield wave

    def _score(
        self, wave: list[_Planned], n: int, identity: dict[str, str], folder: Place, ahead_of_it: int = 1
    ) -> Generator[Finished, None, list[_Planned]]:
        """Yield what came of a wave's shards; return those of which nothing did."""
        from ray.data import ActorPoolStrategy, from_items

        open_ = {p.name: p for p in wave}
        # One block a shard: a task is one shard, and a worker holds one and `ahead_of_it` more.
        names = from_items([{"shard": p.name} for p in wave], override_num_blocks=len(wave))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the option that bounds retries goes away in a Ray that we do not take yet
            rows = names.map_batches(
                Worker,
                fn_constructor_kwargs={"load": self.load, "identity": identity, "folder": folder},
                batch_size=1,
                compute=ActorPoolStrategy(
                    min_size=1, max_size=min(n, len(wave)), max_tasks_in_flight_per_actor=1 + ahead_of_it
                ),
                num_cpus=self.cpus,
                num_gpus=self.gpus or None,
                ray_remote_args_fn=_remote_args,
            ).iter_rows()
        for row in rows:
            made = json.loads(row["row"])
            if "trouble" in made:
                raise ScaError(f"a worker stopped: {made['trouble']}. What is finished is kept; run the same again")
            self.seen.add(made["worker"])
            open_.pop(made["shard"], None)
            rejects = tuple(Reject(**r) for r in made["rejects"])
            if rejects:  # the worker stored the others under the name of what is left
                (folder / "speeches" / made["shard"]).unlink(missing_ok=True)
            yield Finished(made["digests"], made["n_passages"], rejects)
        lost = []
        for planned in open_.values():
            if (folder / "passages" / planned.name).exists():  # written, but its worker died before it could say so
                yield Finished(planned.digests, n_passages_of(folder, planned.name))
            else:
                lost.append(planned)
        return lost


def _remote_args() -> dict[str, int]:
    return {"max_restarts": -1, "max_task_retries": RETRIES}


def _plan(shard: list[Speech], folder: Place) -> _Planned:
    name = write_speeches(folder, shard, [None] * len(shard))
    return _Planned(name, {s.speech_id: text_digest(s.text) for s in shard})


def _taken_back(planned: _Planned, folder: Place) -> list[Speech]:
    """Return a shard's speeches and delete its unfinished half."""
    speeches = read_speeches_of(folder, planned.name)
    (folder / "speeches" / planned.name).unlink(missing_ok=True)
    return speeches


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Give Ray, connected; what was connected before stays so."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # deaths of workers are expected, and told by us
    try:
        import ray
        from ray.data import DataContext
    except ImportError as e:
        raise MissingExtraError(str(e.name), "ray") from None
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1  # a shard whose worker keeps dying must not take the others with it
    context.max_consecutive_actor_init_deaths = RETRIES
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what matters of its errors is told as rejects
    mine = not ray.is_initialized()
    if mine:
        try:
            options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
            ray.init(address=address or None, **options | ({} if address else {"include_dashboard": False}))
        except Exception as e:  # a node that does not start raises no narrower one
            reason = str(e).splitlines()[0][:200]
            raise InputError("--address", reason, "the address of a running Ray cluster, such as auto") from None
    try:
        yield ray
    finally:
        if mine:
            ray.shutdown()
