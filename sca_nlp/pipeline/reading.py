"""From the sections of a config to speeches, one file after another, and ahead of who uses them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sca_nlp.config import SpeechesSection
from sca_nlp.errors import InputError
from sca_nlp.places import RemotePath, fetched, is_url
from sca_nlp.records import Reject, Speech

if TYPE_CHECKING:
    from sca_nlp.read.speeches import ReadReport


def read(
    sections: Sequence[SpeechesSection],
    rejects: Callable[[Reject], None],
    *,
    actor_files: Sequence[str] = (),
    report: ReadReport | None = None,
    leave_out: bool = False,
) -> Iterator[Speech]:
    """Read speeches from every section, filtered by source and date; ids are compared over all of them.

    With `actor_files`, sources are known by the names in these too, and one that is not is taken as it stands. `report`
    is filled with counts, encodings and notes. With `leave_out`, a section that cannot be read is rejected
    as long as another can.
    """
    from sca_nlp.read.speeches import ReadReport

    report = report if report is not None else ReadReport()
    own = _own_actors(actor_files)
    n_failed = 0
    for section in sections:
        try:
            yield from _read_section(section, rejects, own, report)
        except InputError as e:
            n_failed += 1
            if not leave_out or n_failed == len(sections):
                raise
            report.n_rejected += 1
            rejects(Reject(section.path, 0, f"file left out: {e}"))


def _own_actors(files: Sequence[str]) -> dict[str, Any]:
    """Return the reader's options for actors of the user's own."""
    from functools import partial

    from sca_nlp.actors import country_code, load_data

    if not files:
        return {}
    return {"keep_unknown_sources": True, "country_code": partial(country_code, data=load_data().extended(files))}


def _read_section(
    section: SpeechesSection, rejects: Callable[[Reject], None], own: dict[str, Any], report: ReadReport
) -> Iterator[Speech]:
    from dataclasses import replace

    if not is_url(section.path) or section.format == "huggingface":
        yield from _read_local(section, rejects, own, report)
        return
    found = RemotePath(section.path).matches()
    if not found:
        raise InputError(section.path, "no such file", "a file, folder or pattern")
    n_failed = 0
    for remote in found:  # one file at a time is here, whatever the corpus' size
        with fetched(remote) as local:

            def named(reject: Reject, local: str = str(local), remote: str = str(remote)) -> None:
                rejects(replace(reject, file=reject.file.replace(local, remote)))

            one = replace(section, path=str(local))
            try:
                yield from _read_local(one, named, own, report)
            except InputError as e:
                n_failed += 1
                if n_failed == len(found):
                    raise InputError(remote, e.got, e.wanted) from None
                report.n_rejected += 1
                rejects(Reject(str(remote), 0, f"file left out: {e.got}; wanted {e.wanted}"))


def _read_local(
    section: SpeechesSection, rejects: Callable[[Reject], None], own: dict[str, Any], report: ReadReport
) -> Iterator[Speech]:
    from sca_nlp.read.speeches import read_speeches

    wanted = set(section.sources)
    n_read = n_kept = 0
    for speech in read_speeches(
        section.path,
        format=section.format,
        columns=section.columns,
        defaults=section.defaults,
        rejects=rejects,
        report=report,
        **own | section.options,
    ):
        n_read += 1
        if wanted and speech.source not in wanted:
            continue
        # Dates of unlike precision compare by their common length: 1985 lies within first = 1985-03.
        if section.first and speech.date[: len(section.first)] < section.first[: len(speech.date)]:
            continue
        if section.last and speech.date[: len(section.last)] > section.last[: len(speech.date)]:
            continue
        n_kept += 1
        yield speech
    if n_kept < n_read:
        passed = f"{n_read - n_kept:,} of {n_read:,} speeches passed over"
        report.note(f"{section.path}: {passed} (sources, first or last of the config)")


def ahead(items: Iterator[Any], depth: int = 2) -> Iterator[Any]:
    """Yield items that another thread makes ahead, so that reading and cutting overlap with inference."""
    ready: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(entry: tuple[str, Any]) -> bool:
        while not stop.is_set():
            try:
                ready.put(entry, timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(("item", item)):
                    return
            put(("end", None))
        except BaseException as e:
            put(("error", e))

    thread = threading.Thread(target=work, name="reader", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = ready.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stop.set()
