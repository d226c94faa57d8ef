"""`sca verify`: is the report what the store says?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sca_nlp.cli import app
from sca_nlp.cli.console import JsonFlag, alarm, clean, emit

if TYPE_CHECKING:
    from sca_nlp.pipeline import Verdict

_TITLES = {
    "seal": "files since the report was made",
    "store": "store",
    "aggregate": "words (sca aggregate)",
    "deeds": "deeds (sca deeds)",
    "compare": "comparison (sca compare)",
    "report": "tables and pages (sca report)",
}


@app.command(rich_help_panel="Runs")
def verify(
    report: Annotated[Path, typer.Argument(help="A report's folder, or a run folder whose report/ is meant.")],
    run: Annotated[Path | None, typer.Option(help="Where the run is, if it has moved away from the report.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make every number of a report again from the store; list what differs and why, and end with 1 if anything does.

    Numbers differ because something was altered, or because other code or other libraries made them: each stage keeps
    by what it was made.

    [dim]Example:  sca verify runs/mine/report[/dim]
    """
    from sca_nlp import pipeline

    found = pipeline.verify(report, run=run)
    data = {
        "report": str(found.report),
        "run": str(found.run),
        "files": found.n_files,
        "numbers": found.n_numbers,
        "cause": found.cause or None,
        "stages": [
            {
                "stage": p.name,
                "same": p.same,
                "cause": p.cause or None,
                "why": p.why if p.problems else "",
                "made_by": p.made_by,
                "now": p.again_by,
                "problems": p.problems,
            }
            for p in found.parts
        ],
        "notes": found.notes,
        "problems": found.problems,
    }
    emit(data, as_json, lambda: _human(found))
    if found.problems:
        raise typer.Exit(1)


def _human(found: Verdict) -> None:
    for note in found.notes:
        print(clean(f"note: {note}"))
    for part in found.parts:
        if part.same:
            state = "same numbers" if part.again_by else "as they were" if part.name == "seal" else "whole"
            print(f"{_TITLES[part.name]}: {state}{', made by other code or libraries' if part.other else ''}")
            continue
        state = "numbers differ" if part.again_by else "changed"
        alarm(f"{_TITLES[part.name]}: {state}: {part.why}")
        for problem in part.problems:
            alarm(f"  {problem}")
    made = f"{found.n_files:,} files, {found.n_numbers:,} numbers recomputed"
    if not found.problems:
        print(f"{found.report}: {made}: store and report agree")
        return
    print(f"{found.report}: {made}: {len(found.problems):,} problems; cause: {found.cause}")
    for text in dict.fromkeys(p.advice for p in found.parts if p.problems and p.advice):
        print(clean(f"what to do: {text}"))
