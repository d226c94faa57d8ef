"""The page: HTML shells for people, JSON for the shells, each a few lines over the rooms below."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from sca_nlp import __version__
from sca_nlp.actors import ActorData, Gazetteer, load_data
from sca_nlp.codebook import Codebook, codebook_of
from sca_nlp.errors import InputError, ScaError, UnknownNameError
from sca_nlp.review.explore import Explorer
from sca_nlp.review.index import manifest_facts, open_index, review_folder
from sca_nlp.review.journal import Journal
from sca_nlp.review.queues import QUEUES, Queues
from sca_nlp.review.slots import ConflictError, Facts

_HERE = Path(__file__).parent
#: Keys that set classes, in the order in which they are handed out: first values first.
_KEYS = "1234567890"


@dataclass
class Desk:
    """Everything that the page works on: one run, its index, its journal."""

    run: Path
    codebook: Codebook
    explorer: Explorer
    journal: Journal
    queues: Queues
    facts: dict[str, str]
    gazetteer: Gazetteer
    actors: dict[str, str]  # code -> name
    actor_data: ActorData
    train_config: Path | None = None
    jobs: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def name(self, code: str) -> str:
        """Return an actor's name, or its code where it has none."""
        return "unclear" if code == "?" else self.actors.get(code, code)

    def class_keys(self) -> dict[str, str]:
        """Return class -> key: 1 to 5 affirm the five indicators, 6 to 0 deny them."""
        book = self.codebook
        ranked = sorted(
            (list(i.values.values()).index(m), n, i.short + m)
            for n, i in enumerate(book.indicators)
            for m in i.values.values()
        )
        return {c: key for (_, _, c), key in zip(ranked, _KEYS, strict=False)}


def open_desk(
    run: Path,
    *,
    codebook: Codebook | None = None,
    actor_files: tuple[str, ...] = (),
    train_config: Path | None = None,
    other: Path | None = None,
    say: Callable[[str], None] = print,
) -> Desk:
    """Open a run for review; its index is built at the first time.

    Raises:
        InputError: no run, nothing scored, or the codebook does not fit.
    """
    book = codebook or codebook_of(run)
    folder = review_folder(run)
    explorer = Explorer(open_index(run, book, say, other=other), folder, book)
    facts = manifest_facts(run)
    journal = Journal(
        folder / "annotations.sqlite",
        Facts(facts["run_id"], facts["model_digest"], f"{book.name} {book.version}", book.digest),
    )
    data = load_data().extended(actor_files)
    actors = {c: s.name for c, s in data.states.items()} | {c: g.name for c, g in data.groups.items()}
    seen = [r["value"] for r in explorer.choices()["target"]]
    actors |= {c: c for c in (*book.targets, *seen) if c not in actors and c != "?"}
    queues = Queues(explorer, journal)
    return Desk(run, book, explorer, journal, queues, facts, Gazetteer(data.forms), actors, data, train_config)


def make_app(desk: Desk) -> FastAPI:
    """Return the web app over a desk, without its guard."""
    from sca_nlp.review import api, exchange_api, work_api

    app = FastAPI(
        title="sca review", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json"
    )
    app.state.desk = desk
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    _pages(app, desk)
    for part in (api, work_api, exchange_api):
        app.include_router(part.router, prefix="/api")

    @app.exception_handler(ConflictError)
    def conflict(request: Request, e: ConflictError) -> JSONResponse:
        return JSONResponse({"error": str(e), "slot": api.slot_json(e.slot)}, status_code=409)

    @app.exception_handler(ScaError)
    def user_error(request: Request, e: ScaError) -> JSONResponse:
        return JSONResponse({"error": str(e)}, status_code=400)

    @app.exception_handler(RequestValidationError)
    def wrong_form(request: Request, e: RequestValidationError) -> JSONResponse:
        first = e.errors()[0]
        where = ".".join(str(p) for p in first["loc"][1:])
        return JSONResponse({"error": f"{where}: {first['msg']}"}, status_code=422)

    return app


PAGES = {
    "explore": "Explore",
    "code": "Code",
    "adjudicate": "Adjudicate",
    "progress": "Progress",
    "effect": "Effect",
    "exchange": "Export and import",
}


def _pages(app: FastAPI, desk: Desk) -> None:
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
    )

    def shell(name: str, title: str, **data: Any) -> HTMLResponse:
        template = templates.get_template("page.html.j2")
        return HTMLResponse(
            template.render(
                view=name,
                title=title,
                pages=PAGES,
                run=desk.run.resolve().name,
                run_key=hashlib.blake2b(
                    str(desk.run.resolve()).encode("utf-8", "surrogateescape"), digest_size=8
                ).hexdigest(),
                queues=QUEUES,
                data=data,
                version=__version__,
            )
        )

    def maker(name: str, title: str) -> Callable[[], HTMLResponse]:
        return lambda: shell(name, title)

    @app.get("/", include_in_schema=False)
    def home() -> RedirectResponse:
        return RedirectResponse("/explore", status_code=303)

    for name, title in PAGES.items():
        app.get(f"/{name}", include_in_schema=False, response_class=HTMLResponse)(maker(name, title))

    @app.get("/speech/{speech_id:path}", include_in_schema=False, response_class=HTMLResponse)
    def speech(speech_id: str) -> HTMLResponse:
        return shell("speech", "Speech", speech=speech_id)

    @app.get("/history/{passage_id:path}", include_in_schema=False, response_class=HTMLResponse)
    def history(passage_id: str) -> HTMLResponse:
        return shell("history", "History", passage=passage_id)

    @app.get("/login", include_in_schema=False, response_class=HTMLResponse)
    def login(wrong: str = "") -> HTMLResponse:
        return HTMLResponse(templates.get_template("login.html.j2").render(wrong=bool(wrong)))


def not_found(what: str, given: str) -> ScaError:
    """Return the error for an id that is not in this run."""
    return InputError(what, repr(given[:80]), f"the id of a {what} of this run")


__all__ = ["PAGES", "Desk", "UnknownNameError", "make_app", "not_found", "open_desk"]
