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


def is_cancelled(task: asyncio.Task[Any] | None, failure: BaseException, before: int) -> bool:
    """Whether the task was cancelled during the attempt that failed. A client may turn the
    cancellation into an error of its own, which must not keep the task going.

    ``before`` is how often the task had been cancelled before the attempt, or -1 where that is not
    known, as of a first attempt: to ask would cost those that succeed. The failure must show it
    then, since a cancellation that the task has caught stays counted.
    """
    count = 0 if task is None else task.cancelling()
    if count == 0 or count <= before:
        return False
    each: BaseException | None = failure
    seen: set[int] = set()
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        if isinstance(each, asyncio.CancelledError):
            return not _is_handled_outside(each)
        frame = _raised_in(each)
        if isinstance(each, TimeoutError) and frame and frame.f_code.co_name in _EXITS:
            break  # the block has cancelled the task itself, and taken that back
        if frame and frame.f_globals.get("__name__") == "asyncio.taskgroups":
            caught = frame.f_locals
            if getattr(caught.get("self"), "_parent_cancel_requested", False):
                if caught.get("et") is not None:
                    break  # as above
                count -= 1  # Python 3.11 and 3.12 do not take it back if the group was waiting
            elif caught.get("propagate_cancellation_error") is not None:
                return True
        each = each.__cause__ or each.__context__
    return count > before >= 0


def _is_handled_outside(cancellation: asyncio.CancelledError) -> bool:
    """Whether a caller has caught the cancellation, and makes this call to clean up."""
    caught_in = cancellation.__traceback__ and cancellation.__traceback__.tb_frame
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame is not caught_in:
        frame = frame.f_back
    return frame is not None


def _raised_in(error: BaseException) -> FrameType | None:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place and place.tb_frame


_EXITS = ("__aexit__", "__exit__", "_do_exit")
"""Where asyncio.timeout, aiohttp's timers and async_timeout turn a cancellation into a timeout."""
