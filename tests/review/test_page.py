"""The page as a client sees it: what the guard refuses, what the API answers, and that nothing escapes as markup."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sca_nlp.review.app import Desk, make_app
from sca_nlp.review.guard import Guard
from tests.review.conftest import TAINT, build

BASE = "http://127.0.0.1:8765"
OURS = {"origin": BASE, "sec-fetch-site": "same-origin"}


def client_of(desk: Desk, **more: Any) -> TestClient:
    return TestClient(Guard(make_app(desk), "secret-token", port=8765, **more), base_url=BASE, follow_redirects=False)


@pytest.fixture
def stranger(desk: Desk) -> TestClient:
    return client_of(desk)


@pytest.fixture
def client(desk: Desk) -> TestClient:
    c = client_of(desk)
    assert c.get("/", params={"token": "secret-token"}).headers["location"] == "/"
    return c


def post(client: TestClient, path: str, **body: Any) -> Any:
    return client.post(f"/api/{path}", json=body, headers=OURS)


def decide(client: TestClient, passage: str, coder: str = "ada", base: str = "", **more: Any) -> Any:
    body = {"codes": ["TP+"], "status": "coded", "kind": "confirm", "queue": "informative"} | more
    return post(client, "decisions", key=uuid.uuid4().hex, base=base, coder=coder, passage_id=passage, **body)


def some(client: TestClient, n: int = 1) -> list[str]:
    return [p["passage_id"] for p in client.get("/api/passages?sort=random").json()["passages"][:n]]


# -- guard -----------------------------------------------------------------------------------------------------------


def test_strangers_get_nothing(stranger: TestClient) -> None:
    for path in ("/", "/explore", "/api/setup", "/api/export/log", "/api/openapi.json"):
        assert stranger.get(path).status_code == 401
    assert stranger.get("/?token=wrong").status_code == 401
    assert stranger.get("/?token=").status_code == 401


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(stranger: TestClient) -> None:
    cookie = stranger.get("/?token=secret-token").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secret-token" not in cookie


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8765", "127.0.0.1:9999", "", "127.0.0.1:x", "169.254.1.1:8765"]
)
def test_other_host_names_are_refused(client: TestClient, host: str) -> None:
    assert client.get("/api/setup", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": BASE},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:1"},
        {**OURS, "content-type": "text/plain"},
        {**OURS, "content-type": "application/x-www-form-urlencoded"},
    ],
)
def test_changes_from_elsewhere_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    body = json.dumps({"key": "k" * 8, "coder": "eve"}).encode()
    answer = client.post("/api/undo", content=body, headers={"content-type": "application/json", **headers})
    assert answer.status_code == 403


def test_every_answer_carries_the_policy(client: TestClient, stranger: TestClient) -> None:
    for answer in (
        client.get("/explore"),
        client.get("/static/base.js"),
        stranger.get("/explore"),
        client.get("/api/none"),
    ):
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_large_bodies_and_other_methods_are_refused(client: TestClient) -> None:
    big = b"x" * ((1 << 20) + 1)
    assert (
        client.post("/api/undo", content=big, headers={**OURS, "content-type": "application/json"}).status_code == 413
    )

    def drip() -> Any:  # no content-length to go by
        for _ in range(20):
            yield b" " * (1 << 16)

    streamed = client.post("/api/undo", content=drip(), headers={**OURS, "content-type": "application/json"})
    assert streamed.status_code == 413
    assert client.put("/api/setup").status_code == 405
    assert client.options("/api/setup").status_code == 405


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/app.py", "/static//etc/passwd"]
)
def test_no_file_outside_static(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (401, 404)
    assert b"FastAPI" not in answer.content


def test_a_password_is_asked_for_and_wrong_ones_wait(desk: Desk) -> None:
    c = client_of(desk, password="correct horse battery")
    assert c.get("/explore").headers["location"] == "/login"
    assert c.get("/?token=secret-token").headers["location"] == "/login"
    form = {**OURS, "content-type": "application/x-www-form-urlencoded"}
    wrong = c.post("/login", content="password=nope", headers=form)
    assert wrong.headers["location"] == "/login?wrong=1"
    at_once = c.post("/login", content="password=correct+horse+battery", headers=form)
    assert at_once.headers["location"] == "/login?wrong=1"
    c.app._wait_until = 0  # type: ignore[attr-defined]
    assert c.post("/login", content="password=correct+horse+battery", headers=form).headers["location"] == "/"
    assert c.get("/explore").status_code == 200


def test_another_host_demands_a_password(run: Path) -> None:
    from sca_nlp.errors import InputError
    from sca_nlp.review.serve import serve

    with pytest.raises(InputError, match="SCA_REVIEW_PASSWORD"):
        serve(run, host="0.0.0.0", password="short")


# -- API -------------------------------------------------------------------------------------------------------------


def test_a_decision_is_logged_undone_and_done_again(client: TestClient) -> None:
    (p,) = some(client)
    slot = decide(client, p, targets=["BOR"], comment="plain").json()["slot"]
    assert slot["decision"]["codes"] == ["TP+"]
    assert client.get(f"/api/passage/{p}?coder=ada").json()["state"] == "coded"
    assert post(client, "undo", key=uuid.uuid4().hex, coder="ada").json()["slot"]["decision"] is None
    assert post(client, "redo", key=uuid.uuid4().hex, coder="ada").json()["slot"]["decision"] == slot["decision"]
    kinds = [e["kind"] for e in client.get(f"/api/passage/{p}/history").json()["events"]]
    assert kinds == ["confirm", "undo", "redo"]


def test_whoever_is_late_is_told(client: TestClient) -> None:
    (p,) = some(client)
    decide(client, p, role="adjudicator")
    late = decide(client, p, "bo", role="adjudicator")
    assert late.status_code == 409
    assert "ada changed this passage" in late.json()["error"]
    assert late.json()["slot"]["coder"] == "ada"


@pytest.mark.parametrize(
    "wrong",
    [
        {"codes": ["XX+"]},
        {"codes": ["TP+", "TP-"]},
        {"targets": ["<b>"]},
        {"status": "approved"},
        {"role": "admin"},
        {"passage_id": "../../etc"},
    ],
)
def test_wrong_decisions_are_refused(client: TestClient, wrong: dict[str, Any]) -> None:
    passage = wrong.pop("passage_id", None) or some(client)[0]
    answer = decide(client, passage, **wrong)
    assert answer.status_code == 400
    assert "wanted" in answer.json()["error"]
    assert client.get("/api/events").json() == []


def test_blind_coding_hides_the_model_and_the_others(client: TestClient) -> None:
    p = client.get("/api/passages?value=any").json()["passages"][0]["passage_id"]
    decide(client, p, "bo", comment="bo was here")
    blind = client.get(f"/api/passage/{p}?coder=ada&reveal=false")
    assert {"codes", "probabilities", "targets", "mask"}.isdisjoint(blind.json()["passage"])
    assert blind.json()["others"] == []
    assert "bo was here" not in blind.text
    assert client.get(f"/api/passage/{p}?coder=ada").json()["others"][0]["coder"] == "bo"


def test_the_audit_is_marked_in_the_log(client: TestClient) -> None:
    assert post(client, "audit/draw", coder="ada", n=10).json()["drawn"] == 10
    p = client.get("/api/queues/audit?coder=ada").json()["passages"][0]
    decide(client, p, queue="informative")  # whatever the client says
    (event,) = client.get("/api/events").json()
    assert event["stream"] == "audit"
    assert 0 < event["inclusion_probability"] < 1


def test_series_words_and_empty_answers(client: TestClient) -> None:
    series = client.get("/api/series?source=AVA&target=BOR").json()
    assert series["method"] == "adjusted"
    assert len(series["words"]) == 6
    assert [p["hidden"] for p in series["deeds"]][2:4] == [True, True]  # not covered: a hole, no zero
    assert series["deeds"][2]["estimate"] is None
    assert client.get("/api/series?source=XX&target=YY").json()["words"] == []
    assert client.get("/api/dyads").json()[0]["made"] is True


def test_the_effect_shows_only_what_moved(client: TestClient) -> None:
    import time

    p = client.get("/api/passages?source=AVA&target=BOR&indicator=TP&value=%2B").json()["passages"][0]
    decide(client, p["passage_id"], codes=["SS+"], targets=["BOR"])
    post(client, "effect", key=uuid.uuid4().hex, coder="ada")
    for _ in range(300):
        e = client.get("/api/effect").json()
        if e["state"] != "working":
            break
        time.sleep(0.1)
    assert e["state"] == "done", e
    assert e["n_changed"] == 1
    (dyad,) = [d for d in e["dyads"] if d["n_moved"]]
    assert (dyad["source"], dyad["target"]) == ("AVA", "BOR")
    moved = [r for r in dyad["periods"] if r["before"]["estimate"] != r["after"]["estimate"]]
    assert [r["period"] for r in moved] == [p["date"][:4]]
    assert moved[0]["after"]["estimate"] > moved[0]["before"]["estimate"]  # a threat became a shared story


# -- out and in --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet", "doccano", "label_studio", "argilla", "prodigy", "log"])
def test_an_export_comes_back_unchanged(
    run: Path, open_run: Callable[[Path], Desk], tmp_path: Path, format: str
) -> None:
    import shutil

    shutil.copytree(run, tmp_path / "twin")
    one, two = client_of(open_run(run)), client_of(open_run(tmp_path / "twin"))
    for c in (one, two):
        c.get("/?token=secret-token")
    post(one, "audit/draw", coder="ada", n=4)
    for k, p in enumerate([*one.get("/api/queues/audit?coder=ada").json()["passages"][:2], *some(one, 3)]):
        decide(one, p, "ada", codes=["TP+", "FO-"][: k % 3], targets=["BOR", "?"][: k % 3])
        decide(one, p, "=bo", codes=["SS+"], targets=["AVA"])
    decide(one, p, "cy", role="adjudicator", codes=[], targets=[])
    kind = {**OURS, "content-type": "application/octet-stream"}
    content = one.get(f"/api/export/{format}").content
    first = two.post(f"/api/import?format={format}", content=content, headers=kind).json()
    assert first["rejected"] == 0, first
    assert first["taken"] == 11
    assert two.post(f"/api/import?format={format}", content=content, headers=kind).json()["taken"] == 0

    def held(c: TestClient) -> list[tuple[Any, ...]]:
        slots = c.app.app.state.desk.journal.slots()  # type: ignore[attr-defined]
        return sorted((s.passage_id, s.role, s.coder, s.decision.codes, s.decision.targets, s.stream) for s in slots)

    assert held(two) == held(one)


def test_audit_and_training_are_kept_apart(client: TestClient, desk: Desk) -> None:
    post(client, "audit/draw", coder="ada", n=10)
    audit = client.get("/api/queues/audit?coder=ada").json()["passages"]
    (hard,) = client.get("/api/queues/informative?coder=ada&n=1").json()["passages"]
    for p in (*audit[:4], hard):
        decide(client, p, "ada")
        decide(client, p, "bo", codes=["SS+"])
    decide(client, audit[0], "cy", role="adjudicator", codes=["FO-"])
    rows = [json.loads(line) for line in client.get("/api/export/audit").text.splitlines()]
    assert [r["codes"] for r in rows] == [["TP+"]] * 3 + [["FO-"]]  # one each, the adjudicated last decided
    strata = {d["passage_id"]: d["stratum"] for d in desk.journal.drawn()}
    population = {d["stratum"]: d["population"] for d in desk.journal.draws()}
    wanted = sorted(sum(strata[q] == strata[p] for q in audit[:4]) / population[strata[p]] for p in audit[:4])
    assert sorted(r["inclusion_probability"] for r in rows) == pytest.approx(wanted)
    training = [json.loads(line) for line in client.get("/api/export/training").text.splitlines()]
    assert [(r["stream"], r["coder"]) for r in training] == [("informative", "ada")]


def test_suggestions_are_not_taken_in_as_work(client: TestClient) -> None:
    p = client.get("/api/passages").json()["passages"][0]
    line = {"speech_id": p["speech_id"], "start": p["start"], "end": p["end"], "text": p["text"], "codes": ["TP+"]}
    content = json.dumps(line).encode()
    kind = {**OURS, "content-type": "application/octet-stream"}
    answer = client.post("/api/import?format=jsonl", content=content, headers=kind).json()
    assert (answer["taken"], answer["rejected"]) == (0, 1)
    assert "no coder" in answer["rejects"][0]["reason"]
    for format in ("parquet", "label_studio", "jsonl", "log"):
        assert client.post(f"/api/import?format={format}", content=b"\x00\xff{[", headers=kind).status_code in (
            200,
            400,
        )
    assert client.get("/api/progress").json()["coded"] == 0


# -- markup ------------------------------------------------------------------------------------------------------------


def test_markup_in_a_corpus_never_becomes_markup(tmp_path: Path, open_run: Callable[[Path], Desk]) -> None:
    folder = tmp_path / "<b>run"
    c = client_of(open_run(build(folder, TAINT)))
    c.get("/?token=secret-token")
    speech = c.get("/api/passages").json()["passages"][0]["speech_id"]
    for path in (
        "/explore",
        "/code",
        f"/speech/{speech}",
        f"/speech/{TAINT}",
        f"/history/{TAINT}",
        "/progress",
        "/exchange",
    ):
        page = c.get(path)
        assert page.headers["content-type"].startswith("text/html")
        assert "<img" not in page.text
        assert "<script>" not in page.text
        assert "<b>run" not in page.text
    for path in ("/api/setup", "/api/passages", f"/api/speech?speech_id={speech}"):
        assert c.get(path).headers["content-type"] == "application/json"


def test_scripts_build_no_markup_from_text() -> None:
    static = Path(__file__).parents[2] / "sca_nlp" / "review" / "static"
    for path in static.glob("*.js"):
        if path.name == "d3.min.js":  # a library as published; of it our scripts use no call that takes markup
            continue
        code = path.read_text("utf-8")
        for risky in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "https://",
            ".html(",
        ):
            assert risky not in code, f"{path.name} uses {risky}"


def test_the_api_describes_itself(client: TestClient) -> None:
    paths = client.get("/api/openapi.json").json()["paths"]
    assert "/api/decisions" in paths
    assert all(op.get("description") for ops in paths.values() for op in ops.values())


def test_similar_passages_are_those_already_coded(client: TestClient) -> None:
    twins = client.get("/api/passages?text=guns&sort=random").json()["passages"][:2]
    other = client.get("/api/passages?text=treaty").json()["passages"][0]["passage_id"]
    p, q = (t["passage_id"] for t in twins)
    assert client.get(f"/api/passage/{p}/similar").json() == []
    decide(client, q, "bo")
    decide(client, other, "bo", codes=[])
    found = client.get(f"/api/passage/{p}/similar").json()
    assert found[0]["passage_id"] == q
    assert found[0]["decided"] == ["TP+"]
    assert client.get(f"/api/passage/{p}/similar?coder=ada&reveal=false").json() == []  # blind to others


def test_words_are_weighed_by_what_their_loss_costs(desk: Desk, client: TestClient) -> None:
    from tests.fakes import FakeClassifier

    class Model(FakeClassifier):
        def predict(self, texts: Any, prev: Any = (), next: Any = ()) -> Any:
            return super().predict([t.replace("guns", "threat") for t in texts], prev, next)

    desk.jobs["model"] = Model()
    p = client.get("/api/passages?text=guns&indicator=TP&value=%2B").json()["passages"][0]
    why = client.get(f"/api/passage/{p['passage_id']}/explain").json()["classes"]["TP+"]
    assert "".join(w["text"] for w in why) == p["text"]
    assert max(why, key=lambda w: w["weight"])["text"].strip() == "guns"


def test_without_the_runs_own_model_no_words_are_shown(client: TestClient) -> None:
    p = some(client)[0]
    answer = client.get(f"/api/passage/{p}/explain")
    assert answer.status_code == 400
    assert "not installed here" in answer.json()["error"]
