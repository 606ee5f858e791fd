"""Streams whose waits are cancelled, interrupted or fail: a part is never taken for the whole."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from undaunted import (
    ObjectStorage,
    RetryableStorage,
    RetryConfig,
    Storage,
    StorageConnectionError,
    StorageError,
    StorageFileNotFoundError,
    StoredFile,
    blocking,
    retry,
    with_retry,
)
from undaunted.testing import s3_server

DATA = os.urandom(8 << 20)
NO_WAIT = RetryConfig(base_delay=0)


@pytest.fixture(params=["files", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "s3":
        with s3_server() as s3:
            yield Storage.open("s3://bucket", s3.options)
    else:
        yield Storage.open(str(tmp_path) if request.param == "files" else "memory://")


async def pieces(stream: AsyncIterator[Any]) -> list[Any]:
    """All pieces of a stream whose waits are cancelled again and again."""
    got: list[Any] = []
    cancelled = 0
    while True:
        task: asyncio.Task[Any] = asyncio.ensure_future(_next(stream))
        if cancelled < 200 and len(got) % 3 != 2:
            for _ in range(cancelled % 3):
                await asyncio.sleep(0.0002)
            task.cancel()
            cancelled += 1
        try:
            got.append(await task)
        except asyncio.CancelledError:
            continue
        except StopAsyncIteration:
            return got


async def _next(stream: AsyncIterator[Any]) -> Any:
    # A task cannot raise StopAsyncIteration of `anext` by itself in every Python.
    return await anext(stream)


def test_a_read_continues_after_a_wait_that_was_cancelled(storage: ObjectStorage) -> None:
    async def main() -> None:
        await storage.put("a", DATA)
        assert b"".join(await pieces(storage.get("a"))) == DATA

    asyncio.run(main())


def test_a_list_continues_after_a_wait_that_was_cancelled(storage: ObjectStorage) -> None:
    async def main() -> None:
        names = [f"{number:04}" for number in range(120)]
        for name in names:
            await storage.put(name, b"")
        assert sorted(file.key for file in await pieces(storage.list())) == names

    asyncio.run(main())


def test_trio_continues_too(tmp_path: Path) -> None:
    async def main() -> None:
        storage = Storage.open(str(tmp_path))
        await storage.put("a", DATA)
        chunks, got = storage.get("a"), []
        for number in range(10_000):
            with anyio.move_on_after(0.0002 if number % 2 else 5):
                chunk = await anext(chunks, None)
                if chunk is None:
                    break
                got.append(chunk)
        assert b"".join(got) == DATA

    anyio.run(main, backend="trio")


class _Alarm(Exception):
    pass


def test_a_blocking_stream_continues_after_a_signal(tmp_path: Path) -> None:
    def ring(*_: object) -> None:
        raise _Alarm

    chaos = "[[rule]]\nfault = 'stall_body'\nat = 500_000\noperation = 'get'\nlasts = '500ms'\n"
    with s3_server(chaos) as s3:
        storage = blocking.Storage.open("s3://bucket", s3.options)
        storage.put("a", DATA)
        before = signal.signal(signal.SIGALRM, ring)
        chunks, got, alarms = storage.get("a"), [], 0
        try:
            while True:
                signal.setitimer(signal.ITIMER_REAL, 0.1 if not alarms else 0)
                try:
                    got.append(next(chunks))
                except _Alarm:
                    alarms += 1
                except StopIteration:
                    break
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    assert alarms == 1
    assert b"".join(got) == DATA


def test_a_read_that_failed_does_not_end() -> None:
    """Each time that somebody waits for the next chunk."""
    chaos = "fault = 'break_body'\nat = 500_000\noperation = 'get'\nfailure = 'reset'"
    chaos = f"[[rule]]\n{chaos}\ncount = 'always'\n"
    with s3_server() as s3:
        storage = Storage.open("s3://bucket", s3.options, retry=RetryConfig(max_retries=0))
        storage.blocking.put("a", DATA)
        s3.chaos = chaos

        async def main() -> None:
            chunks = storage.get("a")
            with pytest.raises(StorageError):
                while True:
                    await anext(chunks)
            for _ in range(2):
                with pytest.raises(StorageError, match="it failed before, so begin a new one"):
                    await anext(chunks)

        asyncio.run(main())
        reading = storage.blocking.get("a")
        with pytest.raises(StorageError):
            list(reading)
        with pytest.raises(StorageError, match="it failed before"):
            next(reading)


def test_a_read_that_did_not_begin_begins_anew(storage: ObjectStorage) -> None:
    async def main() -> None:
        chunks = storage.get("a")
        with pytest.raises(StorageFileNotFoundError):
            await anext(chunks)
        await storage.put("a", b"data")
        assert [chunk async for chunk in chunks] == [b"data"]
        assert [chunk async for chunk in chunks] == []

    asyncio.run(main())


def test_one_waits_at_a_time() -> None:
    chaos = "[[rule]]\nfault = 'delay'\noperation = 'get'\nlasts = '60m'\ncount = 'always'\n"
    with s3_server() as s3:
        storage = Storage.open("s3://bucket", s3.options)
        storage.blocking.put("a", b"data")

        async def main() -> None:
            for stream in (storage.get("a"), RetryableStorage(storage).get("a")):
                s3.chaos = chaos
                waiting = asyncio.ensure_future(_next(stream))
                await asyncio.sleep(0)
                with pytest.raises(RuntimeError, match="waits for the next piece"):
                    await anext(stream)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                s3.chaos = ""
                assert [chunk async for chunk in stream] == [b"data"]

        asyncio.run(main())


def test_a_closed_stream_has_ended(storage: ObjectStorage) -> None:
    async def main() -> None:
        await storage.put("a", DATA)
        for stream in (storage.get("a"), RetryableStorage(storage).get("a")):
            async with contextlib.aclosing(stream):  # type: ignore[type-var]
                assert await anext(stream)
            assert [chunk async for chunk in stream] == []
        for files in (storage.list(), RetryableStorage(storage).list()):
            async with contextlib.aclosing(files):  # type: ignore[type-var]
                assert (await anext(files)).key == "a"
            assert [file async for file in files] == []

    asyncio.run(main())
    with contextlib.closing(storage.blocking.get("a")) as chunks:  # type: ignore[type-var]
        next(chunks)
    assert list(chunks) == []
    with contextlib.closing(storage.blocking.list()) as files:  # type: ignore[type-var]
        next(files)
    assert list(files) == []


def test_a_stream_is_not_retried_in_silence(storage: ObjectStorage) -> None:
    for get in (lambda: storage.get("a"), lambda: storage.blocking.list()):
        with pytest.raises(TypeError, match="cannot repeat the generator"):
            retry(get)()
        with pytest.raises(TypeError, match="Stream"):
            asyncio.run(with_retry(get))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="cannot repeat the generator"):
        blocking.with_retry(lambda: storage.blocking.list())


class Generators:
    """A storage whose streams are generators, which wait for each piece."""

    def __init__(self) -> None:
        self.closed = 0
        self.begun = 0
        self.failures: list[Exception] = []

    async def get(self, key: str) -> AsyncIterator[bytes]:
        self.begun += 1
        try:
            for number in range(5):
                await asyncio.sleep(0.001)
                if number == 2 and self.failures:
                    raise self.failures.pop()
                yield bytes([number])
        finally:
            self.closed += 1

    async def list(self, prefix: str = "") -> AsyncIterator[StoredFile]:
        self.begun += 1
        try:
            for number in range(5):
                await asyncio.sleep(0.001)
                yield StoredFile(str(number), 1)
        finally:
            self.closed += 1


def test_a_retried_read_of_a_generator_does_not_end_early() -> None:
    async def main() -> None:
        inner = Generators()
        storage = RetryableStorage(inner, NO_WAIT)
        chunks = storage.get("a")
        for _ in range(3):
            # Before the first chunk, it begins anew.
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(anext(chunks), 0.0001)
        assert [await anext(chunks), await anext(chunks)] == [b"\0", b"\1"]
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(chunks), 0.0001)
        for _ in range(2):
            with pytest.raises(StorageError, match="cannot continue to read a after Cancelled"):
                await anext(chunks)
        inner.failures = [StorageConnectionError("reset")]
        chunks = storage.get("a")
        assert [await anext(chunks), await anext(chunks)] == [b"\0", b"\1"]
        with pytest.raises(StorageConnectionError):
            await anext(chunks)
        with pytest.raises(StorageError, match="after StorageConnectionError: reset: begin"):
            await anext(chunks)
        assert inner.closed == inner.begun

    asyncio.run(main())


def test_a_retried_list_of_generators_continues() -> None:
    async def main() -> None:
        inner = Generators()
        files = RetryableStorage(inner, NO_WAIT).list()
        keys = [(await anext(files)).key, (await anext(files)).key]
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(files), 0.0001)
        keys += [file.key async for file in files]
        assert keys == ["0", "1", "2", "3", "4"]
        assert inner.begun == inner.closed == 2

    asyncio.run(main())


def test_waits_that_are_shorter_than_the_service_takes_read_on() -> None:
    chaos = "[[rule]]\nfault = 'stall_body'\nat = 500_000\noperation = 'get'\nlasts = '500ms'\n"
    with s3_server(chaos) as s3:
        storage = Storage.open("s3://bucket", s3.options)
        storage.blocking.put("a", DATA)

        async def main() -> tuple[bytes, int]:
            chunks, timeouts = storage.get("a"), 0
            got = [await anext(chunks)]
            while True:
                try:
                    got.append(await asyncio.wait_for(anext(chunks), 0.05))
                except asyncio.TimeoutError:
                    timeouts += 1
                except StopAsyncIteration:
                    return b"".join(got), timeouts

        data, timeouts = asyncio.run(main())
        assert data == DATA
        assert timeouts >= 2
        assert len(s3.requests("get")) == 1
