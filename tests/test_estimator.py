"""The scikit-learn classifier: in pipelines, grid search, folds by speech, and by scikit-learn's own checks."""

from __future__ import annotations

import doctest
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks as checks

from sca_nlp import estimator
from sca_nlp.codebook import default_codebook
from sca_nlp.estimator import SecurityIndicators

CLASSES = default_codebook().classes
THREAT = ["They attack our border", "Their army attacks", "They threaten to attack"]
FRIEND = ["We are friends for ever", "Dear friends, one family", "Our friends stand with us"]
PLAIN = ["Trade grew", "We met on Monday", "The budget is balanced"]
TEXTS = [f"{t} {k}." for k in range(4) for t in THREAT + FRIEND + PLAIN]
CODES = [c for _ in range(4) for c in [["TP+"]] * 3 + [["SS+"]] * 3 + [[]] * 3]
Y = SecurityIndicators.matrix(CODES)
SPEECH = np.repeat(np.arange(4), 9)


def coder(**options) -> SecurityIndicators:
    return SecurityIndicators(C=100.0, **options)


def test_examples_in_docstrings() -> None:
    found = doctest.testmod(estimator)
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("X", [TEXTS, np.array(TEXTS), np.array(TEXTS, dtype=object), pd.Series(TEXTS)])
def test_learns_what_there_is_to_learn(X) -> None:
    fitted = coder().fit(X, Y)
    assert tuple(fitted.classes_) == CLASSES
    assert (fitted.predict(X) == Y).all()
    assert fitted.codes(["They attack!"]) == [("TP+",)]
    assert fitted.score(X, Y) == 1.0
    p = fitted.predict_proba(X)
    assert p.shape == (len(TEXTS), 10)
    assert ((p >= 0) & (p <= 1)).all()


def test_codes_and_their_matrix_are_the_same_target() -> None:
    left, right = coder().fit(TEXTS, CODES), coder().fit(TEXTS, Y)
    np.testing.assert_array_equal(left.predict_proba(TEXTS), right.predict_proba(TEXTS))
    assert left.score(TEXTS, CODES) == 1.0


def test_at_most_one_value_of_an_indicator() -> None:
    y = np.array([[1, 1], [1, 1], [1, 0], [0, 0]])
    fitted = SecurityIndicators(classes=["TP+", "TP-"], threshold=0.01).fit(["a b", "a b", "a c", "d"], y)
    assert (fitted.predict_proba(["a b"]) > 0.01).all()
    assert fitted.predict(["a b", "a c"]).sum(axis=1).tolist() == [1, 1]


def test_in_a_pipeline_with_grid_search_and_folds_by_speech() -> None:
    folds = GroupKFold(4)
    pipeline = make_pipeline(FunctionTransformer(lambda X: [t.lower() for t in X]), coder())
    p = cross_val_predict(pipeline, TEXTS, Y, groups=SPEECH, cv=folds, method="predict_proba")
    assert p.shape == Y.shape
    assert ((p > 0.5) == Y).all()
    search = GridSearchCV(coder(), {"C": [0.01, 100.0]}, cv=folds).fit(TEXTS, Y, groups=SPEECH)
    assert search.best_params_ == {"C": 100.0}
    assert search.best_score_ == 1.0


def test_a_shipped_models_scores_join_the_features() -> None:
    alone, helped = coder().fit(TEXTS, Y), coder(model="linear").fit(TEXTS, Y)
    assert helped.heads_[0].coef_.shape[1] == alone.heads_[0].coef_.shape[1] + len(CLASSES)
    assert (helped.predict(TEXTS) == Y).all()
    again = pickle.loads(pickle.dumps(helped))
    np.testing.assert_array_equal(again.predict_proba(TEXTS[:3]), helped.predict_proba(TEXTS[:3]))


def test_a_class_that_a_fold_lacks_has_its_share_as_probability() -> None:
    fitted = coder().fit(TEXTS, Y)
    never = CLASSES.index("FO-")
    assert fitted.heads_[never] == 0.0
    assert not fitted.predict_proba(TEXTS)[:, never].any()


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ("one text", [[1]], "one text"),
        ([["a"], ["b"]], [[1], [0]], "is list; wanted a text"),
        (np.array([["a"], ["b"]]), np.array([[1], [0]]), "one column"),
        (["a", float("nan")], np.array([[1], [0]]), r"X\[1\] is float"),
        (["a", "b"], np.array([[1]]), "inconsistent numbers of samples"),
        ([], np.zeros((0, 1)), "0 sample"),
        (["a", "b"], [1, 0], "indicator matrix"),
        (["a", "b"], np.array([[2], [0]]), "indicator matrix"),
        (["a", "b"], [["TX"], []], "'TX' is none of TP"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(X, y, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SecurityIndicators().fit(X, y)


def test_unfitted_is_refused() -> None:
    with pytest.raises(NotFittedError):
        SecurityIndicators().predict(["a"])


def test_fit_changes_nothing_given_and_repeats_itself() -> None:
    texts, y = list(TEXTS), Y.copy()
    first = coder().fit(texts, y)
    assert (texts, y.tolist()) == (TEXTS, Y.tolist())
    second = clone(first).fit(texts, y)
    np.testing.assert_array_equal(first.predict_proba(TEXTS), second.predict_proba(TEXTS))
    order = np.arange(len(TEXTS))[::-1]
    np.testing.assert_allclose(first.predict_proba([TEXTS[k] for k in order])[order], first.predict_proba(TEXTS))
    np.testing.assert_allclose(first.predict_proba(TEXTS[:1]), first.predict_proba(TEXTS)[:1])


# `check_estimator` makes tables of numbers for whatever it checks, and leaves an estimator of texts out with a warning,
# as it does scikit-learn's own TfidfVectorizer. The checks that need no table are run one by one; the rest (dtypes,
# NaN, sparse, n_features_in_, 1d and 2d shapes) has no meaning for texts; what it asks for is asked above, on texts.
def test_scikit_learn_leaves_text_estimators_out() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        checks.check_estimator(SecurityIndicators())
    assert any(w.category is SkipTestWarning and "string" in str(w.message) for w in caught)


@pytest.mark.parametrize(
    "check",
    [
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_estimator_tags_renamed",
        "check_get_params_invariance",
        "check_mixin_order",
        "check_no_attributes_set_in_init",
        "check_parameters_default_constructible",
        "check_set_params",
        "check_valid_tag_types",
    ],
)
def test_scikit_learns_checks_that_need_no_table(check: str) -> None:
    getattr(checks, check)("SecurityIndicators", SecurityIndicators())


def _words(error: BaseException | None) -> str:
    return f"{error} {_words(error.__cause__ or error.__context__)}" if error else ""


def test_what_fails_of_all_checks_fails_for_tables_of_numbers_only() -> None:
    """Told to run every check, scikit-learn hands over tables [n, m], and each failure says that texts [n] are wanted.

    With scikit-learn 1.6 and later some 16 pass and 43 fail. One hands over an object that is no sequence at all.
    """
    made = checks.check_estimator(_Unmarked(), on_fail=None, on_skip=None)
    failed = {r["check_name"]: _words(r["exception"]) for r in made if r["status"] == "failed"}
    other = {name for name, said in failed.items() if "wanted texts [n]" not in said}
    assert other <= {"check_classifier_data_not_an_array"}
    assert sum(r["status"] == "passed" for r in made) >= 14


class _Unmarked(SecurityIndicators):
    """The estimator without the tag that says that it reads texts, so that scikit-learn leaves nothing out."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = False, True
        return tags
