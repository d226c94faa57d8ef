"""`sca score`, `predict`, `export`, `check`: from speeches to coded passages."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from sca_nlp.cli import app
from sca_nlp.cli.console import JsonFlag, clean, emit, pairs, progress, reasons
from sca_nlp.errors import InputError

Model = Annotated[str, typer.Option(help="A shipped model's name or a model folder; empty: the default.")]
Profile = Annotated[str, typer.Option(help="exact (fp32), balanced (int8) or fast (a cascade).")]
Device = Annotated[str, typer.Option(help="cpu (ONNX Runtime), or gpu (torch; without a GPU it runs on the CPU).")]
Threads = Annotated[int, typer.Option(min=0, help="Threads of inference; 0: the cores that this process may use.")]


@app.command(rich_help_panel="Stages")
def score(
    speeches: Annotated[
        list[str], typer.Argument(help="Files, folders, patterns, URLs of these, or a Hugging Face data set.")
    ],
    out: Annotated[str, typer.Option(help="The run folder: a path, or a URL such as s3://bucket/run.")],
    format: Annotated[
        str, typer.Option(help="Reader; told by name and layout where left out (see `sca corpus list`).")
    ] = "",
    column: Annotated[list[str] | None, typer.Option(help="Our name=the file's, as in text=body. Repeat it.")] = None,
    default: Annotated[
        list[str] | None, typer.Option(help="A value that the file lacks, as in source=FRA. Repeat it.")
    ] = None,
    option: Annotated[list[str] | None, typer.Option(help="The reader's own option, name=value. Repeat it.")] = None,
    model: Model = "",
    profile: Profile = "balanced",
    threads: Threads = 0,
    language: Annotated[str, typer.Option(help="ISO 639-1 code of the speeches' language.")] = "en",
    actors: Annotated[list[str] | None, typer.Option(help="TOML file with more actors. Repeat it.")] = None,
    device: Device = "cpu",
    engine: Annotated[str, typer.Option(help="local, or ray: a cluster (extra `ray`).")] = "local",
    address: Annotated[str, typer.Option(help="Ray: the cluster, such as auto; empty: this machine's cores.")] = "",
    workers: Annotated[int, typer.Option(min=0, help="Ray: at most so many workers; 0: as many as fit.")] = 0,
    cpus: Annotated[float, typer.Option(min=0.1, help="Ray: CPUs of each worker.")] = 1.0,
    gpus: Annotated[float, typer.Option(min=0, help="Ray: GPUs of each worker, with --device gpu.")] = 0.0,
    as_json: JsonFlag = False,
) -> None:
    """Read, cut, code and store speeches; run again on the same folder and it goes on where it stopped.

    [dim]Example:  sca score speeches/*.csv --out runs/mine --column text=body --column source=country_name[/dim]
    """
    from functools import partial

    from sca_nlp import pipeline
    from sca_nlp.config import SpeechesSection
    from sca_nlp.engine import engine_named
    from sca_nlp.places import place
    from sca_nlp.read.speeches import ReadReport
    from sca_nlp.read.speeches.count import expected_speeches

    for path in speeches:  # a slip of the pen is told before anything is scored, not found among the rejects
        if format != "huggingface" and not re.search(r"[*?\[]|://", path) and not Path(path).exists():
            raise InputError(path, "no such file", "a file, folder or pattern; for a hub: --format huggingface")
    template = SpeechesSection("", format, pairs(column, "--column"), pairs(default, "--default"))
    sections = [replace(template, path=path, options=pairs(option, "--option")) for path in speeches]
    rejects: list[Any] = []
    reading = ReadReport()
    start = time.monotonic()
    load = partial(
        pipeline.load_tools, model, profile=profile, language=language, actor_files=actors or (), device=device
    )
    tools = load(threads=threads)
    for note in tools.notes():
        print(f"note: {note}", file=sys.stderr)
    run_shards = engine_named(
        engine,
        partial(load, threads=threads or max(1, int(cpus))),
        address=address,
        workers=workers,
        cpus=cpus,
        gpus=gpus,
    )
    with progress("Scoring") as advance:
        if sys.stderr.isatty() and not Path(out).exists():  # of a run that goes on, part is done: time left unknown
            advance.total = expected_speeches(speeches)
        summary = pipeline.score(
            pipeline.read(sections, rejects.append, actor_files=actors or (), report=reading, leave_out=True),
            place(out),
            tools,
            engine=run_shards,
            rejects=rejects,
            progress=advance,
            model_name=model,
            report=reading,
        )
    seconds = time.monotonic() - start
    data = {
        "run": str(summary.folder),
        "speeches": summary.n_speeches,
        "already_there": summary.n_known,
        "passages": summary.n_passages,
        "rejects": len(summary.rejects),
        "seconds": round(seconds, 2),
        "counts": summary.counts,
        "notes": reading.notes,
    }
    told = {
        "windowed": "passages longer than the model reads at once: read in windows (column n_windows)",
        "other_language": f"passages not in the model's language ({language}): left out of series (column language)",
        "empty_speeches": "speeches without a sentence to code (column n_passages)",
    }

    def human() -> None:
        known = f" ({summary.n_known:,} were there already)" if summary.n_known else ""
        rejected = (
            f"; {len(summary.rejects):,} rejected, see {summary.folder / 'rejects.jsonl'}" if summary.rejects else ""
        )
        for note in (*reading.remarks(), *(f"note: {note}" for note in reading.notes[:10])):
            print(clean(note))
        for name, what in told.items():
            if n := summary.counts.get(name):
                print(f"note: {n:,} {what}")
        for reason in reasons(summary.rejects, 5):
            print(f"  rejected: {reason}")
        done = f"{summary.n_speeches:,} speeches{known}, {summary.n_passages:,} passages in {seconds:.1f} s"
        print(f"{done}{rejected}. Run: {summary.folder}")

    emit(data, as_json, human)
    if not (summary.n_speeches or summary.n_known):
        why = f"all {len(summary.rejects):,} records rejected" if summary.rejects else "they are empty"
        raise InputError(", ".join(speeches)[:300], f"no speech could be scored: {why}", "at least one speech")


@app.command(rich_help_panel="Stages")
def predict(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="in", help="JSONL, CSV or Parquet with `text` and, where there, prev, next, country, date."
        ),
    ],
    target: Annotated[Path, typer.Argument(metavar="out", help="JSONL, CSV or Parquet, by its ending.")],
    model: Model = "",
    profile: Profile = "exact",
    threads: Threads = 0,
    as_json: JsonFlag = False,
) -> None:
    """Code passages that are already cut: one row out for each row in, in order.

    [dim]Example:  sca predict sentences.jsonl coded.jsonl[/dim]
    """
    from sca_nlp import pipeline
    from sca_nlp.passages_io import predict_file

    tools = pipeline.load_tools(model, profile=profile, threads=threads)
    with progress("Coding") as advance:
        made = predict_file(source, target, tools, pipeline.predict, lambda k: advance(0, k))

    def human() -> None:
        for note in made.notes:
            print(f"note: {note}", file=sys.stderr)
        print(f"{made.n_rows:,} passages coded, {made.n_coded:,} with at least one code. Written: {target}")

    emit({"rows": made.n_rows, "coded": made.n_coded, "out": str(target), "notes": made.notes}, as_json, human)


@app.command(rich_help_panel="Runs")
def export(
    run: Annotated[str, typer.Argument(help="A run folder, or its URL.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    format: Annotated[str, typer.Option(help="parquet, csv or jsonl; told by --out's ending where left out.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Write one flat table of a run's passages: ids, offsets, date, source, targets, codes, probabilities.

    [dim]Example:  sca export runs/mine --format parquet --out passages.parquet[/dim]
    """
    from sca_nlp.passages_io import write_tables
    from sca_nlp.places import place
    from sca_nlp.store import export_table

    kind = format or out.suffix.lstrip(".")
    if kind not in ("parquet", "csv", "jsonl"):
        raise InputError("--format", repr(kind), "parquet, csv or jsonl")
    n = write_tables(export_table(place(run)), out, kind)
    emit({"rows": n, "out": str(out)}, as_json, lambda: print(f"{n:,} passages written to {out}"))


@app.command(rich_help_panel="Runs")
def check(run: Annotated[str, typer.Argument(help="A run folder, or its URL.")], as_json: JsonFlag = False) -> None:
    """Prove a run whole: nothing missing, nothing twice, every offset rebuilds its text.

    [dim]Example:  sca check runs/mine[/dim]
    """
    from sca_nlp.places import place
    from sca_nlp.store import check_run, store_digest

    result = check_run(place(run))
    digest = "" if result.problems else store_digest(place(run))
    data = {
        "speeches": result.n_speeches,
        "passages": result.n_passages,
        "shards": result.n_shards,
        "digest": digest,
        "problems": list(result.problems),
    }

    def human() -> None:
        for problem in result.problems[:50]:
            print(f"  {problem}")
        state = f"{len(result.problems)} problems" if result.problems else f"whole, digest {digest}"
        print(
            f"{run}: {result.n_speeches:,} speeches, {result.n_passages:,} passages, {result.n_shards} shards: {state}"
        )

    emit(data, as_json, human)
    if result.problems:
        raise typer.Exit(1)
