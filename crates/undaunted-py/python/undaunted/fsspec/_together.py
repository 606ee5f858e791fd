"""Coroutines that run side by side, and end together. Those that fsspec runs go on when their
caller is cancelled, and with older versions when one of them failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from ._fsspec import most_requests


async def side_by_side(
    coroutines: Sequence[Coroutine[Any, Any, Any]],
    batch_size: int | None = None,
    return_exceptions: bool = False,
) -> list[Any]:
    """The results of the coroutines. The first failure ends the others, unless failures are
    returned among the results.

    Args:
        coroutines: What is to run.
        batch_size: How many run at a time; -1: all. Default: as fsspec is configured.
        return_exceptions: Whether a failure is a result.
    """
    results: list[Any] = [None] * len(coroutines)
    left = enumerate(coroutines)

    async def work() -> None:
        for place, coroutine in left:
            try:
                results[place] = await coroutine
            except Exception as error:
                if not return_exceptions:
                    raise
                results[place] = error

    most = batch_size or most_requests() or 1
    count = len(coroutines) if most < 0 else min(most, len(coroutines))
    workers = [asyncio.ensure_future(work()) for _ in range(count)]
    if not workers:
        return results
    is_closed = False
    try:
        # It cancels nothing by itself, so that each worker is cancelled once and can clean up.
        ended, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        for worker in ended:
            worker.result()
    except GeneratorExit:
        # A coroutine that is closed cannot wait.
        is_closed = True
        raise
    finally:
        for worker in workers:
            worker.cancel()
        # Before the wait: a client that turns a cancellation into an error must not begin another.
        for _, coroutine in left:
            coroutine.close()
        if not is_closed:
            await asyncio.gather(*workers, return_exceptions=True)
    return results
