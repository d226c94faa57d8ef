from __future__ import annotations

import io
import tarfile
import zipfile

import openpyxl
import pytest

from sca_nlp.errors import InputError
from sca_nlp.read.speeches import ReadReport
from sca_nlp.read.speeches.ungdc import read_ungdc

TEXT = "53. Coexistence, we \nsaid, is a promise.\n\n54. We keep it."


def speakers():
    book = openpyxl.Workbook()
    book.active.append(["Year", "Session", "ISO Code", "Country", "Name of Person Speaking", "Post"])
    book.active.append([1985, 40, "FRA", "France", "J. Doe,", "Minister"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


FILES = {
    "TXT/Session 40 - 1985/FRA_40_1985.txt": TEXT.encode(),
    "TXT/Session 40 - 1985/._FRA_40_1985.txt": b"\x00\x05\x16\x07",
    "TXT/Session 40 - 1985/RUS_40_1985.txt": "\ufeffWe answer.".encode(),
    "TXT/Session 40 - 1985/README.txt": b"about",
    "TXT/Session 02 - 1947/EU_02_1947.txt": b"A union speaks.",
    "Speakers_by_session.xlsx": speakers(),
}


def folder(tmp_path):
    for name, data in FILES.items():
        (tmp_path / "c" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "c" / name).write_bytes(data)
    return tmp_path / "c"


def archive(tmp_path, files=FILES, mode="w:gz", extra=()):
    path = tmp_path / "c.tgz"
    with tarfile.open(path, mode) as tar:
        for member in extra:
            tar.addfile(member)
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def read(path, **options):
    rejects, report = [], ReadReport()
    return list(read_ungdc(path, rejects=rejects.append, report=report, **options)), rejects, report


@pytest.mark.parametrize("make", [folder, archive])
def test_reads_the_published_layout(tmp_path, make):
    speeches, rejects, _ = read(make(tmp_path))
    by_id = {s.speech_id: s for s in speeches}
    assert set(by_id) == {"UNGDC_FRA_40_1985", "UNGDC_RUS_40_1985", "UNGDC_EU_2_1947"}
    french = by_id["UNGDC_FRA_40_1985"]
    assert (french.text, french.date, french.source, french.speaker, french.office) == (
        TEXT,
        "1985",
        "FRA",
        "J. Doe",
        "Minister",
    )
    assert by_id["UNGDC_RUS_40_1985"].text == "We answer."
    assert [r.reason for r in rejects] == ["TXT/Session 40 - 1985/README.txt: the name is not ISO_NN_YYYY.txt"]


def test_folder_is_read_by_session(tmp_path):
    assert [s.date for s in read(folder(tmp_path))[0]] == ["1947", "1985", "1985"]


def test_without_speakers_that_is_noted(tmp_path):
    files = {k: v for k, v in FILES.items() if not k.endswith("xlsx")}
    speeches, _, report = read(archive(tmp_path, files))
    assert {s.speaker for s in speeches} == {""}
    assert "no table of speakers" in report.notes[0]


def test_links_and_paths_out_of_the_archive_are_rejected(tmp_path):
    link = tarfile.TarInfo("TXT/Session 40 - 1985/USA_40_1985.txt")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard = tarfile.TarInfo("TXT/Session 40 - 1985/GBR_40_1985.txt")
    hard.type, hard.linkname = tarfile.LNKTYPE, "../../x"
    files = {"../../CHN_40_1985.txt": b"out", "/tmp/CAN_40_1985.txt": b"out"} | FILES
    speeches, rejects, _ = read(archive(tmp_path, files, extra=(link, hard)))
    assert len(speeches) == 3
    assert sum("link or special" in r.reason for r in rejects) == 2
    assert sum("a path out of" in r.reason for r in rejects) == 2


def test_bombs_are_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="200 times"):
        read(archive(tmp_path, {"a.bin": bytes(1 << 27)}))
    _, rejects, _ = read(archive(tmp_path, FILES | {"TXT/USA_40_1985.txt": b"x" * 3000}), max_record=2000)
    assert "3,000 bytes" in rejects[-1].reason
    monkeypatch.setattr("sca_nlp.read.speeches.ungdc.MAX_MEMBERS", 3)
    with pytest.raises(InputError, match="more than 3 members"):
        read(archive(tmp_path))


def test_damaged_archives(tmp_path):
    path = archive(tmp_path)
    data = path.read_bytes()
    for broken in (data[: len(data) // 2], b"no archive", b""):
        path.write_bytes(broken)
        with pytest.raises(InputError):
            read(path)


def test_a_zip_bomb_of_speakers_is_left_out(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("xl/workbook.xml", bytes(1 << 26))
    speeches, rejects, _ = read(archive(tmp_path, FILES | {"Speakers_by_session.xlsx": out.getvalue()}))
    assert len(speeches) == 3
    assert "unpacks from" in rejects[0].reason


def test_nothing_of_the_layout(tmp_path):
    with pytest.raises(InputError, match="no texts of the General Debate"):
        read(archive(tmp_path, {"a.bin": b"x"}))
