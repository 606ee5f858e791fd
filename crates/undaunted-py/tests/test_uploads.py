"""Uploads that end early leave no parts on the service, however they end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import pytest

from real_s3 import RealS3, serve
from undaunted import (
    ObjectStorage,
    ProgressInfo,
    RetryConfig,
    Storage,
    StorageClosedError,
    blocking,
)
from undaunted._undaunted import in_flight
from undaunted.testing import s3_server

PART = 5 << 20
SIZE = 12 * PART


def operations(s3: RealS3, name: str) -> int:
    return [request["operation"] for request in s3.recorded()].count(name)


def unended(s3: RealS3) -> int:
    return operations(s3, "create_multipart") - operations(s3, "abort_multipart")


def slow(folder: Path, operation: str, lasts: str, from_call: int = 1) -> str:
    """A file of faults in which an operation takes long; it is added to what is there."""
    rules = folder / "faults.toml"
    with rules.open("a") as file:
        file.write(
            f"[[rule]]\nfault = 'delay'\noperation = '{operation}'\nlasts = '{lasts}'\n"
            f"from_call = {from_call}\ncount = 'always'\n"
        )
    return str(rules)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen within 10 s")


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
    async def wait() -> None:
        await until(begun)
        await asyncio.sleep(0.05)

    task = asyncio.create_task(upload(storage))
    await wait()
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
def test_an_upload_that_is_cancelled_is_aborted(tmp_path: Path, end: Any) -> None:
    async def use(s3: RealS3) -> None:
        storage = s3.storage()
        await end(storage, lambda: operations(s3, "put_part") >= 2)
        # A storage that is closed waits for it.
        await storage.close()
        await until(lambda: operations(s3, "abort_multipart") == 1)
        with pytest.raises(StorageClosedError):
            await storage.exists("k")
        await until(lambda: in_flight() == 0)

    with serve(tmp_path, slow(tmp_path, "put_part", "2s", from_call=4)) as s3:
        asyncio.run(use(s3))
    assert operations(s3, "complete_multipart") == 0


def test_an_upload_that_is_cancelled_while_it_begins_is_aborted(tmp_path: Path) -> None:
    async def use(s3: RealS3) -> None:
        async with s3.storage() as storage:
            with pytest.raises((TimeoutError, asyncio.TimeoutError)):
                await asyncio.wait_for(upload(storage), 0.3)
        await until(lambda: operations(s3, "abort_multipart") == 1)
        assert operations(s3, "create_multipart") == 1
        await until(lambda: in_flight() == 0)

    with serve(tmp_path, slow(tmp_path, "create_multipart", "1s")) as s3:
        asyncio.run(use(s3))


def test_a_close_waits_for_an_upload_that_nobody_took() -> None:
    async def use(storage: ObjectStorage) -> None:
        task = asyncio.create_task(upload(storage))
        await until(lambda: in_flight() > 0)
        # It begins, but the event loop cannot hand it over before the task is cancelled.
        hold_up_until(lambda: in_flight() == 0)
        task.cancel()
        await storage.close()
        assert len(server.requests("create_multipart")) == 1
        assert len(server.requests("abort_multipart")) == 1

    def hold_up_until(condition: Callable[[], bool]) -> None:
        for _ in range(500):
            if condition():
                return
            time.sleep(0.02)

    with s3_server() as server:
        server.chaos = "[[rule]]\nfault = 'delay'\noperation = 'create_multipart'\nlasts = '500ms'"
        asyncio.run(use(Storage.open("s3://bucket", server.options)))


def test_a_close_does_not_wait_for_long(tmp_path: Path) -> None:
    async def use(s3: RealS3) -> float:
        storage = s3.storage(RetryConfig(max_retries=0))
        await by_second_cancellation(storage, lambda: operations(s3, "put_part") >= 2)
        start = time.monotonic()
        await storage.close()
        return time.monotonic() - start

    slow(tmp_path, "abort_multipart", "20s")
    with serve(tmp_path, slow(tmp_path, "put_part", "2s", from_call=4)) as s3:
        assert 4 < asyncio.run(use(s3)) < 10


PROGRAM = """
import asyncio, json, sys
from undaunted import Storage

async def main():
    storage = Storage.open("s3://bucket/root", json.loads(sys.argv[1]))
    await storage.put_large("k", bytes(60 << 20), part_size=5 << 20)

asyncio.run(main())
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_program_that_is_interrupted_aborts_its_upload(tmp_path: Path) -> None:
    with serve(tmp_path, slow(tmp_path, "put_part", "2s", from_call=4)) as s3:
        command = [sys.executable, "-c", PROGRAM, json.dumps(s3.options)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as program:
            asyncio.run(until(lambda: operations(s3, "put_part") >= 2))
            program.send_signal(signal.SIGINT)
        assert program.returncode != 0
        # The server records a request after its response.
        asyncio.run(until(lambda: operations(s3, "abort_multipart") == 1))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_does_not_abort_its_parents_upload(tmp_path: Path) -> None:
    with serve(tmp_path) as s3:
        storage = s3.storage().blocking

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
    assert operations(s3, "abort_multipart") == 0


@pytest.mark.parametrize("size", [0, 100, 3 * PART])
@pytest.mark.parametrize("is_async", [True, False])
def test_a_callback_that_raises_leaves_nothing(tmp_path: Path, size: int, is_async: bool) -> None:
    def raises(info: ProgressInfo) -> None:
        raise RuntimeError("the callback broke")

    def use(storage: blocking.Storage | ObjectStorage) -> None:
        result = storage.put_large("k", bytes(size), part_size=PART, progress_callback=raises)
        if asyncio.iscoroutine(result):
            asyncio.run(result)

    with serve(tmp_path) as s3:
        storage = s3.storage()
        with pytest.raises(RuntimeError, match="the callback broke"):
            use(storage if is_async else storage.blocking)
        assert list(storage.blocking.list()) == []
        # The server records a request after its response.
        asyncio.run(until(lambda: unended(s3) == 0))
    assert operations(s3, "complete_multipart") == operations(s3, "put") == 0
    assert unended(s3) == 0
