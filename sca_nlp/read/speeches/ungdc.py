"""The UN General Debate Corpus as its authors publish it: `Session NN - YYYY/ISO_NN_YYYY.txt`, or the .tgz of these.

Jankin, Baturo & Dasandi, doi:10.7910/DVN/0TJX8Y. Nothing is unpacked to disk; texts are kept as published, paragraph
numbers and hard line ends included.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from sca_nlp.errors import InputError
from sca_nlp.read.columns import plain_name
from sca_nlp.read.speeches.decode import check_encoding, decode, open_bytes
from sca_nlp.read.speeches.intake import Intake, Rejects, open_intake
from sca_nlp.read.speeches.sheets import MAX_SHEET, side_rows
from sca_nlp.records import Speech

MAX_MEMBERS = 500_000  # the corpus holds about 11,000 files
_FILE = re.compile(r"([A-Za-z]{2,4})_([0-9]{1,3})_([0-9]{4})\.txt")

Speakers = dict[tuple[int, int, str], tuple[str, str]]  # (year, session, ISO code) -> (speaker, office)


def read_ungdc(
    path: Path | str,
    *,
    columns: Mapping[str, str] | None = None,
    rejects: Rejects,
    defaults: Mapping[str, str] | None = None,
    speakers: Path | str = "",
    encoding: str = "",
    **options: Any,
) -> Iterator[Speech]:
    """Yield the statements of the UN General Debate, by session and country as they lie in the folder or archive.

    Ids are `UNGDC_<ISO>_<session>_<year>`; dates are years, for the corpus holds no days.

    Args:
        path: the folder that holds `Session NN - YYYY` (or `TXT/` with these), or the .tgz or .tar of it.
        columns: not used, for the layout is fixed.
        rejects: called with each file that cannot be used.
        defaults: field -> value where nothing is known.
        speakers: the authors' table of speakers (.xlsx or .csv); found beside the texts or in the archive where empty.
        encoding: of the texts; found file by file where empty.
        **options: those of `intake.Intake`.

    Raises:
        InputError: no such layout, or an archive that is damaged, out of proportion or of too many members.
    """
    path = Path(path)
    intake = open_intake(path, None, rejects, defaults, options, corpus="ungdc")
    if encoding:
        check_encoding(encoding, path)
    texts = _folder_texts(path, intake) if path.is_dir() else _archive_texts(path, intake)
    table = _speakers(path, Path(speakers) if speakers else None, intake)
    n_files = 0
    for name, data in texts:
        n_files += 1
        fields = _FILE.fullmatch(PurePosixPath(name).name)
        if fields is None:
            intake.reject(0, f"{name}: the name is not ISO_NN_YYYY.txt")
            continue
        code, session, year = fields[1].upper(), int(fields[2]), fields[3]
        text, found = decode(data, encoding)
        intake.report.encoding(name, found)
        speaker, office = table.get((int(year), session, code), ("", ""))
        record = {
            "speech_id": f"UNGDC_{code}_{session}_{year}",
            "date": year,
            "source": code,
            "text": text,
            "speaker": speaker,
            "office": office,
            "title": f"UN General Debate statement, session {session} ({year})",
            "venue": "UN General Assembly General Debate",
            "kind": "statement",
            "url": "https://doi.org/10.7910/DVN/0TJX8Y",
        }
        inner = intake.file
        intake.file = f"{inner}/{name}"
        speech = intake.speech(record)
        intake.file = inner
        if speech:
            yield speech
    if not n_files:
        raise InputError(path, "no texts of the General Debate", "Session NN - YYYY/ISO_NN_YYYY.txt")


def _is_text(name: str) -> bool:
    base = PurePosixPath(name).name
    return base.lower().endswith(".txt") and not base.startswith(".")  # ._X: what macOS adds to archives


def _folder_texts(path: Path, intake: Intake) -> Iterator[tuple[str, bytes]]:
    root = path.resolve()
    for file in sorted(path.rglob("*.txt"), key=lambda p: _order(p.relative_to(path).as_posix())):
        name = file.relative_to(path).as_posix()
        if not _is_text(name) or not file.is_file():
            continue
        if not file.resolve().is_relative_to(root):
            intake.reject(0, f"{name}: a link to outside the folder; not followed")
        elif file.stat().st_size > intake.max_record:
            intake.reject(0, f"{name}: {file.stat().st_size:,} bytes; wanted at most {intake.max_record:,}")
        else:
            yield name, file.read_bytes()


def _order(name: str) -> tuple[int, str]:
    session = re.search(r"Session\s+([0-9]{1,4})\b", name)
    return (int(session[1]) if session else 0, name)


def _members(path: Path, intake: Intake) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    try:
        with open_bytes(path) as stream, tarfile.open(fileobj=stream, mode="r|", errorlevel=1) as archive:
            for n, member in enumerate(archive):
                if n >= MAX_MEMBERS:
                    raise InputError(
                        path, f"an archive of more than {MAX_MEMBERS:,} members", "the corpus as published"
                    )
                archive.members = []  # type: ignore[attr-defined]  # else tarfile keeps every member met
                yield archive, member
    except (tarfile.TarError, EOFError, OSError, ValueError) as e:
        raise InputError(path, f"damaged archive ({str(e)[:200]})", "the .tgz or .tar as published") from None


def _archive_texts(path: Path, intake: Intake) -> Iterator[tuple[str, bytes]]:
    for archive, member in _members(path, intake):
        name = member.name
        if not _is_text(name) or member.isdir():
            continue
        if ".." in PurePosixPath(name).parts or name.startswith("/"):
            intake.reject(0, f"{name[:200]}: a path out of the archive")
        elif not member.isreg():
            intake.reject(0, f"{name[:200]}: a link or special file in the archive; not followed")
        elif member.size > intake.max_record:
            intake.reject(0, f"{name[:200]}: {member.size:,} bytes; wanted at most {intake.max_record:,}")
        else:
            file = archive.extractfile(member)
            yield name, file.read() if file else b""


def _speakers(path: Path, given: Path | None, intake: Intake) -> Speakers:
    """Return who spoke, from the table given, beside the texts or in the archive; empty where there is none."""
    data = None
    if given is None and path.is_dir():
        beside = [p for folder in (path, path.parent) for p in sorted(folder.glob("*.xlsx")) if _is_speakers(p.name)]
        given = beside[0] if beside else None
    elif given is None:
        for archive, member in _members(path, intake):
            if _is_speakers(member.name) and member.isreg() and member.size <= MAX_SHEET:
                file = archive.extractfile(member)
                given, data = Path(member.name), file.read() if file else b""
                break
    if given is None:
        intake.report.note(f"{path}: no table of speakers found; speakers are left empty")
        return {}
    table: Speakers = {}
    wanted = {"year": "", "session": "", "iso_code": "", "name_of_person_speaking": "", "post": ""}
    try:
        for _, row in side_rows(given, intake, data):
            plain = wanted | {plain_name(k): v for k, v in row.items()}
            try:
                key = (int(plain["year"]), int(plain["session"]), str(plain["iso_code"]).strip().upper())
            except (TypeError, ValueError):
                continue
            name = str(plain["name_of_person_speaking"] or "").strip().rstrip(",")
            table.setdefault(key, (name, str(plain["post"] or "").strip()))
    except InputError as e:
        intake.reject(0, f"table of speakers left out: {e}")
    return table


def _is_speakers(name: str) -> bool:
    base = PurePosixPath(name).name.lower()
    return base.endswith(".xlsx") and "speaker" in base and not base.startswith((".", "~"))
