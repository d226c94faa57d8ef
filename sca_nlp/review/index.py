"""The index of a run: one DuckDB file for filters and one SQLite file for full text, built once beside the run.

Passages are stored in the order of their dates and speeches, and numbered in that order (`row`): a speech is a range of
rows, and full-text hits are rows too.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError, ScaError
from sca_nlp.store import passage_paths, read_manifest, write_json

#: Raised when the layout of the index changes: an older one is built anew.
LAYOUT = 4
_MEMORY = "400MB"


def review_folder(run: Path) -> Path:
    """Return the folder beside the run's files in which all of the review page's own files lie; made where missing."""
    folder = run / "review"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as e:
        raise ScaError(
            f"{folder}: not writable ({e.strerror or e}); copy the run to where you may write, and review it there"
        ) from None
    return folder


def _shards_digest(run: Path) -> str:
    digest = hashlib.sha256()
    for path in passage_paths(run):
        stat = path.stat()
        digest.update(f"{path.name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def open_index(
    run: Path,
    codebook: Codebook,
    say: Callable[[str], None] = lambda text: None,
    threads: int = 2,
    other: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    """Return a read-only connection to the run's index, built first where it is missing or out of date.

    Args:
        run: the run folder.
        codebook: its codebook.
        say: gets a line before the index is built.
        threads: of DuckDB.
        other: a run of the same speeches by another model, to see where the two disagree. Once given it stays in the
            index.

    Raises:
        InputError: the folder holds no scored passages, or its columns are not the codebook's classes.
    """
    shards = _shards_digest(run)
    folder = review_folder(run)
    note = folder / "index.json"
    try:
        have = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        have = None
    wanted = {
        "layout": LAYOUT,
        "shards": shards,
        "classes": list(codebook.classes),
        "other": _shards_digest(other) if other else (have or {}).get("other", ""),
    }
    index, text = folder / "index.duckdb", folder / "text.sqlite"
    if have != wanted or not index.exists() or not text.exists():
        note.unlink(missing_ok=True)
        say("Building the index of this run (once) ...")
        wanted["other"] = _shards_digest(other) if other else ""
        _build(run, index, text, codebook, other)
        write_json(note, wanted)
    try:
        con = duckdb.connect(
            str(index),
            read_only=True,
            config={"memory_limit": _MEMORY, "threads": str(threads), "lock_configuration": "false"},
        )
    except duckdb.Error as e:
        raise ScaError(
            f"{index}: cannot be opened ({e}); close the other review page on this run, or delete the file"
        ) from None
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
    return con


def _build(run: Path, index: Path, text: Path, codebook: Codebook, other: Path | None) -> None:
    """Write both files under temporary names, then put them in place."""
    new_index, new_text = index.with_suffix(".building"), text.with_suffix(".building")
    for path in (new_index, new_text, Path(f"{new_index}.wal"), Path(f"{new_text}-journal")):
        path.unlink(missing_ok=True)
    con = duckdb.connect(
        str(new_index), config={"memory_limit": "600MB", "threads": "2", "temp_directory": str(index.parent)}
    )
    try:
        con.execute("SET preserve_insertion_order = true")
        _fill(con, run, codebook, other)
        _fill_text(con, new_text)
    finally:
        con.close()
    os.replace(new_index, index)  # noqa: PTH105  (atomic on one disk)
    os.replace(new_text, text)  # noqa: PTH105


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def uncertainty_sql(classes: Sequence[str]) -> str:
    """Return the expression of a passage's uncertainty in [0, 1]: 1 where its most doubtful class stands at 0.5."""
    return "greatest(" + ", ".join(f"1 - abs(2 * {_quote(c)} - 1)" for c in classes) + ")"


def _fill(con: duckdb.DuckDBPyConnection, run: Path, codebook: Codebook, other: Path | None) -> None:
    shards = [str(p) for p in passage_paths(run)]
    speeches = [str(run / "speeches" / Path(p).name) for p in shards]
    classes = codebook.classes
    columns = {r[0] for r in con.execute("DESCRIBE SELECT * FROM read_parquet(?)", [shards]).fetchall()}
    missing = [c for c in ("passage_id", "speech_id", "idx", "text", "codes", "targets", *classes) if c not in columns]
    if missing:
        raise InputError(
            run / "passages", f"no column {missing[0]!r}", f"the classes of codebook {codebook.name} {codebook.version}"
        )
    bits = " + ".join(
        f"CASE WHEN list_contains(codes, {_literal(c)}) THEN {1 << k} ELSE 0 END" for k, c in enumerate(classes)
    )
    # Rare classes weigh more: the surprise of finding one, times its probability.
    means = (
        con.execute(
            "SELECT " + ", ".join(f"avg({_quote(c)})" for c in classes) + " FROM read_parquet(?)", [shards]
        ).fetchone()
        or ()
    )
    from math import log

    rarity = [max(0.0, -log(max(float(m or 0), 1e-4))) for m in means]
    rare = "greatest(" + ", ".join(f"{_quote(c)} * {w:.4f}" for c, w in zip(classes, rarity, strict=True)) + ")"
    pairs = [
        f"least({_quote(classes[a])}, {_quote(classes[b])})"
        for a, b in (g[:2] for g in codebook.groups() if len(g) > 1)
    ]
    torn = "greatest(" + ", ".join([*pairs, "0"]) + ")"
    probabilities = ", ".join(f"coalesce({_quote(c)}, 0)::FLOAT AS {_quote(c)}" for c in classes)
    rival, beside = "NULL::INTEGER", ""
    if other:
        rival = "o.other_mask"
        beside = "LEFT JOIN other o USING (passage_id)"
        con.execute(
            f"CREATE TEMP TABLE other AS SELECT passage_id, ({bits})::INTEGER AS other_mask FROM read_parquet(?)",
            [[str(p) for p in passage_paths(other)]],
        )
    con.execute(
        f"""CREATE TABLE p AS SELECT (row_number() OVER (ORDER BY date, source, speech_id, idx) - 1)::INTEGER AS row,
            passage_id, speech_id, idx, start, "end", text, coalesce(date, '') AS date, coalesce(source, '') AS source,
            coalesce(speaker, '') AS speaker, coalesce(kind, '') AS kind, coalesce(corpus, '') AS corpus,
            coalesce(language, '') AS language, n_windows, actors, targets, codes,
            ({bits})::INTEGER AS mask,
            ({uncertainty_sql(classes)})::FLOAT AS uncertainty, ({rare})::FLOAT AS rare, ({torn})::FLOAT AS torn,
            {rival} AS other_mask,
            (hash(passage_id) / 18446744073709551615.0)::FLOAT AS shuffle, {probabilities}
            FROM read_parquet(?) m {beside} ORDER BY row""",
        [shards],
    )
    con.execute("CREATE INDEX by_id ON p (passage_id)")
    have = {r[0] for r in con.execute("DESCRIBE SELECT * FROM read_parquet(?)", [speeches]).fetchall()}
    more = ", ".join(
        f"coalesce(s.{c}, '') AS {c}" if c in have else f"'' AS {c}" for c in ("office", "title", "venue", "url")
    )
    con.execute(
        f"""CREATE TABLE speech AS SELECT s.speech_id, r.first_row, r.n, {more}, s.text
            FROM read_parquet(?) s JOIN
            (SELECT speech_id, min(row) AS first_row, count(*)::INTEGER AS n FROM p GROUP BY 1) r
            USING (speech_id) ORDER BY first_row""",
        [speeches],
    )
    con.execute("CREATE INDEX by_speech ON speech (speech_id)")
    for field in ("source", "speaker", "corpus", "kind", "language"):
        con.execute(
            f"""CREATE TABLE f_{field} AS SELECT {field} AS value, count(*)::INTEGER AS n FROM p GROUP BY 1
                ORDER BY n DESC, value"""
        )
    con.execute(
        """CREATE TABLE f_target AS SELECT value, count(*)::INTEGER AS n FROM (SELECT unnest(targets) AS value FROM p)
           GROUP BY 1 ORDER BY n DESC, value"""
    )
    con.execute(
        """CREATE TABLE f_dyad AS SELECT source, value AS target, count(*)::INTEGER AS n
           FROM (SELECT source, unnest(targets) AS value FROM p) GROUP BY 1, 2
           ORDER BY n DESC, source, target LIMIT 2000"""
    )


def _fill_text(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write the full-text index: no copy of the text, rows as ids."""
    lite = sqlite3.connect(path)
    try:
        lite.execute("PRAGMA journal_mode = OFF")
        lite.execute("PRAGMA synchronous = OFF")
        lite.execute("PRAGMA cache_size = -65536")
        lite.execute("CREATE VIRTUAL TABLE t USING fts5(text, content='', tokenize='unicode61 remove_diacritics 2')")
        reader = con.execute("SELECT row, text FROM p ORDER BY row")
        while batch := reader.fetchmany(20_000):
            lite.executemany("INSERT INTO t (rowid, text) VALUES (?, ?)", batch)
        lite.execute("INSERT INTO t (t) VALUES ('optimize')")
        lite.commit()
    finally:
        lite.close()


def match_expression(query: str) -> str:
    """Return a full-text expression for what a person typed: words, "phrases", prefix* and -without.

    Nothing in it can be an operator of the search engine: every word is quoted. Empty where no word is left.
    """
    import re

    wanted: list[str] = []
    unwanted: list[str] = []
    for minus, phrase, word in re.findall(r'(-?)(?:"([^"]*)"|([^\s"]+))', query):
        star = "*" if word.endswith("*") else ""
        body = " ".join(re.findall(r"\w+", phrase or word))
        if body:
            (unwanted if minus else wanted).append(f'"{body}"{star}')
    if not wanted:
        return ""
    expression = " AND ".join(wanted)
    return f"({expression}) NOT ({' OR '.join(unwanted)})" if unwanted else expression


def search_rows(folder: Path, query: str, limit: int = 2_000_000) -> Any:
    """Return the rows (int32 array) of the passages that match what a person typed, unordered."""
    import numpy as np

    expression = match_expression(query)
    if not expression:
        return np.empty(0, np.int32)
    lite = sqlite3.connect(f"file:{(folder / 'text.sqlite').resolve()}?mode=ro", uri=True)
    try:
        found = lite.execute("SELECT rowid FROM t WHERE t MATCH ? LIMIT ?", (expression, limit))
        return np.fromiter((r[0] for r in found), np.int32)
    except sqlite3.Error as e:
        raise InputError("search", f"{query!r} ({e})", 'words, "a phrase", begin* or -without') from None
    finally:
        lite.close()


def manifest_facts(run: Path) -> dict[str, str]:
    """Return what each decision is logged under: run id, model digest and name."""
    manifest = read_manifest(run)
    identity = manifest.get("identity", {})
    model = manifest.get("model", {}) if isinstance(manifest.get("model"), dict) else {}
    return {
        "run_id": str(manifest.get("run_id", "")),
        "model_digest": str(identity.get("model", model.get("digest", ""))),
        "model_name": str(model.get("id") or model.get("name") or ""),
    }
