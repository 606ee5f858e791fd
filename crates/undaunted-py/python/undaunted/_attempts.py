"""``attempts``: retries of a block of code, in a loop."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from . import _scope
from ._call import check_time_left, delay_after, pause, wait
from ._config import RetryConfig
from ._judging import JUDGED, TRANSIENT
from ._log import log_unpaced, tell_success
from ._misuse import config_of
from ._runtime import is_cancelled, running_task
from ._timeout import TimedOut
from ._undaunted import State

if TYPE_CHECKING:
    from ._undaunted import Verdict

__all__ = ["Attempt", "Attempts", "attempts"]


def attempts(config: RetryConfig | None = None, *, name: str | None = None) -> Attempts:
    """Retries a block: ``for attempt in attempts(): with attempt: ...``.

    In a coroutine function, write ``async for``, which waits without holding up the event loop. The
    block ends the loop when it reaches its end, and by ``return`` and ``break``. Its last exception
    is raised unchanged.

    Args:
        config: How to retry; default: 3 retries after 1, 2 and 4 seconds, each ±25 %. Its
            ``total_timeout`` ends the retries; a running block is not cut.
        name: The name of the block in logs; default: that of the function around it.

    Raises:
        ValueError: Immediately, if the configuration has an ``attempt_timeout``: a block cannot be
            cut. Use ``asyncio.timeout`` in it.
        RuntimeError: At the second attempt, if the block is not in a ``with attempt:``.

    Example:
        >>> import asyncio
        >>> from undaunted import RetryConfig, attempts, testing
        >>> storage = testing.FaultyStorage([TimeoutError, TimeoutError])
        >>> async def upload():
        ...     async for attempt in attempts(RetryConfig(base_delay=0)):
        ...         with attempt:
        ...             await storage.put("a.txt", b"hello")
        ...             return attempt.number
        >>> asyncio.run(upload())
        3
    """
    config = RetryConfig() if config is None else config_of(config)
    if config.attempt_timeout is not None:
        raise ValueError(
            f"attempt_timeout is {config.attempt_timeout}, but a block cannot be cut: remove it, "
            "and use `async with asyncio.timeout(...)` in the block, or use with_retry"
        )
    caller = sys._getframe(1).f_code.co_name
    return Attempts(config, name or ("a block" if caller == "<module>" else caller))


class Attempts:
    """The attempts of a block, from :func:`attempts`. Each loop over it is a call of its own.

    Example:
        >>> from undaunted import attempts
        >>> for attempt in attempts():
        ...     with attempt:
        ...         done = attempt.number
        >>> done
        1
    """

    def __init__(self, config: RetryConfig, name: str) -> None:
        self._config = config
        self._name = name

    def __iter__(self) -> Iterator[Attempt]:
        return _Loop(self._config, self._name)

    def __aiter__(self) -> AsyncIterator[Attempt]:
        return _AsyncLoop(self._config, self._name)

    def __repr__(self) -> str:
        return f"<Attempts of {self._name}: {self._config!r}>"


class Attempt:
    """One attempt of a block: ``with attempt:`` catches a failure that is retried.

    Example:
        >>> from undaunted import attempts
        >>> [attempt.number for attempt in attempts() if not attempt.__exit__(None, None, None)]
        [1]
    """

    number: int
    """The number of the attempt, from 1."""

    def __init__(self, run: _Run, number: int) -> None:
        self._run = run
        self.number = number

    def __enter__(self) -> Attempt:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if error is None:
            self._run.succeeded()
            return False
        return self._run.failed(error)

    def __repr__(self) -> str:
        return f"<Attempt {self.number}>"


class _Run:
    """A loop: the core decides, and the loop waits."""

    def __init__(self, config: RetryConfig, name: str) -> None:
        self._config = config
        self._name = name
        scope = _scope.current.get()
        self._state = State(config._core, config.budget, None, config._pacer, scope)
        self._is_timed = scope is not None or config.total_timeout is not None
        self._number = 0
        self._is_open = False
        self._is_done = False
        self._delay: float | None = None
        self._failure: BaseException | None = None
        self._cancelled = -1

    def succeeded(self) -> None:
        has_failed, self._failure = self._failure is not None, None
        self._is_open, self._is_done = False, True
        if self._config._is_shared and self._state.on_success():
            log_unpaced(self._name)
        if has_failed:
            tell_success(self._state, self._name)

    def failed(self, error: BaseException) -> bool:
        """Whether another attempt follows."""
        config = self._config
        verdict: Verdict = config._verdicts[error.__class__]
        if verdict == JUDGED:
            verdict = config._judge(error)
        self._is_open = False
        self._delay = None
        task, before = running_task(), self._cancelled
        self._cancelled = 0 if task is None else task.cancelling()
        if not is_cancelled(task, error, before):
            self._delay = delay_after(
                error, verdict, self._state, self._name, config.on_retry, self._failure
            )
        self._is_done = self._delay is None
        if not self._is_done:
            _scope.warn_if_nested(self._name, self._state)
        self._failure = None if self._is_done else error
        return not self._is_done

    def _waits(self) -> Iterator[float]:
        """The waits before the next attempt: the delay, and then for the turn."""
        if self._is_open:
            raise RuntimeError("the block of attempts() is not in a `with attempt:`")
        if self._delay is not None:
            yield self._delay
        if self._config._pacer is not None:
            while (delay := self._state.poll_turn()) is not None:
                yield delay

    def _next(self) -> Attempt:
        if self._is_timed:
            try:
                check_time_left(self._state)
            except TimedOut as error:
                self._is_done = True
                failure = error.as_failure(self._failure)
                # Where nothing had failed, time was used up in the queue of the pacer.
                delay_after(failure, TRANSIENT, self._state, self._name, None)
                self._failure = None
                raise failure from failure.__cause__
        self._is_open = True
        self._number += 1
        return Attempt(self, self._number)


class _Loop(_Run):
    def __iter__(self) -> _Loop:
        return self

    def __next__(self) -> Attempt:
        if self._is_done:
            raise StopIteration
        try:
            for delay in self._waits():
                pause(delay)
        except BaseException:
            self._state.on_drop()
            raise
        return self._next()


class _AsyncLoop(_Run):
    def __aiter__(self) -> _AsyncLoop:
        return self

    async def __anext__(self) -> Attempt:
        if self._is_done:
            raise StopAsyncIteration
        try:
            for delay in self._waits():
                await wait(delay)
        except BaseException:
            self._state.on_drop()
            raise
        return self._next()
