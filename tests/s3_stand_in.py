"""A bucket on loopback that speaks as much of S3 as pyarrow's client asks for."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects: dict[str, bytes]
    parts: dict[str, dict[int, bytes]]

    def log_message(self, *args: object) -> None: ...

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = _unchunked(self.rfile)
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        streamed = self.headers.get("x-amz-content-sha256", "").startswith("STREAMING")
        return _unchunked(io.BytesIO(body)) if streamed else body

    @property
    def _asked(self) -> tuple[str, dict[str, list[str]]]:
        parts = urlsplit(self.path)
        return unquote(parts.path).lstrip("/"), parse_qs(parts.query, keep_blank_values=True)

    def do_HEAD(self) -> None:
        key, _ = self._asked
        if "/" not in key.rstrip("/"):
            self._answer(200)
        elif key in self.objects:
            self._answer(200, Content_Length=str(len(self.objects[key])), ETag=_tag(self.objects[key]), **_DATE)
        else:
            self._answer(404)

    def do_GET(self) -> None:
        key, query = self._asked
        if "list-type" in query:
            self._list(key.rstrip("/"), query)
        elif key not in self.objects:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            data = self.objects[key]
            if asked := self.headers.get("Range"):
                first, last = asked.removeprefix("bytes=").split("-")
                part = data[int(first) : int(last) + 1 if last else None]
                end = int(first) + len(part) - 1
                self._answer(206, part, Content_Range=f"bytes {first}-{end}/{len(data)}", ETag=_tag(data), **_DATE)
            else:
                self._answer(200, data, ETag=_tag(data), **_DATE)

    def _list(self, bucket: str, query: dict[str, list[str]]) -> None:
        prefix, cut = query.get("prefix", [""])[0], query.get("delimiter", [""])[0]
        files, folders = [], set()
        for key in sorted(self.objects):
            name = key.removeprefix(bucket + "/")
            if key == name or not name.startswith(prefix):
                continue
            rest = name[len(prefix) :]
            if cut and cut in rest:
                folders.add(prefix + rest.split(cut)[0] + cut)
            else:
                files.append((name, self.objects[key]))
        xml = "".join(
            f"<Contents><Key>{escape(n)}</Key><Size>{len(d)}</Size><ETag>{_tag(d)}</ETag>"
            "<LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents>"
            for n, d in files
        ) + "".join(f"<CommonPrefixes><Prefix>{escape(f)}</Prefix></CommonPrefixes>" for f in sorted(folders))
        n = len(files) + len(folders)
        head = f"<Name>{bucket}</Name><KeyCount>{n}</KeyCount><IsTruncated>false</IsTruncated>"
        self._answer(200, f"<ListBucketResult>{head}{xml}</ListBucketResult>".encode(), Content_Type="application/xml")

    def do_PUT(self) -> None:
        key, query = self._asked
        body = self._body()
        if "uploadId" in query:
            self.parts[query["uploadId"][0]][int(query["partNumber"][0])] = body
        else:
            self.objects[key] = body
        self._answer(200, ETag=_tag(body))

    def do_POST(self) -> None:
        key, query = self._asked
        body = self._body()
        if "uploads" in query:
            name = hashlib.sha256(f"{key}{len(self.parts)}".encode()).hexdigest()[:16]
            self.parts[name] = {}
            made = f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId></InitiateMultipartUploadResult>"
            self._answer(200, made.encode(), Content_Type="application/xml")
        elif "uploadId" in query:  # only now the object is seen, and whole
            parts = self.parts.pop(query["uploadId"][0])
            self.objects[key] = b"".join(parts[k] for k in sorted(parts))
            done = (
                f"<CompleteMultipartUploadResult><ETag>{_tag(self.objects[key])}</ETag></CompleteMultipartUploadResult>"
            )
            self._answer(200, done.encode(), Content_Type="application/xml")
        else:
            self._answer(501, body[:0])

    def do_DELETE(self) -> None:
        self.objects.pop(self._asked[0], None)
        self._answer(204)


def _unchunked(stream: Any) -> bytes:
    out = b""
    while size := int(stream.readline().split(b";")[0], 16):
        out += stream.read(size)
        stream.readline()
    while stream.readline().strip():  # trailers
        pass
    return out


_DATE = {"Last_Modified": "Wed, 01 Jan 2020 00:00:00 GMT"}


def _tag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'


@contextmanager
def bucket() -> Iterator[tuple[dict[str, str], dict[str, bytes]]]:
    """Serve a bucket; give the environment that leads clients to it, and its objects by `bucket/key`."""
    handler = type("Handler", (_Handler,), {"objects": {}, "parts": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    try:
        yield environment, handler.objects
    finally:
        server.shutdown()
        server.server_close()
