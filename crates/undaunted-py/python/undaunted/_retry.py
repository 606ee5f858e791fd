"""``retry`` and ``with_retry``.

The success path is as short as possible: a ``try`` that costs nothing, and no call into Rust
unless the configuration has a budget or a time limit.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, cast, overload

from . import _scope
from ._call import blocking_call, drive
from ._config import RetryConfig
from ._judging import JUDGED, PERMANENT, TRANSIENT, Escape
from ._log import name_of
from ._misuse import check_callable, check_decorated, check_made, check_uncut, config_of

if TYPE_CHECKING:
    from ._undaunted import Verdict

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
Method = TypeVar("Method", bound="classmethod[Any, Any, Any] | staticmethod[Any, Any]")


class Decorator(Protocol):
    """The type of ``retry(...)``: it keeps the signature of the function that it decorates."""

    @overload
    def __call__(self, func: Method, /) -> Method: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, func: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def retry(func: Method, /) -> Method: ...  # type: ignore[overload-overlap]


@overload
def retry(func: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def retry(config: RetryConfig | None = None, /, *, name: str | None = None) -> Decorator: ...


@overload
def retry(*, config: RetryConfig | None, name: str | None = None) -> Decorator: ...


def retry(
    func: Any = None, /, *, config: RetryConfig | None = None, name: str | None = None
) -> Any:
    """Retries a function: ``@retry``, ``@retry()`` or ``@retry(RetryConfig(...))``.

    It decorates coroutine functions, plain functions and methods, and keeps their signature.
    Every attempt gets the same arguments. The last exception is raised unchanged, with a note
    that has the number of attempts and the waits between them.

    What is retried: :class:`StorageConnectionError`, ``TimeoutError``, ``ConnectionError``, and
    errors of well-known clients that another attempt may not meet, such as botocore's
    ``ClientError`` with the status 503; see :attr:`RetryConfig.known_clients`.

    Args:
        func: The function, where ``@retry`` stands without parentheses.
        config: How to retry; default: 3 retries after 1, 2 and 4 seconds, each ±25 %.
        name: The name of the function in logs; default: its own.

    Raises:
        TypeError: Immediately, if it decorates something that cannot be retried.
        ValueError: Immediately, if the configuration has an ``attempt_timeout`` and the function
            is a plain one, which cannot be cancelled.

    Example:
        >>> import asyncio
        >>> from undaunted import RetryConfig, Storage, retry
        >>> @retry(RetryConfig(max_retries=5, base_delay=0.5))
        ... async def upload(storage: Storage, key: str, data: bytes) -> None:
        ...     await storage.put(key, data)
        >>> asyncio.run(upload(Storage.open("memory://"), "a.txt", b"hello"))
    """
    if func is None or isinstance(func, RetryConfig):
        given = config if func is None else func
        chosen = _DEFAULT if given is None else config_of(given)

        def decorate(func: Callable[P, R]) -> Callable[P, R]:
            return _decorated(func, chosen, name)

        return decorate
    return _decorated(func, _DEFAULT if config is None else config_of(config), name)


async def with_retry(
    func: Callable[[], Awaitable[T]],
    config: RetryConfig | None = None,
    *,
    name: str | None = None,
) -> T:
    """Makes a call with retries: ``await with_retry(lambda: storage.put(key, data))``.

    Args:
        func: Makes the call; called once for each attempt.
        config: How to retry; default: 3 retries after 1, 2 and 4 seconds, each ±25 %.
        name: The name of the call in logs; default: that of the function.

    Raises:
        TypeError: Immediately, if ``func`` cannot be called or returns nothing to await.

    Example:
        >>> import asyncio
        >>> from undaunted import RetryConfig, Storage, with_retry
        >>> storage = Storage.open("memory://")
        >>> config = RetryConfig(max_retries=2)
        >>> stored = asyncio.run(with_retry(lambda: storage.put("a.txt", b"hello"), config))
        >>> stored.size
        5
    """
    if config is None:
        config = _DEFAULT
    elif config.__class__ is not RetryConfig:
        config = config_of(config)
    failure: BaseException | None
    verdict: Verdict
    if config._is_plain and not (_scope.is_used and _scope.current.get()):
        made: object = func
        try:
            made = func()
            return await made
        except BaseException as error:
            if isinstance(error, TypeError):
                check_callable(func, "with_retry")
                if made is not func:
                    check_made(made, func)
            verdict = config._verdicts[error.__class__]
            if verdict >= PERMANENT:
                if verdict == JUDGED:
                    verdict = config._judge(error)
                if verdict == PERMANENT:
                    raise
            failure = error
        attempt = func
    else:
        check_callable(func, "with_retry")
        failure, verdict, attempt = None, TRANSIENT, _awaiting(func)
    try:
        return await drive(config, name or func, attempt, (), {}, failure, verdict)
    except _MisuseError as misuse:
        raise TypeError(str(misuse)) from None
    finally:
        # Its traceback refers to this frame: the cycle would keep both alive.
        del failure


def _decorated(func: Callable[P, Any], config: RetryConfig, name: str | None) -> Callable[P, Any]:
    if isinstance(func, (classmethod, staticmethod)):
        method: Any = func  # pyright: ignore[reportUnknownVariableType]
        return cast("Callable[P, Any]", type(method)(_decorated(method.__func__, config, name)))
    check_decorated(func)
    name = name or name_of(func)
    if _is_async(func):
        return functools.wraps(func)(_async(func, config, name))
    check_uncut(config, name)
    return functools.wraps(func)(_plain(func, config, name))


def _async(
    func: Callable[P, Awaitable[T]], config: RetryConfig, name: str
) -> Callable[P, Awaitable[T]]:
    is_plain, verdicts = config._is_plain, config._verdicts

    async def retried(*args: P.args, **kwargs: P.kwargs) -> T:
        failure: BaseException | None
        verdict: Verdict
        if is_plain and not (_scope.is_used and _scope.current.get()):
            try:
                return await func(*args, **kwargs)
            except BaseException as error:
                verdict = verdicts[error.__class__]
                if verdict >= PERMANENT:
                    if verdict == JUDGED:
                        verdict = config._judge(error)
                    if verdict == PERMANENT:
                        raise
                failure = error
        else:
            failure, verdict = None, TRANSIENT
        try:
            return await drive(config, name, func, args, kwargs, failure, verdict)
        finally:
            del failure

    return retried


def _plain(func: Callable[P, T], config: RetryConfig, name: str) -> Callable[P, T]:
    def continued(coroutine: T, /, *args: P.args, **kwargs: P.kwargs) -> T:
        # The function's signature did not show that it returns something to await.
        return cast(T, _async(_after(coroutine, func), config, name)(*args, **kwargs))

    return blocking_call(func, config, name, continued)


class _MisuseError(Escape):
    """A function returned nothing to await, and another attempt would not change that."""


def _after(first: Any, func: Callable[P, Any]) -> Callable[P, Any]:
    """The function, with a first call that has been made already."""
    made = [first]

    def call(*args: P.args, **kwargs: P.kwargs) -> Any:
        return made.pop() if made else func(*args, **kwargs)

    return call


def _awaiting(func: Callable[[], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
    """The function, checked to return something to await."""

    def attempt() -> Awaitable[T]:
        made = func()
        if made.__class__ is not CoroutineType:
            try:
                check_made(made, func)
            except TypeError as error:
                raise _MisuseError(str(error)) from None
        return made

    return attempt


def _is_async(func: object) -> bool:
    if inspect.iscoroutinefunction(func):
        return True
    # A callable object, such as one of a class with an `async def __call__`.
    call = getattr(type(func), "__call__", None)  # noqa: B004
    return not inspect.isroutine(func) and inspect.iscoroutinefunction(call)


_DEFAULT = RetryConfig()
