"""The gazetteer as a spaCy component: `nlp.add_pipe("sca_actors")` fills `doc.spans["actors"]`, labelled with codes.

Import this module once before adding the pipe. The matcher is that of `Gazetteer.find`: spaCy's tokenizer alone takes
longer than the whole search.
"""

from __future__ import annotations

from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from sca_nlp.actors.gazetteer import Gazetteer


class ActorComponent:
    """Marks the actors of a document; reads its date from `doc.user_data["date"]`."""

    def __init__(self, path: str | None = None) -> None:
        self.gazetteer = Gazetteer.load(path)

    def __call__(self, doc: Doc) -> Doc:
        """Return the document with `doc.spans["actors"]` set."""
        mentions = self.gazetteer.find(doc.text, str(doc.user_data.get("date", "")))
        spans = [doc.char_span(m.start, m.end, label=m.code, alignment_mode="expand") for m in mentions]
        doc.spans["actors"] = [s for s in spans if s is not None]
        return doc


@Language.factory("sca_actors", default_config={"path": None})
def make_actor_component(nlp: Any, name: str, path: str | None) -> ActorComponent:
    """Make the component for a spaCy pipeline."""
    return ActorComponent(path)
