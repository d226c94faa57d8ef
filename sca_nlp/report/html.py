"""Write a report: the pages, and beside them figures, tables and notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sca_nlp.codebook import codebook_of
from sca_nlp.report import provenance
from sca_nlp.report.evidence import Members, budget, list_command
from sca_nlp.report.figures import write_figures
from sca_nlp.report.frames import read_frames
from sca_nlp.report.methods import write_methods
from sca_nlp.report.notebook import write_notebook
from sca_nlp.report.pages import environment, look, put
from sca_nlp.report.pairs import build_pair, pairs_of
from sca_nlp.report.parts import make_parts, name_codes
from sca_nlp.report.rows import test_rows
from sca_nlp.report.summary import n_corrected, tests_sentence
from sca_nlp.report.tables import write_tables

#: A table on the page stops here; the CSV has all of it.
MOST_ROWS = 400
#: With more pairs than these each has a page of its own and the first is an overview: on one page, ten pairs weighed
#: ten megabytes.
MOST_PAIRS = 3
#: The folder of these pages.
PAGES = "pairs"


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
    name = name_codes(names)
    pairs = [build_pair(frames, a, b, book, name) for a, b in pairs_of(frames, dyads)]
    shown = [p for p in pairs if p.directions and p.periods]
    k = budget(passages_per_point, sum(len(p.periods) * len(p.directions) for p in shown))
    parts = make_parts(frames, shown, book, members=members, name=name, passages_per_point=k)
    folder.mkdir(parents=True, exist_ok=True)
    files = write_figures(shown, book, folder / "figures") if figures else []
    tables = write_tables(frames, {c for p in shown for c in (p.a, p.b)}, folder / "tables")
    methods = write_methods(frames, shown, book, k)
    if notebook:
        write_notebook(folder / "report.ipynb", title=title, pairs=shown, methods=methods, tables=tables)
    metrics = provenance.metrics_of(frames.manifest) if metrics is None else metrics
    provenance.keep_metrics(folder, metrics)
    templates = environment(book)
    shared: dict[str, Any] = {
        **look(),
        "title": title,
        "frames": frames,
        "k": k,
        "command": list_command(run_folder),
        "n_tests": n_corrected(frames["compare/tests.parquet"]),
    }
    pages = {p.pair.slug: f"{PAGES}/{p.pair.slug}.html" for p in parts} if len(parts) > MOST_PAIRS else {}
    for part in parts if pages else ():
        whole = templates.get_template("pair_page.html.j2").render(part=part, pages={}, **shared)
        put(folder / pages[part.pair.slug], whole)
    for old in (folder / PAGES).glob("*.html"):
        if f"{PAGES}/{old.name}" not in pages.values():
            old.unlink()  # of an earlier report with other pairs
    page = templates.get_template("report.html.j2").render(
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
    put(folder / "index.html", page)
    return folder / "index.html"


def _of_no_pair(tests: pd.DataFrame) -> pd.DataFrame:
    """Return the tests over all dyads together (source and target are both `*` or empty)."""
    return tests[(tests["source"] == tests["target"]) | (tests["source"] == "")]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
