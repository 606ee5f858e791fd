"""Uploads that end early leave no parts on the service, however they end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import anyio
import pytest

from undaunted import (
    ObjectStorage,
    ProgressInfo,
    RetryConfig,
    Storage,
    StorageClosedError,
    blocking,
)
from undaunted._undaunted import in_flight
from undaunted.testing import S3Server, s3_server
from waiting import until, until_dropped, wait_for

PART = 5 << 20
SIZE = 12 * PART


@pytest.fixture
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


def opened(server: S3Server, retry: RetryConfig | None = None) -> ObjectStorage:
    return Storage.open("s3://bucket/root", server.options, retry=retry)


def count(server: S3Server, operation: str) -> int:
    return len(server.requests(operation))


def slow(operation: str, from_call: int = 1, lasts: str = "60m") -> str:
    """Faults in which an operation takes long."""
    return (
        f"[[rule]]\nfault = 'delay'\noperation = '{operation}'\nlasts = '{lasts}'\n"
        f"from_call = {from_call}\ncount = 'always'\n"
    )


def upload(storage: ObjectStorage) -> Coroutine[Any, Any, Any]:
    return storage.put_large("k", bytes(SIZE), part_size=PART)


async def by_scope(storage: ObjectStorage, begun: Callable[[], bool]) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(upload, storage)
        await until(begun)
        group.cancel_scope.cancel()


async def by_second_cancellation(storage: ObjectStorage, begun: Callable[[], bool]) -> None:
    task = asyncio.create_task(upload(storage))
    await until(begun)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def by_timeout(storage: ObjectStorage, begun: Callable[[], bool]) -> None:
    task = asyncio.create_task(upload(storage))
    await until(begun)
    with pytest.raises((TimeoutError, asyncio.TimeoutError)):
        await asyncio.wait_for(task, 0.01)


async def by_closed_coroutine(storage: ObjectStorage, begun: Callable[[], bool]) -> None:
    coroutine = upload(storage)
    waited = coroutine.send(None)
    while not begun():
        while not waited.done():
            await asyncio.sleep(0.01)
        waited = coroutine.send(None)
    coroutine.close()


ENDINGS = [by_scope, by_second_cancellation, by_timeout, by_closed_coroutine]


@pytest.mark.parametrize("end", ENDINGS)
def test_an_upload_that_is_cancelled_is_aborted(server: S3Server, end: Any) -> None:
    async def use(storage: ObjectStorage) -> None:
        await end(storage, lambda: count(server, "put_part") >= 5)
        # A storage that is closed waits for it.
        await storage.close()
        await until(lambda: count(server, "abort_multipart") == 1)
        with pytest.raises(StorageClosedError):
            await storage.exists("k")
        await until_dropped()

    server.chaos = slow("put_part", from_call=4)
    asyncio.run(use(opened(server)))
    assert count(server, "create_multipart") == 1
    assert count(server, "complete_multipart") == 0


def test_an_upload_that_is_cancelled_while_it_begins_is_aborted(server: S3Server) -> None:
    async def use() -> None:
        async with opened(server) as storage:
            task = asyncio.create_task(upload(storage))
            await until(lambda: count(server, "create_multipart") == 1)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
        await until(lambda: count(server, "abort_multipart") == 1)
        assert count(server, "create_multipart") == 1
        await until_dropped()

    server.chaos = slow("create_multipart", lasts="1s")
    asyncio.run(use())


def test_a_close_waits_for_an_upload_that_nobody_took(server: S3Server) -> None:
    async def use(storage: ObjectStorage) -> None:
        task = asyncio.create_task(upload(storage))
        await until(lambda: in_flight() > 0)
        # It begins, but the event loop cannot hand it over before the task is cancelled.
        hold_up_until(lambda: in_flight() == 0)
        task.cancel()
        await storage.close()
        assert count(server, "create_multipart") == 1
        assert count(server, "abort_multipart") == 1

    def hold_up_until(condition: Callable[[], bool]) -> None:
        for _ in range(3000):
            if condition():
                return
            time.sleep(0.02)

    server.chaos = slow("create_multipart", lasts="500ms")
    asyncio.run(use(opened(server)))


def test_a_close_does_not_wait_for_long(server: S3Server) -> None:
    async def use() -> float:
        storage = opened(server, RetryConfig(max_retries=0))
        await by_second_cancellation(storage, lambda: count(server, "put_part") >= 5)
        start = time.monotonic()
        await storage.close()
        return time.monotonic() - start

    server.chaos = slow("abort_multipart") + slow("put_part", from_call=4)
    assert 4 < asyncio.run(use()) < 30


PROGRAM = """
import asyncio, json, sys
from undaunted import Storage

async def main():
    storage = Storage.open("s3://bucket/root", json.loads(sys.argv[1]))
    await storage.put_large("k", bytes(60 << 20), part_size=5 << 20)

asyncio.run(main())
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_program_that_is_interrupted_aborts_its_upload(server: S3Server) -> None:
    server.chaos = slow("put_part", from_call=4)
    command = [sys.executable, "-c", PROGRAM, json.dumps(server.options)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as program:
        asyncio.run(until(lambda: count(server, "put_part") >= 5))
        program.send_signal(signal.SIGINT)
    assert program.returncode != 0
    assert count(server, "abort_multipart") == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_does_not_abort_its_parents_upload(server: S3Server) -> None:
    storage = opened(server).blocking

    def fork(info: ProgressInfo) -> None:
        if info.bytes_transferred == PART:
            child = os.fork()
            if child == 0:
                # Ends with what it has on its stack.
                raise SystemExit(0)
            os.waitpid(child, 0)

    try:
        storage.put_large("k", bytes(3 * PART), part_size=PART, progress_callback=fork)
    except SystemExit:
        os._exit(0)
    assert storage.info("k").size == 3 * PART
    assert count(server, "abort_multipart") == 0


@pytest.mark.parametrize("size", [0, 100, 3 * PART])
@pytest.mark.parametrize("is_async", [True, False])
def test_a_callback_that_raises_leaves_nothing(server: S3Server, size: int, is_async: bool) -> None:
    def raises(info: ProgressInfo) -> None:
        raise RuntimeError("the callback broke")

    def use(storage: blocking.Storage | ObjectStorage) -> None:
        result = storage.put_large("k", bytes(size), part_size=PART, progress_callback=raises)
        if asyncio.iscoroutine(result):
            asyncio.run(result)

    storage = opened(server)
    with pytest.raises(RuntimeError, match="the callback broke"):
        use(storage if is_async else storage.blocking)
    assert list(storage.blocking.list()) == []
    assert count(server, "complete_multipart") == count(server, "put") == 0
    assert count(server, "abort_multipart") == count(server, "create_multipart")


LEFT = """
import asyncio, json, sys, threading
from undaunted import Storage
options, how, concurrency = json.loads(sys.argv[1])
storage = Storage.open("s3://bucket/root", options)
size = {"part_size": 5 << 20, "concurrency": concurrency}

def parts():
    for _ in range(3):
        yield bytes(5 << 20)
    threading.Event().wait()

def upload():
    storage.blocking.put_large("k", parts(), **size)

def upload_async():
    asyncio.run(storage.put_large("k", parts(), **size))

threading.Thread(target=globals()[how], daemon=True).start()
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["upload", "upload_async"])
@pytest.mark.parametrize("waits_for", ["its source", "a part"])
def test_the_end_of_a_program_aborts_the_uploads_of_daemons(
    server: S3Server, how: str, waits_for: str
) -> None:
    is_slow = waits_for == "a part"
    if is_slow:
        server.chaos = slow("put_part")
    arguments = json.dumps([server.options, how, 1 if is_slow else 4])
    command = [sys.executable, "-c", LEFT, arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as program:
        wait_for(lambda: count(server, "put_part") == (1 if is_slow else 3))
        assert program.stdin is not None
        program.stdin.close()
    assert program.returncode == 0
    assert count(server, "create_multipart") == 1
    assert count(server, "abort_multipart") == 1
    assert count(server, "complete_multipart") == 0
