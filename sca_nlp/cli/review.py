"""`sca review`: the page on which analysts inspect, correct and audit a run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from sca_nlp.cli import app
from sca_nlp.cli.console import JsonFlag


@app.command(rich_help_panel="Runs")
def review(
    run: Annotated[Path, typer.Argument(metavar="run", help="A run folder with scored passages.")],
    port: Annotated[int, typer.Option(help="Port; 0: any free one.")] = 8765,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Other than this machine: set SCA_REVIEW_PASSWORD.")
    ] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Name under which other machines call the page. Repeat it.")
    ] = None,
    codebook: Annotated[Path | None, typer.Option(help="Another codebook in TOML; left out: the run's own.")] = None,
    actors: Annotated[list[str] | None, typer.Option(help="TOML file with more actors. Repeat it.")] = None,
    other: Annotated[
        Path | None, typer.Option(help="Run of the same speeches by another model: shows where the two disagree.")
    ] = None,
    train: Annotated[Path | None, typer.Option(help="Training config that the button Retrain starts from.")] = None,
    browser: Annotated[bool, typer.Option(metavar="", help="Open the page in the browser.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Open the review page of a run: explore, read, correct, audit, compare coders, see what changed.

    [dim]Example:  sca review runs/mine[/dim]
    """
    from sca_nlp.codebook import read_codebook
    from sca_nlp.review.serve import serve

    serve(
        run,
        host=host,
        port=port,
        password=os.environ.get("SCA_REVIEW_PASSWORD", ""),
        hosts=allow_host or (),
        codebook=read_codebook(codebook) if codebook else None,
        actor_files=actors or (),
        train_config=train,
        other=other,
        browser=browser,
        say=_say_json if as_json else print,
    )


def _say_json(line: str) -> None:
    """Print a line of the server as one JSON object, with the address by itself where the line has one."""
    address = next((word for word in line.split() if word.startswith(("http://", "https://"))), "")
    print(json.dumps({"line": line, **({"address": address} if address else {})}, ensure_ascii=False), flush=True)
