from __future__ import annotations

import json

import pytest

from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.read.speeches import ReadReport, detect_format, read_speeches

LINE = "id,date,country,text\n{0},1999,FRA,text {0}\n"


def test_format_by_ending_and_content(tmp_path):
    names = {
        "a.csv": "csv",
        "a.TSV": "csv",
        "a.csv.gz": "csv",
        "a.jsonl": "jsonl",
        "a.jsonl.gz": "jsonl",
        "a.json": "jsonl",
    }
    names |= {
        "a.parquet": "parquet",
        "a.txt": "text",
        "a.tgz": "ungdc",
        "a.tar.gz": "ungdc",
        "a.b.pdf": "documents",
        "x.docx": "documents",
    }
    for name, format in names.items():
        (tmp_path / name).write_bytes(b"x")
        assert detect_format(tmp_path / name) == format, name
    for data, format in ((b"PAR1", "parquet"), (b'{"a": 1}', "jsonl"), (b"%PDF-1.4", "documents")):
        (tmp_path / "plain").write_bytes(data)
        assert detect_format(tmp_path / "plain") == format
    (tmp_path / "a.xyz").write_bytes(b"x")
    with pytest.raises(InputError, match=r"ending '\.xyz'"):
        detect_format(tmp_path / "a.xyz")
    with pytest.raises(InputError, match="no such file"):
        detect_format(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("files", "format"),
    [
        (["Session 01 - 1946/FRA_01_1946.txt"], "ungdc"),
        (["TXT/Session 01 - 1946/FRA_01_1946.txt"], "ungdc"),
        (["a.txt", "meta.csv"], "text"),
        (["sub/a.txt"], "text"),
        (["a.pdf", "meta.xlsx"], "documents"),
        (["a.csv"], "csv"),
        (["state.json", "dataset_info.json", "data-00000-of-00001.arrow"], "huggingface"),
    ],
)
def test_format_by_layout(tmp_path, files, format):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert detect_format(tmp_path) == format


def test_empty_folder(tmp_path):
    with pytest.raises(InputError, match="without speeches"):
        detect_format(tmp_path)


def test_folder_pattern_and_list_give_the_same(tmp_path):
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.csv").write_text(LINE.format(name))
    (tmp_path / "c.csv").rename(tmp_path / "c.jsonl")
    (tmp_path / "c.jsonl").write_text(json.dumps({"id": "c", "date": 1999, "country": "FRA", "text": "text c"}))
    rejects = []
    by_folder = list(read_speeches(tmp_path, rejects=rejects.append))
    assert [s.speech_id for s in by_folder] == ["a", "b", "c"]
    assert {s.corpus for s in by_folder} == {tmp_path.name}
    by_pattern = list(read_speeches(str(tmp_path / "*.csv"), rejects=rejects.append))
    by_list = list(read_speeches([tmp_path / "a.csv", tmp_path / "b.csv"], rejects=rejects.append))
    assert by_pattern == by_list
    assert [s.speech_id for s in by_list] == ["a", "b"]
    assert rejects == []


def test_ids_are_compared_across_files(tmp_path):
    (tmp_path / "a.csv").write_text(LINE.format(1))
    (tmp_path / "b.csv").write_text(LINE.format(1))
    rejects, report = [], ReadReport()
    assert len(list(read_speeches(tmp_path, rejects=rejects.append, report=report))) == 1
    assert rejects[0].file.endswith("b.csv")
    assert report.as_dict()["n_duplicates"] == 1


def test_one_bad_file_among_several_is_rejected_but_a_lone_one_is_an_error(tmp_path):
    (tmp_path / "a.csv").write_text("nonsense\n1\n")
    rejects = []
    with pytest.raises(InputError):
        list(read_speeches(tmp_path, rejects=rejects.append))
    (tmp_path / "b.csv").write_text(LINE.format(1))
    assert len(list(read_speeches(tmp_path, rejects=rejects.append))) == 1
    assert rejects[0].file.endswith("a.csv")
    assert "file left out" in rejects[0].reason


def test_links_out_of_a_folder_are_not_followed(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out.csv").write_text(LINE.format("secret"))
    (tmp_path / "in" / "a.csv").write_text(LINE.format("a"))
    (tmp_path / "in" / "b.csv").symlink_to(tmp_path / "out.csv")
    assert [s.speech_id for s in read_speeches(tmp_path / "in", rejects=[].append)] == ["a"]


def test_unknown_format_option_and_pattern(tmp_path):
    (tmp_path / "a.csv").write_text(LINE.format(1))
    with pytest.raises(UnknownNameError, match="did you mean 'csv'"):
        list(read_speeches(tmp_path / "a.csv", "cvs", rejects=[].append))
    with pytest.raises(UnknownNameError, match="reader option 'foo'"):
        list(read_speeches(tmp_path / "a.csv", rejects=[].append, foo=1))
    with pytest.raises(InputError, match="no file fits"):
        list(read_speeches(tmp_path / "*.jsonl", rejects=[].append))


@pytest.mark.parametrize(("ending", "instead"), [(".xlsx", "CSV"), (".doc", ".docx or .txt")])
def test_files_of_other_programs_are_told_what_to_be_saved_as(tmp_path, ending, instead):
    (tmp_path / f"a{ending}").write_bytes(b"PK")
    with pytest.raises(InputError, match=f"no reader; wanted the same saved as {instead}"):
        detect_format(tmp_path / f"a{ending}")


def test_files_of_other_kinds_in_a_folder_are_counted(tmp_path):
    for name in ("FRA_1985.txt", "FRA_1986.doc", "FRA_1987.docx", ".DS_Store", "meta.csv"):
        (tmp_path / name).write_text("file,date\nFRA_1985.txt,1985\n" if name == "meta.csv" else "One.")
    report, rejects = ReadReport(), []
    assert len(list(read_speeches(tmp_path, rejects=rejects.append, report=report))) == 1
    assert report.notes == [f"{tmp_path}: 2 files of other kinds are not read (1 .doc, 1 .docx)"]


def test_names_that_tell_nothing_get_a_hint_how_to_read_them(tmp_path):
    (tmp_path / "1985-03-01 J. Doe.txt").write_text("One.")
    report, rejects = ReadReport(), []
    given = {"rejects": rejects.append, "report": report, "defaults": {"source": "FRA"}}
    assert list(read_speeches(tmp_path, **given)) == []
    assert len(rejects) == 1
    assert "--option 'pattern={date} {speaker}'" in report.notes[0]
    [speech] = read_speeches(tmp_path, pattern="{date} {speaker}", **given)
    assert (speech.date, speech.speaker) == ("1985-03-01", "J. Doe")
