from __future__ import annotations

import pytest

from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.read.columns import match_columns, plain_name


def match(found, columns=None, required=()):
    return match_columns(found, columns, where="a.csv", required=required)


@pytest.mark.parametrize(
    ("found", "field"),
    [
        ("speech_id", "speech_id"),
        ("doc_id", "speech_id"),
        ("id", "speech_id"),
        ("DATE", "date"),
        ("Year", "date"),
        ("country", "source"),
        ("Country ISO3", "source"),
        ("source", "source"),
        ("\ufeffText", "text"),
        ("source_url", "url"),
        ("URL", "url"),
        ("doc_type", "kind"),
        ("speaker_post", "office"),
        ("Language", "language"),
    ],
)
def test_common_names_are_understood(found, field):
    assert match([found]) == {field: found}


def test_source_url_is_not_the_source():
    assert match(["source_url", "text"]) == {"url": "source_url", "text": "text"}


def test_code_goes_before_name_and_country_before_source():
    assert match(["source", "country", "country_iso3"])["source"] == "country_iso3"
    assert match(["source", "country"])["source"] == "country"
    assert match(["year", "date"])["date"] == "date"


def test_mapping_goes_before_common_names_and_takes_common_names_as_keys():
    found = ["text", "body", "Land", "country"]
    assert match(found, {"text": "body", "country": "land"}) == {"text": "body", "source": "Land"}


def test_missing_text_column_lists_the_columns_and_the_nearest():
    with pytest.raises(InputError, match=r"no text column \(columns found: id, body\).*nearest: 'body'"):
        match(["id", "body"], required=("text",))
    with pytest.raises(InputError, match="nearest: 'texts'"):
        match(["id", "texts"], required=("text",))


def test_mapping_to_a_column_that_is_not_there():
    with pytest.raises(InputError, match=r"no column 'bdy'.*nearest: 'body'"):
        match(["id", "body"], {"text": "bdy"})


def test_mapping_of_an_unknown_field():
    with pytest.raises(UnknownNameError, match="did you mean 'speaker'"):
        match(["who"], {"speeker": "who"})


def test_plain_name():
    assert plain_name("\ufeff Country-ISO3 ") == "country_iso3"


def test_a_missing_column_names_the_option_that_mends_it():
    with pytest.raises(InputError, match=r"--column text=Rede, in a config columns = \{ text = \"Rede\" \}"):
        match(["Nr", "Datum", "Rede"], required=("text",))
    with pytest.raises(InputError, match=r"--column date='speech date'.*; one value for all: --default date=1985"):
        match(["text", "speech date"], required=("date",))
