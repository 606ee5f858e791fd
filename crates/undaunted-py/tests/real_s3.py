"""A real S3 over HTTP, which checks signatures and misbehaves on demand: ``undaunted serve``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from undaunted import ObjectStorage, RetryConfig, Storage


@dataclass
class RealS3:
    """Where it is."""

    endpoint: str
    options: dict[str, str | bool]
    folder: Path
    """The files below are the objects."""
    record: Path

    def storage(
        self, retry: RetryConfig | None = None, **more_options: str | bool
    ) -> ObjectStorage:
        return Storage.open("s3://bucket/root", {**self.options, **more_options}, retry=retry)

    def faults(self) -> list[str]:
        """What was injected, as far as its requests have ended."""
        lines = self.record.read_text().splitlines()
        return [fault for line in lines if (fault := json.loads(line)["fault"]) is not None]


@contextmanager
def serve(folder: Path, chaos: str | None = None) -> Iterator[RealS3]:
    """A server for as long as it is used; ``chaos`` is what ``--chaos`` takes."""
    record = folder / "requests.jsonl"
    command = [os.environ["UNDAUNTED"], "serve", "--json", "--port", "0", "--hang", "1s"]
    command += ["--dir", str(folder / "data"), "--record", str(record)]
    if chaos is not None:
        command += ["--chaos", chaos]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        options: dict[str, str | bool] = {
            "aws_endpoint": told["endpoint"],
            "aws_region": told["region"],
            "aws_access_key_id": told["access_key_id"],
            "aws_secret_access_key": told["secret_access_key"],
            "aws_allow_http": True,
        }
        try:
            yield RealS3(told["endpoint"], options, folder / "data" / "bucket" / "root", record)
        finally:
            server.send_signal(signal.SIGINT)
    assert server.returncode == 0
