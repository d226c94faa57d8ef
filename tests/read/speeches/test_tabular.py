from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sca_nlp.errors import InputError
from sca_nlp.read.speeches import ReadReport
from sca_nlp.read.speeches.tabular import read_csv, read_jsonl, read_parquet

HEAD = "id,date,country,text\n"


class Got:
    def __init__(self, reader, path, data=None, **options):
        if data is not None:
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
        self.rejects, self.report = [], ReadReport()
        self.speeches = list(reader(path, rejects=self.rejects.append, report=self.report, **options))
        assert self.report.n_read == len(self.speeches)
        assert self.report.n_rejected == len(self.rejects)

    @property
    def ids(self):
        return [s.speech_id for s in self.speeches]

    @property
    def reasons(self):
        return [(r.line, r.reason) for r in self.rejects]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(tmp_path, delimiter):
    out = io.StringIO()
    rows = [
        ["id", "date", "country", "text"],
        ["1", "1999", "FRA", "Peace, they said; a | b.\nNext"],
        ["2", "2000", "DEU", "x"],
    ]
    csv.writer(out, delimiter=delimiter).writerows(rows)
    got = Got(read_csv, tmp_path / "a.csv", out.getvalue())
    assert [s.text for s in got.speeches] == [rows[1][3], "x"]
    assert [(s.date, s.source, s.corpus) for s in got.speeches] == [("1999", "FRA", "a"), ("2000", "DEU", "a")]


def test_delimiter_is_found_where_no_heading_is_known_and_the_sample_ends_within_a_record(tmp_path):
    texts = [f"Peace, they said, {n};\n" * 150 for n in range(5)]  # 150 lines each: the sample holds 500
    lines = ["Nr;Tag;Land;Rede", *(f'{n};1999;FRA;"{text}"' for n, text in enumerate(texts))]
    columns = {"text": "Rede", "date": "Tag", "source": "Land"}
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"columns found: Nr, Tag, Land, Rede\)"):
        list(read_csv(tmp_path / "a.csv", rejects=[].append))
    assert [s.text for s in read_csv(tmp_path / "a.csv", rejects=[].append, columns=columns)] == texts


def test_line_ends_and_spaces_of_a_text_stay(tmp_path):
    got = Got(read_csv, tmp_path / "a.csv", HEAD + '1,1999,FRA,"  One.\r\n\r\nTwo.\t "\r\n')
    assert got.speeches[0].text == "  One.\r\n\r\nTwo.\t "


def test_rows_that_do_not_fit_are_rejected_and_the_rest_is_read(tmp_path):
    rows = [
        "1,1999,FRA",
        "2,1999,FRA,a,b",
        "3,99.99.1999,FRA,t",
        "4,1999,Atlantis,t",
        "5,1999,FRA,",
        "6,1999,,t",
        "7,1999,FRA,good,,",
    ]
    got = Got(read_csv, tmp_path / "a.csv", HEAD + "\n".join(rows) + "\n\n")
    assert got.ids == ["7"]
    assert [line for line, _ in got.reasons] == [2, 3, 4, 5, 6, 7]
    for part, (_, reason) in zip(
        ["3 fields", "5 fields", "99.99", "Atlantis", "text is empty", "source is empty"], got.reasons, strict=True
    ):
        assert part in reason
    assert got.rejects[0].file.endswith("a.csv")
    assert "1,1999,FRA" in got.rejects[0].record


def test_unclosed_quote_costs_one_row(tmp_path):
    rows = ['1,1999,FRA,"never closed', "2,1999,FRA,fine", '3,1999,FRA,"fine, too"', "4,1999,FRA,last"]
    got = Got(read_csv, tmp_path / "a.csv", HEAD + "\n".join(rows))
    assert got.ids == ["2", "3", "4"]
    assert got.reasons[0][0] == 2
    assert "quote" in got.reasons[0][1]


def test_unclosed_quote_in_the_last_row(tmp_path):
    got = Got(read_csv, tmp_path / "a.csv", HEAD + '1,1999,FRA,ok\n2,1999,FRA,"open')
    assert got.ids == ["1"]
    assert got.reasons == [(3, "a quoted field is not closed")]


def test_backslash_quotes_are_understood(tmp_path):
    got = Got(read_csv, tmp_path / "a.csv", HEAD + '1,1999,FRA,"they said \\"no\\", twice"\n2,1999,FRA,"b"\n')
    assert got.speeches[0].text == 'they said "no", twice'


def test_excel_separator_hint(tmp_path):
    got = Got(read_csv, tmp_path / "a.csv", "sep=;\nid;date;country;text\n1;1999;FRA;a, b\n")
    assert got.speeches[0].text == "a, b"


def test_encoding_is_found_reported_and_can_be_given(tmp_path):
    data = (HEAD + "1,1999,FRA,Größe und Güte für alle\n").encode("cp1252")
    got = Got(read_csv, tmp_path / "a.csv", data)
    assert got.speeches[0].text == "Größe und Güte für alle"
    assert got.report.encodings == {"cp1252": 1}
    assert "read as cp1252" in got.report.notes[0]
    assert Got(read_csv, tmp_path / "a.csv", data, encoding="cp1250").report.encodings == {"cp1250": 1}
    with pytest.raises(InputError, match="encoding"):
        Got(read_csv, tmp_path / "a.csv", data, encoding="nope")


@pytest.mark.parametrize("data", ["", "\n\n\n", ",".join(f"c{i}" for i in range(1_000_000)), "text\n" * 2])
def test_files_without_what_is_needed(tmp_path, data):
    with pytest.raises(InputError):
        Got(read_csv, tmp_path / "a.csv", data)


def test_missing_text_column_lists_what_is_there(tmp_path):
    with pytest.raises(
        InputError, match=r"a.csv: no text column \(columns found: id, date, land, body\).*nearest: 'body'"
    ):
        Got(read_csv, tmp_path / "a.csv", "id,date,land,body\n1,1999,FRA,t\n")


def test_columns_and_defaults(tmp_path):
    data = "nr,body,Land\n1,t,\n2,u,DEU\n"
    got = Got(
        read_csv,
        tmp_path / "a.csv",
        data,
        columns={"text": "body", "country": "land"},
        defaults={"date": "1999", "source": "FRA"},
    )
    assert [(s.text, s.source, s.date) for s in got.speeches] == [("t", "FRA", "1999"), ("u", "DEU", "1999")]


def test_huge_line_is_rejected_and_the_next_read(tmp_path):
    got = Got(read_csv, tmp_path / "a.csv", HEAD + "1,1999,FRA," + "x" * 5000 + "\n2,1999,FRA,ok\n", max_record=1000)
    assert got.ids == ["2"]
    assert got.reasons == [(2, "record longer than 1,000 characters")]
    got = Got(
        read_jsonl,
        tmp_path / "a.jsonl",
        "x" * 5000 + '\n{"id":"2","date":1999,"country":"FRA","text":"ok"}\n',
        max_record=1000,
    )
    assert got.ids == ["2"]
    assert got.reasons == [(1, "line longer than 1,000 characters")]


def test_hostile_quotes_do_not_stall(tmp_path):
    start = time.monotonic()
    got = Got(read_csv, tmp_path / "a.csv", HEAD + '"1,2,3,4\n' + 'a","b\n' * 100_000, max_record=100_000)
    assert time.monotonic() - start < 20
    assert got.speeches == []
    assert got.rejects


def test_a_line_of_200_mb_stays_within_memory(tmp_path):
    path = tmp_path / "a.jsonl"
    with path.open("wb") as stream:
        for _ in range(200):
            stream.write(b"x" * 1_000_000)
        stream.write(b'\n{"id":1,"date":1999,"country":"FRA","text":"ok"}\n')
    code = (
        "import sys; from sca_nlp.read.speeches import read_speeches; r = [];"
        "n = len(list(read_speeches(sys.argv[1], rejects=r.append, max_record=10_000_000)));"
        # VmHWM is this process's own peak; ru_maxrss would carry over that of the test runner it was forked from.
        "peak = next(x for x in open('/proc/self/status') if x.startswith('VmHWM'));"
        "print(n, len(r), int(peak.split()[1]) // 1024)"
    )
    out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout
    n, n_rejects, peak = map(int, out.split())
    assert (n, n_rejects) == (1, 1)
    assert peak < 400


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40).filter(
    lambda t: t.strip().strip("\ufeff\u200b\u2060")
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(TEXTS, min_size=1, max_size=6),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_what_a_csv_writer_wrote_comes_back(tmp_path_factory, texts, delimiter, quoting):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting)
    writer.writerows([["id", "date", "country", "text"], *([i, 1999, "FRA", t] for i, t in enumerate(texts))])
    got = Got(read_csv, tmp_path_factory.mktemp("csv") / "a.csv", out.getvalue(), encoding="utf-8")
    assert [s.text for s in got.speeches] == texts


@settings(deadline=None, max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_jsonl_and_parquet_come_back(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("t")
    rows = [{"id": str(i), "date": 1999, "country": "FRA", "text": t} for i, t in enumerate(texts)]
    got = Got(read_jsonl, folder / "a.jsonl", "\n".join(map(json.dumps, rows)))
    assert [s.text for s in got.speeches] == texts
    pq.write_table(pa.Table.from_pylist(rows), folder / "a.parquet")
    assert [s.text for s in Got(read_parquet, folder / "a.parquet").speeches] == texts


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("fuzz")
    for reader, name, head in (
        (read_csv, "a.csv", HEAD.encode()),
        (read_jsonl, "a.jsonl", b""),
        (read_parquet, "a.parquet", b"PAR1"),
    ):
        try:
            got = Got(reader, folder / name, head + data)
        except InputError:
            continue
        for speech in got.speeches:
            speech.text.encode("utf-8")


def test_jsonl_bad_lines_are_rejected_by_line(tmp_path):
    good = '{"id":"%d","date":1999,"country":"FRA","text":"t%d"}'
    lines = [
        good % (1, 1),
        "not json",
        "[1]",
        "",
        "[" * 100_000,
        good % (6, 6),
        '{"id":"7","date":1999,"country":"FRA","text":["t"]}',
        "1" * 5000,
    ]
    got = Got(read_jsonl, tmp_path / "a.jsonl", "\n".join(lines))
    assert got.ids == ["1", "6"]
    assert sorted(line for line, _ in got.reasons) == [2, 3, 5, 7, 8]


def test_jsonl_without_the_text_key(tmp_path):
    with pytest.raises(InputError, match="nearest: 'content'"):
        Got(read_jsonl, tmp_path / "a.jsonl", '{"id":1,"date":1999,"country":"FRA","content":"t"}')


def test_json_list(tmp_path):
    rows = [{"id": 1, "date": 1999, "country": "FRA", "text": "t"}, 3]
    got = Got(read_jsonl, tmp_path / "a.json", json.dumps(rows, indent=1))
    assert got.ids == ["1"]
    assert got.reasons == [(2, "int in place of an object")]
    with pytest.raises(InputError, match="no JSON"):
        Got(read_jsonl, tmp_path / "a.json", "[1, 2")


def test_gz_that_ends_early_keeps_what_was_whole(tmp_path):
    line = b'{"id":"%d","date":1999,"country":"FRA","text":"t%d"}\n'
    data = gzip.compress(b"".join(line % (i, i) for i in range(1000)))
    assert len(Got(read_jsonl, tmp_path / "a.jsonl.gz", data).ids) == 1000
    got = Got(read_jsonl, tmp_path / "b.jsonl.gz", data[: len(data) * 2 // 3])
    assert 100 < len(got.ids) < 1000
    assert "damaged gzip" in got.reasons[-1][1]


def test_parquet_types_and_nulls(tmp_path):
    import datetime

    table = pa.table(
        {
            "doc_id": pa.array(["a", "b", None, "d"]).dictionary_encode(),
            "date": pa.array([datetime.date(1999, 1, 2), None, datetime.date(2000, 1, 2), datetime.date(2001, 1, 2)]),
            "country_iso3": ["FRA", "FRA", "DEU", "USA"],
            "text": pa.array(["one", "two", "three", None], pa.large_string()),
            "unused": [[1], [2], [3], [4]],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    got = Got(read_parquet, tmp_path / "a.parquet")
    assert [(s.date, s.text) for s in got.speeches] == [("1999-01-02", "one"), ("2000-01-02", "three")]
    assert got.speeches[1].speech_id.startswith("speech-")
    assert [(line, reason.split(";")[0]) for line, reason in got.reasons] == [
        (2, "date is empty"),
        (4, "text is empty"),
    ]


def test_parquet_whole_column_null(tmp_path):
    table = pa.table({"date": [1999], "country": ["FRA"], "text": ["t"], "venue": pa.nulls(1)})
    pq.write_table(table, tmp_path / "a.parquet")
    assert Got(read_parquet, tmp_path / "a.parquet").speeches[0].venue == ""


def test_damaged_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    rows = [{"id": str(i), "date": 1999, "country": "FRA", "text": f"text {i} " * 50} for i in range(2000)]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=500)
    data = path.read_bytes()
    with pytest.raises(InputError, match="not readable as Parquet"):
        Got(read_parquet, path, data[: len(data) // 2])
    broken = bytearray(data)
    middle = len(data) // 2
    broken[middle : middle + 3000] = bytes(3000)
    try:
        got = Got(read_parquet, path, bytes(broken))
    except InputError:
        return
    assert got.rejects


def test_jsonl_fields_within_objects_are_named_with_dots(tmp_path):
    record = {"meta": {"when": "March 1999", "who": {"state": "UK"}}, "a.b": {"c": "one"}, "body": {"text": "x"}}
    columns = {"date": "meta.when", "country": "meta.who.state", "text": "body.text", "title": "a.b.c"}
    lines = json.dumps(record) + "\n" + json.dumps({**record, "meta": None}) + "\n"
    got = Got(read_jsonl, tmp_path / "a.jsonl", lines, columns=columns)
    assert [(s.date, s.source, s.text, s.title) for s in got.speeches] == [("1999-03", "GBR", "x", "one")]
    assert got.reasons == [(2, "date is empty; wanted YYYY, YYYY-MM or YYYY-MM-DD")]
