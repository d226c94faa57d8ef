"""What `sca verify` found, part by part, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sca_nlp.pipeline.causes import Cause, advice, cause_of, code_told, gravest
from sca_nlp.pipeline.made_by import made_by

#: So many differences of one file are listed; the rest are counted.
MOST = 5


@dataclass
class Part:
    """What was found of one part: `seal` (the files' digests as the report keeps them), `store`, a stage, `report`."""

    name: str
    problems: list[str]
    cause: Cause = ""
    why: str = ""
    advice: str = ""
    made_by: Any = None
    again_by: Any = None

    @property
    def same(self) -> bool:
        """Whether all is as it was."""
        return not self.problems

    @property
    def other(self) -> bool:
        """Whether it was made by other code or libraries than are here, so that equal numbers say the more."""
        return cause_of(self.made_by, self.again_by) in ("other code", "other libraries") if self.again_by else False


@dataclass
class Verdict:
    """What `verify` found. The report stands when `problems` is empty."""

    run: Path
    report: Path
    n_files: int = 0
    n_numbers: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    @property
    def cause(self) -> Cause:
        """Why numbers differ: the gravest cause of a part; "" where nothing differs."""
        return gravest([p.cause for p in self.parts])

    def add(self, file: str, differences: Iterator[str]) -> list[str]:
        """Add the differences of a file, the first ones in full; return all of them."""
        found = list(differences)
        self.problems += [f"{file}: {d}" for d in found[:MOST]]
        if len(found) > MOST:
            self.problems.append(f"{file}: {len(found) - MOST:,} more differences")
        return found

    def counted(self, n: int) -> None:
        """Add to the numbers that were made again."""
        self.n_numbers += n

    def part(self, name: str, first: int, *, cause: Cause = "", **known: Any) -> Part:
        """Close a part whose problems begin with the `first` one of the list; a cause is of problems only."""
        problems = self.problems[first:]
        self.parts.append(Part(name, problems, cause if problems else "", **known))
        return self.parts[-1]

    def of(self, name: str) -> Part | None:
        """Return a part that is closed already."""
        return next((p for p in self.parts if p.name == name), None)


def judge(
    verdict: Verdict,
    stage: str,
    first: int,
    kept: Any,
    *,
    altered: Sequence[str] = (),
    missing: Sequence[str] = (),
    outside: Sequence[str] = (),
    doubt: Cause = "",
) -> Part:
    """Close a stage's part with the cause of its problems.

    Args:
        verdict: gets the part.
        stage: whose.
        first: number of its first problem.
        kept: by what it was made.
        altered: files with differences that are not those which the stage wrote.
        missing: files beyond the run that it wants and that are not at hand.
        outside: all files beyond the run that it reads.
        doubt: why what it was made again from may not be what it was made from.
    """
    now = made_by(stage)
    cause, why = cause_of(kept, now), code_told(kept, now)
    if missing:
        cause, why = "unknown", f"not to be made again without what it reads beside the run: {', '.join(missing)}"
    elif altered:
        cause, why = "altered", f"not what the stage wrote: {', '.join(altered)} ({why})"
    elif cause == "altered" and doubt:
        cause, why = doubt, f"{why}, but what it was made from is in doubt ({doubt})"
    elif cause == "altered":
        read = f" or beside it: {', '.join(outside)}" if outside else ""
        why = f"{why}: it was altered, or what it was made from was (in the run{read})"
    elif cause == "unknown":
        why = "altered, or made by other code: the run does not say what made them"
    told = {"why": why, "advice": "put those files where they were" if missing else advice(cause, kept)}
    return verdict.part(stage, first, cause=cause, **told, made_by=kept or None, again_by=now)
