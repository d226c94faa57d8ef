"""`sca codebook` and `sca models`: what is coded, and by what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sca_nlp.cli import app
from sca_nlp.cli.console import JsonFlag, emit, known_models, table

models_app = typer.Typer(no_args_is_help=True, help="Models: list, show, compare, export, push.")
app.add_typer(models_app, name="models", rich_help_panel="Beside a run")


@app.command(rich_help_panel="Beside a run")
def codebook(
    path: Annotated[Path | None, typer.Argument(help="A codebook in TOML; left out: the shipped one.")] = None,
    rulings: Annotated[
        bool, typer.Option(metavar="", show_default=False, help="Also the rulings on hard cases.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print a codebook: indicators, values, definitions; an own one is checked by the way.

    [dim]Example:  sca codebook --rulings[/dim]
    """
    from sca_nlp.codebook import default_codebook, read_codebook

    book = read_codebook(path) if path else default_codebook()
    data: dict[str, Any] = {
        "name": book.name,
        "version": book.version,
        "digest": book.digest,
        "classes": list(book.classes),
        "indicators": [
            {
                "id": i.id,
                "short": i.short,
                "name": i.name,
                "question": i.question,
                "values": dict(i.definitions),
                "absent": i.absent,
            }
            for i in book.indicators
        ],
        "rulings": list(book.rulings),
    }

    def human() -> None:
        print(f"{book.name} {book.version} ({book.digest[:12]}): {', '.join(book.classes)}")
        for i in book.indicators:
            print(f"\n{i.short}  {i.name} [{i.id}]. {i.question}")
            for value, mark in i.values.items():
                print(f"  {i.short}{mark} {value}: {i.definitions[value]}")
            if i.absent:
                print(f"      absent: {i.absent}")
        if rulings:
            print("\nRulings")
            for n, ruling in enumerate(book.rulings, 1):
                print(f"{n:3}. {ruling}")

    emit(data, as_json, human)


def _describe(model: str | None) -> dict[str, Any]:
    """Return what a model folder says of itself."""
    import json

    from sca_nlp.classify.folder import find_model, read_folder

    folder = read_folder(find_model(model))
    metrics, card = folder.path / "metrics.json", folder.path / "card.md"
    return {
        "id": folder.model_id,
        "kind": folder.meta.get("kind", ""),
        "digest": folder.digest,
        "folder": str(folder.path),
        "codebook": f"{folder.codebook.name} {folder.codebook.version}",
        "thresholds": dict(zip(folder.codebook.classes, map(float, folder.decision.thresholds), strict=True)),
        "metrics": json.loads(metrics.read_text("utf-8")) if metrics.exists() else {},
        "card": card.read_text("utf-8") if card.exists() else "no card",
    }


def _macro_f1(metrics: dict[str, Any]) -> str:
    test = metrics.get("test") or {}
    value = test.get("macro_f1") if isinstance(test, dict) else None
    return f"{value:.3f}" if isinstance(value, (int, float)) else ""


@models_app.command("list")
def list_(as_json: JsonFlag = False) -> None:
    """List the shipped models with their measured scores.

    [dim]Example:  sca models list[/dim]
    """
    from sca_nlp.classify.folder import DEFAULT_MODEL, list_models

    rows = [
        {"name": name, "kind": d["kind"], "macro_f1": _macro_f1(d["metrics"]), "default": name == DEFAULT_MODEL}
        for name in list_models()
        for d in [_describe(name)]
    ]
    emit(
        rows,
        as_json,
        lambda: table(
            ("model", "kind", "macro-F1 (public test)", ""),
            [(r["name"], r["kind"], r["macro_f1"], "default" if r["default"] else "") for r in rows],
        ),
    )


@models_app.command()
def show(
    model: Annotated[
        str,
        typer.Argument(
            help="A shipped model's name or a model folder; left out: the default.", autocompletion=known_models
        ),
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Show a model's card.

    [dim]Example:  sca models show[/dim]
    """
    data = _describe(model or None)
    emit(data, as_json, lambda: print(data["card"]))


@models_app.command("export")
def export_(
    model: Annotated[
        str, typer.Argument(help="A shipped model's name or a model folder.", autocompletion=known_models)
    ],
    out: Annotated[Path, typer.Argument(help="The folder to write.")],
    as_json: JsonFlag = False,
) -> None:
    """Write a model as a folder that transformers loads without remote code, with card, tokenizer and head.

    [dim]Example:  sca models export minilm exported/minilm[/dim]
    """
    from sca_nlp.classify.hub_export import export_model

    folder = export_model(model, out)
    files = {p.name: p.stat().st_size for p in sorted(folder.iterdir()) if p.is_file()}
    found = {"folder": str(folder), "files": files}

    def human() -> None:
        table(("file", "bytes"), [(name, f"{size:,}") for name, size in files.items()])
        print(f"written to {folder}; README.md says how to load it")

    emit(found, as_json, human)


@models_app.command()
def push(
    model: Annotated[
        str,
        typer.Argument(
            help="A model's name or folder, or a folder that `sca models export` wrote.", autocompletion=known_models
        ),
    ],
    repo: Annotated[str, typer.Argument(help="owner/name on the hub; made where it does not exist.")],
    endpoint: Annotated[str, typer.Option(help="The hub's address; left out: huggingface_hub's own.")] = "",
    private: Annotated[
        bool, typer.Option(metavar="", show_default=False, help="Make a new repository private.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Send a model to a hub (extra `hub`), with the token of HF_TOKEN or of `hf auth login`.

    [dim]Example:  sca models push minilm our-group/sca-minilm --endpoint http://localhost:8080[/dim]
    """
    import tempfile

    from sca_nlp.classify.hub_export import export_model, push_model

    with tempfile.TemporaryDirectory() as scratch:
        exported = (Path(model) / "sca_head.safetensors").exists()
        folder = Path(model) if exported else export_model(model, Path(scratch))
        address = push_model(folder, repo, endpoint or None, private=private)
    emit({"repo": repo, "commit": address}, as_json, lambda: print(f"{repo}: {address}"))
