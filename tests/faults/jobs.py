"""The jobs that are killed, each with its own proof that nothing acknowledged was lost and nothing doubled.

A job works in a folder of its own and acknowledges through `say`, one line at a time, after the work that the line
tells of; `holds` is asked after every kill with all lines said since the folder was new.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from sca_nlp import pipeline
from sca_nlp.codebook import default_codebook
from sca_nlp.config import CompareSection, DeedsSection, WordsSection
from sca_nlp.errors import ScaError
from sca_nlp.pipeline import scoring
from sca_nlp.pipeline.report import write_again
from sca_nlp.records import Speech
from sca_nlp.store import check_run, read_manifest, store_digest

Say = Callable[[str], None]
DYADS = [("FRA", "DEU"), ("DEU", "FRA")]
YEARS = range(1990, 2000)
_SENTENCES = (
    "We see {other} as a threat to our people.",
    "{other} is our friend and partner.",
    "We shall keep our word to {other} in year {n}.",
    "The harvest of that year was good.",
    "If {other} attacks, we will use force.",
)
#: What `check_run` may say between a kill and the next run: both are mended by running again.
_PASSING = ("an unfinished shard; run `sca score` again", "the manifest counts")


def speeches(n: int = 120) -> Iterator[Speech]:
    """Yield invented speeches of two states about each other, a few a year."""
    for k in range(n):
        source, other = (("FRA", "Germany"), ("DEU", "France"))[k % 2]
        text = " ".join(_SENTENCES[(k + j) % 5].format(other=other, n=k) for j in range(4))
        yield Speech(f"s{k}", f"{YEARS[k % len(YEARS)]}-03-12", source, text, language="en")


@cache
def tools() -> scoring.Tools:
    """Return the lexicon model and the attributor, loaded once for all children."""
    return scoring.load_tools("lexicon")


class Job:
    """A job of the campaign."""

    name = ""

    def prepare(self, folder: Path) -> None:
        """Make what must be there before the job can start."""

    def run(self, folder: Path, say: Say) -> None:
        """Do the job, or the rest of it."""
        raise NotImplementedError

    def holds(self, folder: Path, said: Sequence[str]) -> list[str]:
        """Return what is wrong after a kill."""
        raise NotImplementedError

    def digest(self, folder: Path) -> str:
        """Return a digest of a finished job's results."""
        raise NotImplementedError


class Scoring(Job):
    """Scoring; a shard is acknowledged by the number of speeches done."""

    name = "scoring"

    def run(self, folder: Path, say: Say) -> None:
        scoring.SHARD_CHARACTERS = 600
        scoring.score(speeches(), folder / "run", tools(), progress=lambda n_speeches, n_passages: say(str(n_speeches)))

    def holds(self, folder: Path, said: Sequence[str]) -> list[str]:
        if not (folder / "run" / "run.json").exists():
            return [f"{len(said)} shards were acknowledged and there is no run"] if said else []
        found = check_run(folder / "run")
        wrong = [p for p in found.problems if not any(t in p for t in _PASSING)]
        n = sum(map(int, said))
        if found.n_speeches < n:
            wrong.append(f"{n} speeches were acknowledged, {found.n_speeches} are there")
        return wrong

    def digest(self, folder: Path) -> str:
        problems = check_run(folder / "run").problems
        return "; ".join(problems) or store_digest(folder / "run")


class Series(Job):
    """Aggregating, deeds, comparing and the report on a run; each stage is acknowledged by its name."""

    name = "aggregating and comparing"
    files = ("words.parquet", "words_draws.parquet", "deeds.parquet", "deed_series.parquet", "compare/tests.parquet")
    files += ("compare/gap.parquet", "compare/breaks.parquet", "compare/sequences.parquet", "report/index.html")

    def prepare(self, folder: Path) -> None:
        scoring.score(speeches(), folder / "run", tools())
        rows = ["date,source,target,manifestation,sign,magnitude,verbal,description,reference"]
        for year in YEARS:
            for a, b in DYADS:
                sign = 1 if year % 3 else -1
                rows.append(f"{year}-05-01,{a},{b},military_spending,{sign},2,false,An invented deed.,invented")
        (folder / "deeds.csv").write_text("\n".join(rows) + "\n")

    def run(self, folder: Path, say: Say) -> None:
        run = folder / "run"
        pipeline.aggregate(run, WordsSection(dyads=tuple(DYADS), min_passages=1), draws=5, seed=1)
        say("aggregate")
        section = DeedsSection("chronology", str(folder / "deeds.csv"))
        pipeline.deeds(run, [section], DYADS, period="year")
        say("deeds")
        pipeline.compare(run, CompareSection(draws=5, permutations=5, max_lag=1), DYADS, seed=1)
        say("compare")
        write_again(run, title="A run that is killed", dyads=DYADS[:1], actor_files=())
        say("report")

    def holds(self, folder: Path, said: Sequence[str]) -> list[str]:
        wrong = list(check_run(folder / "run").problems)
        for file in self.files:
            path = folder / "run" / file
            if path.suffix == ".parquet" and path.exists():
                try:
                    pd.read_parquet(path)
                except (OSError, ValueError, pa.ArrowException) as e:
                    wrong.append(f"{file} is half: {e}")
        page = folder / "run" / "report" / "index.html"
        if page.exists() and "</html>" not in page.read_text():
            wrong.append("the page is half")
        made = {"aggregate": "words", "deeds": "deed_series", "compare": "compare/sensitivity"}
        for stage in dict.fromkeys(said):
            if stage in made and not (folder / "run" / f"{made[stage]}.parquet").exists():
                wrong.append(f"{stage} was acknowledged and {made[stage]} is not there")
            noted = {"aggregate": "words"}.get(stage, stage)
            if stage in made and noted not in read_manifest(folder / "run"):
                wrong.append(f"{stage} was acknowledged and is not in the manifest")
        return wrong

    def digest(self, folder: Path) -> str:
        problems = check_run(folder / "run").problems
        parts = [hashlib.sha256((folder / "run" / f).read_bytes()).hexdigest() for f in self.files if f.endswith("t")]
        return "; ".join(problems) or "".join(parts)


class Training(Job):
    """Training a tiny linear model into a folder that holds an older one: old or new, never neither."""

    name = "training"

    def prepare(self, folder: Path) -> None:
        classes, rows = default_codebook().classes, []
        for k in range(120):
            code = [classes[k % 12]] if k % 12 < len(classes) else []
            text = f"{'mark' + str(k % 12)} stands in sentence {k}"
            row = {"id": str(k), "doc_id": f"d{k // 12}", "date": "1990", "country": "FRA", "text": text, "codes": code}
            rows.append(json.dumps(row | {"corpus": "invented"}))
        (folder / "annotations.jsonl").write_text("\n".join(rows))
        top = {"name": "tiny-1", "kind": "linear", "out": str(folder / "out"), "work": str(folder / "work")}
        settings = "\n".join(
            f"{k} = {json.dumps(v)}" for k, v in {**top, "workers": 1, "templates": 1, "fewest": 2}.items()
        )
        path = json.dumps("annotations.jsonl")
        (folder / "train.toml").write_text(f"{settings}\n[[annotations]]\npath = {path}\n[split]\nfolds = 2\n")
        self.run(folder, lambda line: None)

    def run(self, folder: Path, say: Say) -> None:
        from training.train import train

        train(folder / "train.toml", lambda line: None)
        say("trained")

    def holds(self, folder: Path, said: Sequence[str]) -> list[str]:
        from sca_nlp.classify.folder import load_model

        try:
            load_model(str(folder / "out"))
        except ScaError as e:
            return [f"the model that was there is gone: {e}"]
        return []

    def digest(self, folder: Path) -> str:
        return hashlib.sha256((folder / "out" / "weights.safetensors").read_bytes()).hexdigest()


class Reviewing(Job):
    """Two coders decide, comment and undo; each answer is acknowledged by its key."""

    name = "reviewing"
    n = 60

    def run(self, folder: Path, say: Say) -> None:
        from sca_nlp.review.journal import Decision, Journal

        journal = Journal(folder / "review.sqlite")
        for k in range(self.n):
            coder, passage = f"coder-{k % 2}", f"p{k // 4}"
            if journal.read("SELECT 1 FROM events WHERE key = ?", [f"key-{k}"]):
                continue
            if k % 8 == 7:
                journal.undo(coder, f"key-{k}")
            else:
                base = journal.slot(passage, coder).key
                decision = Decision(codes=("TP+",), comment=f"{k}")
                journal.record(
                    key=f"key-{k}", base=base, coder=coder, passage_id=passage, kind="edit", decision=decision
                )
            say(f"key-{k}")
        journal.close()

    def holds(self, folder: Path, said: Sequence[str]) -> list[str]:
        from sca_nlp.review.journal import Journal

        path = folder / "review.sqlite"
        if not path.exists():
            return ["answers were acknowledged and there is no journal"] if said else []
        journal = Journal(path)
        keys = [e["key"] for e in journal.all_events()]
        journal.slots()
        journal.close()
        wrong = [f"{k} was acknowledged and is gone" for k in sorted(set(said) - set(keys))]
        return wrong + [f"{k} is there twice" for k in sorted({k for k in keys if keys.count(k) > 1})]

    def digest(self, folder: Path) -> str:
        from sca_nlp.review.journal import Journal

        journal = Journal(folder / "review.sqlite")
        events: list[dict[str, Any]] = journal.all_events()
        journal.close()
        return hashlib.sha256(repr([(e["key"], e["kind"], e["new"]) for e in events]).encode()).hexdigest()


JOBS = (Scoring(), Series(), Training(), Reviewing())
