"""`make fuzz`: every reader in turn until so many executions or seconds are spent; goes on where it stopped.

    python -m tests.fuzz.campaign --runs 1000000 --seconds 3600 --folder build/fuzz

Counts are of new inputs only: what a target's corpus held when a slice began is run again but not counted. With
atheris (`pip install atheris`) the fuzzing is led by coverage; without it inputs are cut and spliced from the seeds.
Exit code 1 if there are finds; each is a file in FOLDER/finds, which `python -m tests.fuzz.campaign --again FILE` runs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.targets import TARGETS, folder

#: Seconds that one document may take, and MiB that a target may use in all.
SECONDS, MEMORY = 20, 2048
SLICE = 20.0


def mutated(seeds: list[bytes], rng: random.Random) -> bytes:
    """Return a seed with up to eight cuts, repeats, splices and changed bytes."""
    data = bytearray(rng.choice(seeds))
    tokens = (b"\0", b"\xff", b'"', b"'", b"\n", b",", b"=", b"{", b"[", b"\xed\xa0\x80", b"9" * 20, b"-", b"1e400")
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(data) + 1)
        to = min(len(data), at + rng.randint(0, 16))
        match rng.randrange(5):
            case 0:
                del data[at:to]
            case 1:
                data[at:at] = data[at:to] * rng.randint(1, 20)
            case 2:
                data[at:to] = rng.choice(tokens)
            case 3:
                other = rng.choice(seeds)
                start = rng.randrange(len(other) + 1)
                data[at:at] = other[start : start + rng.randint(0, 40)]
            case _:
                if at < len(data):
                    data[at] = rng.randrange(256)
    return bytes(data)


def plain_slice(name: str, seconds: float, rng: random.Random, most: int = 1 << 40) -> tuple[int, str]:
    """Run a target on mutated seeds in this process; return executions and the first find, if any."""
    seeds, end, n = TARGETS[name].seeds(), time.monotonic() + seconds, 0
    while n < most and time.monotonic() < end:
        data = mutated(seeds, rng)
        try:
            TARGETS[name].run(data)
        except Exception as e:
            return n, f"{type(e).__name__}: {e} on {data!r}"
        n += 1
    return n, ""


def guided_slice(name: str, seconds: float, place: Path) -> tuple[int, str]:
    """Run a target under atheris in a process of its own; return new executions, and what ended it but the time."""
    corpus, finds, count = place / "corpus" / name, place / "finds", place / "count"
    corpus.mkdir(parents=True, exist_ok=True)
    finds.mkdir(exist_ok=True)
    for k, seed in enumerate(TARGETS[name].seeds()):
        (corpus / f"seed-{k}").write_bytes(seed)
    count.write_bytes(b"0")
    known = len(list(corpus.iterdir()))
    options = [f"-max_total_time={seconds:.0f}", f"-timeout={SECONDS}", f"-rss_limit_mb={MEMORY}", "-max_len=20000"]
    command = [sys.executable, "-m", "tests.fuzz.one", name, str(finds), str(count), *options]
    process = subprocess.run(
        [*command, f"-artifact_prefix={finds}/{name}-", str(corpus)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds + 600,
        env={**os.environ, "SCA_FUZZ_FOLDER": str(folder())},
    )
    n = int(count.read_bytes() or b"0")
    ended = "" if process.returncode == 0 else f"ended with {process.returncode}: {process.stderr[-2000:]}"
    if ended:
        (finds / f"{name}-ended.txt").write_text(ended)
    return max(0, n - known), ended.splitlines()[0] if ended else ""


def main() -> int:
    """Run the campaign and print a table of counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--only", default="", help="targets whose names hold this")
    parser.add_argument("--again", type=Path, help="run one find again")
    given = parser.parse_args()
    if given.again:
        name = max((t for t in TARGETS if given.again.name.startswith(t + "-")), key=len)
        TARGETS[name].run(given.again.read_bytes())
        return 0
    given.folder.mkdir(parents=True, exist_ok=True)
    tally_path = given.folder / "tally.json"
    tally: dict[str, int] = json.loads(tally_path.read_text()) if tally_path.exists() else {}
    guided = find_spec("atheris") is not None
    print("led by coverage (atheris)" if guided else "no atheris: mutation of seeds only", f"in {folder()}")
    start, rng, ended = time.monotonic(), random.Random(os.getpid()), 0
    while time.monotonic() - start < given.seconds and sum(tally.values()) < given.runs:
        for name in (t for t in TARGETS if given.only in t):
            left = given.seconds - (time.monotonic() - start)
            if left < 1:
                break
            seconds = min(left, 3 * SLICE if name.startswith("deeds-") else SLICE)
            n, problem = guided_slice(name, seconds, given.folder) if guided else plain_slice(name, seconds, rng)
            ended += bool(problem)
            tally[name] = tally.get(name, 0) + n
            tally_path.write_text(json.dumps(tally, indent=1))
            print(f"{name:26} {n:8,} {problem}", flush=True)
    shutil.rmtree(folder(), ignore_errors=True)
    finds = sorted((given.folder / "finds").glob("*")) if (given.folder / "finds").exists() else []
    for name, n in tally.items():
        print(f"  {name:26} {n:10,}")
    print(
        f"{sum(tally.values()):,} executions over {len(tally)} readers, {len(finds)} files in finds, {ended} ends early"
    )
    return int(bool(finds or ended))


if __name__ == "__main__":
    sys.exit(main())
