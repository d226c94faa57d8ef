"""Why a run's numbers are not those that come out now: somebody altered them, or another program made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sca_nlp.pipeline.made_by import COMMIT

Cause = Literal["", "altered", "unknown", "other code", "other libraries", "made again"]
#: What a report suffers from as a whole is the first of these that one of its parts suffers from.
CAUSES: tuple[Cause, ...] = ("altered", "unknown", "other code", "other libraries", "made again")


def cause_of(kept: Any, now: Mapping[str, Any]) -> Cause:
    """Return what numbers that differ come from, by what made them and what is here now.

    Returns:
        `unknown` where nothing (whole) was kept; `other code`; `other libraries`, of the same code; else `altered`.
    """
    if not whole(kept):
        return "unknown"
    if kept["code"] != now["code"]:
        return "other code"
    return "other libraries" if other_libraries(kept, now) else "altered"


def whole(kept: Any) -> bool:
    """Tell whether a stage kept by what it was made; runs of earlier versions did not."""
    return (
        isinstance(kept, dict)
        and isinstance(kept.get("code"), str)
        and bool(kept["code"])
        and isinstance(kept.get("libraries"), dict)
    )


def file_cause(file: str, digest: str | None, kept: Any) -> Cause:
    """Return why a file is not the one that the report was made from, by what the stage that writes it kept.

    Args:
        file: its name in the run.
        digest: of what lies there now; None: nothing.
        kept: what the stage kept; None for a file of no stage.
    """
    if digest is None or kept is None:
        return "altered"
    if not whole(kept):
        return "unknown"
    return "made again" if wrote(kept).get(file) == digest else "altered"


def wrote(kept: Any) -> dict[str, Any]:
    """Return file -> digest of what a stage wrote, as it kept them."""
    files = kept.get("files") if isinstance(kept, dict) else None
    return files if isinstance(files, dict) else {}


def gravest(causes: Sequence[Cause]) -> Cause:
    """Return the gravest of some causes, "" of none."""
    return next((c for c in CAUSES if c in causes), "")


def other_libraries(kept: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return `numpy 2.4.6, now 2.5.0; ...` of the libraries that are others now, or ""."""
    then, here = kept["libraries"], now["libraries"]
    return "; ".join(
        f"{name} {then.get(name, 'none')}, now {here.get(name, 'none')}"
        for name in sorted({*then, *here})
        if then.get(name) != here.get(name)
    )


def code_told(kept: Any, now: Mapping[str, Any]) -> str:
    """Return how what made the numbers and what is here now differ."""
    cause = cause_of(kept, now)
    if cause == "unknown":
        return "made by what the run does not say"
    if cause == "altered":
        return "made by the same code and libraries"
    moved = other_libraries(kept, now)
    if cause == "other libraries":
        return f"made by the same code on other libraries ({moved})"
    more = f", on other libraries ({moved})" if moved else ""
    return f"made by other code ({_named(kept)}; now {_named(now)}){more}"


def _named(by: Mapping[str, Any]) -> str:
    return f"sca_nlp {by.get('version', 'of no version')}, code {str(by['code'])[:12]}"


def advice(cause: Cause, kept: Any) -> str:
    """Return what a reader can do about a part that differs."""
    again = "make the numbers again (`sca run` with the run's config.toml; scores are kept)"
    if cause == "altered":
        return "get an unaltered copy, or make the run again"
    if cause == "unknown":
        return f"{again}: from then on the run says what made them"
    if cause == "made again":
        return "make the report again with `sca report`"
    if cause == "other libraries":
        return f"{again}, or install the versions named above, to see whether the old numbers come out"
    at = str(kept.get("commit") or "") if isinstance(kept, dict) else ""
    there = "that version"
    if COMMIT.fullmatch(at):
        there = f"`git checkout {at[:12]}`, where its checkout stood, uncommitted changes aside"
    return f"{again}, or go back to the code that made them ({there}), to see whether the old numbers come out"
