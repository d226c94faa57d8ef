"""Retraining in the background: a process of its own, watched through its lines, judged on the random audit.

What was corrected goes into training, except the audit: the new model does not learn from it and is judged on it.
Nothing is switched: the new model is a folder that a person may choose for the next `sca score`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sca_nlp.agreement import f1
from sca_nlp.errors import InputError, ScaError
from sca_nlp.records import passage_id

if TYPE_CHECKING:
    from sca_nlp.review.app import Desk

_PROGRAM = "import sys; from training.train import train; train(sys.argv[1], lambda line: print(line, flush=True))"
_LINES = 400


def start(desk: Desk) -> dict[str, Any]:
    """Write the corrections and a config, and start the training; return its state.

    Raises:
        ScaError: a training is going on, or there is nothing to learn from.
    """
    job = desk.jobs.get("train", {})
    if job.get("state") == "working":
        raise ScaError("a training is going on; wait for it, or stop it")
    config, n = write_config(desk)
    if not n:
        raise ScaError("no corrections to learn from yet: code passages of the informative queue first")
    job = {
        "state": "working",
        "lines": [],
        "started": time.time(),
        "n_corrections": n,
        "command": f"sca train {config}",
    }
    job["model"] = str(tomllib.loads(config.read_text("utf-8"))["out"])
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    job["process"] = subprocess.Popen(  # noqa: S603  (our own interpreter, our own program)
        [sys.executable, "-c", _PROGRAM, str(config)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        env=environment,
    )
    desk.jobs["train"] = job
    threading.Thread(target=_watch, args=(desk, job), daemon=True).start()
    return state(desk)


def write_config(desk: Desk) -> tuple[Path, int]:
    """Write the corrections and a config beside them; return the config and their number.

    The config is the one that `sca review --train` named, or else a quick linear model on the shipped sample; the
    corrections are added to its annotations.
    """
    from sca_nlp.review.exchange import export
    from sca_nlp.store import write_atomically

    folder = desk.run.resolve() / "review" / "train"
    folder.mkdir(parents=True, exist_ok=True)
    rows = export(desk, "training")
    write_atomically(folder / "corrections.jsonl", rows)
    n = rows.count(b"\n")
    stamp = time.strftime("%Y%m%d-%H%M%S")
    settings = _base(desk.train_config, folder, {d["passage_id"] for d in desk.journal.drawn()})
    settings["annotations"] = [*settings["annotations"], {"path": str(folder / "corrections.jsonl")}]
    settings |= {"out": str(folder / f"model-{stamp}"), "work": str(folder / f"work-{stamp}")}
    settings["name"] = f"{settings.get('name', 'model')}-reviewed"
    config = folder / f"config-{stamp}.toml"
    config.write_text(_toml(settings), encoding="utf-8")
    return config, n


def _base(path: Path | None, folder: Path, left_out: set[str]) -> dict[str, Any]:
    """Return the settings to start from, paths made absolute.

    Raises:
        InputError: the config is missing or no TOML.
    """
    if path is None:
        sample = [{"path": str(_sample(folder, left_out))}]
        return {"name": "linear", "kind": "linear", "fewest": 2, "workers": 1, "annotations": sample}
    try:
        settings = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as e:
        raise InputError(path, f"not readable ({e})", "a training config (see configs/train.toml)") from None

    def absolute(value: str) -> str:
        value = os.path.expandvars(value)
        return value if Path(value).is_absolute() else str((path.resolve().parent / value).resolve())

    settings["annotations"] = [
        {k: absolute(v) if k in ("path", "speeches") else v for k, v in a.items()}
        for a in settings.get("annotations", [])
    ]
    if settings.get("codebook"):
        settings["codebook"] = absolute(settings["codebook"])
    return settings


def _sample(folder: Path, left_out: set[str]) -> Path:
    """Write the shipped sample's codes with their sentences (kept apart there), audit passages left out."""
    from sca_nlp.read.annotations import read_annotations, write_annotations
    from sca_nlp.read.annotations.standoff import fill_texts
    from sca_nlp.segment import segment
    from sca_nlp.share import share_path

    gold = read_annotations(share_path("corpus", "sample", "gold.jsonl"))
    kept = (a for a in gold if passage_id(a.speech_id, a.start, a.end) not in left_out)
    rows = fill_texts(kept, share_path("corpus", "sample", "speeches.jsonl"), cut=segment)
    path = folder / "sample.jsonl"
    write_annotations(path, rows)
    return path


def _toml(settings: dict[str, Any]) -> str:
    """Return settings of scalars, one level of sections and lists of sections as TOML (JSON's scalars are TOML's)."""
    lines = [f"{k} = {json.dumps(v)}" for k, v in settings.items() if not isinstance(v, (dict, list))]
    for name, value in settings.items():
        for section in value if isinstance(value, list) else [value] if isinstance(value, dict) else []:
            lines += ["", f"[[{name}]]" if isinstance(value, list) else f"[{name}]"]
            lines += [f"{k} = {json.dumps(v)}" for k, v in section.items()]
    return "\n".join(lines) + "\n"


def _watch(desk: Desk, job: dict[str, Any]) -> None:
    """Collect the lines of the process; when it ends well, judge the new model on the audit."""
    process: subprocess.Popen[str] = job["process"]
    for line in process.stdout or ():
        job["lines"] = [*job["lines"], line.rstrip()[:500]][-_LINES:]
    code = process.wait()
    job["seconds"] = time.time() - job["started"]
    if code != 0:
        job["state"] = "stopped" if job.get("stopping") else "failed"
        return
    try:
        job["result"] = compare(desk, Path(job["model"]))
        job["state"] = "done"
    except (ScaError, ValueError, OSError) as e:
        job["lines"] = [*job["lines"], f"The new model could not be judged: {e}"]
        job["state"] = "failed"


def compare(desk: Desk, model: Path) -> dict[str, Any]:
    """Return the F1 of the run's model and of a new one, class by class, on the random audit."""
    from sca_nlp.classify.folder import load_model, read_folder

    folder = read_folder(model)
    own = json.loads((model / "metrics.json").read_text("utf-8")) if (model / "metrics.json").exists() else {}
    final, drawn = desk.journal.final(), {d["passage_id"] for d in desk.journal.drawn()}
    found = desk.explorer.passages([p for p in final if p in drawn])
    rows: list[dict[str, Any]] = []
    if found:
        around = {p: desk.explorer.around(m, 1) for p, m in found.items()}
        classifier = load_model(str(model), profile="exact", threads=1)
        scores = classifier.predict(
            [m["text"] for m in found.values()],
            [(around[p]["before"] or [""])[-1] for p in found],
            [(around[p]["after"] or [""])[0] for p in found],
        )
        new = classifier.decide(scores.probabilities)
        gold = [d.codes if (d := final[p].decision) else () for p in found]
        for c in desk.codebook.classes:
            held = [c in g for g in gold]
            rows.append(
                {
                    "name": c,
                    "n_gold": sum(held),
                    "old": asdict(f1(held, [c in m["codes"] for m in found.values()])),
                    "new": asdict(f1(held, [c in codes for codes in new])),
                }
            )
    return {
        "id": folder.model_id,
        "digest": folder.digest,
        "n_audit": len(found),
        "classes": rows,
        "cross_validated": own.get("cross_validated", {}).get("macro_f1"),
    }


def state(desk: Desk) -> dict[str, Any]:
    """Return how far a retraining is, its last lines, and the comparison once it is done."""
    job = desk.jobs.get("train")
    if job is None:
        return {"state": "none"}
    seconds = job.get("seconds") or time.time() - job["started"]
    shown = {k: job[k] for k in ("state", "n_corrections", "command", "result") if k in job}
    return {**shown, "seconds": round(seconds, 1), "lines": job["lines"][-60:]}


def stop(desk: Desk) -> dict[str, Any]:
    """Stop the training that is going on, if any; return its state."""
    job = desk.jobs.get("train")
    if job and job["state"] == "working":
        job["stopping"] = True
        os.killpg(job["process"].pid, signal.SIGTERM)
    return state(desk)
