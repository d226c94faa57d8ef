"""Word series and deed series: right sums, right groups, nothing lost silently, nothing dependent on order."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sca_nlp.aggregate import deed_series, words
from sca_nlp.aggregate import periods as pr
from sca_nlp.codebook import default_codebook
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.prevalence import ErrorRates
from sca_nlp.records import Coverage, Deed, DeedSource

BOOK = default_codebook()
CLASSES = BOOK.classes


def members(group, year):
    """Return two states for the fictional alliance, three from 1990."""
    if group != "PACT":
        return frozenset()
    return frozenset({"AAA", "BBB"} | ({"CCC"} if year >= 1990 else set()))


def write(path, rows):
    """Write passages; each row: speech, date, source, codes, targets, and optionally more columns."""
    table = []
    for k, row in enumerate(rows):
        codes = list(row.get("codes", []))
        table.append(
            {
                "passage_id": f"{k:016x}",
                "speech_id": row["speech"],
                "idx": k,
                "start": 0,
                "end": 1,
                "text": "x",
                "date": row["date"],
                "source": row["source"],
                "speaker": row.get("speaker", ""),
                "kind": row.get("kind", ""),
                "corpus": "",
                "language": row.get("language", "en"),
                "n_windows": 1,
                "actors": list(row.get("actors", row.get("targets", []))),
                "targets": list(row.get("targets", [])),
                "codes": codes,
            }
            | {c: row.get("p", {}).get(c, 0.9 if c in codes else 0.1) for c in CLASSES}
        )
    schema = pa.schema(
        [
            ("passage_id", pa.string()),
            ("speech_id", pa.string()),
            ("idx", pa.int32()),
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("text", pa.string()),
            ("date", pa.string()),
            ("source", pa.string()),
            ("speaker", pa.string()),
            ("kind", pa.string()),
            ("corpus", pa.string()),
            ("language", pa.string()),
            ("n_windows", pa.int32()),
            ("actors", pa.list_(pa.string())),
            ("targets", pa.list_(pa.string())),
            ("codes", pa.list_(pa.string())),
        ]
        + [(c, pa.float32()) for c in CLASSES]
    )
    pq.write_table(pa.Table.from_pylist(table, schema=schema), path)
    return path


def one(series, **key):
    """Return the only row with these values."""
    for column, value in key.items():
        series = series[series[column] == value]
    assert len(series) == 1, series
    return series.iloc[0]


@pytest.fixture
def small(tmp_path):
    rows = [
        {"speech": "s1", "date": "1985-03-11", "source": "AAA", "codes": ["TP+"], "targets": ["XXX"]},
        {"speech": "s1", "date": "1985-03-11", "source": "AAA", "codes": ["TP-", "SS+"], "targets": ["XXX", "YYY"]},
        {"speech": "s1", "date": "1985-03-11", "source": "AAA", "actors": ["XXX"]},
        {"speech": "s1", "date": "1985-03-11", "source": "AAA"},
        {"speech": "s2", "date": "1985", "source": "BBB", "codes": ["FO+"], "targets": ["XXX"]},
        {"speech": "s3", "date": "1985-07-01", "source": "CCC", "codes": ["FO+"], "targets": ["XXX"]},
        {"speech": "s4", "date": "1991-07-01", "source": "CCC", "codes": ["MU+"], "targets": ["XXX"]},
        {"speech": "s5", "date": "1985-07-01", "source": "AAA", "codes": ["FO+"], "targets": ["XXX"], "language": "fr"},
        {"speech": "s6", "date": "", "source": "AAA", "codes": ["FO+"], "targets": ["XXX"]},
        {"speech": "s7", "date": "1985-05-01", "source": "XXX", "codes": ["FO-"], "targets": ["AAA", "BBB", "PACT"]},
    ]
    return write(tmp_path / "part-0.parquet", rows)


def test_salience_stance_and_balance_are_the_shares_that_they_claim(small):
    w = words([small], dyads=[("AAA", "XXX")], min_passages=1, draws=5).series
    raw = w[w["method"] == "raw_count"]
    about = {"source": "AAA", "target": "XXX", "period": "1985"}
    assert one(raw, **about, measure="stance", indicator="threat_perception", value="affirmed")[
        "estimate"
    ] == pytest.approx(1 / 3)
    assert one(raw, **about, measure="salience", indicator="threat_perception", value="affirmed")[
        "estimate"
    ] == pytest.approx(1 / 4)
    anyone = one(
        raw, source="AAA", target="", period="1985", measure="salience", indicator="shared_storyline", value="affirmed"
    )
    assert (anyone["estimate"], anyone["n_passages"], anyone["n_speeches"]) == (pytest.approx(1 / 4), 4, 1)
    # TP+ is -1, TP- and SS+ are +1: (-1 + 2) over three sentences and five indicators.
    assert one(raw, **about, measure="balance", indicator="all")["estimate"] == pytest.approx(1 / 15)
    assert one(raw, **about, measure="balance", indicator="shared_storyline")["estimate"] == pytest.approx(1 / 3)
    probable = w[w["method"] == "raw_probability"]
    assert one(probable, **about, measure="stance", indicator="threat_perception", value="affirmed")[
        "estimate"
    ] == pytest.approx(1.1 / 3, abs=1e-4)


def test_about_targets_alone_leaves_out_sentences_without_a_code(small):
    w = words([small], dyads=[("AAA", "XXX")], min_passages=1, about="targets").series
    assert one(w, target="XXX", measure="balance", indicator="all", method="raw_count")["n_passages"] == 2


def test_weights_move_the_balance_and_nothing_else(small):
    one_sided = {"shared_storyline": 1.0}
    w = words([small], dyads=[("AAA", "XXX")], min_passages=1, weights=one_sided).series
    assert one(w, measure="balance", indicator="all", method="raw_count")["estimate"] == pytest.approx(1 / 3)
    with pytest.raises(InputError, match="positive sum"):
        words([small], dyads=[("AAA", "XXX")], weights={"shared_storyline": 0.0})


def test_groups_expand_by_year_on_both_sides_and_count_a_sentence_once(small):
    w = words([small], dyads=[("PACT", "XXX"), ("XXX", "PACT")], members=members, min_passages=1).series
    balance = w[(w["measure"] == "balance") & (w["indicator"] == "all") & (w["method"] == "raw_count")]
    assert one(balance, source="PACT", period="1985")["n_passages"] == 4  # AAA thrice, BBB once; CCC joins in 1990
    assert one(balance, source="PACT", period="1991")["n_passages"] == 1
    assert one(balance, source="XXX", target="PACT")["n_passages"] == 1  # names two members and the group: one sentence


def test_a_group_without_members_is_its_own_code(small):
    def strict(group, year):
        raise UnknownNameError("group", group, ["PACT"])

    w = words([small], dyads=[("AAA", "XXX")], members=strict, min_passages=1).series
    assert one(w, target="XXX", measure="balance", indicator="all", method="raw_count")["n_passages"] == 3


def test_what_is_left_out_is_counted(small):
    w = words([small], dyads=[("AAA", "XXX")], period="month", members=members)
    assert w.left_out == {"passages": 10, "other_language": 1, "filtered": 0, "date_too_coarse": 2, "no_source": 0}
    assert words([small], dyads=[("AAA", "XXX")], languages=()).left_out["other_language"] == 0
    assert words([small], dyads=[("AAA", "XXX")], speakers=["nobody"]).left_out["filtered"] == 9


def test_small_cells_are_hidden_not_filled_and_get_no_draws(small):
    w = words([small], dyads=[("AAA", "XXX")], min_passages=4)
    about = w.series[w.series["target"] == "XXX"]
    assert about[about["measure"] != "salience"]["hidden"].all()
    assert w.draws.empty


def test_by_gives_a_series_for_each_kind(tmp_path):
    rows = [
        {
            "speech": f"s{k}",
            "date": "1985",
            "source": "AAA",
            "codes": ["SS+"] if k % 2 else ["SS-"],
            "targets": ["XXX"],
            "kind": "address" if k % 2 else "interview",
        }
        for k in range(6)
    ]
    w = words([write(tmp_path / "p.parquet", rows)], dyads=[("AAA", "XXX")], by="kind", min_passages=1).series
    balance = w[(w["measure"] == "balance") & (w["indicator"] == "shared_storyline") & (w["method"] == "raw_count")]
    assert one(balance, kind="address")["estimate"] == 1
    assert one(balance, kind="interview")["estimate"] == -1


def random_rows(rng, n=600):
    rows = []
    for k in range(n):
        codes = [c for c in CLASSES if rng.random() < 0.08]
        codes = [c for c in codes if not (c.endswith("-") and c[:2] + "+" in codes)]
        rows.append(
            {
                "speech": f"s{k // 6}",
                "date": f"{1980 + (k // 6) % 5}-0{1 + k // 6 % 9}-11",
                "source": ["AAA", "BBB", "XXX"][k // 6 % 3],
                "codes": codes,
                "targets": list(rng.choice(["XXX", "AAA", "YYY"], rng.integers(0, 3), replace=False)) if codes else [],
                "actors": ["XXX"],
                "p": {c: float(rng.random()) for c in CLASSES},
            }
        )
    return rows


RATES = ErrorRates(CLASSES, np.full(10, 0.8), np.full(10, 0.05), np.full(10, 200.0), np.full(10, 2000.0))


def test_row_order_shards_and_threads_do_not_matter(tmp_path):
    rows = random_rows(np.random.default_rng(0))
    first = write(tmp_path / "a.parquet", rows)
    table = pq.read_table(first)
    order = np.random.default_rng(1).permutation(len(rows))
    pq.write_table(table.take(order[:100]), tmp_path / "b0.parquet")
    pq.write_table(table.take(order[100:]), tmp_path / "b1.parquet")
    options = {
        "dyads": [("AAA", "XXX"), ("PACT", "XXX")],
        "members": members,
        "error_rates": RATES,
        "draws": 20,
        "min_passages": 2,
    }
    a = words([first], **options, threads=1)
    b = words(str(tmp_path / "b*.parquet"), **options, threads=2)
    pd.testing.assert_frame_equal(a.series, b.series, check_exact=True)
    pd.testing.assert_frame_equal(a.draws, b.draws, check_exact=True)


def test_a_dyad_has_the_same_numbers_whatever_else_is_asked(tmp_path):
    path = write(tmp_path / "a.parquet", random_rows(np.random.default_rng(2)))
    few = words([path], dyads=[("AAA", "XXX")], min_passages=2, draws=9)
    many = words([path], dyads=[("AAA", "XXX"), ("BBB", "XXX"), ("AAA", "YYY")], min_passages=2, draws=9)
    mine = many.series[(many.series["source"] == "AAA") & many.series["target"].isin(["", "XXX"])].reset_index(
        drop=True
    )
    pd.testing.assert_series_equal(few.series["estimate"], mine["estimate"])


def test_all_dyads_without_a_list(tmp_path):
    path = write(tmp_path / "a.parquet", random_rows(np.random.default_rng(3)))
    w = words([path], dyads=None, min_passages=1, draws=0, measures=("balance",)).series
    asked = words([path], dyads=[("AAA", "YYY")], min_passages=1, draws=0, measures=("balance",)).series
    mine = w[(w["source"] == "AAA") & (w["target"] == "YYY")].reset_index(drop=True)
    assert mine["estimate"].tolist() == asked["estimate"].tolist()
    assert not (w["source"] == w["target"]).any()


def test_corrected_balance_is_right_where_the_raw_one_is_not_and_its_limits_and_draws_cover(tmp_path):
    rng = np.random.default_rng(4)
    truth, rows = 0.10 - 0.02, []  # of warm less hostile sentences; one of five indicators each
    for k in range(12_000):  # 40 cells of 300 sentences in 10 speeches
        gold = {"SS+": rng.random() < 0.10, "TP+": rng.random() < 0.02}
        seen = [c for c, g in gold.items() if rng.random() < (0.8 if g else 0.05)]
        rows.append(
            {
                "speech": f"s{k // 30}",
                "date": str(1960 + k // 300),
                "source": "AAA",
                "codes": seen,
                "targets": ["XXX"],
                "actors": ["XXX"],
            }
        )
    none = np.array([0.8 if c in ("SS+", "TP+") else 0.0 for c in CLASSES])
    rates = ErrorRates(CLASSES, none, np.where(none > 0, 0.05, 0.0), np.full(10, 400.0), np.full(10, 4000.0))
    w = words([write(tmp_path / "a.parquet", rows)], dyads=[("AAA", "XXX")], error_rates=rates, draws=200)
    rows = w.series[(w.series["measure"] == "balance") & (w.series["indicator"] == "all")]
    fixed, raw = rows[rows["method"] == "adjusted"], rows[rows["method"] == "raw_count"]
    assert fixed["estimate"].mean() == pytest.approx(truth / 5, abs=0.0025)
    assert abs(raw["estimate"].mean() - truth / 5) > 0.0025
    assert 0.85 <= ((fixed["low"] <= truth / 5) & (truth / 5 <= fixed["high"])).mean() <= 1.0
    limits = w.draws.groupby("period")["estimate"].quantile([0.025, 0.975]).unstack()
    assert np.allclose(limits[0.025].to_numpy(), fixed["low"].to_numpy(), atol=0.012)
    assert np.allclose(limits[0.975].to_numpy(), fixed["high"].to_numpy(), atol=0.012)
    assert w.settings["headline"] == "adjusted"


def test_an_audit_gives_rates_and_a_design_based_estimate(tmp_path):
    rng = np.random.default_rng(5)
    rows, audit = [], []
    for k in range(3000):
        gold = rng.random() < 0.2
        rows.append(
            {
                "speech": f"s{k // 20}",
                "date": "1985",
                "source": "AAA",
                "codes": ["SS+"] if rng.random() < (0.7 if gold else 0.1) else [],
                "targets": ["XXX"],
                "actors": ["XXX"],
            }
        )
        if rng.random() < 0.2:
            audit.append({"passage_id": f"{k:016x}", "codes": ["SS+"] if gold else [], "inclusion_probability": 0.2})
    path = write(tmp_path / "a.parquet", rows)
    w = words([path], dyads=[("AAA", "XXX")], audit=pd.DataFrame(audit)).series
    stance = w[(w["measure"] == "stance") & (w["indicator"] == "shared_storyline") & (w["value"] == "affirmed")]
    for method in ("adjusted", "design"):
        row = one(stance, method=method)
        assert row["low"] < 0.2 < row["high"]
        assert row["estimate"] == pytest.approx(0.2, abs=0.05)
    with pytest.raises(InputError, match="passage_id"):
        words([path], dyads=[("AAA", "XXX")], audit=pd.DataFrame({"codes": [[]]}))


def test_the_audit_goes_before_the_rates_of_another_corpus_and_these_serve_where_it_is_thin(tmp_path):
    rng = np.random.default_rng(7)
    rows, audit = [], []
    for k in range(4000):
        gold = rng.random() < 0.2
        codes = ["SS+"] if rng.random() < (0.4 if gold else 0.02) else []
        rows.append(
            {"speech": f"s{k // 20}", "date": "1985", "source": "AAA", "codes": codes, "targets": ["XXX"]}
            | {"actors": ["XXX"]}
        )
        if k % 8 == 0:
            audit.append({"passage_id": f"{k:016x}", "codes": ["SS+"] if gold else []})
    n = len(CLASSES)
    elsewhere = ErrorRates(CLASSES, np.full(n, 0.9), np.full(n, 0.01), np.full(n, 500.0), np.full(n, 5000.0))
    asked = {"dyads": [("AAA", "XXX")], "error_rates": elsewhere, "measures": ("stance",), "draws": 0}
    path = write(tmp_path / "a.parquet", rows)
    alone = words([path], **asked)
    with_audit = words([path], audit=pd.DataFrame(audit), **asked)
    key = {"indicator": "shared_storyline", "value": "affirmed", "method": "adjusted"}
    wrong, right = one(alone.series, **key), one(with_audit.series, **key)
    assert not wrong["low"] < 0.2 < wrong["high"]
    assert right["low"] < 0.2 < right["high"]
    assert with_audit.settings["sensitivity_from_audit"]["about"] == ["SS+"]
    assert "sensitivity_from_audit" not in alone.settings
    key |= {"indicator": "threat_perception"}  # no case in the audit: its sensitivity is that of elsewhere, .9
    assert one(with_audit.series, **key)["high"] < 0.02


def test_small_cells_lean_on_the_other_periods_of_their_pair(tmp_path):
    rng = np.random.default_rng(3)
    rows = [
        {
            "speech": f"{y}-{k // 5}",
            "date": str(y),
            "source": "AAA",
            "codes": ["SS+"] if rng.random() < 0.3 else [],
            "targets": ["XXX"],
            "actors": ["XXX"],
        }
        for y in range(1980, 1990)
        for k in range(200 if y > 1980 else 12)
    ]
    rows[-12:] = [{**r, "date": "1991", "codes": [], "speech": "last"} for r in rows[-12:]]
    n = len(CLASSES)
    rates = ErrorRates(CLASSES, np.full(n, 0.9), np.full(n, 0.01), np.full(n, 500.0), np.full(n, 5000.0))
    path = write(tmp_path / "a.parquet", rows)
    frame = words([path], dyads=[("AAA", "XXX")], error_rates=rates, measures=("stance",), draws=0).series
    frame = frame[(frame["indicator"] == "shared_storyline") & (frame["value"] == "affirmed")]
    small = {m: one(frame, method=m, period="1991") for m in ("adjusted", "pooled")}
    assert small["adjusted"]["estimate"] == 0 < 0.05 < small["pooled"]["estimate"]
    large = {m: one(frame, method=m, period="1985") for m in ("adjusted", "pooled")}
    assert abs(large["pooled"]["estimate"] - large["adjusted"]["estimate"]) < 0.04 < small["pooled"]["estimate"]
    assert large["pooled"]["high"] - large["pooled"]["low"] < large["adjusted"]["high"] - large["adjusted"]["low"]
    every = words([path], dyads=None, error_rates=rates, measures=("stance",), draws=0).series
    assert "pooled" not in set(every["method"])  # too many pairs to be read one by one


def test_one_speech_a_cell_borrows_the_design_effect_and_never_has_a_zero_interval(tmp_path):
    rows = [
        {"speech": f"s{y}", "date": str(y), "source": "AAA", "targets": ["XXX"], "actors": ["XXX"]}
        for y in range(1980, 1990)
        for _ in range(3)
    ]
    rows[0]["codes"] = ["TP+"]
    w = words([write(tmp_path / "a.parquet", rows)], dyads=[("AAA", "XXX")], min_passages=1).series
    balance = w[(w["measure"] == "balance") & (w["indicator"] == "all") & (w["method"] == "raw_count")]
    assert (balance["high"] > balance["low"]).all()


def test_bad_settings_say_so(small, tmp_path):
    with pytest.raises(UnknownNameError, match="year"):
        words([small], dyads=[], period="decade")
    with pytest.raises(InputError, match="no such file"):
        words([tmp_path / "none.parquet"], dyads=[])
    with pytest.raises(InputError, match="error rates or an audit"):
        words([small], dyads=[("AAA", "XXX")], headline="adjusted")
    with pytest.raises(InputError, match="named or targets"):
        words([small], dyads=[("AAA", "XXX")], about="all")


def test_nothing_found_gives_empty_frames_with_their_columns(small):
    w = words([small], dyads=[("ZZZ", "QQQ")])
    assert w.series.empty
    assert {"source", "estimate", "hidden"} <= set(w.series.columns)
    assert list(w.draws.columns) == ["source", "target", "period", "draw", "estimate"]


@given(st.integers(1900, 2100), st.integers(1, 12), st.sampled_from(pr.GRAINS))
def test_periods_and_their_numbers_are_inverse(year, month, grain):
    period = pr.period_of(f"{year}-{month:02d}-05", grain)
    assert pr.grain_of(period) == grain
    assert pr.name(pr.number(period), grain) == period
    assert pr.span(period, pr.name(pr.number(period) + 3, grain))[-1] == pr.name(pr.number(period) + 3, grain)


def test_periods_in_sql_are_those_in_python():
    import duckdb

    dates = ["1985", "1985-03", "1985-12-31", "", "x", "1985-13", "1985-1-1", "March 1985"]
    for grain in pr.GRAINS:
        frame = pd.DataFrame({"d": dates})
        got = duckdb.sql(f"SELECT {pr.sql('d', grain)} FROM frame").fetchall()
        assert len(frame) == len(got)
        assert [g[0] for g in got] == [pr.period_of(d, grain) for d in dates]


# Deeds


def deed(
    date,
    sign=1,
    magnitude=1.0,
    source="AAA",
    target="XXX",
    manifestation="security_cooperation",
    dataset="book",
    verbal=False,
    code="",
):
    return Deed(date, source, target, manifestation, sign, magnitude, verbal, dataset, code)


def declare(
    name="book", measure="event", grain="day", first="1980", last="1989", actors=frozenset(), dyads=frozenset()
):
    return DeedSource(name, name, measure, grain, "points", Coverage(first, last, actors, dyads), "none", "none")


def series_of(frame, dataset="book", manifestation="security_cooperation"):
    rows = frame[(frame["dataset"] == dataset) & (frame["manifestation"] == manifestation)]
    return rows.set_index("period")["estimate"]


def test_events_are_signed_sums_zero_inside_coverage_missing_outside():
    deeds = [deed("1981-05-01", 1, 2), deed("1981-06-01", -1, 3), deed("1984", 1, 1), deed("1995", 1, 5)]
    s = deed_series(deeds, [declare()], dyads=[("AAA", "XXX")], first="1980", last="1995")
    v = series_of(s)
    assert (v["1981"], v["1982"], v["1984"]) == (-1, 0, 1)
    assert np.isnan(v["1995"])
    assert not s.set_index(["dataset", "period"]).loc[("book", "1995"), "covered"]


def test_levels_are_missing_where_there_is_none_and_broadcast_without_target():
    deeds = [deed("1981", 1, 2.0, target="", dataset="spend"), deed("1983", -1, 3.0, target="", dataset="spend")]
    s = deed_series(deeds, [declare("spend", "level", "year")], dyads=[("AAA", "XXX"), ("AAA", "YYY")])
    for target in ("XXX", "YYY"):
        v = series_of(s[s["target"] == target], "spend")
        assert v["1981"] == 2
        assert v["1983"] == -3
        assert np.isnan(v["1982"])


def test_a_yearly_level_is_not_carried_to_months():
    s = deed_series(
        [deed("1981", dataset="spend")], [declare("spend", "level", "year")], dyads=[("AAA", "XXX")], period="month"
    )
    assert s.empty


def test_verbal_deeds_are_out_by_default():
    deeds = [deed("1981-05-01", 1, 2), deed("1981-06-01", -1, 3, verbal=True), deed("1983", 1, 1)]
    assert series_of(deed_series(deeds, [declare()], dyads=[("AAA", "XXX")]))["1981"] == 2
    assert series_of(deed_series(deeds, [declare()], dyads=[("AAA", "XXX")], verbal=True))["1981"] == -1


def test_news_coded_events_are_shares_so_more_reports_change_nothing_much():
    few = [deed(f"1981-01-{d:02d}", 1 if d % 4 else -1, dataset="gdelt", code=str(d)) for d in range(1, 21)]
    many = [
        deed(f"1982-{m:02d}-{d:02d}", 1 if d % 4 else -1, dataset="gdelt", code=str(d))
        for m in range(1, 11)
        for d in range(1, 21)
    ]
    v = series_of(deed_series(few + many, [declare("gdelt")], dyads=[("AAA", "XXX")]), "gdelt")
    assert v["1981"] == pytest.approx(0.5, abs=0.03)
    assert v["1982"] == pytest.approx(0.5, abs=0.03)
    twice = series_of(deed_series(few + few + many, [declare("gdelt")], dyads=[("AAA", "XXX")]), "gdelt")
    assert twice["1981"] == v["1981"]  # one report per dyad, day and class


def test_groups_sum_events_over_members_by_year():
    deeds = [deed(y, source=s) for y in ("1985", "1995") for s in ("AAA", "BBB", "CCC")]
    s = deed_series(deeds, [declare(last="1999")], dyads=[("PACT", "XXX")], members=members)
    v = series_of(s)
    assert (v["1985"], v["1995"]) == (2, 3)


def test_coverage_by_actor_and_dyad():
    deeds = [deed("1981"), deed("1981", source="BBB")]
    s = deed_series(deeds, [declare(actors=frozenset({"AAA", "XXX"}))], dyads=[("AAA", "XXX"), ("BBB", "XXX")])
    assert set(s["source"]) == {"AAA"}


def test_composite_is_the_mean_of_manifestations_in_z():
    deeds = [deed(str(1980 + k), 1, float(k)) for k in range(10)]
    deeds += [deed(str(1980 + k), 1, float(100 * (9 - k)), manifestation="dispute_resolution") for k in range(10)]
    deeds += [deed(str(1980 + k), 1, float(k), manifestation="dispute_resolution", dataset="other") for k in range(10)]
    s = deed_series(deeds, [declare(), declare("other")], dyads=[("AAA", "XXX")])
    z = series_of(s, "all")
    assert z.mean() == pytest.approx(0, abs=1e-12)
    assert z.std() == pytest.approx(1)
    assert series_of(s, "all", "dispute_resolution").abs().max() == pytest.approx(0, abs=1e-9)  # two that cancel
    assert series_of(s, "all", "all").to_numpy() == pytest.approx(z.to_numpy() / 2)
    only = deed_series(
        deeds, [declare(), declare("other")], dyads=[("AAA", "XXX")], weights={"security_cooperation": 1}
    )
    assert series_of(only, "all", "all").to_numpy() == pytest.approx(z.to_numpy())


def test_the_reference_window_sets_zero():
    deeds = [deed(str(1980 + k), 1, float(k)) for k in range(10)]
    z = series_of(deed_series(deeds, [declare()], dyads=[("AAA", "XXX")], reference=("1980", "1984")), "all")
    assert z["1980":"1984"].mean() == pytest.approx(0)
    assert z["1984"] == pytest.approx(1.265, abs=1e-3)
    assert z["1989"] == 3  # winsorised: 4.4 without


def test_scale_and_order_of_deeds_do_not_matter():
    rng = np.random.default_rng(0)
    deeds = [deed(f"{1980 + k % 10}", int(rng.choice([-1, 1])), float(rng.random())) for k in range(60)]
    louder = [
        Deed(d.date, d.source, d.target, d.manifestation, d.sign, d.magnitude * 7, d.verbal, d.dataset)
        for d in reversed(deeds)
    ]
    a, b = (deed_series(x, [declare()], dyads=[("AAA", "XXX")]) for x in (deeds, louder))
    assert series_of(a, "all", "all").to_numpy() == pytest.approx(series_of(b, "all", "all").to_numpy())


def test_a_constant_series_has_no_z_and_does_not_crash():
    s = deed_series([deed(str(y)) for y in range(1980, 1990)], [declare()], dyads=[("AAA", "XXX")])
    assert series_of(s, "all", "all").isna().all()


def test_undeclared_and_unknown_names_are_errors():
    with pytest.raises(InputError, match="declares nothing"):
        deed_series([deed("1981", dataset="ghost")], [declare()], dyads=[("AAA", "XXX")])
    with pytest.raises(UnknownNameError, match="manifestation"):
        deed_series([deed("1981", manifestation="friendship")], [declare()], dyads=[("AAA", "XXX")])
    assert deed_series([], [declare()], dyads=[("AAA", "XXX")]).empty


def test_deeds_as_records_frame_and_file_are_the_same(tmp_path):
    deeds = [deed("1981"), deed("1983", -1)]
    frame = pd.DataFrame([{k: getattr(d, k) for k in d.__dataclass_fields__} for d in deeds])
    frame.to_parquet(tmp_path / "deeds.parquet")
    a = deed_series(deeds, [declare()], dyads=[("AAA", "XXX")])
    for other in (frame, tmp_path / "deeds.parquet"):
        pd.testing.assert_frame_equal(a, deed_series(other, [declare()], dyads=[("AAA", "XXX")]))


def test_a_source_with_a_quote_in_its_name_is_one_value(tmp_path):
    row = {"speech": "s1", "date": "1985", "codes": ["TP+"], "targets": ["XXX"], "speaker": "O'Neill"}
    path = write(tmp_path / "it's.parquet", [row | {"source": "AAA"}, row | {"source": "AAA", "speaker": "other"}])
    found = words([path], dyads=[("AAA", "XXX")], speakers=["O'Neill"], min_passages=1)
    assert found.left_out["filtered"] == 1
    assert one(found.series, target="XXX", measure="balance", indicator="all", method="raw_count")["n_passages"] == 1


def test_passages_that_are_none_are_named(tmp_path):
    for place in ([tmp_path / "none.parquet"], tmp_path, str(tmp_path / "*.parquet")):
        with pytest.raises(InputError, match="no such file; wanted scored passages as Parquet"):
            words(place, dyads=[("AAA", "XXX")])
    pq.write_table(pa.table({"passage_id": ["a"], "text": ["b"]}), tmp_path / "p.parquet")
    with pytest.raises(InputError, match=r"no column .FO\+.; wanted passages as the pipeline writes them"):
        words(tmp_path, dyads=[("AAA", "XXX")])


def test_an_audit_of_other_passages_is_refused(small):
    audit = pd.DataFrame({"passage_id": ["0000"], "codes": [["TP+"]]})
    with pytest.raises(InputError, match="no audited passage is among the scored ones"):
        words([small], dyads=[("AAA", "XXX")], audit=audit)
    with pytest.raises(InputError, match="no column 'codes'"):
        words([small], dyads=[("AAA", "XXX")], audit=audit.drop(columns="codes"))


def test_design_based_rows_are_of_the_dyads_that_were_asked_for(tmp_path):
    rows = [
        {"speech": f"s{k}", "date": "1985", "source": "AAA", "codes": ["TP+"], "targets": ["XXX", "YYY"]}
        for k in range(40)
    ]
    path = write(tmp_path / "p.parquet", rows)
    audit = pd.DataFrame({"passage_id": [f"{k:016x}" for k in range(30)], "codes": [["TP+"]] * 30})
    dyads = [("AAA", "XXX"), ("BBB", "YYY")]  # sentences about YYY are reached, but AAA about YYY is not asked for
    design = words([path], dyads=dyads, audit=audit, min_passages=1).series
    design = design[design["method"] == "design"]
    assert set(design["target"]) == {"XXX"}
    assert one(design, indicator="threat_perception", value="affirmed")["estimate"] == 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"standardise": "world"}, "standardisation 'world'.*dyad, pool"),
        ({"normalise": {"x": "median"}}, "normalisation 'median'"),
    ],
)
def test_ways_of_counting_deeds_that_do_not_exist(change, error):
    source = DeedSource("x", "x", "event", "day", "", Coverage("1990", "1991", frozenset(), frozenset()), "", "")
    deed = Deed("1990", "AAA", "BBB", "doctrine", 1, 1.0, False, "x")
    with pytest.raises(UnknownNameError, match=error):
        deed_series([deed], [source], dyads=[("AAA", "BBB")], **change)


def test_deeds_as_a_frame_without_codes_or_without_what_is_needed():
    source = DeedSource("x", "x", "event", "day", "", Coverage("1990", "1991", frozenset(), frozenset()), "", "")
    frame = pd.DataFrame([asdict(Deed("1990", "AAA", "BBB", "doctrine", 1, 1.0, False, "x"))])
    whole = deed_series(frame, [source], dyads=[("AAA", "BBB")])
    assert len(whole)
    pd.testing.assert_frame_equal(whole, deed_series(frame.drop(columns="code"), [source], dyads=[("AAA", "BBB")]))
    with pytest.raises(InputError, match=r"no column 'sign'; wanted columns as in records\.Deed"):
        deed_series(frame.drop(columns="sign"), [source], dyads=[("AAA", "BBB")])
    gone = {"PACT": frozenset[str]()}  # a group that had no members in the year
    assert deed_series(frame, [source], dyads=[("PACT", "CCC")], members=lambda g, y: gone.get(g, frozenset({g}))).empty


@pytest.mark.parametrize("text", ["199", "1999Q5", "1999-13", "19x9", "1999/01"])
def test_what_is_no_period_is_named(text):
    with pytest.raises(InputError, match="wanted YYYY, YYYYQ1 to YYYYQ4, or YYYY-MM"):
        pr.grain_of(text)


def test_periods_of_two_grains_make_no_span():
    with pytest.raises(InputError, match="1999 and 2000Q1; wanted two periods of one grain"):
        pr.span("1999", "2000Q1")
