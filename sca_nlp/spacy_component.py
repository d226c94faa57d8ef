"""The instrument as a spaCy component: `nlp.add_pipe("sca_indicators")` codes each sentence of a document.

It runs in any pipeline that sets sentence boundaries before it (a parser, `senter`, `sentencizer`, or `sca_sentences`).
spaCy finds it by itself where the package is installed (an entry point); elsewhere, import this module first.

>>> import spacy
>>> nlp = spacy.blank("en")
>>> _ = nlp.add_pipe("sca_sentences"), nlp.add_pipe("sca_indicators", config={"model": "linear"})
>>> doc = nlp("Iraq has attacked Kuwait. We met on Monday.")
>>> [(sentence.text, sentence._.sca_codes, sentence._.sca_targets) for sentence in doc.sents]
[('Iraq has attacked Kuwait.', ('TP+',), ('IRQ',)), ('We met on Monday.', (), ())]
>>> [(span.text, span.label_) for span in doc.spans["sca"]]
[('Iraq has attacked Kuwait.', 'TP+')]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from spacy.language import Language
from spacy.tokens import Doc, Span

import sca_nlp.segment.component  # noqa: F401  registers `sca_sentences`
from sca_nlp.codebook import Codebook, default_codebook
from sca_nlp.errors import InputError

if TYPE_CHECKING:
    from sca_nlp.pipeline import Tools

#: The span group that displaCy draws: `displacy.render(doc, style="span", options=displacy_options())`.
SPANS = "sca"
_FOR, _AGAINST, _NEITHER = "#9fd3c0", "#f2b39b", "#d6d6d6"


def displacy_options(codebook: Codebook | None = None) -> dict[str, Any]:
    """Return displaCy's options: codes that speak for trust in green, against it in orange.

    Args:
        codebook: the model's (`nlp.get_pipe("sca_indicators").tools.classifier.codebook`); by default the shipped one.
    """
    signs = (codebook or default_codebook()).trust_sign
    colours = {code: _FOR if sign > 0 else _AGAINST if sign < 0 else _NEITHER for code, sign in signs.items()}
    return {"spans_key": SPANS, "colors": colours}


def _rows(doc: Doc) -> list[dict[str, Any]]:
    """Return a row a sentence, ready for a data frame."""
    rows = []
    for sentence in doc.sents:
        at = {"start": sentence.start_char, "end": sentence.end_char, "text": sentence.text}
        said = {"codes": list(sentence._.sca_codes), "targets": list(sentence._.sca_targets)}
        rows.append({**at, **said, **sentence._.sca_probabilities})
    return rows


def set_extensions() -> None:
    """Register `span._.sca_codes`, `sca_targets`, `sca_probabilities` and `doc._.sca`; doing it again is harmless."""
    Span.set_extension("sca_codes", default=(), force=True)
    Span.set_extension("sca_targets", default=(), force=True)
    Span.set_extension("sca_probabilities", default={}, force=True)
    Doc.set_extension("sca", getter=_rows, force=True)


class Indicators:
    """Codes the sentences of documents.

    Sets on each sentence `sent._.sca_codes` (such as `("TP+", "NA-")`), `sent._.sca_targets` (whom they are about) and
    `sent._.sca_probabilities` (class -> calibrated probability in [0, 1]); on the document `doc._.sca` (a row for each
    sentence, for a data frame) and the span group `doc.spans["sca"]`, one span for each code of a sentence.

    Who speaks and when may be told by `doc.user_data["source"]` and `doc.user_data["date"]`.
    """

    def __init__(self, tools: Tools, source: str = "") -> None:
        self.tools, self.source = tools, source

    def __call__(self, doc: Doc) -> Doc:
        """Return the document, coded.

        Raises:
            InputError: nothing before it in the pipeline sets sentence boundaries.
        """
        self._code([doc])
        return doc

    def pipe(self, stream: Iterable[Doc], batch_size: int = 64) -> Iterator[Doc]:
        """Yield the documents, coded in batches: many sentences at once are faster than few."""
        documents = iter(stream)
        while batch := list(islice(documents, batch_size)):
            self._code(batch)
            yield from batch

    def _code(self, documents: Sequence[Doc]) -> None:
        from sca_nlp.pipeline import predict

        cut: list[list[Span]] = []
        for doc in documents:
            if len(doc) and not doc.has_annotation("SENT_START"):
                raise InputError(
                    "sca_indicators",
                    "a document without sentences",
                    'a pipe before it, as in add_pipe("sca_sentences")',
                )
            cut.append(list(doc.sents) if len(doc) else [])
        texts = [[s.text.strip() for s in sentences] for sentences in cut]
        flat = [t for ts in texts for t in ts]
        before = [t for ts in texts for t in ["", *ts[:-1]][: len(ts)]]
        after = [t for ts in texts for t in [*ts[1:], ""][: len(ts)]]
        told = [
            (str(d.user_data.get("source", self.source)), str(d.user_data.get("date", "")))
            for d, sentences in zip(documents, cut, strict=True)
            for _ in sentences
        ]
        found = iter(predict(flat, before, after, [s for s, _ in told], [d for _, d in told], self.tools))
        classes = self.tools.classifier.codebook.classes
        for doc, sentences in zip(documents, cut, strict=True):
            spans = []
            for sentence in sentences:
                said = next(found)
                sentence._.sca_codes, sentence._.sca_targets = said.codes, said.targets
                sentence._.sca_probabilities = dict(zip(classes, map(float, said.probabilities), strict=True))
                spans += [Span(doc, sentence.start, sentence.end, label=code) for code in said.codes]
            doc.spans[SPANS] = spans


@Language.factory(
    "sca_indicators",
    default_config={
        "model": "",
        "profile": "balanced",
        "threads": 0,
        "source": "",
        "actor_files": [],
        "language": "",
        "device": "cpu",
    },
    requires=["doc.sents"],
    assigns=["doc.spans", "doc._.sca", "span._.sca_codes", "span._.sca_targets", "span._.sca_probabilities"],
)
def make_indicators(
    nlp: Language,
    name: str,
    model: str,
    profile: str,
    threads: int,
    source: str,
    actor_files: list[str],
    language: str,
    device: str,
) -> Indicators:
    """Return the component.

    Args:
        nlp: the pipeline.
        name: of the component in it.
        model: a shipped model's name or a model folder; empty: the default.
        profile: `exact`, `balanced` or `fast`.
        threads: threads of the runtime; 0: the cores that this process may use.
        source: who speaks, for documents that do not say so themselves.
        actor_files: TOML files with actors beyond the shipped gazetteer.
        language: ISO 639-1 code; by which names actors are found. Empty: the pipeline's own.
        device: `cpu`, or `gpu` where torch finds one.
    """
    from sca_nlp.pipeline import load_tools

    set_extensions()
    # "xx" is spaCy's pipeline for any language; the names are then the English ones.
    spoken = language or (nlp.lang if nlp.lang != "xx" else "") or "en"
    tools = load_tools(model, profile=profile, threads=threads, actor_files=actor_files, language=spoken, device=device)
    return Indicators(tools, source)
