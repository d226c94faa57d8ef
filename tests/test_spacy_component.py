"""The spaCy component: in any pipeline that cuts sentences, drawn by displaCy, kept through bytes."""

from __future__ import annotations

import doctest
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import spacy
from spacy import displacy
from spacy.tokens import Doc

from sca_nlp import spacy_component
from sca_nlp.errors import InputError
from sca_nlp.spacy_component import Indicators, displacy_options, set_extensions
from tests.fakes import fake_tools

TEXT = "Russia is a threat to us all. They are our friends, and no threat. Trade grew."


@pytest.fixture
def nlp():
    set_extensions()
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    component = Indicators(fake_tools(), "USA")
    spacy.language.Language.component("fake_indicators", func=component)
    nlp.add_pipe("fake_indicators")
    return nlp


def test_examples_in_docstrings() -> None:
    found = doctest.testmod(spacy_component)
    assert found.attempted > 0
    assert found.failed == 0


def test_sets_sentence_and_document_extensions_and_spans(nlp) -> None:
    doc = nlp(TEXT)
    assert [s._.sca_codes for s in doc.sents] == [("TP+",), ("TP+", "SS+"), ()]
    assert [s._.sca_targets for s in doc.sents] == [("RUS",), ("RUS",), ()]
    first = next(iter(doc.sents))._.sca_probabilities
    assert first["TP+"] == pytest.approx(0.9)
    assert [(s.label_, s.start_char) for s in doc.spans["sca"]] == [("TP+", 0), ("TP+", 30), ("SS+", 30)]
    frame = pd.DataFrame(doc._.sca)
    assert frame["text"].tolist() == [s.text for s in doc.sents]
    assert frame["codes"].tolist()[1] == ["TP+", "SS+"]
    html = displacy.render(doc, style="span", options={"spans_key": "sca"}, jupyter=False)
    assert html.count("SS+") == 1


def test_many_documents_as_one_and_empty_ones(nlp) -> None:
    texts = [TEXT, "", "One of our friends."] * 3
    component = Indicators(fake_tools())
    plain = spacy.blank("en")
    plain.add_pipe("sentencizer")
    piped = list(component.pipe(plain.pipe(texts), batch_size=4))
    assert [d._.sca for d in piped] == [nlp(t)._.sca for t in texts]
    assert component.tools.classifier.n_calls == 3


def test_survives_bytes(nlp) -> None:
    doc = nlp(TEXT)
    again = Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert pd.DataFrame(again._.sca).equals(pd.DataFrame(doc._.sca))
    assert [s.label_ for s in again.spans["sca"]] == ["TP+", "TP+", "SS+"]


def test_without_sentences_it_says_what_is_wanted() -> None:
    doc = spacy.blank("en")(TEXT)
    with pytest.raises(InputError, match="sca_sentences"):
        Indicators(fake_tools())(doc)


WORDS = [
    ("Russia is a threat .", "Trade grew fast ."),
    ("We met .", "They are friends ."),
    ("Peace is near .", "All is well ."),
]


def trained_senter():
    """Return a pipeline whose `senter` has learned where the sentences above begin."""
    from spacy.training import Example

    nlp = spacy.blank("en")
    nlp.add_pipe("senter")
    examples = []
    for first, second in WORDS:
        words = f"{first} {second}".split()
        starts = [k in (0, len(first.split())) for k in range(len(words))]
        gold = Doc(nlp.vocab, words=words, sent_starts=starts)
        examples.append(Example(nlp.make_doc(gold.text), gold))
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    return nlp


def test_works_after_a_senter() -> None:
    doc = Indicators(fake_tools(), "USA")(trained_senter()(" ".join(WORDS[0])))
    assert [s.text for s in doc.sents] == list(WORDS[0])
    assert [s._.sca_codes for s in doc.sents] == [("TP+",), ()]


def test_works_on_the_sentences_of_a_parse() -> None:
    """A parser leaves heads, and spaCy takes the sentences from them."""
    words = " ".join(WORDS[0]).split()
    heads = [1, 1, 3, 1, 1, 6, 6, 6, 6]
    deps = ["ROOT" if head == k else "dep" for k, head in enumerate(heads)]
    doc = Doc(spacy.blank("en").vocab, words=words, heads=heads, deps=deps)
    assert doc.has_annotation("DEP")
    doc = Indicators(fake_tools(), "USA")(doc)
    assert [s._.sca_codes for s in doc.sents] == [("TP+",), ()]
    assert [s.label_ for s in doc.spans["sca"]] == ["TP+"]


@pytest.mark.parametrize(
    ("blank", "language", "wanted"),
    [("de", "", ("RUS",)), ("xx", "de", ("RUS",)), ("de", "en", ()), ("xx", "", ())],
)
def test_names_are_those_of_the_pipelines_language_unless_told(blank: str, language: str, wanted: tuple[str]) -> None:
    nlp = spacy.blank(blank)
    nlp.add_pipe("sca_sentences")
    component = nlp.add_pipe("sca_indicators", config={"model": "lexicon", "threads": 1, "language": language})
    found = component.tools.attributor.actors(["Russland bedroht seine Nachbarn."], ["1999"])
    assert [tuple(f) for f in found] == [wanted]


def test_a_pipeline_is_kept_on_disk(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("sca_sentences")
    nlp.add_pipe("sca_indicators", config={"model": "linear", "threads": 1, "source": "USA"})
    coded = nlp("Iraq has attacked Kuwait.")._.sca
    assert coded[0]["codes"] == ["TP+"]
    nlp.to_disk(tmp_path / "nlp")
    again = spacy.load(tmp_path / "nlp")
    assert again("Iraq has attacked Kuwait.")._.sca == coded


def test_displacy_draws_what_speaks_for_and_against_in_two_colours(nlp) -> None:
    html = displacy.render(nlp(TEXT), style="span", options=displacy_options(), jupyter=False)
    colours = displacy_options()["colors"]
    assert colours["TP+"] != colours["SS+"] == colours["TP-"]
    assert colours["TP+"] in html
    assert colours["SS+"] in html


def test_packaged_as_an_entry_point() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    groups = project["project"]["entry-points"]["spacy_factories"]
    assert groups["sca_indicators"] == "sca_nlp.spacy_component:make_indicators"
    assert "sca_sentences" in groups
