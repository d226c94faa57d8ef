"""Exports of annotation tools: doccano, Label Studio, Argilla and Prodigy; what we write there comes back unchanged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError
from sca_nlp.read.annotations.flat import Rejects, meta_of
from sca_nlp.read.annotations.tables import json_lines, keep, open_text
from sca_nlp.records import Annotation, Reject

_LARGEST = 1 << 30


def read_doccano(path: Path, *, codebook: Codebook, rejects: Rejects) -> Iterator[Annotation]:
    """Yield the annotations of a doccano export of text classification (JSONL: `text`, `label`, metadata)."""

    def rows() -> Iterator[tuple[int, dict[str, Any]]]:
        for line, r in json_lines(path, rejects):
            meta = r.get("meta") if isinstance(r.get("meta"), dict) else {}
            own = {k: v for k, v in r.items() if k not in ("meta", "id", "Comments", "comments")}
            yield line, {"id": r.get("id"), **own, **(meta or {}), "codes": r.get("label", r.get("labels", []))}

    return keep(rows(), path, codebook, rejects)


def read_label_studio(path: Path, *, codebook: Codebook, rejects: Rejects) -> Iterator[Annotation]:
    """Yield the annotations of a Label Studio export (JSON): one for each coder of each task, but cancelled."""

    def rows() -> Iterator[tuple[int, dict[str, Any]]]:
        for number, task in _objects(path, rejects):
            data = task.get("data")
            if not isinstance(data, dict):
                rejects(Reject(str(path), number, "a task without data", str(task)[:200]))
                continue
            for done in _dicts(task.get("annotations")):
                if done.get("was_cancelled"):
                    continue
                codes: list[str] = []
                targets: list[str] = []
                for part in _dicts(done.get("result")):
                    value = part.get("value")
                    value = value if isinstance(value, dict) else {}
                    if part.get("from_name") == "targets":
                        targets += [str(v) for v in (value.get("text") or value.get("choices") or [])]
                    else:
                        codes += [str(v) for v in value.get("choices", [])]
                who = done.get("completed_by", "")
                who = who.get("email", who.get("id", "")) if isinstance(who, dict) else who
                row = {"id": task.get("id"), **data, "codes": codes}
                row |= {"coder": data.get("coder") or str(who)}
                yield number, row | ({"targets": targets} if targets else {})

    return keep(rows(), path, codebook, rejects)


def read_argilla(path: Path, *, codebook: Codebook, rejects: Rejects) -> Iterator[Annotation]:
    """Yield the annotations of Argilla records (JSON list or lines): one for each submitted response to `codes`."""

    def rows() -> Iterator[tuple[int, dict[str, Any]]]:
        for number, r in _objects(path, rejects):
            fields = r.get("fields") if isinstance(r.get("fields"), dict) else {}
            base = {"id": r.get("id"), **(r.get("metadata") or {}), **(fields or {})}
            if "annotation" in r:  # records of version 1
                text = r.get("text") or (r.get("inputs") or {}).get("text")
                yield number, {**base, "text": text, "codes": r["annotation"], "coder": r.get("annotation_agent")}
                continue
            responses = r.get("responses")
            answers = responses.get("codes", []) if isinstance(responses, dict) else []
            for answer in _dicts(answers):
                if answer.get("status", "submitted") == "submitted":
                    who = base.get("coder") or answer.get("user_id")
                    yield number, {**base, "codes": answer.get("value"), "coder": who}

    return keep(rows(), path, codebook, rejects)


def read_prodigy(path: Path, *, codebook: Codebook, rejects: Rejects) -> Iterator[Annotation]:
    """Yield the annotations of a Prodigy export (JSONL): choice tasks, and binary ones joined by text and coder."""
    binary: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}

    def rows() -> Iterator[tuple[int, dict[str, Any]]]:
        for line, r in json_lines(path, rejects):
            if r.get("answer", "accept") == "ignore":
                continue
            meta = r.get("meta") if isinstance(r.get("meta"), dict) else {}
            coder = str(r.get("_annotator_id") or r.get("_session_id") or "")
            row = {"text": r.get("text"), **(meta or {})}
            row["coder"] = row.get("coder") or coder
            if "label" in r and "accept" not in r:
                first = binary.setdefault((str(r.get("text")), coder), (line, row | {"codes": []}))
                if r.get("answer") == "accept":
                    first[1]["codes"].append(r["label"])
            elif r.get("answer", "accept") == "accept":
                yield line, row | {"codes": r.get("accept", [])}
        yield from binary.values()

    return keep(rows(), path, codebook, rejects)


def write_doccano(path: Path, rows: Iterable[Annotation]) -> int:
    """Write annotations for doccano; return their number."""
    return _write_lines(path, ({"text": a.text, "label": list(a.codes), "meta": _carried(a)} for a in rows))


def write_prodigy(path: Path, rows: Iterable[Annotation]) -> int:
    """Write annotations as answered Prodigy choice tasks; return their number."""
    return _write_lines(
        path,
        ({"text": a.text, "accept": list(a.codes), "answer": "accept", "meta": _carried(a)} for a in rows),
    )


def write_label_studio(path: Path, rows: Iterable[Annotation]) -> int:
    """Write annotations as Label Studio tasks (choices `codes` on `text`); return their number."""
    tasks: list[dict[str, Any]] = [
        {
            "data": {"text": a.text, **_carried(a)},
            "annotations": [
                {
                    "result": [
                        {
                            "from_name": "codes",
                            "to_name": "text",
                            "type": "choices",
                            "value": {"choices": list(a.codes)},
                        }
                    ]
                }
            ],
        }
        for a in rows
    ]
    path.write_text(json.dumps(tasks, ensure_ascii=False, indent=1), encoding="utf-8")
    return len(tasks)


def write_argilla(path: Path, rows: Iterable[Annotation]) -> int:
    """Write annotations as Argilla records (field `text`, question `codes`); return their number."""
    records = [
        {
            "id": a.annotation_id,
            "fields": {"text": a.text},
            "metadata": _carried(a),
            "responses": {"codes": [{"value": list(a.codes), "status": "submitted"}]},
        }
        for a in rows
    ]
    path.write_text(json.dumps(records, ensure_ascii=False, indent=1), encoding="utf-8")
    return len(records)


def _carried(a: Annotation) -> dict[str, Any]:
    return meta_of(a) | ({"coder": a.coder} if a.coder else {})


def _write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> int:
    n = 0
    with path.open("w", encoding="utf-8") as f:
        for r in records:
            f.write(json.dumps(r, ensure_ascii=False) + "\n")
            n += 1
    return n


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _objects(path: Path, rejects: Rejects) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (number, object) of a JSON list or of JSON lines."""
    if path.stat().st_size > _LARGEST:
        raise InputError(path, f"{path.stat().st_size:,} bytes", f"at most {_LARGEST:,}; export as JSON lines")
    with open_text(path) as f:
        listed = f.read(64).lstrip().startswith("[")
    if not listed:
        yield from json_lines(path, rejects)
        return
    with open_text(path) as f:
        try:
            found = json.load(f)
        except (ValueError, RecursionError) as e:
            raise InputError(path, f"not JSON ({e})", "the tool's JSON export") from None
    for number, r in enumerate(found, 1):
        if isinstance(r, dict):
            yield number, r
        else:
            rejects(Reject(str(path), number, "no JSON object", str(r)[:200]))
