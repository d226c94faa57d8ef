"""Where two frames, tables or pages differ is told, whatever the difference."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sca_nlp.pipeline.differences import cells_differ, frames_differ, lines_differ

FRAME = pd.DataFrame({"source": ["A", "B"], "period": ["1999", "2000"], "estimate": [0.5, float("nan")]})


@pytest.mark.parametrize(
    ("theirs", "found"),
    [
        (FRAME, []),
        (FRAME.assign(estimate=[0.5 + 1e-9, float("nan")]), []),  # the last digits are the processor's
        (FRAME.assign(estimate=[0.6, float("nan")]), ["row 1 (A, 1999): estimate is 0.6; recomputed 0.5"]),
        (FRAME.assign(estimate=[0.5, 0.0]), ["row 2 (B, 2000): estimate is 0.0; recomputed nan"]),
        (FRAME.assign(source=["A", "C"]), ["row 2 (B, 2000): source is C; recomputed B"]),
        (FRAME.head(1), ["1 rows; recomputed 2"]),
        (FRAME.drop(columns="period"), ["columns source, estimate; recomputed source, period, estimate"]),
        (None, ["not there"]),
    ],
)
def test_every_way_in_which_a_frame_can_differ_is_told(
    tmp_path: Path, theirs: pd.DataFrame | None, found: list[str]
) -> None:
    if theirs is not None:
        theirs.to_parquet(tmp_path / "theirs.parquet", index=False)
    FRAME.to_parquet(tmp_path / "ours.parquet", index=False)
    assert list(frames_differ(tmp_path / "theirs.parquet", tmp_path / "ours.parquet", lambda n: None)) == found


def test_a_frame_that_the_settings_do_not_make_is_told(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "theirs.parquet", index=False)
    told = frames_differ(tmp_path / "theirs.parquet", tmp_path / "ours.parquet", lambda n: None)
    assert list(told) == ["there, but not made by the recorded settings"]
    assert list(frames_differ(tmp_path / "none", tmp_path / "ours.parquet", lambda n: None)) == []


TABLE = "source,estimate\nA,0.5\nB,\n"


@pytest.mark.parametrize(
    ("theirs", "found"),
    [
        (TABLE, []),
        (TABLE.replace("0.5", "0.50000000001"), []),
        (TABLE.replace("0.5", "0.6"), ["line 2: estimate is '0.6'; recomputed '0.5'"]),
        (TABLE.replace("0.5", "half"), ["line 2: estimate is 'half'; recomputed '0.5'"]),
        (TABLE.replace("B,", "B"), ["line 3: 1 cells; recomputed 2"]),
        (TABLE + "C,1\n", ["3 rows; recomputed 2"]),
        (None, ["not there"]),
    ],
)
def test_every_way_in_which_a_table_can_differ_is_told(tmp_path: Path, theirs: str | None, found: list[str]) -> None:
    if theirs is not None:
        (tmp_path / "theirs.csv").write_text(theirs)
    (tmp_path / "ours.csv").write_text(TABLE)
    assert list(cells_differ(tmp_path / "theirs.csv", tmp_path / "ours.csv")) == found


def test_tables_and_pages_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "ours").write_text(TABLE)
    (tmp_path / "theirs").write_bytes(b"\xff\xfe\x00")
    for told in (
        cells_differ(tmp_path / "theirs", tmp_path / "ours"),
        lines_differ(tmp_path / "theirs", tmp_path / "ours", figures=False),
    ):
        assert [t[:12] for t in told] == ["not readable"]


PAGE = "<p>One.</p>\n<p>Two.</p>\n<code>figures/</code>\n<p>Three.</p>\n"


def test_every_way_in_which_a_page_can_differ_is_told(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.html", tmp_path / "theirs.html"
    ours.write_text(PAGE.replace("<code>figures/</code>\n", ""))

    def told(text: str, *, figures: bool = True) -> list[str]:
        theirs.write_text(text)
        return list(lines_differ(theirs, ours, figures))

    assert told(PAGE) == []  # drawings are not made again
    assert told(PAGE.replace("Two", "2")) == ["line 2: '<p>2.</p>'; recomputed '<p>Two.</p>'"]
    assert told(PAGE, figures=False)[0] == "5 lines; recomputed 4"
    added = told("<p>None.</p>\n" + PAGE)
    assert added == ["5 lines; recomputed 4", "line 1: '<p>None.</p>'; recomputed '<p>One.</p>'"]  # the rest has moved
    theirs.unlink()
    assert list(lines_differ(theirs, ours, figures=True)) == ["not there"]
