"""Run the pieces and print the table; with `--out`, JSON that grows piece by piece."""

from __future__ import annotations

import argparse
import itertools
import sys
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.bar import known, nothing, shares
from tests.bar.found import Found, Row, keep, line, markdown, read, rows_of

#: Years and autocorrelation of words and of deeds.
SERIES = {f"{t} years, momentum {m}": (t, m) for t, m in itertools.product((30, 60), (0.0, 0.5))}
SHARES = {f"{100 * p:.0f} % of sentences": (p,) for p in (0.02, 0.1, 0.3)}
YEARS = {f"{t} years": (t,) for t in (30, 60)}


@dataclass(frozen=True)
class Piece:
    """What is measured, in which settings, and in how many worlds of each by default (by what one costs)."""

    run: Callable[..., Iterable[Found]]
    settings: dict[str, tuple[Any, ...]]
    worlds: int


PIECES = {
    "gap": Piece(nothing.gaps, SERIES, 400),
    "lead": Piece(nothing.lead, SERIES, 400),
    "projections": Piece(nothing.projections, SERIES, 400),
    "granger": Piece(nothing.pairwise, SERIES, 400),
    "panel": Piece(nothing.panel, SERIES, 120),
    "coincidence": Piece(nothing.events, SERIES, 400),
    "waiting": Piece(nothing.waiting, SERIES, 200),
    "reciprocity": Piece(nothing.answers, SERIES, 200),
    "breaks": Piece(nothing.changes, SERIES, 400),
    "nearness": Piece(nothing.nearness, SERIES, 400),
    "leaders": Piece(nothing.leaders, SERIES, 400),
    "crises": Piece(nothing.crises, SERIES, 400),
    "drift": Piece(shares.drift, SHARES, 400),
    "prevalence": Piece(shares.prevalences, SHARES, 2000),
    "pooled": Piece(shares.pooled, SHARES, 200),
    "balance": Piece(shares.balances, SHARES, 50),
    "simulated": Piece(shares.simulated, SHARES, 200),
    "known lag": Piece(known.lag, YEARS, 200),
    "known gap": Piece(known.opening, YEARS, 200),
    "known break": Piece(known.step, YEARS, 200),
    "known answers": Piece(known.reply, YEARS, 200),
}


def measure(name: str, worlds: int | None, seed: int = 0) -> list[Row]:
    """Return the rows of a piece; its worlds depend on its name, the setting and the seed alone."""
    piece = PIECES[name]
    rows: list[Row] = []
    for setting, arguments in piece.settings.items():
        key = zlib.crc32(f"{name}, {setting}".encode())
        found = [
            list(piece.run(np.random.default_rng([seed, key, k]), *arguments)) for k in range(worlds or piece.worlds)
        ]
        rows += rows_of(name, setting, found)
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bar", description=__doc__)
    parser.add_argument("--worlds", type=int, help="worlds of each setting (default: 50 to 2000, by what one costs)")
    parser.add_argument("--only", nargs="+", choices=list(PIECES), metavar="NAME", help=", ".join(PIECES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON; what other pieces left in it stays")
    parser.add_argument("--show", type=Path, metavar="FILE", help="measure nothing; print what FILE holds, in short")
    chosen = parser.parse_args(arguments)
    if chosen.show:
        print(markdown(read(chosen.show)))
        return 0
    if chosen.worlds is not None and chosen.worlds < 2:
        parser.error("--worlds: at least 2")
    every: list[Row] = []
    for name in chosen.only or PIECES:
        start = time.process_time()
        rows = measure(name, chosen.worlds, chosen.seed)
        for row in rows:
            print(line(row))
        print(f"-- {name}: {time.process_time() - start:.0f} s of CPU", file=sys.stderr, flush=True)
        sys.stdout.flush()
        every += rows
        if chosen.out:
            given = [f"{k} {v}" for k, v in (("--worlds", chosen.worlds), ("--seed", chosen.seed)) if v]
            keep(chosen.out, name, rows, " ".join(["python -m tests.bar", *given]))
    outside = [r for r in every if r.verdict == "out"]
    print(f"{len(every)} measured, {sum(r.verdict == 'unsure' for r in every)} unsure, {len(outside)} outside the bar")
    for row in outside:
        print(f"  {line(row)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
