"""One finds one's way on the page: sentences first, a list of what stands where, tables folded under what they say."""

from __future__ import annotations

import html
import re
import shutil
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from sca_nlp.report import write_report
from sca_nlp.report.brief import Place, choices_line, facts, lead, line_of_tests, places
from sca_nlp.report.pairs import Break, Direction, Pair, Point
from sca_nlp.report.wording import spans_line
from tests.report.test_html import Page

CHROMIUM = Path("/usr/bin/chromium")
NO_TESTS = pd.DataFrame(columns=["statistic", "source", "target", "direction", "q"])


@pytest.fixture(scope="module")
def page(run, tmp_path_factory):
    pairs = [("AVA", "BOR"), ("BOR", "AVA")]
    return write_report(run, title="t", dyads=pairs, out=tmp_path_factory.mktemp("out"), figures=False)


@pytest.fixture
def pair():
    d = Direction("AVA", "BOR", "a", "Avaria", "Borland")
    d.words = {str(y): Point(0.1 if y < 1985 else 0.5, n=30) for y in range(1980, 1990)}
    d.draws = pd.DataFrame({y: [v.estimate + 0.001 * k for k in range(30)] for y, v in d.words.items()})
    d.gap = {"1981": Point(2.0, 1.0, 3.0), "1982": Point(-0.5, -0.9, -0.1), "1983": Point(0.1, -1.0, 1.0)}
    d.breaks = [
        Break("deeds", "1984", "1984", "1984", 0.01),
        Break("deeds", "1986", "1986", "1986", 0.01, make_up=True),
    ]
    return Pair("AVA", "BOR", sorted(d.words), [d], [], "", "")


def test_a_pair_begins_with_what_was_found(pair):
    found = facts(pair, NO_TESTS, [Place("conflict_formation", "1980", "1984"), Place("unknown", "1985", "1989")])
    said = lead(found)
    assert said[0].startswith("Avaria speaks warmer of Borland than before, +0.40 [+0.40, +0.40] from 1980–1982")
    assert said[1] == (
        "Words and deeds part, beyond the interval of their gap, in 2 of 3 periods for Avaria"
        " (1 warmer in words, 1 colder in words, widest in 1981, +2.0)."
    )
    assert said[2] == "The level changes: deeds of Avaria toward Borland in 1984 (p .010)."  # the made one is none
    assert said[3] == "Its place on the scale is unknown since 1985; before, conflict formation 1980–1984."
    pair.directions[0].words = pair.directions[0].gap = {}
    pair.directions[0].breaks = []
    nothing = lead(facts(pair, NO_TESTS.assign(q=[]), []))
    assert nothing[-1] == "No break of level was found."
    assert not any("warmer" in s for s in nothing)


def test_equal_neighbours_on_the_scale_are_drawn_together(pair):
    rows = pd.DataFrame(
        [
            {"source": "BOR", "target": "AVA", "first": str(y), "last": str(y + 4), "stage": s}
            for y, s in ((1990, "security_regime"), (1980, "conflict_formation"), (1985, "conflict_formation"))
        ]
    )
    assert [str(p) for p in places(rows, pair)] == ["conflict formation 1980–1989", "security regime 1990–1994"]
    assert places(rows.assign(source="CAR"), pair) == []
    assert places(None, pair) == places(rows.drop(columns="stage"), pair) == []


def test_the_line_over_a_fold_says_what_is_in_it():
    row = {"source": "AVA", "target": "BOR", "statistic": "local_projection", "direction": "words_lead_deeds"}
    rows = [row | {"q": q} for q in (0.01, 0.2, float("nan"))]
    assert line_of_tests(rows) == (
        "1 of 2 tests at q < .05; smallest q .010 (local projection, AVA → BOR, words lead deeds)"
    )
    assert line_of_tests(rows[2:]) == "none could be computed"
    turned, same = ({"turned": ["other"], "crossed": ["other"]}, {"turned": [], "crossed": []})
    assert choices_line((["as reported", "other"], [turned, same])) == (
        "1 of 2 statistics change sign, 1 cross p .05 (2 choices)"
    )
    runs = [{"start": str(y), "end": str(y + k)} for k, y in enumerate(range(1980, 1983))]
    assert spans_line(runs, most=2) == "1980, 1981–1982 and 1 more"
    assert spans_line([runs[0], *runs[:2], runs[0]]) == "1980 ×3, 1981–1982"  # several runs in the same years
    assert str(Place("security_regime", "2024", "2024")) == "security regime 2024"


def test_a_name_that_begins_with_a_small_letter_begins_no_sentence_and_no_label(run, tmp_path):
    name = {"AVA": "the League", "BOR": "Borland", "WEST": "the West"}.__getitem__
    text = write_report(run, title="t", dyads=[("AVA", "BOR")], out=tmp_path, figures=False, names=name).read_text(
        "utf-8"
    )
    plain = html.unescape(re.sub(r"<[^>]+>", "", text))
    assert "Borland about the League" in plain
    assert "The League about Borland" in plain
    assert not re.findall(r"\. the League", re.sub(r"\s+", " ", plain))
    assert not re.findall(r'(?:<(?:b|td|th|text|title|h\d|option)\b[^>]*>|label="|data-title=")the League', text)


def test_long_tables_are_folded_and_all_of_them_are_there(page):
    text = page.read_text("utf-8")
    parsed = Page(text)
    assert not [a for t, a in parsed.tags if t == "details" and "open" in a]
    assert all(re.sub(r"<[^>]+>|\s", "", s) for s in re.findall(r"<summary>(.*?)</summary>", text, re.S))
    tables = list(re.finditer(r"<(/?)(details|table)\b", text))
    depth, outside = 0, 0
    for m in tables:
        depth += {"details": 1, "/details": -1}.get(m[1] + m[2], 0)
        outside += m[2] == "table" and not m[1] and not depth
    assert outside == 1  # the sources of deeds
    plain = html.unescape(re.sub(r"<[^>]+>", "", text))
    for row in (
        "pre whitened cross correlation",
        "not computed: only 9 periods",
        "Treaty of Lake Orm signed",
        "CC0-1.0",
    ):
        assert row in plain


def test_other_choices_take_a_row_a_statistic_so_that_the_table_stays_narrow(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("report"))
    row = {"source": "AVA", "target": "BOR", "direction": "", "window": "as reported"}
    pd.DataFrame(
        row | {"statistic": f"statistic {k}", "variant": v, "estimate": e, "p": p}
        for k in range(40)
        for v, e, p in (("as reported", 0.5, 0.2), ("verbal deeds in", -0.5 if k else 0.4, 0.2))
    ).to_parquet(copy / "compare" / "sensitivity.parquet")
    text = write_report(copy, title="t", dyads=[("AVA", "BOR")], figures=False).read_text("utf-8")
    table = text.split('aria-label="Other choices"')[1].split("</table>")[0]
    assert table.count("<th") - table.count("<thead") == 8
    assert table.count("<tr>") == 41
    assert table.count(">verbal deeds in</td>") == 39
    assert "39 of 40 statistics change sign, 0 cross p .05 (2 choices)" in text


def test_contents_lead_to_every_section_and_headings_are_in_order(page):
    text = page.read_text("utf-8")
    parsed = Page(text)
    contents = set(re.findall(r'href="#([^"]+)"', text.split('id="contents"')[1].split("</nav>")[0]))
    sections = {a["id"] for t, a in parsed.tags if t in ("section", "h3") and a.get("id") and a["id"] != "panel-title"}
    assert sections == contents
    levels = [int(t[1]) for t, _ in parsed.tags if re.fullmatch("h[1-6]", t)]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium (apt-get install chromium)")
def test_folds_open_by_keyboard_and_on_paper_without_script(page):
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"], timeout=180_000)
        plain = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800}).new_page()
        plain.set_default_timeout(180_000)  # a busy machine takes its time
        plain.goto(page.as_uri())
        fold = plain.locator("details.more", has=plain.locator("table")).first
        assert not fold.locator("table").first.is_visible()
        plain.emulate_media(media="print")
        assert fold.locator("table").first.is_visible()
        assert not plain.locator("#contents").is_visible()
        raw = plain.locator("details.raw")
        assert raw.count()
        assert not raw.locator("pre, dl, table").first.is_visible()  # hundreds of scores fill no paper
        plain.set_viewport_size({"width": 673, "height": 950})  # A4 less its margins; what is wider shrinks all
        assert plain.evaluate("document.documentElement.scrollWidth") <= 673
        plain.set_viewport_size({"width": 390, "height": 800})
        plain.emulate_media(media="screen")
        fold.locator("summary").first.focus()
        plain.keyboard.press("Enter")
        assert fold.locator("table").first.is_visible()
        live = browser.new_page(viewport={"width": 390, "height": 800})
        live.set_default_timeout(180_000)
        live.goto(page.as_uri() + "#event-AVA_BOR-1")  # a deed of the figure, in a folded table
        assert live.locator("#event-AVA_BOR-1").is_visible()
        assert live.evaluate("document.documentElement.scrollWidth") <= 390
        browser.close()
