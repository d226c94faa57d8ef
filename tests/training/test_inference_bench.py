from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the torch extra is not installed")

from sca_nlp.classify.tokens import Beside, Window
from tests.classify.test_transformer import build
from training import inference_bench
from training.gemm_bound import Bound, shapes


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


def test_a_neighbours_token_counts_towards_the_bound_where_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bound, "rate", lambda self, shape: 1e9)
    bound = Bound(shapes(6, 8, 32))
    alone, beside = Window([1] * 10), Window([1] * 10, [1] * 40, [1] * 8)

    def tokens(windows: Sequence[Window], looks: Beside) -> float:
        return float(inference_bench._share(bound, windows, 2.0, looks)["tokens_per_sentence"])

    assert tokens([alone], Beside()) == 10
    assert tokens([beside], Beside()) == 10
    assert tokens([alone], Beside(12, 24, 2, 2)) == 10
    # 12 of the 40 before and all 8 after, in two layers of six keys and values, 2 of 12 width^2.
    assert tokens([beside], Beside(12, 24, 2, 2)) == pytest.approx(10 + 20 * 2 / 6 / 6, abs=0.05)
    assert tokens([alone, beside], Beside(12, 24, 2, 2)) == pytest.approx(10 + 10 * 2 / 6 / 6, abs=0.05)
