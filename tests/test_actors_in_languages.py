"""Actors in Russian, German, French and Spanish: thirty sentences each, written for the purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from sca_nlp.actors import Gazetteer, languages, load_data
from sca_nlp.errors import InputError
from sca_nlp.records import Speech
from sca_nlp.share import share_path

ROWS = [
    line.split("\t") for line in Path(__file__).with_name("actors_in_languages.tsv").read_text("utf-8").splitlines()
]
LANGUAGES = ("de", "es", "fr", "ru")


@pytest.fixture(scope="module")
def finders() -> dict[str, Gazetteer]:
    return {language: Gazetteer.load(language=language) for language in LANGUAGES}


def test_thirty_sentences_a_language() -> None:
    assert {language: sum(r[0] == language for r in ROWS) for language in LANGUAGES} == dict.fromkeys(LANGUAGES, 30)
    assert set(languages()) == {"en", *LANGUAGES}


@pytest.mark.parametrize(("language", "wanted", "date", "text"), ROWS)
def test_actors_of_a_sentence(finders, language: str, wanted: str, date: str, text: str) -> None:
    assert sorted(finders[language].actors(text, date)) == sorted(wanted.split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_is_in_every_language_as_the_others_have_it(language: str) -> None:
    """A name that the table has is found as it stands; the great powers and organisations are in each."""
    forms = load_data().in_language(language).forms
    codes = {c for f in forms for c in f.codes}
    assert {"RUS", "USA", "GBR", "FRA", "DEU", "CHN", "UKR", "ISR", "NATO", "EU", "UN", "WEST", "AFR"} <= codes
    assert not any("{" in f.text or "@" in f.text for f in forms)


def test_names_keep_their_years(finders) -> None:
    assert finders["ru"].actors("В Белграде началась встреча.", "1975") == ("YUG",)
    assert finders["ru"].actors("Белград ответил отказом.", "2010") == ("SRB",)
    assert finders["fr"].actors("La RDA a signé.", "2005") == ()


def test_english_stays_as_it_was_and_is_what_unknown_languages_get() -> None:
    data = load_data()
    assert data.in_language("en") is data
    assert data.in_language("xx") is data
    assert data.in_language("../ru") is data
    assert Gazetteer.load(language="ru").actors("The United States", "1999") == ()
    assert Gazetteer.load(language="de").actors("Botswana und Merkel", "2010") == ("BWA", "DEU")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[actors]\nXYZ = "Nirgendland"', "XYZ"),
        ('[actors]\nDEU = "Deutsch{@no}"', "endings"),
        ('[actors]\nDEU = "a | b | c | d"', "4 parts"),
    ],
)
def test_a_wrong_table_is_an_input_error(tmp_path: Path, content: str, message: str) -> None:
    for path in share_path("configs", "actors").glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text("utf-8"), encoding="utf-8")
    (tmp_path / "languages").mkdir()
    (tmp_path / "languages" / "de.toml").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        Gazetteer.load(tmp_path, language="de")


def test_a_speech_in_russian_runs_through_a_multilingual_encoder(tmp_path: Path) -> None:
    """The encoder is an invented one of XLM-R's form: what is tested is the way, not the codes."""
    pytest.importorskip("torch", reason="the torch extra is not installed")
    from sca_nlp import pipeline
    from sca_nlp.pipeline.scoring import cut
    from tests.classify.test_transformer import build

    folder, _, _ = build(tmp_path, "xlm-roberta")
    tools = pipeline.load_tools(str(folder), language="ru")
    text = "Расширение НАТО нас тревожит. Мы хотим мира с Соединёнными Штатами."
    made = cut(Speech("s", "2008-01-01", "RUS", text=text, language="ru"), "ru")
    texts = [p.text for p in made.passages]
    assert texts == ["Расширение НАТО нас тревожит.", "Мы хотим мира с Соединёнными Штатами."]
    assert tools.classifier.predict(texts).probabilities.shape == (2, 10)
    assert tools.attributor.actors(texts, ["2008"] * 2) == [("NATO",), ("USA",)]
    assert tools.attributor.digest != pipeline.load_tools(str(folder)).attributor.digest
