"""The guide's "Custom Retryable Exceptions": an exception of the user's own is retried."""

from __future__ import annotations

import asyncio

import pytest

from retry_guide.support import run
from undaunted import StorageConnectionError, with_retry
from undaunted.testing import FaultyStorage

BLOCK = """\
from undaunted import retry, RetryConfig, StorageConnectionError

# Include rate limit errors as retryable
@retry(RetryConfig(
    retryable_exceptions=(
        StorageConnectionError,
        TimeoutError,
        ConnectionError,
        RateLimitError,  # Your custom exception
    ),
))
async def upload_with_rate_limit_handling(storage: Storage, key: str, data: bytes) -> None:
    await storage.put(key, data)
"""


class RateLimitError(Exception):
    """A custom exception."""


def test_the_custom_exception_is_retried(waits: list[float]) -> None:
    upload = run(BLOCK, RateLimitError=RateLimitError)["upload_with_rate_limit_handling"]
    storage = FaultyStorage([RateLimitError("slow down"), StorageConnectionError("reset")])
    asyncio.run(upload(storage, "a", b"data"))
    assert len(storage.calls) == 3
    assert len(waits) == 2


def test_an_exception_that_is_not_in_the_tuple_is_not_retried(waits: list[float]) -> None:
    storage = FaultyStorage([RateLimitError("slow down")])
    with pytest.raises(RateLimitError):
        asyncio.run(with_retry(lambda: storage.put("a", b"data")))
    assert len(storage.calls) == 1
    assert waits == []
