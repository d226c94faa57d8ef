"""What stages and reports keep of their settings, damaged or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from sca_nlp.errors import InputError
from sca_nlp.pipeline.made_by import LIBRARIES, made_by
from sca_nlp.pipeline.recipe import RECIPE, keep_recipe, read_recipe, read_report_manifest


def test_a_stage_keeps_by_what_it_was_made_and_what_it_wrote(tmp_path: Path) -> None:
    (tmp_path / "words.parquet").write_bytes(b"words")
    keep_recipe(tmp_path, "aggregate", seed=1)
    kept = read_recipe(tmp_path)["aggregate"]
    assert kept["seed"] == 1
    assert set(kept["made_by"].pop("files")) == {"words.parquet"}
    assert kept["made_by"] == made_by("aggregate")
    assert set(kept["made_by"]["libraries"]) == {"python", "machine", *LIBRARIES}


@pytest.mark.parametrize(
    ("content", "message"), [("[1]", "no object"), ("{", "not readable"), ("\x80", "not readable")]
)
def test_a_damaged_recipe_says_what_it_is_for(scored: Path, content: str, message: str) -> None:
    assert read_recipe(scored) == {}
    (scored / RECIPE).write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=f"{message}.*the settings that the stages kept; run `sca run` again"):
        read_recipe(scored)


def test_a_folder_without_a_report_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not there; wanted a report's folder, as `sca report` makes it"):
        read_report_manifest(tmp_path)
    (tmp_path / "report.json").write_text('{"run": ".."}')
    with pytest.raises(InputError, match="no manifest of a report"):
        read_report_manifest(tmp_path)
