"""PDF, HTML and Word documents, one speech a file, read in a process of its own under limits of time and memory."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sca_nlp.errors import InputError, MissingExtraError
from sca_nlp.read.dates import parse_date
from sca_nlp.read.speeches.decode import Encoding
from sca_nlp.read.speeches.folder import Labels, files_in
from sca_nlp.read.speeches.intake import Rejects, open_intake
from sca_nlp.records import Speech

KINDS = {".pdf": "pdf", ".html": "html", ".htm": "html", ".docx": "docx"}
_WORKER = Path(__file__).with_name("document_worker.py")


def read_documents(
    path: Path | str,
    *,
    columns: Mapping[str, str] | None = None,
    rejects: Rejects,
    defaults: Mapping[str, str] | None = None,
    pattern: str = "",
    sidecar: Path | str = "",
    seconds: float = 60,
    memory_mb: int = 1024,
    max_pages: int = 2000,
    max_bytes: int = 100_000_000,
    **options: Any,
) -> Iterator[Speech]:
    """Yield one speech a document, its text as extracted: layout, headers and hyphens of a PDF are not mended.

    Metadata come from file names or a sidecar table as in `read_text_folder`; where these are silent, from the
    document: title, and of HTML the date of publication.

    Args:
        path: the folder, or one document.
        columns: field -> column of the sidecar table.
        rejects: called with each document that cannot be used, also those over a limit.
        defaults: field -> value where nothing else says.
        pattern: of the file names.
        sidecar: a table with a column `file`.
        seconds: that a document may take.
        memory_mb: that reading may use, in MiB.
        max_pages: that a PDF may have.
        max_bytes: that a document may have.
        **options: those of `intake.Intake`.

    Raises:
        InputError: no document there.
        MissingExtraError: the extra `documents` is not installed.
    """
    path = Path(path)
    intake = open_intake(path, None, rejects, defaults, options, corpus=path.resolve().stem)
    labels = Labels.find(path, pattern, sidecar, columns, intake)
    worker = _Worker(seconds, memory_mb)
    try:
        for file, name in files_in(path, tuple(KINDS), intake):
            record = labels.of(name, intake)
            if record is None:
                continue
            if file.stat().st_size > max_bytes:
                intake.reject(0, f"{name}: {file.stat().st_size:,} bytes; wanted at most {max_bytes:,}")
                continue
            limits = {"max_pages": max_pages, "max_chars": intake.max_record}
            answer = worker.ask({"path": str(file.resolve()), "kind": _kind(file), **limits})
            if library := answer.get("missing"):
                raise MissingExtraError(library, "documents")
            if error := answer.get("error"):
                intake.reject(0, f"{name}: {error}")
                continue
            if answer.get("encoding"):
                intake.report.encoding(file, Encoding(answer["encoding"]))
            known = {"text": answer["text"], "title": answer.get("title", ""), "date": _date(answer.get("date", ""))}
            merged = known | {k: v for k, v in record.items() if v not in (None, "")}
            if speech := labels.speech(merged, file, intake):
                yield speech
    finally:
        worker.stop()
    labels.finish(intake)


def _kind(file: Path) -> str:
    if kind := KINDS.get(file.suffix.lower()):
        return kind
    with file.open("rb") as stream:
        return "pdf" if stream.read(5) == b"%PDF-" else "html"


def _date(value: str) -> str:
    """Return a document's own date, or nothing where it is none: it was only a hint."""
    try:
        return parse_date(value)
    except InputError:
        return ""


class _Worker:
    """The process that reads documents; started when needed, killed at a limit."""

    def __init__(self, seconds: float, memory_mb: int) -> None:
        self._seconds, self._memory = seconds, memory_mb << 20
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer, or an `error` where the process ran out of time or died."""
        if self._process is None:
            environment = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "LC_ALL", "HOME")}
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", str(_WORKER), str(self._memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._answer(time.monotonic() + self._seconds)
        except BrokenPipeError:
            answer = None
        if answer is None:
            late = self._process.poll() is None
            self.stop()
            slow, dead = f"took longer than {self._seconds:g} s", "ended the process that read it (out of memory?)"
            return {"error": slow if late else dead}
        return answer

    def _answer(self, until: float) -> dict[str, Any] | None:
        assert self._process
        assert self._process.stdout
        pieces: list[bytes] = []
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while selector.select(max(0.0, until - time.monotonic())):
                piece = os.read(self._process.stdout.fileno(), 1 << 20)
                if not piece:
                    self._process.wait(5)
                    return None
                pieces.append(piece)
                if piece.endswith(b"\n"):
                    answer: dict[str, Any] = json.loads(b"".join(pieces))
                    return answer
        return None

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
