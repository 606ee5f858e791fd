"""What the code around a call lets it do: ``deadline``, ``one_attempt``, and retries in retries."""

from __future__ import annotations

import logging
import math
import time
from contextvars import ContextVar, Token
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING

from ._log import logger, operation_of
from ._types import RetryReport
from ._undaunted import Scope

if TYPE_CHECKING:
    from ._undaunted import State


class _Scoped:
    """A ``with`` block whose calls have a scope. It may be entered again, also within itself and by
    several tasks.
    """

    def _made(self, around: Scope | None) -> Scope:
        raise NotImplementedError

    def _enter(self) -> None:
        global is_used
        is_used = True
        around = current.get()
        current.set(self._made(around))
        _entered.set((*_entered.get(), (self, around)))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        blocks = list(_entered.get())
        for place in reversed(range(len(blocks))):
            owner, around = blocks[place]
            if owner is not self:
                continue
            if place == len(blocks) - 1:
                current.set(around)
            else:
                # A generator ends within a block that began after it: that one leads out later.
                blocks[place + 1] = (blocks[place + 1][0], around)
            del blocks[place]
            _entered.set(tuple(blocks))
            return
        # It was entered in another context, as of a generator that another task ends: this one
        # does not have its scope.


class deadline(_Scoped):  # noqa: N801 (used as a function)
    """Bounds all retried calls in a ``with`` block: ``with deadline(2): ...``.

    It caps the ``total_timeout`` of each, of functions and blocks as of storages and file systems:
    no attempt begins after it, no wait begins that would end after it, and a running attempt of a
    coroutine function or of a storage is cut. Of several deadlines around a call the earliest
    counts. The calls end with their own errors: the last failure, or a ``TimeoutError`` that names
    the caller's deadline. The block itself is not cut: for what is not retried use
    ``asyncio.timeout`` as well.

    Tasks that are created in the block inherit it, and so do the threads of ``asyncio.to_thread``.
    Other threads do not: give them :func:`time_left`.

    Args:
        when: The seconds from now, a ``timedelta``, or a ``datetime`` with a timezone.

    Raises:
        TypeError: If it is something else.
        ValueError: If it is no number, or a ``datetime`` without a timezone.

    Example:
        >>> import undaunted
        >>> from undaunted import RetryConfig, blocking
        >>> def load():
        ...     raise TimeoutError("no response")
        >>> with undaunted.deadline(5):
        ...     try:
        ...         blocking.with_retry(load, RetryConfig(base_delay=10))
        ...     except TimeoutError as error:
        ...         print(error, error.__notes__)
        no response ["undaunted: 1 attempt; the caller's deadline leaves no time for another"]
    """

    def __init__(self, when: float | timedelta | datetime) -> None:
        super().__init__()
        self._end = time.monotonic() + _seconds_until(when)

    def _made(self, around: Scope | None) -> Scope:
        return Scope(around, self._end - time.monotonic(), False)

    def __enter__(self) -> deadline:
        self._enter()
        return self

    def __repr__(self) -> str:
        return f"<deadline in {self._end - time.monotonic():.3f} s>"


class one_attempt(_Scoped):  # noqa: N801 (used as a function)
    """Lets every retried call in a ``with`` block make one attempt: for code that retries by itself
    what is retried below, where the two would multiply.

    Example:
        >>> import asyncio
        >>> from undaunted import RetryConfig, Storage, one_attempt, retry
        >>> storage = Storage.open("memory://")
        >>> @retry(RetryConfig(max_retries=5))
        ... async def upload(key: str) -> int:
        ...     with one_attempt():
        ...         return (await storage.put(key, b"hello")).size
        >>> asyncio.run(upload("a.txt"))
        5
    """

    def _made(self, around: Scope | None) -> Scope:
        return Scope(around, None, True)

    def __enter__(self) -> one_attempt:
        self._enter()
        return self


def time_left() -> float | None:
    """The seconds until the earliest :class:`deadline` around this code; None without one.

    They are negative once it has passed. For what is not retried here, and for threads.

    Example:
        >>> import undaunted
        >>> undaunted.time_left() is None
        True
        >>> with undaunted.deadline(60), undaunted.deadline(5):
        ...     print(round(undaunted.time_left()))
        5
    """
    scope = current.get()
    return None if scope is None else scope.left


def enter_retry(
    name: object, state: State, failure: BaseException
) -> Token[tuple[object, State] | None]:
    """To be called before the first retry of a call: warns if it is within another's retry, or if
    what it calls has been retried already. The result is for :func:`leave_retry`.
    """
    if _retried.get() is not None:
        warn_if_nested(name, state)
    report: object = getattr(failure, "report", None)
    if isinstance(report, RetryReport) and report.attempts > 1:
        around = operation_of(name)
        _warn(report.operation, report.attempts, around, state.max_retries + 1)
    return _retried.set((name, state))


def leave_retry(token: Token[tuple[object, State] | None]) -> None:
    """To be called at the end of a call that was retried."""
    try:  # noqa: SIM105 (`suppress` takes longer than all else here)
        _retried.reset(token)
    except ValueError:
        # A coroutine that is closed later is closed in another context.
        pass


def warn_if_nested(name: object, state: State) -> None:
    """Warns if a call is retried within a retry of another."""
    outer = _retried.get()
    if outer is not None:
        around, retries = operation_of(outer[0]), outer[1].max_retries
        _warn(operation_of(name), state.max_retries + 1, around, retries + 1)


def _warn(name: str, attempts: int, around: str, outer_attempts: int) -> None:
    pair = (around, name)
    if pair in _warned or len(_warned) >= MOST_PAIRS or not logger.isEnabledFor(logging.WARNING):
        return
    _warned.add(pair)
    text = (
        f"{name} is retried within a retry of {around}: up to {attempts} attempts for each of "
        f"{outer_attempts}. Retry in one of the two, or put undaunted.one_attempt() around {name}"
    )
    logger.warning("%s", text, extra={"undaunted": {"operation": name, "outer": around}})


def _seconds_until(when: object) -> float:
    if isinstance(when, timedelta):
        return when.total_seconds()
    if isinstance(when, datetime):
        if when.utcoffset() is None:
            raise ValueError(
                f"the deadline is {when!r}, but must have a timezone, such as "
                "datetime.now(timezone.utc) + timedelta(seconds=2)"
            )
        return (when - datetime.now(when.tzinfo)).total_seconds()
    if isinstance(when, bool) or not isinstance(when, (int, float)):
        raise TypeError(
            "the deadline must be a number of seconds, a timedelta or a datetime, not "
            f"{type(when).__name__}"
        )
    if math.isnan(when):
        raise ValueError("the deadline is nan, but must be a number of seconds")
    return float(when)


current: ContextVar[Scope | None] = ContextVar("undaunted_scope", default=None)
"""The scope of the running code. The stores read it too."""

_entered: ContextVar[tuple[tuple[_Scoped, Scope | None], ...]] = ContextVar(
    "undaunted_entered", default=()
)
"""The blocks around the running code, each with the scope around it. No token of a context variable
can be used in another context than its own."""

is_used = False
"""Whether there was ever a scope: until then a success does not look for one."""

_retried: ContextVar[tuple[object, State] | None] = ContextVar("undaunted_retried", default=None)
"""The call of whose retry the running code is a part."""

_warned: set[tuple[str, str]] = set()
"""The pairs of names that were warned of."""

MOST_PAIRS = 100
"""More pairs than a program has; names that are made up at run time must not fill memory."""
