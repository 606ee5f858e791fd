"""The values that storages return: the description of a file, progress, and reports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class StoredFile:
    """The description of a file in a storage.

    A listing has key, size, etag and time; ``info`` has everything that the service keeps. After a
    ``put``, ``last_modified`` is the local time: services do not report theirs.
    """

    key: str
    size: int
    content_type: str | None = None
    etag: str | None = None
    last_modified: datetime | None = None
    metadata: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class ProgressInfo:
    """The progress of a transfer."""

    bytes_transferred: int
    total_bytes: int | None
    """None if the length of the data is unknown."""
    operation: Literal["upload", "download"]
    key: str

    @property
    def percentage(self) -> float | None:
        """From 0 to 100, or None if the total is unknown."""
        if not self.total_bytes:
            return None
        return self.bytes_transferred / self.total_bytes * 100


@dataclass(frozen=True)
class RetryReport:
    """What a storage did for an operation that failed: :attr:`StorageError.report`."""

    operation: str
    """The operation of the store, such as ``"get"``."""
    attempts: int
    """The number of attempts, all of which failed."""
    delays: tuple[float, ...]
    """The delays between them, in seconds."""
    elapsed: float
    """The seconds from the first attempt to the end."""
    stop_reason: str | None
    """The reason in one word why there was no further attempt, such as ``"retries_exhausted"``."""
    failures: tuple[str, ...]
    """The text of each failure; of more than 16 the first and the last 8."""
    queued: float = 0.0
    """The seconds that attempts waited for their turns while the service throttled, in all."""


ProgressCallback: TypeAlias = Callable[[ProgressInfo], Awaitable[None] | None]
"""A function that is called after each part; it may be a coroutine function."""
