"""One call on its way through its retries: the core decides, and the log is told."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ._config import NEVER_RETRIED, RetryConfig, hint, verdict
from ._log import log_retry, log_stop, log_success
from ._notes import add_note
from ._timeout import Cut, cut_after
from ._undaunted import State, switch
from ._yield import sleep

T = TypeVar("T")


class Call:
    """A call that may be tried again."""

    __slots__ = ("_config", "_last", "_name", "_state", "_waits")

    def __init__(self, config: RetryConfig, name: str) -> None:
        self._config = config
        self._name = name
        self._state = State(config._core, config.budget)
        self._waits: list[float] = []
        self._last: BaseException | None = None

    async def drive(
        self, attempt: Callable[[], Awaitable[T]], failure: BaseException | None = None
    ) -> T:
        """Makes attempts until one succeeds or there is none to make. With ``failure`` the first
        has been made, and ended so.
        """
        known = None
        try:
            while True:
                if failure is not None:
                    await self._wait(self._failed(failure, known))
                    known = None
                try:
                    if self._config._is_plain:
                        result = await attempt()
                    else:
                        result = await self._limited(attempt)
                except NEVER_RETRIED:
                    raise
                except Cut as cut:
                    failure, known = self._cut(cut), State.TRANSIENT
                except BaseException as error:
                    failure = error
                else:
                    self._succeeded()
                    return result
        finally:
            # A failure's traceback knows this frame: each would keep the other alive.
            del failure
            self._last = None

    def drive_blocking(
        self, attempt: Callable[[], T], failure: BaseException | None = None
    ) -> T:
        """The same for a plain function, on this thread."""
        known = None
        try:
            while True:
                if failure is not None:
                    self._wait_blocking(self._failed(failure, known))
                    known = None
                try:
                    if not self._config._is_plain:
                        self._begin_uncut()
                    result = attempt()
                except NEVER_RETRIED:
                    raise
                except Cut as cut:
                    failure, known = self._cut(cut), State.TRANSIENT
                except BaseException as error:
                    failure = error
                else:
                    self._succeeded()
                    return result
        finally:
            del failure
            self._last = None

    async def _limited(self, attempt: Callable[[], Awaitable[T]]) -> T:
        limit = self._state.on_attempt()
        if limit is None:
            return await attempt()
        after, reason, is_total = limit
        return await cut_after(after, Cut(reason, is_total), attempt)

    def _begin_uncut(self) -> None:
        """Nothing can cut a plain function, but it is not begun when its time is up."""
        limit = self._state.on_attempt()
        if limit is not None and limit[0] <= 0:
            raise Cut(limit[1], limit[2])

    def _cut(self, cut: Cut) -> BaseException:
        # What an earlier attempt failed with says more than that there was no time.
        if cut.is_total and self._last is not None:
            return self._last
        error = TimeoutError(str(cut))
        error.__cause__ = cut.__cause__
        return error

    def _failed(self, error: BaseException, known: int | None) -> float:
        """How long to wait, or else the error is raised."""
        config = self._config
        judged = verdict(config, error) if known is None else known
        answer = self._state.on_failure(judged, hint(error))
        if not isinstance(answer, str):
            self._waits.append(answer)
            self._last = error
            attempts = switch()
            allowed = config.max_retries
            if attempts is not None:
                allowed = min(allowed, attempts - 1)
            log_retry(self._name, len(self._waits), allowed, answer, error)
            return answer
        if self._waits or answer != "permanent":
            log_stop(self._name, len(self._waits) + 1, answer, error)
            add_note(error, self._waits, answer)
        raise error

    def _succeeded(self) -> None:
        if self._config.budget is not None:
            self._state.on_success()
        if self._waits:
            log_success(self._name, len(self._waits) + 1)

    async def _wait(self, delay: float) -> None:
        try:
            await sleep(delay)
        except BaseException:
            # A retry that was paid for and does not begin is given back.
            self._state.on_drop()
            raise

    def _wait_blocking(self, delay: float) -> None:
        try:
            if delay > 0:
                time.sleep(delay)
        except BaseException:
            self._state.on_drop()
            raise
