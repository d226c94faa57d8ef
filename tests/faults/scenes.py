"""Faults other than kills: each function makes one, reads the message, does what that says, and goes on."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from sca_nlp import pipeline
from sca_nlp.config import WordsSection
from sca_nlp.errors import ScaError
from sca_nlp.pipeline import scoring
from sca_nlp.store import RunStore, check_run, read_manifest, store_digest
from tests.faults.jobs import DYADS, Series, speeches, tools

N = 40
_MANY = 800
ROOT = Path(__file__).parents[2]


class Skipped(Exception):
    """The fault cannot be made here."""


def score(run: Path, n: int = N) -> scoring.ScoreSummary:
    scoring.SHARD_CHARACTERS = 600
    return scoring.score(speeches(n), run, tools())


def whole(run: Path, n: int = N) -> None:
    found = check_run(run)
    assert (found.problems, found.n_speeches, found.n_passages) == ((), n, 4 * n), found


def message(work: Callable[[], object], *parts: str) -> str:
    """Do what must fail, and return its message, which must hold all parts and be one line."""
    said = ""
    try:
        work()
    except ScaError as e:
        said = str(e)
    assert said, f"it went through, where {parts} was expected"
    assert all(p in said for p in parts), f"{parts} not in {said}"
    assert "\n" not in said, said
    return said


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """Mount a small disk in memory."""
    disk = place / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)], capture_output=True, text=True
    )
    if made.returncode:
        raise Skipped(f"mounting a small disk is not allowed here: {made.stderr.strip()[:100]}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def disk_full_while_scoring(place: Path) -> None:
    with small_disk(place, "300k") as disk:
        message(lambda: score(disk / "run", 400), "the disk is full", "run the same command again")
        found = check_run(disk / "run")
        assert 0 < found.n_speeches < 400, found
        assert not [p for p in found.problems if "unfinished" not in p], found
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)  # some space is freed
        score(disk / "run", 400)
        whole(disk / "run", 400)


def disk_full_while_aggregating_and_reporting(place: Path) -> None:
    job = Series()
    job.prepare(place)
    with small_disk(place, "20m") as disk:
        shutil.copytree(place / "run", disk / "run")
        shutil.copy(place / "deeds.csv", disk)
        job.run(disk, lambda line: None)
        wanted = job.digest(disk)
        filler = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while True:
                os.write(filler, b"\0" * 4096)
        os.close(filler)
        words = (disk / "run" / "words.parquet").read_bytes()
        message(
            lambda: pipeline.aggregate(disk / "run", WordsSection(dyads=tuple(DYADS), min_passages=2)), "disk is full"
        )
        assert (disk / "run" / "words.parquet").read_bytes() == words, "the words that were there are gone"
        (disk / "filler").unlink()
        job.run(disk, lambda line: None)
        assert job.digest(disk) == wanted


def disk_full_while_reviewing(place: Path) -> None:
    from sca_nlp.review.journal import Decision, Journal

    with small_disk(place, "400k") as disk:
        journal, said = Journal(disk / "review.sqlite"), []

        def decide(k: int) -> None:
            journal.record(
                key=f"key-{k}",
                base="",
                coder="a",
                passage_id=f"p{k}",
                kind="edit",
                decision=Decision(comment="x" * 3000),
            )
            said.append(f"key-{k}")

        def many() -> None:
            for k in range(1000):
                decide(k)

        message(many, "disk is full")
        assert said
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        decide(len(said))  # the same page goes on
        journal.close()
        again = Journal(disk / "review.sqlite")
        assert [e["key"] for e in again.all_events()] == said
        again.close()


def read_only_folder(place: Path) -> None:
    score(place / "run")
    with small_disk(place, "20m") as disk:
        shutil.copytree(place / "run", disk / "run")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        message(lambda: score(disk / "run", N + 5), "not writable", "--out")
        message(lambda: score(disk / "new"), "not writable", "--out")
        message(lambda: pipeline.aggregate(disk / "run", WordsSection()), "not writable")
        whole(disk / "run")


def half_written_shard(place: Path) -> None:
    score(place / "run")
    digest = store_digest(place / "run")
    shard = min((place / "run" / "passages").glob("part-*"))
    shard.write_bytes(shard.read_bytes()[:200])
    assert any(shard.name in p and "score again" in p for p in check_run(place / "run").problems)
    message(lambda: pipeline.aggregate(place / "run", WordsSection()), shard.name)
    shard.unlink()  # as the message says
    (place / "run" / "speeches" / shard.name).unlink()
    score(place / "run")
    whole(place / "run")
    assert store_digest(place / "run") == digest


def half_written_frames(place: Path) -> None:
    job = Series()
    job.prepare(place)
    job.run(place, lambda line: None)
    wanted = job.digest(place)
    for name in ("words", "deed_series"):
        path = place / "run" / f"{name}.parquet"
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    from sca_nlp.config import CompareSection

    message(lambda: pipeline.compare(place / "run", CompareSection(), DYADS), "words.parquet", "sca aggregate")
    job.run(place, lambda line: None)
    assert job.digest(place) == wanted


def corrupt_manifest(place: Path) -> None:
    score(place / "run")
    for damage in (b"", b'{"format": 1, "ident', b"[" * 100_000, b"\xff\xfe\0", b'{"format": 1}'):
        (place / "run" / "run.json").write_bytes(damage)
        message(
            lambda: score(place / "run"),
            "run.json",
            "new folder" if damage[:1] != b"{" or len(damage) > 14 else "identity",
        )
    score(place / "new")
    whole(place / "new")


def jumping_clock(place: Path) -> None:
    from sca_nlp.review import journal as module

    score(place / "run", N // 2)
    for k, path in enumerate(sorted((place / "run").rglob("*"))):
        os.utime(path, (0, 0) if k % 2 else (4e9, 4e9))
    jumps = iter(range(10**9, 0, -(10**6)))
    with mock.patch("time.time", side_effect=lambda: float(next(jumps))):
        score(place / "run")
    whole(place / "run")
    times = ["2030-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z", "2000-01-01T00:00:00.000Z"]
    with mock.patch.object(module, "_now", side_effect=times):
        journal, base = module.Journal(place / "review.sqlite"), ""
        for k in range(3):
            slot = journal.record(
                key=f"k{k}", base=base, coder="a", passage_id="p", kind="edit", decision=module.Decision(comment=str(k))
            )
            base = slot.key
    last = journal.slot("p", "a").decision
    assert last is not None
    assert last.comment == "2", "the order of events hangs on the clock"
    journal.close()


def two_processes_on_one_run(place: Path) -> None:
    score(place / "run", N // 2)
    identity = read_manifest(place / "run")["identity"]
    with RunStore(place / "run", identity, tools().classifier.codebook.classes):
        message(lambda: score(place / "run"), "another process is writing", "wait")
        message(lambda: pipeline.aggregate(place / "run", WordsSection()), "another process is writing")
    score(place / "run")
    whole(place / "run")


def two_coders_processes_on_one_journal(place: Path) -> None:
    code = (
        "import sys\nfrom sca_nlp.review.journal import Decision, Journal\nj = Journal(sys.argv[1])\n"
        "for k in range(40):\n    j.record(key=f'{sys.argv[2]}-{k}', base='', coder=sys.argv[2], passage_id=f'p{k}',"
        " kind='edit', decision=Decision(comment=str(k)))\n"
    )
    path = place / "review.sqlite"
    command = [sys.executable, "-c", code, str(path)]
    both = [subprocess.Popen([*command, name], cwd=ROOT) for name in ("ana", "bo")]
    assert [p.wait(120) for p in both] == [0, 0]
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*), count(DISTINCT key) FROM events").fetchone() == (80, 80)


def _stopped(place: Path, which: signal.Signals) -> None:
    rows = "".join(
        f'{{"id": "{s.speech_id}", "date": "{s.date}", "country": "{s.source}", "text": "{s.text}"}}\n'
        for s in speeches(_MANY)
    )
    (place / "s.jsonl").write_text(rows)
    code = (
        "import sys\nimport sca_nlp.pipeline.scoring as p\nfrom sca_nlp.cli import main\np.SHARD_CHARACTERS = 600\n"
        "sys.argv = ['sca', 'score', 's.jsonl', '--out', 'run', '--model', 'lexicon']\nmain()\n"
    )
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, text=True, env=environment)
    until = time.monotonic() + 120
    while process.poll() is None and not list(place.glob("run/passages/part-*")) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(which)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, (process.returncode, errors)
    assert "What is finished is kept; run the same command again to go on." in errors, errors
    n = check_run(place / "run").n_speeches
    assert 0 < n < _MANY, n
    assert not [p for p in check_run(place / "run").problems if "unfinished" not in p]


def sigterm(place: Path) -> None:
    _stopped(place, signal.SIGTERM)


def ctrl_c(place: Path) -> None:
    _stopped(place, signal.SIGINT)
    scoring.score(speeches(_MANY), place / "run", tools())


SCENES: dict[str, Callable[[Path], None]] = {
    f.__name__: f
    for f in (
        disk_full_while_scoring,
        disk_full_while_aggregating_and_reporting,
        disk_full_while_reviewing,
        read_only_folder,
        half_written_shard,
        half_written_frames,
        corrupt_manifest,
        jumping_clock,
        two_processes_on_one_run,
        two_coders_processes_on_one_journal,
        sigterm,
        ctrl_c,
    )
}
