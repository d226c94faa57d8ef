"""What a world gives, and the table of many: shares with their 95 % limits, beside the bar."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from sca_nlp import prevalence

#: What a share must lie in: tests at 5 % in worlds in which nothing happens, intervals at 95 %, and what must be found.
BARS = {"rejected": (0.03, 0.07), "covered": (0.93, 0.97)}


@dataclass(frozen=True)
class Found:
    """One answer of a statistic in one world: `hit` if it rejected, covered or recovered (`measure`)."""

    statistic: str
    measure: str
    hit: bool


@dataclass(frozen=True)
class Row:
    """A line of the table: the share of answers that hit, over all worlds of one setting. A world is a cluster."""

    piece: str
    statistic: str
    setting: str
    measure: str
    share: float
    low: float
    high: float
    answers: int
    worlds: int
    verdict: str


def verdict(measure: str, share: float, low: float, high: float) -> str:
    """Return `in` where the share is in its bar, `out` where its whole interval lies outside, else `unsure`."""
    if measure not in BARS:
        return ""
    least, most = BARS[measure]
    if least <= share <= most:
        return "in"
    return "out" if high < least or low > most else "unsure"


def rows_of(piece: str, setting: str, worlds: list[list[Found]]) -> Iterator[Row]:
    """Yield one row per statistic and measure; the limits are Wilson's, on the effective number of answers."""
    keys = dict.fromkeys((f.statistic, f.measure) for world in worlds for f in world)
    for statistic, measure in keys:
        hits, of = [], []
        for k, world in enumerate(worlds):
            mine = [f.hit for f in world if (f.statistic, f.measure) == (statistic, measure)]
            hits += mine
            of += [k] * len(mine)
        e = prevalence.raw(np.array(hits, float), clusters=of)
        said = verdict(measure, e.estimate, e.low, e.high)
        yield Row(piece, statistic, setting, measure, e.estimate, e.low, e.high, len(hits), e.n_clusters, said)


def line(row: Row) -> str:
    """Return a row as it is printed."""
    limits = f"{100 * row.low:5.1f} to {100 * row.high:5.1f}"
    name = f"{row.statistic}, {row.measure}"
    return f"{name:52} {row.setting:34} {100 * row.share:5.1f} %  ({limits})  {row.worlds:5} worlds  {row.verdict}"


def together(rows: list[Row]) -> list[tuple[str, str, float, float, float, float, float, int, str]]:
    """Return one line per statistic and measure over its settings.

    Statistic, measure, mean share with its limits, least and largest share, worlds, and `in`, `unsure`, or `out` with
    the settings whose whole interval lies outside.
    """
    lines = []
    for statistic, measure in dict.fromkeys((r.statistic, r.measure) for r in rows):
        mine = [r for r in rows if (r.statistic, r.measure) == (statistic, measure)]
        shares = [r.share for r in mine]
        share = float(np.mean(shares))
        half = float(np.sqrt(sum((r.high - r.low) ** 2 for r in mine))) / 2 / len(mine)
        low, high = max(share - half, 0.0), min(share + half, 1.0)
        said, bad = verdict(measure, share, low, high), [r.setting for r in mine if r.verdict == "out"]
        if bad or said == "out":
            said = "out: " + ("; ".join(bad) if 0 < len(bad) < len(mine) else "all" if bad else "together")
        lines.append(
            (statistic, measure, share, low, high, min(shares), max(shares), sum(r.worlds for r in mine), said)
        )
    return lines


def markdown(rows: list[Row]) -> str:
    """Return the lines of `together` as a table for the documentation."""
    out = [
        "| statistic | measure | all settings, % | least to most | worlds | |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for statistic, measure, share, low, high, least, most, n, said in together(rows):
        limits = f"{100 * share:.1f} ({100 * low:.1f} to {100 * high:.1f})"
        spread = f"{100 * least:.1f} to {100 * most:.1f}"
        out.append(f"| {statistic} | {measure} | {limits} | {spread} | {n} | {said} |")
    return "\n".join(out)


def read(path: Path) -> list[Row]:
    """Return the rows that a file keeps."""
    return [Row(**r) for r in json.loads(path.read_text("utf-8"))["rows"]]


def keep(path: Path, piece: str, rows: list[Row], command: str) -> None:
    """Put a piece's rows in place of its earlier ones in the file."""
    known = json.loads(path.read_text("utf-8")) if path.exists() else {"bars": BARS, "rows": []}
    others = [r for r in known["rows"] if r["piece"] != piece]
    known |= {"command": command, "rows": others + [asdict(r) for r in rows]}
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(known, indent=1), "utf-8")
    part.replace(path)
