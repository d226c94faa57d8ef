"""Many coders at once on a large run: `python -m tests.faults.load --passages 200000 --coders 20 --seconds 60`.

It makes a run, serves it as `sca review` does (loopback), lets each coder look, decide and go on for so long, and then
asks the journal whether every decision that was answered is there, once. Prints the times of answers.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from sca_nlp.codebook import default_codebook
from sca_nlp.store import passage_schema, text_digest, write_json, write_table
from sca_nlp.store.shard import _SPEECH_SCHEMA

SHARD = 20_000
PER_SPEECH = 50
_START = "from sca_nlp.cli import main; main()"
_WORDS = ("we", "keep", "our", "word", "and", "they", "see", "a", "threat", "in", "peace", "trade", "friend", "harvest")


def make_run(folder: Path, n: int, seed: int = 1) -> None:
    """Write a scored run of so many passages, invented, in shards as `sca score` writes them."""
    rng, classes = np.random.default_rng(seed), default_codebook().classes
    for shard in range(-(-n // SHARD)):
        ids = list(range(shard * SHARD, min(n, (shard + 1) * SHARD)))
        words = rng.choice(_WORDS, (len(ids), 12))
        texts = [" ".join(row) + f" {k}." for k, row in zip(ids, words, strict=True)]
        p = rng.beta(0.3, 3, (len(ids), len(classes))).astype(np.float32)
        speech = [k // PER_SPEECH for k in ids]
        sources = ["FRA" if s % 2 else "DEU" for s in speech]
        other = {"FRA": "DEU", "DEU": "FRA"}
        start = [(k % PER_SPEECH) * 120 for k in ids]
        columns = {
            "passage_id": [f"p{k}" for k in ids],
            "speech_id": [f"s{s}" for s in speech],
            "idx": [k % PER_SPEECH for k in ids],
            "start": start,
            "end": [a + len(t) for a, t in zip(start, texts, strict=True)],
            "text": texts,
            "date": [f"{1960 + s % 60}-03-12" for s in speech],
            "source": sources,
            "speaker": ["A. Body"] * len(ids),
            "kind": ["speech"] * len(ids),
            "corpus": ["invented"] * len(ids),
            "language": ["en"] * len(ids),
            "n_windows": [1] * len(ids),
            "actors": [[] for _ in ids],
            "targets": [[other[s]] if row.max() > 0.5 else [] for s, row in zip(sources, p, strict=True)],
            "codes": [[classes[int(row.argmax())]] if row.max() > 0.5 else [] for row in p],
            **{c: p[:, k] for k, c in enumerate(classes)},
        }
        write_table(folder / "passages" / f"part-{shard:04}.parquet", pa.table(columns, schema=passage_schema(classes)))
        whole = [" ".join(texts[a : a + PER_SPEECH]) for a in range(0, len(ids), PER_SPEECH)]
        rows = {name: [""] * len(whole) for name in _SPEECH_SCHEMA.names} | {
            "speech_id": list(dict.fromkeys(columns["speech_id"])),
            "date": columns["date"][::PER_SPEECH],
            "source": sources[::PER_SPEECH],
            "text": whole,
            "text_digest": [text_digest(t) for t in whole],
        }
        if "n_passages" in rows:
            rows["n_passages"] = [PER_SPEECH] * len(whole)
        write_table(folder / "speeches" / f"part-{shard:04}.parquet", pa.table(rows, schema=_SPEECH_SCHEMA))
    book = {"name": default_codebook().name, "version": default_codebook().version}
    manifest = {"format": 1, "identity": {"model": "m" * 8}, "classes": list(classes), "codebook": book}
    write_json(folder / "run.json", manifest)


@dataclass
class Coder:
    """One coder: connections, keys that were answered, times in seconds by kind of request."""

    name: str
    url: str
    think: float
    keys: list[str] = field(default_factory=list)
    times: dict[str, list[float]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def work(self, until: float) -> None:
        """Look at passages and decide until the time is over."""
        place = urlsplit(self.url)
        rng = random.Random(self.name)
        self._link = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        origin = f"http://{place.hostname}:{place.port}"
        self._headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}
        self._ask("token", "GET", f"/?{place.query}")
        while time.monotonic() < until:
            page = self._ask("list", "GET", f"/api/passages?sort=random&seed={rng.randrange(1000)}")
            for shown in rng.sample((page or {}).get("passages", []), 3) if page else ():
                if time.monotonic() > until:
                    return
                passage = shown["passage_id"]
                self._ask("passage", "GET", f"/api/passage/{passage}?coder={self.name}")
                time.sleep(rng.uniform(0, 2 * self.think))
                key = uuid.uuid4().hex
                body = {"key": key, "base": "", "coder": self.name, "passage_id": passage, "kind": "edit"}
                body |= {"codes": ["TP+"], "status": "coded", "queue": "informative"}
                if self._ask("decision", "POST", "/api/decisions", body):
                    self.keys.append(key)

    def _ask(self, kind: str, method: str, path: str, body: object = None) -> dict | None:
        start = time.monotonic()
        try:
            self._link.request(method, path, json.dumps(body) if body else None, self._headers)
            answer = self._link.getresponse()
            content = answer.read()
        except OSError as e:
            self.problems.append(f"{path}: {e}")
            self._link.close()
            return None
        self.times.setdefault(kind, []).append(time.monotonic() - start)
        if cookie := answer.getheader("set-cookie"):
            self._headers["Cookie"] = cookie.split(";")[0]
        if answer.status in (303, 409):  # the way in; decided before, by the same coder
            return None
        if answer.status != 200:
            self.problems.append(f"{method} {path}: {answer.status} {content[:200]!r}")
            return None
        return json.loads(content)


def serve(run: Path) -> tuple[subprocess.Popen[str], str]:
    """Start `sca review` and return it with its address."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", _START, "review", str(run), "--port", "0", "--no-browser"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    for line in process.stdout:
        if found := re.search(r"http://\S+", line):
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return process, found.group()
    raise AssertionError("the page did not start")


def load(run: Path, coders: int, seconds: float, think: float) -> list[str]:
    """Let coders work on a run and print what came of it; return what went wrong."""
    from sca_nlp.review.journal import Journal

    start = time.monotonic()
    process, url = serve(run)
    print(f"index built and page up in {time.monotonic() - start:.1f} s", flush=True)
    crowd = [Coder(f"coder-{k}", url, think) for k in range(coders)]
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=c.work, args=(until,)) for c in crowd]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    process.terminate()
    process.wait(60)
    journal = Journal(run / "review" / "annotations.sqlite")
    stored = [e["key"] for e in journal.all_events()]
    journal.close()
    answered = [k for c in crowd for k in c.keys]
    problems = [p for c in crowd for p in c.problems]
    lost, doubled = set(answered) - set(stored), len(stored) - len(set(stored))
    for kind in ("list", "passage", "decision"):
        times = np.array([t for c in crowd for t in c.times.get(kind, [])])
        if len(times):
            p50, p95 = np.quantile(times, [0.5, 0.95]) * 1000
            longest = f"longest {times.max() * 1000:.0f} ms"
            print(f"{kind}: {len(times):,} answers, median {p50:.0f} ms, p95 {p95:.0f} ms, {longest}")
    print(f"{len(answered):,} decisions answered, {len(lost)} lost, {doubled} doubled, {len(problems)} failed requests")
    for p in problems[:5]:
        print(f"  {p}")
    return [f"{len(lost)} decisions lost"] * bool(lost) + [f"{doubled} doubled"] * bool(doubled) + problems


def main() -> int:
    """Make a run and load it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=200_000)
    parser.add_argument("--coders", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--think", type=float, default=1.0, help="mean seconds that a coder looks at a passage")
    given = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="sca-load-"))
    try:
        make_run(place / "run", given.passages)
        return int(bool(load(place / "run", given.coders, given.seconds, given.think)))
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
