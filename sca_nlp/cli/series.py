"""`sca run` and the stages after scoring: `aggregate`, `deeds`, `compare`, `report`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from sca_nlp.cli import app
from sca_nlp.cli.console import JsonFlag, counted, emit, pairs, progress, table
from sca_nlp.config import CompareSection, Config, DeedsSection, WordsSection, read_config
from sca_nlp.errors import InputError
from sca_nlp.share import share_path

Run = Annotated[Path, typer.Argument(help="A run folder.")]
ConfigOption = Annotated[Path | None, typer.Option(help="A run's TOML; default: the folder's own config.toml.")]
Dyad = Annotated[list[str] | None, typer.Option(help="A pair of actors, as in RUS-USA; read both ways. Repeat it.")]


def _config(run: Path, path: Path | None) -> Config:
    own = run / "config.toml"
    if path:
        return read_config(path)
    return read_config(own) if own.exists() else Config(name=run.name or "run")


def _dyads(values: list[str] | None, settings: Config, run: Path) -> WordsSection:
    from sca_nlp.pipeline import known_dyads

    section = settings.words
    found = list(section.dyads) if not values else []
    for value in values or ():
        left, dash, right = value.partition("-")
        if not (left and dash and right):
            raise InputError("--dyad", repr(value), "two actors, as in RUS-USA")
        found.append((left.strip(), right.strip()))
    return known_dyads(replace(section, dyads=tuple(found)), settings.actors.files, run)


@app.command(rich_help_panel="Start here")
def run(
    config: Annotated[Path, typer.Argument(help="A run's TOML, or the bare name of a shipped one, as in sample.")],
    out: Annotated[Path | None, typer.Option(help="The run folder; default: as configured, or runs/<name>.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Do the whole job: read, cut, code, store, aggregate, compare, report. Run again and it goes on where it stopped.

    [dim]Example:  sca run configs/sample.toml[/dim]
    """
    from sca_nlp import pipeline

    if not config.suffix and config.name == str(config) and not config.exists():
        config = share_path("configs", f"{config}.toml")  # a shipped one, by its bare name
    settings = read_config(config)
    if out:
        settings = replace(settings, out=str(out))
    with progress("Scoring") as advance:

        def comparing(done: int, n: int) -> None:
            advance.begin("Comparing", "steps")
            advance.upto(done, n)

        say = (lambda line: None) if as_json else print
        made = pipeline.run(settings, progress=advance, comparing=comparing, say=say)
    data = {"run": str(made.folder), "report": str(made.report), **made.counts}

    def human() -> None:
        if made.folder != Path(str(settings.folder)):
            print(f"note: {settings.folder} holds the scores of another model, so this run is in {made.folder}")
        print(f"report: {made.report}")
        own = (
            "Next, on your own data: copy configs/sample.toml to configs/mine.toml, put your files under [[speeches]]"
            " and [[deeds]] and your pairs under [words], and run `sca run configs/mine.toml`. "
        )
        sample = config.resolve() == share_path("configs", "sample.toml").resolve()
        print(f"{own if sample else ''}To look into this run: sca review {made.folder}")

    emit(data, as_json, human)


@app.command(rich_help_panel="Stages")
def aggregate(
    run: Run,
    dyad: Dyad = None,
    period: Annotated[str, typer.Option(help="year, quarter or month; default: as the config says.")] = "",
    config: ConfigOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add coded passages up into series of words: salience, stance, trust balance, with intervals.

    [dim]Example:  sca aggregate runs/mine --dyad RUS-USA --period year[/dim]
    """
    from sca_nlp import pipeline

    settings = _config(run, config)
    section = _dyads(dyad, settings, run)
    if period:
        section = replace(section, period=period)
    counts = pipeline.aggregate(
        run, section, actor_files=settings.actors.files, draws=settings.compare.draws, seed=settings.seed
    )
    emit(counts, as_json, lambda: print(f"{counted(counts)}. Written: {run / 'words.parquet'}"))


@app.command(rich_help_panel="Stages")
def deeds(
    run: Annotated[Path | None, typer.Argument(help="A run folder.")] = None,
    deed: Annotated[list[str] | None, typer.Option("--deeds", help="reader=path; repeat it.")] = None,
    dyad: Dyad = None,
    period: Annotated[str, typer.Option(help="year, quarter or month; default: as the config says.")] = "",
    verbal: Annotated[
        bool,
        typer.Option(metavar="", show_default=False, help="Count verbal deeds (accuse, threaten, consult ...) too."),
    ] = False,
    config: ConfigOption = None,
    list_readers: Annotated[
        bool, typer.Option("--list", metavar="", show_default=False, help="List the deed readers and stop.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Read coded deeds and add them up by the eight manifestations; outside a source's coverage is missing, not zero.

    [dim]Example:  sca deeds runs/mine --deeds chronology=deeds.csv --dyad RUS-USA[/dim]
    """
    if list_readers:
        _list_deed_readers(as_json)
        return
    if run is None:
        raise InputError("sca deeds", "no run folder", "one, as in: sca deeds runs/mine --deeds chronology=deeds.csv")
    from sca_nlp import pipeline

    settings = _config(run, config)
    section = _dyads(dyad, settings, run)
    given = [next(iter(pairs([d], "--deeds").items())) for d in deed or ()]  # a reader may be named twice
    sources = tuple(DeedsSection(n, p) for n, p in given) or settings.deeds
    counts = pipeline.deeds(
        run,
        sources,
        pipeline.directed(section),
        period=period or section.period,
        actor_files=settings.actors.files,
        verbal=verbal or settings.compare.verbal,
        window=settings.compare.window,
        first=section.first,
        last=section.last,
    )
    rejected = f"; rejects: {run / 'deed_rejects.txt'}" if counts["rejects"] else ""
    emit(counts, as_json, lambda: print(f"{counted(counts)}. Written: {run / 'deed_series.parquet'}{rejected}"))


def _list_deed_readers(as_json: bool) -> None:
    from sca_nlp.registry import names, resolve

    rows = []
    for name in names("deed reader"):
        doc = (resolve("deed reader", name).__doc__ or "").strip()
        rows.append({"reader": name, "reads": doc.splitlines()[0] if doc else ""})
    emit(rows, as_json, lambda: table(("reader", "reads"), [(r["reader"], r["reads"]) for r in rows]))


@app.command(rich_help_panel="Stages")
def compare(
    run: Run,
    dyad: Dyad = None,
    draws: Annotated[
        int, typer.Option(min=0, help="Draws that carry the words' uncertainty; 0: as the config says.")
    ] = 0,
    permutations: Annotated[int, typer.Option(min=0, help="Permutations of each null; 0: as the config says.")] = 0,
    workers: Annotated[
        int,
        typer.Option(min=0, help="Processes; the numbers do not depend on it. 0: as the config says, or all cores."),
    ] = 0,
    config: ConfigOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Set words against deeds: gap, lead and lag, reciprocity, breaks, each with its null and its q-value.

    [dim]Example:  sca compare runs/mine --dyad RUS-USA --permutations 1000[/dim]
    """
    from sca_nlp import pipeline

    settings = _config(run, config)
    section: CompareSection = settings.compare
    if draws:
        section = replace(section, draws=draws)
    if permutations:
        section = replace(section, permutations=permutations)
    words = _dyads(dyad, settings, run)
    with progress("Comparing", "steps") as advance:
        counts = pipeline.compare(
            run,
            section,
            pipeline.directed(words),
            actor_files=settings.actors.files,
            seed=settings.seed,
            workers=workers,
            progress=advance.upto,
        )
    emit(counts, as_json, lambda: print(f"{counted(counts)}. Written: {run / 'compare'}"))


@app.command(rich_help_panel="Stages")
def report(
    run: Run,
    title: Annotated[str, typer.Option(help="Heading; default: as the config says.")] = "",
    dyad: Dyad = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; default: report/ in the run folder.")] = None,
    notebook: Annotated[
        bool,
        typer.Option(metavar="", show_default=False, help="Also write report.ipynb, which draws the figures anew."),
    ] = False,
    config: ConfigOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the report: one HTML file without network, its figures (SVG, PNG) and tables (CSV, Parquet).

    [dim]Example:  sca report runs/mine --title "Russia and the West"[/dim]
    """
    from sca_nlp import pipeline

    settings = _config(run, config)
    section = _dyads(dyad, settings, run)
    page = pipeline.report(
        run,
        title=title or settings.title or settings.name,
        dyads=section.dyads,
        out=out,
        actor_files=settings.actors.files,
        notebook=notebook,
    )
    emit({"report": str(page)}, as_json, lambda: print(f"report: {page}"))
