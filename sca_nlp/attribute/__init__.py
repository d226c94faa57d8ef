"""Whom a coded passage is about: a learned choice among the actors named near it and the codebook's groups.

Each coded passage gets a short list of candidates: the actors that the gazetteer finds in it and in its neighbours,
never the speaker, and the groups that need no name (`?`, `ALL`, `UN`, `WEST` ...). A candidate's score is linear:
weights of what is known of it (where it stands, what stands beside it, which codes the passage has), and weights of
the passage's words for its class. A softmax over the list gives the probability that a coder names it. The passage
gets the best one and others that come near it: it may be about several, and the choice between `?`, `ALL` and `UN` is
often open. Trained by `python -m training.targets`.
"""

from __future__ import annotations

from sca_nlp.attribute.candidates import ALWAYS, CLASSES, N_FEATURES, N_WORDS, Candidates, Featurizer
from sca_nlp.attribute.scorer import SCHEMA, Attributor, choose, score

__all__ = [
    "ALWAYS",
    "CLASSES",
    "N_FEATURES",
    "N_WORDS",
    "SCHEMA",
    "Attributor",
    "Candidates",
    "Featurizer",
    "choose",
    "score",
]
