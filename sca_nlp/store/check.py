"""Whether a run is whole, and one digest of all that it scored."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sca_nlp.errors import InputError
from sca_nlp.places import Place
from sca_nlp.store.files import read_manifest
from sca_nlp.store.shard import iter_passages, read_shard, shards, text_digest


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
            speeches = read_shard(folder / "speeches" / name, ["speech_id", "text", "text_digest"])
            passages = read_shard(
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
