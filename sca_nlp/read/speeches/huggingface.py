"""Hugging Face data sets: saved on disk, or by their name on the hub. Only data are loaded, never code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sca_nlp.errors import InputError, MissingExtraError
from sca_nlp.read.speeches.intake import Rejects, open_intake
from sca_nlp.records import Speech


def read_huggingface(
    path: Path | str,
    *,
    columns: Mapping[str, str] | None = None,
    rejects: Rejects,
    defaults: Mapping[str, str] | None = None,
    split: str = "",
    name: str = "",
    revision: str = "",
    **options: Any,
) -> Iterator[Speech]:
    """Yield the speeches of a data set, split after split. In rejects the line is the row's number, from 1.

    Args:
        path: the folder of `Dataset.save_to_disk`, or a name on the hub such as `owner/speeches`: only this opens a
            connection, and only where no such folder exists.
        columns: field -> column, before the common names.
        rejects: called with each row that cannot be used.
        defaults: field -> value for fields without column or value.
        split: read this one only; empty: all.
        name: the configuration on the hub, where there are several.
        revision: of the hub's repository; give one so that a run can be repeated.
        **options: those of `intake.Intake`.

    Raises:
        InputError: no data set there, no such split, or no text column.
        MissingExtraError: the library `datasets` is not installed.
    """
    try:
        import datasets
    except ImportError:
        raise MissingExtraError("datasets", "hub") from None
    intake = open_intake(path, columns, rejects, defaults, options, corpus=Path(path).name)
    try:
        if Path(path).is_dir():
            loaded = datasets.load_from_disk(str(Path(path).resolve()))
        else:
            loaded = datasets.load_dataset(str(path), name or None, revision=revision or None, **_no_code(datasets))
    except Exception as e:  # the library raises whatever its file systems do
        wanted = "a folder of Dataset.save_to_disk, or a data set's name on the hub"
        raise InputError(path, f"no data set could be loaded ({type(e).__name__}: {str(e)[:300]})", wanted) from None
    splits = dict(loaded) if isinstance(loaded, dict) else {"": loaded}
    if split:
        if split not in splits:
            raise InputError(path, f"no split {split!r}", "one of " + (", ".join(filter(None, splits)) or "none"))
        splits = {split: splits[split]}
    number = 0
    for part in splits.values():
        matched = intake.match(part.column_names)
        for row in part.select_columns(list(matched.values())):
            number += 1
            if speech := intake.speech({field: row[column] for field, column in matched.items()}, number):
                yield speech


def _no_code(datasets: Any) -> dict[str, bool]:
    # From version 4 on the library runs no loading scripts at all and refuses the argument.
    return {"trust_remote_code": False} if int(datasets.__version__.split(".")[0]) < 4 else {}
