"""The blocking methods of a file system: each runs its coroutine function in the event loop of
another thread.

Those of fsspec end without their coroutine: it goes on when Ctrl-C, or another signal, interrupts
the wait for it, and when it is cancelled, they return None.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import functools
import inspect
import math
import threading
import time
from asyncio import _get_running_loop
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from typing import Any, Generic, TypeVar

from ._fsspec import AbstractFileSystem, AsyncFileSystem, FSTimeoutError, async_methods
from ._help import set_help

T = TypeVar("T")
Class = TypeVar("Class", bound=type)


def with_blocking_methods(cls: Class) -> Class:
    """Adds the blocking method of each coroutine method, unless the class has its own."""
    for name in sorted({*dir(AsyncFileSystem), *async_methods}):
        method: object = getattr(cls, name, None)
        public = name.removeprefix("_")
        plain: object = getattr(AbstractFileSystem, public, None)
        if public == name or plain is None or getattr(cls, public, None) is not plain:
            continue
        if inspect.iscoroutinefunction(method):
            setattr(cls, public, blocking(method))
        elif inspect.isasyncgenfunction(method):
            setattr(cls, public, _blocking_steps(method))
    set_help(cls)
    return cls


def blocking(method: Callable[..., Any]) -> Any:
    """The blocking method of a coroutine method, or of one that a subclass has in its place."""
    name = method.__name__

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        return sync(self.loop, getattr(self, name), *args, **kwargs)

    return _named(wrapper)


def _blocking_steps(method: Callable[..., Any]) -> Any:
    name = method.__name__

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Generator[Any]:
        steps = getattr(self, name)(*args, **kwargs)
        while True:
            try:
                step = sync(self.loop, steps.__anext__)
            except StopAsyncIteration:
                return
            yield step

    return _named(wrapper)


def _named(wrapper: Any) -> Any:
    """Gives a method its public name, by which it is pickled too, and what fsspec says of it."""
    name = wrapper.__name__.removeprefix("_")
    if not wrapper.__doc__:
        wrapper.__doc__ = getattr(getattr(AbstractFileSystem, name, None), "__doc__", None)
    wrapper.__qualname__ = wrapper.__qualname__.removesuffix(wrapper.__name__) + name
    wrapper.__name__ = name
    return wrapper


def sync(
    loop: asyncio.AbstractEventLoop | None,
    func: Callable[..., Awaitable[T]],
    *args: Any,
    timeout: float | None = None,
    **kwargs: Any,
) -> T:
    """The result of a coroutine function that runs in the event loop of another thread. If the wait
    for it ends early, by a signal or after ``timeout`` seconds, it is cancelled.
    """
    if loop is None or loop.is_closed():
        raise RuntimeError(
            "Loop is not running: this file system is for coroutines (asynchronous=True), so its "
            "methods without an underscore cannot be used"
        )
    if _get_running_loop() is loop:
        raise NotImplementedError(
            "Calling sync() from within a running loop: await the method with an underscore"
        )
    call = _Call(lambda: func(*args, **kwargs))
    try:
        loop.call_soon_threadsafe(call.start)
        call.wait(timeout)
    except BaseException:
        call.end(loop)
        raise
    task = call.taken()
    try:
        return task.result()
    finally:
        # An exception refers to this frame: the cycle would keep both alive.
        del task


class _Call(Generic[T]):
    """A call in the event loop of another thread."""

    def __init__(self, func: Callable[[], Awaitable[T]]) -> None:
        self._func = func
        self._task: asyncio.Task[T] | None = None
        self._has_ended = threading.Event()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._awaited())
        self._task.add_done_callback(self._ended)

    def wait(self, timeout: float | None) -> None:
        end = time.monotonic() + timeout if timeout else math.inf
        # On Windows, a signal is not noticed before a wait has ended.
        while not self._has_ended.wait(min(SLICE, max(end - time.monotonic(), 0))):
            if time.monotonic() >= end:
                raise FSTimeoutError(f"it was not done after {timeout} s, and was cancelled")

    def taken(self) -> asyncio.Task[T]:
        """The task, which has ended."""
        # An exception of the task refers to a frame that has this object.
        task, self._task = self._task, None
        assert task is not None
        return task

    def end(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancels it, and waits until it has cleaned up."""
        if not self._has_ended.is_set():
            # A loop that is closed runs nothing any more.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._cancel)
                self._has_ended.wait(PATIENCE)

    async def _awaited(self) -> T:
        return await self._func()

    def _cancel(self) -> None:
        if self._task is None:
            self._has_ended.set()
        else:
            self._task.cancel()

    def _ended(self, task: asyncio.Task[T]) -> None:
        # Retrieved, so that asyncio does not report an exception that was never retrieved.
        _ = task.cancelled() or task.exception()
        self._has_ended.set()


SLICE = 1.0
"""How long Ctrl-C may stay unnoticed on Windows, in seconds."""

PATIENCE = 5.0
"""How long an interrupted call waits for the end of what it began, as a storage that is closed. A
second Ctrl-C ends this wait, too."""
