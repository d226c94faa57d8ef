"""Every command and every Python block of the documentation is run, page by page, in a newcomer's folder.

Nothing of a command is changed, only the world around it: the default model is the small one, the configs ask for fewer
pairs and shuffles, and the review page is asked for its page, then stopped.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from sca_nlp import cli
from sca_nlp.classify import folder as models
from tests.docs_folder import ROOT, write_checkout, write_data, write_own_files
from tests.s3_stand_in import bucket
from tests.test_docs import _FENCE, PAGES, blocks

#: Lines of shell blocks that cannot run here, by how they begin, and why.
CANNOT = {
    "make demo": "makes an environment, then runs `sca run configs/sample.toml`, which is run here",
    "make test": "runs this test",
    "pip install .": "asks the package index; the workflow's job `package` installs the wheel in an empty environment",
    "docker ": "needs Docker; the workflow's job `image` does it",
    "sca score s3://bucket/speeches": "needs a cluster that runs; tests/test_engine.py scores with Ray into a bucket",
    "sca models push": "needs a hub; tests/classify/test_hub.py pushes to one of its own",
}
#: What a page's code takes as given.
GIVEN = {"README.md": "import pandas\nframe = pandas.read_csv('speeches.csv')"}
#: What there is, a page says, when all of it has been run.
MADE = {
    "docs/quick-start.md": ["runs/sample/report/index.html", "runs/first/report/index.html", "runs/first/balance.png"],
    "docs/how-to/python.md": ["exported/minilm/model.safetensors"],
    "docs/how-to/retrain.md": ["models/mine/metrics.json", "runs/mine-2/run.json"],
    "docs/how-to/report.md": ["paper/figures/index.html"],
    "docs/explanation/validity.md": ["validity.json"],
}
RUN_PAGES = [p for p in PAGES if blocks(p, "sh") or blocks(p, "python")]


def steps(page: Path) -> Iterator[tuple[str, str]]:
    """Yield what a page asks its reader to run, in order: `("sh", line)` and `("python", block)`."""
    for kind, body in _FENCE.findall(page.read_text("utf-8")):
        if kind == "python":
            yield kind, body
        elif kind == "sh":
            lines = body.replace("\\\n", " ").splitlines()
            yield from (("sh", line) for line in lines if line.strip() and not line.startswith("#"))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder like a checkout with the reader's own files, and a run over the speeches in it; shared by all pages."""
    path = tmp_path_factory.mktemp("newcomer")
    write_checkout(path)
    write_data(path)
    write_own_files(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "agg")
        patch.setenv("SCA_DATA", str(path / "data"))
        patch.setattr(models, "DEFAULT_MODEL", "linear")
        patch.chdir(path)
        cli.add_commands()
        patch.setattr(cli, "add_commands", lambda: None)
        code, out = sca("sca score speeches.csv --out runs/mine")
        assert not code, out
        with bucket() as (environment, objects):
            for name, value in environment.items():
                patch.setenv(name, value)
            for file in sorted(path.glob("runs/mine/**/*")):
                if file.is_file():
                    objects[f"bucket/{file.relative_to(path).as_posix()}"] = file.read_bytes()
            yield path


def sca(line: str) -> tuple[int, str]:
    """Run one `sca ...` of a shell line in this process; return its exit code and what it printed."""
    words: list[str] = []
    for word in shlex.split(line, comments=True):
        found = sorted(map(str, Path().glob(word))) if "*" in word and "://" not in word else []
        words += found or [word]
    settings = dict(words.pop(0).split("=", 1) for _ in list(words) if "=" in words[0])
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", words)
        try:
            cli.main()
        except SystemExit as stopped:
            return int(stopped.code or 0), out.getvalue()
        except BaseException:
            return 1, out.getvalue() + traceback.format_exc()
    return 0, out.getvalue()


@pytest.fixture
def visited(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Let the review page be served on a free port, asked for, and stopped; return where that led, and the answer."""
    if not find_spec("uvicorn"):
        return []
    import uvicorn

    from sca_nlp.review import serve

    asked: list[str] = []
    answers: list[tuple[str, int]] = []
    listen, serve_until_stopped = serve._listen, uvicorn.Server.run

    def run(server: uvicorn.Server, sockets: list[object]) -> None:
        thread = threading.Thread(target=serve_until_stopped, args=(server, sockets))
        thread.start()
        until = time.monotonic() + 60
        while not server.started and time.monotonic() < until:
            time.sleep(0.02)
        address = re.sub(r"//[\w.]+:", "//127.0.0.1:", asked[-1])
        try:
            keeps_cookies = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            with keeps_cookies.open(address, timeout=30) as page:
                answers.append((page.geturl(), page.status if b"<html" in page.read().lower() else 0))
        except urllib.error.HTTPError as e:
            answers.append((asked[-1], e.code))
        server.should_exit = True
        thread.join(30)

    monkeypatch.setattr(serve, "_listen", lambda host, port: listen("127.0.0.1", 0))
    monkeypatch.setattr(serve.webbrowser, "open", asked.append)
    monkeypatch.setattr(uvicorn.Server, "run", run)
    return answers


def test_no_reason_is_left_over() -> None:
    lines = [line for page in RUN_PAGES for kind, line in steps(page) if kind == "sh"]
    assert len(lines) > 50
    assert all(any(line.startswith(start) for line in lines) for start in CANNOT)


@pytest.mark.parametrize("page", RUN_PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_page_runs(page: Path, here: Path, visited: list[tuple[str, int]], capsys: pytest.CaptureFixture[str]) -> None:
    name = page.relative_to(ROOT).as_posix()
    write_own_files(here)
    for own, which in {"codebook": "my-codebook.toml", "retrain": "my-train.toml", "compare": "mine.toml"}.items():
        if page.stem == own:
            speeches = '\n[[speeches]]\npath = "speeches.csv"\n' if own == "compare" else ""
            quick = 'kind = "linear"\n' if own == "retrain" else ""
            text = blocks(page, "toml")[0].replace("[compare]", "[compare]\npermutations = 19\ndraws = 19\nworkers = 1")
            (here / which).write_text(quick + text + speeches, encoding="utf-8")
    own_config = (here / "my-train.toml").read_bytes() if page.stem == "retrain" else b""
    names: dict[str, object] = {}
    exec(GIVEN.get(name, ""), names)
    problems: list[str] = []
    for kind, step in steps(page):
        start = time.process_time()
        if kind == "python":
            if "transformers" in step and not find_spec("torch"):
                continue
            try:
                exec(compile(step, name, "exec"), names)
            except Exception:
                problems.append(f"{step}\n{traceback.format_exc(limit=-3)}")
        elif any(step.startswith(begin) for begin in CANNOT):
            continue
        elif re.match(r"(\w+=\S+ )*sca ", step):
            needs = {"review": "fastapi", "export minilm": "torch", "sca train": "sklearn"}
            if any(word in step and not find_spec(library) for word, library in needs.items()):
                continue
            code, out = sca(step)
            if code or "Traceback" in out:
                problems.append(f"{step}\n{code}: {out[-1500:]}")
            elif not out.strip():
                problems.append(f"{step}\nprints nothing")
        else:
            done = subprocess.run(["bash", "-c", step], cwd=here, capture_output=True, text=True, check=False)
            problems += [f"{step}\n{done.stderr}"] if done.returncode else []
        if own_config and step.startswith("cp "):  # "put in your annotations"
            (here / "my-train.toml").write_bytes(own_config)
        if os.environ.get("SCA_DOCS_TIMES"):
            with capsys.disabled():
                print(f"{time.process_time() - start:6.1f} s  {step.splitlines()[0]}")
    assert not problems, "\n\n".join(problems)
    lacking = [made for made in MADE.get(name, ()) if not (here / made).exists()]
    assert not lacking or ("exported" in lacking[0] and not find_spec("torch"))
    asked = [line for kind, line in steps(page) if kind == "sh" and "sca review" in line]
    if find_spec("fastapi"):
        told = [(status, url.endswith("/login")) for url, status in visited]
        assert told == [(200, "PASSWORD" in line) for line in asked]
