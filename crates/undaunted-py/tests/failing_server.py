"""A server that fails in the way that a test has set, as servers and networks do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CERTIFICATE = Path(__file__).parent / "self_signed.pem"


@dataclass
class Answer:
    """What the server does with each request."""

    status: int = 200
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    length: int | None = None
    """The length that it announces, if it is not that of the body."""
    end: str = "close"
    """What follows: ``close``, ``reset`` or ``hang``; over TLS also ``record``, a broken one."""
    raw: bytes | None = None
    """What is sent in place of a response."""

    def encoded(self, is_head: bool) -> bytes:
        if self.raw is not None:
            return self.raw
        body = self.body
        if self.code:
            error = f"<Code>{self.code}</Code><Message>It failed</Message>"
            body = f"<?xml version='1.0'?><Error>{error}</Error>".encode()
        length = len(body) if self.length is None else self.length
        headers = {
            "Content-Length": str(length),
            "Content-Type": "application/xml",
            "ETag": '"0123456789abcdef0123456789abcdef"',
            "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
            "Connection": "close",
            **self.headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} Reason\r\n{lines}\r\n".encode() + (b"" if is_head else body)


class FailingServer:
    """The running server. Each request gets the answer that is set at the time."""

    def __init__(self, listener: socket.socket) -> None:
        self.answer = Answer()
        self.listener = listener
        self.port: int = listener.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.tls_url = f"https://localhost:{self.port}"
        self.released = threading.Event()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def handle(self, connection: socket.socket) -> None:
        answer = self.answer
        with connection, contextlib.suppress(OSError):
            if connection.recv(1, socket.MSG_PEEK) == b"\x16":
                self.handle_tls(connection, answer)
                return
            head = b""
            while b"\r\n\r\n" not in head:
                received = connection.recv(65536)
                if not received:
                    return
                head += received
            is_head = head.startswith(b"HEAD")
            connection.sendall(answer.encoded(is_head))
            if not (is_head and answer.raw is None):
                self.finish(connection, answer)

    def handle_tls(self, connection: socket.socket, answer: Answer) -> None:
        if answer.end == "close":
            # In the middle of the handshake.
            connection.recv(65536)
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        with context.wrap_socket(connection, server_side=True) as wrapped:
            wrapped.recv(65536)
            if answer.end == "record":
                # One whose authentication code cannot be right.
                with socket.socket(fileno=wrapped.detach()) as plain:
                    plain.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
                    plain.shutdown(socket.SHUT_WR)
                    while plain.recv(65536):
                        pass

    def finish(self, connection: socket.socket, answer: Answer) -> None:
        if answer.end == "reset":
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        elif answer.end == "hang":
            self.released.wait(10)
        else:
            connection.shutdown(socket.SHUT_WR)
            # What the client still sends must not turn the end into a reset.
            while connection.recv(65536):
                pass


@contextlib.contextmanager
def serve() -> Iterator[FailingServer]:
    """Runs the server for the length of a ``with`` block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = FailingServer(listener)
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            # Closing alone would leave the thread in accept.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
    thread.join()
