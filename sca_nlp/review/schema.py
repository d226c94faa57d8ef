"""The tables of the journal, and how a file of an earlier version is brought to this one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sca_nlp.errors import ScaError

#: One statement list a version; a database is brought from its `user_version` to the last, one step at a time.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE events (
        event INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        at TEXT NOT NULL,
        coder TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('coder', 'adjudicator')),
        passage_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        old TEXT,
        new TEXT,
        about INTEGER REFERENCES events,
        stream TEXT NOT NULL DEFAULT '',
        inclusion_probability REAL,
        run_id TEXT NOT NULL DEFAULT '',
        model_digest TEXT NOT NULL DEFAULT '',
        codebook_version TEXT NOT NULL DEFAULT '',
        codebook_digest TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX events_by_slot ON events (passage_id, role, coder, event);
    CREATE INDEX events_by_coder ON events (coder, event);
    CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    CREATE TRIGGER events_remain BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    CREATE VIEW slots AS
        SELECT e.* FROM events e JOIN (
            SELECT max(event) AS event FROM events
            GROUP BY passage_id, role, CASE role WHEN 'adjudicator' THEN '' ELSE coder END
        ) last USING (event);
    """,
    """
    CREATE TABLE draws (
        draw INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        coder TEXT NOT NULL,
        seed INTEGER NOT NULL,
        stratum TEXT NOT NULL,
        n INTEGER NOT NULL,
        population INTEGER NOT NULL
    );
    CREATE TABLE drawn (
        place INTEGER PRIMARY KEY AUTOINCREMENT,
        draw INTEGER NOT NULL REFERENCES draws,
        passage_id TEXT NOT NULL UNIQUE,
        stratum TEXT NOT NULL
    );
    CREATE TRIGGER draws_stay BEFORE UPDATE ON draws BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    CREATE TRIGGER draws_remain BEFORE DELETE ON draws BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    """,
)


def migrate(con: sqlite3.Connection, path: Path) -> None:
    """Bring a database to the last version, each step whole or not at all.

    Raises:
        ScaError: it was written by a newer version.
    """
    version = int(con.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise ScaError(f"{path}: written by a newer sca_nlp (journal version {version}); update this one")
    while version < len(MIGRATIONS):
        con.execute("BEGIN IMMEDIATE")
        try:  # asked again: another process may have been first
            version = int(con.execute("PRAGMA user_version").fetchone()[0])
            if version < len(MIGRATIONS):
                for statement in _statements(MIGRATIONS[version]):
                    con.execute(statement)
                version += 1
                con.execute(f"PRAGMA user_version = {version}")
            con.execute("COMMIT")
        except BaseException:
            if con.in_transaction:
                con.execute("ROLLBACK")
            raise


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; a trigger's body is no statement of its own."""
    statement = ""
    for part in script.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n;"):
                yield statement
            statement = ""
