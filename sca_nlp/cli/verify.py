"""`sca verify`: is the report what the store says?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sca_nlp.cli import app
from sca_nlp.cli.console import JsonFlag, alarm, clean, emit


@app.command(rich_help_panel="Runs")
def verify(
    report: Annotated[Path, typer.Argument(help="A report's folder, or a run folder whose report/ is meant.")],
    run: Annotated[Path | None, typer.Option(help="Where the run is, if it has moved away from the report.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make every number of a report again from the store; list what differs, and end with 1 if anything does.

    [dim]Example:  sca verify runs/mine/report[/dim]
    """
    from sca_nlp import pipeline

    found = pipeline.verify(report, run=run)
    data = {
        "report": str(found.report),
        "run": str(found.run),
        "files": found.n_files,
        "numbers": found.n_numbers,
        "notes": found.notes,
        "problems": found.problems,
    }

    def human() -> None:
        for note in found.notes:
            print(clean(f"note: {note}"))
        for problem in found.problems:
            alarm(f"  {problem}")
        made = f"{found.n_files:,} files, {found.n_numbers:,} numbers recomputed"
        state = f"{len(found.problems):,} problems" if found.problems else "store and report agree"
        print(f"{found.report}: {made}: {state}")

    emit(data, as_json, human)
    if found.problems:
        raise typer.Exit(1)
