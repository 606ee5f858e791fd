"""Retries that make storage operations survive transient failure.

>>> import asyncio
>>> from undaunted import RetryConfig, Storage, retry
>>>
>>> @retry(RetryConfig(max_retries=5, base_delay=0.5))
... async def upload(storage: Storage, key: str, data: bytes) -> int:
...     return (await storage.put(key, data)).size
>>>
>>> asyncio.run(upload(Storage.open("memory://"), "a.txt", b"hello"))
5
"""

from __future__ import annotations

import atexit
import os

from ._config import JitterKind, RetryConfig
from ._errors import (
    HttpFailure,
    StorageAmbiguousError,
    StorageConfigurationError,
    StorageConnectionError,
    StorageCredentialsError,
    StorageError,
    StorageFileExistsError,
    StorageFileNotFoundError,
    StoragePermissionError,
    StorageRateLimitError,
    StorageServiceUnavailableError,
    StorageTimeoutError,
    StorageUnsupportedError,
)
from ._open import OptionValue
from ._protocol import FileInfo, Storage
from ._retry import retry, with_retry
from ._retryable import RetryableStorage
from ._storage import ObjectStorage
from ._types import ProgressCallback, ProgressInfo, RetryReport, StoredFile
from ._undaunted import Pacer, RetryBudget, __version__, after_fork, drain_events

ConfigurationError = StorageConfigurationError
"""The name of :class:`StorageConfigurationError` in litestar-storages."""

__all__ = [
    "ConfigurationError",
    "FileInfo",
    "HttpFailure",
    "JitterKind",
    "ObjectStorage",
    "OptionValue",
    "Pacer",
    "ProgressCallback",
    "ProgressInfo",
    "RetryBudget",
    "RetryConfig",
    "RetryReport",
    "RetryableStorage",
    "Storage",
    "StorageAmbiguousError",
    "StorageConfigurationError",
    "StorageConnectionError",
    "StorageCredentialsError",
    "StorageError",
    "StorageFileExistsError",
    "StorageFileNotFoundError",
    "StoragePermissionError",
    "StorageRateLimitError",
    "StorageServiceUnavailableError",
    "StorageTimeoutError",
    "StorageUnsupportedError",
    "StoredFile",
    "__version__",
    "retry",
    "with_retry",
]


def _name_after_this() -> None:
    """Makes tracebacks and documentation name the public package, not its private modules."""
    for name in __all__:
        thing = globals()[name]
        if str(getattr(thing, "__module__", "")).startswith(f"{__name__}."):
            thing.__module__ = __name__


_name_after_this()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)
atexit.register(drain_events)
