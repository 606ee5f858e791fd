"""The forms in which retries are written, and the libraries that run them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import itertools
import logging
import pickle
import sys
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from multiprocessing.pool import ThreadPool
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trio

import undaunted
from undaunted import (
    Pacer,
    RetryBudget,
    RetryConfig,
    Storage,
    StorageRateLimitError,
    attempts,
    blocking,
    obspec,
    retry,
    testing,
    with_retry,
)
from waiting import until

NO_WAIT = RetryConfig(base_delay=0)


class Flaky:
    """It fails twice."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.calls < 3:
            raise ConnectionResetError(f"failure {self.calls}")
        return self.calls


# Blocks.


def test_a_block_is_retried(waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    flaky = Flaky()
    numbers: list[int] = []
    for attempt in attempts(RetryConfig(jitter=False)):
        with attempt:
            numbers.append(attempt.number)
            flaky()
    assert numbers == [1, 2, 3]
    assert waits == [1.0, 2.0]
    assert [record.getMessage() for record in caplog.records] == [
        "Retry attempt 1/3 for test_a_block_is_retried after 1.00s: failure 1",
        "Retry attempt 2/3 for test_a_block_is_retried after 2.00s: failure 2",
    ]


def test_an_async_block_is_retried(waits: list[float]) -> None:
    flaky = Flaky()

    async def use() -> int:
        async for attempt in attempts(RetryConfig(jitter=False)):
            with attempt:
                return flaky()
        raise AssertionError("the block has returned")

    assert asyncio.run(use()) == 3
    assert waits == [1.0, 2.0]


def test_the_last_exception_of_a_block_is_raised_unchanged(waits: list[float]) -> None:
    errors = [TimeoutError(str(number)) for number in range(4)]
    with pytest.raises(TimeoutError) as caught:
        for attempt in attempts(name="upload"):
            with attempt:
                raise errors[attempt.number - 1]
    assert caught.value is errors[3]
    assert caught.value.__notes__[0].startswith("undaunted: 4 attempts, after waits of ")
    with pytest.raises(KeyError):
        for attempt in attempts():
            with attempt:
                raise KeyError("a")
    assert len(waits) == 3


def test_a_block_ends_its_loop() -> None:
    for attempt in attempts():
        with attempt:
            break
    begun = 0
    loop = attempts()
    for _ in range(2):
        # Each loop is a call of its own.
        for attempt in loop:
            with attempt:
                begun += 1
                assert attempt.number == 1
    assert begun == 2
    assert "attempts" in repr(loop).lower()
    assert repr(attempt) == "<Attempt 1>"


def test_a_block_without_with_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"not in a `with attempt:`"):
        for _ in attempts():
            pass


def test_the_limits_of_a_block(waits: list[float]) -> None:
    with pytest.raises(ValueError, match="attempt_timeout is 1.0, but a block cannot be cut"):
        attempts(RetryConfig(attempt_timeout=1.0))
    with pytest.raises(TypeError, match="config must be a RetryConfig"):
        attempts(3)  # type: ignore[arg-type]
    with pytest.raises(ConnectionResetError) as caught:
        for attempt in attempts(RetryConfig(total_timeout=1.5, jitter=False)):
            with attempt:
                raise ConnectionResetError("reset")
    # The second delay would have ended too late.
    assert waits == [1.0]
    assert "deadline" in caught.value.__notes__[0] or "total_timeout" in caught.value.__notes__[0]


def test_a_block_shares_a_budget_and_a_pacer() -> None:
    budget = RetryBudget(10, 0)
    with pytest.raises(ConnectionResetError) as caught:
        for attempt in attempts(RetryConfig(budget=budget)):
            with attempt:
                raise ConnectionResetError("reset")
    assert caught.value.__notes__ == ["undaunted: 1 attempt; the retry budget is exhausted"]
    pacer = Pacer()
    outcomes: list[Exception] = [StorageRateLimitError("slow down")]
    for attempt in attempts(RetryConfig(pacer=pacer)):
        with attempt:
            if outcomes:
                raise outcomes.pop()
    assert pacer.is_active


def test_a_block_that_is_cancelled_in_its_wait_gets_its_cost_back() -> None:
    budget = RetryBudget(100, 0)

    async def use() -> None:
        async for attempt in attempts(RetryConfig(budget=budget, base_delay=60)):
            with attempt:
                raise ConnectionResetError("reset")

    async def main() -> None:
        with pytest.raises((TimeoutError, asyncio.TimeoutError)):
            await asyncio.wait_for(use(), 0.05)

    asyncio.run(main())
    assert budget.tokens == 100


# Functions and what looks like them.


def by_classmethod(below: bool) -> Any:
    class Uploads:
        flaky = Flaky()

        if below:

            @classmethod
            @retry(NO_WAIT)
            async def run(cls) -> int:
                return cls.flaky()

        else:

            @retry(NO_WAIT)
            @classmethod
            async def run(cls) -> int:
                return cls.flaky()

    return Uploads.run


def by_staticmethod(below: bool) -> Any:
    flaky = Flaky()

    class Uploads:
        if below:

            @staticmethod
            @retry(NO_WAIT)
            async def run() -> int:
                return flaky()

        else:

            @retry(NO_WAIT)
            @staticmethod
            async def run() -> int:
                return flaky()

    return Uploads().run


def by_plain_classmethod(below: bool) -> Any:
    class Uploads:
        flaky = Flaky()

        @classmethod
        def run(cls, by: int) -> int:
            return cls.flaky() * by

    Uploads.run = retry(NO_WAIT)(Uploads.__dict__["run"])  # type: ignore[method-assign]
    return lambda: Uploads.run(1)


@pytest.mark.parametrize("below", [True, False])
@pytest.mark.parametrize("make", [by_classmethod, by_staticmethod, by_plain_classmethod])
def test_class_methods_and_static_methods(make: Callable[[bool], Any], below: bool) -> None:
    made = make(below)()
    assert (asyncio.run(made) if asyncio.iscoroutine(made) else made) == 3


class Call:
    def __init__(self) -> None:
        self.flaky = Flaky()

    async def __call__(self, by: int = 1) -> int:
        return self.flaky() * by


@pytest.mark.parametrize(
    "func",
    [
        functools.partial(Call(), by=1),
        functools.partial(Call().__call__, 1),
        Call(),
        functools.partial(functools.partial(Call(), 1)),
    ],
)
def test_partials_and_callable_objects(func: Any) -> None:
    assert asyncio.run(retry(NO_WAIT)(func)()) == 3
    assert asyncio.run(with_retry(func, NO_WAIT)) == 4


class Later:
    """An awaitable object, such as the request of aiohttp."""

    def __init__(self, outcome: Callable[[], int]) -> None:
        self._outcome = outcome

    def __await__(self) -> Generator[Any, None, int]:
        yield from asyncio.sleep(0).__await__()
        return self._outcome()


def in_task(outcome: Callable[[], int]) -> asyncio.Task[int]:
    async def call() -> int:
        return outcome()

    return asyncio.get_running_loop().create_task(call())


def in_future(outcome: Callable[[], int]) -> asyncio.Future[int]:
    future = asyncio.get_running_loop().create_future()
    try:
        future.set_result(outcome())
    except ConnectionResetError as error:
        future.set_exception(error)
    return future


@pytest.mark.parametrize("make", [Later, in_task, in_future])
@pytest.mark.parametrize("config", [NO_WAIT, RetryConfig(base_delay=0, total_timeout=60)])
def test_a_plain_function_may_return_any_awaitable(
    make: Callable[[Callable[[], int]], Awaitable[int]], config: RetryConfig
) -> None:
    async def use() -> None:
        flaky = Flaky()

        @retry(config)
        def call() -> Awaitable[int]:
            return make(flaky)

        assert await call() == 3

    asyncio.run(use())


def test_an_awaitable_is_not_for_blocking() -> None:
    with pytest.raises(TypeError, match="returned a Later: for coroutine functions use"):
        blocking.with_retry(lambda: Later(int))


@contextlib.contextmanager
def connection() -> Iterator[int]:
    yield 1


@contextlib.asynccontextmanager
async def async_connection() -> AsyncIterator[int]:
    yield 1


def generates() -> Iterator[int]:
    return (number for number in range(3))


async def yields() -> AsyncIterator[int]:
    yield 1


def test_what_runs_nothing_when_it_is_called_is_refused() -> None:
    for func in (connection, async_connection):
        with pytest.raises(TypeError, match="made by @contextmanager: .*with attempt"):
            retry(func)
        with pytest.raises(TypeError, match="made by @contextmanager"):
            retry(lambda func=func: func())()
    with pytest.raises(TypeError, match="cannot repeat the generator yields: .*with attempt"):
        retry(yields)
    # At the first call, where nothing showed it before.
    with pytest.raises(TypeError, match="cannot repeat the generator generates"):
        retry(generates)()
    with pytest.raises(TypeError, match="cannot repeat the generator"):
        blocking.with_retry(generates)
    with pytest.raises(TypeError, match=r"with_retry awaits what the function returns"):
        asyncio.run(with_retry(yields))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"write retry\(RetryConfig\(\)\)"):
        retry(RetryConfig)  # type: ignore[type-var]


# Decisions.


def test_a_function_decides_what_is_retried(waits: list[float]) -> None:
    says: dict[type[BaseException], Any] = {
        KeyError: True,
        ValueError: 7,
        IndexError: timedelta(seconds=8),
        TimeoutError: False,
        ConnectionResetError: None,
    }
    config = RetryConfig(retry_if=lambda error: says.get(type(error)), jitter=False)
    for kind, retried in (
        (KeyError, True),
        (ValueError, True),
        (TimeoutError, False),
        (ConnectionResetError, True),
        (LookupError, False),
    ):
        assert config.is_retryable(kind("x")) is retried, kind

    outcomes: list[Exception] = [KeyError("a"), ValueError("b"), IndexError("c")]

    @retry(config)
    def call() -> str:
        if outcomes:
            raise outcomes.pop(0)
        return "done"

    assert call() == "done"
    assert waits[0] == 1.0
    assert 7.0 <= waits[1] <= 8.75
    assert 8.0 <= waits[2] <= 10.0
    outcomes.append(TimeoutError("now"))
    with pytest.raises(TimeoutError):
        call()
    assert len(waits) == 3


def test_a_function_does_not_decide_about_the_end_of_the_program() -> None:
    config = RetryConfig(retry_if=lambda error: True)
    for error in (asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(), GeneratorExit()):
        assert not config.is_retryable(error)


@pytest.mark.parametrize(
    ("says", "kind", "said"),
    [
        ("yes", TypeError, "retry_if returned 'yes', but must return"),
        (-1, ValueError, "retry_if returned -1, but seconds must not be negative"),
        (float("nan"), ValueError, "retry_if returned nan"),
    ],
)
def test_what_a_function_may_not_say(says: Any, kind: type[Exception], said: str) -> None:
    @retry(RetryConfig(retry_if=lambda error: says))
    async def call() -> None:
        raise ConnectionResetError("reset")

    with pytest.raises(kind, match=said) as caught:
        asyncio.run(call())
    assert isinstance(caught.value.__context__, ConnectionResetError)


def test_a_missing_file_is_not_retried_although_its_base_class_is() -> None:
    def is_transient(error: BaseException) -> bool | None:
        return False if isinstance(error, undaunted.StorageFileNotFoundError) else None

    config = RetryConfig(retryable_exceptions=(undaunted.StorageError,), retry_if=is_transient)
    assert config.is_retryable(undaunted.StorageError("x"))
    assert not config.is_retryable(undaunted.StorageFileNotFoundError("a"))


def test_a_storage_refuses_a_function_that_decides() -> None:
    with pytest.raises(ValueError, match="retry_if is .* judges the responses of its service"):
        Storage.open("memory://", retry=RetryConfig(retry_if=lambda error: True))


def test_what_is_unambiguous_is_taken() -> None:
    config = RetryConfig(
        base_delay=timedelta(milliseconds=500),
        total_timeout=timedelta(minutes=1),
        retryable_exceptions=[OSError, KeyError],
    )
    assert (config.base_delay, config.total_timeout) == (0.5, 60.0)
    assert config == RetryConfig(3, 0.5, retryable_exceptions=(OSError, KeyError), total_timeout=60)
    assert RetryConfig(retryable_exceptions=KeyError).retryable_exceptions == (KeyError,)
    for field in ("total_timeout", "attempt_timeout"):
        make: Callable[..., RetryConfig] = RetryConfig
        with pytest.raises(
            ValueError, match=f"{field} is 0, but must be a number of seconds above"
        ):
            make(**{field: 0})


# What has only begun.


def test_a_future_of_an_executor_is_refused() -> None:
    with ThreadPoolExecutor(1) as pool:

        @retry(NO_WAIT)
        def submit() -> Any:
            return pool.submit(len, "abc")

        with pytest.raises(TypeError, match="cannot repeat what submit has only begun"):
            submit()
        with pytest.raises(TypeError, match="has only begun"):
            blocking.with_retry(lambda: pool.submit(len, "abc"), NO_WAIT)
    with ThreadPool(1) as threads, pytest.raises(TypeError, match="has only begun"):
        blocking.with_retry(lambda: threads.apply_async(len, ("abc",)), NO_WAIT)


@pytest.mark.parametrize(
    "config",
    [
        RetryConfig(),
        RetryConfig(retryable_status=[423]),
        RetryConfig(retryable_exceptions=(OSError,)),
        RetryConfig(retry_if=bool),
        RetryConfig(budget=RetryBudget(), pacer=Pacer()),
    ],
)
def test_what_a_function_with_retries_holds_can_be_sent_to_workers(config: RetryConfig) -> None:
    """Other libraries send the function of a script with what it holds, as cloudpickle does."""

    def plain() -> int:
        return 1

    async def coroutine() -> int:
        return 1

    for func in (plain, coroutine):
        made: Any = retry(config)(func)
        held = [cell.cell_contents for cell in made.__closure__]
        assert any(each is func for each in held)
        for each in held:
            if not inspect.isfunction(each):
                again = pickle.loads(pickle.dumps(each))
                assert type(again) is type(each)
            if isinstance(each, dict):
                error = ConnectionResetError
                assert again[error] == each[error]


# Cancellation.


needs_cancelling = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="Python 3.10 does not tell that a task is cancelled"
)


@needs_cancelling
@pytest.mark.parametrize("is_later", [False, True])
def test_a_cancellation_that_a_client_hides_ends_the_call(is_later: bool) -> None:
    calls = 0

    @retry(NO_WAIT)
    async def call() -> None:
        nonlocal calls
        calls += 1
        if is_later and calls == 1:
            raise ConnectionResetError("before")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionResetError("the client hides it") from None

    async def main() -> None:
        task = asyncio.create_task(call())
        await until(lambda: calls == 1 + is_later)
        task.cancel()
        with pytest.raises(ConnectionResetError, match="the client hides it"):
            await task

    asyncio.run(main())
    assert calls == (2 if is_later else 1)


@needs_cancelling
def test_a_task_that_cleans_up_after_its_cancellation_retries() -> None:
    flaky = Flaky()

    @retry(NO_WAIT)
    async def clean_up() -> int:
        await asyncio.sleep(0)
        return flaky()

    async def work() -> int:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return await clean_up()
        raise AssertionError("it is cancelled")

    async def main() -> int:
        task = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        task.cancel()
        return await task

    assert asyncio.run(main()) == 3


async def a_group_fails(flaky: Flaky) -> int:
    """Fails by a task of a group, while the group waits for it."""
    tasks: list[asyncio.Task[int]] = []

    async def child() -> int:
        return flaky()

    async with asyncio.TaskGroup() as group:
        tasks.append(group.create_task(child()))
    return tasks[0].result()


async def a_group_fails_in_its_block(flaky: Flaky) -> int:
    async def child() -> int:
        return flaky()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(child())
        while not task.done():
            await asyncio.sleep(0.001)
    return task.result()


async def a_timeout_ends_it(flaky: Flaky) -> int:
    try:
        return flaky()
    except ConnectionError:
        async with asyncio.timeout(0.001):
            await asyncio.sleep(60)
        raise


async def it_fails(flaky: Flaky) -> int:
    return flaky()


FAILURES = [a_group_fails, a_group_fails_in_its_block, a_timeout_ends_it, it_fails]


async def by_block(config: RetryConfig, call: Callable[[], Awaitable[int]]) -> int:
    async for attempt in attempts(config):
        with attempt:
            return await call()
    raise AssertionError("the loop ends by its block")


@needs_cancelling
@pytest.mark.parametrize("fails", FAILURES)
@pytest.mark.parametrize("was_cancelled", [False, True])
@pytest.mark.parametrize("is_block", [False, True])
@pytest.mark.parametrize("limit", [None, 60])
def test_a_task_that_is_not_cancelled_in_the_attempt_retries(
    fails: Any, was_cancelled: bool, is_block: bool, limit: float | None
) -> None:
    flaky = Flaky()
    config = RetryConfig(base_delay=0, total_timeout=limit)

    async def work() -> int:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60 if was_cancelled else 0)
        if is_block:
            return await by_block(config, lambda: fails(flaky))
        return await with_retry(lambda: fails(flaky), config)

    async def main() -> int:
        task = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        if was_cancelled:
            task.cancel()
        return await task

    assert asyncio.run(main()) == 3


@needs_cancelling
def test_a_limit_of_attempts_is_no_cancellation() -> None:
    calls = 0

    async def hang_once() -> int:
        nonlocal calls
        calls += 1
        await asyncio.sleep(60 if calls == 1 else 0)
        return calls

    async def main() -> int:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return await with_retry(hang_once, RetryConfig(base_delay=0, attempt_timeout=0.01))

    assert asyncio.run(main()) == 2


@needs_cancelling
@pytest.mark.parametrize("was_cancelled", [False, True])
@pytest.mark.parametrize("is_later", [False, True])
def test_a_cancellation_that_a_group_hides_ends_the_call(
    was_cancelled: bool, is_later: bool
) -> None:
    calls = 0

    async def child() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionResetError("while it cleaned up") from None

    async def call() -> None:
        nonlocal calls
        calls += 1
        if is_later and calls == 1:
            raise ConnectionResetError("before")
        async with asyncio.TaskGroup() as group:
            group.create_task(child())

    async def work() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60 if was_cancelled else 0)
        await with_retry(call, NO_WAIT)

    async def main() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        if was_cancelled:
            task.cancel()
        await until(lambda: calls == 1 + is_later)
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or task.exception()

    asyncio.run(main())
    assert calls == (2 if is_later else 1)


# Libraries that run coroutines.


async def everything(tmp_path: Any) -> None:
    """Functions, blocks and storages."""
    flaky = Flaky()

    @retry(RetryConfig(base_delay=0.001))
    async def call() -> int:
        return flaky()

    assert await call() == 3
    flaky.calls = 0
    assert await with_retry(call, NO_WAIT) == 3
    flaky.calls = 0
    async for attempt in attempts(RetryConfig(base_delay=0.001)):
        with attempt:
            flaky()
    slow = 0

    @retry(RetryConfig(base_delay=0, attempt_timeout=0.05))
    async def hang() -> str:
        nonlocal slow
        slow += 1
        if slow < 2:
            await anyio.sleep(60)
        return "done"

    assert await hang() == "done"
    for storage in (Storage.open("memory://"), Storage.open(tmp_path)):
        await storage.put("a", b"data")
        assert await storage.get_bytes("a") == b"data"
        stored = await storage.put_large("b", bytes(12 << 20), part_size=5 << 20)
        assert stored.size == 12 << 20
        assert sum([len(chunk) async for chunk in storage.get("b")]) == 12 << 20
        (tmp_path / "source").write_bytes(b"from a file")
        with (tmp_path / "source").open("rb") as file:
            await storage.put("c", file)
        assert await storage.get_bytes("c") == b"from a file"
        with pytest.raises(undaunted.StorageFileNotFoundError):
            await storage.get_bytes("no/such")
        assert {file.key async for file in storage.list()} >= {"a", "b", "c"}
        await storage.close()


def test_asyncio_runs_everything(tmp_path: Any) -> None:
    asyncio.run(everything(tmp_path))


def test_trio_runs_everything(tmp_path: Any) -> None:
    trio.run(everything, tmp_path)


def test_anyio_runs_everything_with_trio(tmp_path: Any) -> None:
    anyio.run(everything, tmp_path, backend="trio")


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop")
def test_uvloop_runs_everything(tmp_path: Any) -> None:
    import uvloop

    uvloop.run(everything(tmp_path))


def test_a_cancellation_of_trio_is_never_retried() -> None:
    calls = 0

    @retry(RetryConfig(base_delay=0, retryable_exceptions=(BaseException,)))
    async def hang() -> None:
        nonlocal calls
        calls += 1
        await trio.sleep(60)

    async def main() -> None:
        with trio.move_on_after(0.02) as scope:
            await hang()
        assert scope.cancelled_caught
        with trio.move_on_after(0.02) as scope:
            await with_retry(failing, RetryConfig(base_delay=60))
        assert scope.cancelled_caught

    async def failing() -> None:
        raise ConnectionResetError("reset")

    trio.run(main)
    assert calls == 1


@pytest.mark.parametrize("during", ["the source", "the callback", "a part", "the start"])
def test_an_upload_that_trio_cancels_is_dropped(tmp_path: Any, during: str) -> None:
    """Trio warns of generators that are collected before they have ended, here an error."""
    scope = trio.CancelScope()
    is_closed = False

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal is_closed
        try:
            for number in itertools.count():
                if number == 1 and during == "the start":
                    scope.cancel()
                if number == 8 and during == "a part":
                    scope.cancel()
                if number == 4 and during == "the source":
                    scope.cancel()
                    await trio.sleep_forever()
                yield bytes(5 << 20)
        finally:
            is_closed = True

    async def progress(info: undaunted.ProgressInfo) -> None:
        if during == "the callback":
            scope.cancel()
            await trio.sleep_forever()

    async def main() -> None:
        storage = Storage.open(tmp_path)
        with scope:
            await storage.put_large(
                "a", chunks(), part_size=5 << 20, concurrency=2, progress_callback=progress
            )
        assert scope.cancelled_caught
        assert is_closed
        await storage.close()

    trio.run(main)
    gc.collect()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_source_is_closed_when_its_upload_fails(backend: str) -> None:
    is_closed = False

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal is_closed
        try:
            for _ in range(4):
                yield bytes(5 << 20)
        finally:
            await anyio.lowlevel.checkpoint()
            is_closed = True

    def progress(info: undaunted.ProgressInfo) -> None:
        raise RuntimeError("the callback broke")

    async def main() -> None:
        storage = Storage.open("memory://")
        with pytest.raises(RuntimeError, match="the callback broke"):
            await storage.put_large("a", chunks(), part_size=5 << 20, progress_callback=progress)
        assert is_closed

    anyio.run(main, backend=backend)


def test_generators_within_generators_are_closed_too() -> None:
    """Trio warns of those that are not, here an error."""
    closed: list[str] = []

    async def chunks(last: Any) -> AsyncIterator[Any]:
        try:
            yield b"1"
            yield last
            yield b"3"
        finally:
            closed.append(repr(last))

    async def main() -> None:
        store = obspec.Store.open("memory://")
        with pytest.raises(TypeError):
            await store.put_async("a", chunks("2"))
        with pytest.raises(TypeError, match="data must yield bytes"):
            await Storage.open("memory://").put("a", chunks(2))
        storage = testing.FaultyStorage([testing.LostResponse(TimeoutError()), None])
        for number in range(100):
            await storage.inner.put(f"{number}", b"data")
        with pytest.raises(TimeoutError):
            [chunk async for chunk in storage.get("1")]
        async with contextlib.aclosing(storage.list()) as files:
            async for _ in files:
                break

    trio.run(main)
    gc.collect()
    assert closed == ["'2'", "2"]


def test_a_stream_of_another_kind_is_left_open() -> None:
    class Stream:
        """Like a stream of anyio, which its owner closes."""

        def __aiter__(self) -> Stream:
            return self

        async def __anext__(self) -> bytes:
            raise StopAsyncIteration

        async def aclose(self) -> None:
            raise AssertionError("it was closed")

    async def main() -> None:
        storage = Storage.open("memory://")
        assert (await storage.put("a", Stream())).size == 0

    asyncio.run(main())


def test_a_closed_coroutine_does_not_wait_for_its_source() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(5 << 20)
        finally:
            await asyncio.sleep(0)

    async def main() -> None:
        storage = Storage.open("memory://")

        async def progress(info: undaunted.ProgressInfo) -> None:
            await asyncio.sleep(60)

        upload = storage.put_large("a", chunks(), part_size=5 << 20, progress_callback=progress)
        upload.send(None)
        upload.close()

    asyncio.run(main())


def test_a_coroutine_that_nothing_runs_says_so() -> None:
    @retry
    async def call() -> None:
        raise ConnectionResetError("reset")

    with pytest.raises(RuntimeError, match=r"neither runs this coroutine: run it with asyncio.run"):
        call().send(None)


def test_a_timeout_fires_although_a_storage_in_memory_never_waits() -> None:
    async def use() -> None:
        storage = Storage.open("memory://")
        await storage.put("a", b"data")
        for _ in range(10_000_000):
            await storage.get_bytes("a")

    async def main() -> None:
        with pytest.raises((TimeoutError, asyncio.TimeoutError)):
            await asyncio.wait_for(use(), 0.1)

    asyncio.run(main())


def test_the_switches_of_tests_apply_to_blocks() -> None:
    with testing.set_active(False), pytest.raises(ConnectionResetError):
        for attempt in attempts():
            with attempt:
                raise ConnectionResetError("reset")


def test_the_failures_of_a_block_are_not_kept_alive() -> None:
    class Weak(TimeoutError):
        pass

    known: list[weakref.ref[Weak]] = []

    def failure() -> Weak:
        error = Weak()
        known.append(weakref.ref(error))
        return error

    def use() -> None:
        for attempt in attempts(NO_WAIT):
            with attempt:
                raise failure()

    async def use_async() -> None:
        with contextlib.suppress(Weak):
            async for attempt in attempts(NO_WAIT):
                with attempt:
                    raise failure()

    logging.disable(logging.CRITICAL)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(Weak):
            use()
        asyncio.run(use_async())
        assert [each() for each in known] == [None] * 8
    finally:
        gc.enable()
        logging.disable(logging.NOTSET)
