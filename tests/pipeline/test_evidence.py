"""Passages behind a cell of words."""

from __future__ import annotations

import pandas as pd

from sca_nlp import pipeline
from sca_nlp.config import read_config
from sca_nlp.pipeline.evidence import evidence


def test_evidence_names_passages_of_the_cell(sample: pipeline.RunSummary) -> None:
    files = read_config(sample.folder / "config.toml").actors.files
    found = evidence(sample.folder, [("NVL", "EMK")], "year", pipeline.members_function(files))
    assert found
    ids = {i for ids in found.values() for i in ids}
    stored = pd.concat(pd.read_parquet(p) for p in (sample.folder / "passages").glob("*.parquet")).set_index(
        "passage_id"
    )
    rows = stored.loc[sorted(ids)]
    assert set(rows["source"]) == {"NVL"}
    assert all("EMK" in t for t in rows["targets"])
    assert max(map(len, found.values())) <= 5
