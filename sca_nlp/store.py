"""The run folder: scored passages in Parquet shards, each written whole or not at all, and the manifest that proves it.

A shard is a pair `speeches/part-<digest>.parquet`, `passages/part-<digest>.parquet`, named by the speeches it holds.
Both are written under a temporary name, flushed to disk and renamed, the passages last: a shard counts as done when
its passages are there. Whatever else lies about after a kill is swept away at the next start. The folder may be
local or behind a URL (`places`): what is written and read is the same.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sca_nlp.errors import InputError, ScaError
from sca_nlp.places import Lease, Place, RemotePath
from sca_nlp.records import Passage, Prediction, Reject, Speech

SPEECH_FIELDS = (
    "speech_id",
    "date",
    "source",
    "speaker",
    "office",
    "title",
    "venue",
    "kind",
    "url",
    "corpus",
    "language",
    "text",
)
_SPEECH_SCHEMA = pa.schema(
    [*((name, pa.string()) for name in SPEECH_FIELDS), ("text_digest", pa.string()), ("n_passages", pa.int32())]
)


def passage_schema(classes: Sequence[str]) -> pa.Schema:
    """Return the schema of a passages shard: one float32 column for each class of the codebook."""
    return pa.schema(
        [
            ("passage_id", pa.string()),
            ("speech_id", pa.string()),
            ("idx", pa.int32()),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("text", pa.string()),
            *((name, pa.string()) for name in ("date", "source", "speaker", "kind", "corpus", "language")),
            ("n_windows", pa.int16()),
            ("actors", pa.list_(pa.string())),
            ("targets", pa.list_(pa.string())),
            ("codes", pa.list_(pa.string())),
            *((c, pa.float32()) for c in classes),
        ]
    )


def text_digest(text: str) -> str:
    """Return the digest by which a speech's text is known (32 hex digits)."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Scored:
    """A speech with its passages and what was said of each."""

    speech: Speech
    passages: Sequence[Passage]
    predictions: Sequence[Prediction]


def passage_table(batch: Sequence[Scored], classes: Sequence[str]) -> pa.Table:
    """Return the passages of scored speeches as a table of `passage_schema(classes)`, in order."""
    rows = [(s.speech, p, q) for s in batch for p, q in zip(s.passages, s.predictions, strict=True)]
    probabilities = np.array([q.probabilities for _, _, q in rows], dtype=np.float32).reshape(len(rows), len(classes))
    columns: dict[str, Any] = {
        "passage_id": [p.passage_id for _, p, _ in rows],
        "speech_id": [p.speech_id for _, p, _ in rows],
        "idx": [p.index for _, p, _ in rows],
        "start": [p.start for _, p, _ in rows],
        "end": [p.end for _, p, _ in rows],
        "text": [p.text for _, p, _ in rows],
        **{
            name: [getattr(s, name) for s, _, _ in rows]
            for name in ("date", "source", "speaker", "kind", "corpus", "language")
        },
        "n_windows": [q.n_windows for _, _, q in rows],
        "actors": [list(q.actors) for _, _, q in rows],
        "targets": [list(q.targets) for _, _, q in rows],
        "codes": [list(q.codes) for _, _, q in rows],
        **{c: probabilities[:, k] for k, c in enumerate(classes)},
    }
    return pa.table(columns, schema=passage_schema(classes))


def write_atomically(path: Place, content: bytes) -> None:
    """Write a file whole or not at all: temporary name, flush to disk, rename."""
    if isinstance(path, RemotePath):
        try:
            path.write_whole(content)
        except OSError as e:
            raise mendable(e, path) from e
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        temporary.replace(path)
    except OSError as e:
        with contextlib.suppress(OSError):  # a folder that cannot be written to says so once
            temporary.unlink(missing_ok=True)
        raise mendable(e, path) from e


def write_table(path: Place, table: pa.Table) -> None:
    """Write a Parquet file whole or not at all."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, sink.getvalue().to_pybytes())


def mendable(e: OSError, path: Place) -> ScaError:
    """Return the error of a failed write as one that tells the user what to do."""
    if e.errno == errno.ENOSPC:
        return ScaError(
            f"{path.parent}: the disk is full; what is finished is kept. Free some space and run the same command again"
        )
    if e.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return ScaError(f"{path.parent}: not writable ({e.strerror}); choose another folder with --out")
    return ScaError(f"{path}: could not be written ({e.strerror or e})")


def shard_name(speeches: Sequence[Speech]) -> str:
    """Return the file name of the shard that holds these speeches, a function of their ids and texts."""
    key = "\n".join(f"{s.speech_id}\0{text_digest(s.text)}" for s in speeches)
    return f"part-{hashlib.blake2b(key.encode('utf-8', 'surrogatepass'), digest_size=12).hexdigest()}.parquet"


def write_speeches(folder: Place, speeches: Sequence[Speech], n_passages: Sequence[int | None]) -> str:
    """Write the first half of a shard, its speeches; return its name. Alone it counts as unfinished.

    Args:
        folder: the run folder.
        speeches: in order.
        n_passages: of each; 0 marks a speech without text to code, None one that is not cut yet.
    """
    name = shard_name(speeches)
    columns: dict[str, Any] = {f: [getattr(s, f) for s in speeches] for f in SPEECH_FIELDS}
    columns |= {"text_digest": [text_digest(s.text) for s in speeches], "n_passages": list(n_passages)}
    write_table(folder / "speeches" / name, pa.table(columns, schema=_SPEECH_SCHEMA))
    return name


def read_speeches_of(folder: Place, name: str) -> list[Speech]:
    """Return the speeches of a shard, in order."""
    rows = _read_shard(folder / "speeches" / name, list(SPEECH_FIELDS)).to_pylist()
    return [Speech(**row) for row in rows]


def n_passages_of(folder: Place, name: str) -> int:
    """Return how many passages a finished shard holds."""
    return int(_read_shard(folder / "passages" / name, ["idx"]).num_rows)


def write_shard(folder: Place, batch: Sequence[Scored], classes: Sequence[str]) -> str:
    """Store a shard of speeches with their passages; return its name. Writing it twice changes nothing."""
    name = write_speeches(folder, [s.speech for s in batch], [len(s.passages) for s in batch])
    write_table(folder / "passages" / name, passage_table(batch, classes))
    return name


class RunStore:
    """A run folder open for adding scored speeches, by one process at a time.

    Args:
        folder: the run folder; made where missing.
        identity: what the scores depend on (model, codebook and config digests). A folder with another identity is
            refused: two models never share one store.
        classes: the codebook's classes, in column order.
    """

    def __init__(self, folder: Place, identity: Mapping[str, str], classes: Sequence[str]) -> None:
        self.folder, self.classes = folder, tuple(classes)
        self._lock: Any = None
        try:
            for name in ("speeches", "passages"):
                (folder / name).mkdir(parents=True, exist_ok=True)
            if isinstance(folder, RemotePath):
                self._lock = Lease(folder / ".lock")
            else:
                self._lock = (folder / ".lock").open("w")
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise ScaError(
                f"{folder}: another process is writing to this run; wait for it or choose another --out"
            ) from None
        except OSError as e:
            raise mendable(e, folder / "run.json") from e
        try:
            self.manifest = self._open_manifest(identity)
            self.done = self._sweep()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the next process in."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> RunStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_manifest(self, identity: Mapping[str, str]) -> dict[str, Any]:
        path = self.folder / "run.json"
        if not path.exists():
            manifest: dict[str, Any] = {"format": 1, "identity": dict(identity), "classes": list(self.classes)}
            write_atomically(path, _json(manifest))
            return manifest
        manifest = read_manifest(self.folder)
        if manifest["identity"] != dict(identity):
            changed = [k for k in identity if manifest["identity"].get(k) != identity[k]]
            raise InputError(
                self.folder, f"a run with another {' and '.join(changed)}", "the same one, or a new --out folder"
            )
        return manifest

    def _sweep(self) -> dict[str, str]:
        """Remove what a kill left behind; return speech id -> text digest of every finished speech."""
        for name in ("speeches", "passages", "."):
            for stray in (self.folder / name).glob(".*.tmp"):
                stray.unlink(missing_ok=True)
        finished = {p.name for p in shards(self.folder, "passages")}
        done: dict[str, str] = {}
        for path in shards(self.folder, "speeches"):
            if path.name not in finished:
                path.unlink()
                continue
            table = _read_shard(path, ["speech_id", "text_digest"])
            finished.discard(path.name)
            done.update(zip(table["speech_id"].to_pylist(), table["text_digest"].to_pylist(), strict=True))
        for name in finished:  # passages without their speeches: a worker given up for dead came back
            (self.folder / "passages" / name).unlink(missing_ok=True)
        return done

    def is_done(self, speech: Speech) -> bool:
        """Tell whether a speech is stored already.

        Raises:
            InputError: it is, with another text.
        """
        known = self.done.get(speech.speech_id)
        if known is None:
            return False
        if known != text_digest(speech.text):
            raise InputError(
                speech.speech_id,
                "a text other than the one scored before under this id",
                "a new id, or a new --out folder",
            )
        return True

    def add(self, batch: Sequence[Scored]) -> str:
        """Store a shard of speeches with their passages; return its name. Adding it twice changes nothing."""
        name = write_shard(self.folder, batch, self.classes)
        self.note_done({s.speech.speech_id: text_digest(s.speech.text) for s in batch})
        return name

    def note_done(self, digests: Mapping[str, str]) -> None:
        """Take note of speeches (id -> text digest) whose shard is stored."""
        self.done.update(digests)

    def write_rejects(self, rejects: Iterable[Reject]) -> int:
        """Replace the rejects file; return how many there are."""
        lines = [json.dumps(asdict(r), ensure_ascii=False) for r in rejects]
        write_atomically(
            self.folder / "rejects.jsonl", "".join(line + "\n" for line in lines).encode("utf-8", "replace")
        )
        return len(lines)

    def update_manifest(self, **entries: Any) -> None:
        """Add entries to the manifest."""
        self.manifest.update(entries)
        write_atomically(self.folder / "run.json", _json(self.manifest))


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode("utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all, keys sorted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, _json(value))


def read_manifest(folder: Place) -> dict[str, Any]:
    """Return a run's manifest.

    Raises:
        InputError: the folder is no run, or its manifest is damaged.
    """
    path = folder / "run.json"
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(folder, "no run.json", "a run folder made by `sca score` or `sca run`") from None
    except (ValueError, OSError, RecursionError) as e:
        raise InputError(
            path, f"damaged ({e})", "the manifest of a run; restore it, or score into a new folder"
        ) from None
    if not isinstance(manifest, dict) or not {"format", "identity", "classes"} <= set(manifest):
        raise InputError(path, "not a run's manifest", "format, identity and classes")
    return dict(manifest)


def _whole(table: pa.Table, columns: list[str] | None) -> pa.Table:
    lacking = [c for c in columns or () if c not in table.column_names and c != "n_passages"]  # older runs lack it
    if lacking:
        raise pa.ArrowInvalid(f"no column {lacking[0]}")
    return table


def _read_shard(path: Place, columns: list[str] | None = None) -> pa.Table:
    try:
        if isinstance(path, Path):
            return _whole(pq.ParquetFile(path).read(columns=columns), columns)
        with path.open() as stream:
            return _whole(pq.ParquetFile(stream).read(columns=columns), columns)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as e:
        raise InputError(
            path, f"a damaged shard ({e})", "an intact file; delete it (and its namesake) and score again"
        ) from None


@overload
def passage_paths(folder: Path) -> list[Path]: ...
@overload
def passage_paths(folder: RemotePath) -> list[RemotePath]: ...
def passage_paths(folder: Place) -> list[Path] | list[RemotePath] | list[Place]:
    """Return the passages shards of a run, sorted by name.

    Raises:
        InputError: the run holds no scored passage.
    """
    read_manifest(folder)
    paths = shards(folder, "passages")
    if not paths:
        raise InputError(folder, "no scored passages", "a run in which `sca score` has finished at least one shard")
    return paths


def shards(folder: Place, half: str) -> list[Place]:
    """Return the files of a run's `speeches` or `passages`, sorted by name."""
    found: list[Place] = list((folder / half).glob("part-*.parquet"))
    return sorted(found, key=str)


def iter_passages(folder: Place, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield the passages of a run, shard by shard, in the order of their names."""
    for path in passage_paths(folder):
        yield _read_shard(path, columns)


@dataclass(frozen=True, slots=True)
class Check:
    """What `check_run` found. `problems` is empty when the run is whole."""

    n_speeches: int
    n_passages: int
    n_shards: int
    problems: tuple[str, ...]


def check_run(folder: Place) -> Check:
    """Prove a run whole: shards readable, nothing twice, nothing missing, offsets rebuild the text."""
    manifest = read_manifest(folder)
    problems: list[str] = []
    seen_speeches: set[str] = set()
    seen_passages: set[str] = set()
    n_passages = n_shards = 0
    names = {p.name for p in shards(folder, "passages")}
    for stray in sorted({p.name for p in shards(folder, "speeches")} - names):
        problems.append(f"speeches/{stray} has no passages: an unfinished shard; run `sca score` again")
    for name in sorted(names):
        n_shards += 1
        try:
            speeches = _read_shard(folder / "speeches" / name, ["speech_id", "text", "text_digest"])
            passages = _read_shard(
                folder / "passages" / name, ["passage_id", "speech_id", "idx", "start", "end", "text"]
            )
        except InputError as e:
            problems.append(str(e))
            continue
        texts = dict(zip(speeches["speech_id"].to_pylist(), speeches["text"].to_pylist(), strict=True))
        for sid, text, digest in zip(
            *(speeches[c].to_pylist() for c in ("speech_id", "text", "text_digest")), strict=True
        ):
            if sid in seen_speeches:
                problems.append(f"speech {sid} is stored twice")
            if text_digest(text) != digest:
                problems.append(f"speech {sid}: its text does not match its digest")
            seen_speeches.add(sid)
        expected: dict[str, int] = {}
        for row in passages.to_pylist():
            n_passages += 1
            if row["passage_id"] in seen_passages:
                problems.append(f"passage {row['passage_id']} is stored twice")
            seen_passages.add(row["passage_id"])
            if row["idx"] != expected.get(row["speech_id"], 0):
                problems.append(f"speech {row['speech_id']}: passage {expected.get(row['speech_id'], 0)} is missing")
            expected[row["speech_id"]] = row["idx"] + 1
            if texts.get(row["speech_id"], "")[row["start"] : row["end"]] != row["text"]:
                problems.append(f"passage {row['passage_id']}: offsets do not rebuild its text")
    counted = manifest.get("counts", {})
    for key, got in (("speeches", len(seen_speeches)), ("passages", n_passages)):
        if key in counted and counted[key] != got:
            problems.append(f"the manifest counts {counted[key]} {key}, the shards hold {got}")
    return Check(len(seen_speeches), n_passages, n_shards, tuple(problems))


def store_digest(folder: Place) -> str:
    """Return one digest over all scored passages (ids, codes, targets, probabilities), whatever the shards' order."""
    total = 0
    columns = ["passage_id", "targets", "codes", *read_manifest(folder)["classes"]]
    for table in iter_passages(folder, columns):
        rows = zip(*(table[c].to_pylist() for c in columns), strict=True)
        for row in rows:
            total ^= int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=16).digest(), "big")
    return f"{total:032x}"


def export_table(folder: Place) -> Iterator[pa.Table]:
    """Yield the flat table of `sca export`: ids, offsets, date, source, targets, codes, probabilities and more."""
    classes = read_manifest(folder)["classes"]
    for table in iter_passages(folder):
        probabilities = pa.StructArray.from_arrays([table[c].combine_chunks() for c in classes], names=list(classes))
        keep = [f.name for f in passage_schema([]) if f.name not in ("actors",)]
        yield table.select(keep).append_column("probabilities", probabilities)


def count_rows(folder: Place, language: str = "en") -> dict[str, int]:
    """Return the counts that the manifest keeps, of all passages and of speeches without any.

    `coded` have a code, `windowed` are longer than the model's window, `other_language` are not in the model's
    language (as far as their publisher or a guess tells); `empty_speeches` had no text to code.
    """
    counts = dict.fromkeys(("passages", "coded", "windowed", "other_language", "empty_speeches"), 0)
    for path in passage_paths(folder):
        table = _read_shard(path, ["codes", "n_windows", "language"])
        counts["passages"] += table.num_rows
        counts["coded"] += pc.sum(pc.greater(pc.list_value_length(table["codes"]), 0)).as_py() or 0
        counts["windowed"] += pc.sum(pc.greater(table["n_windows"], 1)).as_py() or 0
        mine = pc.is_in(pc.fill_null(table["language"], ""), value_set=pa.array([language, ""]))
        counts["other_language"] += table.num_rows - (pc.sum(mine).as_py() or 0)
    for path in shards(folder, "speeches"):
        speeches = _read_shard(path, ["n_passages"])
        if "n_passages" in speeches.column_names:  # runs made before this column lack it
            counts["empty_speeches"] += pc.sum(pc.equal(speeches["n_passages"], 0)).as_py() or 0
    return counts


def read_speech(folder: Place, speech_id: str) -> Speech | None:
    """Return a stored speech with its text, or None."""
    for path in shards(folder, "speeches"):
        table = _read_shard(path).filter(pc.field("speech_id") == speech_id)
        if table.num_rows:
            row = table.slice(0, 1).to_pylist()[0]
            return Speech(**{f.name: row[f.name] for f in fields(Speech)})
    return None
