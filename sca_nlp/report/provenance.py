"""Where every number came from: the manifest of the run, its model, codebook, data, counts, licences and citations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sca_nlp.errors import InputError, ScaError
from sca_nlp.report.frames import NEEDED, Frames
from sca_nlp.report.wording import MANIFESTATION_NAMES, count, finite, interval, num, plain
from sca_nlp.share import share_path

#: The model's scores as the page printed them, beside it.
METRICS = "metrics.json"


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (name, text) of every leaf of a manifest, so that whatever a run wrote is shown."""
    if isinstance(value, dict):
        for k, v in value.items():
            yield from flatten(v, f"{prefix} › {plain(str(k))}" if prefix else plain(str(k)))
    elif isinstance(value, list) and any(isinstance(v, dict | list) for v in value):
        for n, v in enumerate(value, 1):
            yield from flatten(v, f"{prefix} {n}")
    elif isinstance(value, list):
        yield prefix, ", ".join(map(str, value)) or "none"
    elif isinstance(value, bool) or value is None:
        yield prefix, {True: "yes", False: "no", None: "—"}[value]
    elif isinstance(value, int) and not prefix.endswith(("seed", "year")):
        yield prefix, count(value)
    elif isinstance(value, float):
        yield prefix, num(value, 4).rstrip("0").rstrip(".") if finite(value) else "—"
    else:
        yield prefix, str(value)


def settings(text: Any) -> str:
    """Return a test's settings (JSON) as `name value; name value`."""
    try:
        found = json.loads(str(text)) if text else {}
    except ValueError:
        return str(text)
    return "; ".join(f"{name} {value}" for name, value in flatten(found)) if isinstance(found, dict) else str(text)


def manifest_groups(frames: Frames) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the manifest as titled groups of (name, text), the top-level scalars first."""
    scalars = {k: v for k, v in frames.manifest.items() if not isinstance(v, dict | list)}
    groups = [("Run", list(flatten(scalars)))] if scalars else []
    for key, value in frames.manifest.items():
        if isinstance(value, dict | list) and value:
            if key == "model" and isinstance(value, dict):
                value = {k: v for k, v in value.items() if k != "metrics"}
            groups.append((plain(key).capitalize(), list(flatten(value))))
    return groups


def metrics_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the measured scores of a run's model: from the manifest, or from the model's own folder."""
    model = manifest.get("model")
    if isinstance(model, dict) and isinstance(model.get("metrics"), dict):
        return dict(model["metrics"])
    if isinstance(manifest.get("metrics"), dict):
        return dict(manifest["metrics"])
    return _from_model_folder(model if isinstance(model, dict) else {"id": model})


def keep_metrics(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Leave the scores that a page prints beside it, since the model's folder may be measured anew later."""
    half = folder / f".{METRICS}.tmp"
    half.write_text(json.dumps(metrics, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
    half.replace(folder / METRICS)


def kept_metrics(folder: Path) -> dict[str, Any]:
    """Return the scores that a page printed, as `keep_metrics` left them.

    Raises:
        InputError: not there, or damaged.
    """
    try:
        found = json.loads((folder / METRICS).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as e:
        raise InputError(folder / METRICS, f"not readable ({e})", "the scores that the report printed") from None
    if not isinstance(found, dict):
        raise InputError(folder / METRICS, "no object", "the scores that the report printed")
    return found


def _from_model_folder(model: dict[str, Any]) -> dict[str, Any]:
    """Return `metrics.json` of the model's folder: the one that the run names, else a shipped one with the same id."""
    try:
        shipped = sorted(p for p in share_path("models").iterdir() if (p / "model.json").exists())
    except ScaError:
        shipped = []
    name = model.get("name")
    named = [*(p for p in shipped if p.name == name), Path(name)] if isinstance(name, str) and name else []
    if wanted := model.get("id"):  # older runs note none
        named = [p for p in (*named, *shipped) if _read_json(p / "model.json").get("id") == wanted]
    return next((found for f in named if (found := _read_json(f / "metrics.json"))), {})


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def frame_digests(frames: Frames) -> list[tuple[str, str]]:
    """Return (file, start of its SHA-256) of the frames that the report was made from."""
    out = []
    for file in (*NEEDED, "deed_sources.json", "config.toml", "rejects.jsonl"):
        path = frames.folder / file
        if path.exists():
            with path.open("rb") as f:
                out.append((file, hashlib.file_digest(f, "sha256").hexdigest()[:16]))
    return out


def when(frames: Frames) -> str:
    """Return the day on which the run's manifest was last written (UTC)."""
    path = frames.folder / "run.json"
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%d") if path.exists() else ""


def metric_rows(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the leaves of the metrics that are numbers."""
    return [(k, v) for k, v in flatten(metrics) if any(ch.isdigit() for ch in v)]


def classifier_error(metrics: Mapping[str, Any]) -> str:
    """Return one sentence on the measured error of the classifier; says so where none is recorded."""
    found: list[tuple[str, float, Any]] = []

    def walk(value: Any, where: str) -> None:
        if isinstance(value, Mapping):
            for k, v in value.items():
                name = str(k).lower().replace("-", "_")
                if isinstance(v, int | float) and not isinstance(v, bool) and name in ("macro_f1", "f1_macro"):
                    found.append((where, float(v), value))
                walk(v, f"{where} {plain(str(k))}".strip())

    walk(metrics, "")
    if not found:
        return (
            "The codes come from a classifier that errs; this run records no measured scores of it, so its error is"
            " unknown here."
        )
    where, value, group = found[0]
    ci = next(
        (group[k] for k in ("macro_f1_ci", "ci", "interval") if isinstance(group.get(k), list) and len(group[k]) == 2),
        None,
    )
    spread = f" {interval(*ci)}" if ci else ""
    how, where = ("cross-validated ", "") if where == "cross validated" else ("", where)
    return (
        f"The codes come from a classifier that errs: {how}macro-F1 {num(value)}{spread}"
        f"{' on ' + where if where else ''} (1 would be without error: one number for how many of the sentences with a"
        " code it finds, and how many of those it finds have it, averaged over the codes); all its scores stand under"
        " Provenance."
    )


def source_rows(frames: Frames) -> list[dict[str, str]]:
    """Return one row for each deed source: what it measures, where it can speak, its licence and citation."""
    deeds = frames["deeds.parquet"]
    n = deeds["dataset"].value_counts().to_dict() if len(deeds) else {}
    what = deeds.groupby("dataset")["manifestation"].unique().to_dict() if len(deeds) else {}
    rows = []
    for s in frames.deed_sources:
        given = s.get("coverage")
        coverage = given if isinstance(given, dict) else {}
        name = str(s.get("name", ""))
        actors, dyads = coverage.get("actors") or [], coverage.get("dyads") or []
        who = (
            f"{len(dyads)} dyads"
            if dyads
            else ", ".join(sorted(map(str, actors))[:12]) + (" …" if len(actors) > 12 else "") or "all states"
        )
        rows.append(
            {
                "name": name,
                "title": str(s.get("title", name)),
                "measure": f"{s.get('measure', '')}, by {s.get('grain', '')}",
                "unit": str(s.get("unit", "")),
                "coverage": f"{coverage.get('first', '?')}–{coverage.get('last', '?')}; {who}",
                "manifestations": "; ".join(MANIFESTATION_NAMES.get(m, m) for m in sorted(what.get(name, []))),
                "n": count(n.get(name, 0)),
                "licence": str(s.get("licence", "")),
                "citation": str(s.get("citation", "")),
                "notes": str(s.get("notes", "") or ""),
            }
        )
    return rows
