"""``undaunted serve`` for tests: an S3 whose faults a test changes as it runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

_TIMEOUT = 30.0
"""Longer than a server on the same machine takes for anything."""

_OPERATIONS = (
    "abort_multipart",
    "complete_multipart",
    "copy",
    "create_multipart",
    "delete",
    "get",
    "get_ranges",
    "head",
    "list",
    "other",
    "put",
    "put_part",
    "rename",
)
"""The names that requests and the rules of a chaos file have."""


class S3Server:
    """A running server. Its faults are those of a chaos file, which ``undaunted serve --help``
    describes.
    """

    def __init__(self, info: dict[str, Any]) -> None:
        self.endpoint: str = info["endpoint"]
        self.region: str = info["region"]
        self.access_key_id: str = info["access_key_id"]
        self.secret_access_key: str = info["secret_access_key"]
        self.buckets: list[str] = info["buckets"]
        self._control: str = info["control"]

    def __repr__(self) -> str:
        return f"S3Server({self.endpoint!r})"

    @property
    def options(self) -> dict[str, str | bool]:
        """Options for ``Storage.open``."""
        return {
            "aws_endpoint": self.endpoint,
            "aws_region": self.region,
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
            "aws_allow_http": True,
            # As AWS does, it checks that a copy replaces nothing.
            "aws_copy_if_not_exists": "header: if-none-match: *",
        }

    @property
    def client_options(self) -> dict[str, str]:
        """Arguments for ``boto3.client("s3", ...)``."""
        return {
            "endpoint_url": self.endpoint,
            "region_name": self.region,
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
        }

    @property
    def chaos(self) -> str:
        """The chaos file in force, as TOML. Setting it counts calls anew; an empty one is none."""
        return self._ask("GET", "chaos").decode()

    @chaos.setter
    def chaos(self, toml: str) -> None:
        self._ask("PUT", "chaos", toml.encode())

    def requests(self, operation: str | None = None) -> list[dict[str, Any]]:
        """The requests so far, oldest first.

        Args:
            operation: Only those of this operation, such as ``"put"``; default: all.

        Raises:
            ValueError: If there is no such operation.

        Example:
            >>> from undaunted import testing
            >>> with testing.s3_server() as s3:
            ...     print(s3.requests("put"))
            []
        """
        if operation is not None and operation not in _OPERATIONS:
            raise ValueError(f"operation is {operation!r}, but must be of {', '.join(_OPERATIONS)}")
        requests: list[dict[str, Any]] = json.loads(self._ask("GET", "requests"))
        return [r for r in requests if operation in (None, r["operation"])]

    def clear_requests(self) -> None:
        """Forgets the requests so far.

        Example:
            >>> from undaunted import testing
            >>> with testing.s3_server() as s3:
            ...     s3.clear_requests()
            ...     print(s3.requests())
            []
        """
        self._ask("DELETE", "requests")

    def _ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        url = f"{self._control}/_undaunted/{path}"
        request = urllib.request.Request(url, method=method, data=body or None)
        # Variables that name a proxy are not for this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_TIMEOUT) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(json.loads(error.read())["error"]) from None


@contextmanager
def s3_server(
    chaos: str = "", *, buckets: Iterable[str] = ("bucket",), command: str | None = None
) -> Generator[S3Server]:
    """Runs ``undaunted serve`` for the length of a ``with`` block, with objects in a temporary
    directory.

    Args:
        chaos: The first chaos file, as TOML; default: no faults.
        buckets: The buckets to begin with.
        command: The path of the command; default: the variable ``UNDAUNTED``, or else
            ``undaunted`` as the shell finds it.

    Raises:
        FileNotFoundError: There is no such command.
        RuntimeError: The command did not start; the message has what it said.
        ValueError: The chaos file has a mistake, which the message names.

    Example:
        >>> from undaunted import blocking, testing
        >>> with testing.s3_server() as s3:
        ...     storage = blocking.Storage.open("s3://bucket", s3.options)
        ...     stored = storage.put("a.txt", b"hello")
        ...     print([each["status"] for each in s3.requests("put")])
        [200]
    """
    if not isinstance(chaos, str) or ("=" not in chaos and chaos.strip()):
        raise ValueError(
            f"chaos is {chaos!r}, but must be the text of a chaos file, such as "
            "'profile = \"flaky\"'; see `undaunted serve --help`"
        )
    found = command or os.environ.get("UNDAUNTED") or shutil.which("undaunted")
    if found is None:
        raise FileNotFoundError(
            "the command undaunted is not installed: build it with `cargo build -p undaunted-cli`,"
            " and set the variable UNDAUNTED to its path"
        )
    words = [found, "serve", "--json", "--quiet", "--port", "0", "--control", "127.0.0.1:0"]
    # It ends with this process, however that ends: the pipe is closed then.
    words += ["--until-stdin-ends"]
    for bucket in buckets:
        words += ["--bucket", bucket]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=said) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                process.wait()
                said.seek(0)
                reason = said.read().decode(errors="replace").strip()
                said.truncate(0)
                raise RuntimeError(f"{found} serve did not start: {reason or 'it says nothing'}")
            server = S3Server(json.loads(line))
            if chaos:
                server.chaos = chaos
            yield server
        finally:
            process.terminate()
            process.wait()
            said.seek(0)
            # Nothing, unless it broke.
            sys.stderr.write(said.read().decode(errors="replace"))
