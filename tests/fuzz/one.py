"""Coverage-guided fuzzing of one target: `python -m tests.fuzz.one csv FINDS COUNT -max_total_time=600 CORPUS`.

Needs `pip install atheris`. A find is kept once for each place that it comes from, with its traceback, and the fuzzing
goes on; a hang (libFuzzer's -timeout), memory over -rss_limit_mb or a fault of a library in C ends it.
"""

from __future__ import annotations

import os
import sys
import traceback
from hashlib import sha256
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sca_nlp"]):
    from sca_nlp import registry

    for _name in registry.names("deed reader"):
        registry.resolve("deed reader", _name)

from tests.fuzz.targets import TARGETS


def place_of(error: BaseException) -> str:
    """Return type and innermost place of our own code, by which finds are told apart."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "sca_nlp" in f.filename]
    at = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "elsewhere"
    return f"{type(error).__name__} {at}"


def main() -> None:
    name, finds, count = sys.argv[1], Path(sys.argv[2]), os.open(sys.argv[3], os.O_RDWR | os.O_CREAT)
    n = 0

    def one(data: bytes) -> None:
        nonlocal n
        n += 1
        try:
            TARGETS[name].run(data)
        except Exception as e:
            stem = f"{name}-{sha256(place_of(e).encode()).hexdigest()[:8]}"
            if not (finds / f"{stem}.bin").exists():
                (finds / f"{stem}.bin").write_bytes(data)
                (finds / f"{stem}.txt").write_text(place_of(e) + "\n" + traceback.format_exc())
        os.pwrite(count, b"%d" % n, 0)

    atheris.Setup([sys.argv[0], *sys.argv[4:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
