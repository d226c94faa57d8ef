"""Where runs and speeches lie: a local path, or a folder behind a URL such as `s3://bucket/run` (fsspec, pyarrow).

`RemotePath` has the methods of `pathlib.Path` that a run folder needs and no others, so that the store is written once
for both. An object store shows a file when it is whole; on other file systems a file is renamed into place.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any, TypeAlias, TypeVar

from sca_nlp.errors import InputError, MissingExtraError, ScaError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
#: File systems without a folder to rename in: what is put there is seen whole or not at all.
_OBJECT_STORES = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "r2", "memory")
_ARROW = ("s3", "gs", "hdfs")  # pyarrow brings its own clients of these; used where fsspec's is not installed
#: A writer of a remote folder says so this often, and is taken for dead after three times as long.
BEAT_SECONDS = 20.0


@cache
def _open_filesystem(head: str) -> Any:
    scheme = head.split("://")[0]
    try:
        import fsspec
    except ImportError:
        raise MissingExtraError("fsspec", "ray") from None
    try:
        return fsspec.filesystem(scheme)
    except ImportError as e:
        if scheme not in _ARROW:
            raise MissingExtraError(str(getattr(e, "name", "") or e), "ray") from None
    except ValueError as e:
        raise InputError(head, f"{e}", "a local path, or a URL of a file system that fsspec knows") from None
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import FileSystem

    return ArrowFSWrapper(FileSystem.from_uri(head)[0])


class RemotePath:
    """A file or folder behind a URL. Credentials and endpoint come from the environment, as its file system says."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"RemotePath({self.url!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and other.url == self.url

    def __hash__(self) -> int:
        return hash(self.url)

    def __lt__(self, other: RemotePath) -> bool:
        return self.url < other.url

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(f"{self.url}/{name}") if name not in ("", ".") else self

    @property
    def name(self) -> str:
        """The last part."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def parent(self) -> RemotePath:
        """The folder that this lies in."""
        return RemotePath(self.url.rsplit("/", 1)[0])

    def with_name(self, name: str) -> RemotePath:
        """Return the neighbour of that name."""
        return self.parent / name

    @property
    def _files(self) -> Any:
        scheme, rest = self.url.split("://", 1)
        return _open_filesystem(f"{scheme}://{rest.split('/', 1)[0]}")

    @property
    def _key(self) -> str:
        rest = self.url.split("://", 1)[1]
        return "/" + rest if self.url.startswith("memory://") else rest

    def exists(self) -> bool:
        """Tell whether there is such a file, or a folder with something in it."""
        self._files.invalidate_cache()
        return bool(self._files.exists(self._key))

    def is_dir(self) -> bool:
        """Tell whether it is a folder with something in it."""
        self._files.invalidate_cache()
        return bool(self._files.isdir(self._key))

    def open(self, mode: str = "rb") -> IO[bytes]:
        """Open the file in binary."""
        stream: IO[bytes] = self._files.open(self._key, mode)
        return stream

    def read_bytes(self) -> bytes:
        """Return what the file holds."""
        with self.open() as f:
            return f.read()

    def read_text(self, encoding: str = "utf-8") -> str:
        """Return the file's text."""
        return self.read_bytes().decode(encoding)

    def write_whole(self, content: bytes) -> None:
        """Write the file whole or not at all."""
        if self.url.split("://")[0] in _OBJECT_STORES:
            self._files.pipe_file(self._key, content)
            return
        temporary = self.with_name(f".{self.name}.{uuid.uuid4().hex[:8]}.tmp")
        self._files.pipe_file(temporary._key, content)
        self._files.mv(temporary._key, self._key)

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        """Make the folder where the file system has folders; a bucket is never made."""
        if self.url.split("://")[0] not in _OBJECT_STORES:
            self._files.makedirs(self._key, exist_ok=True)

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete the file."""
        try:
            self._files.rm_file(self._key)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def glob(self, pattern: str) -> Iterator[RemotePath]:
        """Yield what lies in this folder under a name that fits; folders below are not looked into."""
        self._files.invalidate_cache()
        try:
            found = self._files.ls(self._key, detail=False)
        except FileNotFoundError:
            return
        for name in sorted(str(f).rstrip("/").rsplit("/", 1)[-1] for f in found):
            if fnmatch.fnmatchcase(name, pattern):
                yield self / name

    def matches(self) -> list[RemotePath]:
        """Return the files that this stands for: itself, those that fit its pattern, or those in the folder."""
        files = self._files
        files.invalidate_cache()
        if re.search(r"[*?\[]", self._key):
            keys = files.glob(self._key)
        elif files.isdir(self._key):
            keys = files.find(self._key)
        else:
            keys = [self._key] if files.exists(self._key) else []
        scheme = self.url.split("://")[0]
        return [RemotePath(f"{scheme}://{str(k).lstrip('/') if scheme == 'memory' else k}") for k in sorted(keys)]


Place: TypeAlias = Path | RemotePath
P = TypeVar("P", Path, RemotePath)


def is_url(text: object) -> bool:
    """Tell whether a path is a URL; `file://` counts as one."""
    return bool(_URL.match(str(text)))


def place(text: str | Path | RemotePath) -> Place:
    """Return the path that a text stands for: a URL is remote (but `file://`), all else local."""
    if isinstance(text, (Path, RemotePath)):
        return text
    if text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    return RemotePath(text) if is_url(text) else Path(text)


@contextmanager
def fetched(remote: RemotePath) -> Iterator[Path]:
    """Give a file's local copy under its own name; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="sca-") as folder:
        local = Path(folder) / remote.name
        try:
            remote._files.get_file(remote._key, str(local))
        except FileNotFoundError:
            raise InputError(remote, "no such file", "a file, folder or pattern") from None
        yield local


class Lease:
    """The right to write to a remote folder: a file that its holder keeps fresh. Local folders have a lock instead.

    Two that ask within the same second may both get it; shards are named by content, so `sca check` would tell.

    Raises:
        ScaError: another holds it.
    """

    def __init__(self, path: RemotePath) -> None:
        self._path, self._token, self._stop = path, uuid.uuid4().hex, threading.Event()
        held = self._read()
        age = time.time() - float(held.get("seen", 0))
        if held and age < 3 * BEAT_SECONDS:
            raise ScaError(
                f"{path.parent}: another process is writing to this run ({held.get('host')}, process "
                f"{held.get('process')}, seen {max(0, age):.0f} s ago); wait for it, or, if it was killed, "
                f"{3 * BEAT_SECONDS:.0f} s"
            )
        self._beat()
        if self._read().get("token") != self._token:
            raise ScaError(f"{path.parent}: another process is writing to this run; wait for it")
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._path.read_text())
            return found if isinstance(found, dict) else {}
        except (OSError, ValueError):
            return {}

    def _beat(self) -> None:
        held = {"token": self._token, "host": socket.gethostname(), "process": os.getpid(), "seen": time.time()}
        self._path.write_whole(json.dumps(held).encode())

    def _keep(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            try:
                self._beat()
            except OSError:  # the next write of a shard fails with a message, this one may come through later
                continue

    def close(self) -> None:
        """Give it back."""
        self._stop.set()
        self._thread.join(timeout=BEAT_SECONDS)
        if self._read().get("token") == self._token:
            self._path.unlink(missing_ok=True)
