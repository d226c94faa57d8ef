"""What the stages say of a run that is no run, that another process writes to, or that is damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from sca_nlp import pipeline
from sca_nlp.config import WordsSection
from sca_nlp.errors import InputError, ScaError
from sca_nlp.pipeline.guard import shards_named

WORDS = WordsSection(dyads=(("USA", "RUS"),), min_passages=1)


def test_a_folder_that_is_no_run_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run\.json; wanted a run folder made by"):
        pipeline.aggregate(tmp_path, WORDS)
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_is_told_to_wait(scored: Path) -> None:
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held'); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(scored / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ScaError, match="another process is writing to this run; wait for it"):
            pipeline.aggregate(scored, WORDS)
        other.communicate("")
    assert pipeline.aggregate(scored, WORDS)["cells"]


def test_a_run_whose_lock_cannot_be_opened_says_so(scored: Path) -> None:
    (scored / ".lock").unlink(missing_ok=True)
    (scored / ".lock").mkdir()
    with pytest.raises(ScaError, match=r"run\.json: could not be written"):
        pipeline.aggregate(scored, WORDS)


def test_a_damaged_shard_is_named(scored: Path) -> None:
    shard = next((scored / "passages").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:200])
    with pytest.raises(InputError, match=rf"{shard.name}: a damaged shard .* score again"):
        pipeline.aggregate(scored, WORDS)
    assert not (scored / "words.parquet").exists()


def test_what_only_the_database_cannot_read_points_to_the_check(scored: Path) -> None:
    with (
        pytest.raises(
            InputError, match=r"passages: not readable \(out of luck\); wanted whole shards; see `sca check`"
        ),
        shards_named(scored),
    ):
        raise duckdb.Error("out of luck\nand more")
