"""The guide's "Dynamic Configuration": the priority of an upload chooses its configuration."""

from __future__ import annotations

import asyncio

import pytest

from retry_guide.support import run
from undaunted import StorageConnectionError
from undaunted.testing import FaultyStorage

BLOCK = '''\
async def upload_with_priority(
    storage: Storage,
    key: str,
    data: bytes,
    priority: str,
) -> None:
    """Upload with retry config based on priority."""

    if priority == "critical":
        config = RetryConfig(max_retries=10, base_delay=0.1)
    elif priority == "high":
        config = RetryConfig(max_retries=5, base_delay=0.5)
    else:
        config = RetryConfig(max_retries=2, base_delay=1.0)

    await with_retry(lambda: storage.put(key, data), config)
'''


@pytest.mark.parametrize(
    ("priority", "retries", "first_wait"),
    [("critical", 10, 0.1), ("high", 5, 0.5), ("low", 2, 1.0)],
)
def test_the_priority_chooses_the_config(
    waits: list[float], priority: str, retries: int, first_wait: float
) -> None:
    upload_with_priority = run(BLOCK)["upload_with_priority"]
    storage = FaultyStorage([StorageConnectionError("reset")] * retries)
    asyncio.run(upload_with_priority(storage, "a", b"data", priority))
    assert len(waits) == retries
    assert 0.75 * first_wait <= waits[0] <= 1.25 * first_wait

    storage = FaultyStorage([StorageConnectionError("reset")] * (retries + 1))
    with pytest.raises(StorageConnectionError):
        asyncio.run(upload_with_priority(storage, "a", b"data", priority))
