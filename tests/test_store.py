from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sca_nlp import store
from sca_nlp.codebook import default_codebook
from sca_nlp.errors import InputError, ScaError
from sca_nlp.pipeline.scoring import cut, score_cuts
from sca_nlp.records import Reject
from tests.fakes import fake_tools, speech

CLASSES = default_codebook().classes
IDENTITY = {"model": "m", "codebook": "c"}


def scored(*numbers: int) -> list[store.Scored]:
    return score_cuts([cut(speech(n)) for n in numbers], fake_tools())


def test_adding_a_shard_twice_changes_nothing(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        first = run.add(scored(1, 2))
        before = {p: p.read_bytes() for p in tmp_path.rglob("*.parquet")}
        assert run.add(scored(1, 2)) == first
        assert {p: p.read_bytes() for p in tmp_path.rglob("*.parquet")} == before
    assert store.check_run(tmp_path).problems == ()


def test_reopened_store_knows_what_is_done(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        run.add(scored(1))
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        assert run.is_done(speech(1))
        assert not run.is_done(speech(2))
        with pytest.raises(InputError, match="another"):
            raise InputError("x", "another", "y")
        with pytest.raises(InputError, match="scored before"):
            run.is_done(speech(1, text="Something else."))


def test_another_model_never_shares_a_store(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES):
        pass
    with pytest.raises(InputError, match="another model"):
        store.RunStore(tmp_path, {**IDENTITY, "model": "m2"}, CLASSES)


def test_two_processes_on_one_folder(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES), pytest.raises(ScaError, match="another process"):
        store.RunStore(tmp_path, IDENTITY, CLASSES)
    store.RunStore(tmp_path, IDENTITY, CLASSES).close()


def test_unfinished_shard_is_swept_away(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        name = run.add(scored(1))
        other = run.add(scored(2))
    (tmp_path / "passages" / name).unlink()  # killed between the two renames
    (tmp_path / "passages" / f".{other}.999.tmp").write_bytes(b"half")
    assert any("unfinished" in p for p in store.check_run(tmp_path).problems)
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        assert set(run.done) == {"s2"}
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"format": 1}'])
def test_damaged_manifest_says_so(tmp_path: Path, damage: str) -> None:
    (tmp_path / "run.json").write_text(damage)
    with pytest.raises(InputError, match=r"run\.json"):
        store.RunStore(tmp_path, IDENTITY, CLASSES)


def test_half_written_shard_is_named(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        name = run.add(scored(1))
    path = tmp_path / "passages" / name
    path.write_bytes(path.read_bytes()[:100])
    assert any(name in p for p in store.check_run(tmp_path).problems)


def test_check_finds_a_missing_and_a_doubled_passage(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        name = run.add(scored(1))
    path = tmp_path / "passages" / name
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    assert any("missing" in p for p in store.check_run(tmp_path).problems)
    pq.write_table(table, path.with_name("part-copy.parquet"))
    pq.write_table(pq.read_table(tmp_path / "speeches" / name), tmp_path / "speeches" / "part-copy.parquet")
    assert any("twice" in p for p in store.check_run(tmp_path).problems)


def test_digest_does_not_depend_on_shards(tmp_path: Path) -> None:
    for folder, batches in ((tmp_path / "a", [(1, 2, 3)]), (tmp_path / "b", [(3,), (1, 2)])):
        with store.RunStore(folder, IDENTITY, CLASSES) as run:
            for batch in batches:
                run.add(scored(*batch))
    assert store.store_digest(tmp_path / "a") == store.store_digest(tmp_path / "b")


def test_rejects_and_speech_come_back(tmp_path: Path) -> None:
    with store.RunStore(tmp_path, IDENTITY, CLASSES) as run:
        run.add(scored(1))
        assert run.write_rejects([Reject("f.csv", 3, "no text", "\ud800")]) == 1
    assert json.loads((tmp_path / "rejects.jsonl").read_text())["line"] == 3
    assert store.read_speech(tmp_path, "s1") == speech(1)
    assert store.read_speech(tmp_path, "s9") is None


def test_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run\.json"):
        store.passage_paths(tmp_path)
    with store.RunStore(tmp_path, IDENTITY, CLASSES):
        pass
    with pytest.raises(InputError, match="no scored passages"):
        store.passage_paths(tmp_path)


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ScaError, match="disk is full"):
        store.write_atomically(tmp_path / "x", b"data")
    assert list(tmp_path.iterdir()) == []


KILLED = """
import sys, time
from pathlib import Path
from sca_nlp.pipeline.scoring import score
from tests.fakes import fake_tools, speech
import sca_nlp.pipeline.scoring as p
p.SHARD_CHARACTERS = 200
score((speech(n) for n in range(400)), Path(sys.argv[1]), fake_tools())
print("finished")
"""


def test_killed_at_any_moment_it_finishes_when_run_again(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "run")]
    root = Path(__file__).parents[1]
    kills = 0
    for delay in (0.5, 0.1, 0.2, 0.05):
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
        while process.poll() is None and not list((tmp_path / "run" / "passages").glob("part-*")):
            time.sleep(0.02)
        time.sleep(delay)
        if process.poll() is None:
            process.kill()
            kills += 1
        process.wait()
    assert subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout == "finished\n"
    result = store.check_run(tmp_path / "run")
    assert (result.n_speeches, result.n_passages, result.problems) == (400, 1200, ())
    assert kills
