"""The guide's "When to Use with_retry()": each file of a batch has its own attempts."""

from __future__ import annotations

import asyncio

from retry_guide.support import run
from undaunted import StorageConnectionError
from undaunted.testing import FaultyStorage

BLOCK = '''\
from undaunted import with_retry, RetryConfig

async def batch_upload(storage: Storage, files: dict[str, bytes]) -> list[str]:
    """Upload multiple files with per-file retry."""
    uploaded = []

    for key, data in files.items():
        # Each file gets its own retry attempts
        result = await with_retry(
            lambda k=key, d=data: storage.put(k, d),
            RetryConfig(max_retries=2),
        )
        uploaded.append(result.key)

    return uploaded
'''


def test_each_file_has_its_own_attempts(waits: list[float]) -> None:
    batch_upload = run(BLOCK)["batch_upload"]
    reset = StorageConnectionError("reset")
    # Two failures for each of three files: one allowance for all of them would not be enough.
    storage = FaultyStorage([reset, reset, None] * 3)
    files = {"a": b"1", "b": b"2", "c": b"3"}
    assert asyncio.run(batch_upload(storage, files)) == ["a", "b", "c"]
    assert len(waits) == 6
    for key, data in files.items():
        assert asyncio.run(storage.inner.get_bytes(key)) == data
