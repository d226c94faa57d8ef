"""The report as a notebook: cells that load the tidy tables beside it and draw the figures anew."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sca_nlp.report.methods import Methods
from sca_nlp.report.pairs import Pair

_LOAD = """from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

tables = Path("tables")  # beside this notebook
table = {path.stem: pd.read_parquet(path) for path in sorted(tables.glob("*.parquet"))}
{name: frame.shape for name, frame in table.items()}"""

_DRAW = '''def year(period):
    """A period as a number: 1985, 1985.25 for a quarter, 1985.08 for a month."""
    if "Q" in period:
        return int(period[:4]) + (int(period[5]) - 1) / 4
    return int(period[:4]) + ((int(period[5:]) - 1) / 12 if len(period) > 4 else 0)


def of(name, source, target, **where):
    """Rows of one direction of a table, in time order, with x for the axis."""
    rows = table[name]
    rows = rows[(rows["source"] == source) & (rows["target"] == target)]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows.assign(x=rows["period"].map(year)).sort_values("x")


def words_against_deeds(a, b, method):
    """Trust balance with its 95 % band, deed index and gap, both directions."""
    figure, axes = plt.subplots(3, 1, figsize=(7, 7), sharex=True, layout="constrained")
    for source, target, colour in ((a, b, "#0072b2"), (b, a, "#d55e00")):
        if "words" in table:
            rows = of("words", source, target, measure="balance", indicator="all", method=method)
            rows = rows[~rows["hidden"].astype(bool)] if "hidden" in rows else rows
            axes[0].plot(rows["x"], rows["estimate"], "o-", ms=3, color=colour, label=f"{source} about {target}")
            axes[0].fill_between(rows["x"], rows["low"], rows["high"], color=colour, alpha=0.15, lw=0)
        if "deed_series" in table:
            rows = of("deed_series", source, target, manifestation="all", dataset="all")
            axes[1].plot(rows["x"], rows["estimate"], "s-", ms=3, color=colour, label=f"{source} toward {target}")
            if "make_up" in rows:  # thin rules where the data sets behind the index change
                named = rows[rows["make_up"] != ""]
                for x in named["x"][named["make_up"] != named["make_up"].shift()].iloc[1:]:
                    axes[1].axvline(x, color="#888888", lw=0.5)
        if "gap" in table:
            rows = of("gap", source, target)
            rows = rows[rows["headline"].astype(bool)] if "headline" in rows else rows
            axes[2].plot(rows["x"], rows["gap"], "o-", ms=3, color=colour)
            axes[2].fill_between(rows["x"], rows["low"], rows["high"], color=colour, alpha=0.15, lw=0)
    for axis, name in zip(axes, ("trust balance", "deeds, z", "gap, z(words) - z(deeds)"), strict=True):
        axis.axhline(0, color="#555555", lw=0.6)
        axis.set_ylabel(name)
    axes[0].legend(fontsize=8)
    return figure


def transactions(a, b):
    """Transactions of the pair over the middle half and the median of the reference group's pairs."""
    rows = table["transactions"]
    rows = rows[(rows["a"] == min(a, b)) & (rows["b"] == max(a, b))]
    kinds = list(rows.groupby(["name", "dataset"], sort=False))
    n = max(1, len(kinds))
    figure, axes = plt.subplots(n, 1, figsize=(7, 2 * n), squeeze=False, layout="constrained")
    for axis, ((name, dataset), own) in zip(axes[:, 0], kinds, strict=False):
        own = own.assign(x=own["period"].map(year)).sort_values("x")
        axis.fill_between(own["x"], own["ref_low"], own["ref_high"], color="#999999", alpha=0.3, lw=0)
        axis.plot(own["x"], own["ref_median"], color="#999999", ls=":")
        axis.plot(own["x"], own["value"], color="#0072b2")
        axis.set_title(f"{name} ({dataset})", fontsize=9)
    return figure'''

_TESTS = """columns = ["source", "target", "question", "statistic", "direction", "estimate", "low", "high"]
columns += ["p", "q", "null", "n", "lag"]
tests = table["tests"] if "tests" in table else pd.DataFrame(columns=columns)
print(f"{tests['q'].notna().sum()} tests; {(tests['q'] < 0.05).sum()} at q < .05")
tests[[c for c in columns if c in tests]].sort_values("q").head(20)"""


def _cell(kind: str, text: str, number: int) -> dict[str, Any]:
    source = text.splitlines(keepends=True)
    cell: dict[str, Any] = {
        "cell_type": kind,
        "id": hashlib.sha256(f"{number}{text}".encode()).hexdigest()[:12],
        "metadata": {},
        "source": source,
    }
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _plain(text: str) -> str:
    """Return text from outside as it stands in Markdown: no markup of its own."""
    out = html.escape(" ".join(text.split()), quote=False)
    for mark in "\\`*_[]#|$":
        out = out.replace(mark, f"\\{mark}")
    return out


def write_notebook(path: Path, *, title: str, pairs: Sequence[Pair], methods: Methods, tables: Sequence[str]) -> Path:
    """Write the notebook and return its path; it reads `tables/*.parquet` beside it, with pandas and matplotlib.

    Args:
        path: to write to, in the report's folder.
        title: of the report.
        pairs: what to draw.
        methods: the report's own paragraphs and references.
        tables: names of the tables that the report has written.
    """
    texts: list[tuple[str, str]] = [
        ("markdown", f"# {_plain(title)}\n\nThe report's tables and figures, to go on from. Run it in its folder."),
        ("code", _LOAD),
        ("code", _DRAW),
    ]
    for pair in pairs:
        texts.append(("markdown", f"## {_plain(pair.title)}"))
        texts.append(("code", f"words_against_deeds({pair.a!r}, {pair.b!r}, method={pair.method!r});"))
        if "transactions" in tables:
            texts.append(("code", f"transactions({pair.a!r}, {pair.b!r});"))
    if "tests" in tables:
        texts += [("markdown", "## Every test, the smallest q first"), ("code", _TESTS)]
    paragraphs = "\n\n".join(_plain(p) for p in methods.paragraphs)
    references = "\n".join(f"- {_plain(r)}" for r in methods.references)
    texts.append(("markdown", f"## Methods\n\n{paragraphs}\n\n{references}"))
    book = {
        "cells": [_cell(kind, text, k) for k, (kind, text) in enumerate(texts)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(book, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")
    return path
