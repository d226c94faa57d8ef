"""Every reader as a fuzz target: `TARGETS[name].run(data)` reads bytes as that reader's file, and may only refuse them.

A find is any exception but `ScaError`, and a record or reject that UTF-8 cannot hold. Seeds are whole small files.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from sca_nlp.errors import ScaError
from sca_nlp.records import Annotation, Reject

_SPEECHES = b'id,date,country,text\n1,1999-03-12,FRA,We keep our word.\n2,12.3.1999,Russia,"They, too,\n did."\n'
_JSONL = b'{"id": "1", "date": "1999-03-12", "country": "FRA", "text": "We keep our word."}\n'


@cache
def folder() -> Path:
    """Return the folder of this process, in memory where the system has such a place."""
    if given := os.environ.get("SCA_FUZZ_FOLDER"):
        return Path(given)
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="sca-fuzz-", dir=memory if os.access(memory, os.W_OK) else None))


@dataclass(frozen=True)
class Target:
    """A reader: what it does with bytes, and files that it takes."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


def _storable(rejects: list[Reject]) -> None:
    for reject in rejects:
        reject.reason.encode("utf-8")
        reject.record.encode("utf-8")


def _speeches(name: str, data: bytes, **options: object) -> None:
    from sca_nlp.read.speeches import read_speeches

    path = folder() / name
    path.write_bytes(data)
    rejects: list[Reject] = []
    with contextlib.suppress(ScaError):
        for speech in read_speeches(path, rejects=rejects.append, max_record=100_000, **options):
            speech.text.encode("utf-8")
            speech.speech_id.encode("utf-8")
    _storable(rejects)


def _parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.table({"id": ["1"], "date": ["1999"], "country": ["FRA"], "text": ["We keep it."]}), out)
    return out.getvalue()


def _tar(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _tar_member(data: bytes) -> None:
    """The first line is the member's name, the rest its content: past the checksums of the archive."""
    from sca_nlp.read.speeches.decode import decode

    first, _, rest = data.partition(b"\n")
    name = decode(first)[0].replace("\0", "")[:200] or "x"
    _speeches("a.tar", _tar({name: rest}))


@cache
def _xlsx_parts() -> dict[str, bytes]:
    import openpyxl

    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["file", "date", "country", "speaker"])
    book.active.append(["t.txt", "1999-03-12", "FRA", "A. Body"])
    book.save(out)
    with zipfile.ZipFile(out) as archive:
        return {n: archive.read(n) for n in archive.namelist()}


def _zip(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


def _sheet(data: bytes, whole: bool = True) -> None:
    """Read a side table in Excel: the bytes are the file, or its first sheet's XML."""
    place = folder() / "texts"
    place.mkdir(exist_ok=True)
    (place / "t.txt").write_text("We keep our word.")
    (place / "side.xlsx").write_bytes(data if whole else _zip(_xlsx_parts() | {"xl/worksheets/sheet1.xml": data}))
    from sca_nlp.read.speeches import read_speeches

    rejects: list[Reject] = []
    with contextlib.suppress(ScaError):
        list(read_speeches(place, "text", rejects=rejects.append, sidecar=place / "side.xlsx"))
    _storable(rejects)


@cache
def _docx_parts() -> dict[str, bytes]:
    import docx

    document, out = docx.Document(), io.BytesIO()
    document.add_paragraph("We keep our word.")
    document.save(out)
    with zipfile.ZipFile(out) as archive:
        return {n: archive.read(n) for n in archive.namelist()}


def _document(kind: str, data: bytes) -> None:
    """What the process that reads documents does with one, in this process: hostile files may not hold it up."""
    from sca_nlp.read.speeches import document_worker as worker

    if kind == "docx":
        data = _zip(_docx_parts() | {"word/document.xml": data})
    path = folder() / f"d.{kind}"
    path.write_bytes(data)
    with contextlib.suppress(Exception):  # `main` answers these as errors, one document each
        worker._KINDS[kind]({"path": str(path), "kind": kind, "max_pages": 50, "max_chars": 100_000})


def _deeds(name: str, data: bytes) -> None:
    from sca_nlp.read.deeds import read_deeds

    path = folder() / f"deeds.{'xlsx' if name == 'sipri_milex' else 'csv'}"
    path.write_bytes(data)
    rejects: list[Reject] = []
    with contextlib.suppress(ScaError):
        read_deeds(name, path, rejects=rejects)
    _storable(rejects)


def _deed_seeds(name: str) -> list[bytes]:
    from tests.read.deeds.publisher_files import FILES

    place = Path(tempfile.mkdtemp(dir=folder()))
    path = FILES[name][0](place)
    path = path if path.is_file() else next(p for p in sorted(place.rglob("*")) if p.is_file())
    data = path.read_bytes()
    if data[:2] == b"PK" and name != "sipri_milex":  # the table itself, not its archive
        with zipfile.ZipFile(path) as archive:
            return [data, archive.read(archive.namelist()[0])]
    return [data]


def _annotations(format: str, data: bytes) -> None:
    from sca_nlp.read.annotations import read_annotations

    path = folder() / f"annotations.{'json' if format not in ('csv', 'parquet') else format}"
    path.write_bytes(data)
    rejects: list[Reject] = []
    with contextlib.suppress(ScaError):
        for a in read_annotations(path, format=format, rejects=rejects.append):
            a.text.encode("utf-8")
    _storable(rejects)


def _annotation_seeds(format: str) -> list[bytes]:
    from sca_nlp.read.annotations import WRITERS, write_annotations

    if format == "inception":
        sofa = {"%ID": 1, "%TYPE": "uima.cas.Sofa", "sofaString": "They threaten us."}
        mark = {"%TYPE": "webanno.custom.Narrative", "begin": 0, "end": 17, "code": "TP+", "target": "RUS"}
        return [json.dumps({"%TYPES": {}, "%FEATURE_STRUCTURES": [sofa, mark]}).encode()]
    assert format in WRITERS
    path = folder() / f"seed.{format}"
    row = Annotation("a1", "S_1", 0, 17, "They threaten us.", ("TP+",), ("RUS",), "Before.", date="1985", coder="ana")
    write_annotations(path, [row, row], format)
    return [path.read_bytes()]


def _config(kind: str, data: bytes) -> None:
    path = folder() / f"{kind}.toml"
    path.write_bytes(data)
    with contextlib.suppress(ScaError):
        if kind == "config":
            from sca_nlp.config import read_config, to_toml

            to_toml(read_config(path)).encode("utf-8")
        elif kind == "codebook":
            from sca_nlp.codebook import read_codebook

            read_codebook(path)
        else:
            from sca_nlp.actors import load_data

            load_data().extended([path])


def _shared(*parts: str) -> list[bytes]:
    from sca_nlp.share import share_path

    return [share_path(*parts).read_bytes()]


@cache
def _model_files() -> dict[str, bytes]:
    """A sound linear model and a lexicon, small, in one set of files by name."""
    import numpy as np
    from safetensors.numpy import save

    from sca_nlp.codebook import default_codebook
    from sca_nlp.share import share_path

    n = len(default_codebook().classes)
    arrays = {
        "weights": np.zeros((16, n), np.float32),
        "bias": np.zeros(n, np.float32),
        "idf": np.ones(16, np.float32),
    }
    return {
        "codebook.toml": share_path("configs", "codebook.toml").read_bytes(),
        "weights.safetensors": save(arrays),
        "lexicon.toml": b'negators = ["not"]\n[terms]\n"TP+" = ["threat"]\n',
    }


def _meta(kind: str) -> bytes:
    from sca_nlp.codebook import default_codebook

    classes = list(default_codebook().classes)
    n = len(classes)
    meta = {"format": 1, "id": "x-1", "kind": kind, "ngrams": 2, "classes": classes, "thresholds": [0.5] * n}
    return json.dumps(meta | {"calibration": [[1, 1, 0]] * n, "files": {}}).encode()


def _model(changed: str, kind: str, data: bytes) -> None:
    """A stranger's model folder: one file is the data, the digests fit, as a stranger would make them."""
    from sca_nlp.classify.folder import load_model

    place = folder() / "model"
    place.mkdir(exist_ok=True)
    wanted = {"linear": ("codebook.toml", "weights.safetensors"), "lexicon": ("codebook.toml", "lexicon.toml")}[kind]
    files = {name: _model_files()[name] for name in wanted}
    meta = _meta(kind)
    if changed == "model.json":
        meta = data
    else:
        files[changed] = data
    with contextlib.suppress(ValueError, RecursionError):
        parsed = json.loads(meta)
        if isinstance(parsed, dict) and isinstance(parsed.get("files"), dict):
            parsed["files"] |= {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
            meta = json.dumps(parsed).encode()
    for old in place.iterdir():
        old.unlink()
    for name, content in {**files, "model.json": meta}.items():
        (place / name).write_bytes(content)
    with contextlib.suppress(ScaError):
        model = load_model(str(place))
        model.decide(model.predict(["They threaten us."], [""], [""]).probabilities)


def _date(data: bytes) -> None:
    from sca_nlp.read.dates import parse_date
    from sca_nlp.read.speeches.decode import decode

    text, _ = decode(data)
    with contextlib.suppress(ScaError):
        parse_date(text).encode("ascii")


def _store(part: str, data: bytes) -> None:
    """A run folder whose manifest or shard is the data."""
    from sca_nlp.store import check_run

    place = folder() / "run"
    (place / "passages").mkdir(parents=True, exist_ok=True)
    (place / "speeches").mkdir(exist_ok=True)
    manifest = {"format": 1, "identity": {}, "classes": [], "counts": {"passages": 1}}
    (place / "run.json").write_bytes(data if part == "manifest" else json.dumps(manifest).encode())
    for name in ("passages", "speeches"):
        (place / name / "part-0.parquet").write_bytes(data if part == "shard" else b"")
    with contextlib.suppress(ScaError):
        check_run(place)


def _targets() -> dict[str, Target]:
    from sca_nlp.registry import DEED_READERS

    def given(*seeds: bytes) -> Callable[[], list[bytes]]:
        return lambda: list(seeds)

    found = {
        "dates": Target(_date, given(b"1999-03-12", b"12 March 1999", b"3/12/99", b"1999Q1", b"12. Maerz 1999")),
        "csv": Target(partial(_speeches, "a.csv"), given(_SPEECHES, _SPEECHES.replace(b",", b";"))),
        "jsonl": Target(partial(_speeches, "a.jsonl"), given(_JSONL, b"[" + _JSONL.strip() + b"]")),
        "parquet": Target(partial(_speeches, "a.parquet"), lambda: [_parquet()]),
        "tar": Target(partial(_speeches, "a.tar"), lambda: [_tar({"TXT/Session 40 - 1985/FRA_40_1985.txt": b"We."})]),
        "tar-member": Target(_tar_member, given(b"TXT/Session 40 - 1985/FRA_40_1985.txt\n1. We keep it.\n")),
        "text": Target(partial(_speeches, "FRA_1985.txt"), given(b"We keep our word.", b"\xff\xfeW\0e\0")),
        "gzip": Target(partial(_speeches, "a.csv.gz"), lambda: [__import__("gzip").compress(_SPEECHES, mtime=0)]),
        "xlsx": Target(_sheet, lambda: [_zip(_xlsx_parts())]),
        "xlsx-sheet": Target(partial(_sheet, whole=False), lambda: [_xlsx_parts()["xl/worksheets/sheet1.xml"]]),
        "html": Target(partial(_document, "html"), given(b"<html><title>T</title><p>We keep it.<script>x</script>")),
        "docx": Target(partial(_document, "docx"), lambda: [_docx_parts()["word/document.xml"]]),
        "config": Target(partial(_config, "config"), partial(_shared, "configs", "sample.toml")),
        "codebook": Target(partial(_config, "codebook"), partial(_shared, "configs", "codebook.toml")),
        "actors": Target(partial(_config, "actors"), partial(_shared, "corpus", "sample", "actors.toml")),
        "model-json": Target(partial(_model, "model.json", "linear"), lambda: [_meta("linear"), _meta("lexicon")]),
        "model-weights": Target(
            partial(_model, "weights.safetensors", "linear"), lambda: [_model_files()["weights.safetensors"]]
        ),
        "model-lexicon": Target(partial(_model, "lexicon.toml", "lexicon"), lambda: [_model_files()["lexicon.toml"]]),
        "model-codebook": Target(
            partial(_model, "codebook.toml", "lexicon"), lambda: [_model_files()["codebook.toml"]]
        ),
        "run-manifest": Target(
            partial(_store, "manifest"), given(b'{"format": 1, "identity": {}, "classes": [], "counts": {}}')
        ),
        "run-shard": Target(partial(_store, "shard"), lambda: [_parquet()]),
    }
    for format in ("jsonl", "csv", "parquet", "doccano", "label_studio", "argilla", "prodigy", "inception"):
        found[f"annotations-{format}"] = Target(partial(_annotations, format), partial(_annotation_seeds, format))
    for name in DEED_READERS:
        found[f"deeds-{name}"] = Target(partial(_deeds, name), partial(_deed_seeds, name))
    return found


TARGETS = _targets()
