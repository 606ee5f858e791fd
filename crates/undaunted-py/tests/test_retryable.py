"""Retries around any storage."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest

from undaunted import (
    RetryableStorage,
    RetryConfig,
    Storage,
    StorageConnectionError,
    StorageFileNotFoundError,
    StoredFile,
)
from undaunted.testing import FaultyStorage, LostResponse

RESET = StorageConnectionError("reset")
LOST = LostResponse(StorageConnectionError("no response"))
NO_WAIT = RetryConfig(base_delay=0)


def test_every_operation_is_retried() -> None:
    faulty = FaultyStorage([RESET, None] * 10)
    storage = RetryableStorage(faulty, NO_WAIT)

    async def use() -> None:
        assert (await storage.put("a", b"data", content_type="text/plain")).size == 4
        assert await storage.get_bytes("a") == b"data"
        assert [chunk async for chunk in storage.get("a")] == [b"data"]
        assert await storage.exists("a")
        assert (await storage.info("a")).content_type == "text/plain"
        assert (await storage.copy("a", "b")).key == "b"
        assert (await storage.move("b", "c")).key == "c"
        assert [file.key async for file in storage.list()] == ["a", "c"]
        assert (await storage.put_large("d", b"data")).key == "d"
        await storage.delete("a")
        assert not await faulty.inner.exists("a")

    asyncio.run(use())
    assert len(faulty.calls) == 20
    assert faulty.unused == []


def test_a_delete_whose_response_was_lost_is_done() -> None:
    class Strict(FaultyStorage):
        """Deleting a missing file is an error, as it is for local files."""

        async def delete(self, key: str) -> None:
            if not await self.inner.exists(key):
                raise StorageFileNotFoundError(key)
            await super().delete(key)

    async def use() -> None:
        faulty = Strict([LOST])
        await faulty.inner.put("a", b"1")
        await RetryableStorage(faulty, NO_WAIT).delete("a")
        assert not await faulty.inner.exists("a")
        # A file that never existed is an error.
        with pytest.raises(StorageFileNotFoundError):
            await RetryableStorage(Strict(), NO_WAIT).delete("a")

    asyncio.run(use())


def test_a_move_whose_response_was_lost_is_done() -> None:
    async def use() -> None:
        faulty = FaultyStorage([LOST])
        await faulty.inner.put("a", b"1")
        assert (await RetryableStorage(faulty, NO_WAIT).move("a", "b")).key == "b"
        assert await faulty.inner.get_bytes("b") == b"1"
        with pytest.raises(StorageFileNotFoundError):
            await RetryableStorage(FaultyStorage([RESET]), NO_WAIT).move("a", "b")

    asyncio.run(use())


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def test_a_stream_that_was_not_read_is_sent_again() -> None:
    async def use() -> None:
        faulty = FaultyStorage([RESET, RESET])
        await RetryableStorage(faulty, NO_WAIT).put("a", stream(b"1", b"2"))
        assert await faulty.inner.get_bytes("a") == b"12"

    asyncio.run(use())


def test_a_stream_that_was_read_in_part_is_not_sent_again() -> None:
    async def use() -> None:
        error = StorageConnectionError("broke in the middle")
        faulty = FaultyStorage([LostResponse(error)])
        with pytest.raises(StorageConnectionError) as caught:
            await RetryableStorage(faulty, NO_WAIT).put("a", stream(b"1", b"2"))
        assert caught.value is error
        assert len(faulty.calls) == 1

    asyncio.run(use())


def test_a_stream_is_not_sent_again_by_a_config_that_retries_everything() -> None:
    async def use() -> None:
        error = StorageConnectionError("broke in the middle")
        faulty = FaultyStorage([LostResponse(error)])
        config = RetryConfig(base_delay=0, retryable_exceptions=(BaseException,))
        with pytest.raises(StorageConnectionError) as caught:
            await RetryableStorage(faulty, config).put("a", stream(b"1", b"2"))
        assert caught.value is error
        assert await faulty.inner.get_bytes("a") == b"12"

    asyncio.run(use())


def test_data_that_can_be_read_again_is_sent_again() -> None:
    class Again:
        def __aiter__(self) -> AsyncIterator[bytes]:
            return stream(b"1", b"2")

    async def use() -> None:
        faulty = FaultyStorage([LOST, LOST])
        await RetryableStorage(faulty, NO_WAIT).put("a", Again())
        assert len(faulty.calls) == 3
        assert await faulty.inner.get_bytes("a") == b"12"

    asyncio.run(use())


def test_a_list_that_breaks_has_no_duplicates_and_no_gaps() -> None:
    async def use() -> None:
        faulty = FaultyStorage([LOST, LOST], operations=["list"])
        keys = [f"k{number}" for number in range(10)]
        for key in keys:
            await faulty.inner.put(key, b"")
        storage = RetryableStorage(faulty, NO_WAIT)
        assert [file.key async for file in storage.list()] == keys
        assert [file.key async for file in storage.list(limit=3)] == keys[:3]
        assert [file.key async for file in storage.list("k", limit=100)] == keys

    asyncio.run(use())


def test_a_list_that_always_breaks_is_an_error() -> None:
    async def use() -> None:
        faulty = FaultyStorage([LOST] * 100, operations=["list"])
        for number in range(3):
            await faulty.inner.put(f"k{number}", b"")
        given: list[str] = []
        with pytest.raises(StorageConnectionError, match="no response"):
            async for file in RetryableStorage(faulty, NO_WAIT).list():
                given.append(file.key)
        # The list breaks after its first file, so no attempt gets further.
        assert given == ["k0"]

    asyncio.run(use())


def test_a_list_that_is_not_read_to_its_end_is_closed() -> None:
    closed = 0

    class Endless:
        async def list(self, prefix: str) -> AsyncIterator[StoredFile]:
            nonlocal closed
            try:
                for number in range(10**9):
                    yield StoredFile(f"{prefix}{number}", 0)
            finally:
                closed += 1

    async def use() -> None:
        storage = RetryableStorage(Endless())
        files = storage.list("k", limit=3)
        assert [file.key async for file in files] == ["k0", "k1", "k2"]
        assert closed == 1

    asyncio.run(use())


def test_a_body_that_breaks_after_its_first_chunk_is_an_error() -> None:
    async def use() -> None:
        faulty = FaultyStorage([RESET, LOST], operations=["get"])
        await faulty.inner.put("a", b"data")
        storage = RetryableStorage(faulty, NO_WAIT)
        chunks: list[bytes] = []
        with pytest.raises(StorageConnectionError, match="no response"):
            async for chunk in storage.get("a"):
                chunks.append(chunk)
        assert chunks == [b"data"]

    asyncio.run(use())


def test_other_methods_are_the_storages_own() -> None:
    class Mine:
        async def put(self, key: str, data: bytes) -> str:
            return key

        async def purge(self, older_than: int) -> int:
            return older_than

    async def use() -> None:
        storage: Any = RetryableStorage(Mine())
        assert await storage.put("a", b"1") == "a"
        assert await storage.purge(older_than=5) == 5
        with pytest.raises(AttributeError, match="get_bytes"):
            await storage.get_bytes("a")

    asyncio.run(use())
    copied = copy.copy(RetryableStorage(Mine(), NO_WAIT))
    assert "Mine" in repr(copied)


def test_all_storages_match_the_protocol() -> None:
    assert isinstance(RetryableStorage(FaultyStorage()), Storage)
    assert isinstance(FaultyStorage(), Storage)
    assert isinstance(Storage.open("memory://"), Storage)
    assert not isinstance(object(), Storage)
    with pytest.raises(TypeError, match="config must be a RetryConfig"):
        RetryableStorage(FaultyStorage(), 3)  # type: ignore[arg-type]


def test_a_storage_of_litestars_is_retried() -> None:
    litestar = pytest.importorskip("litestar_storages")

    class Flaky(litestar.MemoryStorage):  # type: ignore[misc, name-defined]
        failures = 2

        async def put(self, *args: Any, **kwargs: Any) -> Any:
            if self.failures:
                self.failures -= 1
                raise litestar.StorageConnectionError("reset")
            return await super().put(*args, **kwargs)

    async def use() -> None:
        inner = Flaky()
        assert isinstance(inner, Storage)
        storage = RetryableStorage(inner, NO_WAIT)
        assert (await storage.put("a/b", b"data", content_type="text/plain")).key == "a/b"
        assert inner.failures == 0
        assert await storage.get_bytes("a/b") == b"data"
        assert [chunk async for chunk in storage.get("a/b")] == [b"data"]
        assert [file.key async for file in storage.list("a/")] == ["a/b"]
        assert (await storage.copy("a/b", "c")).key == "c"
        assert await storage.exists("c")
        await storage.delete("a/b")
        with pytest.raises(litestar.StorageFileNotFoundError):
            await storage.get_bytes("a/b")

    asyncio.run(use())
