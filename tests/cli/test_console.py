"""What a person sees: completion in three shells, colours on a terminal, none in a pipe, help with a mistyped word."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from sca_nlp.cli.console import Advance, duration

MAIN = "import sys; sys.argv = ['sca', *{args!r}]; from sca_nlp import cli; cli.main()"
ASKED = {
    "bash": {"_SCA_COMPLETE": "complete_bash", "COMP_WORDS": "{line}", "COMP_CWORD": "{n}"},
    "zsh": {"_SCA_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "{line}"},
    "fish": {
        "_SCA_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_ARGS": "{line}",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    },
}


def sca(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    code = MAIN.format(args=args)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **env}, timeout=60, check=False
    )


def complete(shell: str, line: str) -> str:
    n = str(len(line.split(" ")) - 1)
    return sca(**{k: v.format(line=line, n=n) for k, v in ASKED[shell].items()}).stdout


@pytest.mark.parametrize("shell", ASKED)
def test_shells_complete_commands_options_and_models(shell: str) -> None:
    assert {"score", "simulate"} <= set(re.findall(r"[\w-]+", complete(shell, "sca s")))
    assert "--actors" in complete(shell, "sca score --act")
    found = complete(shell, "sca models show li")
    assert "linear" in found
    assert "minilm" not in found


@pytest.mark.parametrize(
    ("shell", "sign"), [("bash", "complete -o"), ("zsh", "#compdef sca"), ("fish", "complete --command sca")]
)
def test_shells_get_their_script(shell: str, sign: str) -> None:
    done = sca(_SCA_COMPLETE=f"source_{shell}")
    assert done.returncode == 0
    assert sign in done.stdout


def in_terminal(*args: str, **env: str) -> str:
    """Return what a command writes to a terminal of 100 columns."""
    import pty

    pid, fd = pty.fork()
    if pid == 0:  # the child: pytest's own captures must not be run through
        os.environ.update({"TERM": "xterm-256color", "COLUMNS": "100", **env})
        os.environ.pop("NO_COLOR", None) if "NO_COLOR" not in env else None
        os.execv(sys.executable, [sys.executable, "-c", MAIN.format(args=args)])
    parts = []
    while True:
        try:
            part = os.read(fd, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    os.waitpid(pid, 0)
    os.close(fd)
    return b"".join(parts).decode()


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_tables_are_coloured_on_a_terminal_and_plain_in_a_pipe() -> None:
    shown = in_terminal("models", "list")
    assert "\x1b[" in shown
    assert "minilm" in shown
    assert "\x1b[3" not in in_terminal("models", "list", NO_COLOR="1")
    piped = sca("models", "list").stdout
    assert "\x1b" not in piped
    rows = [line.split("\t") for line in piped.splitlines()]
    assert rows[0][0] == "model"
    assert {len(r) for r in rows} == {4}


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (("scor",), "Did you mean 'score'"),
        (("models", "exprot"), "Did you mean 'export'"),
        (("score", "x.csv", "--uot", "y"), "--out"),
        (("models", "show", "minlm"), "did you mean 'minilm'"),
        (("deeds", "x", "--deeds", "cronology=x.csv", "--dyad", "RUS-USA"), "x"),
    ],
)
def test_a_mistyped_word_gets_a_suggestion(args: tuple[str, ...], hint: str) -> None:
    done = sca(*args)
    assert done.returncode == 2
    assert hint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_progress_tells_rate_and_time_left() -> None:
    bar = Advance("Scoring", "passages")
    bar(2, 100)
    assert bar.line(10) == "Scoring: 2 speeches, 100 passages, 10 passages/s"
    bar.total = 8
    assert bar.line(10) == "Scoring: 2 speeches, 100 passages, 10 passages/s, 25%, 30 s left"
    bar.begin("Comparing", "steps")
    bar.upto(3, 12)
    assert bar.line(3.0) == "Comparing: 3 steps, 1.0 steps/s, 25%, 9 s left"
    bar.begin("Comparing", "steps")
    bar.upto(6, 12)
    assert bar.line(6.0).startswith("Comparing: 6 steps, 1.0")
    worlds = Advance("Simulating", "worlds")
    worlds.total = 100
    assert worlds.line(0) == "Simulating: 0 worlds, 0.0 worlds/s"
    worlds(0, 1)
    assert worlds.line(120).endswith("0.0 worlds/s, 1%, 3 h 18 min left")


def test_durations() -> None:
    assert [duration(s) for s in (5, 180, 7500)] == ["5 s", "3 min", "2 h 05 min"]
