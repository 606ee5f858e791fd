"""``undaunted serve``: a real S3 over HTTP that checks signatures and fails on demand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from undaunted import ObjectStorage, RetryConfig, Storage


@dataclass
class RealS3:
    """The running server: how to reach it, and where it keeps its files."""

    endpoint: str
    options: dict[str, str | bool]
    folder: Path
    """The folder whose files are the objects."""
    record: Path
    ended: bool = False

    def storage(
        self, retry: RetryConfig | None = None, **more_options: str | bool
    ) -> ObjectStorage:
        return Storage.open("s3://bucket/root", {**self.options, **more_options}, retry=retry)

    def requests(self) -> list[dict[str, Any]]:
        """All requests, once the server has ended: it records one after its response."""
        assert self.ended, "the server may have requests that it has not recorded yet"
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    def faults(self) -> list[str]:
        """The faults that were injected, once the server has ended."""
        return [fault for request in self.requests() if (fault := request["fault"]) is not None]


@contextmanager
def serve(folder: Path, chaos: str | None = None, hang: str = "1s") -> Iterator[RealS3]:
    """Runs the server for the length of a ``with`` block; ``chaos`` is the value of ``--chaos``."""
    record = folder / "requests.jsonl"
    command = [os.environ["UNDAUNTED"], "serve", "--json", "--port", "0", "--hang", hang]
    command += ["--dir", str(folder / "data"), "--record", str(record)]
    if chaos is not None:
        command += ["--chaos", chaos]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        started = json.loads(server.stdout.readline())
        options: dict[str, str | bool] = {
            "aws_endpoint": started["endpoint"],
            "aws_region": started["region"],
            "aws_access_key_id": started["access_key_id"],
            "aws_secret_access_key": started["secret_access_key"],
            "aws_allow_http": True,
        }
        s3 = RealS3(started["endpoint"], options, folder / "data" / "bucket" / "root", record)
        try:
            yield s3
        finally:
            server.send_signal(signal.SIGINT)
    s3.ended = True
    assert server.returncode == 0
