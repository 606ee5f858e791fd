"""The verdicts on exceptions: by their type, by rules, by a function of the user's, or by what they
mean in their library.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
from collections.abc import Callable, MutableMapping
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary

from ._errors import StorageConnectionError, StorageRateLimitError
from ._undaunted import State, judge

if TYPE_CHECKING:
    from ._undaunted import Verdict

RetryIf: TypeAlias = Callable[[BaseException], bool | float | timedelta | None]
"""A function that decides whether an exception is retried; see :attr:`RetryConfig.retry_if`."""


class Escape(BaseException):
    """Leaves the retry loop immediately and is never retried. It does not reach the caller."""


class Verdicts(dict[type[BaseException], int]):
    """The verdicts by type of exception, filled on first use: a known one costs no call.

    Types that a program makes as it runs are only referred to weakly, so that they can go.
    """

    def __init__(
        self,
        retryable: tuple[type[BaseException], ...],
        others: Callable[[type[BaseException]], int],
    ) -> None:
        super().__init__()
        self._retryable = retryable
        self._others = others
        self._passing: WeakKeyDictionary[type[BaseException], int] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[object, ...]:
        # A function with @retry holds them, and is sent to workers. They are filled anew there.
        return type(self), (self._retryable, self._others)

    def __missing__(self, cls: type[BaseException]) -> int:
        verdict = self._passing.get(cls)
        if verdict is None:
            verdict = self._judge(cls)
            # A type that its module refers to stays as long as the program.
            module: object = sys.modules.get(cls.__module__)
            stays = getattr(module, "__dict__", {}).get(cls.__name__) is cls
            kept: MutableMapping[type[BaseException], int] = self if stays else self._passing
            kept[cls] = verdict
        return verdict

    def _judge(self, cls: type[BaseException]) -> int:
        if issubclass(cls, NEVER_RETRIED) or _is_trios_cancellation(cls):
            return PERMANENT
        means_connection = StorageConnectionError in self._retryable and issubclass(cls, _alike())
        if not (issubclass(cls, self._retryable) or means_connection):
            return self._others(cls)
        return THROTTLED if issubclass(cls, StorageRateLimitError) else TRANSIENT


def by_types(
    verdicts: Verdicts, judged: Callable[[BaseException], Verdict] = judge
) -> Callable[[BaseException], Verdict]:
    """The verdict by the type of an exception, and by ``judged`` where that says nothing."""

    def verdict(error: BaseException) -> Verdict:
        by_type: Verdict = verdicts[error.__class__]
        return judged(error) if by_type == JUDGED else by_type

    return verdict


def by_predicate(
    predicate: RetryIf, others: Callable[[BaseException], Verdict]
) -> Callable[[BaseException], Verdict]:
    """The verdict of a function of the user's, and of ``others`` where it has none."""

    def verdict(error: BaseException) -> Verdict:
        says: object = predicate(error)
        if says is False:
            return PERMANENT
        if isinstance(says, timedelta):
            says = says.total_seconds()
        if says is None or says is True:
            judged = others(error)
            is_permanent = (judged[0] if isinstance(judged, tuple) else judged) == PERMANENT
            return TRANSIENT if says and is_permanent else judged
        if not isinstance(says, (int, float)):
            raise TypeError(
                f"retry_if returned {says!r}, but must return True, False, None or a number of "
                "seconds"
            )
        if not says >= 0:
            raise ValueError(f"retry_if returned {says!r}, but seconds must not be negative")
        return TRANSIENT, float(says)

    return verdict


def _is_trios_cancellation(cls: type[BaseException]) -> bool:
    return cls.__name__ == "Cancelled" and cls.__module__.partition(".")[0] == "trio"


def _alike() -> tuple[type[BaseException], ...]:
    """The exceptions of litestar-storages that mean the same as ours, if it is imported."""
    theirs = sys.modules.get("litestar_storages.exceptions")
    same: object = getattr(theirs, "StorageConnectionError", None)
    return (same,) if isinstance(same, type) and issubclass(same, BaseException) else ()


def permanent(_: type[BaseException]) -> int:
    return PERMANENT


def judged_each(_: type[BaseException]) -> int:
    return JUDGED


def with_aliases(types: tuple[type[BaseException], ...]) -> tuple[type[BaseException], ...]:
    # Before Python 3.11 these were separate classes.
    if sys.version_info < (3, 11) and TimeoutError in types:
        return (*types, asyncio.TimeoutError, concurrent.futures.TimeoutError)
    return types


NEVER_RETRIED = (asyncio.CancelledError, Escape, GeneratorExit, KeyboardInterrupt, SystemExit)

# The verdicts, as the core's state takes them.
TRANSIENT = State.TRANSIENT
THROTTLED = State.THROTTLED
PERMANENT = State.PERMANENT
JUDGED = State.JUDGED
