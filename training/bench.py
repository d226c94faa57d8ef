"""Every speed claim of the project in one run: `make bench`, or `python -m training.bench --data SCA_DATA --out FILE`.

Both sides of each claim run in the same process, interleaved; medians of five rounds; threads stated.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sca_nlp.classify.folder import PROFILES
from sca_nlp.pipeline.scoring import cut
from sca_nlp.read.speeches import read_speeches
from sca_nlp.records import Speech
from sca_nlp.store import SPEECH_FIELDS, write_speeches
from training.inference_bench import Said, bench

#: Successive sentences that `as_they_come` takes of a speech.
RUN = 50


def as_they_come(path: Path, n: int, seed: int = 0) -> list[Said]:
    """Return `n` different sentences with their neighbours: runs of `RUN` from speeches drawn at random.

    A cascade's speed hangs on how many sentences hold no class, and that of reading neighbours on whether they are
    passages too: sentences drawn one by one would be neither as a corpus has them.
    """
    rng = np.random.default_rng(seed)
    speeches = list(read_speeches(path, rejects=lambda r: None))
    found: dict[str, Said] = {}
    for k in rng.permutation(len(speeches)):
        passages = cut(speeches[int(k)]).passages
        start = int(rng.integers(0, max(1, len(passages) - RUN + 1)))
        for p in passages[start : start + RUN]:
            found.setdefault(p.text, (p.text, p.prev, p.next))
        if len(found) >= n:
            break
    return list(found.values())[:n]


def stages(data: Path, n_speeches: int = 60, rounds: int = 5) -> dict[str, float]:
    """Return passages a second of reading, cutting, naming actors and finding targets, on one core."""
    from sca_nlp.attribute import Attributor

    speeches = []
    for speech in read_speeches(data / "speeches" / "ungdc.parquet", rejects=lambda r: None):
        speeches.append(speech)
        if len(speeches) == n_speeches:
            break
    cuts = [cut(s) for s in speeches]
    texts = [p.text for c in cuts for p in c.passages]
    dates = [c.speech.date for c in cuts for _ in c.passages]
    sources = [c.speech.source for c in cuts for _ in c.passages]
    prev, after = ([getattr(p, k) for c in cuts for p in c.passages] for k in ("prev", "next"))
    coded = [("NA+",) if k % 4 == 0 else () for k in range(len(texts))]  # one in four has a code, as on real speeches

    def actors() -> None:
        Attributor.load().actors(texts, dates)

    def targets() -> None:
        Attributor.load().targets(texts, prev, after, coded, sources, dates)

    sample = pa.table({f: [getattr(s, f) for s in speeches] for f in SPEECH_FIELDS})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speeches.parquet"
        pq.write_table(sample, path)
        return _rates(path, speeches, len(texts), actors, targets, rounds)


def _rates(
    path: Path,
    speeches: list[Speech],
    n_passages: int,
    actors: Callable[[], None],
    targets: Callable[[], None],
    rounds: int,
) -> dict[str, float]:
    jobs: dict[str, Callable[[], Any]] = {
        "read speeches, Parquet": lambda: list(read_speeches(path, rejects=lambda r: None)),
        "write the plan of a shard (Ray's driver)": lambda: write_speeches(
            path.parent, speeches, [None] * len(speeches)
        ),
        "cut speeches into passages": lambda: [cut(s) for s in speeches],
        "name actors": actors,
        "find targets, one passage in four coded": targets,
    }
    found = {}
    for name, job in jobs.items():
        seconds = []
        for _ in range(rounds):
            start = time.process_time()
            job()
            seconds.append(time.process_time() - start)
        found[name] = round(n_passages / float(np.median(seconds)), 0)
    return found


def end_to_end(data: Path, n_speeches: int, threads: int) -> dict[str, dict[str, float]]:
    """Return passages a second and peak memory (MB) of `sca score` on the first speeches, a process a profile."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speeches.parquet"
        with pq.ParquetFile(data / "speeches" / "ungdc.parquet") as file:
            pq.write_table(pa.Table.from_batches([next(file.iter_batches(n_speeches))]), path)
        for profile in PROFILES:
            options = ["--out", f"{folder}/{profile}", "--profile", profile, "--threads", str(threads), "--json"]
            # Linux' own mark of the new program: getrusage tells at least what the bench held when it forked.
            code = "import sys; from sca_nlp.cli import main; status = '/proc/self/status'\n"
            code += "try: main()\nfinally: print(open(status).read().split('VmHWM:')[1].split()[0], file=sys.stderr)"
            made = subprocess.run(  # noqa: S603 - our own command on our own file
                [sys.executable, "-c", code, "score", str(path), *options], capture_output=True, text=True, check=True
            )
            told = json.loads(made.stdout)
            found[profile] = {
                "passages": told["passages"],
                "passages_per_second": round(told["passages"] / told["seconds"], 1),
                "peak_memory_mb": round(int(made.stderr.split()[-1]) / 1024),
            }
    return found


def event_file(path: Path, n: int, seed: int = 0) -> None:
    """Write n invented GDELT 1.0 events (58 fields, some 330 bytes, half without a second state) of a month, zipped."""
    rng = np.random.default_rng(seed)
    states, codes = ["USA", "RUS", "CHN", "GBR", "FRA", "DEU", "IND", "PAK", "ISR", "EGY"], ["042", "057", "112", "190"]
    kinds = ["", "GOV", "MIL", "BUS", "REB", "MED"]
    filler = "Town number 1234, Province, Country\tXX\tXX01\t-12.3456\t123.4567\t123456\t1\t"
    one, two, kind, code, day = (rng.integers(0, m, n) for m in (len(states), 2 * len(states), 36, len(codes), 28))
    rows = []
    for k, (a, b, t, c, d) in enumerate(zip(one, two, kind, code, day, strict=True)):
        target = states[b] if b < len(states) else ""
        row = [str(k), f"201201{d + 1:02d}", "201201", "2012", "2012.05", states[a], "ACTOR", states[a], *[""] * 4]
        row += [kinds[t % 6], "", "", target, "ACTOR", target, *[""] * 4, kinds[t // 6], "", "", "1"]
        row += [codes[c], codes[c], codes[c][:2], "1234"[c], "1.9" if c < 2 else "-10.0", "4", "1", "4", "1.5", "1"]
        rows.append("\t".join(row) + "\t" + filler * 3 + "20120131")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("201201.csv", "\n".join(rows) + "\n")


def deed_rows(n: int = 200_000, rounds: int = 5) -> dict[str, float]:
    """Return rows a second of CPU of reading events through DuckDB, from the publisher's zip to deeds."""
    from sca_nlp.read.deeds import read_deeds

    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "201201.zip"
        event_file(path, n)
        for _ in range(rounds):
            start = time.process_time()
            read_deeds("gdelt", path, rejects=[])
            seconds.append(time.process_time() - start)
    return {"GDELT events": round(n / float(np.median(seconds)), 0)}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with speeches/ and annotations/")
    parser.add_argument("--n", type=int, default=1000, help="sentences of the inference benchmark")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--speeches", type=int, default=100, help="speeches that `sca score` runs on, end to end")
    parser.add_argument("--out", type=Path, default=Path("runs/bench.json"))
    args = parser.parse_args()
    said = as_they_come(args.data / "speeches" / "ungdc.parquet", args.n)
    result = {
        "inference": bench(said, threads=args.threads, rounds=args.rounds),
        "stages, passages a second of one core": stages(args.data, rounds=args.rounds),
        "end to end": end_to_end(args.data, args.speeches, args.threads),
        "deeds, rows a second of one core": deed_rows(rounds=args.rounds),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    inference = result["inference"]
    print(f"{inference['sentences']} sentences, {args.threads} threads, median of {args.rounds} rounds")
    print(f"{'':42} {'per second':>11} {'x plain':>8} {'x plain, alone':>15}")
    same, alone = inference["times_the_plain_loop"], inference["times_the_plain_loop_on_sentences_alone"]
    for name, rate in inference["sentences_per_second"].items():
        print(f"{name:42} {rate:11,.0f} {same[name]:8.2f} {alone[name]:15.2f}")
    if bound := inference.get("int8_bound"):
        print(
            f"{'balanced: share of the int8 GEMM bound':42} {bound['share_of_bound']:11.2f}"
            f"  ({bound['balanced_tokens_per_second']:,} of {bound['bound_tokens_per_second']:,} tokens a second)"
        )
    for name, made in result["end to end"].items():
        what = f"sca score, {name}, {made['passages']:,} passages"
        print(f"{what:42} {made['passages_per_second']:11,.0f}  (peak {made['peak_memory_mb']:,} MB)")
    for name, rate in (
        result["stages, passages a second of one core"] | result["deeds, rows a second of one core"]
    ).items():
        print(f"{name:42} {rate:11,.0f}")
    print(f"written: {args.out}")


if __name__ == "__main__":
    main()
