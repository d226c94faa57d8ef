"""The API under requests made from its own description: no 5xx, and no answer that breaks it (schemathesis)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from sca_nlp.review.app import Desk, make_app
from sca_nlp.review.guard import Guard
from tests.review.test_page import BASE, OURS

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed (extra dev)")

#: Left out: it starts a training in a process of its own.
_SKIP = ("/api/retrain",)


def test_no_request_that_the_description_allows_breaks_the_page(desk: Desk) -> None:
    from starlette.testclient import TestClient

    client = TestClient(
        Guard(make_app(desk), "secret-token", port=8765),
        base_url=BASE,
        follow_redirects=False,
        raise_server_exceptions=False,
    )
    client.get("/", params={"token": "secret-token"})
    schema = schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())
    n_requests = n_operations = 0
    broken: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.startswith(_SKIP):
            continue
        n_operations += 1

        def ask(case: Any) -> None:
            nonlocal n_requests
            n_requests += 1
            body = case.body if isinstance(case.body, (dict, list, str, int, float, bytes)) else None
            path = case.formatted_path
            answer = client.request(
                case.method,
                path,
                params={k: v for k, v in (case.query or {}).items() if v is not None},
                headers=OURS,
                **({"json": body} if body is not None and not isinstance(body, bytes) else {"content": body}),
            )
            if answer.status_code >= 500:
                broken.append(f"{case.method} {path} {case.query} {str(body)[:200]}: {answer.text[:200]}")

        run = settings(
            max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
        )
        from hypothesis import given

        run(given(case=operation.as_strategy())(ask))()
    assert broken == []
    assert n_operations > 15
    assert n_requests > 5 * n_operations
