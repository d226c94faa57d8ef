"""A process of its own that turns PDF, HTML and DOCX files into text, so that a hostile file only ends this one.

Run by `documents.py` by its path: it imports nothing of the package. One JSON request a line on standard input
(`path`, `kind`, `max_pages`, `max_chars`), one JSON answer a line (`text`, `title`, `date`, `encoding`; or `error`).
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import zipfile
from typing import Any

_BLOCKS = [
    "p",
    "div",
    "br",
    "li",
    "ul",
    "ol",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "tr",
    "table",
    "blockquote",
    "section",
    "article",
    "header",
    "footer",
    "pre",
    "hr",
    "dt",
    "dd",
]
_UNSEEN = ("script", "style", "noscript", "template", "svg", "head")
_MAX_UNPACKED = 1 << 28


class Refused(Exception):
    """The document cannot be used; the message says why and what was wanted."""


def main() -> None:
    """Answer requests until standard input ends."""
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it has nothing to write
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = _KINDS[request["kind"]](request)
            if len(answer["text"]) > request["max_chars"]:
                raise Refused(f"text of {len(answer['text']):,} characters; wanted at most {request['max_chars']:,}")
        except Refused as e:
            answer = {"error": str(e)}
        except ImportError as e:
            answer = {"missing": e.name or "a library"}
        except MemoryError:
            answer = {"error": f"needs more than {memory >> 20:,} MiB of memory"}
        except Exception as e:  # hostile files bring up anything
            answer = {"error": f"not readable as {request['kind']} ({type(e).__name__}: {str(e)[:200]})"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def pdf(request: dict[str, Any]) -> dict[str, str]:
    """Return the text of a PDF, its pages joined by line ends."""
    import pypdf

    reader = pypdf.PdfReader(request["path"], strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise Refused("protected by a password; wanted a PDF that opens without one")
    if len(reader.pages) > request["max_pages"]:
        raise Refused(f"{len(reader.pages):,} pages; wanted at most {request['max_pages']:,}")
    parts, size = [], 0
    for page in reader.pages:
        parts.append(page.extract_text() or "")
        size += len(parts[-1])
        if size > request["max_chars"]:
            raise Refused(f"text of more than {request['max_chars']:,} characters")
    text = "\n".join(parts)
    if not text.strip():
        raise Refused("no text (a scan?); wanted a PDF with text, such as OCR makes")
    title = reader.metadata.title if reader.metadata else ""
    return {"text": text, "title": str(title or "")}


def html(request: dict[str, Any]) -> dict[str, str]:
    """Return what a reader of the page sees: main part or whole, a line end after each block, no scripts or styles."""
    from bs4 import BeautifulSoup

    with open(request["path"], "rb") as stream:  # noqa: PTH123
        soup = BeautifulSoup(stream.read(), "html.parser")
    title = soup.title.get_text().strip() if soup.title else ""
    published = soup.select_one('meta[property="article:published_time"], meta[name="date"]')
    date = str(published.get("content") or "") if published else ""
    if not date and (times := soup.find_all("time", attrs={"datetime": True}, limit=2)) and len(times) == 1:
        date = str(times[0]["datetime"])
    for tag in soup.find_all(_UNSEEN):
        tag.decompose()
    bodies = soup.find_all("article", limit=2) or soup.find_all("main", limit=2)
    body = bodies[0] if len(bodies) == 1 else soup
    for tag in body.find_all(_BLOCKS):
        tag.insert_after("\n")
        if tag.name != "br":
            tag.insert_before("\n")
    text = body.get_text()
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(r" ?\n[ \n]*", "\n", text).strip()
    return {"text": text, "title": title, "date": date, "encoding": str(soup.original_encoding or "")}


def docx(request: dict[str, Any]) -> dict[str, str]:
    """Return the paragraphs and tables of a Word document, one a line."""
    import defusedxml.ElementTree
    import docx as python_docx

    with zipfile.ZipFile(request["path"]) as archive:
        members = archive.infolist()
        unpacked = sum(m.file_size for m in members)
        bound = max(1 << 25, 200 * sum(m.compress_size for m in members))
        if len(members) > 10_000 or unpacked > min(bound, _MAX_UNPACKED):
            raise Refused(f"{len(members):,} members that unpack to {unpacked:,} bytes; wanted no zip bomb")
        for member in members:
            if member.filename.endswith((".xml", ".rels")):
                try:  # a document type or entities have no place in a Word file
                    defusedxml.ElementTree.fromstring(archive.read(member), forbid_dtd=True)
                except defusedxml.DefusedXmlException as e:
                    raise Refused(f"{member.filename} declares entities or a type ({type(e).__name__})") from None
    document = python_docx.Document(request["path"])
    lines = []
    for block in document.iter_inner_content():
        if hasattr(block, "rows"):
            lines += ["\t".join(cell.text for cell in row.cells) for row in block.rows]
        else:
            lines.append(block.text)
    return {"text": "\n".join(lines), "title": document.core_properties.title or ""}


_KINDS = {"pdf": pdf, "html": html, "docx": docx}

if __name__ == "__main__":
    main()
