"""Compatible values: which norms both sides call binding."""

from __future__ import annotations

from typing import Any

from sca_nlp.report.model.behind import place, quotes, stance_table
from sca_nlp.report.model.condition import Condition, Known, Row, Table
from sca_nlp.report.wording import join, plural


def values(k: Known) -> Condition:
    """Return which norms the sides invoke, and how many of them both do."""
    c = Condition(
        "values",
        "Compatible values",
        "Which norms do both sides call binding?",
        f"A side invokes a norm from {k.terms.least_sentences} sentences with NA+ on that name it, about anyone. For:"
        " at least half of the norms that either invokes are invoked by both. Against: none is. Otherwise mixed.",
    )
    table, shared, either = _norms_table(k)
    if table:
        c.tables.append(table)
    if either:
        c.reading = "for" if 2 * len(shared) >= len(either) else "against" if not shared else "mixed"
        c.headline = f"{len(shared)} of {plural(len(either), 'norm')} invoked by either are invoked by both" + (
            f": {join(shared)}." if shared else "."
        )
    else:
        c.untold.append("Norms: too few sentences that call one binding, on both sides.")
    if len(k.pair.directions) < 2 or any(d.source not in k.said for d in k.pair.directions):
        c.untold.append("Only one side speaks in this run.")
    c.tables += stance_table(k, ("NA+", "NA-"))
    c.quotes = quotes(k, ("NA+", "NA-"))
    c.untold.append(
        "The list of norms is short and searches for words: the same word can stand for different things. What"
        " societies value is not in this run's data."
    )
    return c


def _norms_table(k: Known) -> tuple[Table | None, list[str], list[str]]:
    """Return the norms that the sides call binding, those both invoke, and those either invokes."""
    rows, shared, either = [], [], []
    sides = [(d, k.said[d.source].norms) for d in k.pair.directions if d.source in k.said]
    for _, name, looked in k.terms.norms:
        cells: list[Any] = [name]
        invoked, href = [], ""
        for d, norms in sides:
            hit = norms[[bool(looked.search(str(t))) for t in norms["text"]]] if len(norms) else norms
            yes, no = hit[hit["affirmed"].astype(bool)], hit[~hit["affirmed"].astype(bool)]
            near = int(yes["about"].astype(bool).sum())
            invoked.append(len(yes) >= k.terms.least_sentences)
            cells.append(f"{len(yes)} ({near} about {d.target_name}); called broken {len(no)}")
            best = yes[yes["about"].astype(bool)] if near else yes
            if len(best) and not href:
                href = place(k.evidence, d.source, str(best["period"].iloc[0]))
        both = len(invoked) == 2 and all(invoked)
        shared += [name] if both else []
        either += [name] if any(invoked) else []
        if any(c for c in cells[1:] if not str(c).startswith("0 (") or not str(c).endswith(" 0")):
            rows.append(Row([*cells, "both" if both else "one" if any(invoked) else "neither"], href, both))
    if not rows:
        return None, shared, either
    head = ["Norm", *(f"Sentences of {d.source_name}" for d, _ in sides), "Invoked by"]
    caption = (
        "Sentences that call a norm binding (NA+) and name it, in all speeches of the side; in brackets"
        " those about the other."
    )
    return Table(caption, head, rows), shared, either
