"""Which column of a table holds which field: by the user's mapping first, else by the names people commonly use."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Mapping, Sequence

from sca_nlp.errors import InputError, UnknownNameError

#: Field of `records.Speech` -> the column names understood without a mapping, best first (compared by `plain_name`).
SPEECH_COLUMNS: dict[str, tuple[str, ...]] = {
    "speech_id": ("speech_id", "doc_id", "id", "document_id", "text_id"),
    "date": ("date", "year"),
    # The ISO code before the name, and both before `source`, which elsewhere often means a publisher.
    "source": ("country_iso3", "iso3", "iso_code", "country_code", "country", "source"),
    "text": ("text",),
    "speaker": ("speaker", "speaker_name", "name_of_person_speaking"),
    "office": ("office", "speaker_post", "post"),
    "title": ("title",),
    "venue": ("venue",),
    "kind": ("kind", "doc_type"),
    "url": ("source_url", "url"),
    "corpus": ("corpus",),
    "language": ("language", "lang"),
}


def plain_name(name: str) -> str:
    """Return a column name in the form in which names are compared: lower case, words joined by `_`."""
    return re.sub(r"[\W_]+", "_", name.strip().lstrip("\ufeff").lower()).strip("_")


def match_columns(
    found: Sequence[str],
    columns: Mapping[str, str] | None = None,
    *,
    where: object,
    required: Sequence[str] = (),
    known: Mapping[str, Sequence[str]] = SPEECH_COLUMNS,
) -> dict[str, str]:
    """Return field -> column name as it stands in the file, for every field that the file holds.

    Args:
        found: the columns of the file.
        columns: the user's mapping, field (or one of its common names, such as `country`) -> column; it comes first.
        where: the file, for errors.
        required: fields that must be there.
        known: field -> the common names, best first.

    Raises:
        InputError: a required field or a mapped column is not in the file; lists the columns found and the nearest.
        UnknownNameError: the mapping names no known field.
    """
    field_of = {alias: field for field, aliases in known.items() for alias in (field, *aliases)}
    by_name: dict[str, str] = {}
    for name in found:
        by_name.setdefault(plain_name(name), name)
    matched: dict[str, str] = {}
    for key, column in (columns or {}).items():
        if key not in field_of:
            raise UnknownNameError("field in columns", key, known)
        actual = column if column in found else by_name.get(plain_name(column), "")
        if not actual:
            raise InputError(where, f"no column {column!r} ({_listed(found)})", _hinted(column, found))
        matched[field_of[key]] = actual
    taken = set(matched.values())
    for field, aliases in known.items():
        if field in matched:
            continue
        for alias in aliases:
            if (name := by_name.get(alias, "")) and name not in taken:
                matched[field] = name
                taken.add(name)
                break
    for field in required:
        if field not in matched:
            named = f"a column named {' or '.join(known.get(field, (field,)))}"
            near = _near(field, found)
            name = near or "NAME"
            ways = [f"--column {field}={shlex.quote(name)}, in a config columns = {{ {field} = {json.dumps(name)} }}"]
            if field != "text" and field in SPEECH_COLUMNS:
                example = {"date": "1985", "source": "FRA"}.get(field, "VALUE")
                ways.append(f"one value for all: --default {field}={example}")
            hint = f" (nearest: {near!r})" if near else ""
            raise InputError(where, f"no {field} column ({_listed(found)})", f"{named}, or {'; '.join(ways)}{hint}")
    return matched


def _listed(found: Sequence[str]) -> str:
    names = [str(n)[:60] for n in found[:30]]
    more = f" and {len(found) - 30} more" if len(found) > 30 else ""
    return "columns found: " + (", ".join(names) + more if names else "none")


#: What people call these fields elsewhere; only for the hint, never taken without being asked.
_HINTS: dict[str, tuple[str, ...]] = {
    "text": (
        "body",
        "content",
        "speech",
        "transcript",
        "texte",
        "texto",
        "sentence",
        "raw_text",
        "full_text",
        "speechtext",
        "rede",
        "redetext",
        "discours",
        "discurso",
    ),
    "date": ("datum", "day", "when", "delivered", "published", "fecha", "speech_date", "time", "timestamp"),
    "source": ("land", "state", "nation", "pays", "actor", "ccode", "iso", "iso2", "cow", "iso_a3", "country_name"),
}


def _near(name: str, found: Sequence[str]) -> str:
    """Return the column that is most likely meant, or an empty text."""
    plain = {plain_name(n): n for n in found[:1000]}
    if hint := next((plain[h] for h in _HINTS.get(name, ()) if h in plain), ""):
        return hint
    return next((plain[n] for n in difflib.get_close_matches(plain_name(name), plain, n=1, cutoff=0.5)), "")


def _hinted(name: str, found: Sequence[str]) -> str:
    near = _near(name, found)
    return f"{name} (nearest: {near!r})" if near else name
