"""Open files of the file system: each is one object, and is written as its block ended."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import io
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.callbacks import Callback

from undaunted import RetryConfig, StorageError
from undaunted.fsspec import FileSystem, S3FileSystem
from undaunted.testing import S3Server, s3_server
from waiting import wait_for

PART = 5 * 2**20
PATH = "bucket/a"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture
def fs(server: S3Server) -> Iterator[Any]:
    server.chaos = ""
    fs = file_system(server)
    yield fs
    server.chaos = ""
    fs.rm(fs.find("bucket"))


@pytest.fixture
def memory() -> Any:
    return FileSystem("memory", skip_instance_cache=True)


def file_system(server: S3Server, **more: Any) -> Any:
    return S3FileSystem(**server.options, **more, skip_instance_cache=True)


# Reading.


@pytest.mark.parametrize("size", [50, 100, 200])
@pytest.mark.parametrize("place", [0, 10])
@pytest.mark.parametrize("seeks", [False, True])
def test_an_async_file_is_one_object(
    server: S3Server, fs: Any, size: int, place: int, seeks: bool
) -> None:
    async def main() -> None:
        fs = file_system(server, asynchronous=True)
        await fs._pipe_file(PATH, b"a" * 100)
        file = await fs.open_async(PATH)
        if seeks:
            file.seek(place)
        elif place:
            # The stream has to begin anew.
            server.chaos = "[[rule]]\nfault = 'stall_body'\nat = 0\nlasts = '60m'\n"
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(file.read(place), 0.3)
            server.chaos = ""
        await fs._pipe_file(PATH, b"b" * size)
        for _ in range(2):
            with pytest.raises(StorageError, match="bucket/a was changed while it was open"):
                await file.read()

    asyncio.run(main())


@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_a_read_that_ends_early_moves_nothing(server: S3Server, fs: Any, how: str) -> None:
    content = os.urandom(3_000_000)

    async def main() -> None:
        fs = file_system(server, asynchronous=True, retry=RetryConfig(max_retries=0))
        await fs._pipe_file(PATH, content)
        fault = (
            "'stall_body'\nlasts = '60m'"
            if how == "cancelled"
            else "'break_body'\nfailure = 'reset'"
        )
        server.chaos = f"[[rule]]\noperation = 'get'\nat = 2_000_000\nfault = {fault}\n"
        file = await fs.open_async(PATH)
        got = await file.read(1000)
        with pytest.raises((asyncio.TimeoutError, StorageError)):
            await asyncio.wait_for(file.read(2_500_000), 1 if how == "cancelled" else 60)
        assert file.tell() == 1000
        server.chaos = ""
        server.clear_requests()
        while chunk := await file.read(1000):
            got += chunk
        assert got == content
        # As a stream again, not by a request for each piece.
        assert len(server.requests("get")) == 1

    asyncio.run(main())


@pytest.mark.parametrize("options", [{}, {"size": 100}])
@pytest.mark.parametrize("cache_type", ["none", "readahead", "blockcache"])
def test_a_file_is_one_object_whether_its_size_is_given_or_not(
    server: S3Server, fs: Any, options: dict[str, Any], cache_type: str
) -> None:
    fs.pipe_file(PATH, b"a" * 100)
    server.clear_requests()
    with fs.open(PATH, block_size=10, cache_type=cache_type, **options) as file:
        assert file.read(10) == b"a" * 10
        assert bool(server.requests("head")) == (not options)
        fs.pipe_file(PATH, b"b" * 100)
        file.seek(50)
        with pytest.raises(StorageError, match="bucket/a was changed while it was open"):
            file.read(10)


@pytest.mark.parametrize("given", [40, 160])
def test_a_wrong_size_is_an_error(fs: Any, given: int) -> None:
    """It would cut the content, or be of another object."""
    fs.pipe_file(PATH, b"a" * 100)
    for place in (0, given - 10):
        with fs.open(PATH, size=given, cache_type="none") as file:
            file.seek(place)
            with pytest.raises(StorageError, match=f"with size={given}, but has 100 bytes"):
                file.read(10)


# Sizes of blocks.


@pytest.mark.parametrize("size", [None, 0, -1, "default"])
def test_the_default_size_of_blocks_has_many_names(memory: Any, size: Any) -> None:
    memory.pipe_file("a", bytes(100))
    assert memory.open("a", block_size=size).read() == bytes(100)
    with memory.open("b", "wb", block_size=size) as file:
        file.write(bytes(100))
    assert memory.size("b") == 100


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("5MiB", "block_size must be a number of bytes, not str: '5MiB'"),
        (5e6, "block_size must be a number of bytes, not float"),
        (-2, "block_size is -2, but must be at least 1 byte"),
    ],
)
def test_a_wrong_size_of_blocks_is_an_error_that_names_it(
    memory: Any, size: Any, message: str
) -> None:
    memory.pipe_file("a", bytes(100))

    async def open_async() -> None:
        await FileSystem("memory", asynchronous=True).open_async("a", "wb", block_size=size)

    calls: list[Callable[[], object]] = [
        lambda: memory.open("a", block_size=size),
        lambda: memory.open("b", "wb", block_size=size),
        lambda: FileSystem("memory", default_block_size=size),
        lambda: FileSystem("memory", block_size=size),
        lambda: asyncio.run(open_async()),
    ]
    for call in calls:
        with pytest.raises((TypeError, ValueError), match=message):
            call()
    assert not memory.exists("b")


# The process that writes.


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize("size", [1000, 11 << 20])
@pytest.mark.parametrize("mode", ["wb", "w", "gzip"])
@pytest.mark.parametrize("end", ["dropped", "closed", "written to", "transaction"])
def test_a_forked_child_leaves_the_file_of_its_parent(
    fs: Any, size: int, mode: str, end: str
) -> None:
    """At its end it drops all files. It neither writes them nor waits for the parent's parts."""
    with contextlib.ExitStack() as stack:
        if end == "transaction":
            stack.enter_context(fs.transaction)
            fs.pipe_file("bucket/piped", b"x")
        compression = "gzip" if mode == "gzip" else None
        file = fs.open(PATH, "w" if mode == "w" else "wb", block_size=PART, compression=compression)
        content = os.urandom(size)
        file.write(content.hex()[:size] if mode == "w" else content)
        if end == "transaction":
            file.close()
        child = os.fork()
        if child == 0:
            os._exit(end_in_child(fs, file, end, mode))
        assert status_of(child) == 0
        assert not fs.exists(PATH)
        assert not fs.exists("bucket/piped")
        file.close()
    compressed = {"compression": compression} if compression else {}
    assert len(fs.open(PATH, "rb", **compressed).read()) == size


def end_in_child(fs: Any, file: Any, end: str, mode: str) -> int:
    unraised: list[object] = []
    sys.unraisablehook = unraised.append
    try:
        if end == "transaction":
            with pytest.raises(StorageError, match="which alone can write it|process .* to write"):
                fs.transaction.complete()
            return 0
        if end == "written to":
            with pytest.raises(StorageError, match="which alone can write it"):
                file.write(("x" if mode == "w" else b"x") * (1 << 20))
                file.flush()
                file.close()
        if end == "closed":
            with pytest.raises(StorageError, match="bucket/a was opened by process"):
                file.close()
        del file
        return 1 if unraised else 0
    except BaseException:
        logging.getLogger("test").exception("in the child")
        return 2


def status_of(child: int) -> int:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1


# Who is told of an exception.


class Job:
    """Has a log, whose last line says how it ended."""

    def __init__(self, fs: Any, mode: str, how: str) -> None:
        self.log = fs.open("log", mode, compression="gzip" if how == "gzip" else None)
        self.is_text = "b" not in mode
        self.how = how

    def __enter__(self) -> Job:
        self.line("started")
        return self

    def line(self, text: str) -> None:
        if self.how == "print":
            print(text, file=self.log)
        else:
            self.log.write(f"{text}\n" if self.is_text else f"{text}\n".encode())

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self.how != "silent":
            self.line(f"ended by {error!r}")
        self.log.close()


@pytest.mark.parametrize(
    ("mode", "how"),
    [("w", "write"), ("w", "print"), ("wb", "write"), ("wb", "gzip"), ("w", "gzip")],
)
def test_a_log_that_says_why_its_job_failed_is_kept(memory: Any, mode: str, how: str) -> None:
    with pytest.raises(KeyError), Job(memory, mode, how):
        raise KeyError
    compression = "gzip" if how == "gzip" else None
    with memory.open("log", "r", compression=compression) as file:
        assert file.read() == "started\nended by KeyError()\n"


def test_a_context_of_a_generator_can_report(memory: Any) -> None:
    @contextlib.contextmanager
    def job() -> Iterator[None]:
        log = memory.open("log", "w")
        try:
            yield
        except KeyError as error:
            log.write(repr(error))
            raise
        finally:
            log.close()

    with pytest.raises(KeyError), job():
        raise KeyError
    assert memory.cat("log") == b"KeyError()"


def test_a_file_that_is_thrown_away_is_named(memory: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyError), Job(memory, "w", "silent"):
        raise KeyError
    assert not memory.exists("log")
    (record,) = caplog.records
    assert (record.levelname, record.name) == ("WARNING", "undaunted.fsspec")
    assert record.getMessage() == "log is not written: KeyError ended the block that wrote it"


@pytest.mark.parametrize("layer", ["text", "buffered", "our text"])
def test_what_a_layer_has_left_is_no_report(memory: Any, layer: str) -> None:
    """It is written when the layer is closed: without it the file would be cut."""
    file: Any = {
        "text": lambda: io.TextIOWrapper(memory.open("log", "wb")),
        "buffered": lambda: io.BufferedWriter(memory.open("log", "wb")),
        "our text": lambda: memory.open("log", "w"),
    }[layer]()
    with pytest.raises(KeyError), contextlib.closing(file):
        file.write(b"half" if layer == "buffered" else "half")
        raise KeyError
    assert not memory.exists("log")


def test_a_thread_without_frames_can_write(memory: Any) -> None:
    """As those of pyarrow."""
    file = memory.open("a", "wb")
    _thread.start_new_thread(file.write, (b"a",))
    wait_for(lambda: file.tell() == 1)
    _thread.start_new_thread(file.close, ())
    wait_for(lambda: memory.exists("a"))
    assert memory.cat("a") == b"a"


# Callbacks.


class Cancelled(Exception):
    pass


class Cancelling(Callback):
    def absolute_update(self, value: int) -> None:
        raise Cancelled


@pytest.mark.parametrize("mode", ["overwrite", "create"])
@pytest.mark.parametrize("size", [4, 11 << 20])
def test_a_callback_that_raises_leaves_no_file(
    memory: Any, tmp_path: Path, mode: str, size: int
) -> None:
    (tmp_path / "a").write_bytes(bytes(size))
    with pytest.raises(Cancelled):
        memory.put_file(str(tmp_path / "a"), "a", mode=mode, callback=Cancelling())
    assert not memory.exists("a")
