"""Waits for what nothing tells a test of. A machine under load gets time enough."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from undaunted._undaunted import in_flight


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {LONGEST} s"
        await asyncio.sleep(0.005)


def wait_for(condition: Callable[[], bool]) -> None:
    """:func:`until` where nothing runs meanwhile but other threads and programs."""
    asyncio.run(until(condition))


async def until_dropped() -> None:
    """The runtime drops futures a moment after they were left."""
    await until(lambda: in_flight() == 0)


LONGEST = 60
