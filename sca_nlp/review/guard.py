"""What stands before every request: host, session, origin, size; and the headers on every answer.

The page runs on the analyst's own machine, where every web page that the browser visits can send requests to it. So:
only known hosts (against DNS rebinding), a session that only the first URL or the password gives, no change without
proof that it comes from the page itself, and a policy under which no script runs but the package's own.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
#: Bytes of a request's body: decisions are small, imports may be large.
BODY = 1 << 20
IMPORT_BODY = 256 << 20


class Guard:
    """ASGI middleware; see the module's text.

    Args:
        app: the page.
        token: the secret of the first URL.
        hosts: host names under which the page may be called, without port.
        port: the page's port; part of the cookie's name, since cookies do not know ports.
        password: needed beside or instead of the token where the page listens to more than this machine.
    """

    def __init__(
        self, app: ASGIApp, token: str, hosts: Iterable[str] = LOOPBACK, port: int = 0, password: str = ""
    ) -> None:
        self.app, self.token, self.password = app, token, password
        self.hosts = frozenset(h.lower() for h in hosts)
        self.port = port
        self.cookie = f"sca_review_{port}"
        self.session = secrets.token_urlsafe(32)
        self._wait_until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse a request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        limit = IMPORT_BODY if scope["path"] == "/api/import" else BODY
        seen = 0

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                if seen > limit:  # whatever the app makes of a body that broke off
                    message["status"] = 413
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if not scope["path"].startswith("/static/"):
                    headers["cache-control"] = "no-store"
            await send(message)

        headers = Headers(scope=scope)
        refusal = self._refuse(scope, headers)
        if refusal is None and scope["path"] == "/login" and scope["method"] == "POST" and self.password:
            refusal = await self._login(receive)
        if refusal is not None:
            await refusal(scope, receive, sealed)
            return

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _TooLargeError
            return message

        try:
            await self.app(scope, counted, sealed)
        except _TooLargeError:
            await _no(413, f"more than {limit:,} bytes")(scope, receive, sealed)

    def _refuse(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the answer that ends the request here, or None to let it pass."""
        host = headers.get("host", "")
        name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "")
        if name.lower() not in self.hosts or (self.port and port and int(port if port.isdigit() else 0) != self.port):
            return _no(421, "this page is not served under that name")
        method, path = scope["method"], scope["path"]
        if method not in ("GET", "HEAD", "POST"):
            return _no(405, "GET, HEAD and POST only")
        if method == "POST" and (reason := self._not_ours(headers, path)):
            return _no(403, reason)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > (IMPORT_BODY if path == "/api/import" else BODY):
            return _no(413, "the request is too large")
        if path.startswith("/static/") or path == "/login":
            return None
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        given = query.get("token", [""])[0]
        if given and method == "GET" and not self.password and _same(given, self.token):
            answer = RedirectResponse("/", status_code=303)
            self._admit(answer)
            return answer
        if not _same(_cookie(headers, self.cookie), self.session):
            if self.password and not path.startswith("/api/"):
                return RedirectResponse("/login", status_code=303)
            return _no(401, "open the page by the address that `sca review` printed")
        return None

    def _not_ours(self, headers: Headers, path: str) -> str:
        """Tell why a change does not come from our own page; "" where it does."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None and site != "same-origin":
            return "changes come from the page itself only"
        if origin is not None:
            parts = urlsplit(origin)
            if parts.netloc != headers.get("host", "") or parts.scheme not in ("http", "https"):
                return "changes come from the page itself only"
        if site is None and origin is None:
            return "the request does not say where it comes from"
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        wanted = {"/login": "application/x-www-form-urlencoded", "/api/import": "application/octet-stream"}.get(
            path, "application/json"
        )
        return "" if kind == wanted else f"content type must be {wanted}"

    async def _login(self, receive: Receive) -> Response:
        """Check the password; after a wrong one the next try waits a second."""
        body = b""
        more = True
        while more and len(body) <= 4096:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        given = parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]
        if time.monotonic() < self._wait_until or not _same(given, self.password):
            self._wait_until = max(self._wait_until, time.monotonic() + 1)
            return RedirectResponse("/login?wrong=1", status_code=303)
        answer = RedirectResponse("/", status_code=303)
        self._admit(answer)
        return answer

    def _admit(self, answer: Response) -> None:
        answer.set_cookie(self.cookie, self.session, httponly=True, samesite="strict", path="/")


class _TooLargeError(Exception):
    pass


def _same(a: str, b: str) -> bool:
    return bool(b) and hmac.compare_digest(a.encode(), b.encode())


def _cookie(headers: Headers, name: str) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _no(status: int, reason: str) -> Response:
    if status == 421:
        return PlainTextResponse(reason, status_code=status)
    return JSONResponse({"error": reason}, status_code=status)
