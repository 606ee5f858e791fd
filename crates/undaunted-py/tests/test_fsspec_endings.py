"""Calls of the file system that end early: nothing of them goes on."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fsspec.exceptions import FSTimeoutError

from undaunted import RetryConfig, StorageTimeoutError
from undaunted.fsspec import S3FileSystem
from undaunted.testing import S3Server, s3_server
from waiting import until, until_dropped, wait_for

PART = 5 * 2**20
FILES = 6
BATCH = 2
"""So many of the files are transferred side by side. What is left must not begin."""
OLD = [f"bucket/old/{name}" for name in range(FILES)]
NEW = [f"bucket/new/{name}" for name in range(FILES)]


class Kind(NamedTuple):
    """A call that transfers many files."""

    operation: str
    """What it asks of the service, again and again."""
    method: str
    """Its name, without the underscore of the coroutine function."""
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = {}


LOCAL = "LOCAL"
"""Stands for a folder of the test."""

KINDS = {
    "get": Kind("get", "get", ("bucket/old", f"{LOCAL}/got"), {"recursive": True}),
    "get of a list": Kind("get", "get", (OLD, [f"{LOCAL}/got/{n}" for n in range(FILES)])),
    "put": Kind("put", "put", (f"{LOCAL}/small/", "bucket/new"), {"recursive": True}),
    "put in parts": Kind("put_part", "put", (f"{LOCAL}/large/", "bucket/new"), {"recursive": True}),
    "cat": Kind("get", "cat", (OLD,)),
    "cat of what is there": Kind("get", "cat", (OLD,), {"on_error": "omit"}),
    "cat_ranges": Kind("get", "cat_ranges", (OLD, 0, 2)),
    "pipe": Kind("put", "pipe", (dict.fromkeys(NEW, b"hello"),)),
    "copy": Kind("copy", "copy", (OLD, NEW)),
    "copy of a folder": Kind("copy", "copy", ("bucket/old", "bucket/new"), {"recursive": True}),
    "move": Kind("copy", "mv", (OLD, NEW)),
    "sizes": Kind("head", "sizes", (OLD,)),
    "remove": Kind("head", "rm", (OLD,)),
}
ALL = pytest.mark.parametrize("kind", [pytest.param(kind, id=name) for name, kind in KINDS.items()])


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(autouse=True)
def files(server: S3Server, tmp_path: Path) -> None:
    """Files on the server, and files in a folder that can be put there."""
    server.chaos = ""
    fs = file_system(server)
    fs.pipe(dict.fromkeys(OLD, b"hello"))
    for name in fs.find("bucket/new"):
        fs.rm_file(name)
    for folder, size in (("small", 5), ("large", 2 * PART)):
        (tmp_path / folder).mkdir()
        for name in range(FILES):
            (tmp_path / folder / str(name)).write_bytes(bytes(size))
    server.clear_requests()


def file_system(server: S3Server, **more: Any) -> Any:
    options = {"batch_size": BATCH, "default_block_size": PART, "max_concurrency": 1, **more}
    return S3FileSystem(**server.options, **options, skip_instance_cache=True)


def slow(kind: Kind, failing: str = "") -> str:
    """A service that lets a body, or a request, wait for long."""
    fault = "'stall_body'\nat = 2" if kind.method == "get" else "'delay'"
    return (
        f"{failing}[[rule]]\nfault = {fault}\nlasts = '60m'\n"
        f"operation = '{kind.operation}'\ncount = 'always'\n"
    )


def call(fs: Any, kind: Kind, folder: Path, name: str) -> Any:
    arguments = eval(repr(kind.arguments).replace(LOCAL, str(folder)))
    return getattr(fs, name)(*arguments, **kind.options)


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()


async def cancelled_twice(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()


@ALL
@pytest.mark.parametrize("end", [cancelled, cancelled_twice])
def test_what_is_cancelled_does_not_go_on(
    server: S3Server, tmp_path: Path, kind: Kind, end: Callable[[Any], Any]
) -> None:
    async def main() -> None:
        fs = file_system(server, asynchronous=True)
        task = asyncio.ensure_future(call(fs, kind, tmp_path, f"_{kind.method}"))
        await until(lambda: task.done() or count(server, kind) >= BATCH)
        await end(task)
        await asyncio.wait([task])
        assert task.cancelled()
        # None is left to begin what has not begun.
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await until_dropped()

    server.chaos = slow(kind)
    asyncio.run(main())
    check_ended(server, tmp_path, kind)


@ALL
def test_a_coroutine_that_is_closed_does_not_go_on(
    server: S3Server, tmp_path: Path, kind: Kind
) -> None:
    async def main() -> None:
        fs = file_system(server, asynchronous=True)
        coroutine = call(fs, kind, tmp_path, f"_{kind.method}")
        waited = coroutine.send(None)
        while count(server, kind) < BATCH:
            while waited is not None and not waited.done() and count(server, kind) < BATCH:
                await asyncio.sleep(0.01)
            if waited is None or waited.done():
                waited = coroutine.send(None)
        coroutine.close()
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
        await until_dropped()

    server.chaos = slow(kind)
    asyncio.run(main())
    check_ended(server, tmp_path, kind)


FAILING = [name for name, kind in KINDS.items() if kind.options.get("on_error") != "omit"]


@pytest.mark.parametrize("name", FAILING)
def test_a_failure_ends_what_runs_beside_it(server: S3Server, tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    if name == "cat_ranges":
        kind = kind._replace(options={"on_error": "raise"})

    async def main() -> None:
        fs = file_system(server, asynchronous=True, batch_size=BATCH + 1)
        with pytest.raises(PermissionError):
            await call(fs, kind, tmp_path, f"_{kind.method}")
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await until_dropped()

    server.chaos = slow(
        kind,
        "[[rule]]\nfault = 'fail_before'\nstatus = 403\ncode = 'AccessDenied'\n"
        "key = '*/1'\ncount = 'always'\n",
    )
    asyncio.run(main())
    check_ended(server, tmp_path, kind, BATCH + 1)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@ALL
def test_ctrl_c_ends_a_blocking_call(server: S3Server, tmp_path: Path, kind: Kind) -> None:
    program = """if True:
        import asyncio, sys
        from undaunted.fsspec import S3FileSystem

        options, method, arguments, keywords = eval(sys.argv[1])
        fs = S3FileSystem(**options)
        try:
            getattr(fs, method)(*arguments, **keywords)
        except KeyboardInterrupt:
            print("interrupted, tasks:", len(asyncio.all_tasks(fs.loop)))
    """
    options = {**server.options, "batch_size": BATCH, "max_concurrency": 1}
    options["default_block_size"] = PART
    given = repr([options, kind.method, kind.arguments, kind.options])
    server.chaos = slow(kind)
    command = [sys.executable, "-c", program, given.replace(LOCAL, str(tmp_path))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program_run:
        wait_for(lambda: count(server, kind) >= BATCH)
        program_run.send_signal(signal.SIGINT)
        said, _ = program_run.communicate(timeout=60)
    assert (said, program_run.returncode) == ("interrupted, tasks: 0\n", 0)
    check_ended(server, tmp_path, kind)


def test_a_blocking_call_that_takes_too_long_is_cancelled(server: S3Server) -> None:
    fs = file_system(server)
    server.chaos = slow(KINDS["cat"])
    with pytest.raises(FSTimeoutError, match="after 0.2 s"):
        fs.cat(OLD, timeout=0.2)
    wait_for(lambda: asyncio.all_tasks(fs.loop) == set())


def test_a_blocking_call_raises_what_its_coroutine_raises(server: S3Server) -> None:
    once = RetryConfig(max_retries=0, attempt_timeout=0.1)
    fs = file_system(server, retry=once)
    server.chaos = slow(KINDS["cat"])

    class Local:
        """What the caller holds."""

    def cat() -> weakref.ref[Local]:
        local = Local()
        try:
            fs.cat_file(OLD[0])
        except StorageTimeoutError as error:
            assert error.filename == OLD[0]
        else:
            raise AssertionError("it takes too long")
        return weakref.ref(local)

    gc.disable()
    try:
        kept = cat()
        # The other thread has its part of it for a moment.
        wait_for(lambda: kept() is None)
    finally:
        gc.enable()


def test_a_blocking_walk_can_be_left(server: S3Server) -> None:
    fs = file_system(server)
    steps = fs.walk("bucket")
    assert next(steps)[0] == "bucket"
    steps.close()
    assert [root for root, _, _ in fs.walk("bucket")] == ["bucket", "bucket/old"]
    wait_for(lambda: asyncio.all_tasks(fs.loop) == set())


def test_blocking_methods_are_refused_where_they_would_block_their_own_loop(
    server: S3Server,
) -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="asynchronous=True"):
            file_system(server, asynchronous=True).cat("bucket/old/0")
        own = asyncio.get_running_loop()
        with pytest.raises(NotImplementedError, match="await the method with an underscore"):
            file_system(server, loop=own).cat("bucket/old/0")

    asyncio.run(main())


def test_a_subclass_has_blocking_methods_of_its_own_coroutines(server: S3Server) -> None:
    class Shouting(S3FileSystem):
        async def _cat_file(self, path: str, **kwargs: Any) -> bytes:
            content: bytes = await super()._cat_file(path, **kwargs)
            return content.upper()

    fs: Any = Shouting(**server.options, skip_instance_cache=True)
    assert (fs.cat_file(OLD[0]), fs.cat(OLD[:1])) == (b"HELLO", {OLD[0]: b"HELLO"})
    assert "content" in S3FileSystem.cat.__doc__.lower()
    assert pickle.loads(pickle.dumps(file_system(server).cat_file))(OLD[0]) == b"hello"


@pytest.mark.parametrize("end", [cancelled, cancelled_twice])
def test_a_close_that_is_cancelled_leaves_no_upload(
    server: S3Server, tmp_path: Path, end: Callable[[Any], Any]
) -> None:
    async def main() -> None:
        fs = file_system(server, asynchronous=True)
        file = await fs.open_async("bucket/a", "wb", block_size=PART)
        for _ in range(3):
            await file.write(bytes(PART))
        task = asyncio.ensure_future(file.close())
        # It begins: what is cancelled before has closed nothing.
        await asyncio.sleep(0)
        await until(lambda: len(server.requests("put_part")) == 1)
        await end(task)
        await asyncio.wait([task])
        assert task.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await until(lambda: len(server.requests("abort_multipart")) == 1)
        await until_dropped()

    server.chaos = slow(KINDS["put in parts"])
    asyncio.run(main())
    check_ended(server, tmp_path, KINDS["put in parts"])


def test_a_write_whose_coroutine_is_closed_leaves_no_upload(
    server: S3Server, tmp_path: Path
) -> None:
    async def write(fs: Any) -> None:
        async with await fs.open_async("bucket/new/a", "wb", block_size=PART) as file:
            for _ in range(9):
                await file.write(bytes(PART))

    async def main() -> None:
        coroutine = write(file_system(server, asynchronous=True))
        waited = coroutine.send(None)
        while not server.requests("put_part"):
            while not waited.done() and not server.requests("put_part"):
                await asyncio.sleep(0.01)
            if waited.done():
                waited = coroutine.send(None)
        coroutine.close()
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
        await until_dropped()

    server.chaos = slow(KINDS["put in parts"])
    asyncio.run(main())
    check_ended(server, tmp_path, KINDS["put in parts"])


def test_a_write_that_is_cancelled_has_written_nothing(server: S3Server) -> None:
    async def main() -> None:
        fs = file_system(server, asynchronous=True)
        written = 0
        async with await fs.open_async("bucket/new/a", "wb", block_size=PART) as file:
            while True:
                task = asyncio.ensure_future(file.write(bytes([written]) * PART))
                done, _ = await asyncio.wait([task], timeout=1)
                if not done:
                    break
                written += 1
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            server.chaos = ""
        assert file.tell() == written * PART
        content = await fs._cat_file("bucket/new/a")
        assert [content[n * PART] for n in range(written)] == list(range(written))
        assert len(content) == written * PART

    server.chaos = slow(KINDS["put in parts"]).replace("60m", "5s")
    asyncio.run(main())


def test_a_read_that_is_cancelled_loses_nothing(server: S3Server) -> None:
    content = os.urandom(2**20)

    async def main() -> None:
        fs = file_system(server, asynchronous=True)
        await fs._pipe_file("bucket/new/a", content)
        file = await fs.open_async("bucket/new/a")
        assert await file.read(10) == content[:10]
        task = asyncio.ensure_future(file.read())
        await asyncio.wait([task], timeout=0.5)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        server.chaos = ""
        assert await file.read(100) == content[10:110]
        assert await file.read() == content[110:]

    server.chaos = "[[rule]]\nfault = 'stall_body'\nat = 500_000\nlasts = '60m'\noperation = 'get'"
    asyncio.run(main())


def count(server: S3Server, kind: Kind) -> int:
    return len(server.requests(kind.operation))


def check_ended(server: S3Server, folder: Path, kind: Kind, most: int = BATCH) -> None:
    """Nothing more was asked, and nothing is left of what was half done."""
    wait_for(lambda: len(server.requests("abort_multipart")) == uploads(server))
    assert server.requests("complete_multipart") == []
    assert count(server, kind) <= most
    assert list(folder.rglob("*.partial")) == []
    assert [each for each in folder.glob("got/*") if each.is_file()] == []


def uploads(server: S3Server) -> int:
    return sum(each["status"] == 200 for each in server.requests("create_multipart"))
