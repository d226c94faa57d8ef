"""Figures for a paper, by matplotlib: SVG with live text, and PNG at 200 dpi. Same data, same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sca_nlp.codebook import Codebook
from sca_nlp.records import MANIFESTATIONS
from sca_nlp.report import periods as per
from sca_nlp.report.pairs import Pair, Point
from sca_nlp.report.wording import MANIFESTATION_NAMES, finite

#: Okabe and Ito's blue and vermilion, with their own dashes and marks.
_SIDES: dict[str, dict[str, Any]] = {
    "a": {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    "b": {"color": "#D55E00", "linestyle": "--", "marker": "s"},
}
_TOWARD, _AWAY, _INK = "#1b7837", "#762a83", "#222222"
_STYLE = {
    "svg.hashsalt": "sca_nlp",
    "svg.fonttype": "none",
    "font.size": 8.0,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.0,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "hatch.linewidth": 0.5,
    "legend.frameon": False,
}


def _save(figure: Any, folder: Path, name: str) -> list[Path]:
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once, for both files
    figure.savefig(svg, metadata={"Date": None, "Creator": None})
    figure.savefig(png, dpi=200, metadata={"Software": None})
    return [svg, png]


def _x_axis(axis: Any, pair: Pair, *, labels: bool, most: int = 12) -> None:
    ticks = per.ticks(pair.periods, most)
    axis.set_xticks([i for i, _ in ticks], [t for _, t in ticks] if labels else [""] * len(ticks))
    axis.set_xlim(-0.7, len(pair.periods) - 0.3)


def _series(axis: Any, pair: Pair, side: str, values: dict[str, Point], name: str) -> None:
    gone = Point(float("nan"))
    at = [gone if v is None or v.hidden else v for v in map(values.get, pair.periods)]
    xs = range(len(at))
    style = _SIDES[side]
    axis.plot(xs, [v.estimate for v in at], lw=1.3, ms=3, label=name, **style)
    if any(finite(v.low) for v in at):
        axis.fill_between(xs, [v.low for v in at], [v.high for v in at], color=style["color"], alpha=0.16, lw=0)


def _main(pair: Pair, plt: Any) -> Any:
    figure, axes = plt.subplots(3, 1, figsize=(6.9, 6.4), height_ratios=(1.3, 1, 1), layout="constrained")
    panels = (
        ("words", "Words", "trust balance\n(−1 to +1)"),
        ("deeds", "Deeds", "deed index (z units)"),
        ("gap", "Gap", "z(words) − z(deeds)"),
    )
    for axis, (kind, heading, unit) in zip(axes, panels, strict=True):
        axis.axhline(0, color=_INK, lw=0.6)
        for d in pair.directions:
            verb = "about" if kind == "words" else "toward"
            _series(axis, pair, d.side, getattr(d, kind), f"{d.source_name} {verb} {d.target_name}")
            for b in d.breaks:
                if b.series == kind and b.period in pair.periods:
                    low, high = (per.place(p, pair.periods[0]) - 0.5 for p in (b.low, b.high))
                    color = _SIDES[d.side]["color"]
                    axis.axvline(pair.periods.index(b.period), color=color, lw=0.9, ls=":")
                    axis.axvspan(low - 0.5, high + 0.5, color=color, alpha=0.07, lw=0)
        if kind == "deeds":
            for i, p in enumerate(pair.periods):
                if not any(p in d.deeds for d in pair.directions):
                    axis.axvspan(i - 0.5, i + 0.5, facecolor="none", edgecolor="#999999", hatch="////", lw=0)
            for p in sorted({p for d in pair.directions for p in d.make_up} & set(pair.periods)):
                axis.axvline(pair.periods.index(p) - 0.5, color="#888888", lw=0.5)
            for e in pair.events:
                x = per.place(e.date, pair.periods[0]) - 0.5
                axis.plot(
                    [x],
                    [1.0],
                    marker="^" if e.sign > 0 else "v",
                    ms=5,
                    color=_TOWARD if e.sign > 0 else _AWAY,
                    transform=axis.get_xaxis_transform(),
                    clip_on=False,
                )
                axis.annotate(
                    str(e.number),
                    (x, 1.0),
                    xycoords=axis.get_xaxis_transform(),
                    xytext=(0, 4),
                    textcoords="offset points",
                    ha="center",
                    fontsize=6,
                )
        axis.set_title(heading, pad=10 if kind == "deeds" and pair.events else 4)
        axis.set_ylabel(unit)
        _x_axis(axis, pair, labels=kind == "gap")
    axes[0].legend(loc="best", fontsize=7)
    axes[-1].set_xlabel(f"period ({per.grain_of(pair.periods[0])})")
    return figure


def _indicators(pair: Pair, book: Codebook, plt: Any) -> Any:
    rows, columns = len(book.indicators), len(pair.directions)
    figure, axes = plt.subplots(
        rows, columns, figsize=(6.9, 1.25 * rows + 0.5), sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    for c, d in enumerate(pair.directions):
        for r, indicator in enumerate(book.indicators):
            axis = axes[r][c]
            axis.axhline(0, color=_INK, lw=0.6)
            for j, value in enumerate(indicator.values):
                way = -100 if j else 100
                sign = indicator.trust_sign[value]
                points = d.indicators["stance"].get((indicator.id, value), {})
                at = [
                    (i, points[p])
                    for i, p in enumerate(pair.periods)
                    if p in points and not points[p].hidden and finite(points[p].estimate)
                ]
                axis.bar(
                    [i for i, _ in at],
                    [way * v.estimate for _, v in at],
                    width=0.7,
                    color="#5aae61" if sign > 0 else "#9970ab" if sign < 0 else "#999999",
                    hatch="//////" if sign < 0 else None,
                    edgecolor="white",
                    lw=0,
                )
                axis.vlines(
                    [i for i, _ in at], [way * v.low for _, v in at], [way * v.high for _, v in at], color=_INK, lw=0.5
                )
            axis.set_title(indicator.name, fontsize=8)
            if r == 0:
                axis.set_title(f"{d.name}\n{indicator.name}", fontsize=8)
            _x_axis(axis, pair, labels=True, most=7)
            axis.tick_params(labelbottom=r == rows - 1)
            axis.yaxis.set_major_formatter(lambda v, _: f"{abs(v):g}")
    figure.supylabel("% of sentences about the other: affirmed up, denied down", fontsize=8)
    figure.supxlabel(f"period ({per.grain_of(pair.periods[0])}); green: toward trust, hatched purple: away", fontsize=8)
    return figure


def _deeds(pair: Pair, plt: Any) -> Any:
    import numpy as np

    figure, axes = plt.subplots(
        len(pair.directions),
        1,
        figsize=(6.9, 2.0 * len(pair.directions) + 0.6),
        squeeze=False,
        sharex=True,
        layout="constrained",
    )
    image = None
    for axis, d in zip(axes[:, 0], pair.directions, strict=True):
        grid = np.full((len(MANIFESTATIONS), len(pair.periods)), np.nan)
        for r, manifestation in enumerate(MANIFESTATIONS):
            for c, p in enumerate(pair.periods):
                if p in d.manifestations.get(manifestation, {}):
                    point = d.manifestations[manifestation][p]
                    grid[r, c] = point.estimate if point.n else 0.0  # no deed is plain, wherever its z lies
        axis.patch.set(hatch="////", edgecolor="#bbbbbb", facecolor="white")
        image = axis.imshow(
            np.ma.masked_invalid(grid), aspect="auto", cmap="PRGn", vmin=-3, vmax=3, interpolation="nearest"
        )
        axis.set_yticks(range(len(MANIFESTATIONS)), [MANIFESTATION_NAMES[m] for m in MANIFESTATIONS])
        axis.set_title(d.toward)
        _x_axis(axis, pair, labels=True)
    figure.colorbar(image, ax=axes[:, 0], label="z units (purple: away, green: toward)", shrink=0.8, extend="both")
    axes[-1, 0].set_xlabel(f"period ({per.grain_of(pair.periods[0])}); hatched: no source covers it")
    return figure


def write_figures(pairs: Sequence[Pair], book: Codebook, folder: Path) -> list[str]:
    """Write for each pair its three figures as SVG and PNG; return their file names.

    Bytes depend on data and library versions only: a fixed salt for ids, no dates.
    """
    from importlib import import_module

    mpl: Any = import_module("matplotlib")
    mpl.use("Agg", force=False)
    plt: Any = import_module("matplotlib.pyplot")

    folder.mkdir(parents=True, exist_ok=True)
    names: list[str] = []
    with mpl.rc_context(_STYLE):
        for pair in pairs:
            for kind, figure in (
                ("words_against_deeds", _main(pair, plt)),
                ("indicators", _indicators(pair, book, plt)),
                ("deeds", _deeds(pair, plt) if any(d.manifestations for d in pair.directions) else None),
            ):
                if figure is not None:
                    names += [p.name for p in _save(figure, folder, f"{kind}_{pair.slug}")]
                    plt.close(figure)
    return names
