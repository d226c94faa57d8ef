"""`sca train`, `evaluate`, `annotate`, `models compare`: join the command line by an entry point."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sca_nlp.cli.console import JsonFlag, clean, emit, reasons, table
from sca_nlp.errors import InputError

if TYPE_CHECKING:
    from sca_nlp.codebook import Codebook

CodebookOption = Annotated[Path | None, typer.Option(help="Whose codes they are, in TOML; left out: the shipped one.")]
Format = Annotated[str, typer.Option(help="csv, jsonl, doccano, labelstudio ...; told by the file where left out.")]


def register(app: typer.Typer) -> None:
    """Add the training commands to the command line."""
    app.command(rich_help_panel="Training")(train)
    app.command(rich_help_panel="Training")(evaluate)
    annotate = typer.Typer(
        no_args_is_help=True, help="Annotation: agreement of coders, what to annotate next, codes without their texts."
    )
    annotate.command("agreement")(agreement)
    annotate.command("draw")(draw)
    annotate.command("standoff")(standoff)
    app.add_typer(annotate, name="annotate", rich_help_panel="Training")
    models = next(g.typer_instance for g in app.registered_groups if g.name == "models")
    if models is not None:
        models.command("compare")(compare)


def train(
    config: Annotated[Path, typer.Argument(help="A training run's TOML; see configs/train.toml.")],
    as_json: JsonFlag = False,
) -> None:
    """Train a model on annotations: cross-validated, calibrated, packed with its card; a killed run goes on.

    [dim]Example:  sca train configs/train.toml[/dim]
    """
    from training.train import train as run

    folder = run(config, say=(lambda line: None) if as_json else print)
    emit(
        {"model": str(folder.path), "id": folder.model_id, "digest": folder.digest},
        as_json,
        lambda: print(f"model: {folder.path}. Use it: sca score speeches.csv --out runs/mine --model {folder.path}"),
    )


def evaluate(
    annotations: Annotated[Path, typer.Argument(help="Annotated sentences; their codes are taken as right.")],
    model: Annotated[str, typer.Option(help="A shipped model's name or a model folder; empty: the default.")] = "",
    profile: Annotated[str, typer.Option(help="exact, balanced or fast.")] = "balanced",
    format: Format = "",
    out: Annotated[Path | None, typer.Option(help="Write the whole report here, as JSON.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Score a model on an annotated set: F1 per class with intervals, by decade, corpus, country and length.

    [dim]Example:  sca evaluate test.jsonl --model linear[/dim]
    """
    from sca_nlp.store import write_json
    from training.evaluate import evaluate as run

    report = run(model or None, annotations, format=format, profile=profile)
    if out:
        write_json(out, report)

    def human() -> None:
        rows = [
            (name, c["n"], *(_figure(c.get(k)) for k in ("precision", "recall", "f1", "calibration_error")))
            for name, c in report["classes"].items()
        ]
        table(("class", "n", "precision", "recall", "F1", "calibration error"), rows)
        print(f"macro-F1 {_figure(report['macro_f1'])} {_interval(report)}")

    emit(report, as_json, human)


def _figure(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, (int, float)) else ""


def _interval(report: dict[str, Any]) -> str:
    found = report.get("interval") or report.get("macro_f1_ci")
    return f"[{found[0]:.3f}, {found[1]:.3f}]" if found else ""


def compare(
    first: Annotated[str, typer.Argument(help="A model.")],
    second: Annotated[str, typer.Argument(help="Another.")],
    annotations: Annotated[Path, typer.Argument(help="Annotated sentences that neither has seen.")],
    as_json: JsonFlag = False,
) -> None:
    """Test the difference of two models on one annotated set: paired bootstrap over documents.

    [dim]Example:  sca models compare linear models/mine test.jsonl[/dim]
    """
    from training.evaluate import compare_models

    result = compare_models(first, second, annotations)

    def human() -> None:
        table(("class", *result["models"]), [(c, *(_figure(v) for v in pair)) for c, pair in result["classes"].items()])
        low, high = result["interval"]
        print(f"macro-F1 {result['difference']:+.3f} [{low:+.3f}, {high:+.3f}], p = {result['p']}")

    emit(result, as_json, human)


def standoff(
    annotations: Annotated[Path, typer.Argument(help="Annotations whose texts may not be passed on.")],
    out: Annotated[Path, typer.Option(help="File to write: .csv, .jsonl or .parquet.")],
    speeches: Annotated[
        Path | None, typer.Option(help="The other way: put the sentences back from these speeches.")
    ] = None,
    codebook: CodebookOption = None,
    format: Format = "",
    as_json: JsonFlag = False,
) -> None:
    """Write annotations without their texts (places, digests and codes), or put the texts back from your own copy.

    [dim]Example:  sca annotate standoff coded.jsonl --out coded.csv[/dim]
    """
    from sca_nlp.read.annotations import guess_format, read_annotations, write_annotations
    from sca_nlp.read.annotations.standoff import fill_texts, stand_off
    from sca_nlp.records import Reject
    from sca_nlp.segment import segment

    bad: list[Reject] = []
    rows = read_annotations(annotations, format=format, codebook=_book(codebook), rejects=bad.append)
    form = guess_format(out) if out.suffix in (".csv", ".tsv", ".parquet") else "jsonl"
    done = fill_texts(rows, speeches, bad.append, segment) if speeches else (stand_off(r) for r in rows)
    n = write_annotations(out, done, form)

    def human() -> None:
        print(f"{n:,} annotations in {out}")
        for reject in bad[:5]:
            print(f"left out: {reject.record[:40]}: {reject.reason}")

    emit({"written": n, "rejected": len(bad), "out": str(out)}, as_json, human)


def agreement(
    annotations: Annotated[
        list[Path], typer.Argument(help="Annotations of several coders (column `coder`), or a file a coder.")
    ],
    codebook: CodebookOption = None,
    format: Format = "",
    as_json: JsonFlag = False,
) -> None:
    """Measure how far coders agree: Krippendorff's alpha per indicator, F1 per class, with intervals.

    [dim]Example:  sca annotate agreement coded.jsonl[/dim]
    """
    from sca_nlp.records import Reject
    from training.agreement import agreement as run
    from training.agreement import read_coders

    bad: list[Reject] = []
    book = _book(codebook)
    result = run(read_coders(annotations, book, format, bad.append), book)

    def human() -> None:
        for reason in reasons(bad, 5):
            print(f"left out: {reason}")
        table(("indicator", "alpha", "interval"), [(k, *_parts(v)) for k, v in result["alpha"].items()])
        table(("class", "F1", "interval"), [(k, *_parts(v)) for k, v in result["f1"].items()])
        overlap = result.get("target_overlap")
        targets = f"; targets in common {overlap:.3f}" if overlap is not None else ""
        who = f"{result['units']:,} sentences of {len(result['coders'])} coders ({clean(', '.join(result['coders']))})"
        print(f"{who}: macro-F1 {_figure(result.get('macro_f1'))}{targets}")

    emit(result, as_json, human)


def _book(path: Path | None) -> Codebook | None:
    from sca_nlp.codebook import read_codebook

    return read_codebook(path) if path else None


def _parts(value: Any) -> tuple[str, str]:
    if isinstance(value, dict):
        found = [v for v in value.get("interval") or () if v is not None]
        return _figure(value.get("value", value.get("alpha", value.get("f1")))), str(found or "")
    return _figure(value), ""


def draw(
    run: Annotated[Path, typer.Argument(help="A run folder with scored passages.")],
    out: Annotated[Path, typer.Option(help="The file to write: .jsonl or .csv.")],
    informative: Annotated[int, typer.Option(help="Sentences of the informative queue.")] = 200,
    audit: Annotated[int, typer.Option(help="Sentences drawn at random, with logged inclusion probability.")] = 100,
    by: Annotated[str, typer.Option(help="Share the audit out by source, corpus or speaker; empty: not.")] = "",
    seed: Annotated[int, typer.Option(help="Another seed, another sample.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """Draw what to annotate next: where the model is unsure and classes are rare, and a random audit beside it.

    Only the audit may serve estimates of prevalence; the informative queue is for training.

    [dim]Example:  sca annotate draw runs/mine --out next.jsonl --informative 300 --audit 150[/dim]
    """
    import numpy as np

    from sca_nlp.classify.folder import find_model, read_folder
    from sca_nlp.read.annotations import write_annotations
    from sca_nlp.records import Annotation
    from sca_nlp.store import iter_passages, read_manifest
    from training.draw import draw as run_draw

    manifest = read_manifest(run)
    classes = list(manifest["classes"])
    rows: list[Annotation] = []
    probabilities: list[Any] = []
    strata: list[str] = []
    if by not in ("", "source", "corpus", "speaker"):
        raise InputError("--by", repr(by), "source, corpus, speaker, or nothing")
    for passages in iter_passages(run):
        found = passages.to_pylist()
        for k, row in enumerate(found):
            near = [found[j] if 0 <= j < len(found) else {} for j in (k - 1, k + 1)]
            beside = [n["text"] if n.get("speech_id") == row["speech_id"] else "" for n in near]
            rows.append(
                Annotation(
                    row["passage_id"],
                    row["speech_id"],
                    row["start"],
                    row["end"],
                    row["text"],
                    codes=(),
                    prev=beside[0],
                    next=beside[1],
                    date=row["date"],
                    speaker=row["speaker"],
                    source=row["source"],
                    corpus=row["corpus"],
                )
            )
            probabilities.append([row[c] for c in classes])
            strata.append(str(row[by]) if by else "")
    thresholds = read_folder(find_model(manifest.get("model", {}).get("name") or None)).decision.thresholds
    drawn = run_draw(
        rows,
        np.asarray(probabilities, np.float32),
        thresholds,
        n_informative=informative,
        n_audit=audit,
        seed=seed,
        strata=strata if by else None,
    )
    write_annotations(out, drawn)
    n_audit = sum(r.stream == "audit" for r in drawn)
    emit(
        {"rows": len(drawn), "audit": n_audit, "out": str(out)},
        as_json,
        lambda: print(f"{n_audit} audit and {len(drawn) - n_audit} informative sentences written to {out}"),
    )
