"""What every deed reader returns: a table of deeds and what its data set declares of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

import pyarrow as pa
import pyarrow.compute as pc

from sca_nlp.errors import InputError
from sca_nlp.records import MANIFESTATIONS, Deed, DeedSource

#: The columns of `DeedTable.deeds`: the fields of `records.Deed`, in their order.
DEED_SCHEMA = pa.schema(
    [
        pa.field("date", pa.string()),
        pa.field("source", pa.string()),
        pa.field("target", pa.string()),
        pa.field("manifestation", pa.string()),
        pa.field("sign", pa.int8()),
        pa.field("magnitude", pa.float64()),
        pa.field("verbal", pa.bool_()),
        pa.field("dataset", pa.string()),
        pa.field("code", pa.string()),
        pa.field("description", pa.string()),
        pa.field("reference", pa.string()),
    ]
)
assert DEED_SCHEMA.names == [f.name for f in fields(Deed)]

DATE_PATTERN = r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$"
_DATE = re.compile(DATE_PATTERN)
MEASURES = ("event", "level")
GRAINS = ("year", "quarter", "month", "day")


def is_date(text: str) -> bool:
    """Tell whether a text is a date of the project: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`."""
    return bool(_DATE.match(text))


@dataclass(frozen=True)
class DeedTable:
    """One data set's deeds, checked.

    `deeds` has the columns of `DEED_SCHEMA`. `source` is never empty; `target` is empty only in a level that a state
    has toward nobody in particular (its military spending), which later stages broadcast to each of its targets.

    Raises:
        InputError: a column is missing or a value lies outside its range; names the column and the value.
    """

    source: DeedSource
    deeds: pa.Table

    def __post_init__(self) -> None:
        where = f"deeds of {self.source.name!r}"
        if self.source.measure not in MEASURES:
            raise InputError(where, f"measure {self.source.measure!r}", " or ".join(MEASURES))
        if self.source.grain not in GRAINS:
            raise InputError(where, f"grain {self.source.grain!r}", ", ".join(GRAINS))
        missing = [name for name in DEED_SCHEMA.names if name not in self.deeds.column_names]
        if missing:
            raise InputError(where, f"no column {', '.join(missing)}", f"the columns {', '.join(DEED_SCHEMA.names)}")
        table = self.deeds.select(DEED_SCHEMA.names)
        if table.schema != DEED_SCHEMA:
            table = table.cast(DEED_SCHEMA)
        object.__setattr__(self, "deeds", table)
        _check(table, where, level=self.source.measure == "level")


def _check(table: pa.Table, where: str, *, level: bool) -> None:
    for name in table.column_names:
        if table[name].null_count:
            raise InputError(where, f"{table[name].null_count} empty values in column {name}", "a value in each row")
    # Few distinct values stand in these columns however long the table is, so they are checked once each.
    for value in pc.unique(table["manifestation"]).to_pylist():
        if value not in MANIFESTATIONS:
            raise InputError(where, f"manifestation {value!r}", f"one of {', '.join(MANIFESTATIONS)}")
    for value in pc.unique(table["sign"]).to_pylist():
        if value not in (-1, 0, 1):
            raise InputError(where, f"sign {value}", "-1, 0 or 1")
    dates = pc.unique(table["date"])
    bad = dates.filter(pc.invert(pc.match_substring_regex(dates, DATE_PATTERN)))
    if len(bad):
        raise InputError(where, f"date {bad[0].as_py()!r}", "YYYY, YYYY-MM or YYYY-MM-DD")
    if table.num_rows:
        lowest = pc.min(table["magnitude"]).as_py()
        if not pc.all(pc.is_finite(table["magnitude"])).as_py() or lowest < 0:
            raise InputError(where, f"magnitude {lowest}", "a finite number of at least 0")
    if pc.any(pc.equal(table["source"], "")).as_py():
        raise InputError(where, "a deed without a source", "the code of an actor in each row")
    if not level and pc.any(pc.equal(table["target"], "")).as_py():
        raise InputError(where, "an event without a target", "the code of an actor in each row")
