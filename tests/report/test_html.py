from __future__ import annotations

import hashlib
import re
import shutil
from base64 import b64encode
from html.parser import HTMLParser

import pandas as pd
import pytest

from sca_nlp.errors import InputError
from sca_nlp.report import html, write_report
from sca_nlp.report.evidence import budget, safe_url
from tests.report.fake_run import make_run

TAINT = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}"


class Page(HTMLParser):
    """Collects the elements of a page, checks nesting."""

    VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.stack: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def page(run, tmp_path_factory):
    path = write_report(run, title="Avaria & Borland", dyads=[("AVA", "BOR")], out=tmp_path_factory.mktemp("out"))
    return path, path.read_text(encoding="utf-8")


def test_the_page_stands_alone(page):
    path, text = page
    parsed = Page(text)
    assert not parsed.stack
    for tag, attrs in parsed.tags:
        assert tag not in {"link", "img", "iframe", "object", "embed"}
        assert "src" not in attrs
        assert not [a for a in attrs if a.startswith("on") or a == "style"]
        if tag == "a":
            assert str(attrs["href"]).startswith(("#", "https://example.org/")), attrs
    assert (path.parent / "figures" / "words_against_deeds_AVA_BOR.svg").exists()
    assert (path.parent / "tables" / "words.csv").exists()


def test_every_point_leads_somewhere(page):
    parsed = Page(page[1])
    ids = [a["id"] for _, a in parsed.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    targets = {str(a["href"])[1:] for t, a in parsed.tags if t == "a" and str(a["href"]).startswith("#")}
    assert {t for t in targets if t.startswith("cell-AVA_BOR-")}
    assert targets <= set(ids)


def test_policy_allows_exactly_our_style_and_script(page):
    text = page[1]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag, name in (("style", "style-src"), ("script", "script-src")):
        bodies = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        assert len(bodies) == 1
        digest = b64encode(hashlib.sha256(bodies[0].encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy


def test_many_pairs_have_a_page_each_and_every_link_between_them_leads_somewhere(run, page, tmp_path, monkeypatch):
    monkeypatch.setattr(html, "MOST_PAIRS", 0)
    path = write_report(run, title="Avaria & Borland", dyads=[("AVA", "BOR")], out=tmp_path, figures=False)
    files = {path.name: path, "pairs/AVA_BOR.html": tmp_path / "pairs" / "AVA_BOR.html"}
    parsed = {name: Page(file.read_text(encoding="utf-8")) for name, file in files.items()}
    ids = {name: [a["id"] for _, a in p.tags if a.get("id")] for name, p in parsed.items()}
    leads = set()
    for name, p in parsed.items():
        assert not p.stack
        assert len(ids[name]) == len(set(ids[name]))
        assert not [t for t, a in p.tags if t in {"link", "img", "iframe"} or "src" in a]
        for tag, attrs in p.tags:
            if tag == "a" and not str(attrs["href"]).startswith("https://"):
                where, _, anchor = str(attrs["href"]).partition("#")
                other = name if not where else where.removeprefix("../")
                assert not anchor or anchor in ids[other], attrs
                leads.add((name, other))
    assert leads == {(a, b) for a in files for b in files}
    whole, over, own = (
        len(x) for x in (page[1], files["index.html"].read_text(), files["pairs/AVA_BOR.html"].read_text())
    )
    assert over < whole / 2
    assert "<article" not in files["index.html"].read_text()
    # Nothing is lost on the way: all passages and rows stand on the pair's page.
    for tag in ("article", "circle", "tr"):
        n = sum(t == tag for t, _ in Page(page[1]).tags)
        assert sum(t == tag for p in parsed.values() for t, _ in p.tags) >= n, tag
    assert own < whole
    monkeypatch.undo()
    write_report(run, title="t", dyads=[], out=tmp_path, figures=False)
    assert not list((tmp_path / "pairs").glob("*"))  # no page is left of another report


def test_text_from_outside_stays_text(tmp_path):
    run = make_run(tmp_path / "run", taint=TAINT, per_cell=10, years=6)
    path = write_report(run, title="T" + TAINT, dyads=[], figures=False)
    text = path.read_text(encoding="utf-8")
    parsed = Page(text)
    assert sum(t == "script" for t, _ in parsed.tags) == 1
    assert not [t for t, _ in parsed.tags if t == "img"]
    assert not [a for _, a in parsed.tags if "onerror" in a]
    assert not [a for t, a in parsed.tags if t == "a" and "javascript:" in str(a["href"])]
    assert "{{7*7}}" in text  # nothing from outside is a template either
    assert text.count("&lt;script&gt;alert(1)") > 50  # the taint did reach titles, passages, tests, sources


def test_the_answer_says_what_the_frames_say(page):
    text = re.sub(r"<[^>]+>", "", page[1])
    assert re.search(r"AVA about BOR stands at [+−]?0\.\d\d \[[+−]?0\.\d\d, [+−]?0\.\d\d\] in 1999", text)
    assert "words in 1988, interval 1987–1989, p .004" in text
    assert re.search(r"Of 14 tests (none|\d+)", text)  # the one that could not be computed is not counted
    assert "not computed: only 9 periods" in text
    assert "This run makes 15 tests" in text
    assert "standardised on all periods" in text
    assert "macro-F1 0.61 on test" in text
    assert "Rogan, W. J." in text
    assert "Angelopoulos" not in text  # no design-based estimate in this run, so none is cited


def test_hidden_cells_are_not_drawn(run, page):
    words = pd.read_parquet(run / "words.parquet")
    small = words[words.hidden & (words.source == "AVA") & (words.method == "adjusted")]
    assert len(small)
    for period in small.period.unique():
        assert f"AVA about BOR, {period}: trust balance" not in page[1]
        assert f"AVA about BOR, {period}: too few sentences, hidden" in page[1]


def test_at_most_k_passages_a_point(run, tmp_path):
    text = write_report(run, title="t", dyads=[], out=tmp_path, passages_per_point=3, figures=False).read_text(
        encoding="utf-8"
    )
    cells = re.findall(r'<div class="behind" id="([^"]+)".*?(?=<div class="behind"|<section)', text, re.S)
    assert len(cells) == 40
    for block in re.split(r'<div class="behind"', text)[1:]:
        assert block.split("</details>")[0].count("<article") == 3
    assert "17 more in the run" in text


def test_same_run_same_bytes(run, page, tmp_path):
    a = page[0]
    b = write_report(run, title="Avaria & Borland", dyads=[("AVA", "BOR")], out=tmp_path)
    files = sorted(p.relative_to(a.parent) for p in a.parent.rglob("*") if p.is_file())
    assert len(files) > 15
    for name in files:
        assert (a.parent / name).read_bytes() == (b.parent / name).read_bytes(), name


@pytest.mark.parametrize(
    ("gone", "command"),
    [
        ("words.parquet", "sca aggregate"),
        ("words_draws.parquet", "sca aggregate"),
        ("deeds.parquet", "sca deeds"),
        ("deed_series.parquet", "sca deeds"),
        ("deed_sources.json", "sca deeds"),
        ("compare", "sca compare"),
        ("passages", "sca score"),
        ("speeches", None),
        ("run.json", "sca score"),
    ],
)
def test_a_missing_part_is_said_and_survived(run, tmp_path, gone, command):
    copy = tmp_path / "run"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("report"))
    shutil.rmtree(copy / gone) if (copy / gone).is_dir() else (copy / gone).unlink()
    text = write_report(copy, title="t", dyads=[("AVA", "BOR")], figures=gone == "deed_series.parquet").read_text(
        encoding="utf-8"
    )
    Page(text)
    assert "AVA and BOR" in text
    assert command is None or f"<code>{command} …</code>" in text


def test_an_empty_folder_gives_a_page_and_no_folder_an_error(tmp_path):
    text = write_report(tmp_path, title="t", dyads=[]).read_text(encoding="utf-8")
    assert "No pair of actors can be shown" in text
    with pytest.raises(InputError, match="no such folder"):
        write_report(tmp_path / "nowhere", title="t", dyads=[])


def test_a_group_finds_the_passages_of_its_members(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("report"))
    for name in ("words", "words_draws", "deed_series"):
        frame = pd.read_parquet(copy / f"{name}.parquet")
        frame.replace({"source": {"AVA": "PACT"}, "target": {"AVA": "PACT"}}).to_parquet(copy / f"{name}.parquet")
    members = lambda actor, year: frozenset({"AVA"} if actor == "PACT" and year < 1990 else ())  # noqa: E731
    text = write_report(copy, title="t", dyads=[("PACT", "BOR")], members=members, figures=False).read_text(
        encoding="utf-8"
    )
    cell = {y: text.split(f'id="cell-PACT_BOR-{y}"')[1].split("</details>")[0] for y in (1985, 1995)}
    assert "<article" in cell[1985]
    assert "No passage of PACT" in cell[1995]


def test_sequences_come_once_with_their_deeds(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("report"))
    runs = pd.read_parquet(copy / "compare/sequences.parquet")
    pd.concat([runs, runs.assign(source=runs.target, target=runs.source)]).to_parquet(
        copy / "compare/sequences.parquet"
    )
    text = write_report(copy, title="t", dyads=[], figures=False).read_text(encoding="utf-8")
    assert "Answered conciliatory moves (a GRIT run): 1" in text
    steps = text.split('<ol class="steps">')[1].split("</ol>")[0]
    assert 'href="#cell-AVA_BOR-1990"' in steps
    assert "“" in steps  # a sentence behind the step in words


def test_only_web_addresses_become_links():
    assert safe_url(" https://example.org/a ") == "https://example.org/a"
    for bad in (
        "javascript:alert(1)",
        "JaVaScript:x",
        "data:text/html,x",
        "//example.org",
        "file:///etc",
        "https://",
        "http://[x",
    ):
        assert safe_url(bad) == ""


def test_the_budget_keeps_the_page_small():
    assert budget(12, 40) == 12
    assert budget(12, 1600) == 3
    assert budget(0, 10) == 0
