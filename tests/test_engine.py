from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sca_nlp import engine
from sca_nlp.errors import InputError, MissingExtraError, ScaError, UnknownNameError
from sca_nlp.pipeline import scoring
from sca_nlp.places import RemotePath
from sca_nlp.store import RunStore, check_run, shards
from tests.fakes import fake_tools, speech

ROOT = Path(__file__).parents[1]
WITHOUT_RAY = importlib.util.find_spec("ray") is None
LIMIT = 400  # seconds; some 30 on two free cores. What hangs is killed, not waited for


def on_ray(folder: Path, *words: str) -> dict[str, Any]:
    """Run `tests.ray_job` in a process group of its own, which is killed when it takes too long."""
    settings = {"OMP_NUM_THREADS": "1", "RAY_ADDRESS": ""}
    with (folder / "log").open("w") as log:
        job = subprocess.Popen(
            [sys.executable, "-m", "tests.ray_job", str(folder), *words],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **settings},
        )
        try:
            code = job.wait(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            code = -1
            os.killpg(job.pid, signal.SIGKILL)
    out = (folder / "log").read_text()
    assert code == 0, out[-3000:]
    found: dict[str, Any] = json.loads(out.split("FOUND ")[1].splitlines()[0])
    if "skip" in found:
        pytest.skip(found["skip"])
    return found


@pytest.mark.skipif(WITHOUT_RAY, reason="the extra `ray` is not installed")
@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("SCA_SLOW"), reason="takes minutes; set SCA_SLOW=1")
def test_a_speech_that_kills_its_worker_is_lost_alone(tmp_path: Path) -> None:
    assert on_ray(tmp_path, "deadly") == {"rejects": ["b1"], "kept": 2, "problems": []}


@pytest.mark.skipif(WITHOUT_RAY, reason="the extra `ray` is not installed")
def test_two_nodes_behind_urls_with_a_worker_killed_give_what_one_process_gives(tmp_path: Path) -> None:
    found = on_ray(tmp_path)
    assert found["problems"] == []
    assert found["equal"], "a row differs from the local engine's"
    assert found["passages"] == [1200, 1200, 1200]
    assert found["counts_equal"]
    assert found["identity_equal"]
    assert found["shards"] == 20
    assert found["killed"]
    assert found["killed"][0] in found["workers"]
    assert len(found["workers"]) >= 2
    # One load a worker: two, a third in place of the killed one.
    assert 2 <= found["loads"] <= 4
    assert found["again"] == [0, 40]


def tools() -> scoring.Tools:
    return fake_tools()


def planned(folder: Path, *numbers: int) -> str:
    with RunStore(folder, tools().identity(), tools().classifier.codebook.classes):
        return engine._plan([speech(n) for n in numbers], folder).name


def test_a_worker_finishes_what_was_planned(tmp_path: Path) -> None:
    name = planned(tmp_path, 1, 2)
    assert any("unfinished" in p for p in check_run(tmp_path).problems)
    row = json.loads(engine.Worker(tools, tools().identity(), tmp_path)({"shard": [name]})["row"][0])
    assert (row["shard"], row["n_passages"], list(row["digests"])) == (name, 6, ["s1", "s2"])
    assert check_run(tmp_path).problems == ()


@pytest.mark.parametrize(
    ("load", "identity", "message"),
    [
        (lambda: fake_tools("other"), tools().identity(), "another model than the driver's"),
        (tools, {**tools().identity(), "model": "x"}, "another run"),
        (lambda: 1 / 0, tools().identity(), "ZeroDivisionError"),
    ],
)
def test_a_worker_that_cannot_work_says_why(tmp_path: Path, load, identity, message: str) -> None:
    name = planned(tmp_path, 1)
    row = json.loads(engine.Worker(load, identity, tmp_path)({"shard": [name]})["row"][0])
    assert message in row["trouble"]


def test_a_store_that_fails_is_tried_again_then_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = planned(tmp_path, 1)
    tried = []
    monkeypatch.setattr(engine.time, "sleep", tried.append)

    def full(*_: object) -> None:
        raise ScaError("the disk is full")

    monkeypatch.setattr(engine, "finish_shard", full)
    row = json.loads(engine.Worker(tools, tools().identity(), tmp_path)({"shard": [name]})["row"][0])
    assert "disk is full" in row["trouble"]
    assert tried == [1, 2]


def test_waves_grow_and_hold_every_shard_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "FIRST_WAVE", 2)
    monkeypatch.setattr(engine, "GROWTH", 2)
    monkeypatch.setattr(engine, "LARGEST_PER_WORKER", 5)
    (tmp_path / "speeches").mkdir()
    waves = list(engine.RayEngine(tools)._waves([[speech(n)] for n in range(14)], tmp_path, 1))
    assert [len(w) for w in waves] == [2, 4, 5, 3]
    assert [i for w in waves for p in w for i in p.digests] == [f"s{n}" for n in range(14)]
    assert len(shards(tmp_path, "speeches")) == 14


class FakeRay:
    """A cluster of which a test chooses the resources."""

    def __init__(self, cpus: float, gpus: float = 0) -> None:
        self.have = {"CPU": cpus, "GPU": gpus}

    def cluster_resources(self) -> dict[str, float]:
        return self.have

    available_resources = cluster_resources

    def nodes(self) -> list[dict[str, bool]]:
        return [{"Alive": True}, {"Alive": False}]


def test_no_more_workers_than_fit_and_none_waits_for_ever() -> None:
    said: list[str] = []
    assert engine.RayEngine(tools, say=said.append)._n_workers(FakeRay(2)) == 2
    assert engine.RayEngine(tools, workers=8, say=said.append)._n_workers(FakeRay(2)) == 2
    assert "2 workers fit the cluster, not 8" in said[1]
    assert engine.RayEngine(tools, cpus=0.5, gpus=0.25)._n_workers(FakeRay(4, 1)) == 4
    with pytest.raises(InputError, match="wanted 4 CPUs"):
        engine.RayEngine(tools, cpus=4)._n_workers(FakeRay(2))
    with pytest.raises(InputError, match="1 GPUs for one worker"):
        engine.RayEngine(tools, gpus=1)._n_workers(FakeRay(2))


def test_engines_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine.engine_named("local", tools, cpus=1.0) is scoring.here
    assert isinstance(engine.engine_named("ray", tools, workers=3), engine.RayEngine)
    with pytest.raises(UnknownNameError, match="'ray'"):
        engine.engine_named("rya", tools)
    with pytest.raises(InputError, match="--engine ray"):
        engine.engine_named("local", tools, address="auto")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"sca-nlp\[ray\]"):
        list(engine.RayEngine(tools)(iter([]), tools(), Path("x")))


def test_an_engine_is_the_only_thing_that_differs(tmp_path: Path) -> None:
    seen = []

    def watched(todo, used, folder):
        for finished in scoring.here(todo, used, folder):
            seen.append(finished)
            yield finished

    summary = scoring.score([speech(1), speech(2, text="POISON.")], tmp_path, tools(), engine=watched)
    assert summary.n_speeches == 1
    assert [r.file for r in summary.rejects] == ["s2"]
    assert seen[0].rejects == tuple(summary.rejects)


def test_a_worker_given_up_for_dead_leaves_nothing_behind(tmp_path: Path) -> None:
    name = planned(tmp_path, 1)
    engine.Worker(tools, tools().identity(), tmp_path)({"shard": [name]})
    (tmp_path / "speeches" / name).unlink()
    with RunStore(tmp_path, tools().identity(), tools().classifier.codebook.classes) as store:
        assert store.done == {}
    assert shards(tmp_path, "passages") == []


def test_memory_is_a_folder_too() -> None:
    pytest.importorskip("fsspec", reason="the extra `ray` is not installed")
    out = RemotePath("memory://runs/mine")
    summary = scoring.score([speech(1), speech(2)], out, tools())
    assert check_run(out).problems == ()
    assert summary.folder == out
    assert scoring.score([speech(1), speech(3)], out, tools()).n_known == 1
    assert scoring.score([speech(1)], out, fake_tools("fake-2")).folder != out
    assert list(out.glob(".lock")) == []
