"""The retry loop of one call: the Rust core decides, and the loop calls and waits.

There are two loops, for coroutines and for plain functions. They differ in how they wait and in
which limits they can enforce.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import sys
import time
import types
from asyncio import _get_running_loop
from collections.abc import Awaitable, Callable, Generator, Mapping
from functools import partial
from logging import DEBUG, WARNING
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from . import _scope
from ._config import RetryConfig
from ._judging import JUDGED, PERMANENT, THROTTLED, TRANSIENT
from ._log import (
    add_note,
    listeners,
    log_paced,
    log_unpaced,
    logger,
    shortened,
    tell_retry,
    tell_stop,
    tell_success,
)
from ._misuse import PLAIN, is_awaitable
from ._runtime import is_cancelled, limited, running_task, sleep
from ._timeout import TimedOut
from ._undaunted import State

if TYPE_CHECKING:
    from ._log import Hook
    from ._undaunted import Verdict

P = ParamSpec("P")
T = TypeVar("T")


async def drive(
    config: RetryConfig,
    name: object,
    func: Callable[..., Awaitable[T]],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    failure: BaseException | None,
    verdict: Verdict,
) -> T:
    """Makes attempts until one succeeds or the core stops the call.

    ``failure`` and ``verdict`` belong to a first attempt that the caller has already made.
    ``name`` is the name of the call, or the function that is named in logs.
    """
    scope = _scope.current.get()
    state = State(config._core, config.budget, None, config._pacer, scope)
    has_limits, verdicts = scope is not None or not config._is_plain, config._verdicts
    is_paced, token = config._pacer is not None, None
    earlier, task, hook, cancelled = None, None, config.on_retry, -1
    is_heard: object = False
    try:
        while True:
            if failure is not None:
                if earlier is None:
                    task = running_task()
                if task is not None:
                    before, cancelled = cancelled, task.cancelling()
                    if cancelled and is_cancelled(task, failure, before):
                        raise failure
                # As `delay_after`, but what is usual takes no call: a retry that nobody hears of.
                decision = state.on_failure(verdict, getattr(failure, "retry_after", None))
                is_heard = hook is not None or listeners or logger.isEnabledFor(WARNING)
                if is_heard or verdict != TRANSIENT or type(decision) is not float:
                    delay = _told(decision, failure, verdict, state, name, hook, earlier)
                    if delay is None:
                        raise failure
                    if token is None:
                        token = _scope.enter_retry(name, state, failure)
                else:
                    delay = decision
                try:
                    if delay <= 0 and task is not None:
                        await _yield_once()
                    else:
                        await wait(delay)
                except BaseException:
                    # The retry does not begin: the budget gets its cost back.
                    state.on_drop()
                    raise
                earlier = failure
            if is_paced:
                try:
                    while (delay := state.poll_turn()) is not None:
                        await wait(delay)
                except BaseException:
                    state.on_drop()
                    raise
            try:
                if has_limits:
                    result = await _limited(state, partial(func, *args, **kwargs))
                else:
                    result = await func(*args, **kwargs)
            except BaseException as error:
                if has_limits and isinstance(error, TimedOut):
                    failure, verdict = error.as_failure(earlier), TRANSIENT
                    cancelled = sys.maxsize  # by the limit, if at all, and that was taken back
                else:
                    failure, verdict = error, verdicts[error.__class__]
                    if verdict >= PERMANENT:
                        if verdict == JUDGED:
                            verdict = config._judge(error)
                        if verdict == PERMANENT and not isinstance(error, Exception):
                            raise
            else:
                if config._is_shared and state.on_success():
                    log_unpaced(name)
                if is_heard and (listeners or logger.isEnabledFor(DEBUG)):
                    tell_success(state, name)
                return result
    finally:
        if token is not None:
            _scope.leave_retry(token)
        # The failure's traceback refers to this frame: the cycle would keep both alive.
        del failure, earlier


def blocking_call(
    func: Callable[P, T],
    config: RetryConfig,
    name: object,
    on_awaitable: Callable[Concatenate[T, P], T],
) -> Callable[P, T]:
    """A plain function with retries, on the calling thread.

    If it returns a coroutine, a future or another awaitable object, the call has neither succeeded
    nor failed yet: ``on_awaitable`` gets it and the arguments.
    """
    is_plain, verdicts = config._is_plain, config._verdicts

    def retried(*args: P.args, **kwargs: P.kwargs) -> T:
        failure: BaseException | None
        verdict: Verdict
        if is_plain and not (_scope.is_used and _scope.current.get()):
            try:
                result = func(*args, **kwargs)
            except BaseException as error:
                verdict = verdicts[error.__class__]
                if verdict >= PERMANENT:
                    if verdict == JUDGED:
                        verdict = config._judge(error)
                    if verdict == PERMANENT:
                        raise
                failure = error
            else:
                if result.__class__ not in PLAIN and is_awaitable(result, name):
                    return on_awaitable(result, *args, **kwargs)
                return result
        else:
            failure, verdict = None, TRANSIENT
        try:
            attempt = partial(func, *args, **kwargs)
            result = _drive_blocking(config, name, attempt, failure, verdict)
        finally:
            del failure
        if result.__class__ not in PLAIN and is_awaitable(result, name):
            return on_awaitable(result, *args, **kwargs)
        return result

    return retried


def _drive_blocking(
    config: RetryConfig,
    name: object,
    attempt: Callable[[], T],
    failure: BaseException | None,
    verdict: Verdict,
) -> T:
    scope = _scope.current.get()
    state = State(config._core, config.budget, None, config._pacer, scope)
    has_limits, verdicts = scope is not None or not config._is_plain, config._verdicts
    is_paced, token = config._pacer is not None, None
    earlier = None
    try:
        while True:
            if failure is not None:
                delay = delay_after(failure, verdict, state, name, config.on_retry, earlier)
                if delay is None:
                    raise failure
                if token is None:
                    token = _scope.enter_retry(name, state, failure)
                try:
                    pause(delay)
                except BaseException:
                    state.on_drop()
                    raise
                earlier = failure
            if is_paced:
                try:
                    while (delay := state.poll_turn()) is not None:
                        if failure is None and _get_running_loop() is not None:
                            # The function may return a coroutine, which waits for its own turn.
                            state.on_drop()
                            break
                        time.sleep(delay)
                except BaseException:
                    state.on_drop()
                    raise
            try:
                if has_limits:
                    check_time_left(state)
                result = attempt()
            except BaseException as error:
                if has_limits and isinstance(error, TimedOut):
                    failure, verdict = error.as_failure(earlier), TRANSIENT
                else:
                    failure, verdict = error, verdicts[error.__class__]
                    if verdict == JUDGED:
                        verdict = config._judge(error)
            else:
                if result.__class__ not in PLAIN and is_awaitable(result, name):
                    return result
                if config._is_shared and state.on_success():
                    log_unpaced(name)
                if failure is not None:
                    tell_success(state, name)
                return result
    finally:
        if token is not None:
            _scope.leave_retry(token)
        del failure, earlier


def delay_after(
    failure: BaseException,
    verdict: Verdict,
    state: State,
    name: object,
    hook: Hook,
    earlier: BaseException | None = None,
) -> float | None:
    """The delay before the next attempt, or None if the call ends. ``earlier`` is the failure of
    the attempt before.
    """
    if verdict == PERMANENT and not isinstance(failure, Exception):
        # It says nothing of the service, and nobody is interested in how often it was tried.
        return None
    decision = state.on_failure(verdict, getattr(failure, "retry_after", None))
    return _told(decision, failure, verdict, state, name, hook, earlier)


def _told(
    decision: float | str,
    failure: BaseException,
    verdict: Verdict,
    state: State,
    name: object,
    hook: Hook,
    earlier: BaseException | None,
) -> float | None:
    """The delay that was decided, or None if the call ends, once it is in logs and hooks."""
    if verdict != TRANSIENT and state.began_pacing:
        log_paced(name)
    if not isinstance(decision, str):
        if hook is not None or listeners or logger.isEnabledFor(WARNING):
            tell_retry(state, name, decision, failure, is_throttled(verdict), hook)
        return decision
    note = state.note()
    # There is no note if the first attempt failed permanently: nothing was retried.
    if note is not None:
        tell_stop(state, name, decision, failure)
        if earlier is not None and earlier.__class__ is not failure.__class__:
            # Nothing else of it reaches the caller, and it may be the one that says why.
            note += f"; the attempt before failed with {shortened(repr(earlier))}"
        add_note(failure, note)
    return None


def is_throttled(verdict: Verdict) -> bool:
    """Whether the service asked to slow down."""
    return (verdict[0] if isinstance(verdict, tuple) else verdict) == THROTTLED


async def _limited(state: State, attempt: Callable[[], Awaitable[T]]) -> T:
    limit = state.on_attempt()
    if limit is None:
        return await attempt()
    after, text, is_total = limit
    return await limited(after, TimedOut(text, is_total), attempt)


def check_time_left(state: State) -> None:
    """Raises if the time is up: a plain function cannot be cut once it has begun."""
    limit = state.on_attempt()
    if limit is not None and limit[0] <= 0:
        raise TimedOut(limit[1], limit[2])


def pause(delay: float) -> None:
    """Waits on this thread."""
    if delay > 0:
        time.sleep(delay)


def wait(delay: float) -> Awaitable[None]:
    """Waits, in the library that runs the caller."""
    if _get_running_loop() is None:
        return sleep(delay)
    return asyncio.sleep(delay) if delay > 0 else _yield_once()


@types.coroutine
def _yield_once() -> Generator[None, None, None]:
    """Lets other tasks run once, as asyncio.sleep(0) does, at half its cost."""
    yield
