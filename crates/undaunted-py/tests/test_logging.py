"""The log records of retried functions and of storages."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time

import pytest

from fake_s3 import FakeS3, Response
from undaunted import RetryBudget, RetryConfig, StorageError, retry, testing, with_retry

LOGGER = "undaunted.retry"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [f"{record.levelname} {record.getMessage()}" for record in caplog.records]


async def fail() -> None:
    raise TimeoutError("Connection timed out")


def test_a_retry_and_its_end(waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    @retry(RetryConfig(max_retries=1, jitter=False))
    async def upload_file() -> None:
        await fail()

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(upload_file())
    assert lines(caplog) == [
        "WARNING Retry attempt 1/1 for upload_file after 1.00s: Connection timed out",
        "ERROR All 1 retries exhausted for upload_file",
    ]
    warning, error = caplog.records
    assert warning.name == LOGGER
    assert warning.undaunted == {  # type: ignore[attr-defined]
        "operation": "upload_file",
        "attempt": 1,
        "max_retries": 1,
        "delay": 1.0,
    }
    assert error.undaunted == {  # type: ignore[attr-defined]
        "operation": "upload_file",
        "attempts": 2,
        "reason": "retries_exhausted",
    }
    assert error.exc_info is not None
    assert error.exc_info[1] is caught.value
    assert "in fail" in caplog.text


def test_an_exception_without_text_has_its_name(
    waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    outcomes: list[Exception] = [TimeoutError(), ConnectionResetError()]

    async def fetch() -> None:
        if outcomes:
            raise outcomes.pop(0)

    asyncio.run(with_retry(fetch, RetryConfig(base_delay=0)))
    assert [line.rpartition(": ")[2] for line in lines(caplog)] == [
        "TimeoutError",
        "ConnectionResetError",
    ]


def test_other_stops_say_why(waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    config = RetryConfig(budget=RetryBudget(capacity=0, refill=0))
    with pytest.raises(TimeoutError):
        asyncio.run(with_retry(fail, config))
    assert lines(caplog) == [
        "ERROR Gave up on fail after attempt 1, the retry budget is exhausted: Connection timed out"
    ]


def test_a_success_after_retries(waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger=LOGGER)
    calls = 0

    async def flaky() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise TimeoutError

    asyncio.run(with_retry(flaky, RetryConfig(jitter=False)))
    assert lines(caplog)[-1] == "DEBUG flaky succeeded at attempt 2"


def test_a_permanent_failure_of_the_first_attempt_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def missing() -> None:
        raise FileNotFoundError

    caplog.set_level(logging.DEBUG, logger=LOGGER)
    with pytest.raises(FileNotFoundError):
        asyncio.run(with_retry(missing))
    assert lines(caplog) == []


def test_a_missing_file_after_a_retry_is_no_error(
    waits: list[float], s3: FakeS3, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger=LOGGER)
    outcomes: list[Exception] = [TimeoutError(), FileNotFoundError()]

    async def missing() -> None:
        raise outcomes.pop(0)

    with pytest.raises(FileNotFoundError):
        asyncio.run(with_retry(missing))
    s3.responses.append(Response(503, "InternalError"))
    with pytest.raises(FileNotFoundError):
        asyncio.run(s3.storage(RetryConfig(base_delay=0)).get_bytes("none"))
    assert [record.levelname for record in caplog.records] == ["WARNING", "DEBUG"] * 2
    assert caplog.records[-1].undaunted["reason"] == "permanent"  # type: ignore[attr-defined]


def test_names(waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    once = RetryConfig(max_retries=0)
    inline = with_retry(lambda: fail(), once)
    for call in (
        inline,
        with_retry(fail, once, name="the upload"),
        retry(once, name="named")(fail)(),
    ):
        with pytest.raises(TimeoutError):
            asyncio.run(call)
    assert [line.rpartition(" for ")[2] for line in lines(caplog)] == [
        "<lambda> in test_names",
        "the upload",
        "named",
    ]


def test_a_store_logs_before_its_operation_returns(
    s3: FakeS3, caplog: pytest.LogCaptureFixture
) -> None:
    s3.responses.extend([Response(503, "SlowDown"), Response(503, "SlowDown")])
    storage = s3.storage(RetryConfig(max_retries=1, base_delay=0))
    with pytest.raises(StorageError):
        asyncio.run(storage.put("a", b"data"))
    warning, error = caplog.records
    assert warning.name == error.name == LOGGER
    assert warning.levelname == "WARNING"
    assert warning.getMessage().startswith("Retry attempt 1/1 for put root/a when its turn comes: ")
    assert "503 SlowDown" in warning.getMessage()
    assert warning.undaunted == {  # type: ignore[attr-defined]
        "operation": "put",
        "key": "root/a",
        "attempt": 1,
        "max_retries": 1,
        "delay": 0.0,
        "queued": 0.0,
        "pace": 20.0,
    }
    fields = error.undaunted  # type: ignore[attr-defined]
    assert (fields["attempts"], fields["reason"]) == (2, "retries_exhausted")
    assert (error.levelname, error.getMessage()) == (
        "ERROR",
        "All 1 retries exhausted for put root/a",
    )


def test_a_slow_handler_is_waited_for(s3: FakeS3) -> None:
    """Also if another thread is handling the record."""
    written: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # Releases the GIL, as a handler that writes to a file does.
            time.sleep(0.01)
            written.append(record.getMessage())

    logger = logging.getLogger(LOGGER)
    handler = Handler()
    logger.addHandler(handler)
    try:
        for _ in range(5):
            written.clear()
            s3.responses.append(Response(503))
            asyncio.run(s3.storage(RetryConfig(base_delay=0)).put("a", b"data"))
            assert len(written) == 1
    finally:
        logger.removeHandler(handler)


def test_a_handler_may_use_a_storage(s3: FakeS3) -> None:
    """And finish its own operations while it does."""
    kept = s3.storage(RetryConfig(max_retries=0))

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.blocking.put("log", record.getMessage().encode())

    logger = logging.getLogger(LOGGER)
    handler = Handler()
    logger.addHandler(handler)
    try:
        s3.responses.append(Response(503))
        asyncio.run(s3.storage(RetryConfig(base_delay=0)).put("a", b"data"))
    finally:
        logger.removeHandler(handler)
    assert s3.objects["root/log"][0].startswith(b"Retry attempt 1/3 for put root/a")


def test_a_store_logs_while_it_waits(s3: FakeS3) -> None:
    """From a thread of the runtime, while the calling thread waits without the GIL."""
    s3.responses.append(Response(503))
    logged = threading.Event()
    threads: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            threads.append(threading.current_thread().name)
            logged.set()

    logger = logging.getLogger(LOGGER)
    handler = Handler()
    logger.addHandler(handler)
    try:

        async def use() -> None:
            storage = s3.storage(RetryConfig(base_delay=1000, max_delay=1000))
            task = asyncio.create_task(storage.get_bytes("a"))
            await asyncio.to_thread(logged.wait, 30)
            assert logged.is_set()
            assert not task.done()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(use())
    finally:
        logger.removeHandler(handler)
    assert len(threads) == 1


def test_a_handler_that_raises_breaks_nothing(s3: FakeS3) -> None:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("the handler broke")

    raised: list[str] = []
    logger = logging.getLogger(LOGGER)
    handler = Handler()
    logger.addHandler(handler)
    before = sys.unraisablehook
    sys.unraisablehook = lambda what: raised.append(str(what.exc_value))
    try:
        s3.responses.append(Response(503))
        asyncio.run(s3.storage(RetryConfig(base_delay=0)).put("a", b"data"))
    finally:
        sys.unraisablehook = before
        logger.removeHandler(handler)
    assert raised == ["the handler broke"]


STORM = """
import asyncio, logging, threading
from undaunted import RetryConfig, StorageError, testing

logging.getLogger("undaunted.retry").addHandler(logging.NullHandler())

def busy():
    # Holds the GIL as much as Python allows.
    while not done:
        sum(range(1000))

done = False
threads = [threading.Thread(target=busy) for _ in range(2)]
for thread in threads:
    thread.start()

async def main():
    retry = RetryConfig(max_retries=20, base_delay=0)
    storage = testing.chaos_storage("flaky,rate=0.7,max_in_a_row=20", "{folder}", retry=retry)
    async def one(n):
        for m in range(5):
            try:
                await storage.put(f"{n}/{m}", b"data")
            except StorageError:
                pass
    await asyncio.gather(*(one(n) for n in range(20)))

asyncio.run(main())
done = True
for thread in threads:
    thread.join()
print("done")
"""


def test_a_storm_of_log_lines_does_not_deadlock(tmp_path: object) -> None:
    program = STORM.replace("{folder}", str(tmp_path))
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout == "done\n"


def test_lines_are_not_lost_at_the_end_of_the_program(tmp_path: object) -> None:
    program = """
import asyncio, logging
from undaunted import RetryConfig, testing
logging.basicConfig(level=logging.WARNING)
storage = testing.chaos_storage("flaky,rate=1,max_in_a_row=1", retry=RetryConfig(base_delay=0))
storage.blocking.put("a", b"data")
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stderr.startswith("WARNING:undaunted.retry:Retry attempt 1/3 for put a after 0.00s:")


def test_the_switch_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with testing.set_attempts(2), pytest.raises(TimeoutError):
        asyncio.run(with_retry(fail))
    assert lines(caplog) == [
        "WARNING Retry attempt 1/1 for fail after 0.00s: Connection timed out",
        "ERROR All 1 retries exhausted for fail",
    ]
