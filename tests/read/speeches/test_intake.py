from __future__ import annotations

import pytest

from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.read.speeches.intake import ReadReport, open_intake

GOOD = {"speech_id": "a", "date": "1999-03", "source": "France", "text": "We hold to our word."}


@pytest.fixture
def rejects():
    return []


@pytest.fixture
def intake(rejects):
    return lambda **options: open_intake("f.csv", None, rejects.append, options.pop("defaults", None), options)


def test_a_good_record(intake):
    speech = intake(corpus="c").speech(GOOD, 3)
    assert (speech.speech_id, speech.date, speech.source, speech.corpus) == ("a", "1999-03", "FRA", "c")


def test_historical_states_depend_on_the_date(intake):
    assert intake().speech(GOOD | {"source": "USSR", "date": "1985"}).source == "RUS"
    assert intake().speech(GOOD | {"source": "West Germany", "date": "1985"}).source == "DEU"


def test_unknown_country_is_rejected_with_the_nearest_or_kept_when_asked(intake, rejects):
    assert intake().speech(GOOD | {"source": "Frnace"}, 3) is None
    assert rejects[0].line == 3
    assert "nearest: 'France'" in rejects[0].reason
    assert intake(keep_unknown_sources=True).speech(GOOD | {"source": "Atlantis"}).source == "Atlantis"
    assert intake(keep_unknown_sources="true").speech(GOOD | {"source": "Atlantis"}).source == "Atlantis"
    assert intake(country_code=lambda value, date: "X" + date).speech(GOOD).source == "X1999"


def test_text_is_never_changed_but_for_what_no_store_can_hold(intake):
    odd = " \u202ea\u200b<script>\r\n=1+1\t\ufeff "
    assert intake().speech(GOOD | {"text": odd}).text == odd
    report = ReadReport()
    text = intake(report=report).speech(GOOD | {"text": "a\x00b\ud800c"}).text
    assert text == "a\ufffdb\ufffdc"  # one for one: offsets hold
    assert report.n_replaced == 1


@pytest.mark.parametrize("text", ["", "  \n", "\u200b", None, float("nan"), 5, ["a"], {"a": 1}])
def test_no_text(intake, rejects, text):
    assert intake().speech(GOOD | {"text": text}) is None
    assert "text" in rejects[0].reason


def test_text_over_the_limit(intake, rejects):
    assert intake(max_record=10).speech(GOOD) is None
    assert "20 characters" in rejects[0].reason


def test_duplicates(intake, rejects):
    desk = intake()
    assert desk.speech(GOOD, 1)
    assert desk.speech(GOOD, 2) is None
    assert desk.speech(GOOD | {"text": "Other."}, 3) is None
    assert desk.speech(GOOD | {"speech_id": "b"}, 4)
    assert ["same text" in r.reason for r in rejects] == [True, False]
    assert "another text" in rejects[1].reason
    report = desk.report
    assert (report.n_read, report.n_rejected, report.n_duplicates, report.n_same_text) == (2, 2, 1, 1)


def test_id_from_content_is_stable_and_tells_records_apart(intake):
    record = GOOD | {"speech_id": ""}
    first = intake().speech(record).speech_id
    assert first == intake().speech(record).speech_id
    assert first != intake().speech(record | {"date": "1998"}).speech_id


def test_fields_are_stripped_and_whole_numbers_lose_their_fraction(intake):
    speech = intake().speech(
        GOOD | {"speech_id": 17.0, "speaker": " A. Minister ", "title": None, "kind": float("nan")}
    )
    assert (speech.speech_id, speech.speaker, speech.title, speech.kind) == ("17", "A. Minister", "", "")


def test_required_fields(intake, rejects):
    assert intake().speech(GOOD | {"date": ""}) is None
    assert intake(required=("text",)).speech(GOOD | {"date": "", "source": ""}).date == ""
    assert intake(defaults={"date": "1990"}).speech(GOOD | {"date": None}).date == "1990"
    with pytest.raises(InputError, match="no source column"):
        intake().match(["text", "date"])
    assert intake(defaults={"source": "FRA"}).match(["text", "date"]) == {"text": "text", "date": "date"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep_unknown": True}, "keep_unknown_sources"),
        ({"defaults": {"sorce": "FRA"}}, "source"),
        ({"required": ("txt",)}, "text"),
    ],
)
def test_unknown_names(intake, options, message):
    with pytest.raises(UnknownNameError, match=f"did you mean '{message}'"):
        intake(**options)


def test_rejects_hold_a_short_storable_excerpt(intake, rejects):
    intake().speech(GOOD | {"date": "\ud800", "text": "x" * 1000})
    assert len(rejects[0].record) <= 200
    rejects[0].reason.encode()
    rejects[0].record.encode()
