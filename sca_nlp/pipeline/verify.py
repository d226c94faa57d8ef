"""Make every number of a report again from the store, and say where store and report disagree."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sca_nlp.config import CompareSection, DeedsSection, WordsSection, build
from sca_nlp.errors import InputError, ScaError
from sca_nlp.pipeline import series
from sca_nlp.pipeline.recipe import (
    INPUTS,
    RECIPE,
    REPORT_FILES,
    digests,
    located,
    read_recipe,
    read_report_manifest,
)
from sca_nlp.store import check_run, read_manifest

if TYPE_CHECKING:
    import pandas as pd

#: Numbers that differ by less are the same: other processors round the last digits otherwise.
TOLERANCE = 1e-6
#: So many differences of one file are listed; the rest are counted.
MOST = 5
_KEYS = (
    *("source", "target", "period", "measure", "indicator", "value", "method", "draw", "date", "manifestation"),
    *("dataset", "question", "statistic", "direction", "series", "kind", "start", "first", "name"),
)
_FRAMES = {
    "aggregate": ("words.parquet", "words_draws.parquet"),
    "deeds": ("deeds.parquet", "deed_series.parquet", "transactions.parquet"),
    "compare": (
        *("compare/gap.parquet", "compare/tests.parquet", "compare/breaks.parquet", "compare/sequences.parquet"),
        *("compare/position.parquet", "compare/criteria.parquet", "compare/sensitivity.parquet"),
    ),
}


@dataclass
class Verdict:
    """What `verify` found. The report stands when `problems` is empty."""

    run: Path
    report: Path
    n_files: int = 0
    n_numbers: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, file: str, differences: Iterator[str]) -> bool:
        """Add the differences of a file, the first ones in full; tell whether there was any."""
        found = list(differences)
        self.problems += [f"{file}: {d}" for d in found[:MOST]]
        if len(found) > MOST:
            self.problems.append(f"{file}: {len(found) - MOST:,} more differences")
        return bool(found)


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
    _digests(verdict, made)
    verdict.problems += [f"store: {p}" for p in check_run(origin).problems[:MOST]]
    with tempfile.TemporaryDirectory(prefix="sca-verify-") as place:
        work = Path(place) / str(made.get("run_name") or origin.name)
        _copy(origin, work)
        if not verdict.problems or not any(p.startswith("store") for p in verdict.problems):
            _stages(verdict, work, read_recipe(origin))
        os.utime(work / "run.json", (int(made.get("made", 0)),) * 2)
        _report(verdict, work, made)
    return verdict


def _digests(verdict: Verdict, made: dict[str, Any]) -> None:
    """Compare what lies there with what the report's manifest says went in and came out."""
    now = digests(verdict.run, INPUTS)
    for file, digest in dict(made["inputs"]).items():
        if file not in now:
            verdict.problems.append(f"{file}: gone from the run since the report was made")
        elif now[file] != digest:
            verdict.problems.append(f"{file}: changed in the run since the report was made")
    new = sorted(set(now) - set(made["inputs"]))
    if new:
        more = f" and {len(new) - 1} more" if len(new) > 1 else ""
        verdict.problems.append(f"{new[0]}{more}: new in the run; make the report again with `sca report`")
    there = digests(verdict.report, REPORT_FILES)
    verdict.n_files = len(now) + len(there)
    for file, digest in dict(made["files"]).items():
        if file not in there:
            verdict.problems.append(f"report/{file}: gone")
        elif there[file] != digest:
            verdict.problems.append(f"report/{file}: changed after it was written")
    verdict.problems += [f"report/{f}: not written by the report" for f in sorted(set(there) - set(made["files"]))]


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


def _stages(verdict: Verdict, work: Path, recipe: dict[str, Any]) -> None:
    """Run the stages that the recipe has, and compare their frames with those that lie in the run."""
    origin = verdict.run
    for stage, again in (("aggregate", _aggregate), ("deeds", _deeds), ("compare", _compare)):
        if stage not in recipe:
            if any((origin / f).exists() for f in _FRAMES[stage]):
                verdict.problems.append(
                    f"{RECIPE}: nothing on `sca {stage}`, so that its numbers cannot be made again; run it again"
                )
            continue
        try:
            note = again(work, origin, recipe[stage])
        except (ScaError, KeyError, TypeError, ValueError, AttributeError) as e:
            verdict.problems.append(f"`sca {stage}` cannot be done again: {e}")
            continue
        if note:
            verdict.notes.append(note)
        for file in _FRAMES[stage]:
            differs = verdict.add(file, _frames_differ(origin / file, work / file, verdict))
            if not differs and (origin / file).exists():  # the same values; the bytes may be another library version's
                shutil.copyfile(origin / file, work / file)
    if (origin / "run.json").exists():
        shutil.copyfile(origin / "run.json", work / "run.json")


def _files(given: dict[str, Any], origin: Path) -> list[str]:
    return [located(f, origin) for f in given.get("actor_files", [])]


def _aggregate(work: Path, origin: Path, given: dict[str, Any]) -> str:
    section = build(WordsSection, given["section"], RECIPE)
    from dataclasses import replace

    section = replace(section, audit=located(section.audit, origin))
    settings = {"actor_files": _files(given, origin), "draws": given["draws"], "seed": given["seed"]}
    if "rates" not in given:  # runs made before the recipe kept them
        series.aggregate(work, section, **settings)
        return ""
    series.aggregate(work, section, **settings, rates=given["rates"])
    if series.rates_today(origin) != given["rates"]:
        return (
            "the model's error rates are others today, or the model is not at hand: the words were corrected by those"
            f" that {RECIPE} keeps"
        )
    return ""


def _deeds(work: Path, origin: Path, given: dict[str, Any]) -> str:
    from dataclasses import replace

    sections = [build(DeedsSection, s, RECIPE) for s in given["sections"]]
    sections = [replace(s, path=located(s.path, origin)) for s in sections]
    keys = ("period", "verbal", "window", "first", "last")
    dyads = [(a, b) for a, b in given["dyads"]]
    settings = {k: given[k] for k in keys} | {"actor_files": _files(given, origin)}
    try:
        series.deeds(work, sections, dyads, **settings)
    except InputError as e:
        series.deed_series_again(work, dyads, **settings)
        return f"the deed data are not at hand ({e}): their series were made from deeds.parquet as it stands"
    return ""


def _compare(work: Path, origin: Path, given: dict[str, Any]) -> str:
    from dataclasses import replace

    section = build(CompareSection, given["section"], RECIPE)
    section = replace(section, leaders=located(section.leaders, origin))
    dyads = [(a, b) for a, b in given["dyads"]]
    series.compare(work, section, dyads, actor_files=_files(given, origin), seed=given["seed"])
    return ""


def _report(verdict: Verdict, work: Path, made: dict[str, Any]) -> None:
    """Write the report again and compare tables and page."""
    again = work / "report"
    try:
        dyads = [(str(a), str(b)) for a, b in made["dyads"]]
        files = [located(f, verdict.run) for f in made.get("actor_files", [])]
        metrics = _metrics(verdict, made)
        series.write_again(work, title=str(made["title"]), dyads=dyads, actor_files=files, metrics=metrics)
    except (ScaError, ValueError, TypeError) as e:
        verdict.problems.append(f"`sca report` cannot be done again: {e}")
        return
    for path in sorted((again / "tables").glob("*")):
        theirs = verdict.report / "tables" / path.name
        if path.suffix == ".parquet":
            verdict.add(f"report/tables/{path.name}", _frames_differ(theirs, path, verdict))
        else:
            verdict.add(f"report/tables/{path.name}", _cells_differ(theirs, path))
    figures = {p.name for p in (verdict.report / "figures").glob("*")}
    for name in sorted(
        {p.relative_to(f).as_posix() for f in (verdict.report, again) for p in f.glob("pairs/*.html")} | {"index.html"}
    ):
        verdict.add(f"report/{name}", _lines_differ(verdict.report / name, again / name, bool(figures)))


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


def _read(path: Path) -> pd.DataFrame | str:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except FileNotFoundError:
        return "not there"
    except (OSError, ValueError) as e:
        return f"not readable ({e})"


def _frames_differ(theirs: Path, ours: Path, verdict: Verdict) -> Iterator[str]:
    """Yield where two Parquet files differ: which row, what is there, what was recomputed."""
    a, b = _read(theirs), _read(ours)
    if isinstance(a, str) or isinstance(b, str):
        if isinstance(a, str) != isinstance(b, str):
            yield a if isinstance(a, str) else "there, but not made by the recorded settings"
        return
    if list(a.columns) != list(b.columns):
        yield f"columns {', '.join(map(str, a.columns))}; recomputed {', '.join(map(str, b.columns))}"
        return
    if len(a) != len(b):
        yield f"{len(a):,} rows; recomputed {len(b):,}"
        return
    verdict.n_numbers += sum(int(b[c].notna().sum()) for c in b.select_dtypes("number"))
    keys = [k for k in _KEYS if k in b.columns]
    for column in a.columns:
        for row in _rows_that_differ(a[column], b[column]):
            named = ", ".join(str(b[k].iloc[row]) for k in keys if str(b[k].iloc[row]) not in ("", column))
            yield f"row {row + 1} ({named}): {column} is {a[column].iloc[row]}; recomputed {b[column].iloc[row]}"


def _rows_that_differ(a: pd.Series, b: pd.Series) -> list[int]:
    import numpy as np
    import pandas as pd

    if pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b):
        x, y = a.to_numpy(float, na_value=np.nan), b.to_numpy(float, na_value=np.nan)
        same = np.isclose(x, y, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
        return [int(k) for k in np.flatnonzero(~same)]
    return [k for k, (x, y) in enumerate(zip(a, b, strict=True)) if not _same(x, y)]


def _same(x: Any, y: Any) -> bool:
    x, y = (v.tolist() if hasattr(v, "tolist") else v for v in (x, y))
    return bool(x == y or (x != x and y != y) or str(x) == str(y))


def _cells_differ(theirs: Path, ours: Path) -> Iterator[str]:
    """Yield where two CSV tables differ, numbers by their value."""
    try:
        with theirs.open(encoding="utf-8", newline="") as f:
            a = list(csv.reader(f))
    except FileNotFoundError:
        yield "not there"
        return
    except (OSError, ValueError, csv.Error) as e:
        yield f"not readable ({e})"
        return
    with ours.open(encoding="utf-8", newline="") as f:
        b = list(csv.reader(f))
    if len(a) != len(b):
        yield f"{len(a) - 1:,} rows; recomputed {len(b) - 1:,}"
        return
    for line, (x, y) in enumerate(zip(a, b, strict=True), 1):
        if len(x) != len(y):
            yield f"line {line}: {len(x)} cells; recomputed {len(y)}"
            continue
        for name, u, v in zip(b[0], x, y, strict=True):
            if u != v and not _close(u, v):
                yield f"line {line}: {name} is {u[:80]!r}; recomputed {v[:80]!r}"


def _close(u: str, v: str) -> bool:
    try:
        x, y = float(u), float(v)
    except ValueError:
        return False
    return abs(x - y) <= TOLERANCE * max(1.0, abs(y))


def _lines_differ(theirs: Path, ours: Path, figures: bool) -> Iterator[str]:
    """Yield where two pages differ, with what stands around the first difference of a line."""
    if not ours.exists():
        return  # of no pair of this report; its digest is missing, which is said
    try:
        a = theirs.read_text("utf-8").split("\n")
    except FileNotFoundError:
        yield "not there"
        return
    except (OSError, ValueError) as e:
        yield f"not readable ({e})"
        return
    b = ours.read_text("utf-8").split("\n")
    if figures:  # drawings are not made again, so that the page does not name them
        a, b = ([x for x in page if "<code>figures/</code>" not in x] for page in (a, b))
    if len(a) != len(b):
        yield f"{len(a):,} lines; recomputed {len(b):,}"
    for line, (x, y) in enumerate(zip(a, b, strict=False), 1):
        if x != y:
            at = next((k for k, (p, q) in enumerate(zip(x, y, strict=False)) if p != q), min(len(x), len(y)))
            cut = slice(max(0, at - 30), at + 40)
            yield f"line {line}: {x[cut].strip()!r}; recomputed {y[cut].strip()!r}"
            if len(a) != len(b):
                return
