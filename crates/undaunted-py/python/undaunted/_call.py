"""The retry loop of one call: the Rust core decides, and the loop calls, waits and logs.

There are two loops, for coroutines and for plain functions. They share no helper, since calling
one costs a tenth of a whole retry. They differ in how they wait and in which limits they can
enforce.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import logging
import time
import types
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any, NoReturn, TypeVar

from ._config import NEVER_RETRIED, RetryConfig
from ._log import log_retry, log_stop, log_success, logger
from ._names import name_of
from ._notes import add_note
from ._timeout import Cut, cut_after
from ._undaunted import State

T = TypeVar("T")

_TRANSIENT = State.TRANSIENT
_PERMANENT = State.PERMANENT


async def drive(
    config: RetryConfig,
    name: str | None,
    func: Callable[..., Awaitable[T]],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] = types.MappingProxyType({}),
    failure: BaseException | None = None,
    verdict: int = _TRANSIENT,
) -> T:
    """Makes attempts until one succeeds or the core stops the call.

    ``failure`` and ``verdict`` belong to a first attempt that the caller has already made.
    Without a ``name``, the function's own is looked up when there is something to log.
    """
    state = State(config._core, config.budget)
    verdicts = config._verdicts
    is_plain = config._is_plain
    earlier = None
    try:
        while True:
            if failure is not None:
                delay = state.on_failure(verdict, getattr(failure, "retry_after", None))
                if isinstance(delay, str):
                    _stop(name or name_of(func), state.waits, delay, failure)
                if logger.isEnabledFor(logging.WARNING):
                    log_retry(
                        name or name_of(func), state.retries, config.max_retries, delay, failure
                    )
                try:
                    if delay > 0:
                        await asyncio.sleep(delay)
                    else:
                        await _yield_once()
                except BaseException:
                    # The retry does not begin: the budget gets its cost back.
                    state.on_drop()
                    raise
                earlier = failure
            try:
                if is_plain:
                    # Calling without arguments costs half as much as unpacking empty ones.
                    result = await (func(*args, **kwargs) if args or kwargs else func())
                else:
                    result = await _limited(state, func, args, kwargs)
            except BaseException as error:
                if not is_plain and isinstance(error, Cut):
                    failure, verdict = _of_cut(error, earlier), _TRANSIENT
                    continue
                failure = error
                known = verdicts.get(error.__class__)
                verdict = config._verdict(error) if known is None else known
                if verdict == _PERMANENT and isinstance(error, NEVER_RETRIED):
                    raise
            else:
                if config.budget is not None:
                    state.on_success()
                if failure is not None and logger.isEnabledFor(logging.DEBUG):
                    log_success(name or name_of(func), state.retries + 1)
                return result
    finally:
        # The failure's traceback refers to this frame: the cycle would keep both alive.
        del failure, earlier


def drive_blocking(
    config: RetryConfig,
    name: str | None,
    func: Callable[..., T],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] = types.MappingProxyType({}),
    failure: BaseException | None = None,
    verdict: int = _TRANSIENT,
) -> T:
    """Does what :func:`drive` does, for a plain function on this thread."""
    state = State(config._core, config.budget)
    verdicts = config._verdicts
    is_plain = config._is_plain
    earlier = None
    try:
        while True:
            if failure is not None:
                delay = state.on_failure(verdict, getattr(failure, "retry_after", None))
                if isinstance(delay, str):
                    _stop(name or name_of(func), state.waits, delay, failure)
                if logger.isEnabledFor(logging.WARNING):
                    log_retry(
                        name or name_of(func), state.retries, config.max_retries, delay, failure
                    )
                try:
                    if delay > 0:
                        time.sleep(delay)
                except BaseException:
                    state.on_drop()
                    raise
                earlier = failure
            try:
                if not is_plain:
                    _begin_uncut(state)
                result = func(*args, **kwargs)
            except BaseException as error:
                if not is_plain and isinstance(error, Cut):
                    failure, verdict = _of_cut(error, earlier), _TRANSIENT
                    continue
                failure = error
                known = verdicts.get(error.__class__)
                verdict = config._verdict(error) if known is None else known
                if verdict == _PERMANENT and isinstance(error, NEVER_RETRIED):
                    raise
            else:
                if config.budget is not None:
                    state.on_success()
                if failure is not None and logger.isEnabledFor(logging.DEBUG):
                    log_success(name or name_of(func), state.retries + 1)
                return result
    finally:
        del failure, earlier


def _stop(name: str, waits: list[float], reason: str, error: BaseException) -> NoReturn:
    """Logs the end of the call and raises its last error."""
    # The first attempt failed with a permanent error: nothing was retried.
    if waits or reason != "permanent":
        log_stop(name, len(waits) + 1, reason, error)
        add_note(error, waits, reason)
    raise error


async def _limited(
    state: State,
    func: Callable[..., Awaitable[T]],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> T:
    limit = state.on_attempt()
    if limit is None:
        return await func(*args, **kwargs)
    after, reason, is_total = limit
    return await cut_after(after, Cut(reason, is_total), lambda: func(*args, **kwargs))


def _begin_uncut(state: State) -> None:
    """Raises if the time is up: a plain function cannot be cut once it has begun."""
    limit = state.on_attempt()
    if limit is not None and limit[0] <= 0:
        raise Cut(limit[1], limit[2])


def _of_cut(cut: Cut, earlier: BaseException | None) -> BaseException:
    # The error of an earlier attempt says more than that no time was left.
    if cut.is_total and earlier is not None:
        return earlier
    error = TimeoutError(str(cut))
    error.__cause__ = cut.__cause__
    return error


@types.coroutine
def _yield_once() -> Generator[None, None, None]:
    """Lets other tasks run once, as asyncio.sleep(0) does, at half its cost."""
    yield
