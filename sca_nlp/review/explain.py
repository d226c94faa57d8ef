"""Which words drove a code: each word is left out in turn, and the loss of probability is its weight."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sca_nlp.errors import ScaError

if TYPE_CHECKING:
    from sca_nlp.review.app import Desk

#: Longer passages are cut into this many pieces of several words, so that the answer stays quick.
PIECES = 48
#: Classes below this probability are not explained, except the likeliest.
FLOOR = 0.15


def attributions(desk: Desk, passage: Mapping[str, Any], before: str, after: str) -> dict[str, Any]:
    """Return for each likely class the passage in pieces with weights (probability lost without the piece).

    Raises:
        ScaError: the model that scored the run is not here.
    """
    classes = desk.codebook.classes
    probabilities = passage["probabilities"]
    likely = [c for c in classes if probabilities[c] >= FLOOR or c in passage["codes"]]
    likely = likely or [max(classes, key=lambda c: probabilities[c])]
    cached = desk.jobs.setdefault("explained", {})
    if passage["passage_id"] not in cached:
        if len(cached) > 500:
            cached.clear()
        cached[passage["passage_id"]] = _occlude(_model(desk), passage["text"], before, after)
    pieces, weights = cached[passage["passage_id"]]
    return {
        "classes": {
            c: [
                {"text": t, "weight": round(float(w[desk.codebook.column[c]]), 4)}
                for t, w in zip(pieces, weights, strict=True)
            ]
            for c in likely
        },
        "method": "each word left out in turn",
    }


def _model(desk: Desk) -> Any:
    """Load the run's own model once."""
    from sca_nlp.classify.folder import find_model, load_model, read_folder
    from sca_nlp.store import read_manifest

    with desk.lock:
        if "model" not in desk.jobs:
            name = read_manifest(desk.run).get("model", {}).get("name") or None
            known = desk.facts["model_digest"]
            if known and not known.startswith(read_folder(find_model(name)).digest):
                raise ScaError("the model that scored this run is not installed here; its words cannot be shown")
            model = load_model(name, profile="balanced", threads=1)
            if model.codebook.classes != desk.codebook.classes:
                raise ScaError("the model at hand codes other classes than this run; words cannot be shown")
            desk.jobs["model"] = model
        return desk.jobs["model"]


def _occlude(model: Any, text: str, before: str, after: str) -> tuple[list[str], Any]:
    words = re.findall(r"\s*\S+\s*$|\s*\S+", text)
    step = max(1, -(-len(words) // PIECES))
    pieces = ["".join(words[k : k + step]) for k in range(0, len(words), step)]
    variants = [text] + ["".join(pieces[:k] + pieces[k + 1 :]).strip() or "." for k in range(len(pieces))]
    n = len(variants)
    scores = model.predict(variants, [before] * n, [after] * n).probabilities
    return pieces, scores[0] - scores[1:]
