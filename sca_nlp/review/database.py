"""The journal's file: opened by many at once, brought to this version, read and written one transaction at a time."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sca_nlp.errors import ScaError
from sca_nlp.review.schema import migrate

#: Seconds that a process waits for another one that holds the file.
PATIENCE = 10.0


def _write_ahead(con: sqlite3.Connection) -> None:
    """Switch to a write-ahead log, waiting for whoever opens the same new file.

    SQLite's own waiting (`timeout`) does not hold for this switch: it answers "locked" at once.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            con.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)


class Database:
    """An open file. One thread at a time: who uses `con` outside `writing` and `read` holds `lock`.

    Raises:
        ScaError: the file is no journal, or was written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.Lock()
        try:
            self.con = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=PATIENCE)
            self.con.row_factory = sqlite3.Row
            _write_ahead(self.con)
            self.con.execute("PRAGMA synchronous = FULL")
            self.con.execute("PRAGMA foreign_keys = ON")
            migrate(self.con, path)
        except sqlite3.Error as e:
            raise ScaError(f"{path}: no journal of the review page ({e}); move it away, or restore it") from None

    def close(self) -> None:
        """Close the file."""
        self.con.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the file for one transaction: on the disk whole when it ends, or not at all.

        Raises:
            ScaError: it could not be saved, as when the disk is full.
        """
        with self.lock:
            try:
                self.con.execute("BEGIN IMMEDIATE")
                yield self.con
                self.con.execute("COMMIT")
            except BaseException as e:
                if self.con.in_transaction:  # also after a COMMIT that found no room
                    self.con.execute("ROLLBACK")
                if isinstance(e, sqlite3.OperationalError):
                    why = "the disk is full" if "full" in str(e) else str(e)
                    raise ScaError(f"{self.path}: not saved: {why}; mend that and save again") from None
                raise

    def read(self, sql: str, values: Iterable[Any] = ()) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        with self.lock:
            return [dict(r) for r in self.con.execute(sql, tuple(values)).fetchall()]
