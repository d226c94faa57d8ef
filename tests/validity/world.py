"""A small world: states whose words do, or do not, tell rivals from allies; a run folder and deed tables made of it."""

from __future__ import annotations

import json
from datetime import date
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sca_nlp.read.deeds.states import state_codes

CLASSES = ("TP+", "TP-", "MU+", "MU-", "SS+", "SS-", "NA+", "NA-", "FO+", "FO-")
STATES = [
    "ARG",
    "BRA",
    "CHL",
    "EGY",
    "FRA",
    "GBR",
    "IDN",
    "IND",
    "IRN",
    "IRQ",
    "ISR",
    "JOR",
    "PAK",
    "PER",
    "TUR",
    "USA",
]
YEARS = range(1970, 1978)


def cow_numbers() -> dict[str, int]:
    """Return ISO3 -> Correlates of War number."""
    rows = state_codes().to_pylist()
    return {r["iso3"]: int(r["code"]) for r in rows if r["system"] == "cow"}


def make_world(folder: Path, *, told: float, seed: int = 0, targets: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Write `run/` and `data/deeds/` below a folder; return the pairs' latent hostility, and which are rivals.

    Every pair is a rival or an ally, by its latent hostility and chance; `told` is how much the words follow it (0: not
    at all). All speak of all equally often. Disputes start among rivals only.
    """
    rng = np.random.default_rng(seed)
    pairs = list(combinations(STATES, 2))
    rival = {p: bool(rng.random() < 0.3) for p in pairs}
    latent = {p: float(rng.normal(1.2 if rival[p] else 0.0)) for p in pairs}
    rows = []
    for year in YEARS:
        for source in STATES:
            for target in STATES:
                if source == target:
                    continue
                pair = (min(source, target), max(source, target))
                odds = -1 + told * latent[pair]
                for k in range(2):
                    hostile = rng.random() < 1 / (1 + np.exp(-odds))
                    p = np.full(len(CLASSES), 0.02)
                    p[CLASSES.index("TP+" if hostile else "SS+")] = 0.9
                    rows.append((source, target, year, k, "TP+" if hostile else "SS+", p))
    table = {
        "passage_id": [f"{s}{t}{y}{k}" for s, t, y, k, _, _ in rows],
        "speech_id": [f"{s}-{y}" for s, _, y, _, _, _ in rows],
        "idx": pa.array(range(len(rows)), pa.int32()),
        "text": ["they are a danger" if code == "TP+" else "we are friends" for *_, code, _ in rows],
        "date": [str(y) for _, _, y, *_ in rows],
        "source": [s for s, *_ in rows],
        "actors": [[t] for _, t, *_ in rows],
        "targets": pa.array([[t] if targets else [] for _, t, *_ in rows], pa.list_(pa.string())),
        **{c: pa.array([r[5][n] for r in rows], pa.float32()) for n, c in enumerate(CLASSES)},
    }
    (folder / "run" / "passages").mkdir(parents=True)
    pq.write_table(pa.table(table), folder / "run" / "passages" / "part-0.parquet")
    manifest = {"format": 1, "identity": {}, "classes": list(CLASSES)}
    (folder / "run" / "run.json").write_text(json.dumps(manifest), "utf-8")
    _write_deeds(folder / "data" / "deeds", rival, rng)
    return np.array([latent[p] for p in pairs]), np.array([rival[p] for p in pairs])


def _write_deeds(folder: Path, rival: dict[tuple[str, str], bool], rng: np.random.Generator) -> None:
    folder.mkdir(parents=True)
    number = cow_numbers()
    foes = [p for p, yes in rival.items() if yes]
    friends = [p for p, yes in rival.items() if not yes]
    for name, start, end in (("rivalry_tss", "start", "end"), ("rivalry_thompson_dreyer", "styear", "endyear")):
        spells = {"iso3_a": [a for a, _ in foes], "iso3_b": [b for _, b in foes]}
        pq.write_table(
            pa.table(spells | {start: [1950.0] * len(foes), end: [1990.0] * len(foes)}), folder / f"{name}.parquet"
        )
    pacts = [(a, b, y) for x, z in friends for a, b in ((x, z), (z, x)) for y in YEARS]
    zero = {f"atop_{k}": [0] * len(pacts) for k in ("offense", "neutral", "nonagg", "consul")}
    pq.write_table(
        pa.table(
            {"ccode1": [number[a] for a, _, _ in pacts], "ccode2": [number[b] for _, b, _ in pacts]}
            | {"year": [y for *_, y in pacts], "atop_defense": [1] * len(pacts)}
            | zero
        ),
        folder / "alliance_atop5_dirdyad.parquet",
    )
    fights = [(n, a, b, y) for n, (a, b) in enumerate(foes) for y in YEARS if rng.random() < 0.2]
    both = [(n * 100 + y - 1970, s, t, y) for n, a, b, y in fights for s, t in ((a, b), (b, a))]
    disputes = {
        "dispnum": [n for n, *_ in both],
        "ccode1": [number[s] for _, s, _, _ in both],
        "ccode2": [number[t] for _, _, t, _ in both],
        "year": [y for *_, y in both],
        "hostlev1": [4] * len(both),
        "styear": [y for *_, y in both],
        "stmon": [6] * len(both),
    }
    for name in ("mid_cow_v5_dirdyad", "mid_gml_v221_dirdyad"):
        pq.write_table(pa.table(disputes), folder / f"{name}.parquet")
    votes = [(s, y) for s in STATES for y in YEARS]
    pq.write_table(
        pa.table(
            {"iso3": [s for s, _ in votes], "year": [y for _, y in votes], "ideal_point": rng.normal(size=len(votes))}
            | {"votes_subset": ["All"] * len(votes)}
        ),
        folder / "unga_idealpoints_stateyear.parquet",
    )
    dates = pa.array([date(1950, 1, 1)]), pa.array([date(2016, 12, 1)])
    pq.write_table(
        pa.table({"source_iso3": ["ARG"], "target_iso3": ["BOL"], "stdate": dates[0], "enddate": dates[1]}),
        folder / "contiguity_cow.parquet",
    )
