"""Cuts an attempt that takes too long."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class TimedOut(Exception):
    """An attempt reached a time limit."""

    def __init__(self, text: str, is_total: bool) -> None:
        super().__init__(text)
        self.is_total = is_total

    def as_failure(self, earlier: BaseException | None) -> BaseException:
        """The failure that the caller gets if no attempt follows."""
        # The error of an earlier attempt says more than that no time was left.
        if self.is_total and earlier is not None:
            return earlier
        error = TimeoutError(str(self))
        error.__cause__ = self.__cause__
        return error


if sys.version_info >= (3, 11):

    async def cut_after(seconds: float, cut: TimedOut, attempt: Callable[[], Awaitable[T]]) -> T:
        """The attempt's result, or ``cut`` raised once its time is up."""
        if seconds <= 0:
            raise cut
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await attempt()
        except TimeoutError as error:
            if limit.expired():
                raise cut from error.__cause__
            raise

else:

    async def cut_after(seconds: float, cut: TimedOut, attempt: Callable[[], Awaitable[T]]) -> T:
        """The attempt's result, or ``cut`` raised once its time is up."""
        if seconds <= 0:
            raise cut
        task = asyncio.current_task()
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            if task is not None:
                task.cancel()

        timer = asyncio.get_running_loop().call_later(seconds, expire)
        try:
            return await attempt()
        except asyncio.CancelledError as error:
            if expired:
                raise cut from error
            raise
        finally:
            timer.cancel()
