"""The smaller figures: indicators one by one, and deeds by manifestation."""

from __future__ import annotations

from markupsafe import Markup

from sca_nlp.codebook import Codebook
from sca_nlp.records import MANIFESTATIONS
from sca_nlp.report.chart_main import anchor
from sca_nlp.report.pairs import Direction, Pair
from sca_nlp.report.svg import drawing, el, extent, label, marker, nice_ticks, scale, x_axis, y_axis
from sca_nlp.report.wording import MANIFESTATION_NAMES, finite, interval, num, plain

_GAP, _HEIGHT, _WIDTH = 34.0, 92.0, 940.0


def indicator_chart(pair: Pair, measure: str, book: Codebook) -> Markup:
    """Return small multiples: a row an indicator, a column a direction; affirmed up, denied down, with intervals.

    One scale for all, so that rows can be compared; colour tells what speaks for trust and what against it.
    """
    columns = pair.directions
    width = (_WIDTH - 46 - 26 * (len(columns) - 1)) / max(1, len(columns))
    found: list[float] = []
    for d in columns:
        for (indicator_id, value), points in d.indicators.get(measure, {}).items():
            down = list(book.indicator(indicator_id).values).index(value) > 0
            found += [(-1 if down else 1) * v.estimate for v in points.values() if not v.hidden and finite(v.estimate)]
    low, high = _limits(found)
    out: list[Markup] = []
    top = 44.0
    for k, d in enumerate(columns):
        out.append(label(d.name, 46 + k * (width + 26), 14, "heading"))
    for row, indicator in enumerate(book.indicators):
        bottom = top + _HEIGHT
        y = scale(low, high, bottom, top)
        for k, d in enumerate(columns):
            left = 46 + k * (width + 26)
            x = scale(0, len(pair.periods), left, left + width)
            if k == 0 or row == 0:
                out.append(label(indicator.name, left, top - 8, "label strong"))
            else:
                out.append(label(indicator.name, left, top - 8, "label"))
            out.extend(x_axis(pair.periods, x, top, bottom, most=7, labels=row == len(book.indicators) - 1))
            out.extend(y_axis(y, nice_ticks(low, high, 5), left, left + width, percent=True))
            bar = max(1.5, width / len(pair.periods) * 0.62)
            for j, value in enumerate(indicator.values):
                way = -1 if j else 1
                sign = "toward" if indicator.trust_sign[value] > 0 else "away"
                points = d.indicators.get(measure, {}).get((indicator.id, value), {})
                for i, p in enumerate(pair.periods):
                    v = points.get(p)
                    if v is None or v.hidden or not finite(v.estimate):
                        continue
                    y0, y1 = sorted((y(0), y(way * v.estimate)))
                    cx = x(i + 0.5)
                    text = (
                        f"{d.name}, {p}: {indicator.name} {value}, {num(100 * v.estimate, 1)} %"
                        f" {interval(100 * v.low, 100 * v.high, 1)}"
                    )
                    parts = [
                        el("title", text),
                        el("rect", x=cx - bar / 2, y=y0, width=bar, height=max(0.5, y1 - y0), class_=f"bar {sign}"),
                    ]
                    if finite(v.low) and finite(v.high):
                        parts.append(
                            el(
                                "line",
                                x1=cx,
                                x2=cx,
                                y1=y(min(max(way * v.low, low), high)),
                                y2=y(min(max(way * v.high, low), high)),
                                class_="whisker",
                            )
                        )
                    out.append(el("a", *parts, href=f"#{anchor(d, p)}", class_="point", tabindex="-1"))
        top = bottom + _GAP
    about = "of the sentences about the other" if measure == "stance" else "of all the source's sentences"
    return drawing(
        _WIDTH,
        top - _GAP + 30,
        out,
        f"{plain(measure).capitalize()} by indicator: {pair.title}",
        f"Five rows, one an indicator. Bars up: affirmed, bars down: denied, in percent {about}.",
        f"fig-{pair.slug}-{measure}",
    )


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
        out.append(label(d.toward, 2, top - 8, "heading"))
        rows = [*MANIFESTATIONS, *sorted(set(d.manifestations) - set(MANIFESTATIONS))]
        for manifestation in rows:
            name = MANIFESTATION_NAMES.get(manifestation, plain(manifestation))
            out.append(label(name, left - 10, top + 14, "tick", text_anchor="end"))
            points = d.manifestations.get(manifestation, {})
            for i, p in enumerate(pair.periods):
                v = points.get(p)
                box = {"x": x(i) + 0.5, "y": top + 0.5, "width": max(1.0, cell - 1), "height": row - 1}
                if v is None:
                    out.append(el("rect", el("title", f"{name}, {p}: not covered"), class_="hatched", **box))
                    continue
                step = _bin(v.estimate) if v.n else 0  # no deed is plain, wherever its z lies
                text = f"{d.toward}, {p}: {name} {num(v.estimate, 2, signed=True)} z" + ("" if v.n else ", no deed")
                parts = [el("title", text), el("rect", class_=f"heat h{'m' if step < 0 else 'p'}{abs(step)}", **box)]
                if abs(step) >= 3 and cell >= 9:
                    parts.append(
                        label(
                            "+" if step > 0 else "−",
                            x(i + 0.5),
                            top + 14.5,
                            f"heatsign h{abs(step)}",
                            text_anchor="middle",
                        )
                    )
                out.append(el("a", *parts, href=f"#{anchor(d, p)}", class_="point", tabindex="-1"))
            top += row
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
