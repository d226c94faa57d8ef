from __future__ import annotations

import openpyxl
import pytest

from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.read.speeches import ReadReport
from sca_nlp.read.speeches.folder import file_pattern, read_text_folder


def read(path, **options):
    rejects = []
    return list(read_text_folder(path, rejects=rejects.append, **options)), rejects


def fill(folder, **files):
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def test_metadata_from_a_pattern(tmp_path):
    fill(tmp_path, **{"FRA_12_1985-03-01": "Un\r\ndeux ", "USA_12_1986": "two", "notes": "no speech"})
    speeches, rejects = read(tmp_path, pattern="{country}_{session}_{date}.txt")
    assert [(s.speech_id, s.source, s.date, s.text) for s in speeches] == [
        ("FRA_12_1985-03-01", "FRA", "1985-03-01", "Un\r\ndeux "),
        ("USA_12_1986", "USA", "1986", "two"),
    ]
    assert [r.reason for r in rejects] == ["notes.txt: the name does not fit the pattern"]


def test_pattern_with_folders_and_speaker(tmp_path):
    fill(tmp_path, **{"France__1985-03-01_J. Doe_Jr": "a", "USA__1986_M. Roe": "b"})
    speeches, rejects = read(tmp_path, pattern="{source}/{date}_{speaker}.txt")
    assert [(s.source, s.date, s.speaker) for s in speeches] == [
        ("FRA", "1985-03-01", "J. Doe_Jr"),
        ("USA", "1986", "M. Roe"),
    ]
    assert rejects == []


def test_plain_names_need_no_pattern(tmp_path):
    fill(tmp_path, **{"FRA_1985": "a", "1986-02_USA": "b", "deu_05_1990": "c", "whatever": "d"})
    speeches, rejects = read(tmp_path)
    assert {(s.source, s.date) for s in speeches} == {("FRA", "1985"), ("USA", "1986-02"), ("DEU", "1990")}
    assert "date is empty" in rejects[0].reason


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_sidecar_goes_before_the_name(tmp_path, ending):
    fill(tmp_path, **{"a": "one", "b": "two", "c": "three"})
    rows = [
        ["Filename", "Land", "date", "speaker", "id"],
        ["a.txt", "France", "1985-03-01", "J. Doe", "x1"],
        ["b", "USA", 1986, "", "x2"],
        ["gone", "USA", 1986, "", ""],
    ]
    if ending == "csv":
        (tmp_path / "meta.csv").write_text("\n".join(";".join(map(str, r)) for r in rows))
    else:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(tmp_path / "meta.xlsx")
    report = ReadReport()
    speeches, rejects = read(tmp_path, columns={"country": "Land"}, report=report)
    assert [(s.speech_id, s.source, s.date, s.speaker) for s in speeches] == [
        ("x1", "FRA", "1985-03-01", "J. Doe"),
        ("x2", "USA", "1986", ""),
    ]
    assert [r.reason for r in rejects] == [f"c.txt: no row in meta.{ending}"]
    assert any("1 rows name no file" in note for note in report.notes)


def test_sidecar_without_file_column(tmp_path):
    fill(tmp_path, a="one")
    (tmp_path / "meta.csv").write_text("nr,date\na,1985\n")
    with pytest.raises(InputError, match="no file column"):
        read(tmp_path)


def test_links_and_bounds(tmp_path):
    folder = tmp_path / "in"
    fill(folder, FRA_1985="a", FRA_1986="x" * 500)
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "FRA_1987.txt").symlink_to(tmp_path / "secret.txt")
    speeches, rejects = read(folder, max_record=100)
    assert [s.text for s in speeches] == ["a"]
    assert sorted(r.reason.split(";")[0][:30] for r in rejects) == [
        "FRA_1986.txt: 500 bytes",
        "FRA_1987.txt: no plain file wi",
    ]


def test_encodings_and_one_file(tmp_path):
    fill(tmp_path, FRA_1985="La sécurité de nos alliés est liée à la nôtre".encode("cp1252"))
    report = ReadReport()
    (speech,), _ = read(tmp_path / "FRA_1985.txt", report=report)
    assert speech.text == "La sécurité de nos alliés est liée à la nôtre"
    assert report.encodings == {"cp1252": 1}
    with pytest.raises(InputError, match="encoding"):
        read(tmp_path, encoding="nope")


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path)


@pytest.mark.parametrize("pattern", ["plain.txt", "{date}{source}.txt", "{date}_{year}.txt"])
def test_bad_patterns(pattern):
    with pytest.raises(InputError, match="names in braces"):
        file_pattern(pattern)


def test_the_text_is_no_part_of_a_name():
    with pytest.raises(UnknownNameError, match="'text'"):
        file_pattern("{date}_{text}.txt")
