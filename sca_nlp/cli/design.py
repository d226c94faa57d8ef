"""`sca simulate`: what would a study find, before a sentence is collected?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sca_nlp.cli import app
from sca_nlp.cli.console import JsonFlag, emit, pairs, progress, table


@app.command(rich_help_panel="Beside a run")
def simulate(
    setting: Annotated[list[str] | None, typer.Argument(help="name=value, as in periods=40.")] = None,
    worlds: Annotated[int, typer.Option(help="Studies simulated of each kind.")] = 100,
    permutations: Annotated[int, typer.Option(help="Permutations of each test.")] = 499,
    seed: Annotated[int, typer.Option(help="Seed of all worlds.")] = 1957,
    out: Annotated[Path | None, typer.Option(help="Also write the table here, as CSV.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Try a design in synthetic worlds: power where its effects are real, false alarms where nothing happens, coverage.

    [dim]Example:  sca simulate periods=40 sentences=100 prevalence=0.05 lead=0.5 --worlds 50[/dim]
    """
    from sca_nlp.config import build
    from sca_nlp.simulate import Design, design
    from sca_nlp.store import write_atomically

    given = {k: float(v) if "." in v or "e" in v else int(v) for k, v in _numbers(pairs(setting, "setting")).items()}
    with progress("Simulating", "worlds") as advance:
        made = design(
            build(Design, given, "setting"), worlds=worlds, permutations=permutations, seed=seed, progress=advance.upto
        )
    if out:
        write_atomically(out, made.to_csv(index=False).encode())
    rows = made.round(4).astype(object).where(made.notna(), None)

    def human() -> None:
        table(list(rows.columns), [["" if v is None else v for v in r] for r in rows.itertuples(index=False)])

    emit(rows.to_dict("records"), as_json, human)


def _numbers(values: dict[str, str]) -> dict[str, str]:
    from sca_nlp.errors import InputError

    for name, value in values.items():
        try:
            float(value)
        except ValueError:
            raise InputError(name, repr(value), "a number") from None
    return values
