"""Folders of text files, one speech a file; who spoke and when comes from their names or a table beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.read.columns import SPEECH_COLUMNS, match_columns
from sca_nlp.read.speeches.decode import check_encoding, decode
from sca_nlp.read.speeches.intake import Intake, Rejects, open_intake
from sca_nlp.read.speeches.sheets import side_rows
from sca_nlp.records import Speech

#: Tried in this order where no pattern is given; dates and codes are strict here, so that nothing else fits.
PATTERNS = (
    "{source}_{session}_{date}",
    "{source}_{date}",
    "{source}_{date}_{title}",
    "{date}_{source}",
    "{date}_{source}_{title}",
    "{date}",
)
SIDE_ENDINGS = (".csv", ".tsv", ".xlsx")

_ALIASES = {alias: name for name, aliases in SPEECH_COLUMNS.items() for alias in (name, *aliases)}
_SIDE_COLUMNS: dict[str, Sequence[str]] = {
    "file": ("file", "filename", "file_name", "path", "file_path"),
    **{name: aliases for name, aliases in SPEECH_COLUMNS.items() if name != "text"},
}
_DATE = "[0-9]{4}(?:-?[0-9]{2}(?:-?[0-9]{2})?)?"


def read_text_folder(
    path: Path | str,
    *,
    columns: Mapping[str, str] | None = None,
    rejects: Rejects,
    defaults: Mapping[str, str] | None = None,
    pattern: str = "",
    sidecar: Path | str = "",
    encoding: str = "",
    **options: Any,
) -> Iterator[Speech]:
    """Yield one speech a .txt file, in the order of the files' paths. The text is the file's, unchanged.

    Args:
        path: the folder (its subfolders too; links out of it are not followed), or one file.
        columns: field -> column of the sidecar table.
        rejects: called with each file that cannot be used.
        defaults: field -> value where neither name nor table says.
        pattern: of the file names, such as `{country}_{session}_{date}.txt`, or with folders: `{country}/{date}`.
            Names that are no field of a speech are passed over. Empty: a few plain ones are tried (`PATTERNS`).
        sidecar: a .csv, .tsv or .xlsx with a column `file` and columns for the fields; it goes before the file's name.
            Empty: the only such table in the folder, if there is one.
        encoding: of the texts; found file by file where empty.
        **options: those of `intake.Intake`.

    Raises:
        InputError: no text file, a bad pattern, or a sidecar without a column of file names.
    """
    path = Path(path)
    intake = open_intake(path, None, rejects, defaults, options, corpus=path.resolve().stem)
    if encoding:
        check_encoding(encoding, path)
    labels = Labels.find(path, pattern, sidecar, columns, intake)
    for file, name in files_in(path, (".txt",), intake):
        record = labels.of(name, intake)
        if record is None:
            continue
        try:
            size = file.stat().st_size
            data = file.read_bytes() if size <= 4 * intake.max_record else b""
        except OSError as e:
            intake.reject(0, f"{name}: not readable ({e.strerror})")
            continue
        if size > 4 * intake.max_record:
            intake.reject(0, f"{name}: {size:,} bytes; wanted at most {4 * intake.max_record:,}")
            continue
        text, found = decode(data, encoding)
        intake.report.encoding(file, found)
        if speech := labels.speech({**record, "text": text}, file, intake):
            yield speech
    labels.finish(intake)


def files_in(path: Path, endings: Sequence[str], intake: Intake) -> Iterator[tuple[Path, str]]:
    """Yield (file, path within the folder) of all files with these endings, sorted; links out of it are rejected.

    Raises:
        InputError: there is none.
    """
    if path.is_file():
        yield path, path.name
        return
    if not path.is_dir():
        raise InputError(path, "no such file or folder", "a folder of " + ", ".join(endings))
    root, n_files = path.resolve(), 0
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        # Word keeps a file `~$name.docx` beside each document that is open.
        if file.suffix.lower() not in endings or file.name.startswith((".", "~$")) or file.is_dir():
            continue
        n_files += 1
        if not file.is_file() or not file.resolve().is_relative_to(root):
            intake.reject(0, f"{name}: no plain file within the folder; links to outside are not followed")
        else:
            yield file, name
    if not n_files:
        raise InputError(path, "no such file in the folder", "files ending in " + ", ".join(endings))


@dataclass
class Labels:
    """What is known of files beside their texts."""

    patterns: list[re.Pattern[str]]
    strict: bool  # the user gave the pattern: a name that does not fit is rejected
    side: dict[str, dict[str, Any]] = field(default_factory=dict)
    side_path: Path | None = None
    _used: set[str] = field(default_factory=set)
    _silent: list[str] = field(default_factory=list)  # the first names that told neither date nor source

    @classmethod
    def find(
        cls, path: Path, pattern: str, sidecar: Path | str, columns: Mapping[str, str] | None, intake: Intake
    ) -> Labels:
        """Return the labels by pattern and sidecar, given or found."""
        labels = cls([file_pattern(p) for p in ([pattern] if pattern else PATTERNS)], strict=bool(pattern))
        side = Path(sidecar) if sidecar else None
        if side is not None and not side.exists() and path.is_dir() and (path / side).exists():
            side = path / side
        if side is None and path.is_dir():
            tables = [p for p in sorted(path.iterdir()) if p.suffix.lower() in SIDE_ENDINGS and p.name[0] not in ".~"]
            side = tables[0] if len(tables) == 1 else None
        if side is not None:
            labels._read_side(side, columns, intake)
        return labels

    def _read_side(self, side: Path, columns: Mapping[str, str] | None, intake: Intake) -> None:
        self.side_path = side
        matched: dict[str, str] = {}
        for number, row in side_rows(side, intake):
            if not matched:
                matched = match_columns(list(row), columns, where=side, required=("file",), known=_SIDE_COLUMNS)
            key = str(row.get(matched["file"], "") or "").strip().replace("\\", "/").removeprefix("./")
            if not key:
                intake.reject(number, f"{side.name}: no file name in this row", str(row))
            elif key in self.side:
                intake.reject(number, f"{side.name}: file {key[:200]!r} has a row already", str(row))
            else:
                self.side[key] = {name: row.get(column) for name, column in matched.items() if name != "file"}

    def of(self, name: str, intake: Intake) -> dict[str, Any] | None:
        """Return field -> value for a file, or None after having rejected it."""
        record: dict[str, Any] = {}
        plain = name.rsplit(".", 1)[0]
        for pattern in self.patterns:
            depth = pattern.pattern.count("/")
            tail = "/".join(plain.split("/")[-depth - 1 :])
            if m := pattern.fullmatch(tail):
                record = {k: v for k, v in m.groupdict().items() if k in SPEECH_COLUMNS}
                break
        row = None
        for key in (name, plain, name.rsplit("/", 1)[-1], plain.rsplit("/", 1)[-1]):
            if key in self.side:
                row = self.side[key]
                self._used.add(key)
                break
        if row is not None:
            record |= {k: v for k, v in row.items() if v not in (None, "")}
        elif self.side_path is not None and not record:
            intake.reject(0, f"{name}: no row in {self.side_path.name}")
            return None
        elif self.side_path is None and self.strict and not record:
            intake.reject(0, f"{name}: the name does not fit the pattern")
            return None
        if not record and len(self._silent) < 2:
            self._silent.append(name)
        record.setdefault("speech_id", plain)
        return record

    def speech(self, record: Mapping[str, Any], file: Path, intake: Intake) -> Speech | None:
        """Return the speech of a file's record; rejects name the file, not its folder."""
        outer, intake.file = intake.file, str(file)
        try:
            return intake.speech(record)
        finally:
            intake.file = outer

    def finish(self, intake: Intake) -> None:
        """Note the sidecar's rows for which no file was found, and how to read names that told nothing."""
        if self._silent and intake.report.n_rejected:
            intake.report.note(
                f"{self._silent[0]}: the name tells neither date nor country; say how names are made, as in "
                "--option 'pattern={date} {speaker}', or lay a table with a column `file` beside the files"
            )
        if unused := len(self.side) - len(self._used):
            intake.report.note(f"{self.side_path}: {unused:,} rows name no file that was read")


def file_pattern(pattern: str) -> re.Pattern[str]:
    """Return the expression for a pattern of file names such as `{country}_{session}_{date}.txt`, without its ending.

    Raises:
        InputError: no name in braces, one twice, or two that touch.
        UnknownNameError: `{text}`, which is the file itself.
    """
    plain = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", pattern)
    parts = re.split(r"\{([A-Za-z_][A-Za-z0-9_]*)\}", plain)
    names = [_ALIASES.get(name.lower(), name) for name in parts[1::2]]
    if not names or len(set(names)) < len(names) or any(not glue for glue in parts[2:-1:2]):
        wanted = "names in braces, each once, with something between, such as {country}_{date}.txt"
        raise InputError("pattern", repr(pattern), wanted)
    if "text" in names:
        raise UnknownNameError("field in a file name's pattern", "text", set(SPEECH_COLUMNS) - {"text"})
    expression = re.escape(parts[0])
    for n, name in enumerate(names):
        glue = parts[2 * n + 2]
        if name == "date":
            inner = _DATE
        elif name == "source" and pattern in PATTERNS:
            inner = "[A-Za-z]{2,3}"
        elif name == "session" and pattern in PATTERNS:
            inner = "[0-9]{1,3}"
        else:  # up to the next separator, so that matching is linear; the last takes all that is left
            inner = f"[^/{re.escape(glue[0])}]+" if glue and n < len(names) - 1 else "[^/]+"
        expression += f"(?P<{name}>{inner}){re.escape(glue)}"
    return re.compile(expression)
