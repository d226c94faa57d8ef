"""Print which share of branches and lines the tests reach, room by room; 1 where a room is below LEAST of its branches.

Run after `coverage run` and `coverage combine`, as `make coverage` does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

LEAST = 90
#: What reads strangers' files, keeps the results, and computes numbers.
ROOMS = (
    *("sca_nlp/read/", "sca_nlp/store", "sca_nlp/pipeline/", "sca_nlp/aggregate/", "sca_nlp/compare/"),
    *("sca_nlp/prevalence/", "sca_nlp/agreement.py", "sca_nlp/simulate/"),
)
KEYS = ("covered_branches", "num_branches", "covered_lines", "num_statements")


def share(of: Counter[str], done: str, every: str) -> float:
    """Return a share in percent; 100 of nothing."""
    return 100 * of[done] / of[every] if of[every] else 100.0


def row(name: str, of: Counter[str]) -> str:
    """Return a line of the table."""
    branches, lines = share(of, *KEYS[:2]), share(of, *KEYS[2:])
    return f"{name:44} {branches:7.1f} % {of[KEYS[0]]:5} of {of[KEYS[1]]:5} {lines:7.1f} %"


def main() -> int:
    """Print the table: every file below LEAST under its room, then the rooms together."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "coverage.json"
        subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", str(out)], check=True)
        files = {Path(f).as_posix(): v["summary"] for f, v in json.loads(out.read_text())["files"].items()}
    print(f"{'room':44} {'branches':>9} {'':14} {'lines':>9}")
    every: Counter[str] = Counter()
    short = []
    for room in ROOMS:
        mine = {f: Counter({k: s[k] for k in KEYS}) for f, s in files.items() if f.startswith(room)}
        if not mine:
            raise SystemExit(f"coverage: nothing was measured of {room}")
        whole = sum(mine.values(), Counter())
        every += whole
        print(row(room, whole))
        for file, of in sorted(mine.items()):
            if len(mine) > 1 and share(of, *KEYS[:2]) < LEAST:
                print(row(f"  {file.removeprefix(room)}", of))
        if share(whole, *KEYS[:2]) < LEAST:
            short.append(room)
    print(row("all of them", every))
    if short:
        print(f"coverage: below {LEAST} % of the branches: {', '.join(short)}")
    return int(bool(short))


if __name__ == "__main__":
    sys.exit(main())
