"""Compare sentence segmenters: boundary F1 on the hard cases, and speed on real text.

    python -m training.segmentation_bench [--json] [--data FOLDER] [--no-speed]

The cases (`tests/segment_cases.jsonl`, invented for this purpose) were written by the author of the rules in two
halves: `before` the rules were tuned on anything, `after` that tuning. A half is blind only once, so the F1 at first
sight is kept here beside today's. A boundary is the offset where a sentence begins; a text's first one is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CASES = Path(__file__).parent.parent / "tests" / "segment_cases.jsonl"
#: F1 of `sentence_spans` on each half when it was first run on it, and the commit whose rules were run.
FIRST_SIGHT = {"before": (0.9925, "713ffee"), "after": (0.9790, "f3627a4")}
_SPEED_BYTES = {"sca_nlp": 4_000_000, "sca_nlp in spaCy": 2_000_000, "spaCy sentencizer": 2_000_000, "pysbd": 100_000}

Segmenter = Callable[[str, str], list[int]]  # (text, language) -> where its sentences begin


@dataclass(frozen=True, slots=True)
class Case:
    """One text with its gold sentences."""

    case_id: str
    phenomenon: str
    half: str
    language: str
    text: str
    starts: frozenset[int]


def read_cases(path: Path = CASES) -> list[Case]:
    """Return the hard cases."""
    cases = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        starts = frozenset(start for start, _ in row["spans"][1:])
        cases.append(Case(row["id"], row["phenomenon"], row["half"], row["language"], row["text"], starts))
    return cases


def boundary_f1(cases: Sequence[Case], segmenter: Segmenter) -> tuple[float, float, float]:
    """Return precision, recall and F1 in [0, 1] of sentence starts over all cases (micro); 1 where there are none."""
    right = found = wanted = 0
    for case in cases:
        starts = set(segmenter(case.text, case.language)[1:])
        right += len(starts & case.starts)
        found += len(starts)
        wanted += len(case.starts)
    precision = right / found if found else 1.0
    recall = right / wanted if wanted else 1.0
    return precision, recall, 2 * right / (found + wanted) if found + wanted else 1.0


def segmenters() -> dict[str, Segmenter]:
    """Return the segmenters that are installed, ours first."""
    import spacy

    from sca_nlp.segment import sentence_spans
    from sca_nlp.segment.component import sentence_pipeline

    pipelines: dict[tuple[str, str], Any] = {}

    def ours(text: str, language: str) -> list[int]:
        return [start for start, _ in sentence_spans(text, language)]

    def through_spacy(kind: str) -> Segmenter:
        def run(text: str, language: str) -> list[int]:
            nlp = pipelines.get((kind, language))
            if nlp is None:
                nlp = sentence_pipeline(language) if kind == "ours" else spacy.blank(language)
                if kind != "ours":
                    nlp.max_length = 10_000_000
                    nlp.add_pipe("sentencizer")
                pipelines[kind, language] = nlp
            starts = []
            for sentence in nlp(text).sents:
                first = next((token.idx for token in sentence if not token.is_space), None)
                if first is not None:
                    starts.append(first)
            return starts

        return run

    found: dict[str, Segmenter] = {
        "sca_nlp": ours,
        "sca_nlp in spaCy": through_spacy("ours"),
        "spaCy sentencizer": through_spacy("sentencizer"),
    }
    try:
        import pysbd
    except ImportError:
        print("pysbd is not installed: left out (pip install pysbd)", file=sys.stderr)
    else:

        def with_pysbd(text: str, language: str) -> list[int]:
            # Built anew each time: a Segmenter keeps the last text. char_span is what it needs to give offsets.
            cut = pysbd.Segmenter(language=language, clean=False, char_span=True).segment(text)
            return [span.start + len(span.sent) - len(span.sent.lstrip()) for span in cut if span.sent.strip()]

        found["pysbd"] = with_pysbd
    return found


def real_text(data: Path | None, size: int) -> str:
    """Return about `size` bytes of real speeches (UN corpus and White House), or `""` where there are no data."""
    import pyarrow.parquet as pq

    if data is None or not (data / "speeches" / "ungdc.parquet").exists():
        return ""
    pieces: list[str] = []
    for name, share in (("ungdc", 0.7), ("us_white_house", 0.3)):
        left = share * size
        for text in pq.read_table(data / "speeches" / f"{name}.parquet", columns=["text"])["text"].to_pylist()[::7]:
            if left <= 0:
                break
            piece = (text or "")[: int(left) + 1]
            pieces.append(piece)
            left -= len(piece.encode())
    return "\n\n".join(pieces)


def speed(segmenter: Segmenter, text: str, repeats: int = 5) -> float:
    """Return the median speed in MB/s (10^6 bytes of UTF-8) of cutting `text`, speech by speech.

    In the process's own CPU time, so that others' work on the machine does not count.
    """
    speeches = [piece for piece in text.split("\n\n") if piece]
    for piece in speeches[:1]:
        segmenter(piece, "en")  # loads what is loaded once
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        for piece in speeches:
            segmenter(piece, "en")
        taken.append(time.process_time() - began)
    return sum(len(piece.encode()) for piece in speeches) / 1e6 / statistics.median(taken)


def agreement(data: Path, documents: int | None = None) -> dict[str, tuple[int, float]]:
    """Return, per corpus, how many annotated sentences there are and the share that our cut reproduces exactly.

    Args:
        data: folder with `annotations` and `speeches`.
        documents: how many documents of a corpus to cut, the first annotated ones; all by default.
    """
    import pyarrow.parquet as pq

    from sca_nlp.segment import sentence_spans

    rows: dict[str, dict[str, set[tuple[int, int]]]] = {}
    for name in ("train", "test"):
        with (data / "annotations" / f"{name}.jsonl").open(encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                rows.setdefault(row["corpus"], {}).setdefault(row["doc_id"], set()).add((row["start"], row["end"]))
    result = {}
    for corpus, documents_of in sorted(rows.items()):
        wanted = dict(list(documents_of.items())[:documents])
        file_name = data / "speeches" / f"{corpus}.parquet"
        table = pq.read_table(file_name, columns=["doc_id", "text"], filters=[("doc_id", "in", list(wanted))])
        texts = dict(zip(table["doc_id"].to_pylist(), table["text"].to_pylist(), strict=True))
        total = sum(len(spans) for spans in wanted.values())
        same = sum(len(spans & set(sentence_spans(texts[doc]))) for doc, spans in wanted.items())
        result[corpus] = (total, same / total)
    return result


def measure(data: Path | None, with_speed: bool) -> dict[str, Any]:
    """Return all figures: F1 by segmenter for each half, language group and phenomenon, MB/s, and the agreement."""
    cases = read_cases()
    groups: dict[str, list[Case]] = {
        "all": cases,
        "written before tuning": [case for case in cases if case.half == "before"],
        "written after tuning": [case for case in cases if case.half == "after"],
        "English": [case for case in cases if case.language == "en"],
    }
    for case in cases:
        groups.setdefault(case.phenomenon, []).append(case)
    found = segmenters()
    f1 = {
        group: {name: round(boundary_f1(members, run)[2], 4) for name, run in found.items()}
        for group, members in groups.items()
    }
    rates: dict[str, float] = {}
    if with_speed and (text := real_text(data, 4_000_000)):
        for name, run in found.items():
            # A slow segmenter gets less text: its rate does not depend on how much there is.
            part = text.encode()[: _SPEED_BYTES[name]].decode(errors="ignore")
            rates[name] = round(speed(run, part), 2)
    return {
        "cases": {group: len(members) for group, members in groups.items()},
        "boundaries": {group: sum(len(case.starts) for case in members) for group, members in groups.items()},
        "f1": f1,
        "f1_at_first_sight": {half: {"f1": value, "commit": commit} for half, (value, commit) in FIRST_SIGHT.items()},
        "mb_per_s": rates,
        "agreement_with_annotations": agreement(data) if data and (data / "annotations").is_dir() else {},
    }


def print_table(result: dict[str, Any]) -> None:
    """Print the figures as a plain-text table."""
    names = list(result["f1"]["all"])
    print(f"{'boundary F1':28}{'cases':>6}{'bounds':>8}" + "".join(f"{name:>19}" for name in names))
    for group, scores in result["f1"].items():
        counts = f"{result['cases'][group]:>6}{result['boundaries'][group]:>8}"
        print(f"{group:28}{counts}" + "".join(f"{scores[name]:>19.3f}" for name in names))
    if result["mb_per_s"]:
        label = "MB/s a core, median of 5"
        print(f"{label:28}{'':14}" + "".join(f"{result['mb_per_s'][name]:>19.2f}" for name in names))
    for half, first in result["f1_at_first_sight"].items():
        print(
            f"sca_nlp at first sight of the half written {half} tuning: {first['f1']:.4f} (rules of {first['commit']})"
        )
    for corpus, (total, share) in result["agreement_with_annotations"].items():
        print(f"annotated sentences reproduced exactly, {corpus}: {share:.3f} of {total}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Compare sentence segmenters on hard cases and real text.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--data", type=Path, default=os.environ.get("SCA_DATA"), help="real data (default: SCA_DATA)")
    parser.add_argument("--no-speed", action="store_true", help="skip the measurement of speed")
    options = parser.parse_args(arguments)
    result = measure(options.data, not options.no_speed)
    if options.json:
        print(json.dumps(result, indent=1))
    else:
        print_table(result)


if __name__ == "__main__":
    main()
