"""The run folder: scored passages in Parquet shards, each written whole or not at all, and the manifest that proves it.

A shard is a pair `speeches/part-<digest>.parquet`, `passages/part-<digest>.parquet`, named by the speeches it holds.
Both are written under a temporary name, flushed to disk and renamed, the passages last: a shard counts as done when
its passages are there. Whatever else lies about after a kill is swept away at the next start. The folder may be
local or behind a URL (`places`): what is written and read is the same.
"""

from __future__ import annotations

from sca_nlp.store.check import Check, check_run, store_digest
from sca_nlp.store.files import mendable, read_manifest, write_atomically, write_json, write_table
from sca_nlp.store.run import RunStore
from sca_nlp.store.shard import (
    SPEECH_FIELDS,
    Scored,
    count_rows,
    export_table,
    iter_passages,
    n_passages_of,
    passage_paths,
    passage_schema,
    passage_table,
    read_speech,
    read_speeches_of,
    shard_name,
    shards,
    text_digest,
    write_shard,
    write_speeches,
)

__all__ = [
    "SPEECH_FIELDS",
    "Check",
    "RunStore",
    "Scored",
    "check_run",
    "count_rows",
    "export_table",
    "iter_passages",
    "mendable",
    "n_passages_of",
    "passage_paths",
    "passage_schema",
    "passage_table",
    "read_manifest",
    "read_speech",
    "read_speeches_of",
    "shard_name",
    "shards",
    "store_digest",
    "text_digest",
    "write_atomically",
    "write_json",
    "write_shard",
    "write_speeches",
    "write_table",
]
