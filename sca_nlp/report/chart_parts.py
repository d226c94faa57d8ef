"""The smaller figures: indicators one by one, and deeds by manifestation."""

from __future__ import annotations

from markupsafe import Markup

from sca_nlp.codebook import Codebook
from sca_nlp.records import MANIFESTATIONS
from sca_nlp.report.chart_main import anchor
from sca_nlp.report.pairs import Direction, Pair, Point
from sca_nlp.report.svg import (
    boxes,
    drawing,
    el,
    extent,
    label,
    marker,
    nice_ticks,
    scale,
    uprights,
    x_axis,
    y_axis,
)
from sca_nlp.report.wording import MANIFESTATION_NAMES, finite, num, plain, start

_GAP, _HEIGHT, _WIDTH = 34.0, 92.0, 940.0
_BETWEEN = 44.0  # columns: room for the numbers of the second axis


def indicator_chart(pair: Pair, measure: str, book: Codebook) -> Markup:
    """Return small multiples: a row an indicator, a column a direction; affirmed up, denied down, with intervals.

    One scale for all, so that rows can be compared; colour tells what speaks for trust and what against it. The years
    are those in which somebody speaks: deeds often begin decades before.
    """
    columns = pair.directions
    periods = _spoken(pair, measure)
    width = (_WIDTH - 46 - _BETWEEN * (len(columns) - 1)) / max(1, len(columns))
    found: list[float] = []
    for d in columns:
        for (indicator_id, value), points in d.indicators.get(measure, {}).items():
            down = list(book.indicator(indicator_id).values).index(value) > 0
            found += [(-1 if down else 1) * v.estimate for v in points.values() if not v.hidden and finite(v.estimate)]
    low, high = _limits(found)
    out: list[Markup] = []
    top = 44.0
    for k, d in enumerate(columns):
        out.append(label(start(d.name), 46 + k * (width + _BETWEEN), 14, "heading"))
    for row, indicator in enumerate(book.indicators):
        bottom = top + _HEIGHT
        y = scale(low, high, bottom, top)
        for k, d in enumerate(columns):
            left = 46 + k * (width + _BETWEEN)
            x = scale(0, len(periods), left, left + width)
            out.append(label(indicator.name, left, top - 8, "label strong"))
            out.extend(x_axis(periods, x, top, bottom, most=7, labels=row == len(book.indicators) - 1))
            out.extend(y_axis(y, nice_ticks(low, high, 5), left, left + width, percent=True))
            bar = max(1.5, width / len(periods) * 0.62)
            for j, value in enumerate(indicator.values):
                way = -1 if j else 1
                sign = {1: "toward", 0: "neutral"}.get(indicator.trust_sign[value], "away")
                bars: list[tuple[float, float, float, float]] = []
                whiskers: list[tuple[float, float, float]] = []
                for i, share in _shown(d, measure, indicator.id, value, periods):
                    y0, y1 = sorted((y(0), y(way * share.estimate)))
                    bars.append((x(i + 0.5) - bar / 2, y0, bar, max(0.5, y1 - y0)))
                    if finite(share.low) and finite(share.high):
                        one, other = (y(min(max(way * limit, low), high)) for limit in (share.low, share.high))
                        whiskers.append((x(i + 0.5), one, other))
                if bars:
                    out.append(el("path", d=boxes(bars), class_=f"bar {sign}"))
                if whiskers:
                    out.append(el("path", d=uprights(whiskers), class_="whisker"))
        top = bottom + _GAP
    for k, d in enumerate(columns):
        out.extend(_columns(periods, d, measure, book, 46 + k * (width + _BETWEEN), width, top - _GAP))
    about = "of the sentences about the other" if measure == "stance" else "of all the source's sentences"
    return drawing(
        _WIDTH,
        top - _GAP + 30,
        out,
        f"{plain(measure).capitalize()} by indicator: {pair.title}",
        f"{len(book.indicators)} rows, one an indicator. Bars up: affirmed, bars down: denied, in percent {about}.",
        f"fig-{pair.slug}-{measure}",
    )


def _spoken(pair: Pair, measure: str) -> list[str]:
    """Return the periods from the first to the last with a share of this measure; all, where there is none."""
    there = {p for d in pair.directions for points in d.indicators.get(measure, {}).values() for p in points}
    at = [i for i, p in enumerate(pair.periods) if p in there]
    return pair.periods[at[0] : at[-1] + 1] if at else pair.periods


def _shown(d: Direction, measure: str, indicator: str, value: str, periods: list[str]) -> list[tuple[int, Point]]:
    """Return the places and points of a series that are large enough to be drawn."""
    points = d.indicators.get(measure, {}).get((indicator, value), {})
    at = [(i, points[p]) for i, p in enumerate(periods) if p in points]
    return [(i, v) for i, v in at if not v.hidden and finite(v.estimate)]


def _columns(
    periods: list[str], d: Direction, measure: str, book: Codebook, left: float, width: float, bottom: float
) -> list[Markup]:
    """Return one link a period over all rows: it tells their shares, and leads to what is behind them."""
    told: dict[int, list[str]] = {}
    for indicator in book.indicators:
        for value, mark in indicator.values.items():
            for i, v in _shown(d, measure, indicator.id, value, periods):
                told.setdefault(i, []).append(f"{indicator.short}{mark} {num(100 * v.estimate, 1)}")
    cell = width / max(1, len(periods))
    return [
        _column(d, periods[i], f"{start(d.name)}, {periods[i]}, %: {', '.join(told[i])}", left + i * cell, cell, bottom)
        for i in sorted(told)
    ]


def _column(d: Direction, period: str, text: str, x: float, width: float, bottom: float, top: float = 24.0) -> Markup:
    box = el("path", d=boxes([(x, top, width, bottom - top)]), class_="hit")
    return el("a", el("title", text), box, href=f"#{anchor(d, period)}", class_="point", tabindex="-1")


def _limits(estimates: list[float]) -> tuple[float, float]:
    """Return (low, high) of the axis: half as far again as the largest share either way; most whiskers fit."""
    low, high = extent(estimates, pad=0.0)
    least = max(0.02, (high - low) / 6)
    return min(1.5 * low, -least), max(1.5 * high, least)


def _bin(z: float) -> int:
    """Return the colour step of a value: -4 ... 4, 0 only for what is near zero."""
    steps = sum(abs(z) > edge for edge in (0.1, 0.5, 1.0, 2.0))
    return steps if z > 0 else -steps


def deeds_chart(pair: Pair) -> Markup:
    """Return the heat strip: a row a manifestation, a block a direction. Missing is hatched, zero is plain."""
    left, right, row = 218.0, 926.0, 20.0
    x = scale(0, len(pair.periods), left, right)
    cell = (right - left) / max(1, len(pair.periods))
    out: list[Markup] = []
    top = 24.0
    for d in pair.directions:
        out.append(label(start(d.toward), 2, top - 8, "heading"))
        rows = [*MANIFESTATIONS, *sorted(set(d.manifestations) - set(MANIFESTATIONS))]
        signs: list[Markup] = []
        first = top
        told: dict[str, list[str]] = {}
        for manifestation in rows:
            name = MANIFESTATION_NAMES.get(manifestation, plain(manifestation))
            out.append(label(name, left - 10, top + 14, "tick", text_anchor="end"))
            points = d.manifestations.get(manifestation, {})
            cells: dict[str, list[tuple[float, float, float, float]]] = {}
            for i, p in enumerate(pair.periods):
                v = points.get(p)
                step = _bin(v.estimate) if v and v.n else 0  # no deed is plain, wherever its z lies
                kind = f"heat h{'m' if step < 0 else 'p'}{abs(step)}" if v else "hatched"
                cells.setdefault(kind, []).append((x(i) + 0.5, top + 0.5, max(1.0, cell - 1), row - 1))
                if v and v.n:
                    told.setdefault(p, []).append(f"{name} {num(v.estimate, 2, signed=True)} z")
                elif v:
                    told.setdefault(p, [])
                if abs(step) >= 3 and cell >= 9:
                    sign = label(
                        "+" if step > 0 else "−", x(i + 0.5), top + 14.5, f"heatsign h{abs(step)}", text_anchor="middle"
                    )
                    signs.append(sign)
            out += [el("path", d=boxes(at), class_=kind) for kind, at in cells.items()]
            top += row
        for i, p in enumerate(pair.periods):
            if p in told:
                text = f"{start(d.toward)}, {p}: {'; '.join(told[p]) or 'no deed'}"
                out.append(_column(d, p, text, x(i), cell, top, first))
        out += signs
        out.extend(x_axis(pair.periods, x, top, top + 3))
        top += 52
    return drawing(
        940,
        top - 20,
        out,
        f"Deeds by manifestation: {pair.title}",
        "A row for each of the eight manifestations, a cell for each period, coloured from away to toward a security"
        " community.",
        f"fig-{pair.slug}-deeds",
    )


def deeds_key(uid: str) -> Markup:
    """Return the key of the heat strip."""
    out: list[Markup] = [label("away", 0, 15, "tick")]
    at = 40.0
    for step in range(-4, 5):
        out.append(el("rect", x=at, y=4, width=22, height=14, class_=f"heat h{'m' if step < 0 else 'p'}{abs(step)}"))
        at += 23
    out += [
        label("toward, z in steps of .1, .5, 1, 2", at + 6, 15, "tick"),
        el("rect", x=at + 230, y=4, width=22, height=14, class_="hatched"),
        label("not covered", at + 258, 15, "tick"),
    ]
    return drawing(
        600,
        22,
        out,
        "Key of the heat strip",
        "From away, through zero, to toward; hatched where no source covers the period.",
        f"key-{uid}",
    )


def direction_key(d: Direction) -> Markup:
    """Return the sample of a direction's line, band and mark, for the legend."""
    return el(
        "svg",
        el("path", d="M2 4h40v8h-40z", class_="band"),
        el("path", d="M2 8h40", class_="line"),
        marker(d.side, 22, 8, 3.8, class_="mark"),
        viewBox="0 0 44 16",
        width=44,
        height=16,
        class_=f"key s-{d.side}",
        aria_hidden="true",
    )
