"""The Python interface: what goes in, what comes out, and the examples in its docstrings."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sca_nlp as sca
from sca_nlp.api import model as models
from sca_nlp.api import series as serieses
from sca_nlp.api import steps
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.records import Reject, Speech
from tests.fakes import fake_tools

ROOT = Path(__file__).parents[1]
TEXT = "Russia is a threat to us all. They are our friends no more. Trade grew."


@pytest.fixture
def model() -> sca.Model:
    return sca.Model(fake_tools())


@pytest.fixture
def speeches() -> pd.DataFrame:
    rows = [
        {"nr": f"s{y}{k}", "year": str(y), "country": "USA", "body": f"{TEXT} " * (1 + k) + "Our friends. " * (y % 3)}
        for y in range(1990, 2000)
        for k in (0, 1)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("module", [sca, models, steps])
def test_examples_in_docstrings(module) -> None:
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 0
    assert found.failed == 0


def test_score_gives_a_row_a_passage_whose_offsets_rebuild_the_text(model: sca.Model) -> None:
    texts = [TEXT, "", "One of our friends."]
    got = model.score(texts)
    assert list(got["speech_id"]) == ["0", "0", "0", "2"]
    assert all(texts[int(r.speech_id)][r.start : r.end] == r.text for r in got.itertuples())
    assert got["codes"].tolist() == [["TP+"], ["SS+"], [], ["SS+"]]
    assert got["targets"].tolist()[0] == ["RUS"]
    assert got[list(model.classes)].to_numpy().min() >= 0
    assert model.score(TEXT).equals(model.score([TEXT]))
    assert list(model.score([]).columns) == list(got.columns)


def test_records_and_a_table_score_alike(model: sca.Model, speeches: pd.DataFrame) -> None:
    table = model.score(speeches, columns={"speech_id": "nr", "text": "body"})
    records = model.score(Speech(r.nr, r.year, r.country, r.body) for r in speeches.itertuples())
    pd.testing.assert_frame_equal(table, records)
    rows = (r for r in speeches.to_dict("records"))
    pd.testing.assert_frame_equal(table, model.score(rows, columns={"speech_id": "nr", "text": "body"}))


def test_records_that_cannot_be_used_are_warned_of_or_collected(model: sca.Model) -> None:
    frame = pd.DataFrame({"text": [TEXT, TEXT], "date": ["1999", "soon"], "country": ["USA", "USA"]})
    with pytest.warns(UserWarning, match="1 records left out; the first, data:2"):
        model.score(frame)
    rejects: list[Reject] = []
    assert len(model.score(frame, rejects=rejects)) == 3
    assert [r.line for r in rejects] == [2]
    with pytest.raises(InputError, match="text"):
        model.score(pd.DataFrame({"a": [1]}))
    with pytest.raises(InputError, match="Speech"):
        model.score([1])


def test_a_speech_given_twice_counts_once(model: sca.Model) -> None:
    with pytest.warns(UserWarning, match="second speech with the id 'a'"):
        got = model.score([Speech("a", "1999", "USA", TEXT), Speech("a", "1999", "USA", TEXT)])
    assert len(got) == 3


def test_predict_keeps_rows_order_index_and_what_was_there(model: sca.Model) -> None:
    frame = pd.DataFrame({"text": ["our friends", None, "a threat"], "codes": ["x", "y", "z"]}, index=["c", "a", "b"])
    got = model.predict(frame)
    assert list(got.index) == ["c", "a", "b"]
    assert got["input_codes"].tolist() == ["x", "y", "z"]
    assert got["codes"].tolist() == [["SS+"], [], ["TP+"]]
    assert got["SS+"].tolist() == pytest.approx([0.8, 0.02, 0.02])
    assert frame.columns.tolist() == ["text", "codes"]
    assert model.predict("a threat")["codes"].tolist() == [["TP+"]]


def test_polars_in_polars_out(model: sca.Model) -> None:
    pl = pytest.importorskip("polars", reason="polars is not installed")
    got = model.predict(pl.DataFrame({"text": ["a threat", "nothing"]}))
    assert isinstance(got, pl.DataFrame)
    assert got["codes"].to_list() == [["TP+"], []]
    scored = model.score(pl.DataFrame({"text": [TEXT], "date": ["1999"], "country": ["USA"]}))
    assert isinstance(scored, pl.DataFrame)
    series = sca.aggregate(scored, [("USA", "RUS")], both=False, min_passages=1, draws=0)
    assert series.select()["n_passages"].tolist() == [2]


def test_datasets_in_datasets_out(model: sca.Model) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed (extra train or hub)")
    got = model.predict(datasets.Dataset.from_dict({"text": ["a threat", "nothing"]}))
    assert isinstance(got, datasets.Dataset)
    assert got["codes"][:] == [["TP+"], []]
    assert len(model.score(datasets.Dataset.from_dict({"text": [TEXT]}))) == 3


def test_aggregate_select_and_plot(model: sca.Model, speeches: pd.DataFrame) -> None:
    scored = model.score(speeches, columns={"speech_id": "nr", "text": "body"})
    series = sca.aggregate(scored, [("USA", "RUS")], min_passages=1, draws=5)
    assert set(series.frame["source"]) == {"USA"}
    assert len(series.draws) == 10 * 5
    assert repr(series).startswith("<Series ")
    assert "10 periods" in repr(series)
    stance = series.select(measure="stance", indicator="TP", value="affirmed", method="raw_count")
    assert stance["estimate"].tolist() == pytest.approx([3 / (6 + 2 * (y % 3)) for y in range(1990, 2000)])
    balance = series.select()
    assert balance["estimate"].between(-1, 1).all()
    with pytest.raises(InputError, match="wanted one of"):
        series.select(indicator="TX")
    with pytest.raises(InputError, match="no date"):
        sca.aggregate(model.score([TEXT]))


def test_plot_breaks_its_line_where_a_period_is_missing(model: sca.Model, speeches: pd.DataFrame) -> None:
    from matplotlib.figure import Figure

    kept = speeches[speeches["year"] != "1995"]
    scored = model.score(kept, columns={"speech_id": "nr", "text": "body"})
    series = sca.aggregate(scored, [("USA", "RUS")], min_passages=1, draws=0)
    axes = series.plot(Figure().subplots())
    (line, *_) = axes.get_lines()
    drawn = np.asarray(line.get_ydata(), float)
    assert len(drawn) == 10
    assert np.isnan(drawn).tolist() == [year == 1995 for year in range(1990, 2000)]
    assert axes.get_legend_handles_labels()[1] == ["USA about RUS"]


@pytest.mark.parametrize(
    ("ends", "spanned"),
    [
        (["1999", "2001"], ["1999", "2000", "2001"]),
        (["1999Q4", "2000Q2"], ["1999Q4", "2000Q1", "2000Q2"]),
        (["1999-12", "2000-02"], ["1999-12", "2000-01", "2000-02"]),
        ([], []),
    ],
)
def test_a_plots_axis_has_every_period(ends: list[str], spanned: list[str]) -> None:
    assert serieses._all_periods(ends) == spanned


def test_words_against_deeds(model: sca.Model, speeches: pd.DataFrame, tmp_path: Path) -> None:
    scored = model.score(speeches, columns={"speech_id": "nr", "text": "body"})
    words = sca.aggregate(scored, [("USA", "RUS")], min_passages=1, draws=3)
    path = tmp_path / "deeds.csv"
    rows = "".join(
        f"{y}-05-01,USA,RUS,security_cooperation,{1 if y % 2 else -1},1,false,x,y\n" for y in range(1990, 2000)
    )
    path.write_text("date,source,target,manifestation,sign,magnitude,verbal,description,reference\n" + rows)
    deeds = sca.deeds({"chronology": path}, [("USA", "RUS")])
    assert set(deeds["manifestation"]) >= {"security_cooperation", "all"}
    made = sca.compare(words, deeds, permutations=19, max_lag=1)
    assert set(made.gap["source"]) == {"USA"}
    assert {"question", "p", "q", "null"} <= set(made.tests.columns)
    with pytest.raises(InputError, match="pair in common"):
        sca.compare(words, deeds, [("FRA", "DEU")])
    with pytest.raises(InputError, match="deeds"):
        sca.compare(words)
    with pytest.raises(InputError, match="sca aggregate"):
        sca.compare(tmp_path)


def test_a_run_folder_aggregates_as_the_frame_does(model: sca.Model, speeches: pd.DataFrame, tmp_path: Path) -> None:
    from sca_nlp import pipeline

    records = [Speech(r.nr, r.year, r.country, r.body, language="en") for r in speeches.itertuples()]
    pipeline.score(records, tmp_path, model.tools)
    left = sca.aggregate(tmp_path, [("USA", "RUS")], draws=2).frame
    right = sca.aggregate(model.score(records), [("USA", "RUS")], draws=2).frame
    pd.testing.assert_frame_equal(left, right)


@pytest.mark.parametrize(
    "before", ["", "import sca_nlp.aggregate.periods, sca_nlp.compare.gap", "from sca_nlp import *"]
)
def test_rooms_that_share_a_name_with_a_function_are_both(before: str) -> None:
    code = f"""{before}
import sca_nlp as sca
from sca_nlp.aggregate import words
import sca_nlp.compare.gap
assert callable(sca.aggregate) and callable(sca.compare) and sca.compare.gap is sca_nlp.compare.gap
try:
    sca.compare("nowhere")
except sca_nlp.errors.InputError as e:
    print("sca aggregate" in str(e))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (out.stdout.strip(), out.stderr) == ("True", "")


def test_mistakes_name_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'linear'"):
        sca.load("linaer")
    with pytest.raises(AttributeError, match="scroe"):
        sca.scroe  # noqa: B018
    assert {"load", "aggregate", "Model"} <= set(dir(sca))
