"""`sca validity`: do the words of a run tell what is known of the world?"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from sca_nlp.cli import app
from sca_nlp.cli.console import JsonFlag, clean, emit, table
from sca_nlp.errors import InputError

_TITLES = {
    "rivals_vs_allies": "Rivals without a defence pact, against pairs with a defence pact and no rivalry",
    "mid_vs_rest": "Pairs between whom a militarised dispute starts in the year, against all others with words",
}


@app.command(rich_help_panel="Runs")
def validity(
    run: Annotated[Path, typer.Argument(help="A scored run over the whole UN General Debate.")],
    beside: Annotated[
        list[Path] | None, typer.Option(help="Another model's run over the same speeches. Repeat it.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder with deeds/ and bench/lexica/; default: the variable SCA_DATA.")
    ] = None,
    plan: Annotated[
        Path | None, typer.Option(help="Weights, pooling, episodes; default: configs/validity.toml.")
    ] = None,
    lexica: Annotated[bool, typer.Option(metavar="", help="Judge the published word lists too.")] = True,
    draws: Annotated[int, typer.Option(min=0, help="Bootstrap draws of every interval.")] = 500,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Also write all of it here, as JSON.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Test a run against the world: rivals against allies, years with a dispute against years without, known episodes.

    [dim]Example:  sca validity runs/ungdc --beside runs/ungdc_linear --data data[/dim]
    """
    import json

    from sca_nlp.store import write_atomically
    from sca_nlp.validity import read_plan, validate

    folder = data or (Path(os.environ["SCA_DATA"]) if os.environ.get("SCA_DATA") else None)
    if folder is None or not folder.is_dir():
        got = "no data folder" if folder is None else "no such folder"
        raise InputError(
            folder or "sca validity", got, "the folder with deeds/ (rivalries, alliances, disputes): --data or SCA_DATA"
        )
    start = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - start:6.1f} s] {clean(line)}", file=sys.stderr, flush=True)

    found = validate(run, folder, read_plan(plan), beside=beside or (), lexica=lexica, draws=draws, seed=seed, say=say)
    if out:
        write_atomically(out, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())
    emit(found, as_json, lambda: _print(found))


def _print(found: dict[str, Any]) -> None:
    first, last = found["span"]
    print(f"{found['run']}, pair-years of {first}-{last}; intervals: 95 %, bootstrap over pairs of states")
    head = ("sentences at least", "pair-years", "rivals", "allies", "disputes begun", "disputes under way")
    keys = ("min_passages", "n", "rival", "ally", "mid", "mid_any")
    table(head, [[f"{row[k]:,}" for k in keys] for row in found["dyad_years"]])
    for key, title in _TITLES.items():
        answer = found[key]
        print(f"\n{title}\nAUROC {_span(answer)}: {answer['score']}")
        print(
            f"{answer['n_positive']:,} against {answer['n_negative']:,} pair-years of {answer['n_dyads']:,} pairs,"
            f" {found['min_passages']} sentences or more"
        )
        table(
            ("score", "words of", "AUROC", "at equal attention", "positive", "negative"),
            [
                (
                    r["score"],
                    r["years"],
                    _span(r),
                    _span(r["equal_attention"]),
                    f"{r['n_positive']:,}",
                    f"{r['n_negative']:,}",
                )
                for r in answer["rows"]
            ],
        )
        print()
        others = [(f"{r['min_passages']} sentences or more", r) for r in answer["by_min_passages"]]
        others += [(f"{r['decade']}s", r) for r in answer["by_decade"]]
        others += [(r["what"], r) for r in answer["otherwise"]]
        others.append(("one side's words only, theory's score", found["directed"][key]))
        table(
            ("the headline's score, read otherwise", "AUROC", "positive", "negative"),
            [(what, _span(r), f"{r['n_positive']:,}", f"{r['n_negative']:,}") for what, r in others],
        )
    print("\nReliability of two halves (Spearman-Brown)")
    table(
        ("halves", "score", "sentences at least", "reliability", "n"),
        [
            (r["what"], r["score"], r["min_passages"], _span(r, "reliability"), f"{r['n']:,}")
            for r in found["reliability"]
        ],
    )
    print("\nKnown episodes: balance (C - H) / (C + H) of what is said, expectations written down before looking")
    table(
        ("episode", "expected", "first", "second", "difference", "sentences", "result"),
        [
            (
                r["name"],
                r["expected"],
                _number(r["first"]),
                _number(r["second"]),
                _span(r, "difference"),
                f"{r['n_first']:,} / {r['n_second']:,}",
                r["verdict"],
            )
            for r in found["episodes"]
        ],
    )
    print(f"\n{found['seconds']:.0f} s. What this says and what it does not: docs/explanation/validity.md")


def _span(row: dict[str, Any], key: str = "auroc") -> str:
    if row[key] is None:
        return "-"
    value = _number(row[key])
    return value if row["low"] is None else f"{value} [{_number(row['low'])}, {_number(row['high'])}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
