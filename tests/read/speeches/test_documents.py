from __future__ import annotations

import zipfile

import pytest

from sca_nlp.errors import InputError
from sca_nlp.read.speeches import document_worker
from sca_nlp.read.speeches.documents import read_documents

pytest.importorskip("pypdf", reason="the extra 'documents' is not installed")
pytest.importorskip("bs4", reason="the extra 'documents' is not installed")
docx = pytest.importorskip("docx", reason="the extra 'documents' is not installed")

HTML = """<html><head><title>On peace</title><meta property="article:published_time" content="1999-03-12T10:00:00Z">
<style>p {}</style></head><body><nav>Home</nav><article><h1>Peace</h1><p>We <b>keep</b> our word.<br>Always.</p>
<script>alert(1)</script><ul><li>One</li><li>Two &amp; three</li></ul></article></body></html>"""


def pdf(text: str) -> bytes:
    """Return a PDF of one page, written by hand."""
    content = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET".encode()
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"]
    objects += [b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>"]
    objects += [
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, places = b"%PDF-1.4\n", []
    for n, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (n, body)
    table = b"".join(b"%010d 00000 n \n" % p for p in places)
    return out + b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        table,
        len(out),
    )


def read(path, **options):
    rejects = []
    return list(read_documents(path, rejects=rejects.append, **options)), rejects


def word(path, *paragraphs):
    document = docx.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    document.save(path)


def test_pdf_html_and_docx(tmp_path):
    (tmp_path / "FRA_1999.pdf").write_bytes(pdf("We keep our word."))
    (tmp_path / "speech.html").write_text(HTML)
    word(tmp_path / "USA_2001-05.docx", "First.", "Second.")
    speeches, rejects = read(tmp_path, defaults={"source": "DEU"})
    assert rejects == []
    assert [(s.speech_id, s.source, s.date, s.title, s.text.strip()) for s in speeches] == [
        ("FRA_1999", "FRA", "1999", "", "We keep our word."),
        ("USA_2001-05", "USA", "2001-05", "", "First.\nSecond."),
        ("speech", "DEU", "1999-03-12", "On peace", "Peace\nWe keep our word.\nAlways.\nOne\nTwo & three"),
    ]


def test_hostile_documents_are_rejected_and_the_rest_is_read(tmp_path):
    (tmp_path / "FRA_1990.pdf").write_bytes(b"%PDF-1.4 nonsense")
    (tmp_path / "FRA_1991.docx").write_bytes(b"PK nonsense")
    with zipfile.ZipFile(tmp_path / "FRA_1992.docx", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("word/document.xml", bytes(1 << 26))
    with zipfile.ZipFile(tmp_path / "FRA_1993.docx", "w") as entities:
        entities.writestr("word/document.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>')
    (tmp_path / "FRA_1994.html").write_text("<p></p>")
    (tmp_path / "FRA_1995.html").write_text("<p>Good.</p>")
    (tmp_path / "FRA_1996.html").write_text("<div>" * 1_500 + "deep")
    speeches, rejects = read(tmp_path)
    assert "FRA_1995" in {s.speech_id for s in speeches}
    assert {s.speech_id for s in speeches} <= {"FRA_1995", "FRA_1996"}
    reasons = " | ".join(r.reason for r in rejects)
    for part in (
        "FRA_1990.pdf: not readable as pdf",
        "FRA_1991.docx: not readable as docx",
        "zip bomb",
        "entities",
        "text is empty",
    ):
        assert part in reasons


def test_time_and_memory_and_size_limits(tmp_path):
    (tmp_path / "FRA_1990.html").write_text("<p>a</p>")
    _, rejects = read(tmp_path, seconds=0.0)
    assert "took longer than 0 s" in rejects[0].reason
    _, rejects = read(tmp_path, memory_mb=16)
    assert len(rejects) == 1
    _, rejects = read(tmp_path, max_bytes=3)
    assert "8 bytes" in rejects[0].reason
    (tmp_path / "FRA_1990.html").unlink()
    (tmp_path / "FRA_1991.pdf").write_bytes(pdf("a"))
    _, rejects = read(tmp_path, max_pages=0)
    assert "1 pages; wanted at most 0" in rejects[0].reason


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path)


# What the reading process does, here without one: it may write no file, so that nothing could measure it there.
LIMITS = {"max_pages": 9, "max_chars": 1000}


def worked(kind, path):
    return getattr(document_worker, kind)({"path": str(path), "kind": kind, **LIMITS})


def test_pdf_that_are_locked_scanned_or_too_long(tmp_path):
    import pypdf

    path = tmp_path / "a.pdf"
    path.write_bytes(pdf("We keep our word."))
    assert worked("pdf", path) == {"text": "We keep our word.", "title": ""}
    writer = pypdf.PdfWriter(clone_from=path)
    writer.add_metadata({"/Title": "On peace"})
    writer.write(path)
    assert worked("pdf", path)["title"] == "On peace"
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(path)
    with pytest.raises(document_worker.Refused, match="protected by a password"):
        worked("pdf", path)
    path.write_bytes(pdf(""))
    with pytest.raises(document_worker.Refused, match="no text"):
        worked("pdf", path)
    path.write_bytes(pdf("word " * 300))
    with pytest.raises(document_worker.Refused, match="more than 1,000 characters"):
        worked("pdf", path)
    with pytest.raises(document_worker.Refused, match="1 pages; wanted at most 0"):
        document_worker.pdf({"path": str(path), "max_pages": 0, "max_chars": 9})


def test_pages_say_their_date_once_and_their_main_part_alone(tmp_path):
    path = tmp_path / "a.html"
    path.write_text("<title> T </title><nav>Home</nav><main><p>One.</p><time datetime='1999-03-12'>then</time></main>")
    got = worked("html", path)
    assert (got["text"], got["title"], got["date"]) == ("One.\nthen", "T", "1999-03-12")
    path.write_text(
        "<time datetime='1999'></time><time datetime='2000'></time><article>A</article><article>B</article>"
    )
    got = worked("html", path)
    assert (got["text"], got["title"], got["date"]) == (
        "A\nB",
        "",
        "",
    )  # two dates tell none, two articles are the page
    path.write_text(HTML)
    assert worked("html", path)["date"] == "1999-03-12T10:00:00Z"


def test_word_files_with_tables_and_bombs(tmp_path):
    document = docx.Document()
    document.core_properties.title = "On peace"
    document.add_paragraph("First.")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "left", "right"
    document.save(tmp_path / "a.docx")
    assert worked("docx", tmp_path / "a.docx") == {"text": "First.\nleft\tright", "title": "On peace"}
    for name, member, content, message in (
        ("bomb", "word/document.xml", bytes(1 << 26), "no zip bomb"),
        ("entity", "word/document.xml", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>', "declares entities or a type"),
    ):
        with zipfile.ZipFile(tmp_path / f"{name}.docx", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, content)
        with pytest.raises(document_worker.Refused, match=message):
            worked("docx", tmp_path / f"{name}.docx")
