"""The guide's "Monitor Retry Rates": the function's own counters see every attempt."""

from __future__ import annotations

import asyncio

from retry_guide.support import run
from undaunted import StorageConnectionError
from undaunted.testing import FaultyStorage

BLOCK = """\
from dataclasses import dataclass

@dataclass
class RetryMetrics:
    attempts: int = 0
    successes: int = 0
    failures: int = 0

metrics = RetryMetrics()

@retry()
async def upload_with_metrics(storage: Storage, key: str, data: bytes) -> None:
    metrics.attempts += 1
    try:
        await storage.put(key, data)
        metrics.successes += 1
    except Exception:
        metrics.failures += 1
        raise
"""


def test_attempts_and_failures_are_counted(waits: list[float]) -> None:
    # A dataclass looks its module up by name.
    names = run(BLOCK, __name__=__name__)
    storage = FaultyStorage([StorageConnectionError("reset"), TimeoutError("slow")])
    asyncio.run(names["upload_with_metrics"](storage, "a", b"data"))
    metrics = names["metrics"]
    assert (metrics.attempts, metrics.failures, metrics.successes) == (3, 2, 1)
