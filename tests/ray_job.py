"""Score on a small Ray cluster of two nodes and print what came of it; `test_engine.py` runs it under a time limit."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from sca_nlp import engine
from sca_nlp.config import SpeechesSection
from sca_nlp.pipeline import load_tools, read, score, scoring
from sca_nlp.places import place
from sca_nlp.records import Speech
from sca_nlp.store import check_run, iter_passages, read_manifest, shards
from tests.s3_stand_in import bucket

MODEL = "linear"
WORDS = "we they threat peace war force treaty law friends partners will keep break listen Russia France the of and"


def corpus(path: Path, n: int) -> None:
    """Write n speeches of thirty made-up sentences each."""
    rng = random.Random(1957)
    with path.open("w") as f:
        for k in range(n):
            sentences = (" ".join(rng.choices(WORDS.split(), k=12)).capitalize() + "." for _ in range(30))
            f.write(json.dumps({"speech_id": f"s{k}", "date": "1999", "country": "USA", "text": " ".join(sentences)}))
            f.write("\n")


def counted(log: str) -> Any:
    """Load the tools as a worker does, and leave a line for it."""
    with Path(log).open("a") as f:
        f.write(f"{os.getpid()}\n")
    return load_tools(MODEL)


def rows(folder: Any) -> dict[str, Any]:
    """Return passage id -> all that was said of it."""
    return {r.pop("passage_id"): r for t in iter_passages(folder) for r in t.to_pylist()}


def deadly(log: str) -> Any:
    """Return tools whose classifier takes the whole process down at one sentence, as a lack of memory would."""
    tools = counted(log)
    whole = tools.classifier.predict

    def predict(texts: Any, *more: Any) -> Any:
        if any("POISON" in t for t in texts):
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(texts, *more)

    tools.classifier.predict = predict
    return tools


def two_nodes() -> Any:
    """Start a cluster of two nodes with a core each; tried three times, since Ray gives a node 30 seconds to start."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
    for k in range(3):
        cluster = Cluster()
        try:
            cluster.add_node(**node, include_dashboard=False)
            cluster.add_node(**node)
        except Exception as e:
            cluster.shutdown()
            if "timed out during startup" not in str(e):
                raise
            print(f"start {k + 1}: {e}", flush=True)
        else:
            return cluster
    print('FOUND {"skip": "Ray nodes did not start within their 30 seconds: the machine is too busy"}', flush=True)
    sys.exit(0)


def main(work: Path) -> dict[str, Any]:
    """Score locally and on the cluster, both ends behind URLs, one worker killed on the way."""
    scoring.SHARD_CHARACTERS = 4000
    corpus(work / "speeches.jsonl", 40)
    alone = score(
        read([SpeechesSection(str(work / "speeches.jsonl"))], lambda r: None), work / "alone", load_tools(MODEL)
    )
    with bucket() as (environment, objects):
        os.environ.update(environment)  # before the nodes start: their workers inherit it
        objects["corpus/speeches.jsonl"] = (work / "speeches.jsonl").read_bytes()
        start = time.monotonic()
        cluster = two_nodes()
        ready = time.monotonic()
        try:
            runner = engine.RayEngine(partial(counted, str(work / "loads")), address=cluster.address, say=print)
            done: list[int] = []
            killed: list[str] = []

            def kill_one(n_speeches: int, n_passages: int) -> None:
                done.append(n_speeches)
                print(f"{time.monotonic() - ready:.1f} s: {len(done)} shards", flush=True)
                if len(done) == 3:
                    killed.extend(sorted(runner.seen)[:1])
                    os.kill(int(killed[0].split(":")[1]), signal.SIGKILL)

            out = place("s3://runs/one")
            speeches = read([SpeechesSection("s3://corpus/*.jsonl")], lambda r: None)
            there = score(speeches, out, load_tools(MODEL), engine=runner, progress=kill_one)
            finished = time.monotonic()
            a, b = rows(work / "alone"), rows(out)
            found = {
                "problems": check_run(out).problems,
                "equal": a == b,
                "passages": [len(a), len(b), there.n_passages],
                "counts_equal": alone.counts == there.counts,
                "identity_equal": read_manifest(out)["identity"] == read_manifest(work / "alone")["identity"],
                "shards": len(shards(out, "passages")),
                "killed": killed,
                "workers": sorted(runner.seen),
                "loads": len((work / "loads").read_text().split()),
            }
            again = score(
                read([SpeechesSection("s3://corpus/*.jsonl")], lambda r: None), out, load_tools(MODEL), engine=runner
            )
            found["again"] = [again.n_speeches, again.n_known]
            found["seconds"] = [round(x, 1) for x in (ready - start, finished - ready, time.monotonic() - finished)]
        finally:
            cluster.shutdown()
    return found


def with_a_deadly_speech(work: Path) -> dict[str, Any]:
    """Score three speeches of which one takes its worker down each time, on a cluster of one core."""
    import ray

    engine.RETRIES = 1
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20)
    bad = [Speech(f"b{k}", "1999", "USA", "POISON." if k == 1 else f"Peace number {k}.") for k in range(3)]
    killer = engine.RayEngine(partial(deadly, str(work / "loads")))
    made = score(iter(bad), work / "run", load_tools(MODEL), engine=killer)
    return {
        "rejects": [r.file for r in made.rejects],
        "kept": made.n_speeches,
        "problems": check_run(work / "run").problems,
    }


if __name__ == "__main__":
    job = with_a_deadly_speech if "deadly" in sys.argv else main
    print("FOUND " + json.dumps(job(Path(sys.argv[1]))))
