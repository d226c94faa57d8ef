"""Put the page together: frames to pairs, pairs to drawings and sentences, all through one template that escapes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sca_nlp.codebook import Codebook, default_codebook, read_codebook
from sca_nlp.errors import ScaError
from sca_nlp.report import provenance, wording
from sca_nlp.report.chart_main import anchor, main_chart
from sca_nlp.report.chart_parts import deeds_chart, deeds_key, direction_key, indicator_chart
from sca_nlp.report.evidence import (
    Cell,
    Members,
    budget,
    deeds_of,
    list_command,
    open_passages,
    passages_of,
    safe_url,
    steps_of,
)
from sca_nlp.report.figures import write_figures
from sca_nlp.report.frames import NEEDED, Frames, read_frames
from sca_nlp.report.methods import write_methods
from sca_nlp.report.pairs import Direction, Pair, build_pair, pairs_of
from sca_nlp.report.summary import period_note, summarise, tests_sentence
from sca_nlp.report.tables import write_table

_TEMPLATES = Path(__file__).parent / "templates"
#: A table on the page stops here; the CSV has all of it.
MOST_ROWS = 400

QUESTIONS = {
    "gap": "Do words and deeds diverge?",
    "lead": "Who leads, words or deeds?",
    "granger": "Does one predict the other?",
    "coincid": "Do rare deeds follow words, or words deeds?",
    "recipro": "Do the two sides answer each other?",
    "break": "When did it change?",
    "endur": "Does it outlast leaders?",
    "leader": "Does it outlast leaders?",
    "crisis": "What happens under strain?",
    "position": "Where does the pair stand?",
    "spectrum": "Where does the pair stand?",
}
KINDS = {
    "grit": "Answered conciliatory moves (a GRIT run)",
    "spiral": "Mutual hostile moves (a spiral)",
    "leap": "A leap of trust",
    "bad_faith": "Hostile words after a conciliatory deed (bad faith)",
    "badfaith": "Hostile words after a conciliatory deed (bad faith)",
}


@dataclass
class Part:
    """One pair as the template sees it."""

    pair: Pair
    sentences: list[str]
    drawings: dict[str, Markup]
    evidence: list[tuple[Direction, list[Cell]]]
    tests: list[tuple[str, list[dict[str, Any]]]]
    sequences: list[dict[str, Any]]
    methods_compared: list[dict[str, Any]]
    windows: list[dict[str, Any]]


def _book(folder: Path) -> Codebook:
    for path in (folder / "codebook.toml",):
        if path.exists():
            return read_codebook(path)
    return default_codebook()


def _for_pair(frame: pd.DataFrame, pair: Pair) -> pd.DataFrame:
    two = {pair.a, pair.b}
    return frame[frame["source"].isin(two) & frame["target"].isin(two)]


def _question(name: str) -> str:
    low = name.lower()
    return next((text for key, text in QUESTIONS.items() if key in low), wording.plain(name))


def _tests(frame: pd.DataFrame) -> list[tuple[str, list[dict[str, Any]]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for r in frame.to_dict("records"):
        groups.setdefault(_question(str(r["question"])), []).append(r)
    for rows in groups.values():
        rows.sort(key=lambda r: (float(r["q"]) if wording.finite(r["q"]) else 2.0, str(r["statistic"]), r["source"]))
    return list(groups.items())


def _sequences(frame: pd.DataFrame, pair: Pair) -> list[dict[str, Any]]:
    anchors = {(d.source, d.target): d for d in pair.directions}
    out = []
    for r in frame.sort_values(["start", "kind"]).to_dict("records"):
        steps = steps_of(r["steps"])
        for s in steps:
            d = anchors.get((s.get("source", ""), s.get("target", ""))) or anchors.get((r["source"], r["target"]))
            s["href"] = f"#{anchor(d, s['period'])}" if d and s["period"] in pair.periods else ""
        kind = str(r["kind"])
        out.append(r | {"steps": steps, "name": KINDS.get(kind.lower().replace(" ", "_"), wording.plain(kind))})
    return out


def _methods_compared(frames: Frames, pair: Pair) -> list[dict[str, Any]]:
    words = _for_pair(frames["words.parquet"], pair)
    rows = words[(words["measure"] == "balance") & (words["indicator"] == "all") & words["target"].ne("")]
    if "hidden" in rows.columns:
        rows = rows[~rows["hidden"].astype(bool)]
    out = []
    for (source, target, method), g in rows.groupby(["source", "target", "method"]):
        out.append(
            {
                "source": source, "target": target, "method": wording.METHOD_NAMES.get(str(method), str(method)),
                "head": method == pair.method, "mean": g["estimate"].mean(), "low": g["estimate"].min(), "high": g["estimate"].max(), "n": len(g),
            }
        )  # fmt: skip
    return out


def _windows(frames: Frames, pair: Pair) -> list[dict[str, Any]]:
    gap = _for_pair(frames["compare/gap.parquet"], pair)
    if "window" not in gap.columns or gap["window"].nunique() < 2:
        return []
    out = []
    for (source, target, window), g in gap.dropna(subset=["gap"]).groupby(["source", "target", "window"], sort=False):
        last = g.sort_values("period").tail(5)
        beyond = int(((g["low"] > 0) | (g["high"] < 0)).sum())
        out.append(
            {
                "source": source,
                "target": target,
                "window": window,
                "mean": last["gap"].mean(),
                "beyond": beyond,
                "n": len(g),
            }
        )
    return out


def _evidence(
    frames: Frames, pairs: list[Pair], book: Codebook, members: Members, k: int
) -> dict[str, list[tuple[Direction, list[Cell]]]]:
    db = open_passages(frames)
    out = {}
    for pair in pairs:
        rows = []
        for d in pair.directions:
            cells = passages_of(db, d, pair.periods, k, book, members) if db is not None and pair.periods else {}
            deeds_of(frames, d, pair.periods, cells, members)
            for p in (*d.words, *d.deeds, *d.gap, *(q for m in d.manifestations.values() for q in m)):
                cells.setdefault(p, Cell(p))  # every mark in a figure has a place to lead to
            rows.append((d, [cells[p] for p in sorted(cells) if p in pair.periods]))
        out[pair.slug] = rows
    if db is not None:
        db.close()
    return out


def _csp(style: str, script: str) -> str:
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(t.encode("utf-8")).digest()).decode() for t in (style, script)
    )
    return (
        f"default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _environment(book: Codebook) -> Environment:
    env = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    env.filters |= {
        "num": wording.num, "p": wording.pvalue, "count": wording.count, "plain": wording.plain, "safe_url": safe_url,
    }  # fmt: skip
    env.globals |= {
        "interval": wording.interval, "finite": wording.finite, "anchor": anchor, "direction_key": direction_key,
        "deeds_key": deeds_key, "period_note": period_note, "manifestations": wording.MANIFESTATION_NAMES,
        "method_names": wording.METHOD_NAMES, "meaning": book.meaning, "book": book, "trust_sign": book.trust_sign,
    }  # fmt: skip
    return env


def _tables(frames: Frames, pairs: list[Pair], folder: Path) -> list[str]:
    names = []
    codes = {c for p in pairs for c in (p.a, p.b)}
    for file in NEEDED:
        frame = frames[file]
        if frame.empty or file == "words_draws.parquet":
            continue
        kept = frame[frame["source"].isin(codes) & (frame["target"].isin(codes) | (frame["target"] == ""))]
        name = Path(file).stem
        write_table(kept, folder, name)
        names.append(name)
    for name, frame in frames.extra.items():
        write_table(frame, folder, name)
        names.append(name)
    return names


def write(
    run_folder: Path,
    *,
    title: str,
    dyads: Sequence[tuple[str, str]],
    out: Path | None,
    members: Members | None,
    passages_per_point: int,
) -> Path:
    """Write the report; `sca_nlp.report.write_report` says how."""
    frames = read_frames(run_folder)
    book = _book(run_folder)
    folder = out or run_folder / "report"
    pairs = [p for p in (build_pair(frames, a, b, book) for a, b in pairs_of(frames, dyads))]
    shown = [p for p in pairs if p.directions and p.periods]
    k = budget(passages_per_point, sum(len(p.periods) * len(p.directions) for p in shown))
    try:
        evidence = _evidence(frames, shown, book, members or (lambda actor, year: frozenset((actor,))), k)
    except ScaError as e:
        raise ScaError(f"the passages behind the points cannot be shown: {e}") from e
    parts = []
    for pair in shown:
        tests = _for_pair(frames["compare/tests.parquet"], pair)
        drawings = {
            "main": main_chart(pair),
            "stance": indicator_chart(pair, "stance", book),
            "salience": indicator_chart(pair, "salience", book),
            "deeds": deeds_chart(pair),
        }
        parts.append(
            Part(
                pair, summarise(pair, tests), drawings, evidence[pair.slug], _tests(tests),
                _sequences(_for_pair(frames["compare/sequences.parquet"], pair), pair), _methods_compared(frames, pair), _windows(frames, pair),
            )
        )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    figures = write_figures(shown, book, folder / "figures")
    tables = _tables(frames, shown, folder / "tables")
    metrics = provenance.metrics_of(frames)
    style, script = ((_TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    page = (
        _environment(book)
        .get_template("report.html.j2")
        .render(
            title=title,
            csp=_csp(style, script),
            style=Markup(style),  # noqa: S704 (our own files; nothing from outside is in them)
            script=Markup(script),  # noqa: S704
            parts=parts,
            without=[p for p in pairs if p not in shown],
            frames=frames,
            k=k,
            command=list_command(run_folder),
            all_tests=tests_sentence(frames["compare/tests.parquet"]),
            n_tests=len(frames["compare/tests.parquet"]),
            error=provenance.classifier_error(metrics),
            metric_rows=provenance.metric_rows(metrics),
            groups=provenance.manifest_groups(frames),
            sources=provenance.source_rows(frames),
            extra={name: f.head(MOST_ROWS) for name, f in frames.extra.items()},
            methods=write_methods(frames, shown, book, k),
            figures=figures,
            tables=tables,
        )
    )
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8", newline="\n")
    return path
