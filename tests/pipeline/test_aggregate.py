"""Series of words of a run: both directions, every period, what a config asks for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from sca_nlp import pipeline
from sca_nlp.config import WordsSection
from sca_nlp.errors import InputError
from tests.fakes import fake_tools, speech

WORDS = WordsSection(dyads=(("USA", "RUS"),), min_passages=1)


def test_series_have_both_directions_and_every_year(sample: pipeline.RunSummary) -> None:
    words = pd.read_parquet(sample.folder / "words.parquet")
    balance = words[(words["measure"] == "balance") & (words["indicator"] == "all")]
    assert set(zip(balance["source"], balance["target"], strict=True)) == {("NVL", "EMK"), ("EMK", "NVL")}
    assert set(balance["period"]) == {str(y) for y in range(1991, 2013)}
    shown = balance[~balance["hidden"]]
    assert (shown["low"] <= shown["estimate"]).all()
    assert (shown["estimate"] <= shown["high"]).all()


def test_first_last_and_an_audit_of_coders_are_heeded(scored: Path, tmp_path: Path) -> None:
    pipeline.score([speech(n, date=f"{1990 + n}") for n in range(5, 9)], scored, fake_tools())
    pipeline.aggregate(scored, replace(WORDS, first="1996", last="1998"))
    assert set(pq.read_table(scored / "words.parquet")["period"].to_pylist()) == {"1996", "1997", "1998"}
    passages = pq.read_table(next((scored / "passages").glob("*.parquet"))).slice(0, 6).to_pylist()
    lines = [
        {k: p[k] for k in ("speech_id", "text", "start", "end")} | {"codes": p["codes"], "coder": "ada"}
        for p in passages
    ]
    audit = tmp_path / "audit.jsonl"
    audit.write_text("".join(json.dumps(line | {"stream": "audit"}) + "\n" for line in lines))
    pipeline.aggregate(scored, replace(WORDS, audit=str(audit)))
    assert "adjusted" in set(pq.read_table(scored / "words.parquet")["method"].to_pylist())
    audit.write_text("".join(json.dumps(line | {"stream": "active"}) + "\n" for line in lines))
    with pytest.raises(InputError, match="no annotation of the audit stream"):
        pipeline.aggregate(scored, replace(WORDS, audit=str(audit)))


def test_a_column_that_is_asked_for_and_lacking_is_no_reason_to_take_all(scored: Path) -> None:
    from sca_nlp.aggregate import words

    shard = next((scored / "passages").glob("*.parquet"))
    assert words([shard], dyads=[("USA", "RUS")], min_passages=1, kinds=["speech"]).left_out["filtered"] == 9
    pq.write_table(pq.read_table(shard).drop_columns(["kind"]), shard)
    assert len(words([shard], dyads=[("USA", "RUS")], min_passages=1).series)
    with pytest.raises(InputError, match="no column 'kind'"):
        words([shard], dyads=[("USA", "RUS")], min_passages=1, kinds=["speech"])
