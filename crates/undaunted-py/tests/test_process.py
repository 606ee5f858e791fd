"""Imports, threads, forks, signals and cancellations."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fake_s3 import FakeS3, Response
from undaunted import RetryConfig, Storage, testing
from undaunted._bridge import MOST_READY
from undaunted._undaunted import in_flight
from waiting import until_dropped


def python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_an_import_is_small_and_starts_nothing() -> None:
    """Its time is measured by bench/python/measure.py."""
    program = """
import asyncio, os, sys
before = set(sys.modules)
import undaunted
new = {name.partition(".")[0] for name in set(sys.modules) - before}
from undaunted._undaunted import has_runtime
assert not has_runtime()
assert len(os.listdir("/proc/self/task")) == 1 if os.path.exists("/proc/self/task") else True
undaunted.RetryConfig(budget=undaunted.RetryBudget())
undaunted.Storage.open("memory://")
assert not has_runtime()
print(*sorted(new - {"undaunted"}))
"""
    modules = set(python(program).stdout.split())
    assert modules <= {"__future__", "_datetime", "copy", "dataclasses", "datetime"}, modules


@pytest.mark.parametrize("library", ["fsspec", "httpx"])
def test_a_library_that_is_missing_is_named(library: str) -> None:
    program = f"""
import sys
sys.modules[{library!r}] = None
try:
    import undaunted.{library}
except ModuleNotFoundError as error:
    assert error.name == {library!r}
    print(error)
"""
    assert f"undaunted.{library} needs {library}: pip install {library}" in python(program).stdout


def test_a_retried_function_starts_no_thread() -> None:
    program = """
import asyncio, undaunted
from undaunted._undaunted import has_runtime

calls = 0
@undaunted.retry(undaunted.RetryConfig(base_delay=0))
async def flaky():
    global calls
    calls += 1
    if calls < 3:
        raise TimeoutError
asyncio.run(flaky())
assert not has_runtime()
"""
    python(program)


fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")


@fork
def test_a_fork_before_first_use_has_a_runtime_of_its_own(tmp_path: Path) -> None:
    program = """
import os, sys
from undaunted import Storage
from undaunted._undaunted import has_runtime

storage = Storage.open(sys.argv[1])
assert not has_runtime()
children = []
for number in range(2):
    child = os.fork()
    if child == 0:
        storage.blocking.put(f"{number}", b"data")
        assert has_runtime()
        os._exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
assert not has_runtime()
print(sorted(file.key for file in storage.blocking.list()))
"""
    assert python(program, str(tmp_path)).stdout == "['0', '1']\n"


@fork
def test_after_a_fork_both_processes_work(s3: FakeS3) -> None:
    program = """
import asyncio, os, sys
from undaunted import Storage

options = dict(
    aws_endpoint=sys.argv[1], aws_region="us-east-1", aws_access_key_id="key",
    aws_secret_access_key="secret", aws_allow_http=True,
)
storage = Storage.open("s3://bucket/root", options)
asyncio.run(storage.put("before", b"data"))  # its connection stays open
child = os.fork()
name = "child" if child == 0 else "parent"

async def use():
    await asyncio.gather(*(storage.put(f"{name}/{n}", b"data") for n in range(10)))
    assert await storage.get_bytes("before") == b"data"

asyncio.run(use())
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    python(program, s3.url)
    assert sum(key.startswith("root/child/") for key in s3.objects) == 10
    assert sum(key.startswith("root/parent/") for key in s3.objects) == 10


@fork
def test_forked_processes_draw_their_own_jitter() -> None:
    program = """
import os
from undaunted import RetryConfig
from undaunted._undaunted import State

config = RetryConfig()
def draw():
    return State(config._core).on_failure(State.TRANSIENT)
draw()
for _ in range(4):
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, str(draw()).encode())
        os._exit(0)
    os.wait()
    print(os.read(reader, 100).decode())
print(draw())
"""
    drawn = python(program).stdout.split()
    assert len(drawn) == 5
    assert len(set(drawn)) == 5


@fork
def test_forked_processes_know_their_own_writes(s3: FakeS3) -> None:
    program = """
import os, sys
from undaunted import blocking

options = dict(
    aws_endpoint=sys.argv[1], aws_region="us-east-1", aws_access_key_id="key",
    aws_secret_access_key="secret", aws_allow_http=True,
)
storage = blocking.Storage.open("s3://bucket/root", options)
storage.put("parent", b"data", overwrite=False)
for number in range(2):
    if os.fork() == 0:
        storage.put(f"child{number}", b"data", overwrite=False)
        os._exit(0)
    assert os.wait()[1] == 0
storage.put("parent again", b"data", overwrite=False)
"""
    python(program, s3.url)
    tokens = [kept["x-amz-meta-undauntedputtoken"] for _, kept in s3.objects.values()]
    assert len(tokens) == 4
    assert len(set(tokens)) == 4


@fork
def test_a_forked_child_logs_too(s3: FakeS3) -> None:
    program = """
import asyncio, logging, os, sys
from undaunted import RetryConfig, testing
logging.basicConfig(level=logging.WARNING)
storage = testing.chaos_storage("flaky,rate=1,max_in_a_row=1", retry=RetryConfig(base_delay=0))
storage.blocking.put("a", b"data")
if os.fork() == 0:
    storage.blocking.put("b", b"data")
    os._exit(0)
os.wait()
"""
    logged = python(program).stderr
    assert logged.count("Retry attempt 1/3 for put a") == 1
    assert logged.count("Retry attempt 1/3 for put b") == 1


def test_ctrl_c_ends_a_blocking_operation(s3: FakeS3) -> None:
    program = """
import sys
from undaunted import RetryConfig, blocking
from undaunted._undaunted import in_flight

options = dict(
    aws_endpoint=sys.argv[1], aws_region="us-east-1", aws_access_key_id="key",
    aws_secret_access_key="secret", aws_allow_http=True,
)
storage = blocking.Storage.open("s3://bucket/root", options)
try:
    storage.get_bytes("a")
except KeyboardInterrupt:
    print("interrupted", in_flight())
"""
    hang = threading.Event()
    s3.responses.append(Response(200, hang=hang))
    running = subprocess.Popen(
        [sys.executable, "-c", program, s3.url], stdout=subprocess.PIPE, text=True
    )
    try:
        assert s3.arrived.wait(30)
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=30)
    finally:
        running.kill()
        hang.set()
    assert said == "interrupted 0\n"
    assert running.returncode == 0


def test_a_program_waits_for_the_thread_that_hands_over_its_last_result(s3: FakeS3) -> None:
    program = """
import asyncio, sys, time
from undaunted import Storage

class Module:
    \"""Python ends threads that take its lock as long as this takes to go.\"""

    def __init__(self):
        self.sleep = time.sleep

    def __del__(self):
        self.sleep(1)

options = dict(
    aws_endpoint=sys.argv[1], aws_region="us-east-1", aws_access_key_id="key",
    aws_secret_access_key="secret", aws_allow_http=True,
)

async def main():
    loop = asyncio.get_running_loop()
    wake = loop.call_soon_threadsafe

    def slow(*given):
        wake(*given)
        time.sleep(0.5)

    loop.call_soon_threadsafe = slow
    print(await Storage.open("s3://bucket/root", options).exists("a"), flush=True)

sys.modules["slow"] = Module()
asyncio.run(main())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, s3.url], capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "False\n", "")


def test_other_threads_run_while_one_waits(s3: FakeS3) -> None:
    hang = threading.Event()
    s3.responses.append(Response(200, headers={"etag": '"1"'}, hang=hang))
    storage = s3.storage(RetryConfig(max_retries=0)).blocking
    waiting = threading.Thread(target=lambda: storage.put("a", b"data"))
    waiting.start()
    assert s3.arrived.wait(30)
    hang.set()
    waiting.join(30)
    assert not waiting.is_alive()


def test_a_cancelled_task_drops_its_future(s3: FakeS3) -> None:
    hang = threading.Event()
    s3.responses.append(Response(200, hang=hang))

    async def use() -> None:
        storage = s3.storage()
        task = asyncio.create_task(storage.get_bytes("a"))
        await asyncio.to_thread(s3.arrived.wait, 30)
        assert in_flight() == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until_dropped()
        hang.set()
        # The storage still works.
        await storage.put("b", b"data")
        assert await storage.get_bytes("b") == b"data"

    try:
        asyncio.run(use())
    finally:
        hang.set()


def test_a_timeout_around_an_operation_works(s3: FakeS3) -> None:
    hang = threading.Event()
    s3.responses.append(Response(200, hang=hang))

    async def use() -> None:
        with pytest.raises((TimeoutError, asyncio.TimeoutError)):
            await asyncio.wait_for(s3.storage().get_bytes("a"), 0.01)
        await until_dropped()

    try:
        asyncio.run(use())
    finally:
        hang.set()


def test_an_event_loop_that_ends_early_leaves_nothing(s3: FakeS3) -> None:
    hang = threading.Event()
    s3.responses.append(Response(200, hang=hang))

    async def use() -> None:
        task = asyncio.ensure_future(s3.storage().get_bytes("a"))
        await asyncio.to_thread(s3.arrived.wait, 30)
        assert not task.done()

    async def after() -> None:
        await until_dropped()

    try:
        asyncio.run(use())
        asyncio.run(after())
    finally:
        hang.set()


def test_a_wait_between_retries_can_be_cancelled(s3: FakeS3) -> None:
    async def use() -> None:
        storage = testing.chaos_storage(
            "flaky,rate=1,max_in_a_row=100",
            retry=RetryConfig(base_delay=1000, max_delay=1000, jitter=False),
        )
        before = storage.budget_tokens
        task = asyncio.create_task(storage.put("a", b"data"))
        while storage.budget_tokens == before:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until_dropped()
        assert storage.budget_tokens == before

    asyncio.run(use())


def test_memory_needs_no_other_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    # Other tests may have left some.
    monkeypatch.setattr("undaunted._bridge._ready", 0)
    storage = Storage.open("memory://")
    times: list[float] = []

    async def use() -> None:
        loop_turns = 0

        async def count() -> None:
            nonlocal loop_turns
            while True:
                loop_turns += 1
                await asyncio.sleep(0)

        counter = asyncio.create_task(count())
        for _ in range(100):
            await storage.put("a", b"data")
            await storage.get_bytes("a")
        counter.cancel()
        times.append(loop_turns)

    asyncio.run(use())
    # Nothing was awaited. The loop runs now and then, so that timeouts can fire.
    assert statistics.mean(times) == 200 // MOST_READY
