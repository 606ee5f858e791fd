"""The guide's "Set Reasonable Timeouts": each attempt has a timeout of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from retry_guide.support import run

BLOCK = '''\
import asyncio
from undaunted import retry, RetryConfig

@retry(RetryConfig(max_retries=3, base_delay=1.0))
async def upload_with_timeout(storage: Storage, key: str, data: bytes) -> None:
    """Upload with both retry and timeout."""
    try:
        await asyncio.wait_for(
            storage.put(key, data),
            timeout=30.0,  # 30 second timeout per attempt
        )
    except asyncio.TimeoutError:
        raise TimeoutError(f"Upload of {key} timed out")
'''


class Slow:
    """A storage whose first calls never return."""

    def __init__(self, hanging: int) -> None:
        self.hanging = hanging
        self.cancelled = 0

    async def put(self, key: str, data: bytes) -> None:
        if self.hanging == 0:
            return
        self.hanging -= 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty seconds go by in one turn of the event loop."""
    wait_for = asyncio.wait_for

    async def shortened(operation: Any, timeout: float) -> Any:
        assert timeout == 30.0
        return await wait_for(operation, 0.001)

    monkeypatch.setattr(asyncio, "wait_for", shortened)


def test_each_attempt_has_its_timeout(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    short(monkeypatch)
    storage = Slow(hanging=2)
    asyncio.run(run(BLOCK)["upload_with_timeout"](storage, "a", b"data"))
    assert storage.cancelled == 2
    assert len(waits) == 2


def test_the_last_timeout_is_raised_to_the_caller(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    short(monkeypatch)
    storage = Slow(hanging=4)
    with pytest.raises(TimeoutError, match="Upload of a timed out"):
        asyncio.run(run(BLOCK)["upload_with_timeout"](storage, "a", b"data"))
    assert storage.cancelled == 4
