"""A condition of the study's model as the page shows it, and what it is read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from sca_nlp.codebook import Codebook
from sca_nlp.report.density import Density
from sca_nlp.report.evidence import Cell, Shown
from sca_nlp.report.frames import Frames
from sca_nlp.report.pairs import Direction, Pair
from sca_nlp.report.said import Said, Terms

#: What stands behind the points of a pair, direction by direction.
Evidence = Sequence[tuple[Direction, Sequence[Cell]]]

#: What a reading is called; `shown` is a description without a reading.
READINGS = {
    "for": "speaks for a community",
    "against": "speaks against a community",
    "mixed": "mixed, or not to be told",
    "shown": "described, not judged",
    "untold": "not in this run's data",
}


@dataclass(frozen=True)
class Link:
    """A place on the page that shows what a sentence says."""

    text: str
    href: str


@dataclass
class Row:
    """A line of a table: cells as text or drawings, and a link behind the first."""

    cells: list[Any]
    href: str = ""
    marked: bool = False


@dataclass
class Table:
    """A table of a condition."""

    caption: str
    head: list[str]
    rows: list[Row]


@dataclass
class Condition:
    """One condition of the model and what the run says of it."""

    id: str
    name: str
    asks: str
    rule: str
    reading: str = "untold"
    headline: str = ""
    says: list[tuple[str, list[Link]]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    drawings: list[tuple[str, Markup]] = field(default_factory=list)
    quotes: list[tuple[Shown, str, str]] = field(default_factory=list)  # passage, class, place on the page
    deeds: list[tuple[dict[str, Any], str]] = field(default_factory=list)  # deed, place on the page
    untold: list[str] = field(default_factory=list)

    @property
    def reading_name(self) -> str:
        """The reading in words."""
        return READINGS[self.reading]


@dataclass(frozen=True)
class Known:
    """All that the conditions of one pair are read from."""

    frames: Frames
    pair: Pair
    book: Codebook
    evidence: Evidence
    said: Mapping[str, Said]  # by the direction's source
    densities: list[Density]
    terms: Terms
    reference: str  # name of the reference group
    west_meetings: tuple[int, int]  # sentences of reference states about each other in the run, with a meeting

    @property
    def levels(self) -> set[str]:
        """The data sets that measure levels."""
        return {str(s.get("name")) for s in self.frames.deed_sources if s.get("measure") == "level"}

    @property
    def figure(self) -> list[Link]:
        """The pair's figures."""
        return [Link("figure", f"#pair-{self.pair.slug}"), Link("indicators", f"#indicators-{self.pair.slug}")]
