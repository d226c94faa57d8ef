"""The fault campaign in short: a dozen kills and every scene that is quick; `make faults` is the whole of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.campaign import kill_often
from tests.faults.jobs import JOBS, Job
from tests.faults.scenes import SCENES, Skipped

KILLS = {"scoring": 4, "aggregating and comparing": 1, "training": 1, "reviewing": 5}
LONG = ("sigterm", "ctrl_c", "disk_full_while_aggregating_and_reporting", "half_written_frames")


@pytest.mark.parametrize("job", JOBS, ids=lambda j: j.name.replace(" ", "-"))
def test_a_kill_loses_and_doubles_nothing(job: Job, tmp_path: Path) -> None:
    count = kill_often(job, KILLS[job.name], tmp_path, random.Random(7))
    assert count.problems == []
    assert count.kills == KILLS[job.name]
    assert count.finished >= 1


@pytest.mark.parametrize("name", [n for n in SCENES if n not in LONG])
def test_a_fault_is_told_and_mended(name: str, tmp_path: Path) -> None:
    try:
        SCENES[name](tmp_path)
    except Skipped as e:
        pytest.skip(str(e))


def test_stopped_by_a_signal_it_says_so_and_goes_on(tmp_path: Path) -> None:
    SCENES["sigterm"](tmp_path)
