"""Makes the operations of the Rust store awaitable for asyncio."""

from __future__ import annotations

import asyncio
import weakref
from typing import TypeVar, cast

from ._undaunted import Mailbox, Pending

T = TypeVar("T")


async def result_of(made: T | Pending[T]) -> T:
    """The result of an operation, awaited if it is pending. A cancellation drops the operation."""
    if not isinstance(made, Pending):
        return made
    pending = cast("Pending[T]", made)
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    pending.start(future, _mailbox(loop))
    try:
        return await future
    except BaseException:
        pending.abort()
        if not future.cancel() and not future.cancelled():
            # Retrieved, so that asyncio does not report an exception that was never retrieved.
            future.exception()
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


_mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Mailbox] = (
    weakref.WeakKeyDictionary()
)
