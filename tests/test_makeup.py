"""Composites whose data sets come and go: nothing may happen in them but what happens in the world."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sca_nlp.aggregate.deeds import deed_series
from sca_nlp.aggregate.makeup import compose, plain, stretches
from sca_nlp.compare import breaks
from sca_nlp.compare.series import align
from tests.compare.worlds import ar
from tests.test_aggregate import declare, deed

ONE = np.ones(8)


def groups(n):
    return np.arange(n)


def test_a_series_that_ends_high_leaves_no_step():
    t = np.arange(40)
    a = np.where(t < 25, t / 12 - 1, np.nan)  # rises, then its data set ends
    b = np.zeros(40)
    joined, found = compose(np.column_stack([a, b]), groups(2), ONE)
    assert [(f[0], f[1], f[2]) for f in found] == [(0, 24, (0, 1)), (25, 39, (1,))]
    naive = plain(np.column_stack([a, b]), (0, 1), groups(2), ONE)
    assert naive[25] - naive[24] == pytest.approx(-0.5)
    assert abs(joined[25] - joined[24]) < 0.25
    assert np.ptp(joined[25:]) == pytest.approx(0)  # afterwards only what goes on is seen


def test_what_goes_on_is_carried_in_full():
    t = np.arange(40)
    a = np.where(t < 20, 0.5, np.nan)
    b = np.where(t < 30, 0.0, 2.0)
    joined, _ = compose(np.column_stack([a, b]), groups(2), ONE)
    assert joined[30] - joined[29] == pytest.approx(2)
    assert joined[20] - joined[19] == pytest.approx(0)


def test_one_stretch_is_the_plain_mean_and_holes_are_no_joints():
    z = np.random.default_rng(0).standard_normal((30, 3))
    z[12, 1] = np.nan
    joined, found = compose(z, np.array([0, 0, 1]), ONE)
    assert len(found) == 1
    assert joined == pytest.approx(plain(z, (0, 1, 2), np.array([0, 0, 1]), ONE))
    assert joined[0] == pytest.approx((z[0, :2].mean() + z[0, 2]) / 2)


def test_stretches_that_share_nothing_are_not_linked():
    z = np.full((20, 2), np.nan)
    z[:12, 0], z[12:, 1] = 1.0, 5.0
    joined, found = compose(z, groups(2), ONE)
    assert [f[3] for f in found] == [True, False]
    assert list(joined[[0, 19]]) == [1.0, 5.0]
    assert stretches(np.full((5, 2), np.nan)) == []


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), min_size=1, max_size=5), st.integers(0, 99))
def test_levels_alone_never_show(ends, seed):
    """Series with a level each, that come and go: linked stretches give one flat line."""
    levels = np.random.default_rng(seed).normal(0, 2, len(ends))
    z = np.full((20, len(ends) + 1), np.nan)
    z[:, -1] = 0.3
    for k, (a, b) in enumerate(ends):
        z[min(a, b) : max(a, b) + 1, k] = levels[k]
    joined, found = compose(z, groups(len(ends) + 1), ONE)
    assert all(f[3] for f in found)
    assert np.ptp(joined) == pytest.approx(0, abs=1e-9)


def world(rng, *, trend, end=2014):
    """Return deeds of two data sets 1960-2024 in which nothing happens, but that one ends in 2014."""
    noise = ar(rng, 2, 65, 0.3)
    years = range(1960, 2025)
    one = [deed(str(y), 1, float(10 + trend * k + noise[0][k])) for k, y in enumerate(years) if y <= end]
    two = [
        deed(str(y), 1, float(10 + noise[1][k]), manifestation="institutionalisation", dataset="other")
        for k, y in enumerate(years)
    ]
    sources = [declare(first="1960", last=str(end)), declare("other", first="1960", last="2024")]
    return deed_series(one + two, sources, dyads=[("AAA", "XXX")], first="1960", last="2024")


def pair_of(series):
    words = pd.DataFrame(
        columns=["source", "target", "period", "measure", "indicator", "value", "method", "estimate", "hidden"]
    )
    draws = pd.DataFrame(columns=["source", "target", "period", "draw", "estimate"])
    return align(words, draws, series, "AAA", "XXX")


def test_the_column_names_what_the_index_is_made_of_and_the_pair_knows_the_joint():
    series = world(np.random.default_rng(0), trend=0.0)
    own = series[(series["manifestation"] == "all") & (series["dataset"] == "all")].set_index("period")
    assert own.loc["2014", "make_up"] == "book, other; 2 series"
    assert own.loc["2015", "make_up"] == "other; 1 series"
    pair = pair_of(series)
    assert [pair.periods[j] for j in pair.joints] == ["2015"]
    assert pair.at_joint(pair.periods.index("2014"))
    assert not pair.at_joint(pair.periods.index("2010"))


@pytest.mark.parametrize("trend", [0.0, 0.05])
def test_where_a_data_set_ends_no_break_is_reported(trend):
    rng = np.random.default_rng(7)
    at_end = marked = 0
    for k in range(30):
        found = breaks.find(pair_of(world(rng, trend=trend)), "deeds", permutations=19, rng=np.random.default_rng(k))
        near = found[found["period"].astype(int).sub(2015).abs() <= 1]
        at_end += len(breaks.of_history(near)) > 0
        marked += len(near) > 0
    assert at_end == 0  # one that is found there is marked as the sources' own
    assert marked <= 3  # and linking leaves few to be found


def test_without_linking_the_end_imitates_history():
    """The same trending world, put together by the plain mean: the end of a data set looks like a turn."""
    rng = np.random.default_rng(7)
    hits = []
    for _, link in itertools.product(range(12), (False, True)):
        z = ar(rng, 2, 65, 0.3).T * 0.3
        z[:, 0] += np.linspace(-1.7, 1.7, 65)
        z[55:, 0] = np.nan
        x = compose(z, groups(2), ONE)[0] if link else plain(z, (0, 1), groups(2), ONE)
        before, after = x[45:55].mean(), x[55:].mean()
        hits.append((link, after - before))
    steps = {link: np.mean([s for was, s in hits if was == link]) for link in (False, True)}
    assert steps[False] < -0.3
    assert abs(steps[True]) < 0.15
