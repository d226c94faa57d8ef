"""A run folder of a world that never was: two states, Avaria and Borland, twenty years. Follows the contracts of the
frames, so that the report is tested without the stages before it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from sca_nlp.codebook import default_codebook
from sca_nlp.records import MANIFESTATIONS

BOOK = default_codebook()
SENTENCES = {
    "TP+": "The guns on the far bank of the Avar are aimed at our towns.",
    "TP-": "We no longer see an enemy in our neighbour across the Avar.",
    "MU+": "We hear the worry of the other side and we know that our own manoeuvres fed it.",
    "MU-": "Their so-called concerns are a pretext and nobody believes them.",
    "SS+": "Our two peoples share one river, one past and one future.",
    "SS-": "They belong to another world, and their story was never ours.",
    "NA+": "We keep the Treaty of Lake Orm, in letter and in spirit.",
    "NA-": "They have broken the treaty that they signed at Lake Orm.",
    "FO+": "Whoever crosses the line will meet our army.",
    "FO-": "No quarrel between us will ever again be settled by arms.",
    "": "The harvest of this year was better than the one before.",
}


def make_run(
    folder: Path,
    *,
    states: tuple[str, ...] = ("AVA", "BOR"),
    first: int = 1980,
    years: int = 20,
    n_draws: int = 60,
    per_cell: int = 30,
    taint: str = "",
    seed: int = 7,
) -> Path:
    """Write a run folder. `taint` is put into every text field, to see what the report makes of it."""
    rng = np.random.default_rng(seed)
    for sub in ("speeches", "passages", "compare"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    periods = [str(first + k) for k in range(years)]
    directed = [(a, b) for a in states for b in states if a != b]
    words, draws, series, gaps = [], [], [], []
    for d, (a, b) in enumerate(directed):
        turn = years * 0.4 + d % 3
        path = np.array([-0.3 + 0.55 / (1 + np.exp(-(k - turn))) - 0.25 * (k > years * 0.8) for k in range(years)])
        path = path + rng.normal(0, 0.03, years)
        deeds_path = np.array(
            [-1 + 2.2 / (1 + np.exp(-(k - turn - 1))) - 1.2 * (k > years * 0.85) for k in range(years)]
        )
        deeds_path += rng.normal(0, 0.2, years)
        for k, period in enumerate(periods):
            n = int(rng.integers(4, 2 * per_cell))
            hidden = n < 10
            half = 0.9 / np.sqrt(n)
            row = {
                "source": a,
                "target": b,
                "period": period,
                "n_passages": n,
                "n_speeches": max(1, n // 6),
                "hidden": hidden,
            }
            for method, shift in (("raw_count", 0.06), ("raw_probability", 0.03), ("adjusted", 0.0)):
                est = path[k] + shift
                words.append(
                    row
                    | {
                        "measure": "balance",
                        "indicator": "all",
                        "value": "balance",
                        "method": method,
                        "estimate": est,
                        "low": est - half,
                        "high": est + half,
                    }
                )
            for i in BOOK.indicators:
                for value in i.values:
                    toward = i.trust_sign[value] > 0
                    p = float(np.clip(0.12 + (0.35 if toward else -0.35) * path[k] + rng.normal(0, 0.015), 0, 1))
                    for measure, est in (("stance", p), ("salience", p * 0.3)):
                        words.append(
                            row
                            | {
                                "measure": measure,
                                "indicator": i.id,
                                "value": value,
                                "method": "adjusted",
                                "estimate": est,
                                "low": max(0, est - half * est),
                                "high": min(1, est + half * est),
                            }
                        )
                words.append(
                    row
                    | {
                        "measure": "balance",
                        "indicator": i.id,
                        "value": "balance",
                        "method": "adjusted",
                        "estimate": path[k] / 5,
                        "low": path[k] / 5 - half,
                        "high": path[k] / 5 + half,
                    }
                )
            for j in range(n_draws):
                draws.append(
                    {
                        "source": a,
                        "target": b,
                        "period": period,
                        "draw": j,
                        "estimate": path[k] + rng.normal(0, half / 2),
                    }
                )
            covered = k not in (2, 3)
            series.append(
                {
                    "source": a,
                    "target": b,
                    "period": period,
                    "manifestation": "all",
                    "dataset": "all",
                    "estimate": deeds_path[k] if covered else np.nan,
                    "n_deeds": int(rng.integers(0, 5)),
                    "covered": covered,
                }
            )
            for m, manifestation in enumerate(MANIFESTATIONS):
                seen = covered and not (m == 0 and k >= years - 3) and m != 3
                series.append(
                    {
                        "source": a,
                        "target": b,
                        "period": period,
                        "manifestation": manifestation,
                        "dataset": "all",
                        "estimate": 0.0
                        if seen and k % 4 == 0
                        else deeds_path[k] + rng.normal(0, 0.5)
                        if seen
                        else np.nan,
                        "n_deeds": 1,
                        "covered": seen,
                    }
                )
            gap = (path[k] - path.mean()) / path.std() - (deeds_path[k] - deeds_path.mean()) / deeds_path.std()
            for window in ("all periods", f"{first} to {first + years // 2}", "rank"):
                gaps.append(
                    {
                        "source": a,
                        "target": b,
                        "period": period,
                        "words_z": 0.0,
                        "deeds_z": 0.0,
                        "gap": gap if covered else np.nan,
                        "low": gap - 0.6,
                        "high": gap + 0.6,
                        "window": window,
                        "headline": window == "all periods",
                    }
                )
    pd.DataFrame(words).to_parquet(folder / "words.parquet")
    pd.DataFrame(draws).to_parquet(folder / "words_draws.parquet")
    pd.DataFrame(series).to_parquet(folder / "deed_series.parquet")
    pd.DataFrame(gaps).to_parquet(folder / "compare/gap.parquet")
    _deeds(folder, directed, first, years, taint, rng)
    _compare(folder, directed, periods, taint, rng)
    _passages(folder, directed, periods, per_cell, taint, rng)
    _manifest(folder, taint)
    return folder


def _deeds(
    folder: Path, directed: list[tuple[str, str]], first: int, years: int, taint: str, rng: np.random.Generator
) -> None:
    what = [
        "Treaty of Lake Orm signed",
        "Border garrison doubled",
        "Joint river patrol founded",
        "Observers expelled",
        "Hotline opened",
        "Manoeuvres on the Avar",
        "Bridge at Tor reopened",
        "Arms limits suspended",
    ]
    rows = []
    for k in range(years):
        for a, b in directed:
            if a > b or rng.random() < 0.3:
                continue
            w = int(rng.integers(len(what)))
            date = f"{first + k}-{int(rng.integers(1, 13)):02d}-{int(rng.integers(1, 29)):02d}"
            for s, t in ((a, b), (b, a)):
                rows.append(
                    {
                        "date": date,
                        "source": s,
                        "target": t,
                        "manifestation": MANIFESTATIONS[w],
                        "sign": 1 if w % 2 == 0 else -1,
                        "magnitude": float(rng.integers(1, 6)),
                        "verbal": False,
                        "dataset": "chronicle",
                        "code": str(w),
                        "description": what[w] + taint,
                        "reference": "Annals of the Avar, vol. 3" + taint,
                    }
                )
    pd.DataFrame(rows).to_parquet(folder / "deeds.parquet")
    source = {
        "name": "chronicle",
        "title": "Chronicle of the Avar" + taint,
        "measure": "event",
        "grain": "day",
        "unit": "points, 0 to 5" + taint,
        "coverage": {"first": str(first), "last": str(first + years - 1), "actors": [], "dyads": []},
        "licence": "CC0-1.0" + taint,
        "citation": "Nobody (2020): Chronicle of the Avar." + taint,
        "notes": "Invented." + taint,
    }
    (folder / "deed_sources.json").write_text(json.dumps([source]), encoding="utf-8")


def _compare(
    folder: Path, directed: list[tuple[str, str]], periods: list[str], taint: str, rng: np.random.Generator
) -> None:
    tests, breaks, runs = [], [], []
    mid = len(periods) // 2
    for a, b in directed:
        for question, statistic, lag in (
            ("who leads?", "pre-whitened cross-correlation", 1),
            ("who leads?", "local projection", 2),
            ("does one predict the other?", "Granger (Toda-Yamamoto)", 1),
            ("do rare deeds follow words?", "event coincidence", 1),
            ("do they answer each other?", "answer to conciliatory deeds", 1),
            ("does it outlast leaders?", "level after the leader less before", 0),
            ("under strain?", "inside less outside", 0),
        ):
            p = float(rng.uniform() ** 2)
            e = float(rng.normal(0.2, 0.2))
            tests.append(
                {
                    "source": a,
                    "target": b,
                    "question": question + taint,
                    "statistic": statistic + taint,
                    "direction": "words_to_deeds",
                    "estimate": e,
                    "low": e - 0.3,
                    "high": e + 0.3,
                    "p": p,
                    "q": min(1.0, p * 2),
                    "null": "circular shift, 999 permutations" + taint,
                    "n": len(periods),
                    "lag": lag,
                    "settings": json.dumps({"reference_window": "all" + taint}),
                    "reason": "",
                }
            )
        breaks.append(
            {
                "source": a,
                "target": b,
                "series": "words",
                "period": periods[mid - 2],
                "low": periods[mid - 3],
                "high": periods[mid - 1],
                "p": 0.004,
            }
        )
        breaks.append(
            {
                "source": a,
                "target": b,
                "series": "deeds",
                "period": periods[mid],
                "low": periods[mid - 1],
                "high": periods[min(mid + 1, len(periods) - 1)],
                "p": 0.02,
            }
        )
    a, b = directed[0]
    for kind in ("GRIT", "spiral"):
        steps = [
            {
                "period": periods[mid + k],
                "actor": (a, b)[k % 2],
                "what": ("deeds", "words")[k % 2],
                "change": 0.8 - 0.2 * k,
                "evidence": [],
                "text": taint,
            }
            for k in range(3)
        ]
        runs.append(
            {
                "source": a,
                "target": b,
                "kind": kind + taint,
                "start": periods[mid],
                "end": periods[mid + 2],
                "steps": json.dumps(steps),
            }
        )
    tests.append(tests[0] | {"source": "*", "target": "*", "statistic": "panel Granger", "p": 0.2, "q": 0.3})
    nothing = {c: float("nan") for c in ("estimate", "low", "high", "p", "q")}
    tests.append(tests[0] | nothing | {"statistic": "answer to hostile words", "reason": "only 9 periods" + taint})
    pd.DataFrame(tests).to_parquet(folder / "compare/tests.parquet")
    pd.DataFrame(breaks).to_parquet(folder / "compare/breaks.parquet")
    pd.DataFrame(runs).to_parquet(folder / "compare/sequences.parquet")


def _passages(
    folder: Path,
    directed: list[tuple[str, str]],
    periods: list[str],
    per_cell: int,
    taint: str,
    rng: np.random.Generator,
) -> None:
    speeches, passages = [], []
    classes = [c for c in SENTENCES if c]
    for a, b in directed:
        for period in periods:
            for s in range(max(1, per_cell // 10)):
                speech_id = f"{a}-{b}-{period}-{s}"
                meta = {
                    "date": f"{period}-0{s % 9 + 1}-11",
                    "source": a,
                    "speaker": f"Minister {s}" + taint,
                    "kind": "address" + taint,
                    "corpus": "fiction" + taint,
                    "language": "en",
                }
                text, at, rows = "", 0, []
                for idx in range(10):
                    code = str(rng.choice(classes)) if idx % 2 else ""
                    sentence = SENTENCES[code] + taint
                    text += sentence + " "
                    p = rng.uniform(0, 0.2, len(BOOK.classes)).astype("float32")
                    if code:
                        p[BOOK.column[code]] = rng.uniform(0.5, 1)
                    rows.append(
                        meta
                        | {
                            "passage_id": f"{speech_id}-{idx}",
                            "speech_id": speech_id,
                            "idx": np.int32(idx),
                            "start": at,
                            "end": at + len(sentence),
                            "text": sentence,
                            "n_windows": 1,
                            "actors": [b],
                            "targets": [b] if code else [],
                            "codes": [code] if code else [],
                        }
                        | dict(zip(BOOK.classes, p, strict=True))
                    )
                    at += len(sentence) + 1
                passages += rows
                speeches.append(
                    meta
                    | {
                        "speech_id": speech_id,
                        "office": "foreign minister" + taint,
                        "title": "On the river" + taint,
                        "venue": "the Diet" + taint,
                        "url": "https://example.org/?a=1&b=" + taint if s % 2 == 0 else "javascript:alert(1)" + taint,
                        "text": text,
                    }
                )
    pd.DataFrame(passages).to_parquet(folder / "passages/part-00000.parquet")
    pd.DataFrame(speeches).to_parquet(folder / "speeches/part-00000.parquet")


def _manifest(folder: Path, taint: str) -> None:
    manifest = {
        "run_id": "f00dfeed" + taint,
        "created": "2026-01-02T03:04:05Z",
        "model": {
            "id": "fake-1" + taint,
            "kind": "linear",
            "digest": "ab" * 32,
            "metrics": {"test": {"macro_f1": 0.61, "TP+": {"precision": 0.7, "recall": 0.6, "f1": 0.65}, "n": 400}},
        },
        "codebook": {"name": BOOK.name, "version": BOOK.version, "digest": BOOK.digest},
        "config": {"path": "configs/fake.toml" + taint, "digest": "cd" * 32},
        "inputs": [
            {
                "path": "fiction.jsonl" + taint,
                "digest": "ef" * 32,
                "licence": "CC0-1.0",
                "citation": "Nobody (2020): Speeches." + taint,
            }
        ],
        "versions": {"sca_nlp": "0.1.0", "python": "3.11.7"},
        "counts": {
            "speeches": 120,
            "passages": 1200,
            "duplicates": 3,
            "languages_left_out": {"fr": 2},
            "windowed": 4,
            "rejects": 2,
        },
    }
    (folder / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "config.toml").write_text("[words]\ndraws = 200\n", encoding="utf-8")
    rejects = [
        {
            "file": "fiction.jsonl",
            "line": 17 + k,
            "reason": 'date is "12.3.99"; wanted YYYY' + taint,
            "record": "x" + taint,
        }
        for k in range(2)
    ]
    (folder / "rejects.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rejects), encoding="utf-8")
