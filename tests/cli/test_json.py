"""`--json` on every command: it is there, and what stands on stdout is one JSON document, whatever else is said."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import typer

from sca_nlp import cli
from sca_nlp.share import share_path

SAMPLE = share_path("corpus", "sample")
CONFIG = f"""
title = "Sample"
[[speeches]]
path = "{SAMPLE / "speeches.jsonl"}"
[actors]
files = ["{SAMPLE / "actors.toml"}"]
[classify]
model = "linear"
[words]
dyads = [["NVL", "EMK"]]
[[deeds]]
name = "chronology"
path = "{SAMPLE / "deeds.csv"}"
[compare]
permutations = 9
draws = 9
"""
#: Each command but those of ELSEWHERE, in an order in which each finds what it needs.
CALLS = [
    "doctor --model linear",
    "run {config} --out {run}",
    "score {speeches} --out {run} --model linear --actors {actors}",
    "aggregate {run}",
    "deeds {run}",
    "deeds --list",
    "compare {run} --permutations 9 --draws 9",
    "report {run} --out {tmp}/again",
    "check {run}",
    "verify {run}",
    "export {run} --out {tmp}/flat.csv --format csv",
    "predict {gold} {tmp}/predicted.jsonl --model linear",
    "codebook",
    "models list",
    "models show linear",
    "models export minilm {tmp}/exported",
    "corpus list",
    "corpus check {own}",
    "corpus import {own} --out {tmp}/clean.parquet",
    "simulate periods=12 sentences=20 --worlds 2 --permutations 9",
    "annotate draw {run} --out {tmp}/next.jsonl --informative 5 --audit 5",
    "annotate agreement {coded}",
    "annotate standoff {coded} --out {tmp}/standoff.csv",
    "evaluate {gold} --model linear",
    "models compare linear lexicon {gold}",
]
#: Commands whose JSON other tests read, or that serve until they are stopped.
ELSEWHERE = {"train", "review", "models push", "validity"}


def leaves(command: object, path: str = "") -> dict[str, object]:
    """Return every command by its words."""
    below = getattr(command, "commands", None)
    if below is None:
        return {path: command}
    return {k: v for name, sub in below.items() for k, v in leaves(sub, f"{path} {name}".strip()).items()}


@pytest.fixture(scope="module")
def commands() -> dict[str, object]:
    cli.add_commands()
    return leaves(typer.main.get_command(cli.app))


def test_every_command_has_the_flag(commands) -> None:
    without = {name for name, c in commands.items() if not any("--json" in p.opts for p in c.params)}
    assert not without


def test_every_command_is_called_here_or_elsewhere(commands) -> None:
    called = {name for name in commands for call in CALLS if call.startswith(name + " ") or call == name}
    assert set(commands) - called <= ELSEWHERE


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    tmp = tmp_path_factory.mktemp("json")
    (tmp / "sample.toml").write_text(CONFIG)
    whole = {r["speech_id"]: r["text"] for r in map(json.loads, (SAMPLE / "speeches.jsonl").open())}
    gold = [json.loads(line) for line in (SAMPLE / "gold.jsonl").open()][:200]
    rows = [{**g, "id": str(n), "text": whole[g["speech_id"]][g["start"] : g["end"]]} for n, g in enumerate(gold)]
    (tmp / "gold.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    both = [{**r, "id": f"{r['id']}{c}", "coder": c} for r in rows[:40] for c in ("a", "b")]
    (tmp / "coded.jsonl").write_text("".join(json.dumps(r) + "\n" for r in both))
    (tmp / "own.csv").write_text("speech_id,date,country,text\n1,1999,France,We want peace.\n")
    return {
        "own": tmp / "own.csv", "tmp": tmp,
        "config": tmp / "sample.toml", "run": tmp / "run", "gold": tmp / "gold.jsonl",
        "coded": tmp / "coded.jsonl", "speeches": SAMPLE / "speeches.jsonl", "actors": SAMPLE / "actors.toml",
    }  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_stdout_is_one_json_document(
    call: str, places, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sca", *call.format(**places).split(), "--json"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    sys.stdout.flush()
    out, err = capfd.readouterr()
    assert not stopped.value.code, err
    assert json.loads(out) is not None
    assert "\x1b" not in out
