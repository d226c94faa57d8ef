"""A chronology as people write it: names of states, dates in words, decimal commas, any encoding."""

from __future__ import annotations

from pathlib import Path

import pytest

from sca_nlp.read.deeds import read_deeds
from sca_nlp.records import MANIFESTATIONS, Reject

HEAD = "Date;Source;Target;Manifestation;Sign;Magnitude;Verbal;Description\n"
KIND = next(iter(MANIFESTATIONS))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_names_dates_and_decimal_commas(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "own.csv"
    rows = (
        f"12 March 1971;West Germany;Soviet Union;{KIND};1;1,5;no;Größe\n"
        f"1972;NVL;NATO;{KIND};-1;2;no;own actors stay\n"
        f"1/2/1973;FRA;DEU;{KIND};1;1;no;day or month first?\n"
    )
    path.write_text(HEAD + rows, encoding=encoding)
    rejects: list[Reject] = []
    deeds = read_deeds("chronology", path, rejects=rejects).deeds.to_pylist()
    assert [(d["date"], d["source"], d["target"], d["magnitude"]) for d in deeds] == [
        ("1971-03-12", "DEU", "RUS", 1.5),
        ("1972", "NVL", "NATO", 2.0),
    ]
    assert deeds[0]["description"] == "Größe"
    assert [(r.line, r.reason.split(";")[0]) for r in rejects] == [(4, "date is '1/2/1973'")]
