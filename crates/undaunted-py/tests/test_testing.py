"""The helpers for tests."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fake_s3 import FakeS3, Response
from undaunted import (
    RetryConfig,
    StorageConnectionError,
    StorageError,
    retry,
    testing,
    with_retry,
)
from undaunted.testing import FaultyStorage

calls = 0


@retry(RetryConfig(max_retries=3, base_delay=1000, max_delay=1000))
async def failing() -> None:
    global calls
    calls += 1
    raise TimeoutError


def attempts() -> int:
    global calls
    calls = 0
    with pytest.raises(TimeoutError):
        asyncio.run(failing())
    return calls


def test_retries_can_be_switched_off_and_on() -> None:
    testing.set_active(False)
    try:
        assert not testing.is_active()
        assert attempts() == 1
    finally:
        testing.set_active(True)
    assert testing.is_active()
    with testing.set_active(False):
        assert attempts() == 1
    assert testing.is_active()


def test_attempts_can_be_bounded() -> None:
    with testing.set_attempts(1):
        assert attempts() == 1
    with testing.set_attempts(3):
        assert attempts() == 3
        with testing.set_attempts(2):
            assert attempts() == 2
        assert attempts() == 3
    with testing.set_attempts(100):
        assert attempts() == 4
    with pytest.raises(ValueError, match="attempts is 0"):
        testing.set_attempts(0)


def test_waits_can_be_switched_off() -> None:
    with testing.without_waits():
        assert attempts() == 4


def test_stores_obey_the_switch(s3: FakeS3) -> None:
    storage = s3.storage(RetryConfig(base_delay=1000, max_delay=1000))
    s3.responses.append(Response(503))
    with testing.set_active(False), pytest.raises(StorageError):
        asyncio.run(storage.get_bytes("a"))
    assert len(s3.requests) == 1
    s3.responses.extend([Response(503)] * 3)
    with testing.without_waits():
        asyncio.run(storage.put("a", b"1"))
    assert len(s3.requests) == 5


@pytest.mark.usefixtures("undaunted_no_retries")
def test_the_fixture_without_retries() -> None:
    assert attempts() == 1


@pytest.mark.usefixtures("undaunted_no_waits")
def test_the_fixture_without_waits() -> None:
    assert attempts() == 4


def test_the_faults_are_used_in_order() -> None:
    async def use() -> None:
        storage = FaultyStorage(
            [StorageConnectionError("1"), None, TimeoutError], operations=["put"]
        )
        with pytest.raises(StorageConnectionError, match="1"):
            await storage.put("a", b"1")
        assert not await storage.exists("a")
        assert (await storage.put("a", b"1")).key == "a"
        assert len(storage.unused) == 1
        with pytest.raises(TimeoutError):
            await storage.put("b", b"1")
        assert not await storage.exists("b")
        assert storage.unused == []

    asyncio.run(use())


def test_a_call_whose_response_is_lost_is_applied() -> None:
    async def use() -> None:
        storage = FaultyStorage([testing.LostResponse(TimeoutError)])
        with pytest.raises(TimeoutError):
            await storage.put("a", b"1")
        assert await storage.inner.exists("a")

    asyncio.run(use())


def test_an_object_that_is_not_a_fault_is_refused() -> None:
    for wrong in (5, "reset", int, testing.LostResponse(5)):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="a fault is an exception"):
            FaultyStorage([wrong])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("operations", "error"),
    [
        (["putt"], ValueError),
        (["put", "head"], ValueError),
        (["close"], ValueError),
        ([5], ValueError),
        ("put", TypeError),
    ],
)
def test_operations_that_do_not_exist_are_refused(operations: Any, error: Any) -> None:
    with pytest.raises(error, match="^operations "):
        FaultyStorage([TimeoutError], operations=operations)


def test_faults_for_no_operation_hit_none() -> None:
    storage = FaultyStorage([TimeoutError], operations=[])
    assert asyncio.run(storage.put("a", b"1")).size == 1


def test_a_class_may_add_operations() -> None:
    class More(FaultyStorage):
        async def tags(self, key: str) -> str:
            return await self._call("tags", key, lambda: asyncio.sleep(0, key))

    with pytest.raises(TimeoutError):
        asyncio.run(More([TimeoutError], operations=["tags"]).tags("a"))


@pytest.mark.parametrize("attempts", ["3", 1.5, True])
def test_attempts_of_another_type_are_refused(attempts: Any) -> None:
    with pytest.raises(TypeError, match="^attempts must be an int or None, not "):
        testing.set_attempts(attempts)


def test_more_attempts_than_are_counted_are_no_limit() -> None:
    with testing.set_attempts(2**40):
        assert testing.is_active()


def test_chaos_is_survived() -> None:
    async def use() -> None:
        storage = testing.chaos_storage("flaky,seed=7")
        for number in range(50):
            await storage.put(f"k{number}", bytes([number]) * 1000)
        for number in range(50):
            assert await storage.get_bytes(f"k{number}") == bytes([number]) * 1000
        assert len([file async for file in storage.list()]) == 50
        assert sum(storage._store.injected().values()) > 10

    with testing.without_waits():
        asyncio.run(use())


def test_an_invalid_chaos_is_refused() -> None:
    with pytest.raises(ValueError, match="chaos: .*a rate is a number from 0 to 1"):
        testing.chaos_storage("flaky,rate=2")


def test_with_retry_obeys_the_switch() -> None:
    async def fail() -> None:
        raise TimeoutError

    with testing.set_active(False), pytest.raises(TimeoutError) as caught:
        asyncio.run(with_retry(fail))
    assert caught.value.__notes__ == ["undaunted: 1 attempt; all retries are used"]
