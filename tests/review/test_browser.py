"""The whole way in a real browser: explore, code by keys alone, undo, go offline, second coder, adjudicate, out and in.

The run's every text field holds markup; none of it may become an element or run.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.review.conftest import TAINT, build

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium (apt-get install chromium)"),
]


class Site:
    """A served run."""

    def __init__(self, folder: Path) -> None:
        import uvicorn

        from sca_nlp.review.app import make_app, open_desk
        from sca_nlp.review.guard import Guard
        from sca_nlp.review.serve import _listen

        self.desk = open_desk(folder, actor_files=(str(folder / "actors.toml"),), say=lambda text: None)
        listener = _listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.server = uvicorn.Server(
            uvicorn.Config(
                Guard(make_app(self.desk), "token-of-this-test", port=port),
                log_level="error",
                lifespan="off",
                ws="none",
            )
        )
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listener]}, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.desk.journal.close()
        self.desk.explorer.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(build(tmp_path_factory.mktemp("browser") / "run", TAINT))
    yield site
    site.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()


class Person:
    """Somebody at a browser of their own."""

    def __init__(self, browser: Any, site: Site, name: str) -> None:
        self.site = site
        self.context = browser.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
        self.context.set_default_timeout(30_000)
        self.context.add_init_script(f"localStorage.setItem('coder', {json.dumps(name)})")
        self.complaints: list[str] = []
        self.page = self.new_page()
        self.page.goto(f"{site.base}/?token=token-of-this-test")

    def new_page(self) -> Any:
        page = self.context.new_page()
        page.on("pageerror", lambda e: self.complaints.append(str(e)))
        page.on(
            "console",
            lambda m: (
                self.complaints.append(m.text)
                if m.type == "error" and "ERR_INTERNET_DISCONNECTED" not in m.text
                else None
            ),
        )
        return page

    def go(self, path: str) -> Any:
        self.page.goto(self.site.base + path)
        self.page.wait_for_selector("#view:not([aria-busy])")
        return self.page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def saved(self) -> None:
        boxes = "Object.keys(localStorage).filter((k) => k.startsWith('sca-outbox'))"
        until(self.page, f"{boxes}.every((k) => localStorage[k] === '[]')")

    def clean(self) -> None:
        assert self.complaints == []
        assert self.page.evaluate("window.hacked === undefined")
        assert self.page.evaluate("document.querySelectorAll('img, body script').length") == 0


def until(page: Any, script: str, argument: Any = None) -> None:
    """Wait until a script is true. (Playwright's own wait evaluates in the page, which the page's policy forbids.)"""
    for _ in range(600):
        if page.evaluate(script, argument):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {script}")


def here(page: Any) -> str:
    return str(page.evaluate("new URLSearchParams(location.search).get('passage')"))


def code_next(person: Person, *keys: str) -> str:
    """Press keys on the passage on the screen, confirm, and wait for the next."""
    page = person.page
    passage = here(page)
    person.press(*keys, "Enter")
    until(page, "old => new URLSearchParams(location.search).get('passage') !== old", passage)
    page.wait_for_selector("#view:not([aria-busy])")
    return passage


def test_the_whole_way(site: Site, browser: Any, tmp_path: Path) -> None:
    ada = Person(browser, site, "Ada")
    page = ada.go("/explore")

    # Explore: words, a filter, a point on the curve.
    page.wait_for_selector("ol.passages li")
    ada.press("/")
    page.keyboard.type("treaty")
    until(page, "+document.querySelector('#count').textContent.split(' ')[0] < 100")
    assert "onerror" in page.inner_text("ol.passages li:first-child .text")  # shown as text
    ada.press("Escape", "Escape")
    page.wait_for_selector("svg.chart circle")
    page.locator("svg.chart .s-words circle").first.focus()
    ada.press("Enter")
    until(page, "new URLSearchParams(location.search).get('first') === '1980'")
    ada.clean()

    # Code ten passages by keys alone.
    page = ada.go("/code?queue=informative")
    page.wait_for_selector(".sentence")
    coded = [code_next(ada, *keys) for keys in [["1"], ["6"], ["2", "8"], ["3"], ["4"], ["0"], [], ["5"], ["7"], ["9"]]]
    ada.saved()
    assert len(set(coded)) == 10
    assert sorted(site.desk.journal.states()) == sorted(coded)

    # A target by completion, then undo the lot and do it again.
    ada.press("t")
    page.keyboard.type("borl")
    page.wait_for_selector("#target-list li")
    ada.press("Enter")
    page.wait_for_selector(".chip")
    ada.saved()
    assert "BOR" in site.desk.journal.slot(here(page), "Ada").decision.targets  # type: ignore[union-attr]
    before = len(site.desk.journal.all_events())
    for key, kind in (("u", "undo"), ("r", "redo")):
        for _ in range(2):
            n = len(site.desk.journal.all_events())
            ada.press(key)
            until(page, "document.querySelector('#toast').className.includes('on')")
            for _ in range(100):
                if len(site.desk.journal.all_events()) > n:
                    break
                page.wait_for_timeout(50)
            page.wait_for_timeout(150)
        events = site.desk.journal.all_events()[before:]
        assert [e["kind"] for e in events[-2:]] == [kind, kind]
    assert len(site.desk.journal.states()) == 10

    # The network goes; keys are kept, the tab is closed, and all arrives later.
    passage = here(page)
    known = site.desk.journal.slot(passage, "Ada")
    codes = known.decision.codes if known else ()  # the key takes back what the draft already has
    ada.context.set_offline(True)
    ada.press("3")
    page.wait_for_selector("#saved.away")
    page.close()
    left = site.desk.journal.slot(passage, "Ada")
    assert (left.decision.codes if left else ()) == codes
    ada.context.set_offline(False)
    ada.page = page = ada.new_page()
    ada.go("/explore")
    ada.saved()
    arrived = site.desk.journal.slot(passage, "Ada")
    assert arrived is not None
    assert ("SS+" in arrived.decision.codes) != ("SS+" in codes)
    ada.clean()

    # A second coder, blind.
    bo = Person(browser, site, "Bo")
    page = bo.go("/code?queue=second")
    page.wait_for_selector(".sentence")
    assert page.locator(".value .num").count() == 0
    twice = [code_next(bo, *keys) for keys in [["1"], ["2"]]]
    bo.saved()
    assert set(twice) <= set(coded)

    # Adjudication.
    disputed = site.desk.queues.upcoming("disputed", "Ada")
    assert disputed
    page = ada.go("/adjudicate")
    page.wait_for_selector(".view")
    ada.press("a", "c")
    page.keyboard.type("the norm is named")
    ada.press("Escape", "Enter")
    for _ in range(100):
        if site.desk.journal.states().get(disputed[0]) == "adjudicated":
            break
        page.wait_for_timeout(50)
    assert site.desk.journal.states()[disputed[0]] == "adjudicated"

    # Out and in.
    page = ada.go("/exchange")
    with page.expect_download() as download:
        page.click("a[href='/api/export/jsonl']")
    path = tmp_path / "out.jsonl"
    download.value.save_as(path)
    n = len(path.read_text("utf-8").splitlines())
    page.select_option("#format", "jsonl")
    page.set_input_files("#file", path)
    page.click("button.primary")
    page.wait_for_selector("#taken [role=status]")
    assert f"0 decisions taken in, {n} were here already" in page.inner_text("#taken")

    # Every other view, the poisoned speech among them.
    speech = site.desk.explorer.passage(passage)["speech_id"]  # type: ignore[index]
    for view in (
        "/progress",
        "/effect",
        f"/history/{passage}",
        f"/speech/{speech}?passage={passage}",
        "/code?queue=audit",
    ):
        ada.go(view)
        page.wait_for_timeout(300)
        ada.clean()
    bo.clean()


def test_nothing_serious_for_screen_readers(site: Site, browser: Any) -> None:
    """Names on every control, one main heading, enough contrast: the checks that need no rule engine."""
    eve = Person(browser, site, "Eve")
    for scheme in ("light", "dark"):
        eve.page.emulate_media(color_scheme=scheme)
        for view in ("/explore", "/code?queue=informative", "/adjudicate", "/progress", "/exchange"):
            page = eve.go(view)
            page.wait_for_timeout(300)
            assert page.evaluate(NAMELESS) == [], view
            assert page.evaluate(PALE) == [], (view, scheme)
            assert page.locator("h1").count() == 1
    assert eve.complaints == []


NAMELESS = """() => [...document.querySelectorAll('button, a[href], input, select, textarea')]
  .filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length))
  .map((e) => e.outerHTML.slice(0, 120))"""

# Contrast of text against the nearest opaque background (WCAG 2.2, 1.4.3): 4.5, or 3 from 24 px (or 18.66 px bold) up.
PALE = """() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0.9) return c;
    }
    return [255, 255, 255];
  };
  const exempt = ':disabled, :disabled *, .unseen, .skip, svg *, option, #toast';
  const out = [];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || e.matches(exempt)) continue;
    if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const s = getComputedStyle(e), a = light(parse(s.color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), size = parseFloat(s.fontSize);
    const wanted = size >= 24 || (size >= 18.66 && s.fontWeight >= 600) ? 3 : 4.5;
    if (ratio < wanted) out.push(`${e.tagName}.${e.className} ${ratio.toFixed(2)} ${e.textContent.slice(0, 30)}`);
  }
  return out;
}"""
