"""Make every number of a report again from the store, and say where store and report disagree, and why."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from sca_nlp.config import CompareSection, DeedsSection, WordsSection, build
from sca_nlp.errors import InputError, ScaError
from sca_nlp.pipeline.aggregate import aggregate
from sca_nlp.pipeline.causes import Cause, advice, cause_of, file_cause, gravest, wrote
from sca_nlp.pipeline.compare import compare
from sca_nlp.pipeline.deed_series import kept_deed_series
from sca_nlp.pipeline.deeds import deeds
from sca_nlp.pipeline.differences import cells_differ, frames_differ, lines_differ
from sca_nlp.pipeline.frames import write_frame
from sca_nlp.pipeline.rates import rates_today
from sca_nlp.pipeline.recipe import (
    FRAMES,
    INPUTS,
    RECIPE,
    REPORT_FILES,
    digests,
    located,
    outputs,
    read_recipe,
    read_report_manifest,
)
from sca_nlp.pipeline.report import write_again
from sca_nlp.pipeline.verdict import MOST, Verdict, judge
from sca_nlp.store import check_run, read_manifest


def verify(report: Path | str, *, run: Path | str | None = None) -> Verdict:
    """Recompute a report from its run's store with the recorded settings and seed.

    Frames are compared value by value, tables cell by cell, the page line by line; drawings by their digest only.
    Nothing is written to the run or the report.

    Args:
        report: a report's folder, or a run folder whose `report/` is meant.
        run: where the run is, if it has moved away from the report.

    Raises:
        InputError: no report made by `sca report`, or its run is not there.
    """
    folder = Path(report)
    if (folder / "run.json").exists() and not (folder / "index.html").exists():
        folder = folder / "report"
    made = read_report_manifest(folder)
    origin = Path(run) if run else Path(os.path.normpath(folder / str(made["run"])))
    if not (origin / "run.json").exists():
        raise InputError(origin, "no run.json", "the run that the report was made from; say where it is with --run")
    verdict = Verdict(origin, folder)
    recipe = read_recipe(origin)
    _digests(verdict, made, recipe)
    first = len(verdict.problems)
    verdict.problems += [f"store: {p}" for p in check_run(origin).problems[:MOST]]
    store = verdict.part("store", first, cause="altered", why="not as it was written: see `sca check`")
    with tempfile.TemporaryDirectory(prefix="sca-verify-") as place:
        work = Path(place) / str(made.get("run_name") or origin.name)
        _copy(origin, work)
        doubt = _stages(verdict, work, recipe) if store.same else ""
        os.utime(work / "run.json", (int(made.get("made", 0)),) * 2)
        _report(verdict, work, made, doubt)
    return verdict


def _digests(verdict: Verdict, made: dict[str, Any], recipe: dict[str, Any]) -> None:
    """Compare what lies there with what the report's manifest says went in and came out."""
    now = digests(verdict.run, INPUTS)
    moved = []
    for file, digest in dict(made["inputs"]).items():
        if file not in now:
            verdict.problems.append(f"{file}: gone from the run since the report was made")
        elif now[file] != digest:
            verdict.problems.append(f"{file}: changed in the run since the report was made")
        if now.get(file) != digest:
            moved.append(file)
    new = sorted(set(now) - set(made["inputs"]))
    if new:
        more = f" and {len(new) - 1} more" if len(new) > 1 else ""
        verdict.problems.append(f"{new[0]}{more}: new in the run; make the report again with `sca report`")
    writers = {file: _kept(recipe.get(stage)) for stage in FRAMES for file in outputs(stage)}
    causes = [file_cause(f, now.get(f), writers.get(f)) for f in (*moved, *new)]
    there = digests(verdict.report, REPORT_FILES)
    verdict.n_files = len(now) + len(there)
    inputs = len(verdict.problems)
    for file, digest in dict(made["files"]).items():
        if file not in there:
            verdict.problems.append(f"report/{file}: gone")
        elif there[file] != digest:
            verdict.problems.append(f"report/{file}: changed after it was written")
    verdict.problems += [f"report/{f}: not written by the report" for f in sorted(set(there) - set(made["files"]))]
    if len(verdict.problems) > inputs:
        causes.append("altered")
    cause = gravest(causes)
    told = {
        "altered": "something was changed that neither a stage nor the report wrote so",
        "unknown": "altered, or a stage was run again after the report: the run does not say what the stages wrote",
        "made again": "a stage was run again after the report, which shows the numbers of before",
    }
    verdict.part("seal", 0, cause=cause, why=told.get(cause, ""), advice=advice(cause, None) if cause else "")


def _kept(given: Any) -> Any:
    """Return by what a stage was made, as its recipe has it; {} where that is missing."""
    kept = given.get("made_by") if isinstance(given, dict) else None
    return {} if kept is None else kept


def _copy(origin: Path, work: Path) -> None:
    """Make a run folder that reads the same store and can be written to."""
    work.mkdir()
    for entry in origin.iterdir():
        if entry.name in ("speeches", "passages"):
            (work / entry.name).symlink_to(entry.resolve())
        elif entry.is_file() and not entry.name.startswith("."):
            shutil.copyfile(entry, work / entry.name)
    if (origin / "compare").is_dir():
        shutil.copytree(origin / "compare", work / "compare")


def _stages(verdict: Verdict, work: Path, recipe: dict[str, Any]) -> Cause:
    """Run the stages that the recipe has, compare their frames with the run's; return what makes a report doubtful."""
    origin = verdict.run
    doubt: Cause = ""  # why what a stage is made again from may not be what it was made from
    for stage, again in (("aggregate", _aggregate), ("deeds", _deeds), ("compare", _compare)):
        first = len(verdict.problems)
        if stage not in recipe:
            if any((origin / f).exists() for f in FRAMES[stage]):
                verdict.problems.append(
                    f"{RECIPE}: nothing on `sca {stage}`, so that its numbers cannot be made again; run it again"
                )
                judge(verdict, stage, first, {})
            continue
        given = recipe[stage]
        kept, outside = _kept(given), _outside(given, origin)
        found: dict[str, list[str]] = {}
        missing: list[str] = []
        try:
            note = again(work, origin, given)
        except (ScaError, KeyError, TypeError, ValueError, AttributeError) as e:
            verdict.problems.append(f"`sca {stage}` cannot be done again: {e}")
            missing = [f for f in outside if not Path(f).exists() and not glob.glob(f)]  # noqa: PTH207
        else:
            verdict.notes += [note] if note else []
            for file in FRAMES[stage]:
                found[file] = verdict.add(file, frames_differ(origin / file, work / file, verdict.counted))
        there = digests(origin, [f for f, differences in found.items() if differences])
        altered = [f for f, d in found.items() if d and wrote(kept).get(f) != there.get(f)] if wrote(kept) else []
        part = judge(verdict, stage, first, kept, altered=altered, missing=missing, outside=outside, doubt=doubt)
        others = cause_of(kept, part.again_by)
        for file, differences in found.items():
            # The same values (the bytes may be another library version's), or those that another program wrote: what
            # comes after is then judged by the numbers that it was made from.
            stands = not differences or (others in ("other code", "other libraries") and file not in altered)
            if stands and (origin / file).exists():
                shutil.copyfile(origin / file, work / file)
            elif others != "altered":
                doubt = others
    if (origin / "run.json").exists():
        shutil.copyfile(origin / "run.json", work / "run.json")
    return doubt


def _outside(given: Any, origin: Path) -> list[str]:
    """Return the files beyond the run that a stage was told to read."""
    given = given if isinstance(given, dict) else {}
    sections = [given.get("section"), *(given["sections"] if isinstance(given.get("sections"), list) else [])]
    named = [s.get(k) for s in sections if isinstance(s, dict) for k in ("path", "audit", "leaders")]
    files = given.get("actor_files")
    return [
        located(f, origin) for f in (*named, *(files if isinstance(files, list) else [])) if f and isinstance(f, str)
    ]


def _files(given: dict[str, Any], origin: Path) -> list[str]:
    return [located(f, origin) for f in given.get("actor_files", [])]


def _aggregate(work: Path, origin: Path, given: dict[str, Any]) -> str:
    section = build(WordsSection, given["section"], RECIPE)
    section = replace(section, audit=located(section.audit, origin))
    settings = {"actor_files": _files(given, origin), "draws": given["draws"], "seed": given["seed"]}
    if "rates" not in given:  # runs made before the recipe kept them
        aggregate(work, section, **settings)
        return ""
    aggregate(work, section, **settings, rates=given["rates"])
    if rates_today(origin) != given["rates"]:
        return (
            "the model's error rates are others today, or the model is not at hand: the words were corrected by those"
            f" that {RECIPE} keeps"
        )
    return ""


def _deeds(work: Path, origin: Path, given: dict[str, Any]) -> str:
    sections = [build(DeedsSection, s, RECIPE) for s in given["sections"]]
    sections = [replace(s, path=located(s.path, origin)) for s in sections]
    keys = ("period", "verbal", "window", "first", "last")
    dyads = [(a, b) for a, b in given["dyads"]]
    settings = {k: given[k] for k in keys} | {"actor_files": _files(given, origin)}
    try:
        deeds(work, sections, dyads, **settings)
    except InputError as e:
        write_frame(work / "deed_series.parquet", kept_deed_series(work, dyads, **settings))
        return f"the deed data are not at hand ({e}): their series were made from deeds.parquet as it stands"
    return ""


def _compare(work: Path, origin: Path, given: dict[str, Any]) -> str:
    section = build(CompareSection, given["section"], RECIPE)
    section = replace(section, leaders=located(section.leaders, origin))
    dyads = [(a, b) for a, b in given["dyads"]]
    compare(work, section, dyads, actor_files=_files(given, origin), seed=given["seed"])
    return ""


def _report(verdict: Verdict, work: Path, made: dict[str, Any], doubt: Cause) -> None:
    """Write the report again and compare tables and page."""
    again = work / "report"
    first = len(verdict.problems)
    try:
        dyads = [(str(a), str(b)) for a, b in made["dyads"]]
        files = [located(f, verdict.run) for f in made.get("actor_files", [])]
        metrics = _metrics(verdict, made)
        write_again(work, title=str(made["title"]), dyads=dyads, actor_files=files, metrics=metrics)
    except (ScaError, ValueError, TypeError) as e:
        verdict.problems.append(f"`sca report` cannot be done again: {e}")
        judge(verdict, "report", first, made.get("made_by") or {})
        return
    for path in sorted((again / "tables").glob("*")):
        theirs = verdict.report / "tables" / path.name
        if path.suffix == ".parquet":
            verdict.add(f"report/tables/{path.name}", frames_differ(theirs, path, verdict.counted))
        else:
            verdict.add(f"report/tables/{path.name}", cells_differ(theirs, path))
    figures = {p.name for p in (verdict.report / "figures").glob("*")}
    for name in sorted(
        {p.relative_to(f).as_posix() for f in (verdict.report, again) for p in f.glob("pairs/*.html")} | {"index.html"}
    ):
        verdict.add(f"report/{name}", lines_differ(verdict.report / name, again / name, bool(figures)))
    seal = verdict.of("seal")
    if seal is not None and not doubt and not any(p.startswith("report/") for p in seal.problems):
        doubt = "" if seal.cause == "altered" else seal.cause  # it is as it was written, of a run that has moved on
    judge(verdict, "report", first, made.get("made_by") or {}, doubt=doubt)


def _metrics(verdict: Verdict, made: dict[str, Any]) -> dict[str, Any] | None:
    """Return the model's scores that the report printed and kept; None of a report made before it kept them."""
    from sca_nlp.report.provenance import METRICS, kept_metrics, metrics_of

    if METRICS not in made["files"]:
        return None
    kept = kept_metrics(verdict.report)
    if kept != metrics_of(read_manifest(verdict.run)):
        verdict.notes.append(
            "the model's measured scores are others today, or the model is not at hand: the page was compared by those"
            f" that report/{METRICS} keeps"
        )
    return kept
