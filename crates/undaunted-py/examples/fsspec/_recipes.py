"""An S3 with faults for the recipes, and the same data without faults to compare with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def s3(chaos: str | None) -> Iterator[dict[str, Any]]:
    """Runs ``undaunted serve`` for the length of a block: the storage options for it."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "requests.jsonl"
        command = [os.environ.get("UNDAUNTED", "undaunted"), "serve", "--json", "--port", "0"]
        command += ["--dir", f"{folder}/data", "--record", str(record), "--hang", "200ms"]
        command += ["--chaos", chaos] if chaos else []
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
            assert server.stdout is not None
            started = json.loads(server.stdout.readline())
            try:
                yield {
                    "key": started["access_key_id"],
                    "secret": started["secret_access_key"],
                    "client_kwargs": {
                        "endpoint_url": started["endpoint"],
                        "region_name": started["region"],
                    },
                }
            finally:
                server.send_signal(signal.SIGINT)
        lines = [json.loads(line) for line in record.read_text().splitlines()]
        faults = sum(line["fault"] is not None for line in lines)
        print(f"{chaos or 'no faults'}: {len(lines)} requests, {faults} faults", file=sys.stderr)


def run(recipe: Any) -> None:
    """Runs a recipe without faults and with them: the results must be equal."""
    results = []
    for chaos in (None, os.environ.get("CHAOS", "flaky,seed=11")):
        with s3(chaos) as options:
            results.append(recipe(options))
    assert results[0] == results[1], "the results differ"
    print(f"{recipe.__module__}: the same result with faults: {str(results[0])[:60]}")
