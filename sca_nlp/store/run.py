"""A run folder that is being filled, by one process at a time."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sca_nlp.errors import InputError, ScaError
from sca_nlp.places import Lease, Place, RemotePath
from sca_nlp.records import Reject, Speech
from sca_nlp.store.files import json_bytes, mendable, read_manifest, write_atomically
from sca_nlp.store.shard import Scored, read_shard, shards, text_digest, write_shard


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
            write_atomically(path, json_bytes(manifest))
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
            table = read_shard(path, ["speech_id", "text_digest"])
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
        write_atomically(self.folder / "run.json", json_bytes(self.manifest))
