"""The table: which rows there are, each made or taken from the work folder, and all put together."""

from __future__ import annotations

import hashlib
import inspect
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sca_nlp.classify.folder import find_model, list_models, read_folder
from sca_nlp.errors import ScaError, UnknownNameError
from sca_nlp.store import write_atomically
from training.baselines import adapters, contrast, externals, learners, measure, textcat, vectors
from training.baselines.externals import EXTERNALS, auc
from training.baselines.material import Made, Material, Say

Make = Callable[[Material, Say], Made]
#: Code whose change makes every row anew; a row's own room is added to it.
SHARED = (measure, externals, vectors)


@dataclass(frozen=True)
class Row:
    """One row: its id (`group` or `group:one`, for `--rows`), its name in the table, and how it is made."""

    id: str
    name: str
    make: Make
    version: Callable[[], str] = str  # of what lies outside the code: a model's digest

    def key(self, material: Material) -> str:
        """Return 16 hex digits for all that went in: sentences, external sets, code and version."""
        own = inspect.getmodule(getattr(self.make, "func", self.make))
        sources = [inspect.getsource(m) for m in (own, *SHARED) if m is not None]
        sets = [e.digest(material.bench) for e in EXTERNALS]
        made = json.dumps([self.id, self.version(), material.digest(), sets, sources])
        return hashlib.sha256(made.encode()).hexdigest()[:16]


LEXICA = {
    "threat": "threat dictionary (Choi 2022)",
    "grievance": "grievance dictionary",
    "moral": "moral foundations 2.0",
    "lexicoder": "Lexicoder 2015",
    "cameo": "CAMEO verb patterns",
}


def rows() -> list[Row]:
    """Return the rows in the table's order, the quick ones first; the shipped models last."""
    models = [m for m in list_models() if (find_model(m) / "codebook.toml").exists()]
    return [
        Row("majority", "majority", learners.majority),
        *(Row(f"lexicon:{k}", name, partial(learners.word_list, name)) for k, name in LEXICA.items()),
        Row("zero-shot", "zero-shot, similarity to definitions", learners.zero_shot),
        Row("tfidf", "TF-IDF + logistic regression", learners.tfidf),
        Row("frozen", "frozen encoder + logistic regression", learners.frozen_encoder),
        Row("spacy", "spaCy textcat_multilabel", textcat.spacy_textcat),
        Row("setfit", "SetFit", contrast.set_fit),
        Row("lora", "LoRA", adapters.lora),
        *(Row(f"shipped:{m}", f"shipped: {m}", partial(learners.shipped, m), partial(model_digest, m)) for m in models),
    ]


def model_digest(name: str) -> str:
    """Return the digest of a shipped model."""
    return read_folder(find_model(name)).digest


def choose(known: Sequence[Row], wanted: Sequence[str]) -> list[Row]:
    """Return the rows whose id or group (the part before the colon) is wanted; all where nothing is.

    Raises:
        UnknownNameError: no such row.
    """
    names = {r.id for r in known} | {r.id.split(":")[0] for r in known}
    for name in wanted:
        if name not in names:
            raise UnknownNameError("row", name, names)
    return [r for r in known if not wanted or {r.id, r.id.split(":")[0]} & set(wanted)]


def make_row(row: Row, material: Material, say: Say) -> dict[str, Any]:
    """Return a row's `annotated` figures (its `seconds`, scoring included, among them) and its `external` ones."""
    start = time.monotonic()
    made = row.make(material, say)
    say("scores")
    figures = measure.annotated(made, material)
    outside = {e.name: auc(made.scorer, e, material.bench, material.book.classes) for e in EXTERNALS}
    return {"annotated": {**figures, "seconds": round(time.monotonic() - start, 1)}, "external": outside}


def run(material: Material, out: Path, work: Path, wanted: Sequence[str] = (), say: Say = print) -> dict[str, Any]:
    """Make the wanted rows and write the table of all rows that are finished on this material.

    Args:
        material: see `read_material`.
        out: JSON file, written anew after each row.
        work: folder that keeps finished rows, a file each, named by what went in.
        wanted: ids or groups of rows; nothing: all.
        say: called with lines of progress.

    Raises:
        UnknownNameError: no such row.
    """
    known = rows()
    chosen = choose(known, wanted)
    files = {r.id: work / f"{r.id.replace(':', '-')}-{r.key(material)}.json" for r in known}
    work.mkdir(parents=True, exist_ok=True)
    learn, held, test = (f"{len(d.rows):,}" for d in (material.learn, material.held, material.test))
    files_read = ", ".join(material.annotations)
    say(f"{len(chosen)} rows; {learn} sentences to learn from, {held} for thresholds ({files_read}), {test} to test on")
    say(f"finished rows are kept in {work}")
    for n, row in enumerate(chosen, 1):
        head, kept = f"[{n:2}/{len(chosen)}] {row.name}", files[row.id].exists()
        if not kept:
            say(head)
            try:
                made = make_row(row, material, lambda line: say(f"        {line}"))
            except ImportError as e:
                say(f"{head}: left out, {e.name or e} is not installed (pip install setfit peft)")
                continue
            except ScaError as e:  # a shipped model of another codebook, a set that is not there
                say(f"{head}: left out, {e}")
                continue
            write_atomically(files[row.id], (json.dumps(made, indent=1) + "\n").encode())
        figures = json.loads(files[row.id].read_text(encoding="utf-8"))["annotated"]
        say(f"{head}: {in_words(figures)}{' (kept)' if kept else ''}")
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, (json.dumps(table(known, files, material), indent=1) + "\n").encode())
    whole = table(known, files, material)
    missing = [r.id for r in known if r.name not in whole["annotated"]]
    if missing:
        say(f"not made yet on these sentences: {', '.join(missing)}")
    return whole


def table(known: Sequence[Row], files: Mapping[str, Path], material: Material) -> dict[str, Any]:
    """Return the table of all finished rows: `made` (on what), `annotated` by row, `external` by set and row."""
    found = {r.name: json.loads(files[r.id].read_text(encoding="utf-8")) for r in known if files[r.id].exists()}
    outside: dict[str, Any] = {}
    for e in EXTERNALS:
        each = {name: row["external"][e.name] for name, row in found.items()}
        size = {k: v for f in list(each.values())[:1] for k, v in f.items() if k in ("n", "positive")}
        scores = {name: {k: f[k] for k in ("auc", "interval")} for name, f in each.items()}
        outside[e.name] = {"asks": e.asks, "note": e.note, **size, "rows": scores}
    return {
        "made": {
            "annotations": list(material.annotations),
            "learned_from": len(material.learn.rows),
            "thresholds_from": len(material.held.rows),
            "tested_on": len(material.test.rows),
        },
        "annotated": {name: row["annotated"] for name, row in found.items()},
        "external": outside,
    }


def in_words(figures: Mapping[str, Any]) -> str:
    """Return a row's figures in one line."""
    low, high = figures["interval"]
    held = f", held out {figures['held_out']:.3f}" if "held_out" in figures else ""
    cap = f" ({figures['cap']})" if "cap" in figures else ""
    return (
        f"test {figures['test']:.3f} ({low:.3f}-{high:.3f}){held}; learned from {figures['learned_from']:,}{cap}; "
        f"{figures['seconds']:,.0f} s"
    )
