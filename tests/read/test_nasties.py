"""Hand-made nasties: each is read, or refused with where, what was got and what was wanted, at the cost of its row."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from sca_nlp.config import read_config
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.read.annotations import read_annotations
from sca_nlp.read.dates import parse_date
from sca_nlp.read.speeches import ReadReport, read_speeches
from sca_nlp.records import Reject, Speech
from sca_nlp.report.tables import guard, unguard

HEAD = "id,date,country,text\n"


def read(path: Path, **options: Any) -> tuple[list[Speech], list[Reject]]:
    rejects: list[Reject] = []
    return list(read_speeches(path, rejects=rejects.append, report=ReadReport(), **options)), rejects


def test_nul_bytes_lone_surrogates_and_odd_spaces(tmp_path: Path) -> None:
    rows = [
        {"id": "nul", "date": "1999", "country": "FRA", "text": "We\0 keep it."},
        {"id": "lone", "date": "1999", "country": "FRA", "text": "We keep \ud800 it."},
        {
            "id": "rtl",
            "date": "1999",
            "country": "FRA",
            "text": "\u202eWe keep it.\u202c \u0627\u0644\u0633\u0644\u0627\u0645",
        },
        {"id": "zero", "date": "1999", "country": "FRA", "text": "We\u200bkeep\u200d it\ufeff."},
        {"id": "only-zero", "date": "1999", "country": "FRA", "text": "\u200b\u200b\ufeff"},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    speeches, rejects = read(tmp_path / "a.jsonl")
    texts = {s.speech_id: s.text for s in speeches}
    assert texts["rtl"] == rows[2]["text"]
    assert texts["zero"] == rows[3]["text"]
    assert all(t.encode("utf-8") for t in texts.values())
    assert [(r.line, "text is empty" in r.reason) for r in rejects] == [(5, True)]


def test_a_million_columns(tmp_path: Path) -> None:
    names, empty = ",".join(f"c{k}" for k in range(1_000_000)), "," * 1_000_000
    (tmp_path / "a.csv").write_text(f"id,date,country,text,{names}\n1,1999,FRA,We keep it.{empty}\n")
    with pytest.raises(InputError, match=r"a\.csv: a header line that is too long; wanted at most 10,000 columns"):
        read(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text(f"{HEAD}1,1999,FRA,We keep it.{',x' * 1_000_000}\n2,1999,FRA,We keep it.\n")
    speeches, rejects = read(tmp_path / "b.csv")
    assert [s.speech_id for s in speeches] == ["2"]
    assert rejects[0].line == 2


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_line_of_200_mb_is_one_reject_in_bounded_memory(tmp_path: Path, name: str) -> None:
    good = "1,1999,FRA,We keep it.\n" if name == "a.csv" else '{"date":1999,"country":"FRA","text":"We keep it."}\n'
    with (tmp_path / name).open("w") as f:
        f.write((HEAD if name == "a.csv" else "") + good)
        for _ in range(200):
            f.write("x" * 1_000_000)
        f.write("\n")
    code = (
        "import sys; from sca_nlp.read.speeches import read_speeches; r = [];"
        "n = len(list(read_speeches(sys.argv[1], rejects=r.append, max_record=1_000_000)));"
        "peak = next(x for x in open('/proc/self/status') if x.startswith('VmHWM'));"
        "print(n, len(r), int(peak.split()[1]) // 1024, r[0].reason[:200])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / name)]
    n, n_rejects, peak, why = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(" ", 3)
    assert (n, n_rejects) == ("1", "1")
    assert int(peak) < 400
    assert "1,000,000" in why


SIX = ["{y:04}-03-25", "{y:04}/03/25", "{y:04}0325", "25 March {y:04}", "March 25, {y:04}", "25/03/{y:04}"]


@pytest.mark.parametrize("form", SIX)
def test_years_from_0_to_9999_in_six_notations(form: str) -> None:
    for year in (
        *range(0, 1000, 37),
        999,
        1000,
        1066,
        1648,
        1945,
        1999,
        2025,
        2100,
        2101,
        *range(2101, 10000, 53),
        9999,
    ):
        text = form.format(y=year)
        if 1000 <= year <= 2100:
            assert parse_date(text) == f"{year}-03-25"
        else:
            with pytest.raises(InputError) as caught:
                parse_date(text, where="a.csv:2")
            assert str(caught.value).startswith("a.csv:2: date is ")
            assert "wanted" in str(caught.value)


@pytest.mark.parametrize("text", ["1999-02-30", "31 April 1999", "1999-13-01", "30/02/1999", "19990231"])
def test_days_that_never_were(text: str) -> None:
    with pytest.raises(InputError, match="date is"):
        parse_date(text)


def test_duplicate_ids_and_markup_in_every_field(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>'\"&=1+1"
    row = {"id": "x", "date": "1999", "country": "FRA", "text": f"We keep it. {evil}", "speaker": evil, "title": evil}
    other = row | {"text": "Another text.", "country": evil}
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(r) for r in (row, row, row | {"text": "Another."}, other)))
    speeches, rejects = read(tmp_path / "a.jsonl")
    assert [(s.speaker, s.title) for s in speeches] == [(evil, evil)]
    assert [r.line for r in rejects] == [2, 3, 4]


def test_ragged_quotes_and_rows(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        HEAD + '1,1999,FRA,"We keep it.\n2,1999,FRA,"so" it is\n3,1999,FRA\n4,1999,FRA,Good.,more\n5,1999,FRA,Good.\n'
    )
    speeches, rejects = read(tmp_path / "a.csv")
    assert "5" in {s.speech_id for s in speeches}
    assert rejects
    assert all(r.file.endswith("a.csv") and r.line and r.reason for r in rejects)


def test_gzip_tar_and_zip_bombs(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(90 << 20), 9)
    (tmp_path / "a.csv.gz").write_bytes(bomb)
    with pytest.raises(InputError, match="unpacks to more than"):
        read(tmp_path / "a.csv.gz")
    nested = io.BytesIO()
    with tarfile.open(fileobj=nested, mode="w:gz") as tar:
        member = tarfile.TarInfo("TXT/Session 40 - 1985/FRA_40_1985.txt")
        member.size = 90 << 20
        tar.addfile(member, io.BytesIO(bytes(90 << 20)))
    (tmp_path / "c.tgz").write_bytes(nested.getvalue())
    rejects: list[Reject] = []
    said = ""
    try:
        assert list(read_speeches(tmp_path / "c.tgz", rejects=rejects.append)) == []
    except InputError as e:
        said = str(e)
    assert "wanted" in said or any("wanted" in r.reason or "bytes" in r.reason for r in rejects)


@pytest.mark.parametrize("name", ["../../evil.txt", "/etc/evil.txt", "TXT/../../../evil.txt"])
def test_paths_out_of_an_archive_write_nothing(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "c.tar", "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    before = sorted(p.name for p in tmp_path.rglob("*"))
    with pytest.raises(InputError):
        read(tmp_path / "c.tar")
    assert sorted(p.name for p in tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "entity",
    [
        '<!DOCTYPE x [<!ENTITY a "' + "a" * 1000 + '"><!ENTITY b "' + "&a;" * 1000 + '">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_entities_in_a_side_table(tmp_path: Path, entity: str) -> None:
    (tmp_path / "t.txt").write_text("We keep it.")
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["file", "date", "country", "speaker"])
    book.active.append(["t.txt", "1999", "FRA", "A. Body"])
    book.save(out)
    with zipfile.ZipFile(out) as archive:
        parts = {n: archive.read(n) for n in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    start = sheet.index("<worksheet")
    parts["xl/worksheets/sheet1.xml"] = (sheet[:start] + entity + sheet[start:].replace("A. Body", "&b;")).encode()
    with zipfile.ZipFile(tmp_path / "side.xlsx", "w") as archive:
        for part, data in parts.items():
            archive.writestr(part, data)
    said = ""
    rejects: list[Reject] = []
    try:
        found = list(read_speeches(tmp_path, "text", rejects=rejects.append, sidecar=tmp_path / "side.xlsx"))
    except InputError as e:
        said, found = str(e), []
    assert "root:" not in json.dumps([s.speaker for s in found])
    assert "side.xlsx" in said or "side.xlsx" in " ".join(r.reason + r.file for r in rejects), (said, rejects, found)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''=1", "plain", "'quoted'", ""]
)
def test_formulas_are_guarded_and_come_back(text: str) -> None:
    assert unguard(guard(text)) == text
    assert guard(text)[:1] not in ("=", "+", "-", "@", "\t", "\r")


def test_unknown_keys_of_a_config_name_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[words]\nperiode = 'year'\n")
    with pytest.raises(UnknownNameError, match="did you mean 'period'"):
        read_config(tmp_path / "a.toml")
    (tmp_path / "a.toml").write_text("x = " + "[" * 20_000)
    with pytest.raises(InputError, match="not readable as TOML"):
        read_config(tmp_path / "a.toml")


def test_annotations_in_another_encoding_and_nested_too_deep(tmp_path: Path) -> None:
    good = json.dumps({"text": "We keep it.", "codes": ["TP+"]})
    (tmp_path / "a.jsonl").write_text(good + "\n" + "[" * 100_000 + "\n" + good + "\n")
    rejects: list[Reject] = []
    assert len(list(read_annotations(tmp_path / "a.jsonl", format="jsonl", rejects=rejects.append))) == 2
    assert rejects[0].line == 2
    (tmp_path / "b.csv").write_bytes("text,codes\nNous gardons la parole donnée à été,TP+\n".encode("cp1252"))
    (got,) = read_annotations(tmp_path / "b.csv")
    assert got.text == "Nous gardons la parole donnée à été"
    broken = (
        good.encode()
        + b"\n"
        + good.replace("keep", "ke\u00e9p").encode()[:-20]
        + b"\xff\xfe"
        + b'"}\n'
        + ("\u00e9" * 40).encode()
    )
    (tmp_path / "c.jsonl").write_bytes(broken)
    rejects.clear()
    assert len(list(read_annotations(tmp_path / "c.jsonl", format="jsonl", rejects=rejects.append))) == 1
    assert rejects
