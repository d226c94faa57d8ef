"""Make the parts of a report: of each pair its drawings, sentences, tables, and what stands behind its points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from sca_nlp.codebook import Codebook
from sca_nlp.errors import ScaError
from sca_nlp.report import brief
from sca_nlp.report.chart_main import main_chart
from sca_nlp.report.chart_parts import deeds_chart, indicator_chart
from sca_nlp.report.density import densities
from sca_nlp.report.evidence import Cell, Members, open_passages, passages_of
from sca_nlp.report.frames import Frames
from sca_nlp.report.model import model
from sca_nlp.report.model.condition import Condition, Known
from sca_nlp.report.moves import deeds_of
from sca_nlp.report.pairs import Direction, Pair
from sca_nlp.report.rows import choice_rows, method_rows, rows_of_pair, sequence_rows, test_rows, window_rows
from sca_nlp.report.said import Said, Terms, hear, read_terms, west_meetings
from sca_nlp.report.summary import summarise

#: What stands behind the points of a pair, direction by direction.
Behind = list[tuple[Direction, list[Cell]]]


@dataclass
class Part:
    """One pair as the template sees it."""

    pair: Pair
    sentences: list[tuple[str, str]]
    drawings: dict[str, Markup]
    evidence: Behind
    tests: list[tuple[str, list[dict[str, Any]]]]
    sequences: list[tuple[str, list[dict[str, Any]]]]
    methods_compared: list[dict[str, Any]]
    windows: list[dict[str, Any]]
    choices: tuple[list[str], list[dict[str, Any]]]
    conditions: list[Condition]
    facts: list[brief.Fact]
    places: list[brief.Place]

    @property
    def lead(self) -> list[str]:
        """The sentences at its head."""
        return brief.lead(self.facts)


def name_codes(given: Callable[[str], str] | None) -> Callable[[str], str]:
    """Return a function that names every code, the unknown ones by themselves."""
    from sca_nlp.actors import name_of  # reads the gazetteer, so only when a report is made

    def name(code: str) -> str:
        try:
            return (given or name_of)(code)
        except ScaError:
            return code

    return name


def make_parts(
    frames: Frames,
    pairs: Sequence[Pair],
    book: Codebook,
    *,
    members: Members | None,
    name: Callable[[str], str],
    passages_per_point: int,
) -> list[Part]:
    """Return a part for each pair, in their order.

    Raises:
        ScaError: the passages behind the points cannot be read.
    """
    try:
        terms = read_terms()
        each = members or (lambda actor, year: frozenset((actor,)))
        evidence, said, met = _evidence(frames, pairs, book, each, passages_per_point, terms)
    except ScaError as e:
        raise ScaError(f"the passages behind the points cannot be shown: {e}") from e
    reference = name(terms.reference)
    parts = []
    for pair in pairs:
        tests = rows_of_pair(frames["compare/tests.parquet"], pair)
        runs = rows_of_pair(frames["compare/sequences.parquet"], pair)
        behind, exchanged = evidence[pair.slug], densities(frames.transactions, pair, reference)
        stood = brief.places(frames.extra.get("position"), pair)
        parts.append(
            Part(
                pair=pair,
                sentences=summarise(pair, tests),
                drawings={
                    "main": main_chart(pair),
                    "stance": indicator_chart(pair, "stance", book),
                    "salience": indicator_chart(pair, "salience", book),
                    "deeds": deeds_chart(pair),
                },
                evidence=behind,
                tests=test_rows(tests),
                sequences=sequence_rows(runs, pair, behind, book.trust_sign),
                methods_compared=method_rows(frames, pair),
                windows=window_rows(frames, pair),
                choices=choice_rows(frames, pair),
                conditions=model(
                    Known(frames, pair, book, behind, said[pair.slug], exchanged, terms, reference, west_meetings=met)
                ),
                facts=brief.facts(pair, tests, stood),
                places=stood,
            )
        )
    return parts


def _evidence(
    frames: Frames, pairs: Sequence[Pair], book: Codebook, members: Members, k: int, terms: Terms
) -> tuple[dict[str, Behind], dict[str, dict[str, Said]], tuple[int, int]]:
    """Return by pair the cells of its directions and what its sides say; and what states of the reference group say."""
    db = open_passages(frames)
    out: dict[str, Behind] = {}
    said: dict[str, dict[str, Said]] = {}
    for pair in pairs:
        rows = []
        heard = said.setdefault(pair.slug, {})
        for d in pair.directions:
            cells = passages_of(db, d, pair.periods, k, book, members) if db is not None and pair.periods else {}
            if db is not None and pair.periods:
                heard[d.source] = hear(db, pair.periods, book, terms)
            deeds_of(frames, d, pair.periods, cells, members)
            for p in (*d.words, *d.deeds, *d.gap, *(q for m in d.manifestations.values() for q in m)):
                cells.setdefault(p, Cell(p))  # every mark in a figure has a place to lead to
            rows.append((d, [cells[p] for p in sorted(cells) if p in pair.periods]))
        out[pair.slug] = rows
    met = (0, 0)
    if db is not None:
        years = {int(p[:4]) for pair in pairs for p in pair.periods}
        west = frozenset[str]().union(*(members(terms.reference, y) for y in years)) if terms.reference else frozenset()
        met = west_meetings(db, west, terms)
        db.close()
    return out, said, met
