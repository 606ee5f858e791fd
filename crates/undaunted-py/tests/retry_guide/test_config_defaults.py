"""The guide's "RetryConfig": the values that the guide spells out are the defaults."""

from __future__ import annotations

import asyncio

from retry_guide.support import run
from undaunted import RetryConfig, StorageConnectionError, with_retry
from undaunted.testing import FaultyStorage

BLOCK = """\
from undaunted import RetryConfig

config = RetryConfig(
    max_retries=3,           # Maximum retry attempts (0 = no retries)
    base_delay=1.0,          # Initial delay between retries (seconds)
    max_delay=60.0,          # Maximum delay cap (seconds)
    exponential_base=2.0,    # Base for exponential backoff
    jitter=True,             # Add randomness to prevent thundering herd
    retryable_exceptions=(   # Exception types that trigger retries
        StorageConnectionError,
        TimeoutError,
        ConnectionError,
    ),
)
"""


def test_the_values_are_the_defaults() -> None:
    config = run(BLOCK)["config"]
    assert config == RetryConfig()
    assert config.schedule() == [1.0, 2.0, 4.0]
    assert config.is_retryable(StorageConnectionError("reset"))
    assert not config.is_retryable(ValueError("no"))


def test_it_carries_a_call_through_failure(waits: list[float]) -> None:
    config = run(BLOCK)["config"]
    storage = FaultyStorage([StorageConnectionError("reset"), TimeoutError("slow")])
    stored = asyncio.run(with_retry(lambda: storage.put("a", b"data"), config))
    assert stored.size == 4
    assert len(waits) == 2
    assert 0.75 <= waits[0] <= 1.25
    assert 1.5 <= waits[1] <= 2.5
