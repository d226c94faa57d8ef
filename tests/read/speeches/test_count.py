from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sca_nlp.read.speeches.count import expected_speeches
from sca_nlp.share import share_path


def test_rows_are_counted_where_the_form_allows(tmp_path: Path) -> None:
    sample = str(share_path("corpus", "sample", "speeches.jsonl"))
    pq.write_table(pa.table({"text": ["a", "b"]}), tmp_path / "two.parquet")
    (tmp_path / "broken.parquet").write_text("no")
    (tmp_path / "x.csv").write_text("text\na\n")
    assert expected_speeches([sample, str(tmp_path / "two.parquet")]) == 92
    for other in ("x.csv", "broken.parquet", "*.jsonl", "nothing.jsonl"):
        assert expected_speeches([sample, str(tmp_path / other)]) == 0
