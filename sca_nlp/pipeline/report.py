"""The report of a run: written with a seal, or written again to be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sca_nlp.pipeline.dyads import Dyads, members_function
from sca_nlp.pipeline.recipe import seal_report

if TYPE_CHECKING:
    from sca_nlp.aggregate.cells import Members


def report(
    folder: Path,
    *,
    title: str,
    dyads: Dyads = (),
    out: Path | None = None,
    actor_files: Iterable[str] = (),
    notebook: bool = False,
) -> Path:
    """Write the report of a run, sealed by `report.json`; return the path of its page."""
    from sca_nlp.report import write_report

    files = tuple(actor_files)
    names, members = _names_and_members(files)
    page = write_report(folder, title=title, dyads=dyads, out=out, members=members, names=names, notebook=notebook)
    seal_report(page, folder, title=title, dyads=dyads, actor_files=files, figures=True)
    return page


def write_again(
    folder: Path,
    *,
    title: str,
    dyads: Dyads,
    actor_files: Iterable[str],
    metrics: Mapping[str, Any] | None = None,
) -> Path:
    """Write the page and the tables of a report, without its drawings, to compare them with others.

    Args:
        folder: the run.
        title: of the report, as the other arguments are.
        dyads: pairs to show.
        actor_files: further actors.
        metrics: the model's scores that it printed; by default those that the model has today.
    """
    from sca_nlp.report import write_report

    names, members = _names_and_members(tuple(actor_files))
    return write_report(folder, title=title, dyads=dyads, members=members, names=names, figures=False, metrics=metrics)


def _names_and_members(files: tuple[str, ...]) -> tuple[Callable[[str], str], Members]:
    from sca_nlp.actors import load_data, name_of

    return partial(name_of, data=load_data().extended(files)), members_function(files)
