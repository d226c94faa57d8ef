"""From speeches to stored scores: segment, classify, attribute, store."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sca_nlp.errors import InputError, ScaError
from sca_nlp.pipeline.reading import ahead
from sca_nlp.places import Place
from sca_nlp.records import Passage, Prediction, Reject, Speech
from sca_nlp.store import (
    RunStore,
    Scored,
    count_rows,
    read_manifest,
    text_digest,
    write_atomically,
    write_shard,
)

if TYPE_CHECKING:
    from sca_nlp.attribute import Attributor
    from sca_nlp.classify.contract import Classifier
    from sca_nlp.read.speeches import ReadReport

#: A shard is closed after this many characters of text: some 3,000 sentences, what a kill costs at most.
SHARD_CHARACTERS = 400_000


@dataclass(frozen=True, slots=True)
class Cut:
    """A speech cut into passages."""

    speech: Speech
    passages: Sequence[Passage]


@dataclass
class Tools:
    """What scoring needs, loaded once."""

    classifier: Classifier
    attributor: Attributor
    language: str = "en"

    def notes(self) -> list[str]:
        """Return what the user should know of how the model runs, such as that no GPU was found."""
        return list(getattr(self.classifier, "notes", ()))

    def identity(self) -> dict[str, str]:
        """Return what the scores depend on; a run folder holds the scores of one identity only."""
        from sca_nlp.segment import SEGMENTER_VERSION

        return {
            "model": self.classifier.digest,
            "codebook": self.classifier.codebook.digest,
            "targets": self.attributor.digest,
            "segmenter": f"{SEGMENTER_VERSION}/{self.language}",
        }


def load_tools(
    model: str = "",
    *,
    profile: str = "balanced",
    threads: int = 0,
    language: str = "en",
    actor_files: Iterable[str] = (),
    device: str = "cpu",
) -> Tools:
    """Load classifier and attributor.

    Args:
        model: a shipped model's name or a model folder; empty: the default.
        profile: `exact`, `balanced` or `fast`.
        threads: 0 for the cores that this process may use.
        language: ISO 639-1 code of the speeches' language.
        actor_files: TOML files with actors beyond the shipped gazetteer.
        device: `cpu`, `gpu` or `gpu-compiled`.
    """
    from sca_nlp.attribute import Attributor
    from sca_nlp.classify.folder import load_model

    classifier = load_model(model or None, profile=profile, threads=threads, device=device)
    return Tools(classifier, Attributor.load(actor_files=tuple(actor_files), language=language), language)


def cut(speech: Speech, language: str = "en") -> Cut:
    """Cut a speech into passages; bring its language into one form, or guess it where its publisher gave none."""
    from dataclasses import replace

    from sca_nlp.segment import language_of, segment

    known = language_of(speech.text, speech.language)
    if known != speech.language:
        speech = replace(speech, language=known)
    return Cut(speech, segment(speech, language=language))


def score_cuts(cuts: Sequence[Cut], tools: Tools) -> list[Scored]:
    """Classify and attribute the passages of speeches: the one stage function that every engine calls."""
    passages = [p for c in cuts for p in c.passages]
    sources = [c.speech.source for c in cuts for _ in c.passages]
    dates = [c.speech.date for c in cuts for _ in c.passages]
    predictions = iter(
        predict(
            [p.text for p in passages], [p.prev for p in passages], [p.next for p in passages], sources, dates, tools
        )
    )
    return [Scored(c.speech, c.passages, [_named(next(predictions), p.passage_id) for p in c.passages]) for c in cuts]


def _named(prediction: Prediction, passage_id: str) -> Prediction:
    from dataclasses import replace

    return replace(prediction, passage_id=passage_id)


def predict(
    texts: Sequence[str],
    prev: Sequence[str],
    next_: Sequence[str],
    sources: Sequence[str],
    dates: Sequence[str],
    tools: Tools,
) -> list[Prediction]:
    """Code passages that are already cut; one prediction for each text, in order."""
    if not texts:
        return []
    scores = tools.classifier.predict(texts, prev, next_)
    codes = tools.classifier.decide(scores.probabilities)
    targets = tools.attributor.targets(texts, prev, next_, codes, sources, dates)
    actors = tools.attributor.actors(texts, dates)
    rows = zip(scores.probabilities.tolist(), codes, targets, actors, scores.n_windows.tolist(), strict=True)
    return [Prediction("", tuple(p), tuple(c), tuple(t), tuple(a), int(n)) for p, c, t, a, n in rows]


@dataclass(frozen=True)
class Finished:
    """What came of a shard: speech id -> text digest of those stored, how many passages, and what was rejected."""

    digests: dict[str, str] = field(default_factory=dict)
    n_passages: int = 0
    rejects: tuple[Reject, ...] = ()


def finish_shard(speeches: Sequence[Speech], tools: Tools, folder: Place) -> Finished:
    """Cut, classify, attribute and store a shard: what every engine calls, in this process or on another machine.

    Doing it twice changes nothing: the shard's name comes from its content.
    """
    rejects: list[Reject] = []
    cuts = []
    for speech in speeches:
        try:
            cuts.append(cut(speech, tools.language))
        except ScaError as e:
            rejects.append(Reject(speech.speech_id, 0, f"could not be cut: {e}", speech.text[:200]))
    scored = _score_or_reject(cuts, tools, rejects) if cuts else []
    if scored:
        write_shard(folder, scored, tools.classifier.codebook.classes)
    digests = {s.speech.speech_id: text_digest(s.speech.text) for s in scored}
    return Finished(digests, sum(len(s.passages) for s in scored), tuple(rejects))


#: Takes shards as they are read, has each done by `finish_shard` and tells what came of it, in any order.
Engine = Callable[[Iterator[list[Speech]], Tools, Place], Iterator[Finished]]


def here(shards: Iterator[list[Speech]], tools: Tools, folder: Place) -> Iterator[Finished]:
    """Finish shards in this process, while the next ones are read. The engine where none is named."""
    for shard in ahead(shards):
        yield finish_shard(shard, tools, folder)


@dataclass
class ScoreSummary:
    """What a scoring run did. `n_known` speeches were in the store already."""

    folder: Place
    n_speeches: int = 0
    n_known: int = 0
    n_passages: int = 0
    rejects: list[Reject] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


Progress = Callable[[int, int], None]  # speeches and passages finished since the last call


def run_folder(out: Place, identity: dict[str, str]) -> Place:
    """Return `out`, or a folder beside it where `out` holds the scores of another model."""
    if not (out / "run.json").exists() or read_manifest(out)["identity"] == identity:
        return out
    import hashlib

    suffix = hashlib.sha256("".join(f"{k}={v}\n" for k, v in sorted(identity.items())).encode()).hexdigest()[:8]
    return out.with_name(f"{out.name}-{suffix}")


def score(
    speeches: Iterable[Speech],
    out: Place,
    tools: Tools,
    *,
    engine: Engine = here,
    rejects: list[Reject] | None = None,
    progress: Progress | None = None,
    model_name: str = "",
    report: ReadReport | None = None,
) -> ScoreSummary:
    """Score speeches into a run folder; what is there already is skipped, so that running again finishes the rest.

    Args:
        speeches: in any order; ids unique.
        out: the run folder. Where it holds scores of another model, a folder beside it is taken.
        tools: see `load_tools`.
        engine: who finishes the shards; `sca_nlp.engine` has one beyond this machine.
        rejects: the list that the reader fills; speeches that cannot be scored are added to it.
        progress: called after each shard.
        model_name: kept in the manifest.
        report: what reading met, kept in the manifest.

    Raises:
        ScaError: the folder cannot be written, or another process is writing to it.
    """
    rejects = [] if rejects is None else rejects
    speeches = _peeked(speeches)  # a file that cannot be read at all leaves no empty run folder behind
    identity = tools.identity()
    folder = run_folder(out, identity)
    summary = ScoreSummary(folder, rejects=rejects)
    with RunStore(folder, identity, tools.classifier.codebook.classes) as store:

        def fresh() -> Iterator[Speech]:
            for speech in speeches:
                try:
                    known = store.is_done(speech)
                except InputError as e:
                    rejects.append(Reject(speech.speech_id, 0, str(e)))
                    continue
                if known:
                    summary.n_known += 1
                else:
                    yield speech

        for finished in engine(_shards(fresh()), tools, folder):
            rejects.extend(finished.rejects)
            store.note_done(finished.digests)
            summary.n_speeches += len(finished.digests)
            summary.n_passages += finished.n_passages
            if progress and finished.digests:
                progress(len(finished.digests), finished.n_passages)
        store.write_rejects(rejects)
        summary.counts = {"speeches": len(store.done), "rejects": len(rejects)}
        if store.done:
            summary.counts |= count_rows(folder, tools.language)
        if report is not None:
            store.update_manifest(reading=report.as_dict())
        from sca_nlp import __version__

        store.update_manifest(
            counts=summary.counts,
            model={
                "id": tools.classifier.model_id,
                "name": model_name,
                "profile": getattr(tools.classifier, "profile", ""),
            },
            codebook={"name": tools.classifier.codebook.name, "version": tools.classifier.codebook.version},
            version=__version__,
        )
        if text := tools.classifier.codebook.text:  # the stages that follow read the classes by it
            write_atomically(folder / "codebook.toml", text.encode())
    return summary


def _peeked(speeches: Iterable[Speech]) -> Iterator[Speech]:
    """Return the same speeches, the first of them read already."""
    rest = iter(speeches)
    first = next(rest, None)
    return rest if first is None else itertools.chain([first], rest)


def _shards(speeches: Iterable[Speech]) -> Iterator[list[Speech]]:
    shard: list[Speech] = []
    n_characters = 0
    for speech in speeches:
        shard.append(speech)
        n_characters += len(speech.text)
        if n_characters >= SHARD_CHARACTERS:
            yield shard
            shard, n_characters = [], 0
    if shard:
        yield shard


def _score_or_reject(batch: Sequence[Cut], tools: Tools, rejects: list[Reject]) -> list[Scored]:
    """Score a batch; where it fails, score its speeches one by one and reject those that fail alone."""
    try:
        return score_cuts(batch, tools)
    except (MemoryError, ValueError, RuntimeError, ScaError) as e:
        if len(batch) == 1:
            speech = batch[0].speech
            rejects.append(
                Reject(speech.speech_id, 0, f"could not be scored: {type(e).__name__}: {e}", speech.text[:200])
            )
            return []
    return [s for c in batch for s in _score_or_reject([c], tools, rejects)]
