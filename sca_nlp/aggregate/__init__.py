"""From scored passages and coded deeds to series per dyad and period: `words` and `deed_series`."""

from __future__ import annotations

from sca_nlp.aggregate.deeds import deed_series
from sca_nlp.aggregate.words import Words, words

__all__ = ["Words", "deed_series", "words"]
