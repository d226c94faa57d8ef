"""Serve the page: on this machine alone unless told otherwise, and then with a password."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path

from sca_nlp.codebook import Codebook
from sca_nlp.errors import InputError, MissingExtraError, ScaError

PORT = 8765
_LOCAL = ("127.0.0.1", "localhost", "::1")


def serve(
    run: Path,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    password: str = "",
    hosts: Sequence[str] = (),
    codebook: Codebook | None = None,
    actor_files: Sequence[str] = (),
    train_config: Path | None = None,
    other: Path | None = None,
    say: Callable[[str], None] = print,
    browser: bool = False,
) -> None:
    """Serve the review page of a run until it is stopped.

    Args:
        run: the run folder.
        host: address to listen on. Anything but this machine demands a password.
        port: TCP port; 0 for any free one. Drafts that wait in a browser are kept for one port.
        password: needed with another host.
        hosts: names under which other machines may call the page.
        codebook: of the run; the shipped one by default.
        actor_files: further actors, as in `sca score --actors`.
        train_config: what the button that retrains starts from; a quick linear model by default.
        other: a run of the same speeches by another model, to see where the two disagree.
        say: gets lines for the person at the terminal.
        browser: open the page in the browser.

    Raises:
        InputError: no run, or another host without a password of at least 12 characters.
        MissingExtraError: the web framework is not installed.
        ScaError: the port is taken.
    """
    local = host in _LOCAL
    if not local and len(password) < 12:
        raise InputError(
            "--host",
            f"{host}, which other machines can reach",
            "a password of 12 characters or more in SCA_REVIEW_PASSWORD",
        )
    try:
        import uvicorn

        from sca_nlp.review.app import make_app, open_desk
        from sca_nlp.review.guard import LOOPBACK, Guard
    except ImportError:
        raise MissingExtraError("the web framework of the review page", "review") from None
    desk = open_desk(
        run, codebook=codebook, actor_files=tuple(actor_files), train_config=train_config, other=other, say=say
    )
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    token = secrets.token_urlsafe(24)
    names = {*LOOPBACK, *hosts, *(() if host in ("0.0.0.0", "::") else (host,))}  # noqa: S104
    guard = Guard(make_app(desk), token, names, port, password)
    shown = "127.0.0.1" if local else host
    address = f"http://{shown}:{port}/" + ("" if password else f"?token={token}")
    say(f"Review page of {run}: {address}")
    if not local:
        say("Other machines can reach it. The connection is not encrypted: put a TLS proxy before it.")
    say("Stop with Ctrl+C; everything is saved as you go.")
    config = uvicorn.Config(
        guard,
        log_level="warning",
        server_header=False,
        access_log=False,
        ws="none",
        lifespan="off",
        timeout_keep_alive=75,
    )
    server = uvicorn.Server(config)
    if browser:
        webbrowser.open(address)
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
        desk.journal.close()
        desk.explorer.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as e:
        listener.close()
        raise ScaError(f"{host}:{port}: cannot listen there ({e.strerror or e}); choose another --port") from None
    listener.listen(128)
    return listener
