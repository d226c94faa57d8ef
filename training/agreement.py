"""How far coders agree: Krippendorff's alpha of each indicator, F1 of each class, and overlap of targets."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sca_nlp.agreement import nominal_alpha
from sca_nlp.codebook import Codebook, default_codebook
from sca_nlp.errors import InputError
from sca_nlp.read.annotations import read_annotations
from sca_nlp.records import Annotation, Reject
from training.dataset import encode_gold
from training.evaluate import cluster_draws


def alpha(units: Iterable[Sequence[Hashable]]) -> float:
    """Return Krippendorff's alpha for nominal values (Krippendorff 2004, ch. 11); NaN where nothing varies.

    Args:
        units: for each unit the values that its coders gave; units with fewer than two are left out.
    """
    value = nominal_alpha(units)
    return float("nan") if value is None else value


def agreement(
    rows: Sequence[Annotation], codebook: Codebook | None = None, n_draws: int = 500, seed: int = 0
) -> dict[str, Any]:
    """Return agreement of coders on the sentences that at least two of them coded.

    Args:
        rows: annotations with `coder`; a sentence is known by its speech and offsets, or by its text.
        codebook: the shipped one by default.
        n_draws: bootstrap draws of whole documents.
        seed: of the draws.

    Returns:
        `alpha` by indicator with 95 % interval, `f1` by class (pairs of coders pooled) with interval, `macro_f1`,
        `target_overlap` (any target in common, where both gave one) and the numbers of units and coders.

    Raises:
        InputError: no sentence has two coders.
    """
    book = codebook or default_codebook()
    units: dict[tuple[str, int, int, str], dict[str, Annotation]] = {}
    for row in rows:
        place = (row.speech_id, row.start, row.end, "" if row.speech_id and row.end else row.text)
        units.setdefault(place, {})[row.coder] = row
    shared = [list(u.values()) for u in units.values() if len(u) > 1]
    if not shared:
        raise InputError("annotations", "no sentence with two coders", "rows of several coders, told apart by `coder`")
    documents = [u[0].speech_id or str(n) for n, u in enumerate(shared)]
    coded = [encode_gold(u, book) for u in shared]
    values = {i.id: [_values(c[:, g]) for c in coded] for i, g in zip(book.indicators, book.groups(), strict=True)}
    pairs = [[(c[a], c[b]) for a, b in combinations(range(len(c)), 2)] for c in coded]

    def f1(which: Iterable[int]) -> NDArray[np.float64]:
        hits, total = np.zeros(len(book.classes)), np.zeros(len(book.classes))
        for k in which:
            for a, b in pairs[k]:
                hits += a * b
                total += a + b
        with np.errstate(invalid="ignore"):
            return 2 * hits / total

    everything = range(len(shared))
    draws = cluster_draws(documents, n_draws, np.random.default_rng(seed))
    spread = np.array([f1(d.tolist()) for d in draws])
    found = f1(everything)
    both = [(set(a.targets), set(b.targets)) for u in shared for a, b in combinations(u, 2) if a.targets and b.targets]
    return {
        "units": len(shared),
        "coders": sorted({r.coder for u in shared for r in u}),
        "alpha": {
            name: {
                "alpha": _round(alpha(v)),
                "interval": _interval([alpha([v[k] for k in d.tolist()]) for d in draws[:200]]),
            }
            for name, v in values.items()
        },
        "macro_f1": _round(float(np.nanmean(found))) if np.isfinite(found).any() else None,
        "f1": {
            c: {"f1": _round(float(found[k])), "interval": _interval(spread[:, k].tolist())}
            for k, c in enumerate(book.classes)
        },
        "target_overlap": _round(float(np.mean([bool(a & b) for a, b in both]))) if both else None,
    }


def read_coders(
    paths: Sequence[Path], codebook: Codebook | None = None, format: str = "", rejects: Callable[[Reject], None] = print
) -> list[Annotation]:
    """Return the annotations of several coders: from one file that names them, or from a file a coder.

    Args:
        paths: annotations. Where a file of several names no coder, its own name is the coder.
        codebook: whose codes they are; the shipped one by default.
        format: see `read_annotations`.
        rejects: called with each record that cannot be used.

    Raises:
        InputError: one coder only, or most records cannot be used, as with another codebook's codes.
    """
    rows: list[Annotation] = []
    bad: list[Reject] = []
    for path in paths:
        found = list(read_annotations(path, format=format, codebook=codebook, rejects=bad.append))
        if not any(r.coder for r in found):
            named = [replace(r, coder=path.stem) for r in found]
            found = named if len(paths) > 1 else coders_of(_two_coders(path))
        rows += found
    if len(bad) > len(rows) or (bad and not any(r.codes for r in rows)):
        got, _, wanted = bad[0].reason.partition("; wanted ")
        hint = "" if codebook else "; if they follow another codebook, name it: --codebook FILE"
        at = f"{bad[0].file}:{bad[0].line}" if bad[0].line else bad[0].file
        raise InputError(at, f"{len(bad):,} annotations cannot be used, the first: {got}", (wanted or "codes") + hint)
    for reject in bad:
        rejects(reject)
    return rows


def _two_coders(path: Path) -> list[dict[str, Any]]:
    """Return rows that hold both coders (`coder_a`, `coder_b`), as the project's own test set does."""
    rows = []
    for n, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            rows.append(json.loads(line))
        except ValueError:
            raise InputError(f"{path}:{n}", "no JSON", "rows with `coder`, or `coder_a` and `coder_b`") from None
    if not rows or "coder_a" not in rows[0]:
        raise InputError(path, "one coder only", "annotations of at least two coders, in one file or in a file a coder")
    return rows


def coders_of(rows: Iterable[Mapping[str, Any]], keys: Sequence[str] = ("coder_a", "coder_b")) -> list[Annotation]:
    """Return one annotation a coder from records that hold several coders' codes side by side.

    A coder's codes are a mapping with `codes` and `targets`, a list of codes, or text such as `TP+ NA- @RUS,USA`
    (`(none)` where all is absent).
    """
    out = []
    for r in rows:
        for key in keys:
            given = r.get(key)
            if given is None:
                continue
            codes, targets = _written(given)
            place = (str(r.get("doc_id", "")), int(r.get("start", 0)), int(r.get("end", 0)), str(r.get("text", "")))
            out.append(Annotation(str(r.get("id")), *place, codes, targets, coder=key))
    return out


def _written(given: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if isinstance(given, dict):
        return tuple(given.get("codes", ())), tuple(given.get("targets", ()))
    if not isinstance(given, str):
        return tuple(given), ()
    codes, _, targets = given.partition("@")
    return tuple(c for c in codes.split() if c != "(none)"), tuple(t.strip() for t in targets.split(",") if t.strip())


def _values(part: NDArray[np.float32]) -> list[int]:
    return [int(v) for v in np.where(part.any(1), part.argmax(1) + 1, 0)]


def _round(value: float) -> float | None:
    return None if value != value else round(value, 4)


def _interval(values: Sequence[float]) -> list[float | None]:
    known = [v for v in values if v == v]
    return [_round(float(v)) for v in np.percentile(known, [2.5, 97.5])] if known else [None, None]
