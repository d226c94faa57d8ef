"""Series of words: what stands in them, and how they look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sca_nlp.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Dyads = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Series:
    """Words of actors about each other over time. Made by `aggregate`.

    `frame` has a row for each source, target, period, measure, indicator, value and method: `estimate` with `low` and
    `high` (95 per cent), `n_passages`, `n_speeches`, and `hidden` where the cell is too small. Salience and stance are
    shares in [0, 1], the trust balance is in [-1, 1], positive toward trust. `draws` carry the balance's uncertainty.
    """

    frame: pd.DataFrame
    draws: pd.DataFrame
    settings: dict[str, Any] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        f = self.frame
        out = {reason: n for reason, n in self.left_out.items() if n and reason != "passages"}
        what = f"{f[['source', 'target']].drop_duplicates().shape[0]} pairs, {f['period'].nunique()} periods"
        return f"<Series {what}, {len(f):,} rows" + (f"; passages left out: {out}>" if out else ">")

    def select(
        self,
        *,
        measure: str = "balance",
        indicator: str = "all",
        value: str = "balance",
        method: str = "",
        dyads: Dyads | None = None,
    ) -> pd.DataFrame:
        """Return the rows of one measure by one method (default: the headline's), hidden cells left out.

        Args:
            measure: `balance`, `stance` or `salience`.
            indicator: an indicator's id or short form; `all` for the whole balance.
            value: `balance`, `affirmed` or `denied`.
            method: `raw_count`, `raw_probability`, `adjusted` or `design`.
            dyads: directed pairs; default: all.

        Raises:
            InputError: nothing is like that.
        """
        from sca_nlp.codebook import default_codebook

        by_short = {i.short: i.id for i in default_codebook().indicators}
        f = self.frame
        method = method or str(self.settings.get("headline", "raw_probability"))
        wanted = {"measure": measure, "indicator": by_short.get(indicator, indicator), "value": value, "method": method}
        for column, name in wanted.items():
            if name not in set(f[column]):
                raise InputError(column, repr(name), f"one of {', '.join(sorted(set(f[column])))}")
            f = f[f[column] == name]
        if dyads is not None:
            pairs = set(dyads)
            f = f[[d in pairs for d in zip(f["source"], f["target"], strict=True)]]
        return f[~f["hidden"].astype(bool)].reset_index(drop=True)

    def plot(self, ax: Axes | None = None, **select: Any) -> Axes:
        """Draw one measure over time, a line a dyad with its 95 per cent band; return the axes.

        Args:
            ax: axes to draw on; made where none is given.
            select: keywords of `select`.

        A period without a value, or with a cell too small, breaks the line: nothing is filled in.
        """
        import matplotlib.pyplot as plt

        rows = self.select(**select)
        axes: Axes = ax if ax is not None else plt.subplots(figsize=(8, 4.5), layout="constrained")[1]
        periods = _all_periods(sorted(set(self.frame["period"])))
        at = {p: k for k, p in enumerate(periods)}
        for (source, target), part in rows.groupby(["source", "target"], sort=True):
            whole = part.set_index("period").reindex(periods)
            label = f"{source} about {target}" if target else f"{source} about anyone"
            (line,) = axes.plot(range(len(periods)), whole["estimate"], marker="o", markersize=3, label=label)
            axes.fill_between(
                range(len(periods)), whole["low"].astype(float), whole["high"].astype(float),
                color=line.get_color(), alpha=0.15, linewidth=0,
            )  # fmt: skip
        measure = select.get("measure", "balance")
        if measure == "balance":
            axes.axhline(0, color="0.6", linewidth=0.8)
        step = max(1, len(periods) // 10)
        axes.set_xticks([at[p] for p in periods[::step]], periods[::step])
        units = {"balance": "trust balance (-1 to 1)", "stance": "share of sentences about the other"}
        axes.set_ylabel(units.get(measure, "share of all sentences"))
        if len(rows):
            axes.legend(frameon=False)
        return axes


def _all_periods(found: list[str]) -> list[str]:
    """Return every period from the first to the last of those found."""
    if not found:
        return []
    grain = "Q" if "Q" in found[0] else "M" if "-" in found[0] else "Y"
    import pandas as pd

    spanned = pd.period_range(found[0], found[-1], freq=grain)
    return [str(p) for p in spanned]
