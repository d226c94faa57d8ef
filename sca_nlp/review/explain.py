"""Which words drove a code, from the run's own model: `classify.explain`, asked once for all classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sca_nlp.errors import ScaError

if TYPE_CHECKING:
    from sca_nlp.classify.contract import Classifier, Scores
    from sca_nlp.codebook import Codebook
    from sca_nlp.review.app import Desk

#: Classes below this probability are not explained, except the likeliest.
FLOOR = 0.15


class _Once:
    """A classifier that remembers its last answer: several classes of one passage cost one scoring."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._asked: tuple[tuple[str, ...], ...] = ()
        self._answer: Scores | None = None

    @property
    def codebook(self) -> Codebook:
        return self._classifier.codebook

    def predict(self, texts: Sequence[str], prev: Sequence[str] = (), next: Sequence[str] = ()) -> Scores:
        asked = (tuple(texts), tuple(prev), tuple(next))
        if self._answer is None or self._asked != asked:
            self._asked, self._answer = asked, self._classifier.predict(texts, prev, next)
        return self._answer


def attributions(desk: Desk, passage: Mapping[str, Any], before: str, after: str) -> dict[str, Any]:
    """Return for each likely class the passage in pieces with weights (probability lost without the piece).

    `neighbours` holds for each class what is lost without the sentence before, and without the one after.

    Raises:
        ScaError: the model that scored the run is not here.
    """
    from sca_nlp.classify.explain import explain, explain_neighbours

    probabilities, text = passage["probabilities"], passage["text"]
    likely = [c for c in desk.codebook.classes if probabilities[c] >= FLOOR or c in passage["codes"]]
    likely = likely or [max(desk.codebook.classes, key=lambda c: probabilities[c])]
    known: dict[str, Any] = desk.jobs.setdefault("explained", {})
    if passage["passage_id"] not in known:
        if len(known) > 500:
            known.clear()
        model: Any = _Once(_model(desk))
        classes = {c: _pieces(text, explain(model, text, c, before, after)) for c in likely}
        beside = {c: [round(w, 4) for w in explain_neighbours(model, text, c, before, after)] for c in likely}
        known[passage["passage_id"]] = {
            "classes": classes,
            "neighbours": beside,
            "method": "each word, and each neighbouring sentence, left out in turn",
        }
    answer: dict[str, Any] = known[passage["passage_id"]]
    return answer


def _pieces(text: str, found: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the whole text in pieces; what stands between words weighs nothing."""
    pieces, at = [], 0
    for a in found:
        if a.start > at:
            pieces.append({"text": text[at : a.start], "weight": 0.0})
        pieces.append({"text": text[a.start : a.end], "weight": round(a.weight, 4)})
        at = a.end
    return [*pieces, {"text": text[at:], "weight": 0.0}] if at < len(text) else pieces


def _model(desk: Desk) -> Any:
    """Load the run's own model once: the shipped one, or that which the run names, whose digest is the run's."""
    from sca_nlp.classify.folder import find_model, list_models, load_model, read_folder
    from sca_nlp.store import read_manifest

    with desk.lock:
        if "model" not in desk.jobs:
            wanted = desk.facts["model_digest"]
            named = read_manifest(desk.run).get("model", {}).get("name") or None
            for name in dict.fromkeys([named, *list_models()]):
                try:
                    folder = read_folder(find_model(name))
                except ScaError:
                    continue
                if wanted.startswith(folder.digest) and folder.codebook.classes == desk.codebook.classes:
                    desk.jobs["model"] = load_model(str(folder.path), profile="balanced")
                    break
            else:
                raise ScaError("the model that scored this run is not installed here; its words cannot be shown")
        return desk.jobs["model"]
