"""Deadlines of the caller, one attempt in place of many, and retries within retries."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import undaunted
from fake_s3 import FakeS3, Response
from undaunted import (
    RetryBudget,
    RetryConfig,
    StorageError,
    StorageTimeoutError,
    attempts,
    blocking,
    one_attempt,
    retry,
    with_retry,
)
from undaunted import _scope as scopes
from undaunted.fsspec import S3FileSystem

PATIENT = RetryConfig(5, base_delay=30)
NO_TIME = "the caller's deadline leaves no time for another"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(scopes, "_warned", set())
    yield
    assert scopes.current.get() is None
    assert scopes._retried.get() is None


def fail() -> None:
    raise ConnectionResetError("reset")


async def hang() -> None:
    await asyncio.Event().wait()


def test_no_wait_begins_that_would_end_after_it() -> None:
    async def failing() -> None:
        fail()

    async def all_forms() -> list[BaseException]:
        errors: list[BaseException] = []
        with undaunted.deadline(20):
            for call in (
                lambda: with_retry(failing, PATIENT),
                lambda: retry(PATIENT)(failing)(),
                lambda: asyncio.to_thread(blocking.with_retry, fail, PATIENT),
                lambda: asyncio.create_task(with_retry(failing, PATIENT)),
            ):
                try:
                    await call()
                except ConnectionResetError as error:
                    errors.append(error)
            try:
                async for attempt in attempts(PATIENT):
                    with attempt:
                        fail()
            except ConnectionResetError as error:
                errors.append(error)
            try:
                retry(PATIENT)(fail)()
            except ConnectionResetError as error:
                errors.append(error)
        return errors

    errors = asyncio.run(all_forms())
    assert [error.__notes__ for error in errors] == [[f"undaunted: 1 attempt; {NO_TIME}"]] * 6


def test_a_running_attempt_is_cut() -> None:
    async def main() -> None:
        with undaunted.deadline(timedelta(milliseconds=300)):
            await with_retry(hang, PATIENT)

    with pytest.raises(TimeoutError, match="the caller's deadline ended the call after") as caught:
        asyncio.run(main())
    assert caught.value.__notes__ == [f"undaunted: 1 attempt; {NO_TIME}"]


def test_one_that_has_passed_lets_no_attempt_begin() -> None:
    calls: list[None] = []

    @retry(PATIENT)
    async def call() -> None:
        calls.append(None)

    async def main() -> None:
        with undaunted.deadline(-1):
            assert undaunted.time_left() == pytest.approx(0, abs=1)
            await call()

    with pytest.raises(TimeoutError, match="has passed, so no attempt was made"):
        asyncio.run(main())
    with undaunted.deadline(0), pytest.raises(TimeoutError, match="no attempt was made"):
        blocking.with_retry(lambda: calls.append(None), PATIENT)
    with undaunted.deadline(0), pytest.raises(TimeoutError, match="no attempt was made"):
        for attempt in attempts(PATIENT):
            with attempt:
                calls.append(None)
    assert calls == []


def test_the_earliest_counts() -> None:
    with undaunted.deadline(60) as outer:
        with undaunted.deadline(5), undaunted.deadline(40):
            assert undaunted.time_left() == pytest.approx(5, abs=4)
        # It may be entered again, and does not begin anew.
        with outer:
            assert undaunted.time_left() == pytest.approx(60, abs=9)
    assert undaunted.time_left() is None
    then = datetime.now(timezone.utc) + timedelta(seconds=30)
    with undaunted.deadline(then):
        assert undaunted.time_left() == pytest.approx(30, abs=9)
    with undaunted.deadline(float("inf")):
        assert blocking.with_retry(lambda: 3, PATIENT) == 3


@pytest.mark.parametrize("when", [None, "5", True, float("nan"), datetime(2026, 1, 1)])
def test_what_is_no_deadline_is_refused(when: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="the deadline"):
        undaunted.deadline(when)


def test_total_timeout_counts_if_it_is_earlier() -> None:
    config = RetryConfig(5, base_delay=30, total_timeout=20)
    with undaunted.deadline(60), pytest.raises(ConnectionResetError) as caught:
        blocking.with_retry(fail, config)
    (note,) = caught.value.__notes__
    assert "total_timeout leaves no time" in note


def test_a_retry_that_is_not_made_costs_nothing() -> None:
    budget = RetryBudget(100, 0)
    config = RetryConfig(5, base_delay=30, budget=budget)
    with undaunted.deadline(20), pytest.raises(ConnectionResetError):
        blocking.with_retry(fail, config)
    with one_attempt(), pytest.raises(ConnectionResetError):
        blocking.with_retry(fail, config)
    assert budget.tokens == 100


def test_other_threads_have_none() -> None:
    seen: list[float | None] = []
    with undaunted.deadline(60):
        thread = threading.Thread(target=lambda: seen.append(undaunted.time_left()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_storages_and_file_systems_are_cut(s3: FakeS3) -> None:
    held = threading.Event()
    storage = blocking.Storage.open("s3://bucket/root", s3.options())
    s3.responses.append(Response(200, hang=held))
    start = time.monotonic()
    try:
        with undaunted.deadline(1), pytest.raises(StorageTimeoutError, match="deadline"):
            storage.get_bytes("a")
        files = S3FileSystem(**s3.options(), skip_instance_cache=True)
        files.pipe_file("bucket/root/b", b"opened")
        s3.responses.append(Response(200, hang=held))
        with undaunted.deadline(1), pytest.raises(TimeoutError) as timed_out:
            files.cat_file("bucket/root/a")
        # fsspec raises an error of its own for a TimeoutError.
        assert "the caller's deadline" in str(timed_out.value.__cause__)

        async def main() -> None:
            opened = s3.storage()
            s3.responses.append(Response(200, hang=held))
            with undaunted.deadline(1):
                await opened.get_bytes("a")

        with pytest.raises(StorageTimeoutError, match="deadline"):
            asyncio.run(main())
    finally:
        held.set()
        storage.close()
    assert time.monotonic() - start < 20
    assert not s3.responses
    s3.responses.append(Response(503))
    config = RetryConfig(5, 30)
    patient = blocking.Storage.open("s3://bucket/root", s3.options(), retry=config)
    with patient, undaunted.deadline(20), pytest.raises(StorageError) as caught:
        patient.put("a", b"hello")
    assert caught.value.report is not None
    assert caught.value.report.stop_reason == "caller_deadline"
    assert caught.value.__notes__ == [f"undaunted: 1 attempt; {NO_TIME}"]


async def bounded() -> AsyncGenerator[float | None, None]:
    with undaunted.deadline(60):
        yield undaunted.time_left()
        yield undaunted.time_left()


@pytest.mark.parametrize("ends", ["closed", "run out", "raised in"])
def test_a_block_may_end_in_another_task(ends: str) -> None:
    async def end(blocks: AsyncGenerator[float | None, None]) -> None:
        if ends == "closed":
            await blocks.aclose()
        elif ends == "run out":
            assert [left async for left in blocks] == [None]
        else:
            with pytest.raises(LookupError, match="its own"):
                await blocks.athrow(LookupError("its own"))
        assert undaunted.time_left() is None

    async def main() -> None:
        blocks = bounded()
        await asyncio.create_task(blocks.__anext__())  # type: ignore[arg-type]
        await end(blocks)

    asyncio.run(main())


def test_blocks_need_not_end_in_the_order_of_their_beginnings() -> None:
    async def main() -> None:
        blocks = bounded()
        await blocks.__anext__()
        with undaunted.deadline(30):
            await blocks.aclose()
            left = undaunted.time_left()
            assert left is not None and left <= 30
        assert undaunted.time_left() is None

    asyncio.run(main())


def test_tasks_share_a_block() -> None:
    shared = one_attempt()
    calls: list[None] = []

    def fetch() -> None:
        calls.append(None)
        fail()

    async def task(seconds: float) -> None:
        with shared:
            await asyncio.sleep(seconds)
            with shared, pytest.raises(ConnectionResetError):
                blocking.with_retry(fetch, RetryConfig(1, 0))
            with pytest.raises(ConnectionResetError):
                blocking.with_retry(fetch, RetryConfig(1, 0))
        with pytest.raises(ConnectionResetError):
            blocking.with_retry(fetch, RetryConfig(1, 0))

    async def main() -> None:
        await asyncio.gather(task(0.01), task(0.02))

    asyncio.run(main())
    assert len(calls) == 2 * (1 + 1 + 2)


def test_one_attempt_is_made(s3: FakeS3) -> None:
    calls: list[None] = []

    def fetch() -> None:
        calls.append(None)
        fail()

    with one_attempt(), pytest.raises(ConnectionResetError) as caught:
        blocking.with_retry(fetch, PATIENT)
    assert len(calls) == 1
    assert caught.value.__notes__ == ["undaunted: 1 attempt; `one_attempt` allows no other"]
    with blocking.Storage.open("s3://bucket/root", s3.options(), retry=PATIENT) as storage:
        s3.responses.append(Response(503))
        with one_attempt(), pytest.raises(StorageError):
            storage.put("a", b"hello")
        assert len(s3.requests) == 1


def test_a_retry_within_a_retry_is_warned_of_once(
    waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    @retry(RetryConfig(1))
    def load() -> None:
        fail()

    @retry(RetryConfig(2))
    def whole_job() -> None:
        load()

    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            whole_job()
    nested = [record.getMessage() for record in caplog.records if "within" in record.getMessage()]
    assert nested == [
        "load is retried within a retry of whole_job: up to 2 attempts for each of 3. Retry in "
        "one of the two, or put undaunted.one_attempt() around load"
    ]


def test_a_storage_within_a_retry_is_warned_of(
    s3: FakeS3, caplog: pytest.LogCaptureFixture
) -> None:
    s3.responses.extend([Response(503)] * 2)
    config = RetryConfig(1, 0)

    @retry(config)
    async def upload() -> None:
        await s3.storage(config).put("a", b"hello")

    asyncio.run(upload())
    nested = [record.getMessage() for record in caplog.records if "within" in record.getMessage()]
    assert nested == [
        "put is retried within a retry of upload: up to 2 attempts for each of 2. Retry in one of "
        "the two, or put undaunted.one_attempt() around put"
    ]
