"""Makes a pending operation of the Rust store awaitable for asyncio."""

from __future__ import annotations

import asyncio
import weakref
from typing import Generic, TypeVar

from ._undaunted import Mailbox, Pending

T = TypeVar("T")


class Running(Generic[T]):
    """An operation that runs while others are awaited."""

    __slots__ = ("_future", "_pending")

    def __init__(self, pending: Pending[T]) -> None:
        loop = asyncio.get_running_loop()
        self._future: asyncio.Future[T] = loop.create_future()
        self._pending = pending
        pending.start(self._future, _mailbox(loop))

    async def wait(self) -> T:
        """Its result. A cancellation drops the operation in Rust."""
        try:
            return await self._future
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Drops the operation, or its outcome if it has ended."""
        self._pending.abort()
        if not self._future.cancel() and not self._future.cancelled():
            # Retrieved, so that asyncio does not report an exception that was never retrieved.
            self._future.exception()


async def finish(pending: Pending[T]) -> T:
    """The result of a pending operation."""
    return await Running(pending).wait()


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


_mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Mailbox] = (
    weakref.WeakKeyDictionary()
)
