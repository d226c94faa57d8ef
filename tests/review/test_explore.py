from __future__ import annotations

from pathlib import Path

import pytest

from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.review.app import Desk
from sca_nlp.review.filters import Filter
from sca_nlp.review.index import match_expression, search_rows
from sca_nlp.store import iter_passages


@pytest.fixture
def truth(run: Path) -> list[dict[str, object]]:
    return [r for t in iter_passages(run) for r in t.to_pylist()]


def total(desk: Desk, states: dict[str, str] | None = None, **fields: object) -> int:
    return int(desk.explorer.page(Filter(**fields), 0, states)["total"])  # type: ignore[arg-type]


def test_filters_agree_with_a_plain_loop(desk: Desk, truth: list[dict]) -> None:
    assert total(desk) == len(truth)
    assert total(desk, source="AVA", target="BOR") == sum(r["source"] == "AVA" and "BOR" in r["targets"] for r in truth)
    assert total(desk, first="1981", last="1982") == sum("1981" <= r["date"][:4] <= "1982" for r in truth)
    assert total(desk, indicator="TP", value="+") == sum("TP+" in r["codes"] for r in truth)
    assert total(desk, indicator="TP", value="any") == sum(bool({"TP+", "TP-"} & set(r["codes"])) for r in truth)
    assert total(desk, indicator="TP", value="absent") == sum(not {"TP+", "TP-"} & set(r["codes"]) for r in truth)
    assert total(desk, value="absent") == sum(not r["codes"] for r in truth)
    assert total(desk, indicator="FO", value="-", low=0.1, high=0.15) == sum(0.1 <= r["FO-"] <= 0.15 for r in truth)
    assert total(desk, text="river") == sum("river" in r["text"] for r in truth)
    assert total(desk, text='"one river"') == sum("one river" in r["text"] for r in truth)
    assert total(desk, text="our -enemy") == sum(
        "our" in r["text"].lower().split() and "enemy" not in r["text"] for r in truth
    )


def test_review_states_filter(desk: Desk, truth: list[dict]) -> None:
    coded, plain = (next(str(r["passage_id"]) for r in truth if bool(r["codes"]) is x) for x in (True, False))
    states = {coded: "coded", plain: "adjudicated"}
    n = sum(bool(r["codes"]) for r in truth)
    assert total(desk, states, state="coded") == 1
    assert total(desk, states, state="suggested") == n - 1
    assert total(desk, states, state="unseen") == len(truth) - n - 1


def test_pages_cover_everything_once(desk: Desk, truth: list[dict]) -> None:
    for sort in ("date", "random", "doubtful"):
        ids = [
            p["passage_id"]
            for offset in range(0, len(truth), 50)
            for p in desk.explorer.page(Filter(sort=sort), offset)["passages"]
        ]
        assert sorted(ids) == sorted(str(r["passage_id"]) for r in truth)


def test_a_speech_comes_back_whole(desk: Desk, truth: list[dict]) -> None:
    speech = desk.explorer.speech(str(truth[0]["speech_id"]))
    assert speech is not None
    rebuilt = "".join(s["before"] + s["text"] for s in speech["sentences"])
    assert len(rebuilt) == speech["sentences"][-1]["end"]
    assert desk.explorer.speech("no such speech") is None


@pytest.mark.parametrize(
    "typed", ['"', "a OR", "NEAR(a b)", "text:x", "*", "-", "'; DROP TABLE t; --", "x" * 300, "(" * 50]
)
def test_no_search_breaks_the_search(desk: Desk, typed: str) -> None:
    assert search_rows(desk.run / "review", typed).ndim == 1


def test_operators_are_only_words() -> None:
    assert match_expression('peace* "arms race" -war') == '("peace"* AND "arms race") NOT ("war")'
    assert match_expression("a OR b") == '"a" AND "OR" AND "b"'
    assert match_expression("-war") == ""


def test_wrong_filters_say_what_is_wanted(desk: Desk) -> None:
    for fields in ({"first": "soon"}, {"last": "1985-3"}):
        with pytest.raises(InputError, match="1985Q1"):
            total(desk, **fields)
    with pytest.raises(UnknownNameError, match="threat_perception"):
        total(desk, indicator="XX")
    with pytest.raises(UnknownNameError):
        total(desk, state="done")
    with pytest.raises(InputError, match="narrow the filter"):
        desk.explorer.page(Filter(), 10_001)


def test_two_models_disagree(run: Path, tmp_path: Path, truth: list[dict]) -> None:
    import shutil

    import pyarrow as pa
    import pyarrow.parquet as pq

    from sca_nlp.codebook import default_codebook
    from sca_nlp.review.explore import Explorer
    from sca_nlp.review.index import open_index

    shutil.copytree(run, tmp_path / "other")
    path = tmp_path / "other" / "passages" / "part-00000.parquet"
    table = pq.read_table(path)
    codes = [["TP+"] if k < 7 and not c else c for k, c in enumerate(table["codes"].to_pylist())]
    changed = table.set_column(table.column_names.index("codes"), "codes", pa.array(codes, pa.list_(pa.string())))
    pq.write_table(changed, path)
    book = default_codebook()
    explorer = Explorer(open_index(run, book, other=tmp_path / "other"), run / "review", book)
    page = explorer.page(Filter(state="models"))
    assert page["total"] == sum(a != b for a, b in zip(codes, table["codes"].to_pylist(), strict=True)) > 0
    assert page["passages"][0]["other_codes"] == ["TP+"]
    assert page["passages"][0]["codes"] == []
    explorer.close()
    again = open_index(run, book)  # it stays, without being named again
    assert again.execute("SELECT count(other_mask) FROM p").fetchone()[0] == len(truth)
    again.close()


def test_the_index_is_rebuilt_when_the_run_grows(run: Path, open_run) -> None:  # type: ignore[no-untyped-def]
    import shutil

    before = open_run(run)
    n = before.explorer.n_passages
    before.explorer.close()
    for kind in ("speeches", "passages"):
        shutil.copy(run / kind / "part-00000.parquet", run / kind / "part-00001.parquet")
    assert open_run(run).explorer.n_passages == 2 * n


def test_rows_far_apart_come_back_in_the_order_asked_for(desk: Desk, truth: list[dict]) -> None:
    asked = [len(truth) - 1, 0, 3]
    assert [p["row"] for p in desk.explorer.at(asked)] == asked
    assert desk.explorer.at([]) == []
