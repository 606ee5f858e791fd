"""Retried functions: their calls, their waits and the exceptions that they raise."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import logging
import sys
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

import undaunted._call
from undaunted import RetryBudget, RetryConfig, StorageRateLimitError, blocking, retry, with_retry

NO_WAIT = RetryConfig(base_delay=0)


class Script:
    """A function whose calls have the given outcomes."""

    def __init__(self, *outcomes: object) -> None:
        self.outcomes = list(outcomes)
        self.calls = 0

    def next(self) -> Any:
        outcome = self.outcomes[self.calls]
        self.calls += 1
        try:
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome
        finally:
            # Otherwise the traceback would keep the exception alive.
            del outcome

    async def anext(self) -> Any:
        await asyncio.sleep(0)
        return self.next()


EntryPoint = Callable[[Script, RetryConfig], Any]


def by_decorator(script: Script, config: RetryConfig) -> Any:
    @retry(config)
    async def call() -> Any:
        return await script.anext()

    return asyncio.run(call())


def by_function(script: Script, config: RetryConfig) -> Any:
    return asyncio.run(with_retry(script.anext, config))


def by_plain_decorator(script: Script, config: RetryConfig) -> Any:
    @retry(config)
    def call() -> Any:
        return script.next()

    return call()


def by_plain_function(script: Script, config: RetryConfig) -> Any:
    return blocking.with_retry(script.next, config)


def by_hidden_coroutine(script: Script, config: RetryConfig) -> Any:
    @retry(config)
    def call() -> Awaitable[Any]:
        return script.anext()

    async def main() -> Any:
        return await call()

    return asyncio.run(main())


ENTRY_POINTS = [
    by_decorator,
    by_function,
    by_plain_decorator,
    by_plain_function,
    by_hidden_coroutine,
]
every_entry_point = pytest.mark.parametrize("retried", ENTRY_POINTS)


@every_entry_point
def test_a_success_of_the_first_attempt_is_returned(
    retried: EntryPoint, waits: list[float]
) -> None:
    script = Script("done")
    assert retried(script, RetryConfig()) == "done"
    assert script.calls == 1
    assert waits == []


@every_entry_point
def test_it_waits_as_configured(retried: EntryPoint, waits: list[float]) -> None:
    script = Script(TimeoutError(), ConnectionError(), TimeoutError(), "done")
    assert retried(script, RetryConfig(jitter=False)) == "done"
    assert waits == [1.0, 2.0, 4.0]


@every_entry_point
def test_the_last_exception_is_raised_unchanged(retried: EntryPoint, waits: list[float]) -> None:
    errors = [TimeoutError(str(n)) for n in range(4)]
    script = Script(*errors)
    with pytest.raises(TimeoutError) as caught:
        retried(script, RetryConfig(jitter=False))
    assert caught.value is errors[3]
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert caught.value.__notes__ == [
        "undaunted: 4 attempts, after waits of 1.00, 2.00, 4.00 s; all retries are used"
    ]


@every_entry_point
def test_an_error_that_is_not_retryable_is_raised_immediately(
    retried: EntryPoint, waits: list[float]
) -> None:
    error = ValueError("no")
    script = Script(error)
    with pytest.raises(ValueError) as caught:
        retried(script, RetryConfig())
    assert caught.value is error
    assert script.calls == 1
    assert waits == []
    assert not hasattr(error, "__notes__")


@every_entry_point
def test_an_error_that_is_not_retryable_ends_a_retried_call(
    retried: EntryPoint, waits: list[float]
) -> None:
    error = ValueError("no")
    script = Script(TimeoutError(), error, "never")
    with pytest.raises(ValueError) as caught:
        retried(script, RetryConfig(jitter=False))
    assert caught.value is error
    assert caught.value.__notes__ == [
        "undaunted: 2 attempts, after waits of 1.00 s; the last failure is not retryable; the "
        "attempt before failed with TimeoutError()"
    ]


@every_entry_point
def test_no_retries_is_one_attempt(retried: EntryPoint, waits: list[float]) -> None:
    script = Script(TimeoutError())
    with pytest.raises(TimeoutError):
        retried(script, RetryConfig(max_retries=0))
    assert script.calls == 1
    assert waits == []


@every_entry_point
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_the_end_of_the_program_is_never_retried(
    retried: EntryPoint, waits: list[float], error: BaseException
) -> None:
    for script in (Script(error, "never"), Script(TimeoutError(), error, "never")):
        with pytest.raises(type(error)):
            retried(script, RetryConfig(retryable_exceptions=(BaseException,)))
    assert not hasattr(error, "__notes__")


@every_entry_point
def test_a_wait_is_never_shorter_than_the_hint(retried: EntryPoint, waits: list[float]) -> None:
    script = Script(StorageRateLimitError("slow down", retry_after=10.0), "done")
    assert retried(script, RetryConfig()) == "done"
    assert 10.0 <= waits[0] <= 12.5


@every_entry_point
def test_an_attribute_that_is_not_a_duration_is_no_hint(
    retried: EntryPoint, waits: list[float]
) -> None:
    errors = [TimeoutError() for _ in range(3)]
    for error, value in zip(errors, ("soon", float("nan"), -1.0), strict=True):
        error.retry_after = value  # type: ignore[attr-defined]
    assert retried(Script(*errors, "done"), RetryConfig(jitter=False)) == "done"
    assert waits == [1.0, 2.0, 4.0]


@every_entry_point
def test_a_hint_that_is_too_long_ends_the_call(retried: EntryPoint, waits: list[float]) -> None:
    error = StorageRateLimitError("slow down", retry_after=3600.0)
    with pytest.raises(StorageRateLimitError) as caught:
        retried(Script(error), RetryConfig())
    assert "beyond max_retry_after" in caught.value.__notes__[0]
    assert waits == []


@every_entry_point
def test_a_throttled_failure_has_a_delay_of_its_own(
    retried: EntryPoint, waits: list[float]
) -> None:
    config = RetryConfig(jitter=False, base_delay=0.1, throttled_base_delay=5.0)
    script = Script(TimeoutError(), StorageRateLimitError(), "done")
    assert retried(script, config) == "done"
    assert waits == [0.1, 10.0]


@every_entry_point
def test_an_empty_budget_ends_the_call(retried: EntryPoint, waits: list[float]) -> None:
    budget = RetryBudget(capacity=30, refill=0)
    config = RetryConfig(budget=budget, max_retries=10)
    error = TimeoutError()
    script = Script(TimeoutError(), TimeoutError(), error)
    with pytest.raises(TimeoutError) as caught:
        retried(script, config)
    assert caught.value is error
    assert "the retry budget is exhausted" in caught.value.__notes__[0]
    # Two retries at 14 tokens.
    assert budget.tokens == 2
    assert len(waits) == 2


@every_entry_point
def test_successes_deposit_into_the_budget(retried: EntryPoint, waits: list[float]) -> None:
    budget = RetryBudget(capacity=30, refill=0)
    config = RetryConfig(budget=budget)
    retried(Script(TimeoutError(), TimeoutError(), "done"), config)
    # The cost of the last retry is refunded, that of the first is not.
    assert budget.tokens == 16
    retried(Script("done"), config)
    assert budget.tokens == 17


@every_entry_point
def test_no_wait_begins_that_ends_after_the_deadline(
    retried: EntryPoint, waits: list[float]
) -> None:
    config = RetryConfig(jitter=False, base_delay=50, total_timeout=60)
    error = TimeoutError("the second")
    with pytest.raises(TimeoutError) as caught:
        retried(Script(TimeoutError(), error), config)
    assert caught.value is error
    assert waits == [50.0]
    assert "total_timeout leaves no time" in caught.value.__notes__[0]


@every_entry_point
def test_the_same_exception_object_has_one_note(retried: EntryPoint, waits: list[float]) -> None:
    error = TimeoutError()
    for _ in range(2):
        with pytest.raises(TimeoutError):
            retried(Script(*[error] * 4), RetryConfig())
    assert len(error.__notes__) == 1


@every_entry_point
def test_failures_are_not_kept_alive(
    retried: EntryPoint, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    # pytest's own log handler would keep the exceptions.
    caplog.set_level(logging.CRITICAL, logger="undaunted.retry")

    class Weak(TimeoutError):
        pass

    class Held:
        """An object that a traceback would keep alive."""

    held = Held()
    known = weakref.ref(held)
    script = Script(Weak(), Weak(), "done")

    def call(held: Held) -> Any:
        return retried(script, RetryConfig())

    gc.collect()
    gc.disable()
    try:
        call(held)
        errors = [weakref.ref(error) for error in script.outcomes[:2] if isinstance(error, Weak)]
        script.outcomes.clear()
        del held
        assert [error() for error in errors] == [None, None]
        assert known() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("config", [RetryConfig(), RetryConfig(total_timeout=60)])
def test_the_exception_that_is_raised_is_not_kept_alive(
    config: RetryConfig, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="undaunted.retry")

    class Weak(TimeoutError):
        pass

    async def use() -> None:
        script = Script(*(Weak() for _ in range(16)))
        known = [weakref.ref(error) for error in script.outcomes if isinstance(error, Weak)]
        # Caught here: asyncio.run would keep it.
        with contextlib.suppress(Weak):
            await retry(config)(script.anext)()
        with contextlib.suppress(Weak):
            await with_retry(script.anext, config)
        with contextlib.suppress(Weak):
            retry(config)(script.next)()
        with contextlib.suppress(Weak):
            blocking.with_retry(script.next, config)
        assert script.calls == 16
        script.outcomes.clear()
        assert [error() for error in known] == [None] * 16

    gc.collect()
    gc.disable()
    try:
        asyncio.run(use())
    finally:
        gc.enable()


@every_entry_point
def test_a_success_makes_no_call_into_rust(
    retried: EntryPoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = RetryConfig()

    def called(*_: object) -> None:
        raise AssertionError("a success called into Rust")

    monkeypatch.setattr(undaunted._call, "State", called)
    assert retried(Script("done"), config) == "done"


def test_the_decorator_works_with_and_without_parentheses(waits: list[float]) -> None:
    script = Script(*[TimeoutError(), "done"] * 4)

    @retry
    async def bare() -> Any:
        """Its docstring."""
        return script.next()

    @retry()
    async def empty() -> Any:
        return script.next()

    @retry(RetryConfig(max_retries=1))
    async def with_config() -> Any:
        return script.next()

    @retry(config=RetryConfig(max_retries=1))
    async def by_keyword() -> Any:
        return script.next()

    for function in (bare, empty, with_config, by_keyword):
        assert asyncio.run(function()) == "done"
    assert bare.__name__ == "bare"
    assert bare.__doc__ == "Its docstring."
    assert inspect.iscoroutinefunction(bare)
    assert inspect.unwrap(bare) is not bare


def test_arguments_come_with_every_attempt() -> None:
    seen: list[object] = []

    @retry(NO_WAIT)
    def plain(*args: object, **kwargs: object) -> str:
        seen.append((args, kwargs))
        if len(seen) < 3:
            raise TimeoutError
        return "done"

    assert plain(1, b=2) == "done"
    assert seen == [((1,), {"b": 2})] * 3


class Client:
    """Methods of every kind."""

    def __init__(self) -> None:
        self.script = Script(TimeoutError(), "done")

    @retry(NO_WAIT)
    async def fetch(self) -> Any:
        return await self.script.anext()

    @retry(NO_WAIT)
    def fetch_plain(self) -> Any:
        return self.script.next()

    @classmethod
    @retry(NO_WAIT)
    def of_class(cls, script: Script) -> Any:
        assert cls is Client
        return script.next()

    @staticmethod
    @retry(NO_WAIT)
    def static(script: Script) -> Any:
        return script.next()


def test_the_decorator_works_on_methods() -> None:
    assert asyncio.run(Client().fetch()) == "done"
    assert Client().fetch_plain() == "done"
    assert Client.of_class(Script(TimeoutError(), "done")) == "done"
    assert Client.static(Script(TimeoutError(), "done")) == "done"


class Called:
    def __init__(self, script: Script) -> None:
        self.script = script

    async def __call__(self) -> Any:
        return await self.script.anext()


def test_it_takes_partials_and_callable_objects() -> None:
    async def call(script: Script) -> Any:
        return await script.anext()

    partial = retry(NO_WAIT)(functools.partial(call, Script(TimeoutError(), "done")))
    assert asyncio.run(partial()) == "done"
    called = retry(NO_WAIT)(Called(Script(TimeoutError(), "done")))
    assert asyncio.run(called()) == "done"


def test_a_cancellation_is_never_retried() -> None:
    calls = 0

    @retry(RetryConfig(retryable_exceptions=(BaseException,), base_delay=0))
    async def cancelled() -> None:
        nonlocal calls
        calls += 1
        raise asyncio.CancelledError

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await cancelled()

    asyncio.run(main())
    assert calls == 1


def test_a_cancellation_ends_the_wait_and_refunds_its_cost() -> None:
    budget = RetryBudget(capacity=100, refill=0)

    @retry(RetryConfig(base_delay=1000, max_delay=1000, budget=budget))
    async def call() -> None:
        raise TimeoutError

    async def main() -> None:
        task = asyncio.create_task(call())
        while budget.tokens == 100:
            await asyncio.sleep(0)
        assert budget.tokens == 86
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert budget.tokens == 100


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.timeout is new in Python 3.11")
def test_asyncio_timeout_around_it_works() -> None:
    calls = 0

    @retry(RetryConfig(base_delay=1000, max_delay=1000))
    async def call() -> None:
        nonlocal calls
        calls += 1
        raise TimeoutError("its own")

    async def main() -> None:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.001):
                await call()
        assert str(caught.value) != "its own"

    asyncio.run(main())
    assert calls == 1


def test_the_timeouts_of_asyncio_count_as_timeouts() -> None:
    # Before Python 3.11 this is not the built-in one.
    script = Script(asyncio.TimeoutError(), "done")
    assert by_function(script, NO_WAIT) == "done"


def test_a_slow_attempt_is_cut_and_retried() -> None:
    cancelled = 0
    calls = 0

    # A cut counts as a timeout even though the tuple has none.
    @retry(RetryConfig(base_delay=0, attempt_timeout=0.001, retryable_exceptions=()))
    async def call() -> str:
        nonlocal calls, cancelled
        calls += 1
        if calls == 3:
            return "done"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled += 1
            raise
        return "never"

    assert asyncio.run(call()) == "done"
    assert cancelled == 2


def test_the_error_of_a_cut_says_which_limit() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        with pytest.raises(TimeoutError, match=r"attempt timed out after 1ms") as caught:
            await with_retry(hang, RetryConfig(max_retries=1, base_delay=0, attempt_timeout=0.001))
        # The cause shows where it was cut.
        assert isinstance(caught.value.__cause__, asyncio.CancelledError)
        with pytest.raises(TimeoutError, match=r"timed out after 1ms in all"):
            await with_retry(hang, RetryConfig(total_timeout=0.001))

    asyncio.run(main())


def test_a_timeout_that_the_function_raises_is_not_a_cut() -> None:
    own = TimeoutError("its own")
    script = Script(own)
    with pytest.raises(TimeoutError) as caught:
        by_function(script, RetryConfig(attempt_timeout=60, retryable_exceptions=()))
    assert caught.value is own


def test_a_cut_at_the_deadline_raises_the_failure_before_it() -> None:
    first = ConnectionError("the first")
    calls = 0

    async def call() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise first
        await asyncio.Event().wait()

    async def main() -> None:
        with pytest.raises(ConnectionError) as caught:
            await with_retry(call, RetryConfig(base_delay=0, total_timeout=0.5))
        assert caught.value is first

    asyncio.run(main())
    assert calls == 2


def test_a_plain_function_cannot_be_cut() -> None:
    config = RetryConfig(attempt_timeout=1.0)

    def plain() -> None: ...

    with pytest.raises(ValueError, match=r"attempt_timeout is 1\.0, but plain is a plain function"):
        retry(config)(plain)
    with pytest.raises(ValueError, match="attempt_timeout"):
        blocking.with_retry(plain, config)


def test_a_plain_function_may_return_a_coroutine_at_a_later_attempt(
    waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    script = Script(TimeoutError("once"), "done")
    calls = 0

    @retry(RetryConfig(jitter=False, total_timeout=60))
    def connect() -> Awaitable[Any]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise TimeoutError("not connected")
        return script.anext()

    async def main() -> Any:
        return await connect()

    assert asyncio.run(main()) == "done"
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


def test_a_wait_of_zero_lets_other_tasks_run() -> None:
    ran: list[str] = []

    async def other() -> None:
        ran.append("other")

    async def main() -> None:
        task = asyncio.create_task(other())
        script = Script(TimeoutError(), "done")

        async def call() -> Any:
            result = script.next()
            ran.append("call")
            return result

        await with_retry(call, NO_WAIT)
        await task

    asyncio.run(main())
    assert ran == ["other", "call"]


def test_the_function_is_called_once_for_each_attempt() -> None:
    script = Script(TimeoutError(), "done")
    made: list[object] = []

    def make() -> Awaitable[Any]:
        coroutine = script.anext()
        made.append(coroutine)
        return coroutine

    assert asyncio.run(with_retry(make, NO_WAIT)) == "done"
    assert len(made) == 2


# Arguments that cannot be retried.


def misuse(call: Callable[[], Awaitable[object]]) -> str:
    async def main() -> str:
        with pytest.raises(TypeError) as caught:
            await call()
        return str(caught.value)

    return asyncio.run(main())


CONFIGS = [
    RetryConfig(),
    RetryConfig(retryable_exceptions=(Exception,)),
    RetryConfig(total_timeout=9),
    RetryConfig(total_timeout=9, retryable_exceptions=(Exception,)),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_a_coroutine_is_not_a_function(config: RetryConfig) -> None:
    async def put() -> None: ...

    said = misuse(lambda: with_retry(put(), config))  # type: ignore[arg-type]
    assert "with_retry needs a function that makes the call" in said
    assert "got a coroutine" in said


@pytest.mark.parametrize("config", CONFIGS)
def test_an_object_that_cannot_be_called_is_named(config: RetryConfig) -> None:
    assert "got an int" in misuse(lambda: with_retry(5, config))  # type: ignore[arg-type]
    assert "got None" in misuse(lambda: with_retry(None, config))  # type: ignore[arg-type]


@pytest.mark.parametrize("config", CONFIGS)
def test_a_function_that_returns_nothing_to_await_is_named(config: RetryConfig) -> None:
    calls = 0

    def plain() -> int:
        nonlocal calls
        calls += 1
        return 5

    said = misuse(lambda: with_retry(plain, config))  # type: ignore[arg-type]
    assert "returned an int" in said
    assert "undaunted.blocking.with_retry" in said
    assert calls == 1


def test_a_type_error_that_the_function_raises_is_unchanged() -> None:
    own = TypeError("its own")
    with pytest.raises(TypeError) as caught:
        by_function(Script(own), RetryConfig())
    assert caught.value is own


def test_a_config_must_be_a_retry_config() -> None:
    async def put() -> None: ...

    assert "config must be a RetryConfig, not dict" in misuse(lambda: with_retry(put, {}))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="config must be a RetryConfig, not int"):
        retry(config=3)  # type: ignore[call-overload]


def test_a_coroutine_function_is_not_for_blocking() -> None:
    async def put() -> None: ...

    with pytest.raises(TypeError, match=r"returned a coroutine: .* undaunted\.with_retry"):
        blocking.with_retry(put)
    with pytest.raises(TypeError, match="with_retry needs a function"):
        blocking.with_retry(5)  # type: ignore[arg-type]


async def async_generator() -> AsyncIterator[int]:
    yield 1


def generator() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (5, "retry takes a RetryConfig or decorates a function, but got an int"),
        ({}, "got a dict"),
        (TimeoutError, r"RetryConfig\(retryable_exceptions=\(TimeoutError,\)\)"),
        (async_generator, "cannot repeat the generator async_generator"),
        (generator, "cannot repeat the generator generator"),
        (classmethod(generator), "cannot repeat the generator generator"),
        (staticmethod(async_generator), "cannot repeat the generator async_generator"),
    ],
)
def test_an_object_that_cannot_be_decorated_is_refused_immediately(thing: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        retry(thing)
    with pytest.raises(TypeError, match=said):
        retry()(thing)
