"""Coverage-guided fuzzing of the speech readers: `python tests/fuzz/fuzz_readers.py csv -max_total_time=600`.

Needs `pip install atheris`; not run in CI. The first argument names the target; the rest goes to libFuzzer. A crash is
any exception but `ScaError`, a record that UTF-8 cannot hold, or a file that takes more than libFuzzer's `-timeout`.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sca_nlp"]):
    from sca_nlp.errors import ScaError
    from sca_nlp.read.dates import parse_date
    from sca_nlp.read.speeches import read_speeches
    from sca_nlp.read.speeches.decode import decode

HEAD = b"id,date,country,text\n"
#: target -> (file name, what the file begins with)
FILES = {
    "csv": ("a.csv", HEAD),
    "csv-raw": ("a.csv", b""),
    "jsonl": ("a.jsonl", b""),
    "parquet": ("a.parquet", b""),
    "tar": ("a.tar", b""),
    "text": ("FRA_1985.txt", b""),
}
FOLDER = Path(tempfile.mkdtemp(prefix="sca-fuzz-"))


def read(target: str, data: bytes) -> None:
    name, head = FILES[target]
    path = FOLDER / name
    path.write_bytes(head + data)
    rejects = []
    try:
        for speech in read_speeches(path, rejects=rejects.append, max_record=100_000):
            speech.text.encode("utf-8")
            speech.speech_id.encode("utf-8")
    except ScaError:
        pass
    for reject in rejects:
        reject.reason.encode("utf-8")
        reject.record.encode("utf-8")


def small(target: str, data: bytes) -> None:
    text, _ = decode(data)
    if target == "dates":
        with contextlib.suppress(ScaError):
            parse_date(text)


def main() -> None:
    target = sys.argv.pop(1)
    run = read if target in FILES else small
    atheris.Setup(sys.argv, lambda data: run(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
