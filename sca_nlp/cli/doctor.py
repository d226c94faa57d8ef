"""`sca doctor`: what is installed, what runs, what is found."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from sca_nlp.cli import app
from sca_nlp.cli.console import JsonFlag, alarm, emit, known_models, table
from sca_nlp.errors import ScaError

#: What an extra is for, in the words of a user.
_EXTRAS = {
    "": "everything but training",
    "train": "training and export of models",
    "review": "the review page",
    "gpu": "encoders on a GPU (--device gpu)",
    "pdf": "speeches from PDF",
    "documents": "speeches from PDF, HTML and DOCX",
    "hub": "Hugging Face data sets, and sca models push",
    "ray": "scoring on a cluster, runs behind URLs",
}


def libraries() -> list[dict[str, str]]:
    """Return each library that the package names: its extra (empty: needed always) and installed version (or empty)."""
    found = []
    for line in metadata.requires("sca-nlp") or ():
        name = re.split(r"[\s<>=!~;\[(]", line, maxsplit=1)[0]
        extra = re.search(r"extra\s*==\s*['\"](\w+)['\"]", line)
        if extra and extra.group(1) not in _EXTRAS:
            continue
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            version = ""
        found.append({"library": name, "extra": extra.group(1) if extra else "", "version": version})
    return found


def try_model(name: str) -> dict[str, Any]:
    """Load a model, code one sentence, and return what ran it and how long that took; or the problem."""
    from sca_nlp.classify.folder import find_model, load_model

    start = time.monotonic()
    try:
        folder = find_model(name or None)
        classifier = load_model(name or None)
        classifier.predict(["We want peace."])
    except (ScaError, ImportError, OSError, RuntimeError, ValueError) as e:
        return {"name": name, "problem": str(e)}
    room = type(classifier).__module__.rpartition(".")[2]
    device = str(getattr(classifier, "_device", "cpu"))
    return {
        "name": folder.name,
        "id": classifier.model_id,
        "folder": str(folder),
        "runtime": {"transformer": "ONNX Runtime", "torch_runtime": "torch", "linear": "scikit-learn"}.get(room, room),
        "profile": str(getattr(classifier, "profile", "")),
        "device": "GPU" if device.startswith("cuda") else "CPU",
        "seconds": round(time.monotonic() - start, 2),
    }


def facts(model: str = "") -> dict[str, Any]:
    """Return all that the command prints; `problems` lists what must be mended."""
    from sca_nlp import __version__
    from sca_nlp.classify.folder import list_models
    from sca_nlp.share import share_path

    installed = libraries()
    needed = [x["library"] for x in installed if not x["extra"] and not x["version"]]
    extras = {
        extra: [x["library"] for x in installed if x["extra"] == extra and not x["version"]]
        for extra in _EXTRAS
        if extra
    }
    chosen = try_model(model)
    data = os.environ.get("SCA_DATA", "")
    sample = share_path("corpus", "sample", "speeches.jsonl")
    problems = [f"{name} is not installed; run: pip install {name}" for name in needed]
    if "problem" in chosen:
        problems.append(f"the model does not run: {chosen['problem']}")
    if data and not Path(data).is_dir():
        problems.append(f"SCA_DATA names {data}, which is no folder")
    gpu = shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia").exists()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "sca_nlp": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "executable": sys.executable,
        "cores": cores,
        "gpu_found": gpu,
        "gpu_used": chosen.get("device") == "GPU",
        "model": chosen,
        "models": list_models(),
        "sample": str(sample),
        "data": data if data and Path(data).is_dir() else "",
        "libraries": installed,
        "missing_of_extras": {k: v for k, v in extras.items() if v},
        "problems": problems,
    }


@app.command(rich_help_panel="Start here")
def doctor(
    model: Annotated[
        str, typer.Option(help="A model to try instead of the default.", autocompletion=known_models)
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Tell what is installed, which model and runtime run, whether a GPU is used, and what data are found.

    Exit code 1 where something must be mended.

    [dim]Example:  sca doctor --json[/dim]
    """
    found = facts(model)

    def human() -> None:
        m = found["model"]
        missing = found["missing_of_extras"]
        rows = [
            ("sca_nlp", found["sca_nlp"]),
            ("Python", f"{found['python']} on {found['platform']}, {found['cores']} cores for this process"),
            *((f"extra {extra}", _extra(extra, missing.get(extra))) for extra in _EXTRAS if extra),
            ("models", ", ".join(found["models"])),
            ("GPU", _gpu(found)),
            ("sample", found["sample"]),
            ("SCA_DATA", found["data"] or "not set (only tests on real data and some configs ask for it)"),
        ]
        if "problem" not in m:
            ran = f"{m['runtime']} on the {m['device']}, profile {m['profile'] or 'none'}, ready in {m['seconds']} s"
            rows.insert(-3, ("chosen", f"{m['name']} ({m['id']}): {ran}"))
        table(("what", "found"), rows)
        for problem in found["problems"]:
            alarm(f"problem: {problem}")
        print("All is well." if not found["problems"] else f"{len(found['problems'])} to mend.")

    emit(found, as_json, human)
    if found["problems"]:
        raise typer.Exit(1)


def _extra(name: str, missing: list[str] | None) -> str:
    """Return what stands beside an extra: what it is for and, where it lacks something, the line that mends that."""
    if not missing:
        return f"installed: {_EXTRAS[name]}"
    return f"for {_EXTRAS[name]}: pip install 'sca-nlp[{name}]' (lacks {', '.join(missing)})"


def _gpu(found: dict[str, Any]) -> str:
    if found["gpu_used"]:
        return "used"
    return "found, not used: this model runs on the CPU" if found["gpu_found"] else "none found, none needed"
