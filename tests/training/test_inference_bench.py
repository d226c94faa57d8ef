from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the torch extra is not installed")

from tests.classify.test_transformer import build
from training import inference_bench


def test_the_plain_loop_reads_each_sentence_with_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build(tmp_path, lexical=True, most=0.5)[0]
    read: list[tuple[list[str], list[str]]] = []

    def naive(base: str, threads: int) -> Callable[[Sequence[str], Sequence[str]], None]:
        return lambda texts, beside: read.append((list(texts), list(beside)))

    monkeypatch.setattr(inference_bench, "naive", naive)
    monkeypatch.setattr(inference_bench, "_bound", lambda model, threads: None)
    said = [("we talk", "peace", "war"), ("one " * 60, "they talk", ""), ("they threaten us", "", "")]
    found = inference_bench.bench(said, str(folder), rounds=1)
    assert found["tokens_per_sentence_with_neighbours"] > found["tokens_per_sentence"]
    texts, beside = read[1]  # after the first, which only warms up
    assert texts == [t for t, _, _ in said]
    assert len(beside) == 3  # also where a sentence is cut into windows
    assert "peace" in beside[0]
    assert beside[2] == ""
    assert (texts, []) in read  # and once more alone
