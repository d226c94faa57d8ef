"""Draw SVG by hand: elements whose text and attributes are always escaped, scales, axes. Colours come from the page's
CSS classes, so that one drawing serves light, dark and print.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from markupsafe import Markup, escape

from sca_nlp.report import periods as per
from sca_nlp.report.wording import num


def el(tag: str, *children: object, **attributes: object) -> Markup:
    """Return one element. `class_` and `aria_label` become `class` and `aria-label`; None leaves an attribute out."""
    parts = []
    for key, value in attributes.items():
        if value is not None:
            text = short(value) if isinstance(value, float) else str(value)
            parts.append(f' {key.rstrip("_").replace("_", "-")}="{escape(text)}"')
    inner = "".join(str(escape(c)) for c in children)
    return Markup(f"<{tag}{''.join(parts)}>{inner}</{tag}>")  # noqa: S704 (every part is escaped above)


def short(value: float) -> str:
    """Return a coordinate with one decimal, a tenth of a pixel, and no more characters than it takes."""
    text = f"{value:.1f}"
    text = text[:-2] if text.endswith(".0") else text
    return "0" if text == "-0" else text


def boxes(places: Iterable[tuple[float, float, float, float]]) -> str:
    """Return path data of rectangles (x, y, width, height): one element draws them all."""
    return "".join(f"M{short(x)} {short(y)}h{short(w)}v{short(h)}h-{short(w)}z" for x, y, w, h in places)


def uprights(places: Iterable[tuple[float, float, float]]) -> str:
    """Return path data of vertical lines (x, y1, y2)."""
    return "".join(f"M{short(x)} {short(a)}V{short(b)}" for x, a, b in places)


def group(children: Iterable[Markup], **attributes: object) -> Markup:
    """Return a `<g>` around elements."""
    return el("g", *children, **attributes)


def scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Return the linear map from [low, high] to [start, end]."""
    k = (end - start) / ((high - low) or 1.0)
    return lambda v: start + (v - low) * k


def nice_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round values in [low, high], at most about `most`."""
    span = (high - low) or 1.0
    raw = span / max(1, most - 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def extent(values: Iterable[float], around: float | None = 0.0, pad: float = 0.08) -> tuple[float, float]:
    """Return (low, high) of the finite values and of `around`, a little widened."""
    found = [v for v in values if math.isfinite(v)] + ([] if around is None else [around])
    low, high = (min(found), max(found)) if found else (-1.0, 1.0)
    span = (high - low) or 1.0
    return low - pad * span, high + pad * span


def path_of(points: list[tuple[float, float] | None]) -> str:
    """Return path data of a line that is broken where a point is None."""
    out, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        out.append(f"{pen}{short(point[0])} {short(point[1])}")
        pen = "L"
    return "".join(out)


def runs(flags: list[bool]) -> list[tuple[int, int]]:
    """Return (first, last) of each run of true values."""
    out: list[tuple[int, int]] = []
    for i, flag in enumerate(flags):
        if flag and out and out[-1][1] == i - 1:
            out[-1] = (out[-1][0], i)
        elif flag:
            out.append((i, i))
    return out


def y_axis(
    y: Callable[[float], float], values: list[float], left: float, right: float, digits: int = 1, percent: bool = False
) -> list[Markup]:
    """Return grid lines and labels of a value axis; the zero line stands out."""
    out = []
    for v in values:
        out.append(el("line", x1=left, x2=right, y1=y(v), y2=y(v), class_="zero" if abs(v) < 1e-12 else "grid"))
        label = (
            f"{num(abs(v) * 100, 0 if abs(values[-1] - values[0]) >= 0.08 else 1)}"
            if percent
            else num(v, digits, signed=v > 0)
        )
        out.append(el("text", label, x=left - 8, y=y(v) + 3.5, class_="tick", text_anchor="end"))
    return out


def x_axis(
    periods: list[str], x: Callable[[float], float], top: float, bottom: float, most: int = 12, labels: bool = True
) -> list[Markup]:
    """Return vertical grid lines at labelled periods, and their labels below."""
    out = []
    for i, label in per.ticks(periods, most):
        out.append(el("line", x1=x(i + 0.5), x2=x(i + 0.5), y1=top, y2=bottom, class_="grid"))
        if labels:
            out.append(el("text", label, x=x(i + 0.5), y=bottom + 15, class_="tick", text_anchor="middle"))
    return out


def marker(side: str, x: float, y: float, r: float = 3.6, **attributes: object) -> Markup:
    """Return a circle for side a, a square for side b: told apart without colour."""
    if side == "a":
        return el("circle", cx=x, cy=y, r=r, **attributes)
    return el("rect", x=x - r * 0.92, y=y - r * 0.92, width=1.84 * r, height=1.84 * r, **attributes)


def label(text: str, x: float, y: float, class_: str = "label", **attributes: object) -> Markup:
    """Return a text element."""
    return el("text", text, x=x, y=y, class_=class_, **attributes)


def drawing(width: float, height: float, children: Iterable[Markup], title: str, description: str, uid: str) -> Markup:
    """Return the `<svg>`, with a title and description for those who hear it."""
    return el(
        "svg",
        el("title", title, id=f"{uid}-t"),
        el("desc", description, id=f"{uid}-d"),
        *children,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        role="group",
        aria_labelledby=f"{uid}-t {uid}-d",
        class_="chart",
        id=uid,
    )
