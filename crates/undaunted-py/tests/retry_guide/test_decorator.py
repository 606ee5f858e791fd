"""The guide's "The @retry Decorator": an upload with the defaults and one with its own."""

from __future__ import annotations

import asyncio

import pytest

from retry_guide.support import run
from undaunted import StorageConnectionError, testing
from undaunted.testing import FaultyStorage

BLOCK = '''\
from undaunted import retry, RetryConfig, Storage

@retry()
async def upload_file(storage: Storage, key: str, data: bytes) -> None:
    """Upload with default retry settings (3 retries, exponential backoff)."""
    await storage.put(key, data)


@retry(RetryConfig(max_retries=5, base_delay=0.5))
async def upload_critical_file(storage: Storage, key: str, data: bytes) -> None:
    """Upload with custom retry settings for important files."""
    await storage.put(key, data)
'''


@pytest.mark.parametrize(
    ("name", "retries", "first_wait"), [("upload_file", 3, 1.0), ("upload_critical_file", 5, 0.5)]
)
def test_uploads_survive_as_many_failures_as_they_say(
    waits: list[float], name: str, retries: int, first_wait: float
) -> None:
    upload = run(BLOCK)[name]
    storage = FaultyStorage([StorageConnectionError("reset")] * retries)
    asyncio.run(upload(storage, "a", b"data"))
    assert asyncio.run(storage.inner.get_bytes("a")) == b"data"
    assert storage.calls == [("put", "a")] * (retries + 1)
    assert len(waits) == retries
    assert 0.75 * first_wait <= waits[0] <= 1.25 * first_wait


def test_one_failure_more_is_raised_to_the_caller() -> None:
    upload = run(BLOCK)["upload_file"]
    last = StorageConnectionError("the last")
    storage = FaultyStorage([*[StorageConnectionError("reset")] * 3, last])
    with testing.without_waits(), pytest.raises(StorageConnectionError) as caught:
        asyncio.run(upload(storage, "a", b"data"))
    assert caught.value is last
    assert not asyncio.run(storage.inner.exists("a"))
