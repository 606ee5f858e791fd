"""What storages hand out: a file's description, and the progress of a transfer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class StoredFile:
    """A file in a storage, and what is known about it.

    A listing knows key, size, etag and time; ``info`` knows all that the service keeps. After a
    ``put``, ``last_modified`` is this machine's time: no service says when it wrote.
    """

    key: str
    size: int
    content_type: str | None = None
    etag: str | None = None
    last_modified: datetime | None = None
    metadata: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class ProgressInfo:
    """How far a transfer has come."""

    bytes_transferred: int
    total_bytes: int | None
    """None where the data does not say how long it is."""
    operation: Literal["upload", "download"]
    key: str

    @property
    def percentage(self) -> float | None:
        """From 0 to 100, or None where the total is not known."""
        if not self.total_bytes:
            return None
        return self.bytes_transferred / self.total_bytes * 100


ProgressCallback: TypeAlias = Callable[[ProgressInfo], Awaitable[None] | None]
"""A function that is told of progress after each part; it may be a coroutine function."""
