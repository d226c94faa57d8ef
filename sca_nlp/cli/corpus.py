"""`sca corpus`: what can be read, is it sound, and one clean file of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sca_nlp.cli import app
from sca_nlp.cli.console import JsonFlag, clean, counted, emit, pairs, progress, reasons, table
from sca_nlp.errors import InputError

corpus_app = typer.Typer(no_args_is_help=True, help="Speech corpora: list the readers, check a corpus, import it.")
app.add_typer(corpus_app, name="corpus", rich_help_panel="Beside a run")

Column = Annotated[list[str] | None, typer.Option(help="Our name=the file's, as in text=body. Repeat it.")]
Default = Annotated[list[str] | None, typer.Option(help="A value that the file lacks, as in source=FRA. Repeat it.")]
Option = Annotated[list[str] | None, typer.Option(help="The reader's own option, name=value. Repeat it.")]
Format = Annotated[str, typer.Option(help="Reader; told by name and layout where left out.")]
Paths = Annotated[list[str], typer.Argument(help="Files, folders or globs.")]


@corpus_app.command("list")
def list_readers(as_json: JsonFlag = False) -> None:
    """List the speech readers.

    [dim]Example:  sca corpus list[/dim]
    """
    from sca_nlp.registry import names, resolve

    rows = []
    for name in names("speech reader"):
        doc = (resolve("speech reader", name).__doc__ or "").strip()
        rows.append({"reader": name, "reads": doc.splitlines()[0] if doc else ""})
    emit(rows, as_json, lambda: table(("reader", "reads"), [(r["reader"], r["reads"]) for r in rows]))


def _given(format: str, column: Column, default: Default, option: Option) -> dict[str, Any]:
    """Return what the options of reading say, as arguments of `read_speeches`."""
    columns, defaults = pairs(column, "--column"), pairs(default, "--default")
    return dict(format=format, columns=columns, defaults=defaults, **dict[str, Any](pairs(option, "--option")))


@corpus_app.command("check")
def check_corpus(
    paths: Paths,
    format: Format = "",
    column: Column = None,
    default: Default = None,
    option: Option = None,
    as_json: JsonFlag = False,
) -> None:
    """Read a corpus without scoring it: how many speeches, of whom, from when, and what could not be read.

    [dim]Example:  sca corpus check speeches.csv --column text=body[/dim]
    """
    from sca_nlp.read.speeches import ReadReport, read_speeches
    from sca_nlp.records import Reject

    rejects: list[Reject] = []
    sources: Counter[str] = Counter()
    years: list[str] = []
    n_characters = 0
    reading = ReadReport()
    given = _given(format, column, default, option)
    with progress("Reading", "characters") as advance:
        for speech in read_speeches(paths, rejects=rejects.append, report=reading, **given):
            sources[speech.source] += 1
            years.append(speech.date[:4])
            n_characters += len(speech.text)
            advance(1, len(speech.text))
    data = {
        "speeches": len(years),
        "characters": n_characters,
        "first": min(years, default=""),
        "last": max(years, default=""),
        "sources": dict(sources.most_common()),
        "encodings": reading.encodings,
        "duplicates": reading.n_duplicates,
        "same_text": reading.n_same_text,
        "replaced": reading.n_replaced,
        "notes": reading.notes,
        "rejects": [asdict(r) for r in rejects],
    }

    def human() -> None:
        span = f", {data['first']} to {data['last']}" if years else ""
        print(f"{len(years):,} speeches, {n_characters:,} characters{span}; {len(rejects):,} rejected")
        if sources:
            top = ", ".join(f"{clean(k)} {n:,}" for k, n in sources.most_common(12))
            print(f"by {len(sources)} actors: {top}{' ...' if len(sources) > 12 else ''}")
        if reading.encodings:
            print("encodings: " + ", ".join(f"{k} {n:,}" for k, n in sorted(reading.encodings.items())))
        for line in (*reading.remarks(), *(f"note: {note}" for note in reading.notes[:10]), *reasons(rejects)):
            print(f"  {clean(line)}")

    emit(data, as_json, human)
    if not years:
        raise InputError(", ".join(paths)[:300], "no speech could be read", "at least one; see the reasons above")


@corpus_app.command("import")
def import_corpus(
    paths: Paths,
    out: Annotated[Path, typer.Option(help="The Parquet file to write; rejects go beside it.")],
    format: Format = "",
    column: Column = None,
    default: Default = None,
    option: Option = None,
    as_json: JsonFlag = False,
) -> None:
    """Read a corpus of any known form and write it as one Parquet file in the project's own columns.

    [dim]Example:  sca corpus import ungdc.tgz --format ungdc --out ungdc.parquet[/dim]
    """
    import json

    from sca_nlp.passages_io import write_speeches
    from sca_nlp.read.speeches import ReadReport, read_speeches
    from sca_nlp.records import Reject
    from sca_nlp.store import write_atomically

    if out.suffix.lower() != ".parquet":
        raise InputError("--out", f"{str(out)!r}", "a file ending in .parquet")
    rejects: list[Reject] = []
    reading = ReadReport()
    given = _given(format, column, default, option)
    with progress("Importing", "speeches") as advance:
        speeches = read_speeches(paths, rejects=rejects.append, report=reading, **given)
        n = write_speeches(speeches, out, lambda k: advance(k, k))
    where = out.with_suffix(".rejects.jsonl")
    lines = "".join(json.dumps(asdict(r), ensure_ascii=False) + "\n" for r in rejects)
    write_atomically(where, lines.encode("utf-8", "replace"))
    counts = {"speeches": n, "rejected": len(rejects)}

    def human() -> None:
        for line in (*reading.remarks(), *(f"note: {note}" for note in reading.notes[:10]), *reasons(rejects, 5)):
            print(f"  {clean(line)}")
        print(f"{counted(counts)}. Written: {out}; rejects: {where}")

    emit({**counts, "out": str(out), "rejects": str(where), "notes": reading.notes}, as_json, human)
