"""The real corpora beside the project: counts only; no text of theirs is in the tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sca_nlp.read.speeches import ReadReport, read_speeches

DATA = Path(os.environ.get("SCA_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not (DATA / "speeches").is_dir(), reason="no real data: SCA_DATA is not set"),
]


@pytest.mark.parametrize(
    ("name", "n_read", "n_rejected", "first", "last"),
    [
        ("kremlin_en", 1567, 0, "2007", "2022"),
        ("australia_pm", 2849, 0, "1946", "2018"),
        ("india_pm", 479, 0, "1952", "2014"),
        ("us_presidents_miller", 1004, 0, "1789", "2020"),
        ("us_white_house", 5182, 1, "2021", "2026"),
        ("ungdc", 10952, 0, "1946", "2024"),
    ],
)
def test_counts_of_the_real_tables(name, n_read, n_rejected, first, last):
    rejects = []
    years = [s.date[:4] for s in read_speeches(DATA / "speeches" / f"{name}.parquet", rejects=rejects.append)]
    assert (len(years), len(rejects)) == (n_read, n_rejected)
    assert (min(years), max(years)) == (first, last)


def test_the_published_archive():
    rejects, report = [], ReadReport()
    speeches = list(read_speeches(DATA / "raw" / "ungdc_sessions.tgz", rejects=rejects.append, report=report))
    assert (len(speeches), rejects) == (420, [])
    assert {s.date for s in speeches} == {"1962", "1985", "2007"}
    assert report.encodings == {"utf-8": 420}
    assert sum(bool(s.speaker) for s in speeches) > 400
    import pyarrow.parquet as pq

    ids = set(pq.read_table(DATA / "speeches" / "ungdc.parquet", columns=["doc_id"])["doc_id"].to_pylist())
    assert {s.speech_id for s in speeches} <= ids
