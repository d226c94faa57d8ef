"""The records that pass between rooms, up to the store. Frozen, plain, without behaviour.

Dates are ISO strings whose length is their precision: `1985`, `1985-03`, `1985-03-11`. Actors are ISO 3166-1 alpha-3
codes or the group codes of the codebook (`NATO`, `WEST`, `NONSTATE`, `ALL`, `?` ...).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Speech:
    """One speech or statement of one actor."""

    speech_id: str
    date: str
    source: str  # the actor that speaks
    text: str
    speaker: str = ""
    office: str = ""
    title: str = ""
    venue: str = ""
    kind: str = ""  # address, press conference, statement ... as its publisher says
    url: str = ""
    corpus: str = ""
    language: str = ""  # ISO 639-1 where the publisher gives it


@dataclass(frozen=True, slots=True)
class Passage:
    """One sentence of a speech: `speech.text[start:end] == text`. `prev` and `next` are its neighbours' texts."""

    passage_id: str
    speech_id: str
    index: int
    start: int
    end: int
    text: str
    prev: str = ""
    next: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the instrument says of one passage.

    `probabilities` follow the codebook's classes (`TP+, TP-, MU+, ...`), each in [0, 1], calibrated one by one: they do
    not sum to one. `codes` are the classes over their thresholds, at most one value an indicator. `actors` are those
    named in the passage; `targets` (at most three) whom its codes are about, empty when it has no code.
    """

    passage_id: str
    probabilities: tuple[float, ...]
    codes: tuple[str, ...]
    targets: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    n_windows: int = 1  # above 1: longer than the model's window, scored in overlapping windows


@dataclass(frozen=True, slots=True)
class Annotation:
    """One coder's decision on one passage, or a gold code. Stand-off where `text` is empty."""

    annotation_id: str
    speech_id: str
    start: int
    end: int
    text: str
    codes: tuple[str, ...]
    targets: tuple[str, ...] = ()
    prev: str = ""
    next: str = ""
    date: str = ""
    speaker: str = ""
    source: str = ""
    corpus: str = ""
    coder: str = ""
    stream: str = ""  # informative, audit, or empty
    inclusion_probability: float | None = None
    weight: float | None = None  # how many passages of the population it stands for
    digest: str = ""  # of a stand-off annotation: the sentence's, see `read.annotations.standoff`


@dataclass(frozen=True, slots=True)
class Deed:
    """One coded deed, or one yearly level (a share of votes agreed, a rate of spending).

    `sign` is +1 toward, -1 away from a security community, 0 neither. `magnitude` is at least 0, in the unit that its
    data set declares (see `DeedSource`). Undirected deeds come once in each direction.
    """

    date: str
    source: str
    target: str
    manifestation: str  # one of MANIFESTATIONS
    sign: int
    magnitude: float
    verbal: bool
    dataset: str
    code: str = ""  # the publisher's own code
    description: str = ""
    reference: str = ""


#: The study's eight manifestations of trust in deeds (W 2.4), in its order.
MANIFESTATIONS: tuple[str, ...] = (
    "military_spending",
    "doctrine",
    "security_cooperation",
    "verification",
    "response_to_threat",
    "dispute_resolution",
    "agreement_adherence",
    "institutionalisation",
)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Where a deed data set can speak. Outside it a value is missing, never zero.

    `actors` empty means all states; `dyads` empty means all pairs of its actors.
    """

    first: str
    last: str
    actors: frozenset[str] = frozenset()
    dyads: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class DeedSource:
    """What a deed data set declares of itself; travels with every result made from it."""

    name: str
    title: str
    measure: str  # "event": counted, none inside coverage is 0. "level": measured, none is missing
    grain: str  # finest period that it supports: year, quarter, month, day
    unit: str  # of the magnitude
    coverage: Coverage
    licence: str
    citation: str
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that could not be read: never dropped silently."""

    file: str
    line: int  # 1-based; 0 where a file has no lines
    reason: str
    record: str = ""  # the start of what was got, at most 200 characters


def passage_id(speech_id: str, start: int, end: int) -> str:
    """Return the id of a passage, a function of its speech and offsets alone (16 hex digits)."""
    return hashlib.blake2b(f"{speech_id}\0{start}\0{end}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
