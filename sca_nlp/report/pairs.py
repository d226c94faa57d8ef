"""From frames to what is drawn: for each pair of actors both directions, period by period, on one axis."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from sca_nlp.codebook import Codebook
from sca_nlp.report import periods as per
from sca_nlp.report.events import Event, choose_events
from sca_nlp.report.frames import Frames, of_dyad
from sca_nlp.report.wording import METHOD_ORDER, finite


@dataclass(frozen=True)
class Point:
    """One estimate with its 95 % interval. `n` passages (words) or deeds; `hidden`: too small a cell to be shown."""

    estimate: float
    low: float = float("nan")
    high: float = float("nan")
    n: int = 0
    n_speeches: int = 0
    hidden: bool = False


@dataclass(frozen=True)
class Break:
    """A detected change of level, with the 95 % interval of its place."""

    series: str
    period: str
    low: str
    high: str
    p: float
    make_up: bool = False  # the data sets behind the deeds change here


@dataclass
class Direction:
    """One source about, and toward, one target. Keys of the mappings are periods; what is absent is missing."""

    source: str
    target: str
    side: str  # "a" or "b": which colour and line
    source_name: str = ""
    target_name: str = ""
    words: dict[str, Point] = field(default_factory=dict)
    deeds: dict[str, Point] = field(default_factory=dict)
    gap: dict[str, Point] = field(default_factory=dict)
    breaks: list[Break] = field(default_factory=list)
    #: measure -> (indicator, value) -> period -> point
    indicators: dict[str, dict[tuple[str, str], dict[str, Point]]] = field(default_factory=dict)
    #: manifestation -> period -> point; a period that is absent is not covered
    manifestations: dict[str, dict[str, Point]] = field(default_factory=dict)
    draws: pd.DataFrame = field(default_factory=pd.DataFrame)  # rows draws, columns periods
    #: period -> which data sets behind the deed index begin (+) or end (−) there
    make_up: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`Avaria about Borland`."""
        return f"{self.source_name or self.source} about {self.target_name or self.target}"

    @property
    def toward(self) -> str:
        """`Avaria toward Borland`."""
        return f"{self.source_name or self.source} toward {self.target_name or self.target}"

    @property
    def slug(self) -> str:
        """A name that is safe in ids and file names."""
        return slug(self.source, self.target)

    def shown(self) -> dict[str, Point]:
        """Word points that are large enough to be shown, in time order."""
        return {
            p: self.words[p] for p in sorted(self.words) if not self.words[p].hidden and finite(self.words[p].estimate)
        }


@dataclass
class Pair:
    """Two actors and one time axis."""

    a: str
    b: str
    periods: list[str]
    directions: list[Direction]
    events: list[Event]
    method: str  # of the headline trust balance
    window: str  # reference window of the gap
    a_name: str = ""
    b_name: str = ""
    n_events: int = 0  # how many deeds the marked ones were chosen from

    @property
    def slug(self) -> str:
        """A name that is safe in ids and file names."""
        return slug(self.a, self.b)

    @property
    def title(self) -> str:
        """`Avaria and Borland`."""
        return f"{self.a_name or self.a} and {self.b_name or self.b}"


def slug(*names: str) -> str:
    """Return names as one string of letters, digits, `_` and `-`; different names stay different."""
    return "_".join(re.sub(r"[^A-Za-z0-9-]", lambda m: f"-x{ord(m[0]):x}", n) for n in names) or "x"


def _points(rows: pd.DataFrame, n: str = "n_passages") -> dict[str, Point]:
    points = {}
    for r in rows.to_dict("records"):
        estimate, low, high = (float(r[c]) if finite(r.get(c)) else float("nan") for c in ("estimate", "low", "high"))
        n_here, n_speeches = (int(r[c]) if finite(r.get(c)) else 0 for c in (n, "n_speeches"))
        points[str(r["period"])] = Point(estimate, low, high, n_here, n_speeches, bool(r.get("hidden", False)))
    return points


def headline_method(words: pd.DataFrame, wanted: str = "") -> str:
    """Return the method of the headline: the wanted one where it has rows, else the best that has shown estimates."""
    rows = words[(words["measure"] == "balance") & (words["indicator"] == "all") & words["estimate"].notna()]
    if "hidden" in rows.columns:
        rows = rows[~rows["hidden"].astype(bool)]
    there = set(rows["method"])
    for method in (wanted, *METHOD_ORDER, *sorted(there)):
        if method in there:
            return str(method)
    return ""


def headline_window(gap: pd.DataFrame) -> str:
    """Return the reference window of the headline gap: the one marked so, else the first."""
    if "window" not in gap.columns or gap.empty:
        return ""
    marked = gap[gap["headline"].fillna(False).astype(bool)] if "headline" in gap.columns else gap
    return str((marked if len(marked) else gap)["window"].iloc[0])


def pairs_of(frames: Frames, dyads: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the unordered pairs to show: those asked for, or all that words and deeds hold, those with words first."""
    if not dyads:
        words = frames["words.parquet"]
        rows = words[(words["measure"] == "balance") & (words["target"] != "")]
        if rows.empty:
            rows = frames["deed_series.parquet"]
        dyads = [
            tuple(d) for d in rows[["source", "target"]].drop_duplicates().sort_values(["source", "target"]).values
        ]
    seen: dict[frozenset[str], tuple[str, str]] = {}
    for a, b in dyads:
        seen.setdefault(frozenset((a, b)), (a, b))
    return list(seen.values())


def make_up_changes(rows: pd.DataFrame) -> dict[str, str]:
    """Return where the data sets behind a composite change, and how: `{"2015": "− mid_cow"}`."""
    if "make_up" not in rows.columns:
        return {}
    ordered = sorted((str(p), str(m)) for p, m in zip(rows["period"], rows["make_up"], strict=True) if m)
    out = {}
    for (_, was), (period, now) in itertools.pairwise(ordered):
        if was != now:
            a, b = ({x.strip() for x in text.split(";")[0].split(",")} for text in (was, now))
            named = [*(f"+ {x}" for x in sorted(b - a)), *(f"− {x}" for x in sorted(a - b))]
            series = " to".join(t.split(";")[1] if ";" in t else "" for t in (was, now))
            out[period] = (", ".join(named) or series.strip()) + (" (not linked)" if "not linked" in now + was else "")
    return out


def _direction(
    frames: Frames, source: str, target: str, side: str, method: str, window: str, book: Codebook
) -> Direction:
    d = Direction(source, target, side)
    words = of_dyad(frames["words.parquet"], source, target)
    balance = words[(words["measure"] == "balance") & (words["method"] == method)]
    d.words = _points(balance[balance["indicator"] == "all"])
    for measure in ("stance", "salience"):
        rows = words[words["measure"] == measure]
        known = [m for m in (method, *METHOD_ORDER) if m in set(rows["method"])]
        rows = rows[rows["method"] == known[0]] if known else rows.iloc[0:0]
        d.indicators[measure] = {
            (i.id, value): _points(rows[(rows["indicator"] == i.id) & (rows["value"] == value)])
            for i in book.indicators
            for value in i.values
        }
    draws = of_dyad(frames["words_draws.parquet"], source, target)
    if len(draws):
        d.draws = draws.pivot_table(index="draw", columns="period", values="estimate").astype(float)
    series = of_dyad(frames["deed_series.parquet"], source, target)
    series = series[(series["dataset"] == "all") & series["covered"].fillna(False).astype(bool)]
    for manifestation, rows in series.groupby("manifestation"):
        points = {p: x for p, x in _points(rows, "n_deeds").items() if finite(x.estimate)}
        if manifestation == "all":
            d.deeds = points
            d.make_up = make_up_changes(rows)
        else:
            d.manifestations[str(manifestation)] = points
    gap = of_dyad(frames["compare/gap.parquet"], source, target)
    if "window" in gap.columns:
        gap = gap[gap["window"].astype(str) == window]
    d.gap = {p: x for p, x in _points(gap.rename(columns={"gap": "estimate"})).items() if finite(x.estimate)}
    for r in of_dyad(frames["compare/breaks.parquet"], source, target).to_dict("records"):
        if per.grain_of(str(r["period"])):
            ends = [str(r.get(c) or "") for c in ("low", "high")]
            low, high = (e if per.grain_of(e) else str(r["period"]) for e in ends)
            p = float(r["p"]) if finite(r.get("p")) else float("nan")
            d.breaks.append(Break(str(r["series"]), str(r["period"]), low, high, p, bool(r.get("make_up", False))))
    return d


def build_pair(
    frames: Frames, a: str, b: str, book: Codebook, names: Callable[[str], str] = str, most_events: int = 14
) -> Pair:
    """Return everything that the figures and sentences of one pair are made of."""
    words = pd.concat([of_dyad(frames["words.parquet"], a, b), of_dyad(frames["words.parquet"], b, a)])
    settings = frames.manifest.get("words")
    method = headline_method(words, str(settings.get("headline", "")) if isinstance(settings, dict) else "")
    window = headline_window(frames["compare/gap.parquet"])
    directions = [_direction(frames, s, t, side, method, window, book) for s, t, side in ((a, b, "a"), (b, a, "b"))]
    for d in directions:
        d.source_name, d.target_name = names(d.source), names(d.target)
    seen = {p for d in directions for series in (d.words, d.deeds, d.gap) for p in series}
    if not seen:
        seen = {p for d in directions for rows in d.manifestations.values() for p in rows}
    periods = per.period_range(sorted(seen))
    kept = [d for d in directions if d.words or d.deeds or d.gap or d.manifestations]
    spoken = {p for d in directions for p in d.words}
    events, n = choose_events(frames, a, b, periods, most_events, spoken)
    return Pair(a, b, periods, kept, events, method, window, names(a), names(b), n)
