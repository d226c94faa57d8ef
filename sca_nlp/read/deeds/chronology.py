"""A hand-coded chronology (CSV) -> deeds."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from sca_nlp.actors import country_code
from sca_nlp.errors import InputError
from sca_nlp.read.dates import parse_date
from sca_nlp.read.deeds.files import key_of
from sca_nlp.read.deeds.mapping import load_mapping
from sca_nlp.read.deeds.table import DEED_SCHEMA, DeedTable, is_date
from sca_nlp.read.speeches.decode import decode
from sca_nlp.records import MANIFESTATIONS, Reject

_REQUIRED = ("date", "source", "target", "manifestation", "sign", "magnitude", "verbal")
_OPTIONAL = ("code", "description", "reference")
_TRUE, _FALSE = {"true", "1", "yes", "verbal", "y"}, {"false", "0", "no", "material", "n", ""}


def read_chronology(
    path: str | Path,
    *,
    rejects: list[Reject],
    name: str = "chronology",
    title: str | None = None,
    licence: str | None = None,
    citation: str | None = None,
    first: str | None = None,
    last: str | None = None,
) -> DeedTable:
    """Read a chronology coded by hand: one deed a row, each with its own coding.

    Actors may be states (ISO3 or names) or groups such as `NATO`; what is not known is kept as it
    stands. A row is directed: a mutual deed (a treaty) stands twice, or once with `direction` = `mutual`.

    Args:
        path: CSV (comma, semicolon or tab; its encoding is found) with a header: `date, source, target,
            manifestation, sign, magnitude, verbal` and optionally `code, description, reference, direction`.
        rejects: grows by rows that break a rule, with line and reason.
        name: data set's name in results, where several chronologies meet.
        title: what to call it; likewise `licence` and `citation`.
        licence: under which it may be used.
        citation: how it wants to be cited.
        first: begin of the coverage (default: the year of the first deed).
        last: end of the coverage (default: the year of the last deed).

    Raises:
        InputError: it is no CSV file, a required column is missing, or no row can be read.
    """
    file = Path(path)
    deeds = []
    for line, row in _rows(file):
        row = row | {"date": _date(row["date"])}
        reason = _problem(row)
        if reason:
            rejects.append(Reject(str(path), line, reason, ",".join(row.values())[:200]))
            continue
        row = row | {side: _actor(row[side], row["date"]) for side in ("source", "target")}
        deeds.append(_deed(row, name))
        if row.get("direction", "").lower() in ("mutual", "both", "undirected"):
            deeds.append({**deeds[-1], "source": row["target"], "target": row["source"]})
    if not deeds:
        raise InputError(file, "no row that can be read as a deed", f"rows with {', '.join(_REQUIRED)}")
    deeds.sort(key=lambda d: (d["date"], d["source"], d["target"]))
    years = sorted(str(d["date"])[:4] for d in deeds)
    said = {k: v for k, v in (("title", title), ("licence", licence), ("citation", citation)) if v}
    mapping = load_mapping("chronology")
    source = mapping.declare(first or years[0], last or years[-1], changes=said)
    # A chronology goes by its own name, so that two of them stay apart.
    renamed = type(source)(name=name, **{k: getattr(source, k) for k in source.__slots__ if k != "name"})
    return DeedTable(renamed, pa.Table.from_pylist(deeds, schema=DEED_SCHEMA))


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(file, error.strerror or str(error), "a CSV file") from error
    text = decode(data)[0].removeprefix("\ufeff")
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
    known = {key_of(c): c for c in (*_REQUIRED, *_OPTIONAL, "direction")}
    names: list[str] = []
    try:
        for cells in reader:
            if not names:
                names = [known.get(key_of(c), c) for c in cells]
                missing = [c for c in _REQUIRED if c not in names]
                if missing:
                    raise InputError(file, f"no column {', '.join(missing)}", f"the columns {', '.join(_REQUIRED)}")
            elif any(c.strip() for c in cells):
                row = {n: c.strip() for n, c in zip(names, [*cells, *[""] * len(names)], strict=False)}
                if delimiter != ",":  # where a comma does not separate, it is the decimal mark
                    row["magnitude"] = re.sub(r"^(\d+),(\d+)$", r"\1.\2", row["magnitude"])
                yield reader.line_num, row
    except csv.Error as error:
        raise InputError(f"{file}:{reader.line_num}", str(error), "a CSV file") from error
    if not names:
        raise InputError(file, "an empty file", f"a CSV file with the columns {', '.join(_REQUIRED)}")


def _problem(row: dict[str, str]) -> str:
    if not is_date(row["date"]):
        return f"date is {row['date']!r}; wanted YYYY, YYYY-MM or YYYY-MM-DD"
    if not row["source"] or not row["target"]:
        return "source or target is missing"
    if row["source"] == row["target"]:
        return f"source and target are both {row['source']!r}"
    if row["manifestation"] not in MANIFESTATIONS:
        return f"manifestation is {row['manifestation']!r}; wanted one of {', '.join(MANIFESTATIONS)}"
    if row["sign"].lstrip("+").replace("−", "-") not in ("-1", "0", "1"):
        return f"sign is {row['sign']!r}; wanted -1, 0 or 1"
    try:
        if not 0 <= float(row["magnitude"]) < float("inf"):
            raise ValueError
    except ValueError:
        return f"magnitude is {row['magnitude']!r}; wanted a finite number of at least 0"
    if row["verbal"].lower() not in _TRUE | _FALSE:
        return f"verbal is {row['verbal']!r}; wanted true or false"
    return ""


def _date(text: str) -> str:
    """Return a date such as `12 March 1999` in ISO form; what cannot be read in one way stays, to be rejected."""
    try:
        return text if is_date(text) else parse_date(text)
    except InputError:
        return text


def _actor(name: str, date: str) -> str:
    """Return the code of a state written out (`West Germany`); codes, groups and own actors stay as they are."""
    if re.fullmatch(r"[A-Z][A-Z0-9_]{2,}", name):
        return name
    try:
        return country_code(name, date)
    except InputError:
        return name


def _deed(row: dict[str, str], name: str) -> dict[str, object]:
    return {
        "date": row["date"],
        "source": row["source"],
        "target": row["target"],
        "manifestation": row["manifestation"],
        "sign": int(row["sign"].lstrip("+").replace("−", "-")),
        "magnitude": float(row["magnitude"]),
        "verbal": row["verbal"].lower() in _TRUE,
        "dataset": name,
        "code": row.get("code", ""),
        "description": row.get("description", ""),
        "reference": row.get("reference", ""),
    }
