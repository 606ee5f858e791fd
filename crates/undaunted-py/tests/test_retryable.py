"""Retries around any storage."""

from __future__ import annotations

import asyncio
import copy
import io
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from undaunted import (
    RetryableStorage,
    RetryConfig,
    Storage,
    StorageConnectionError,
    StorageFileExistsError,
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


class Reader:
    """It has only a ``read``."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._file.read(size)


class AsyncReader(Reader):
    async def read(self, size: int) -> bytes:  # type: ignore[override]
        return super().read(size)


class OneShot:
    """Each of its iterators continues where the one before has ended."""

    def __init__(self) -> None:
        self._chunks = iter([b"1", b"2"])

    def __iter__(self) -> Iterator[bytes]:
        return map(bytes, self._chunks)


class AsyncOneShot:
    def __init__(self) -> None:
        self._chunks = stream(b"1", b"2")

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks


@pytest.mark.parametrize(
    "make",
    [
        lambda: Reader(b"12"),
        lambda: AsyncReader(b"12"),
        OneShot,
        AsyncOneShot,
        lambda: iter([b"1", b"2"]),
        lambda: (bytes(each) for each in (b"1", b"2")),
    ],
    ids=["reader", "async reader", "one-shot", "async one-shot", "iterator", "generator"],
)
@pytest.mark.parametrize("method", ["put", "put_large"])
def test_data_that_was_read_is_not_sent_again_in_part(make: Callable[[], Any], method: str) -> None:
    async def use() -> None:
        faulty = FaultyStorage([LOST])
        storage = RetryableStorage(faulty, NO_WAIT)
        with pytest.raises(StorageConnectionError, match="no response") as caught:
            await getattr(storage, method)("a", make())
        assert len(faulty.calls) == 1
        assert caught.value.__notes__ == [
            "undaunted: 1 attempt; its data can be read only once, and was read"
        ]
        assert await faulty.inner.get_bytes("a") == b"12"
        # What was not read is sent again.
        del caught.value.__notes__
        faulty = FaultyStorage([RESET, RESET])
        await getattr(RetryableStorage(faulty, NO_WAIT), method)("a", make())
        assert await faulty.inner.get_bytes("a") == b"12"

    asyncio.run(use())


def test_data_that_can_be_read_again_is_sent_again() -> None:
    file = io.BytesIO(b"0012")
    file.seek(2)

    async def use(data: Any) -> None:
        faulty = FaultyStorage([LOST, LOST])
        await RetryableStorage(faulty, NO_WAIT).put("a", data)
        assert len(faulty.calls) == 3
        assert await faulty.inner.get_bytes("a") == b"12"

    for data in (b"12", bytearray(b"12"), memoryview(b"12"), [b"1", b"2"], (b"1", b"2"), file):
        asyncio.run(use(data))


def test_data_that_is_none_is_refused_by_its_own_name() -> None:
    storage = RetryableStorage(FaultyStorage(), NO_WAIT)
    with pytest.raises(TypeError, match="an iterable of bytes, not int"):
        asyncio.run(storage.put("a", 5))


def test_a_move_onto_itself_changes_nothing() -> None:
    class Naive(FaultyStorage):
        """It moves by a copy and a delete, as storages of S3 do."""

        async def move(self, source: str, destination: str, **kwargs: Any) -> Any:
            moved = await self.copy(source, destination)
            await self.delete(source)
            return moved

    async def use() -> None:
        naive = Naive()
        await naive.inner.put("a", b"data")
        storage = RetryableStorage(naive, NO_WAIT)
        assert (await storage.move("a", "a")).size == 4
        assert (await storage.copy("a", "a")).size == 4
        assert await naive.inner.get_bytes("a") == b"data"
        with pytest.raises(StorageFileExistsError):
            await storage.move("a", "a", overwrite=False)
        with pytest.raises(StorageFileNotFoundError):
            await storage.move("b", "b")

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


def test_a_storage_that_closes_its_source_keeps_its_error() -> None:
    """As boto3's ``upload_fileobj`` does: "I/O operation on closed file" says nothing of it."""

    class Closing(FaultyStorage):
        async def put(self, key: str, data: Any, **kwargs: Any) -> Any:
            data.close()
            return await super().put(key, b"", **kwargs)

    faulty = Closing([RESET, None])
    with pytest.raises(StorageConnectionError, match="reset") as caught:
        asyncio.run(RetryableStorage(faulty, NO_WAIT).put("a", io.BytesIO(b"data")))
    assert "1 attempt; its data was closed" in "".join(caught.value.__notes__)
    assert len(faulty.calls) == 1
