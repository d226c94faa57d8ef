"""The documentation is true: its commands and options exist, its links lead somewhere, its code runs on the sample."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from sca_nlp import cli
from sca_nlp.codebook import read_codebook
from sca_nlp.config import Config, build

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])
NOTEBOOKS = sorted(ROOT.glob("docs/notebooks/*.ipynb"))
#: Pages that the site's hook writes.
MADE = {f"reference/{name}.md" for name in ("cli", "python", "model-card", "annotations")}
CHROMIUM = Path("/usr/bin/chromium")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in _FENCE.findall(page.read_text("utf-8")) if kind == language]


def commands(page: Path) -> list[str]:
    """Return every `sca ...` of a page: lines of its shell blocks, and code in its text."""
    text = page.read_text("utf-8")
    lines = [line for body in blocks(page, "sh") for line in body.replace("\\\n", " ").splitlines()]
    found = [line[line.index("sca ") :] for line in lines if re.match(r"(\w+=\S+ )*sca ", line)]
    return found + re.findall(r"`(sca [a-z][^`]*)`", _FENCE.sub("", text))


CALLS = [(page.relative_to(ROOT).as_posix(), call) for page in PAGES for call in commands(page)]


@pytest.fixture(scope="module")
def root():
    """Return the whole command line, as a tree."""
    cli.add_commands()
    return typer.main.get_command(cli.app)


def resolve(root, call: str) -> str:
    """Return what is wrong with a call: it names no command, or one that has no such option; empty if nothing is."""
    words = shlex.split(call, comments=True)[1:]
    words = words[: next((k for k, w in enumerate(words) if w in ("|", ">", "&&", ";")), len(words))]
    command, path = root, "sca"
    while hasattr(command, "commands"):
        name = next((w for w in words if not w.startswith("-")), "")
        if not re.fullmatch(r"[a-z]+", name):
            return ""  # a placeholder, such as `sca ...`
        if name not in command.commands:
            return f"{path} has no command {name!r}"
        words.remove(name)
        command, path = command.commands[name], f"{path} {name}"
    known = {o for p in command.params for o in [*p.opts, *p.secondary_opts]} | {"--help", "-h"}
    wrong = [w for w in words if w.startswith("-") and w.split("=")[0] not in known]
    return f"{path} has no option {wrong[0]}" if wrong else ""


def test_commands_are_found() -> None:
    assert len(CALLS) > 40
    assert ("docs/quick-start.md", "sca doctor") in CALLS


@pytest.mark.parametrize("page", sorted({page for page, _ in CALLS}))
def test_every_command_and_option_exists(root, page: str) -> None:
    problems = {call: resolve(root, call) for where, call in CALLS if where == page}
    assert not {call: problem for call, problem in problems.items() if problem}


@pytest.mark.parametrize("call", ["sca scroe x.csv", "sca score x.csv --uot y", "sca models shwo"])
def test_a_wrong_command_would_be_seen(root, call: str) -> None:
    assert "has no" in resolve(root, call)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_link_is_broken(page: Path) -> None:
    for target in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
        if not re.match(r"[a-z]+:", target) and not target.startswith("#"):
            path = (page.parent / target.split("#")[0]).resolve()
            assert path.exists() or path.relative_to(ROOT / "docs").as_posix() in MADE, target


def test_every_page_is_in_the_sites_menu() -> None:
    menu = (ROOT / "mkdocs.yml").read_text("utf-8")
    for page in ROOT.glob("docs/**/*.md"):
        assert page.relative_to(ROOT / "docs").as_posix() in menu


def test_settings_in_the_docs_are_settings(tmp_path: Path) -> None:
    import tomllib

    compare, book = blocks(ROOT / "docs/how-to/compare.md", "toml"), blocks(ROOT / "docs/how-to/codebook.md", "toml")
    config = build(Config, {"name": "x", **tomllib.loads(compare[0])}, "docs")
    assert config.compare.crises[0].name == "Kosovo"
    audit = blocks(ROOT / "docs/how-to/annotate.md", "toml")
    assert build(Config, {"name": "x", **tomllib.loads(audit[0])}, "docs").words.audit == "audit.jsonl"
    path = tmp_path / "codebook.toml"
    path.write_text(book[0], encoding="utf-8")
    assert read_codebook(path).trust_sign == {"RE+": 1, "RE-": -1}


@pytest.fixture
def at_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the checkout, for code that writes into `runs/`."""
    for name in ("configs", "corpus"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    return tmp_path


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_runs(at_root: Path, notebook: Path) -> None:
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    assert not any(c.get("outputs") for c in cells), "clear the outputs before committing"
    names: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), notebook.name, "exec"), names)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as for publication: a warning fails it."""
    pytest.importorskip("mkdocs", reason="mkdocs is not installed (extra dev)")
    path = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(path)]
    out = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert out.returncode == 0, out.stderr
    return path


def test_site_builds_without_a_warning(site: Path) -> None:
    page = (site / "index.html").read_text("utf-8")
    assert not re.findall(r'(?:src|href)="https?://(?!squidfunk)[^"]+\.(?:js|css)"', page)
    assert (site / "search/search_index.json").exists()
    reference = {name: (site / f"reference/{name}.html").read_text("utf-8") for name in ("cli", "python")}
    assert "sca models show" in reference["cli"]
    assert "--permutations" in reference["cli"]
    assert "sca.load" in reference["python"]
    assert "Model.score" in reference["python"]
    card = (site / "reference/model-card.html").read_text("utf-8")
    assert "sca-minilm" in card
    assert "<table>" in card
    assert "Agreement" in (site / "reference/annotations.html").read_text("utf-8")
    assert (site / "search/search_index.js").exists()  # what a page opened from a disk can load


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium (apt-get install chromium)")
def test_search_works_on_a_page_opened_from_the_disk(site: Path) -> None:
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        asked: list[str] = []
        page.on("request", lambda r: asked.append(r.url))
        page.goto((site / "index.html").as_uri())
        page.wait_for_timeout(1_000)  # until its script listens
        page.keyboard.press("/")
        page.wait_for_timeout(500)
        page.keyboard.type("reciprocity", delay=20)
        found = page.locator(".md-search-result__link").first
        found.wait_for(timeout=60_000)
        href = str(found.get_attribute("href")).split("?")[0].split("#")[0]
        assert "reciprocity" in (site / href.split("/site/")[-1]).read_text("utf-8").lower()
        assert not [u for u in asked if u.startswith("http")]
        browser.close()
