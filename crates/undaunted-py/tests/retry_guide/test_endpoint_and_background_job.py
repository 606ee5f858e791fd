"""The guide's "User-Facing Operations": an endpoint fails fast, a background job does not."""

from __future__ import annotations

import asyncio

import pytest

from retry_guide.support import run
from undaunted import StorageConnectionError
from undaunted.testing import FaultyStorage

BLOCK = """\
# API endpoint - fail fast for better UX
@retry(RetryConfig(max_retries=1, base_delay=0.5))
async def handle_upload(storage: Storage, key: str, data: bytes) -> None:
    await storage.put(key, data)

# Background job - can afford more retries
@retry(RetryConfig(max_retries=10, base_delay=5.0))
async def process_batch_upload(storage: Storage, key: str, data: bytes) -> None:
    await storage.put(key, data)
"""


def test_the_endpoint_fails_fast(waits: list[float]) -> None:
    # One example defines both functions.
    names = run(BLOCK)
    storage = FaultyStorage([StorageConnectionError("reset")] * 2)
    with pytest.raises(StorageConnectionError):
        asyncio.run(names["handle_upload"](storage, "a", b"data"))
    assert len(waits) == 1
    assert 0.375 <= waits[0] <= 0.625


def test_the_background_job_does_not(waits: list[float]) -> None:
    names = run(BLOCK)
    storage = FaultyStorage([StorageConnectionError("reset")] * 10)
    asyncio.run(names["process_batch_upload"](storage, "a", b"data"))
    assert len(waits) == 10
    assert 3.75 <= waits[0] <= 6.25
    assert all(45.0 <= wait <= 75.0 for wait in waits[4:])
