"""What is said to those who hand over something that cannot be retried."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from typing import Any

from ._config import RetryConfig
from ._names import name_of


def config_of(config: object) -> RetryConfig:
    """The policy, or a ``TypeError``."""
    if isinstance(config, RetryConfig):
        return config
    raise TypeError(f"config must be a RetryConfig, not {type(config).__name__}")


def check_callable(func: object, front: str) -> None:
    """Raises where ``func`` cannot be called."""
    if callable(func):
        return
    if inspect.iscoroutine(func):
        # It will never be awaited, which this exception says better than the warning.
        func.close()
    raise TypeError(
        f"{front} needs a function that makes the call, such as lambda: storage.put(key, data), "
        f"and got {_a(func)}"
    )


def check_made(made: object, func: object) -> None:
    """Raises where an async front was given a function that gives nothing to await."""
    if not isinstance(made, Awaitable):
        raise TypeError(
            f"with_retry awaits what the function returns, and {func!r} returned {_a(made)}: for "
            "plain functions there is undaunted.blocking.with_retry"
        )


def check_plain(made: object, func: object) -> None:
    """Raises where a blocking front was given a coroutine function."""
    if inspect.iscoroutine(made):
        made.close()
        raise TypeError(
            f"undaunted.blocking.with_retry calls plain functions, and {func!r} returned a "
            "coroutine: for those there is undaunted.with_retry"
        )


def check_uncut(config: RetryConfig, name: str) -> None:
    """Raises where a limit is set that nothing could honour."""
    if config.attempt_timeout is not None:
        raise ValueError(
            f"attempt_timeout is {config.attempt_timeout}, but nothing can cut {name}, which is a "
            "plain function: leave it out, and give the operation a timeout of its own"
        )


def check_decorated(func: Any) -> None:
    """Raises where ``@retry`` stands on something that cannot be retried."""
    for kind in (classmethod, staticmethod):
        if isinstance(func, kind):
            raise TypeError(f"@retry stands above @{kind.__name__}: put it below")
    if isinstance(func, type):
        _check_type(func)
    if not callable(func):
        raise TypeError(f"retry takes a RetryConfig or stands on a function, and got {_a(func)}")
    if inspect.isasyncgenfunction(func) or inspect.isgeneratorfunction(func):
        raise TypeError(
            f"@retry cannot repeat the generator {name_of(func)}: what it has yielded cannot "
            "be taken back. Put it on a function that it calls"
        )


def _check_type(cls: type) -> None:
    if issubclass(cls, BaseException):
        raise TypeError(
            f"retry({cls.__name__}): exception types belong into a policy, "
            f"retry(RetryConfig(retryable_exceptions=({cls.__name__},)))"
        )


def _a(thing: object) -> str:
    if thing is None:
        return "None"
    name = type(thing).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
