"""The shards of a run: what is in their columns, how they are written and read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sca_nlp.errors import InputError
from sca_nlp.places import Place, RemotePath
from sca_nlp.records import Passage, Prediction, Speech
from sca_nlp.store.files import read_manifest, write_table

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
    rows = read_shard(folder / "speeches" / name, list(SPEECH_FIELDS)).to_pylist()
    return [Speech(**row) for row in rows]


def n_passages_of(folder: Place, name: str) -> int:
    """Return how many passages a finished shard holds."""
    return int(read_shard(folder / "passages" / name, ["idx"]).num_rows)


def write_shard(folder: Place, batch: Sequence[Scored], classes: Sequence[str]) -> str:
    """Store a shard of speeches with their passages; return its name. Writing it twice changes nothing."""
    name = write_speeches(folder, [s.speech for s in batch], [len(s.passages) for s in batch])
    write_table(folder / "passages" / name, passage_table(batch, classes))
    return name


def _whole(table: pa.Table, columns: list[str] | None) -> pa.Table:
    lacking = [c for c in columns or () if c not in table.column_names and c != "n_passages"]  # older runs lack it
    if lacking:
        raise pa.ArrowInvalid(f"no column {lacking[0]}")
    return table


def read_shard(path: Place, columns: list[str] | None = None) -> pa.Table:
    """Return a shard, or some of its columns.

    Raises:
        InputError: it is damaged.
    """
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
        yield read_shard(path, columns)


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
        table = read_shard(path, ["codes", "n_windows", "language"])
        counts["passages"] += table.num_rows
        counts["coded"] += pc.sum(pc.greater(pc.list_value_length(table["codes"]), 0)).as_py() or 0
        counts["windowed"] += pc.sum(pc.greater(table["n_windows"], 1)).as_py() or 0
        mine = pc.is_in(pc.fill_null(table["language"], ""), value_set=pa.array([language, ""]))
        counts["other_language"] += table.num_rows - (pc.sum(mine).as_py() or 0)
    for path in shards(folder, "speeches"):
        speeches = read_shard(path, ["n_passages"])
        if "n_passages" in speeches.column_names:  # runs made before this column lack it
            counts["empty_speeches"] += pc.sum(pc.equal(speeches["n_passages"], 0)).as_py() or 0
    return counts


def read_speech(folder: Place, speech_id: str) -> Speech | None:
    """Return a stored speech with its text, or None."""
    for path in shards(folder, "speeches"):
        table = read_shard(path).filter(pc.field("speech_id") == speech_id)
        if table.num_rows:
            row = table.slice(0, 1).to_pylist()[0]
            return Speech(**{f.name: row[f.name] for f in fields(Speech)})
    return None
