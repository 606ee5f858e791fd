"""Errors for arguments that cannot be retried."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from concurrent.futures import Future
from types import AsyncGeneratorType, GeneratorType, NoneType
from typing import Any

from ._config import RetryConfig
from ._log import name_of


def config_of(config: object, name: str = "config") -> RetryConfig:
    """The configuration that an argument of this name has, or a ``TypeError``."""
    if isinstance(config, RetryConfig):
        return config
    raise TypeError(f"{name} must be a RetryConfig, not {type(config).__name__}")


def check_callable(func: object, entry_point: str) -> None:
    """Raises if ``func`` is not callable."""
    if callable(func):
        return
    if inspect.iscoroutine(func):
        # It will never be awaited, and this exception says so better than the warning.
        func.close()
    raise TypeError(
        f"{entry_point} needs a function that makes the call, such as "
        f"lambda: storage.put(key, data), but got {_a(func)}"
    )


def check_made(made: object, func: object) -> None:
    """Raises if the function of an async call returned nothing to await."""
    if not isinstance(made, Awaitable):
        raise TypeError(
            f"with_retry awaits what the function returns, but {func!r} returned {_a(made)}: for "
            "plain functions use undaunted.blocking.with_retry"
        )


def returned_coroutine(coroutine: object, func: object) -> TypeError:
    """The error for a coroutine function in a blocking call."""
    if inspect.iscoroutine(coroutine):
        coroutine.close()
    return TypeError(
        f"undaunted.blocking.with_retry calls plain functions, but {func!r} returned "
        f"{_a(coroutine)}: for coroutine functions use undaunted.with_retry"
    )


def check_uncut(config: RetryConfig, name: object) -> None:
    """Raises if ``attempt_timeout`` is set for a plain function. ``name`` is its name or itself."""
    if config.attempt_timeout is not None:
        name = name if isinstance(name, str) else name_of(name)
        raise ValueError(
            f"attempt_timeout is {config.attempt_timeout}, but {name} is a plain function, which "
            "cannot be cancelled: remove it, and give the operation a timeout of its own"
        )


def is_awaitable(made: object, name: object) -> bool:
    """Whether what a plain function returned is to be awaited.

    Raises:
        TypeError: If it is a generator, the context manager of one or a future of an executor:
            nothing has ended yet, so nothing can be retried.
    """
    cls = type(made)
    if hasattr(cls, "__await__"):
        return True
    if issubclass(cls, _UNENDED):
        if issubclass(cls, Future):
            raise _future_error(_named(name), made)
        if inspect.isawaitable(made):
            return True
        raise _generator_error(_named(name))
    if cls.__module__ in _MODULES:
        if cls.__name__.endswith("GeneratorContextManager"):
            raise _context_manager_error(_named(name))
        if cls.__name__ in ("ApplyResult", "TransferFuture"):
            raise _future_error(_named(name), made)
        if cls.__module__ in _STREAMS:
            raise _generator_error(_named(name))
    return False


def check_decorated(func: Any) -> None:
    """Raises if ``@retry`` decorates something that cannot be retried."""
    if isinstance(func, type):
        _check_type(func)
    if not callable(func):
        raise TypeError(f"retry takes a RetryConfig or decorates a function, but got {_a(func)}")
    if _makes_generators(func):
        raise _generator_error(name_of(func))
    inner: object = getattr(func, "__wrapped__", None)
    made_in: object = getattr(func, "__globals__", {}).get("__name__")
    if _makes_generators(inner) and made_in == "contextlib":
        raise _context_manager_error(name_of(func))


def _check_type(cls: type) -> None:
    if issubclass(cls, BaseException):
        raise TypeError(
            f"retry({cls.__name__}): exception types go into the configuration, "
            f"retry(RetryConfig(retryable_exceptions=({cls.__name__},)))"
        )
    if issubclass(cls, RetryConfig):
        raise TypeError(f"retry({cls.__name__}) gets the class: write retry({cls.__name__}())")


def _makes_generators(func: object) -> bool:
    return inspect.isgeneratorfunction(func) or inspect.isasyncgenfunction(func)


def _generator_error(name: str) -> TypeError:
    return TypeError(
        f"@retry cannot repeat the generator {name}: values that it has yielded cannot be taken "
        "back. Decorate a function that it calls, or retry a block in it by "
        "`for attempt in attempts(): with attempt: ...`"
    )


def _future_error(name: str, made: object) -> TypeError:
    return TypeError(
        f"@retry cannot repeat what {name} has only begun: it returned {_a(made)}, which has "
        "neither succeeded nor failed yet. Decorate the function that is run, or wait for its "
        "result and return that"
    )


def _context_manager_error(name: str) -> TypeError:
    return TypeError(
        f"@retry cannot repeat {name}, which is made by @contextmanager: calling it runs nothing, "
        "and a with block is run once. Decorate a function that it calls, or retry a block in it "
        "by `for attempt in attempts(): with attempt: ...`"
    )


def _named(name: object) -> str:
    return name if isinstance(name, str) else name_of(name)


def _a(thing: object) -> str:
    if thing is None:
        return "None"
    name = type(thing).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


_UNENDED = (GeneratorType, AsyncGeneratorType, Future)
_STREAMS = ("undaunted._streams", "undaunted._retried_streams")
"""What is read piece by piece, as a generator is."""

_MODULES = frozenset(("contextlib", "multiprocessing.pool", "s3transfer.futures", *_STREAMS))
"""Where the results are from that need a closer look: futures in all but their base, context
managers of generators, and streams."""

PLAIN = frozenset(
    (NoneType, bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)
)
"""Results of plain functions that need no closer look."""
