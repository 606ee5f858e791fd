"""Makes the operations of the Rust store awaitable, for asyncio and for trio."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import types
import weakref
from asyncio import _get_running_loop
from collections.abc import Generator
from typing import Any, TypeVar, cast

from ._runtime import running_trio
from ._undaunted import Mailbox, Pending

T = TypeVar("T")


async def result_of(made: T | Pending[T]) -> T:
    """The result of an operation, awaited if it is pending. A cancellation drops the operation."""
    global _ready
    if not isinstance(made, Pending):
        _ready += 1
        if _ready >= MOST_READY:
            _ready = 0
            await _let_others_run()
        return made
    pending = cast("Pending[T]", made)
    loop = _get_running_loop()
    if loop is None:
        return await _in_trio(pending, running_trio())
    future: asyncio.Future[T] = loop.create_future()
    pending.start(future, _mailbox(loop))
    try:
        return await future
    except BaseException:
        pending.abort()
        if not future.cancel() and not future.cancelled():
            # Retrieved, so that asyncio does not report an exception that was never retrieved.
            future.exception()
        # A traceback that is kept must not keep what nobody took: an upload is aborted now.
        del future
        raise


def _mailbox(loop: asyncio.AbstractEventLoop) -> Mailbox:
    mailbox = _mailboxes.get(loop)
    if mailbox is None:
        known = weakref.ref(loop)

        def wake() -> None:
            """Called from any thread."""
            loop = known()
            if loop is None:
                raise RuntimeError("the event loop is gone")
            loop.call_soon_threadsafe(_mailboxes[loop].empty)

        mailbox = _mailboxes[loop] = Mailbox(wake)
    return mailbox


async def _in_trio(pending: Pending[T], trio: Any) -> T:
    outcome = _Outcome(trio.Event())
    token = trio.lowlevel.current_trio_token()
    mailbox = Mailbox(lambda: token.run_sync_soon(mailbox.empty))
    pending.start(cast("asyncio.Future[T]", outcome), mailbox)
    try:
        await outcome.event.wait()
    except BaseException:
        pending.abort()
        outcome.is_left = True
        outcome.value = None
        raise
    if outcome.error is not None:
        try:
            raise outcome.error
        finally:
            # Its traceback refers to this frame: the cycle would keep both alive.
            del outcome
    return cast(T, outcome.value)


class _Outcome:
    """What a future of asyncio is there, as far as a mailbox needs it."""

    def __init__(self, event: Any) -> None:
        self.event = event
        self.is_left = False
        self.value: object = None
        self.error: BaseException | None = None

    def done(self) -> bool:
        return self.is_left

    def set_result(self, value: object) -> None:
        self.value = value
        self.event.set()

    def set_exception(self, error: BaseException) -> None:
        self.error = error
        self.event.set()


async def _let_others_run() -> None:
    if _get_running_loop() is not None:
        await _yield_once()
    else:
        await running_trio().lowlevel.checkpoint()


@types.coroutine
def _yield_once() -> Generator[None, None, None]:
    yield


_ready = 0
"""Results that were there immediately, since other tasks could run."""

_mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Mailbox] = (
    weakref.WeakKeyDictionary()
)

MOST_READY = 64
"""A store in memory never waits, and a loop of its operations would keep timeouts from firing. This
many take less than a millisecond."""
