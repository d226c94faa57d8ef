"""Out and in again: decisions as annotations in the formats of `read.annotations`, and the whole log."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.read.annotations import READERS, WRITERS, read_annotations, write_annotations
from sca_nlp.records import Annotation, Reject, passage_id
from sca_nlp.review.journal import Journal
from sca_nlp.review.slots import Decision, Slot, decision_from

if TYPE_CHECKING:
    from sca_nlp.review.app import Desk
    from sca_nlp.review.explore import Explorer

#: Format -> (ending, media type). `log` is the whole journal, event by event.
FORMATS = {
    "jsonl": ("jsonl", "application/x-ndjson"),
    "csv": ("csv", "text/csv"),
    "parquet": ("parquet", "application/vnd.apache.parquet"),
    "doccano": ("doccano.jsonl", "application/x-ndjson"),
    "label_studio": ("label_studio.json", "application/json"),
    "argilla": ("argilla.json", "application/json"),
    "prodigy": ("prodigy.jsonl", "application/x-ndjson"),
    "training": ("training.jsonl", "application/x-ndjson"),
    "audit": ("audit.jsonl", "application/x-ndjson"),
    "log": ("log.jsonl", "application/x-ndjson"),
    "log_csv": ("log.csv", "text/csv"),
}
LOG_COLUMNS = (
    *("event", "key", "at", "coder", "role", "passage_id", "kind", "old", "new", "about", "stream"),
    *("inclusion_probability", "run_id", "model_digest", "codebook_version", "codebook_digest"),
)
#: Marks an adjudicated decision in the coder's field, where a format has no field for the role.
ADJUDICATED = "adjudicated by "
_RISKY = ("=", "+", "-", "@", "\t", "\r")


def decided(desk: Desk) -> list[Annotation]:
    """Return every finished decision, one annotation a coder and passage, in the order of their events."""
    slots = sorted(
        (s for s in desk.journal.slots() if s.decision and s.decision.status == "coded"), key=lambda s: s.event
    )
    found = desk.explorer.passages([s.passage_id for s in slots])
    inclusion = desk.queues.inclusion()
    strata = {d["passage_id"]: d["stratum"] for d in desk.journal.drawn()}
    out = []
    for s in slots:
        p = found.get(s.passage_id)
        if p is None or s.decision is None:
            continue
        around = desk.explorer.around(p, 1)
        stratum = strata.get(s.passage_id)
        pi = inclusion.get(stratum, s.inclusion_probability) if stratum else s.inclusion_probability
        who = f"{ADJUDICATED}{s.coder}" if s.role == "adjudicator" else s.coder
        out.append(
            Annotation(
                annotation_id=s.key,
                speech_id=p["speech_id"],
                start=p["start"],
                end=p["end"],
                text=p["text"],
                codes=s.decision.codes,
                targets=s.decision.targets,
                prev=(around["before"] or [""])[-1],
                next=(around["after"] or [""])[0],
                date=p["date"],
                speaker=p["speaker"],
                source=p["source"],
                corpus=p["corpus"],
                coder=who,
                stream="audit" if stratum else s.stream,
                inclusion_probability=pi,
                weight=1 / pi if pi else None,
            )
        )
    return out


def export(desk: Desk, format: str) -> bytes:
    """Return all decisions (or the whole log) in a format.

    CSV cells of text that a spreadsheet would take for a formula get an apostrophe in front, which reading takes off.

    Raises:
        UnknownNameError: no such format.
    """
    if format not in FORMATS:
        raise UnknownNameError("export format", format, FORMATS)
    if format == "log":
        return "".join(json.dumps(e, ensure_ascii=False) + "\n" for e in desk.journal.all_events()).encode()
    if format == "log_csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, LOG_COLUMNS)
        writer.writeheader()
        writer.writerows({k: _tame(v) for k, v in e.items()} for e in desk.journal.all_events())
        return text.getvalue().encode()
    rows = decided(desk)
    if format in ("training", "audit"):
        rows, format = _one_each(desk, rows, format), "jsonl"
    if format == "csv":
        rows = [_each_text(a, _tame) for a in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out"
        write_annotations(path, rows, format)
        return path.read_bytes()


def _one_each(desk: Desk, rows: list[Annotation], stream: str) -> list[Annotation]:
    """Return one decision a passage (the adjudicated, else the first): the audit's, or all but the audit's."""
    final = desk.journal.final()
    keys = {s.key for s in final.values()}
    inclusion = desk.queues.reached(final)
    kept = [a for a in rows if a.annotation_id in keys and (a.stream == "audit") == (stream == "audit")]
    if stream == "training":
        return kept
    places = {s.key: p for p, s in final.items()}
    return [replace(a, inclusion_probability=(pi := inclusion[places[a.annotation_id]]), weight=1 / pi) for a in kept]


def _each_text(a: Annotation, change: Callable[[str], str]) -> Annotation:
    return replace(
        a,
        text=change(a.text),
        prev=change(a.prev),
        next=change(a.next),
        speaker=change(a.speaker),
        coder=change(a.coder),
        corpus=change(a.corpus),
    )


def _tame(value: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would run; `_untame` takes it off."""
    return (
        "'" + value
        if isinstance(value, str) and (value.startswith(_RISKY) or re.match(r"'+[=+\-@\t\r]", value))
        else value
    )


def _untame(value: str) -> str:
    return value[1:] if re.match(r"'+[=+\-@\t\r]", value) else value


def take_in(desk: Desk, content: bytes, format: str) -> dict[str, Any]:
    """Take decisions in; return counts and the first rejects.

    Codes enter as finished work of the coder whom the file names. What has no coder is a prediction: it is refused,
    since suggestions are not work done.

    Raises:
        UnknownNameError: no such format.
        InputError: nothing can be understood.
    """
    if format == "log":
        return _take_in_log(desk, content)
    if format not in READERS or format not in WRITERS:
        raise UnknownNameError("import format", format, [*WRITERS, "log"])
    rejects: list[Reject] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("in." + FORMATS[format][0].rpartition(".")[2])
        path.write_bytes(content)
        try:
            rows = list(read_annotations(path, format=format, codebook=desk.codebook, rejects=rejects.append))
        except UnicodeDecodeError as e:
            raise InputError(
                "import", f"no text in UTF-8 ({e.reason} at byte {e.start:,})", f"a file in the form {format}"
            ) from None
    if format == "csv":
        rows = [_each_text(a, _untame) for a in rows]
    taken: list[dict[str, Any]] = []
    ids = [passage_id(a.speech_id, a.start, a.end) for a in rows]
    known = desk.explorer.passages(ids)
    by_place = _by_place(desk.explorer, rows) if len(known) < len(set(ids)) else {}
    for n, (a, guess) in enumerate(zip(rows, ids, strict=True), 1):
        where = guess if guess in known else by_place.get((a.speech_id, a.start, a.end), "")
        reason = (
            "not a passage of this run"
            if not where
            else "no coder: suggestions are not taken in as work done"
            if not a.coder
            else "a target is no actor's code"
            if any(t != "?" and t not in desk.actors for t in a.targets)
            else ""
        )
        if reason:
            rejects.append(Reject("import", n, reason, a.text[:200]))
            continue
        adjudicated = a.coder.startswith(ADJUDICATED)
        taken.append(
            {
                "key": a.annotation_id if len(a.annotation_id) >= 8 else _key(a),
                "coder": a.coder.removeprefix(ADJUDICATED)[:60],
                "role": "adjudicator" if adjudicated else "coder",
                "passage_id": where,
                "decision": Decision(a.codes, a.targets, "coded"),
                "stream": a.stream,
                "inclusion_probability": a.inclusion_probability,
            }
        )
    n_taken, n_left = desk.journal.take_in(taken)
    return _summary(n_taken, n_left, rejects)


def _summary(taken: int, left: int, rejects: list[Reject]) -> dict[str, Any]:
    return {
        "taken": taken,
        "known_already": left,
        "rejected": len(rejects),
        "rejects": [{"line": r.line, "reason": r.reason, "record": r.record} for r in rejects[:20]],
    }


def _key(a: Annotation) -> str:
    return hashlib.blake2b(
        f"{a.annotation_id}\0{a.speech_id}\0{a.start}\0{a.coder}".encode(), digest_size=8
    ).hexdigest()


def _by_place(explorer: Explorer, rows: Iterable[Annotation]) -> dict[tuple[str, int, int], str]:
    """Return passage ids by speech and offsets, for runs whose ids were made elsewhere."""
    import pyarrow as pa

    speeches = pa.table({"speech_id": pa.array(sorted({a.speech_id for a in rows}), pa.string())})
    found = explorer.rows(
        'SELECT passage_id, speech_id, start, "end" FROM p WHERE speech_id IN (SELECT speech_id FROM wanted)',
        wanted=speeches,
    )
    return {(r["speech_id"], r["start"], r["end"]): r["passage_id"] for r in found}


def _take_in_log(desk: Desk, content: bytes) -> dict[str, Any]:
    """Take in what stood at the end of another journal's log, with who and when."""
    rejects: list[Reject] = []
    last: dict[tuple[str, str, str], dict[str, Any]] = {}
    for n, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        try:
            e = json.loads(line)
            new = decision_from(e["new"])
            place = (e["passage_id"], e["role"], "" if e["role"] == "adjudicator" else e["coder"])
            if new is not None:
                desk.codebook.check_codes(new.codes, f"line {n}")
            entry = {k: str(e[k]) for k in ("key", "coder", "role", "passage_id", "stream", "at")}
            last[place] = {**entry, "decision": new, "inclusion_probability": e["inclusion_probability"]}
        except (ValueError, KeyError, TypeError, InputError) as error:
            rejects.append(Reject("log", n, str(error)[:200], line[:200]))
    known = desk.explorer.passages([p for p, _, _ in last])
    rows = [r for r in last.values() if r["decision"] is not None and r["passage_id"] in known]
    taken, left = desk.journal.take_in(rows)
    return _summary(taken, left, rejects)


__all__ = ["FORMATS", "Codebook", "Journal", "Slot", "decided", "export", "take_in"]
