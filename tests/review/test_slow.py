"""Clients that never finish what they send do not keep others from the page."""

from __future__ import annotations

import http.client
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.faults.load import load, make_run, serve


def test_forty_clients_that_stall_hold_nobody_up(tmp_path: Path) -> None:
    make_run(tmp_path / "run", 300)
    process, url = serve(tmp_path / "run")
    place, stalled = urlsplit(url), []
    try:
        for k in range(40):
            link = socket.create_connection((place.hostname, place.port), timeout=30)
            half = b"GET /api/setup HTTP/1.1\r\nHost: 127.0" if k % 2 else b""
            link.sendall(half or b"POST /api/decisions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n{")
            stalled.append(link)
        start = time.monotonic()
        client = http.client.HTTPConnection(str(place.hostname), place.port, timeout=60)
        client.request("GET", f"/?{place.query}")
        assert client.getresponse().status == 303
        assert time.monotonic() - start < 30
    finally:
        for link in stalled:
            link.close()
        process.terminate()
        process.wait(60)


def test_a_few_coders_lose_no_decision(tmp_path: Path) -> None:
    make_run(tmp_path / "run", 300)
    assert load(tmp_path / "run", coders=3, seconds=3, think=0.05) == []
