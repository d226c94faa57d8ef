"""Put the page together: frames to pairs, pairs to drawings and sentences, all through one template that escapes."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from sca_nlp.codebook import Codebook, codebook_of
from sca_nlp.errors import ScaError
from sca_nlp.report import brief, provenance, wording
from sca_nlp.report.chart_main import anchor, main_chart
from sca_nlp.report.chart_parts import deeds_chart, deeds_key, direction_key, indicator_chart
from sca_nlp.report.conditions import Condition, Known, model
from sca_nlp.report.density import densities
from sca_nlp.report.evidence import (
    Cell,
    Members,
    budget,
    list_command,
    open_passages,
    passages_of,
    safe_url,
)
from sca_nlp.report.figures import write_figures
from sca_nlp.report.frames import NEEDED, Frames, read_frames
from sca_nlp.report.methods import write_methods
from sca_nlp.report.moves import deeds_of
from sca_nlp.report.notebook import write_notebook
from sca_nlp.report.pairs import Direction, Pair, build_pair, pairs_of
from sca_nlp.report.rows import choice_rows, method_rows, rows_of_pair, sequence_rows, test_rows, window_rows
from sca_nlp.report.said import Said, Terms, hear, read_terms, west_meetings
from sca_nlp.report.summary import make_up_note, n_corrected, period_note, summarise, tests_sentence, window_name
from sca_nlp.report.tables import write_table

_TEMPLATES = Path(__file__).parent / "templates"
#: A table on the page stops here; the CSV has all of it.
MOST_ROWS = 400
#: With more pairs than these each has a page of its own and the first is an overview: on one page, ten pairs weighed
#: ten megabytes.
MOST_PAIRS = 3
#: The folder of these pages.
PAGES = "pairs"


@dataclass
class Part:
    """One pair as the template sees it."""

    pair: Pair
    sentences: list[tuple[str, str]]
    drawings: dict[str, Markup]
    evidence: list[tuple[Direction, list[Cell]]]
    tests: list[tuple[str, list[dict[str, Any]]]]
    sequences: list[tuple[str, list[dict[str, Any]]]]
    methods_compared: list[dict[str, Any]]
    windows: list[dict[str, Any]]
    choices: tuple[list[str], list[dict[str, Any]]]
    conditions: list[Condition]
    facts: list[brief.Fact]
    places: list[brief.Place]

    @property
    def lead(self) -> list[str]:
        """The sentences at its head."""
        return brief.lead(self.facts)


def _evidence(
    frames: Frames, pairs: list[Pair], book: Codebook, members: Members, k: int, terms: Terms
) -> tuple[dict[str, list[tuple[Direction, list[Cell]]]], dict[str, dict[str, Said]], tuple[int, int]]:
    """Return by pair the cells of its directions and what its sides say; and what states of the reference group say."""
    db = open_passages(frames)
    out: dict[str, list[tuple[Direction, list[Cell]]]] = {}
    said: dict[str, dict[str, Said]] = {}
    for pair in pairs:
        rows = []
        heard = said.setdefault(pair.slug, {})
        for d in pair.directions:
            cells = passages_of(db, d, pair.periods, k, book, members) if db is not None and pair.periods else {}
            if db is not None and pair.periods:
                heard[d.source] = hear(db, pair.periods, book, terms)
            deeds_of(frames, d, pair.periods, cells, members)
            for p in (*d.words, *d.deeds, *d.gap, *(q for m in d.manifestations.values() for q in m)):
                cells.setdefault(p, Cell(p))  # every mark in a figure has a place to lead to
            rows.append((d, [cells[p] for p in sorted(cells) if p in pair.periods]))
        out[pair.slug] = rows
    met = (0, 0)
    if db is not None:
        years = {int(p[:4]) for pair in pairs for p in pair.periods}
        west = frozenset[str]().union(*(members(terms.reference, y) for y in years)) if terms.reference else frozenset()
        met = west_meetings(db, west, terms)
        db.close()
    return out, said, met


def _names(given: Callable[[str], str] | None) -> Callable[[str], str]:
    """Return a function that names every code, the unknown ones by themselves."""
    from sca_nlp.actors import name_of  # reads the gazetteer, so only when a report is made

    def name(code: str) -> str:
        try:
            return (given or name_of)(code)
        except ScaError:
            return code

    return name


def _of_no_pair(tests: pd.DataFrame) -> pd.DataFrame:
    """Return the tests over all dyads together (source and target are both `*` or empty)."""
    return tests[(tests["source"] == tests["target"]) | (tests["source"] == "")]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _elsewhere(markup: str, page: str, *anchors: str) -> Markup:
    """Return a part whose links within the page lead to another page instead: all, or those to some anchors."""
    which = "|".join(map(re.escape, anchors)) or '[^"]+'
    moved = re.sub(f'href="#({which})"', lambda m: f'href="{escape(page)}#{m[1]}"', str(markup))
    return Markup(moved)  # noqa: S704 (all of it was escaped before)


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
        "num": wording.num,
        "p": wording.pvalue,
        "settings": provenance.settings,
        "count": wording.count,
        "plain": wording.plain,
        "safe_url": safe_url,
        "elsewhere": _elsewhere,
    }
    env.tests["finite"] = wording.finite
    env.globals |= {
        "interval": wording.interval,
        "finite": wording.finite,
        "anchor": anchor,
        "direction_key": direction_key,
        "deeds_key": deeds_key,
        "period_note": period_note,
        "make_up_note": make_up_note,
        "manifestations": wording.MANIFESTATION_NAMES,
        "method_names": wording.METHOD_NAMES,
        "meaning": book.meaning,
        "book": book,
        "window_name": window_name,
        "plural": wording.plural,
        "tally": brief.tally,
        "line_of_tests": brief.line_of_tests,
        "choices_line": brief.choices_line,
        "spans_line": brief.spans_line,
        "trust_sign": book.trust_sign,
        "denied_for_trust": [
            i.name.lower() for i in book.indicators if any(i.trust_sign[v] > 0 for v in [*i.values][1:])
        ],
    }
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
    exchanged = {"transactions": frames.transactions} if len(frames.transactions) else {}
    for name, frame in (frames.extra | exchanged).items():
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
    names: Callable[[str], str] | None,
    passages_per_point: int,
    figures: bool = True,
    notebook: bool = False,
    metrics: Mapping[str, Any] | None = None,
) -> Path:
    """Write the report; `sca_nlp.report.write_report` says how."""
    frames = read_frames(run_folder)
    book = codebook_of(run_folder)
    folder = out or run_folder / "report"
    named = _names(names)
    pairs = [build_pair(frames, a, b, book, named) for a, b in pairs_of(frames, dyads)]
    shown = [p for p in pairs if p.directions and p.periods]
    k = budget(passages_per_point, sum(len(p.periods) * len(p.directions) for p in shown))
    try:
        terms = read_terms()
        each = members or (lambda actor, year: frozenset((actor,)))
        evidence, said, met = _evidence(frames, shown, book, each, k, terms)
    except ScaError as e:
        raise ScaError(f"the passages behind the points cannot be shown: {e}") from e
    parts = []
    for pair in shown:
        tests = rows_of_pair(frames["compare/tests.parquet"], pair)
        stood = brief.places(frames.extra.get("position"), pair)
        drawings = {
            "main": main_chart(pair),
            "stance": indicator_chart(pair, "stance", book),
            "salience": indicator_chart(pair, "salience", book),
            "deeds": deeds_chart(pair),
        }
        known = Known(
            *(frames, pair, book, evidence[pair.slug], said[pair.slug]),
            *(densities(frames.transactions, pair, named(terms.reference)), terms, named(terms.reference), met),
        )
        parts.append(
            Part(
                pair,
                summarise(pair, tests),
                drawings,
                evidence[pair.slug],
                test_rows(tests),
                sequence_rows(
                    rows_of_pair(frames["compare/sequences.parquet"], pair), pair, evidence[pair.slug], book.trust_sign
                ),
                method_rows(frames, pair),
                window_rows(frames, pair),
                choice_rows(frames, pair),
                model(known),
                brief.facts(pair, tests, stood),
                stood,
            )
        )
    folder.mkdir(parents=True, exist_ok=True)
    files = write_figures(shown, book, folder / "figures") if figures else []
    tables = _tables(frames, shown, folder / "tables")
    methods = write_methods(frames, shown, book, k)
    if notebook:
        write_notebook(folder / "report.ipynb", title=title, pairs=shown, methods=methods, tables=tables)
    metrics = provenance.metrics_of(frames.manifest) if metrics is None else metrics
    provenance.keep_metrics(folder, metrics)
    style, script = ((_TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    environment = _environment(book)
    shared: dict[str, Any] = {
        "title": title,
        "csp": _csp(style, script),
        "style": Markup(style),  # noqa: S704 (our own files; nothing from outside is in them)
        "script": Markup(script),  # noqa: S704
        "frames": frames,
        "k": k,
        "command": list_command(run_folder),
        "n_tests": n_corrected(frames["compare/tests.parquet"]),
    }
    pages = {p.pair.slug: f"{PAGES}/{p.pair.slug}.html" for p in parts} if len(parts) > MOST_PAIRS else {}
    for part in parts if pages else ():
        whole = environment.get_template("pair_page.html.j2").render(part=part, pages={}, **shared)
        _replace(folder / pages[part.pair.slug], whole)
    for old in (folder / PAGES).glob("*.html"):
        if f"{PAGES}/{old.name}" not in pages.values():
            old.unlink()  # of an earlier report with other pairs
    page = environment.get_template("report.html.j2").render(
        parts=parts,
        pages=pages,
        without=[p for p in pairs if p not in shown],
        all_tests=tests_sentence(frames["compare/tests.parquet"]),
        error=provenance.classifier_error(metrics),
        metric_rows=provenance.metric_rows(metrics),
        groups=provenance.manifest_groups(frames),
        digests=provenance.frame_digests(frames),
        day=provenance.when(frames),
        config=_text(run_folder / "config.toml"),
        other_tests=test_rows(_of_no_pair(frames["compare/tests.parquet"])),
        sources=provenance.source_rows(frames),
        extra=[
            (name, f.head(MOST_ROWS), len(f))
            for name, f in frames.extra.items()
            if name not in ("criteria", "sensitivity")
        ],
        methods=methods,
        figures=files,
        tables=tables,
        **shared,
    )
    _replace(folder / "index.html", page)
    return folder / "index.html"


def _replace(path: Path, text: str) -> None:
    """Write a page so that a kill leaves the one before or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.tmp")
    half.write_text(text, encoding="utf-8", newline="\n")
    half.replace(path)
