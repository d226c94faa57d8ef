"""Synthetic worlds with a known lag, gap, break and reciprocity, and null worlds: try a design before collecting.

`world` makes one (`worlds`), `design` repeats it and counts what would be found (`power`).
"""

from __future__ import annotations

from sca_nlp.simulate.power import design
from sca_nlp.simulate.worlds import Design, World, check, world

__all__ = ["Design", "World", "check", "design", "world"]
