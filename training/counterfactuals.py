"""Sentences made from `templates.txt`: the same words with and without the negation, for training only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sca_nlp.codebook import Codebook
from sca_nlp.records import Annotation

# fmt: off
_ACTORS = (
    "Russia", "the Soviet Union", "the United States", "NATO", "China", "India", "Pakistan", "France",
    "Germany", "the United Kingdom", "Israel", "Iran", "Iraq", "Egypt", "Syria", "Turkey", "Japan",
    "the Republic of Korea", "Viet Nam", "South Africa", "Cuba", "Poland", "Ukraine", "Georgia", "Armenia",
    "Azerbaijan", "Ethiopia", "Eritrea", "Morocco", "Algeria", "Argentina", "Chile", "Indonesia", "Australia",
    "the Western Powers", "the European Union", "Serbia", "Greece", "Cyprus", "Libya", "the Sudan", "Rwanda",
    "Norway", "Finland", "Sweden", "Saudi Arabia", "Colombia", "Venezuela", "our neighbour", "the alliance",
    "the other side", "that regime", "the great Powers",
)
# fmt: on
_SELF = {"We": "we", "we": "we", "our": "our", "us": "us", "ourselves": "ourselves", "ours": "ours"}
_OPENINGS = (
    "",
    "",
    "",
    "",
    "Mr. President, ",
    "Let me say it plainly: ",
    "Today ",
    "I repeat that ",
    "As everyone knows, ",
    "But ",
)


def counterfactuals(codebook: Codebook, n_each: int = 4, seed: int = 0) -> list[Annotation]:
    """Return `n_each` sentences of every template whose codes the codebook knows (none for another codebook's)."""
    rng = np.random.default_rng(seed)
    out: list[Annotation] = []
    lines = Path(__file__).with_name("templates.txt").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        _, codes, text = (part.strip() for part in line.split("|", 2))
        if not set(codes.split()) <= set(codebook.classes):
            continue
        for k in range(n_each):
            a, b = rng.choice(len(_ACTORS), 2, replace=False)
            filled = text.format(A=_ACTORS[a], B=_ACTORS[b], **_SELF)
            opening = _OPENINGS[int(rng.integers(len(_OPENINGS)))]
            if opening:
                keep = filled.split()[0] in ("I", "NATO") or any(filled.startswith(x) for x in _ACTORS)
                filled = opening + (filled if keep else filled[0].lower() + filled[1:])
            else:
                filled = filled[0].upper() + filled[1:]
            out.append(
                Annotation(
                    annotation_id=f"template-{number}-{k}",
                    speech_id=f"template-{number}",
                    start=0,
                    end=len(filled),
                    text=filled,
                    codes=codebook.check_codes(codes.split()),
                    coder="template",
                )
            )
    return out
