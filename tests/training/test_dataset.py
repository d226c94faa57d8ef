from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sca_nlp.codebook import default_codebook
from sca_nlp.errors import InputError
from sca_nlp.records import Annotation
from training.counterfactuals import counterfactuals
from training.dataset import check_leakage, encode_gold, fold_of, folds, make_dataset

BOOK = default_codebook()


def rows(n: int, per_document: int = 3) -> list[Annotation]:
    codes = BOOK.classes
    return [
        Annotation(str(i), f"doc{i // per_document}", 0, 5, f"text {i}", (codes[i % len(codes)],), speaker=f"s{i % 40}")
        for i in range(n)
    ]


@given(st.integers(30, 200), st.integers(2, 5), st.integers(0, 5), st.sampled_from(["document", "speaker"]))
def test_no_group_stands_in_two_folds(n: int, k: int, seed: int, group: str) -> None:
    data = make_dataset(rows(n), BOOK, "x", 0)
    try:
        fold = folds(data, k, seed, group)
    except InputError:
        return
    keys = data.documents if group == "document" else [r.speaker for r in data.rows]
    assert all(len({int(f) for f, key in zip(fold, keys, strict=True) if key == name}) == 1 for name in set(keys))


def test_new_documents_never_move_old_ones() -> None:
    few, many = (folds(make_dataset(rows(n), BOOK, "x", 0), 3) for n in (60, 300))
    np.testing.assert_array_equal(few, many[:60])
    assert fold_of("a", 3, 0) == fold_of("a", 3, 0)


def test_too_few_examples_name_the_class() -> None:
    short = [r for r in rows(100) if r.codes != ("FO-",)] + rows(10)[9:]
    with pytest.raises(InputError, match=r"too few examples \(FO- 1\)"):
        make_dataset(short, BOOK, "x", 8)


def test_unknown_codes_and_empty_texts_are_refused() -> None:
    with pytest.raises(InputError, match="XX"):
        encode_gold([Annotation("1", "d", 0, 1, "t", ("XX+",))], BOOK)
    with pytest.raises(InputError, match="without text"):
        make_dataset([Annotation("1", "d", 0, 1, " ", ())], BOOK, "x", 0)
    with pytest.raises(InputError, match="no annotated"):
        make_dataset([], BOOK, "x")


def test_leakage_is_caught() -> None:
    a = make_dataset(rows(30), BOOK, "x", 0)
    with pytest.raises(InputError, match="doc9"):
        check_leakage(a.take(np.arange(0, 28)), a.take(np.arange(28, 30)), "test")
    check_leakage(a.take(np.arange(0, 27)), a.take(np.arange(27, 30)), "test")


def test_templates_are_filled_and_keep_to_the_codebook() -> None:
    made = counterfactuals(BOOK, 2)
    assert len(made) > 200
    assert not any("{" in a.text for a in made)
    assert {c for a in made for c in a.codes} == set(BOOK.classes)
    assert [a.text for a in made] == [a.text for a in counterfactuals(BOOK, 2)]


def test_a_share_of_the_rows_is_the_same_ones_whatever_stands_beside_them() -> None:
    few, many = (make_dataset(rows(n), BOOK, "x", 0) for n in (500, 2000))
    np.testing.assert_array_equal(few.share(0.3), many.share(0.3)[:500])
    assert 0.25 < many.share(0.3).mean() < 0.35
    assert many.share(1.0).all()
    assert not many.share(0.0).any()
    assert (many.share(0.3) & ~many.share(0.6)).sum() == 0
