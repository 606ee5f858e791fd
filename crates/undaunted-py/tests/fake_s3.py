"""A fake S3 on loopback that keeps objects, and sends the responses that a test has queued."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

from undaunted import ObjectStorage, RetryConfig, Storage

SECRET = "verysecretaccesskey"


@dataclass
class Response:
    """A response to send instead of the usual one."""

    status: int
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    applied: bool = False
    """Whether the request is applied nevertheless."""
    hang: threading.Event | None = None
    """The response is held back until this is set."""
    body: bytes = b""


class FakeS3:
    """The objects, the requests so far, and the queued responses."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.responses: deque[Response] = deque()
        self.requests: list[str] = []
        self.arrived = threading.Event()
        self.held = 0
        """Responses that are being held back."""

    def storage(self, retry: RetryConfig | None = None) -> ObjectStorage:
        return Storage.open("s3://bucket/root", self.options(), retry=retry)

    def options(self) -> dict[str, str | bool]:
        return {
            "aws_endpoint": self.url,
            "aws_region": "us-east-1",
            "aws_access_key_id": "key",
            "aws_secret_access_key": SECRET,
            "aws_allow_http": True,
        }


@contextmanager
def serve() -> Iterator[FakeS3]:
    """Runs the server for the length of a ``with`` block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            return None

        def do_GET(self) -> None:
            self.respond("GET")

        def do_HEAD(self) -> None:
            self.respond("HEAD")

        def do_PUT(self) -> None:
            self.respond("PUT")

        def do_POST(self) -> None:
            self.respond("POST")

        def do_DELETE(self) -> None:
            self.respond("DELETE")

        def respond(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            url = urlsplit(self.path)
            key = unquote(url.path).removeprefix("/bucket").lstrip("/")
            s3.requests.append(f"{method} {key}")
            queued = s3.responses.popleft() if s3.responses else None
            s3.arrived.set()
            if queued is not None and queued.hang is not None:
                s3.held += 1
                queued.hang.wait(30)
                s3.held -= 1
            if queued is None or queued.applied:
                status, headers, content = self.apply(
                    method, key, parse_qs(url.query, keep_blank_values=True), body
                )
            if queued is not None:
                status, headers = queued.status, queued.headers
                content = queued.body
                if queued.code:
                    content = f"<Error><Code>{queued.code}</Code></Error>".encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("x-amz-request-id", "REQUEST1")
            if not (method == "HEAD" and status == 200):
                self.send_header("content-length", str(len(content)))
            self.end_headers()
            if method != "HEAD":
                self.wfile.write(content)

        def apply(
            self, method: str, key: str, query: dict[str, list[str]], body: bytes
        ) -> tuple[int, dict[str, str], bytes]:
            if method == "PUT":
                source = self.headers.get("x-amz-copy-source")
                if source is not None:
                    source = unquote(source).removeprefix("bucket/").removeprefix("/bucket/")
                    if source not in s3.objects:
                        return error(404, "NoSuchKey")
                    s3.objects[key] = s3.objects[source]
                    return 200, {}, b"<CopyObjectResult></CopyObjectResult>"
                if self.headers.get("if-none-match") == "*" and key in s3.objects:
                    return error(412, "PreconditionFailed")
                kept = {
                    name.lower(): value
                    for name, value in self.headers.items()
                    if name.lower() == "content-type" or name.lower().startswith("x-amz-meta-")
                }
                s3.objects[key] = (body, kept)
                return 200, {"etag": etag(body)}, b""
            if method == "DELETE":
                s3.objects.pop(key, None)
                return 204, {}, b""
            if method == "POST" and "delete" in query:
                doomed = [unescape(each) for each in re.findall("<Key>(.*?)</Key>", body.decode())]
                for each in doomed:
                    s3.objects.pop(each, None)
                gone = "".join(f"<Deleted><Key>{escape(each)}</Key></Deleted>" for each in doomed)
                return 200, {}, f"<DeleteResult>{gone}</DeleteResult>".encode()
            if "list-type" in query:
                return 200, {"content-type": "application/xml"}, listing(query)
            if key not in s3.objects:
                return error(404, "NoSuchKey")
            content, kept = s3.objects[key]
            headers = {**kept, "etag": etag(content), "last-modified": formatdate(usegmt=True)}
            if method == "HEAD":
                headers["content-length"] = str(len(content))
            return 200, headers, content

    def etag(content: bytes) -> str:
        return f'"{hashlib.md5(content).hexdigest()}"'

    def error(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
        return status, {}, f"<Error><Code>{code}</Code></Error>".encode()

    def listing(query: dict[str, list[str]]) -> bytes:
        prefix = query.get("prefix", [""])[0]
        most = int(query.get("max-keys", ["1000"])[0])
        after = query.get("continuation-token", [""])[0]
        keys = sorted(key for key in s3.objects if key.startswith(prefix) and key > after)
        page, rest = keys[:most], keys[most:]
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(s3.objects[key][0])}</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>{escape(etag(s3.objects[key][0]))}</ETag></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if rest else ""
        return f"<ListBucketResult>{entries}{token}</ListBucketResult>".encode()

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Ignores clients that have gone away: some tests make them do so."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    s3 = FakeS3(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield s3
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
