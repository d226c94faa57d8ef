"""What stages hand on: frames, and notes in the manifest."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sca_nlp.errors import InputError
from sca_nlp.pipeline.frames import note, read_frame, write_frame
from sca_nlp.store import read_manifest


def test_a_frame_comes_back_without_its_index(tmp_path: Path) -> None:
    frame = pd.DataFrame({"source": ["A", "B"], "estimate": [0.5, None]})
    write_frame(tmp_path / "compare" / "gap.parquet", frame[::-1])
    pd.testing.assert_frame_equal(
        read_frame(tmp_path / "compare" / "gap.parquet", "sca compare"), frame[::-1].reset_index(drop=True)
    )


def test_a_frame_that_is_missing_or_damaged_names_the_command_that_makes_it(tmp_path: Path) -> None:
    path = tmp_path / "words.parquet"
    with pytest.raises(InputError, match="not there; wanted the file that `sca aggregate` makes; run that first"):
        read_frame(path, "sca aggregate")
    path.write_bytes(b"half")
    with pytest.raises(InputError, match=r"not readable .*`sca aggregate` makes; run that again"):
        read_frame(path, "sca aggregate")


def test_a_note_leaves_the_rest_of_the_manifest(scored: Path) -> None:
    before = read_manifest(scored)
    note(scored, words={"period": "year"})
    assert read_manifest(scored) == before | {"words": {"period": "year"}}
