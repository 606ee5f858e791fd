"""The guide's "Wrapping Storage Methods": a class that retries the operations of a storage."""

from __future__ import annotations

import asyncio

import pytest

from retry_guide.support import run
from undaunted import RetryConfig, StorageConnectionError
from undaunted.testing import FaultyStorage

BLOCK = '''\
from undaunted import Storage, RetryConfig, with_retry

class RetryableStorage:
    """Storage wrapper with automatic retries."""

    def __init__(self, storage: Storage, config: RetryConfig | None = None):
        self._storage = storage
        self._config = config or RetryConfig()

    async def put(self, key: str, data: bytes, **kwargs):
        return await with_retry(
            lambda: self._storage.put(key, data, **kwargs),
            self._config,
        )

    async def get_bytes(self, key: str) -> bytes:
        return await with_retry(
            lambda: self._storage.get_bytes(key),
            self._config,
        )

    async def delete(self, key: str) -> None:
        return await with_retry(
            lambda: self._storage.delete(key),
            self._config,
        )
'''


def test_its_operations_are_retried(waits: list[float]) -> None:
    faulty = FaultyStorage([StorageConnectionError("reset"), None] * 3)
    storage = run(BLOCK)["RetryableStorage"](faulty)

    async def use() -> bytes:
        stored = await storage.put("a", b"data", content_type="text/plain")
        assert stored.content_type == "text/plain"
        data: bytes = await storage.get_bytes("a")
        await storage.delete("a")
        return data

    assert asyncio.run(use()) == b"data"
    assert not asyncio.run(faulty.inner.exists("a"))
    assert len(waits) == 3


def test_it_takes_a_config(waits: list[float]) -> None:
    faulty = FaultyStorage([StorageConnectionError("reset")])
    storage = run(BLOCK)["RetryableStorage"](faulty, RetryConfig(max_retries=0))
    with pytest.raises(StorageConnectionError):
        asyncio.run(storage.put("a", b"data"))
    assert waits == []
