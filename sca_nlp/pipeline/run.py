"""The whole job of a config: the only place that knows the order of the stages."""

from __future__ import annotations

import glob
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sca_nlp.config import Config, moved, to_toml
from sca_nlp.errors import InputError, UnknownNameError
from sca_nlp.pipeline.aggregate import aggregate
from sca_nlp.pipeline.compare import compare
from sca_nlp.pipeline.deeds import deeds
from sca_nlp.pipeline.dyads import directed, known_dyads
from sca_nlp.pipeline.reading import read
from sca_nlp.pipeline.report import report
from sca_nlp.pipeline.scoring import Progress, load_tools, score
from sca_nlp.records import Reject
from sca_nlp.registry import resolve
from sca_nlp.store import write_atomically


@dataclass(frozen=True)
class RunSummary:
    """What a whole run made."""

    folder: Path
    report: Path
    counts: dict[str, int]


def run(
    config: Config,
    *,
    progress: Progress | None = None,
    comparing: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> RunSummary:
    """Do everything that a config says, from reading to the report; what is there already is not scored again."""
    from sca_nlp.read.speeches import ReadReport

    config = replace(config, words=known_dyads(config.words, config.actors.files))
    dyads = directed(config.words)
    _check_inputs(config)
    tools = load_tools(
        config.classify.model,
        profile=config.classify.profile,
        threads=config.classify.threads,
        language=config.segment.language,
        actor_files=config.actors.files,
    )
    rejects: list[Reject] = []
    reading = ReadReport()
    speeches = read(config.speeches, rejects.append, actor_files=config.actors.files, report=reading)
    name = config.classify.model
    scored = score(speeches, config.folder, tools, rejects=rejects, progress=progress, model_name=name, report=reading)
    for note in (*reading.remarks(), *(f"note: {note}" for note in reading.notes[:10])):
        say(note)
    if not scored.counts.get("passages"):
        first = f", the first: {rejects[0].file}:{rejects[0].line}: {rejects[0].reason}" if rejects else ""
        raise InputError(
            f"speeches of {config.name}", f"none could be scored ({len(rejects):,} rejected{first})", "at least one"
        )
    folder = Path(str(scored.folder))
    counts = scored.counts
    known = f" ({scored.n_known:,} speeches were there already)" if scored.n_known else ""
    passages = f"{counts.get('passages', 0):,} passages, {counts.get('coded', 0):,} with a code"
    say(f"scored: {counts['speeches']:,} speeches, {passages}{known}; {len(rejects):,} rejected")
    write_atomically(folder / "config.toml", to_toml(moved(config, folder)).encode())
    files = config.actors.files
    cells = aggregate(folder, config.words, actor_files=files, draws=config.compare.draws, seed=config.seed)
    say(f"aggregated: {cells['cells']:,} cells of {len(dyads)} directed dyads")
    if config.deeds:
        made = deeds(
            folder,
            config.deeds,
            dyads,
            period=config.words.period,
            actor_files=files,
            verbal=config.compare.verbal,
            window=config.compare.window,
            first=config.words.first,
            last=config.words.last,
        )
        bad = f"; {made['rejects']:,} rejected, see {folder / 'deed_rejects.txt'}" if made["rejects"] else ""
        say(f"deeds: {made['deeds']:,} from {made['sources']} sources{bad}")
        compared = compare(folder, config.compare, dyads, actor_files=files, seed=config.seed, progress=comparing)
        say(f"compared: {compared['tests']:,} tests, {compared['breaks']:,} breaks")
    page = report(folder, title=config.title or config.name, dyads=config.words.dyads, actor_files=files)
    return RunSummary(folder, page, scored.counts)


def _check_inputs(config: Config) -> None:
    """Raise now what the later stages would raise after hours of scoring."""
    from sca_nlp.aggregate.periods import GRAINS

    if config.words.period not in GRAINS:
        raise UnknownNameError("period", config.words.period, GRAINS)
    for name, least in (("draws", 0), ("permutations", 1), ("max_lag", 1), ("workers", 0)):
        if (value := getattr(config.compare, name)) < least:
            raise InputError(f"compare.{name}", str(value), f"a number of at least {least}")
    for section in config.deeds:
        resolve("deed reader", section.name)
    for path in (*(d.path for d in config.deeds), config.compare.leaders, config.words.audit):
        if path and not Path(path).exists() and not glob.glob(path):  # noqa: PTH207 (patterns may be absolute)
            raise InputError(path, "no such file", "a file, a folder or a pattern such as data/*.zip")
