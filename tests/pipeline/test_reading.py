from __future__ import annotations

from pathlib import Path

import pytest

from sca_nlp.config import SpeechesSection
from sca_nlp.errors import InputError
from sca_nlp.pipeline.reading import read
from sca_nlp.read.speeches import ReadReport
from sca_nlp.records import Reject
from sca_nlp.share import share_path

GOOD = "id,date,country,text\na,1999,FRA,Peace with Poland.\nb,2001,USA,Peace with Spain.\n"


def test_a_bad_file_among_good_ones_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(GOOD)
    (tmp_path / "bad.csv").write_text("x,y\n1,2\n")
    sections = [SpeechesSection(str(tmp_path / n)) for n in ("bad.csv", "good.csv")]
    rejects: list[Reject] = []
    assert [s.speech_id for s in read(sections, rejects.append, leave_out=True)] == ["a", "b"]
    assert "file left out" in rejects[0].reason
    with pytest.raises(InputError, match="no text column"):
        list(read(sections, rejects.append))
    with pytest.raises(InputError, match="no text column"):
        list(read(sections[:1], rejects.append, leave_out=True))


def test_speeches_passed_over_are_told(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(GOOD)
    report = ReadReport()
    section = SpeechesSection(str(tmp_path / "good.csv"), sources=("FRA",))
    assert len(list(read([section], lambda r: None, report=report))) == 1
    assert "1 of 2 speeches passed over" in report.notes[-1]


def test_sources_are_known_by_the_names_of_own_actors(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("id,date,country,text\na,1999,Norvale,x\nb,1999,Neverland,x\n")
    files = [str(share_path("corpus", "sample", "actors.toml"))]
    sections = [SpeechesSection(str(tmp_path / "own.csv"))]
    assert [s.source for s in read(sections, lambda r: None, actor_files=files)] == ["NVL", "Neverland"]


def test_first_and_last_compare_dates_by_what_both_say(tmp_path: Path) -> None:
    dates = ["1998-12", "1999", "1999-03-11", "1999-03-12", "2001-05", "2001-06-01"]
    rows = "".join(f"s{k},{d},FRA,Peace.\n" for k, d in enumerate(dates))
    (tmp_path / "a.csv").write_text("id,date,country,text\n" + rows)
    section = SpeechesSection(str(tmp_path / "a.csv"), first="1999-03-12", last="2001-05")
    found = [s.date for s in read([section], lambda r: None)]
    assert found == ["1999", "1999-03-12", "2001-05"]
