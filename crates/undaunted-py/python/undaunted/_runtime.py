"""The async library that runs the caller: asyncio, with any event loop, or trio.

Under trio its module is loaded, so nothing is imported here for it.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import sys
from asyncio import _get_running_loop
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any, TypeVar

from ._timeout import TimedOut, cut_after

T = TypeVar("T")


def running_trio() -> Any:
    """The module of trio if trio runs the caller, or None if asyncio does.

    Raises:
        RuntimeError: If neither does.
    """
    if _get_running_loop() is not None:
        return None
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return trio
    raise RuntimeError(
        "undaunted waits by asyncio or by trio, but neither runs this coroutine: run it with "
        "asyncio.run, trio.run or anyio.run"
    )


async def sleep(delay: float) -> None:
    """Sleeps, in the library that runs the caller."""
    trio = running_trio()
    await (asyncio if trio is None else trio).sleep(delay)


async def in_thread(func: Callable[..., T], *args: Any) -> T:
    """Calls a function that may block, on another thread."""
    trio = running_trio()
    if trio is None:
        return await asyncio.to_thread(func, *args)
    result: T = await trio.to_thread.run_sync(func, *args)
    return result


async def limited(seconds: float, cut: TimedOut, attempt: Callable[[], Awaitable[T]]) -> T:
    """The attempt's result, or ``cut`` raised once its time is up."""
    trio = running_trio()
    if trio is None:
        return await cut_after(seconds, cut, attempt)
    if seconds <= 0:
        raise cut
    with trio.move_on_after(seconds):
        return await attempt()
    raise cut


def running_task() -> asyncio.Task[Any] | None:
    """The task whose cancellation can be asked for: none under trio and in plain functions, nor in
    Python 3.10, which does not tell whether one was cancelled.
    """
    if sys.version_info < (3, 11):
        return None
    try:
        # One call: with 3.11, each look for the loop is a system call.
        return asyncio.current_task()
    except RuntimeError:
        return None


def is_cancelled(task: asyncio.Task[Any] | None, failure: BaseException) -> bool:
    """Whether the task was cancelled during the attempt that failed. A client may turn the
    cancellation into an error of its own, which must not keep the task going.
    """
    return task is not None and task.cancelling() > 0 and not _was_caught_outside(failure)


def _was_caught_outside(failure: BaseException) -> bool:
    """Whether a caller has caught the cancellation, and makes this call to clean up."""
    each: BaseException | None = failure
    seen: set[int] = set()
    while each is not None and id(each) not in seen:
        if isinstance(each, asyncio.CancelledError):
            caught_in = each.__traceback__ and each.__traceback__.tb_frame
            frame: FrameType | None = sys._getframe(1)
            while frame is not None and frame is not caught_in:
                frame = frame.f_back
            return frame is not None
        seen.add(id(each))
        each = each.__cause__ or each.__context__
    return False
