"""From the frames of a run to one page that can be read, printed and checked: `write_report`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


def write_report(
    run_folder: Path | str,
    *,
    title: str,
    dyads: Sequence[tuple[str, str]] = (),
    out: Path | str | None = None,
    members: Callable[[str, int], frozenset[str]] | None = None,
    names: Callable[[str], str] | None = None,
    passages_per_point: int = 12,
    figures: bool = True,
    notebook: bool = False,
    metrics: Mapping[str, Any] | None = None,
) -> Path:
    """Write the report of a run: `index.html`, `figures/*.svg|png`, `tables/*.csv|parquet`. Returns the page's path.

    With more than three pairs `index.html` is an overview, and each pair has its page, `pairs/*.html`. A page is one
    self-contained file: no network, all text escaped. Same run, same bytes. A frame that is missing
    leaves a note in its section that names the command which makes it.

    Args:
        run_folder: a folder that `sca score`, `aggregate`, `deeds` and `compare` have filled.
        title: heading of the page.
        dyads: pairs (source, target) to show, in either order; empty = every pair that the frames hold.
        out: folder to write to; by default `run_folder/report`.
        members: (actor, year) -> codes that count as this actor in that year, for groups such as NATO; without it an
            actor is its own only member. The same callable that the aggregation was given.
        names: actor code -> name; by default the shipped names of states and groups, and the code where there is none.
        passages_per_point: at most so many passages are embedded for each source, target and period; less where a
            report has so many points that the page would grow beyond a few megabytes.
        figures: also write the figures for a paper (by far the slowest part: seconds a pair).
        notebook: also write `report.ipynb`, which loads the tables and draws the figures anew.
        metrics: measured scores of the model to print; by default those that its folder has today. What was printed is
            kept in `metrics.json` beside the page.

    Raises:
        InputError: no such folder, or a file in it that cannot be read at all.
    """
    from sca_nlp.report.html import write  # pandas, matplotlib and jinja2 only when a report is asked for

    return write(
        Path(run_folder),
        title=title,
        dyads=dyads,
        out=None if out is None else Path(out),
        members=members,
        names=names,
        passages_per_point=passages_per_point,
        figures=figures,
        notebook=notebook,
        metrics=metrics,
    )
