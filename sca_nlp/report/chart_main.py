"""The figure that the project exists for: words against deeds of one pair, three panels on one time axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from markupsafe import Markup

from sca_nlp.report import periods as per
from sca_nlp.report.pairs import Direction, Pair, Point
from sca_nlp.report.svg import (
    drawing,
    el,
    extent,
    group,
    label,
    marker,
    nice_ticks,
    path_of,
    runs,
    scale,
    x_axis,
    y_axis,
)
from sca_nlp.report.wording import finite, interval, num, plural, start

WIDTH, LEFT, RIGHT = 940.0, 58.0, 926.0
X = Callable[[float], float]


def anchor(d: Direction, period: str) -> str:
    """Return the id of the passages and deeds behind a point."""
    return f"cell-{d.slug}-{period}"


def _link(d: Direction, period: str, shape: Markup, text: str) -> Markup:
    """Make a point a link to what is behind it: it works with mouse, keyboard, and without scripts."""
    return el("a", el("title", text), shape, href=f"#{anchor(d, period)}", class_="point")


def _line(d: Direction, values: Mapping[str, Point], periods: list[str], x: X, y: X) -> list[Markup]:
    at = [values.get(p) for p in periods]
    xy = [(x(i + 0.5), y(v.estimate)) if v and not v.hidden and finite(v.estimate) else None for i, v in enumerate(at)]
    out = []
    for first, last in runs([v is not None and not v.hidden and finite(v.low) and finite(v.high) for v in at]):
        edge = [(x(i + 0.5), at[i]) for i in range(first, last + 1)]
        if first == last:  # one lone period: a bar, since a band would have no width
            px, point = edge[0]
            if point is not None:
                out.append(el("line", x1=px, x2=px, y1=y(point.low), y2=y(point.high), class_="whisker"))
            continue
        ring = [(px, y(v.high)) for px, v in edge if v] + [(px, y(v.low)) for px, v in reversed(edge) if v]
        out.append(el("path", d=path_of([*ring]) + "Z", class_="band"))
    out.append(el("path", d=path_of(xy), class_="line"))
    return out


def _breaks(d: Direction, series: str, periods: list[str], x: X, top: float, bottom: float) -> list[Markup]:
    out = []
    for b in d.breaks:
        if b.series != series or not periods[0] <= b.period <= periods[-1]:
            continue
        low, high, at = (per.place(p, periods[0]) for p in (b.low, b.high, b.period))
        left, right = max(low - 0.5, 0), min(high + 0.5, len(periods))
        text = f"Break in the {series} of {d.name}: {b.period}, interval {b.low} to {b.high}"
        y = top + 4 if d.side == "a" else bottom - 4
        out.append(
            group(
                [
                    el("title", text),
                    el("rect", x=x(left), y=top, width=x(right) - x(left), height=bottom - top, class_="breakband"),
                    el("line", x1=x(at), x2=x(at), y1=top, y2=bottom, class_="breakline"),
                    el(
                        "path",
                        d=(
                            f"M{x(at) - 5:.1f} {y - 4:.1f}h10l-5 8z"
                            if d.side == "a"
                            else f"M{x(at) - 5:.1f} {y + 4:.1f}h10l-5 -8z"
                        ),
                        class_="breakmark",
                    ),
                ],
                class_=f"s-{d.side}",
            )
        )
    return out


def _points(
    d: Direction, kind: str, values: Mapping[str, Point], periods: list[str], x: X, y: X, r: float
) -> list[Markup]:
    out = []
    for i, p in enumerate(periods):
        v = values.get(p)
        if v is None or v.hidden or not finite(v.estimate):
            continue
        where = d.name if kind != "deeds" else d.toward
        n = {
            "words": f"; {plural(v.n, 'sentence')} in {plural(v.n_speeches, 'speech')}",
            "deeds": f"; {plural(v.n, 'deed')}",
            "gap": "",
        }[kind]
        name = {"words": "trust balance", "deeds": "deed index", "gap": "gap"}[kind]
        said = f"{num(v.estimate, 2, signed=True)} {interval(v.low, v.high, 2, signed=True)}{n}"
        text = f"{start(where)}, {p}: {name} {said}"
        out.append(_link(d, p, marker(d.side, x(i + 0.5), y(v.estimate), r, class_="mark"), text))
    return out


def _events(pair: Pair, x: X, top: float) -> tuple[list[Markup], float]:
    """Return the numbered deed marks, packed into lanes so that none covers another, and the height they take."""
    lanes: list[float] = []
    out = []
    for e in pair.events:
        at = x(min(max(per.place(e.date, pair.periods[0]), 0.0), float(len(pair.periods))))
        lane = next((k for k, end in enumerate(lanes) if end + 19 <= at), len(lanes))
        if lane == len(lanes):
            lanes.append(at)
        lanes[lane] = at
        y = top + 11 + lane * 19
        sign = "toward" if e.sign > 0 else "away"
        text = f"{e.number}. {e.date}: {e.description or e.manifestation} ({sign} a security community)"
        shape = (
            f"M{at - 9:.1f} {y + 7:.1f}L{at:.1f} {y - 9:.1f}L{at + 9:.1f} {y + 7:.1f}Z"
            if e.sign > 0
            else f"M{at - 9:.1f} {y - 8:.1f}L{at:.1f} {y + 8:.1f}L{at + 9:.1f} {y - 8:.1f}Z"
        )
        out.append(
            el(
                "a",
                el("title", text),
                el("path", d=shape, class_=f"event {sign}"),
                label(str(e.number), at, y + (5.5 if e.sign > 0 else 1.5), "eventno", text_anchor="middle"),
                href=f"#event-{pair.slug}-{e.number}",
                class_="point",
            )
        )
    return out, max(1, len(lanes)) * 19.0 + 6


def main_chart(pair: Pair) -> Markup:
    """Return the figure: trust balance, deeds with dated marks, and gap, both directions, with breaks."""
    n = len(pair.periods)
    x = scale(0, n, LEFT, RIGHT)
    r = 3.8 if n <= 45 else 2.6
    out: list[Markup] = []
    top = 30.0

    def panel(kind: str, heading: str, unit: str, height: float, top: float) -> float:
        series = {d.side: getattr(d, kind) for d in pair.directions}
        shown = [v for s in series.values() for v in s.values() if not v.hidden]
        bottom = top + height
        out.append(label(heading, LEFT - 48, top - 12, "heading"))
        out.append(label(unit, RIGHT, top - 12, "unit", text_anchor="end"))
        if not shown:
            out.append(el("rect", x=LEFT, y=top, width=RIGHT - LEFT, height=40, class_="empty"))
            out.append(label("no estimates in this run", (LEFT + RIGHT) / 2, top + 24, "unit", text_anchor="middle"))
            return top + 40
        low, high = extent([w for v in shown for w in (v.estimate, v.low, v.high)])
        y = scale(low, high, bottom, top)
        out.extend(x_axis(pair.periods, x, top, bottom))
        if kind == "deeds":  # hatched where no source can speak for either direction
            for first, last in runs([not any(p in s for s in series.values()) for p in pair.periods]):
                out.append(el("rect", x=x(first), y=top, width=x(last + 1) - x(first), height=height, class_="hatched"))
            for period, text in sorted({p: t for d in pair.directions for p, t in d.make_up.items()}.items()):
                if period in pair.periods:
                    at = x(pair.periods.index(period))
                    title = el("title", f"From {period} on the index is made of other data sets: {text}")
                    out.append(el("line", title, x1=at, x2=at, y1=top, y2=bottom, class_="makeup"))
        values = nice_ticks(low, high)
        out.extend(y_axis(y, values, LEFT, RIGHT, 2 if high - low < 0.35 else 1))
        for d in pair.directions:
            out.extend(_breaks(d, kind, pair.periods, x, top, bottom))
        for d in pair.directions:
            out.append(group(_line(d, series[d.side], pair.periods, x, y), class_=f"s-{d.side}"))
        for d in pair.directions:
            out.append(group(_points(d, kind, series[d.side], pair.periods, x, y, r), class_=f"s-{d.side}"))
        if kind == "words":  # a cross on the lower edge where a cell is too small
            for d in pair.directions:
                gone = [i for i, p in enumerate(pair.periods) if p in d.words and d.words[p].hidden]
                yy = bottom - 5 if d.side == "b" else bottom - 14
                crosses = [
                    el(
                        "path",
                        el("title", f"{start(d.name)}, {pair.periods[i]}: too few sentences, hidden"),
                        d=f"M{x(i + 0.5) - 3:.1f} {yy - 3:.1f}l6 6m0 -6l-6 6",
                        class_="hiddenmark",
                    )
                    for i in gone
                ]
                out.append(group(crosses, class_=f"s-{d.side}"))
        return bottom

    bottom = panel("words", "Words", "trust balance, −1 to +1, 95 % band", 190, top)
    top = bottom + 52
    bottom = panel("deeds", "Deeds", "deed index, z units, up = toward a security community", 130, top)
    if pair.events:
        marks, height = _events(pair, x, bottom + 24)
        out.extend(marks)
        bottom += 20 + height
    top = bottom + 52
    bottom = panel("gap", "Gap", "z(words) − z(deeds), above 0 = warmer in words, 95 % band", 140, top)
    if not any(d.gap for d in pair.directions):
        bottom -= 10
    out.append(label(per.grain_of(pair.periods[0]) or "period", RIGHT, bottom + 32, "unit", text_anchor="end"))
    description = (
        f"Three panels from {pair.periods[0]} to {pair.periods[-1]}: trust balance of words, index of deeds, and their"
        f" gap, for {' and '.join(d.name for d in pair.directions)}. Every point links to the passages and deeds"
        " behind it."
    )
    return drawing(WIDTH, bottom + 40, out, f"Words against deeds: {pair.title}", description, f"fig-{pair.slug}-main")
