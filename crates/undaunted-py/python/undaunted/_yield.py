"""Waiting in a coroutine."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Generator


async def sleep(delay: float) -> None:
    """Waits, or lets others run once where there is nothing to wait for."""
    if delay > 0:
        await asyncio.sleep(delay)
    else:
        await _once()


@types.coroutine
def _once() -> Generator[None, None, None]:
    yield
