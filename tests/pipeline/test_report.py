"""The report of a run as a stage; its pages have their own tests."""

from __future__ import annotations

from pathlib import Path

from sca_nlp import pipeline
from sca_nlp.config import WordsSection
from tests.fakes import fake_tools, speech


def test_a_report_of_a_folder_with_marks_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "what's [new]?" / "run"
    pipeline.score([speech(n) for n in range(3)], folder, fake_tools())
    pipeline.aggregate(folder, WordsSection(dyads=(("USA", "RUS"),), min_passages=1))
    assert "is a threat to us all" in pipeline.report(folder, title="x", dyads=[("USA", "RUS")]).read_text("utf-8")
