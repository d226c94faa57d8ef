"""`make faults`: kill -9 at random moments, then full disks, damage and company; `python -m tests.faults.campaign`.

Kills fork this process, which has everything imported, so that one costs about half the job's time. After each kill the
job's own proof must hold; every few kills the job is run to its end, and must give what it gives when left alone.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.jobs import JOBS, Job
from tests.faults.scenes import SCENES, Skipped

#: How the kills are shared out, and after how many a job is run to its end.
SHARES = {"scoring": 0.3, "aggregating and comparing": 0.15, "training": 0.2, "reviewing": 0.35}
ROUND = 5


@dataclass
class Count:
    """What happened to one job."""

    kills: int = 0
    too_late: int = 0  # the job had finished before the kill came
    finished: int = 0  # runs to the end after kills, with the right result
    problems: list[str] = field(default_factory=list)


def in_child(work: Callable[[], None]) -> int:
    """Fork, do the work there and never come back; return the child's process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def said_to(path: Path) -> Callable[[str], None]:
    """Return a `say` whose lines outlive the process that says them."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    return lambda line: (os.write(handle, f"{line}\n".encode()), None)[1]


def run_whole(job: Job, folder: Path) -> int:
    """Run a job to its end in a child; return its exit code."""
    _, status = os.waitpid(in_child(lambda: job.run(folder, said_to(folder / "said"))), 0)
    return os.waitstatus_to_exitcode(status)


def answered(job: Job, folder: Path, what: str) -> list[str] | str:
    """Return `job.holds` or `job.digest` as a child says it: libraries with threads of their own stay out of here."""
    answer = folder / "answer"
    said = (folder / "said").read_text().split("\n")[:-1] if (folder / "said").exists() else []

    def work() -> None:
        found = job.holds(folder, said) if what == "holds" else [job.digest(folder)]
        answer.write_text("\n".join(found))

    _, status = os.waitpid(in_child(work), 0)
    if status:
        return [f"the proof itself failed with {status}"]
    lines = [line for line in answer.read_text().split("\n") if line]
    return lines if what == "holds" else lines[0]


def fresh(job: Job, place: Path) -> Path:
    """Return a new folder in which the job can start."""
    folder = Path(tempfile.mkdtemp(dir=place))
    _, status = os.waitpid(in_child(lambda: job.prepare(folder)), 0)
    assert status == 0, f"{job.name} could not be prepared"
    return folder


def kill_often(job: Job, kills: int, place: Path, rng: random.Random) -> Count:
    """Kill a job so often, at moments spread over its whole length."""
    count = Count()
    base = fresh(job, place)
    alone = Path(shutil.copytree(base, place / "alone"))
    start = time.monotonic()
    assert run_whole(job, alone) == 0, f"{job.name} fails when left alone"
    length, wanted = time.monotonic() - start, answered(job, alone, "digest")
    n_round = 0
    folder = Path(shutil.copytree(base, place / "round-0"))
    while count.kills < kills and count.too_late < 10 * kills:
        pid = in_child(lambda folder=folder: job.run(folder, said_to(folder / "said")))
        time.sleep(rng.uniform(0, length))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        killed = os.WIFSIGNALED(status)
        count.kills += killed
        count.too_late += not killed
        count.problems += [f"after kill {count.kills}: {p}" for p in answered(job, folder, "holds")]
        if not killed or count.kills % ROUND == 0 or count.kills == kills:
            if run_whole(job, folder):
                count.problems.append(f"after kill {count.kills}: the next run failed")
            elif (got := answered(job, folder, "digest")) != wanted:
                count.problems.append(f"after kill {count.kills}: another result: {got}")
            else:
                count.finished += 1
            shutil.rmtree(folder)
            n_round += 1
            folder = Path(shutil.copytree(base, place / f"round-{n_round}"))
    return count


def campaign(kills: int, place: Path, seed: int, say: Callable[[str], None] = print) -> list[str]:
    """Kill every job its share of times, then play every scene; return what went wrong."""
    problems: list[str] = []
    rng = random.Random(seed)
    total = 0
    for job in JOBS:
        start = time.monotonic()
        part = place / job.name.replace(" ", "-")
        part.mkdir()
        count = kill_often(job, max(1, round(kills * SHARES[job.name])), part, rng)
        total += count.kills
        seconds = f"{time.monotonic() - start:.0f} s"
        done = f"{count.kills} kills, {count.finished} finished runs after them, all with the same result"
        say(f"{job.name}: {done if not count.problems else f'{count.kills} kills'}; {seconds}")
        for p in count.problems:
            say(f"  {p}")
        problems += [f"{job.name}: {p}" for p in count.problems]
    played = skipped = 0
    for name, scene in SCENES.items():
        part = place / name
        part.mkdir()
        try:
            scene(part)
            played += 1
            say(f"{name.replace('_', ' ')}: as it should be")
        except Skipped as e:
            skipped += 1
            say(f"{name.replace('_', ' ')}: skipped ({e})")
        except AssertionError as e:
            problems.append(f"{name}: {e}")
            say(f"{name.replace('_', ' ')}: WRONG: {e}")
    say(f"{total} kills, {played} other faults, {skipped} skipped, {len(problems)} problems (seed {seed})")
    return problems


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="sca-faults-"))
    try:
        return int(bool(campaign(given.kills, place, given.seed, lambda line: print(line, flush=True))))
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
