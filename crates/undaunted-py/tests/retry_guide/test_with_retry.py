"""The guide's "The with_retry() Function": only the operation inside a function is retried."""

from __future__ import annotations

import asyncio

import pytest

from retry_guide.support import run
from undaunted import StorageConnectionError, StoragePermissionError
from undaunted.testing import FaultyStorage

BLOCK = '''\
from undaunted import with_retry, RetryConfig, Storage

async def process_upload(storage: Storage, key: str, data: bytes) -> None:
    """Upload with inline retry logic."""

    # Retry just the storage operation
    await with_retry(
        lambda: storage.put(key, data),
        RetryConfig(max_retries=3),
    )
'''


def test_the_upload_inside_is_retried(waits: list[float]) -> None:
    process_upload = run(BLOCK)["process_upload"]
    storage = FaultyStorage([StorageConnectionError("reset")] * 3)
    asyncio.run(process_upload(storage, "a", b"data"))
    assert asyncio.run(storage.inner.get_bytes("a")) == b"data"
    assert len(waits) == 3


def test_an_error_that_is_not_retryable_is_raised_immediately(waits: list[float]) -> None:
    process_upload = run(BLOCK)["process_upload"]
    refused = StoragePermissionError("read only", key="a")
    storage = FaultyStorage([refused])
    with pytest.raises(StoragePermissionError) as caught:
        asyncio.run(process_upload(storage, "a", b"data"))
    assert caught.value is refused
    assert waits == []
