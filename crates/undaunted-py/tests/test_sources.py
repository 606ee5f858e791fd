"""Where the bytes of a write come from: what was read is neither lost nor cut in silence."""

from __future__ import annotations

import asyncio
import io
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from undaunted import ObjectStorage, RetryConfig, Storage, retry

DATA = bytes(range(256)) * 100_000
NO_WAIT = RetryConfig(base_delay=0)


@pytest.fixture
def storage() -> ObjectStorage:
    return Storage.open("memory://")


class Awaitable:
    """Its `read` is a plain function that returns a coroutine."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int) -> Any:
        async def read() -> bytes:
            return self._file.read(size)

        return read()


def fed(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=1 << 16)
    reader.feed_data(data)
    reader.feed_eof()
    return reader


@pytest.mark.parametrize("make", [fed, Awaitable], ids=["StreamReader", "awaitable"])
def test_a_reader_may_be_async(storage: ObjectStorage, make: Callable[[bytes], Any]) -> None:
    async def use() -> None:
        assert (await storage.put("a", make(DATA))).size == len(DATA)
        assert await storage.get_bytes("a") == DATA
        stored = await storage.put_large("b", make(DATA), part_size=5 << 20)
        assert stored.size == len(DATA)
        assert await storage.get_bytes("b") == DATA

    asyncio.run(use())


def test_a_stream_of_a_connection_is_stored(storage: ObjectStorage) -> None:
    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(DATA)
        await writer.drain()
        writer.close()

    async def use() -> None:
        server = await asyncio.start_server(send, "127.0.0.1", 0)
        async with server:
            host, port = server.sockets[0].getsockname()
            reader, writer = await asyncio.open_connection(host, port)
            assert (await storage.put("a", reader)).size == len(DATA)
            writer.close()
        assert await storage.get_bytes("a") == DATA

    asyncio.run(use())


def test_files_of_anyio_are_stored(storage: ObjectStorage, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(DATA)

    async def use() -> None:
        async with await anyio.open_file(tmp_path / "a", "rb") as file:
            assert (await storage.put("a", file)).size == len(DATA)
        assert await storage.get_bytes("a") == DATA

    asyncio.run(use())


def test_an_async_reader_is_not_for_the_blocking_storage(storage: ObjectStorage) -> None:
    class Reader:
        async def read(self, size: int) -> bytes:
            return b""

    with pytest.raises(TypeError, match=r"data is a Reader, whose read\(\) is a coroutine"):
        storage.blocking.put("a", Reader())  # type: ignore[arg-type]


@pytest.mark.skipif(os.name != "posix", reason="sockets that do not block")
def test_a_file_that_has_no_bytes_yet_is_not_cut(storage: ObjectStorage) -> None:
    def use(put: Callable[[Any], object]) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.sendall(b"the first part")
            ours.setblocking(False)
            said = pytest.raises(ValueError, match=r"data.read\(\) returned None")
            with open(os.dup(ours.fileno()), "rb", buffering=0) as file, said:
                put(file)

    use(lambda file: storage.blocking.put("a", file))
    use(lambda file: asyncio.run(storage.put("b", file)))
    assert list(storage.blocking.list()) == []


async def stream() -> AsyncIterator[bytes]:
    yield DATA


def generator() -> Iterator[bytes]:
    yield DATA


class OneShot:
    def __init__(self) -> None:
        self._chunks = generator()

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks


class Reader:
    def __init__(self) -> None:
        self._file = io.BytesIO(DATA)

    def read(self, size: int) -> bytes:
        return self._file.read(size)


@pytest.mark.parametrize(
    "make",
    [stream, generator, OneShot, Reader, lambda: fed(DATA), lambda: map(bytes, [DATA])],
    ids=["async generator", "generator", "one-shot", "reader", "StreamReader", "map"],
)
def test_a_stream_that_was_read_is_not_stored_again(
    storage: ObjectStorage, make: Callable[[], Any]
) -> None:
    """`@retry` hands over the same stream again when something behind the write fails."""
    calls = 0

    @retry(NO_WAIT)
    async def store(data: Any) -> None:
        nonlocal calls
        calls += 1
        await storage.put("a", data)
        raise ConnectionResetError("what comes after it fails")

    async def use() -> None:
        with pytest.raises(ValueError, match="was read by an earlier write"):
            await store(make())
        assert calls == 2
        assert await storage.get_bytes("a") == DATA

    asyncio.run(use())


@pytest.mark.parametrize("is_file", [True, False])
def test_what_can_seek_is_taken_back(storage: ObjectStorage, tmp_path: Path, is_file: bool) -> None:
    (tmp_path / "a").write_bytes(b"skipped" + DATA)
    file: Any = (tmp_path / "a").open("rb") if is_file else io.BytesIO(b"skipped" + DATA)
    calls = 0

    @retry(NO_WAIT)
    async def store(data: Any) -> None:
        nonlocal calls
        calls += 1
        await storage.put("a", data)
        if calls < 3:
            raise ConnectionResetError("what comes after it fails")

    with file:
        file.seek(len("skipped"))
        asyncio.run(store(file))
        assert storage.blocking.get_bytes("a") == DATA
        # One that was moved is read from where it is.
        file.seek(len("skipped") + len(DATA) - 5)
        storage.blocking.put("b", file)
        assert storage.blocking.get_bytes("b") == DATA[-5:]


def test_a_source_that_breaks_is_not_taken_for_a_short_one(storage: ObjectStorage) -> None:
    def broken() -> Iterator[bytes]:
        yield b"some"
        raise ConnectionResetError("the source broke")

    @retry(NO_WAIT)
    async def store(data: Iterator[bytes]) -> None:
        await storage.put("a", data)

    with pytest.raises(ValueError, match="was read by an earlier write"):
        asyncio.run(store(broken()))
    assert list(storage.blocking.list()) == []


def test_lists_are_sent_as_often_as_one_likes(storage: ObjectStorage) -> None:
    for chunks in ([b"1", b"2"], (b"1", b"2"), {b"12": None}):
        for _ in range(3):
            storage.blocking.put("a", chunks)
            assert storage.blocking.get_bytes("a") == b"12"
