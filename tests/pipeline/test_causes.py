"""Why numbers differ: those that somebody altered, those that another program or other libraries make."""

from __future__ import annotations

from typing import Any

import pytest

from sca_nlp.pipeline.causes import CAUSES, advice, cause_of, code_told, file_cause, gravest

OURS = {"version": "1.0", "code": "a" * 64, "commit": "c" * 40, "libraries": {"numpy": "2.4.6", "scipy": "1.17.1"}}
OTHER_CODE = OURS | {"code": "b" * 64}
OTHER_NUMPY = OURS | {"libraries": {"numpy": "2.5.0", "scipy": "1.17.1"}}


@pytest.mark.parametrize(
    ("kept", "cause", "told"),
    [
        (None, "unknown", "does not say"),
        ({}, "unknown", "does not say"),
        ([], "unknown", "does not say"),
        (OURS | {"code": ""}, "unknown", "does not say"),
        (OURS | {"libraries": None}, "unknown", "does not say"),
        (OURS, "altered", "the same code and libraries"),
        (OURS | {"commit": "", "version": "0.9"}, "altered", "the same code"),  # the digest tells, not the names
        (OTHER_NUMPY, "other libraries", "(numpy 2.5.0, now 2.4.6)"),
        (OURS | {"libraries": {"numpy": "2.4.6"}}, "other libraries", "(scipy none, now 1.17.1)"),
        (OTHER_CODE, "other code", f"(sca_nlp 1.0, code {'b' * 12}; now sca_nlp 1.0, code {'a' * 12})"),
        (OTHER_CODE | {"libraries": OTHER_NUMPY["libraries"]}, "other code", "on other libraries (numpy 2.5.0, now"),
    ],
)
def test_the_cause_follows_from_what_was_kept(kept: Any, cause: str, told: str) -> None:
    assert cause_of(kept, OURS) == cause
    assert told in code_told(kept, OURS)


def test_the_advice_fits_the_cause() -> None:
    assert "`git checkout cccccccccccc`" in advice("other code", OTHER_CODE)
    assert "that version" in advice("other code", OTHER_CODE | {"commit": "; rm -r"})
    assert "install the versions" in advice("other libraries", OTHER_NUMPY)
    assert "unaltered copy" in advice("altered", OURS)
    assert "from then on the run says" in advice("unknown", None)
    assert advice("made again", None) == "make the report again with `sca report`"


def test_a_file_that_changed_since_the_report_was_altered_or_made_again() -> None:
    kept = OURS | {"files": {"words.parquet": "d"}}
    assert file_cause("words.parquet", "d", kept) == "made again"
    assert file_cause("words.parquet", "e", kept) == "altered"
    assert file_cause("words.parquet", None, kept) == "altered"  # gone
    assert file_cause("words.parquet", "d", {}) == "unknown"  # of a run that kept nothing
    assert file_cause("config.toml", "d", None) == "altered"  # of no stage
    assert gravest([]) == ""
    assert gravest(["other libraries", "unknown", ""]) == "unknown"
    assert gravest(list(reversed(CAUSES))) == "altered"
