"""Numbers and figures of the gallery from finished runs: `python docs/gallery/make.py RUN [RUN ...]`.

Writes `docs/gallery/facts.json` (a run's key is its folder's name) and copies the headline figures. It reads no text.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd

HERE = Path(__file__).parent
#: Pairs whose figure is shown, run by run.
SHOWN = {
    "russia_west": ["RUS_WEST"],
    "france_germany": ["FRA_EU"],
    "india_pakistan": ["IND_PAK"],
}


def decade(period: str) -> str:
    """Return the decade of a period: 1985 -> 1980s."""
    return period[:3] + "0s"


def pair_facts(source: str, target: str, frames: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return what the gallery says of one direction of a pair."""

    def of(name: str) -> pd.DataFrame:
        frame = frames[name]
        return frame[(frame["source"] == source) & (frame["target"] == target)]

    words = of("words")
    words = words[(words["measure"] == "balance") & (words["indicator"] == "all") & ~words["hidden"].astype(bool)]
    method = next((m for m in ("design", "adjusted", "raw_probability") if (words["method"] == m).any()), "")
    words = words[words["method"] == method]
    deeds = of("deed_series")
    deeds = deeds[(deeds["manifestation"] == "all") & (deeds["dataset"] == "all")].dropna(subset=["estimate"])
    tests = of("tests")
    found = tests[tests["q"] < 0.05]
    leaders = tests[tests["statistic"].str.startswith("change of leader")]
    # A pair stands on the scale once, under the side first in the alphabet; a group that is silent has no entry here.
    placed = of("position")
    if placed.empty and not ((frames["tests"]["source"] == target) & (frames["tests"]["target"] == source)).any():
        place = frames["position"]
        placed = place[(place["source"] == target) & (place["target"] == source)]
    out: dict[str, Any] = {
        "method": method,
        "words_by_decade": mean_by_decade(words),
        "words_years": len(words),
        "deeds_by_decade": mean_by_decade(deeds),
        "tests": len(tests),
        "found": [
            {k: clean(row[k]) for k in ("question", "statistic", "direction", "lag", "estimate", "low", "high", "q")}
            for _, row in found.iterrows()
        ],
        "leaders": [
            {k: clean(row[k]) for k in ("statistic", "estimate", "low", "high", "p", "q", "n")}
            for _, row in leaders.iterrows()
        ],
        "position": [{k: clean(r[k]) for k in ("first", "last", "stage")} for _, r in placed.iterrows()],
        "grit": [
            {k: clean(r[k]) for k in ("kind", "start", "end", "n_steps")}
            for _, r in of("sequences").iterrows()
            if "GRIT" in str(r["kind"])
        ],
        "breaks": [
            {k: clean(r[k]) for k in ("series", "period", "low", "high", "p", "before", "after", "make_up")}
            for _, r in of("breaks").iterrows()
        ],
    }
    return out


def mean_by_decade(frame: pd.DataFrame) -> dict[str, float]:
    """Return the mean estimate of each decade."""
    if frame.empty:
        return {}
    by = frame.groupby(frame["period"].map(decade))["estimate"].mean()
    return {str(k): round(float(v), 3) for k, v in by.items()}


def clean(value: Any) -> Any:
    """Return a value as JSON takes it, numbers with four digits."""
    if value is None or value != value:
        return None
    return round(float(value), 4) if isinstance(value, float) else value.item() if hasattr(value, "item") else value


def main(runs: list[str]) -> None:
    """Write the facts and copy the figures."""
    facts: dict[str, Any] = {}
    for run in map(Path, runs):
        frames = {n: pd.read_parquet(run / f"{n}.parquet") for n in ("words", "deed_series")}
        frames |= {
            n: pd.read_parquet(run / "compare" / f"{n}.parquet") for n in ("tests", "position", "sequences", "breaks")
        }
        tests = frames["tests"]
        pairs = sorted({(s, t) for s, t in zip(tests["source"], tests["target"], strict=True) if s and t})
        facts[run.name] = {f"{s}_{t}": pair_facts(s, t, frames) for s, t in pairs}
        for pair in SHOWN.get(run.name, []):
            figure = run / "report" / "figures" / f"words_against_deeds_{pair}.svg"
            if figure.exists():
                shutil.copy(figure, HERE / f"{run.name}_{pair}.svg")
    (HERE / "facts.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
