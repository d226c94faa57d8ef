from __future__ import annotations

from pathlib import Path

import pytest

from sca_nlp.classify.folder import load_model, write_folder
from sca_nlp.codebook import default_codebook
from sca_nlp.errors import InputError
from sca_nlp.share import share_path
from training.packing import plain_decision

BOOK = default_codebook()


def build(path: Path, text: str) -> str:
    write_folder(
        path,
        meta={"id": "words-1", "kind": "lexicon"},
        codebook_bytes=share_path("configs", "codebook.toml").read_bytes(),
        decision=plain_decision(BOOK),
        texts={"lexicon.toml": text},
    )
    return str(path)


def test_terms_code_and_negators_turn_them(tmp_path: Path) -> None:
    model = load_model(build(tmp_path / "m", 'negators = ["no", "not"]\n[terms]\n"TP+" = ["threat(?:s|en)?"]\n'))
    texts = ["They are a THREAT.", "They are no threat.", "A treatise.", ""]
    assert model.decide(model.predict(texts).probabilities) == [("TP+",), ("TP-",), (), ()]


@pytest.mark.parametrize(
    "text",
    [
        '[terms]\n"XX" = ["a"]',
        '[terms]\n"TP+" = ["("]',
        "not toml",
        "terms = 1",
        '[terms]\n"TP+" = "threat"',
        "x = " + "[" * 9000,
        *(f"[terms]\n\"TP+\" = ['{t}']" for t in (r"(a+)+$", r"(?:a|a)*b+c", r"(\w+\s*)*!", r"a*a*a*a*b", r"(a)\1")),
    ],
)
def test_bad_lexica_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"lexicon\.toml"):
        load_model(build(tmp_path / "m", text))
