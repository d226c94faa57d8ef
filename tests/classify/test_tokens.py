"""Tokens as the tokenizers library reads them, whichever way is quickest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sca_nlp.classify.tokens import Beside, Tokens, plain_normalizer
from tests.classify.tiny import tokenizer_json

SHIPPED = Path(__file__).parents[2] / "models" / "minilm" / "tokenizer.json"


@pytest.fixture(scope="module")
def both() -> tuple[Tokens, object]:
    from tokenizers import Tokenizer

    text = SHIPPED.read_text(encoding="utf-8")
    library = Tokenizer.from_str(text)
    library.no_padding()
    library.no_truncation()
    return Tokens(text, 128), library


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.one_of(st.text(st.characters(min_codepoint=32, max_codepoint=126)), st.text(), st.just("Naïve\tTREATIES")),
        max_size=6,
    )
)
def test_reads_what_the_library_reads(both: tuple[Tokens, object], texts: list[str]) -> None:
    tokens, library = both
    found = tokens.read(texts)
    assert set(found) == {"", *texts}
    for text, ids in found.items():
        assert ids == library.encode(text, add_special_tokens=False).ids, repr(text)  # type: ignore[attr-defined]


def test_every_printable_ascii_character_is_read_as_the_library_reads_it(both: tuple[Tokens, object]) -> None:
    tokens, library = both
    texts = [f"{mark}{chr(n)}{mark}" for n in range(32, 127) for mark in ("", "a", " ", "A9")]
    for text, ids in tokens.read(texts).items():
        assert ids == library.encode(text, add_special_tokens=False).ids, repr(text)  # type: ignore[attr-defined]


def test_the_short_way_is_for_bert_alone() -> None:
    spec = json.loads(tokenizer_json())
    assert plain_normalizer(spec)["normalizer"] == {"type": "Lowercase"}  # type: ignore[index]
    spec["normalizer"]["lowercase"] = False
    assert plain_normalizer(spec)["normalizer"] is None  # type: ignore[index]
    for other in ({"type": "NFKC"}, None):
        assert plain_normalizer(spec | {"normalizer": other}) is None
    assert Tokens(json.dumps(spec | {"normalizer": None}), 16).read(["the treaty"])["the treaty"]


def test_a_cased_tokenizer_keeps_case() -> None:
    spec = json.loads(tokenizer_json())
    spec["normalizer"]["lowercase"] = False
    found = Tokens(json.dumps(spec), 16).read(["treaty", "Treaty"])
    assert found["treaty"] != found["Treaty"]


def test_what_is_read_already_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens(tokenizer_json(), 16, Beside(before=4, after=4, layers_alone=1, layers_beside=1))
    rows = ["we keep the treaty"], ["they break the law"], ["never use force"]
    known, wanted = tokens.read(*rows), tokens(*rows)
    monkeypatch.setattr(tokens, "_encode", None)
    assert tokens(*rows, known=known) == wanted
    assert wanted[0][0].before
    assert wanted[0][0].after
    assert tokens(rows[0], [""], [""], known=known)[0][0].before == []  # a neighbour may be left out later
