"""The values that storages return: the description of a file, progress, and reports."""

# Annotations of these classes are evaluated here: elsewhere `typing.get_type_hints` would not find
# their names.

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
    metadata: dict[str, str] = field(default_factory=dict[str, str], hash=False)


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
        """From 0 to 100 with two decimals, or None if the total is unknown."""
        if not self.total_bytes:
            return None
        return round(self.bytes_transferred / self.total_bytes * 100, 2)


@dataclass(frozen=True)
class RetryEvent:
    """What became of an attempt: the argument of ``on_retry`` and of :func:`instrument`.

    Example:
        >>> import asyncio
        >>> from undaunted import RetryConfig, with_retry
        >>> def tell(event):
        ...     print(event.operation, event.attempt, event.max_retries, event.text)
        >>> outcomes = iter([TimeoutError("too slow"), "done"])
        >>> async def fetch():
        ...     outcome = next(outcomes)
        ...     if isinstance(outcome, Exception):
        ...         raise outcome
        ...     return outcome
        >>> asyncio.run(with_retry(fetch, RetryConfig(base_delay=0, on_retry=tell)))
        fetch 1 3 too slow
        'done'
    """

    operation: str
    """The name of the call; for a storage, that of the operation, such as ``"get"``."""
    outcome: Literal["retrying", "stopped", "succeeded"]
    """``"succeeded"`` only comes after a retry, and ``"stopped"`` only after one or because a limit
    ended the call."""
    attempt: int
    """The number of the attempt, from 1."""
    max_retries: int
    """The most retries of the call."""
    delay: float | None = None
    """The seconds until the next attempt, if one follows."""
    reason: str | None = None
    """The reason in one word why none follows, such as ``"retries_exhausted"``."""
    error: BaseException | None = None
    """The failure. None for storages, whose failures are no exceptions yet: see ``text``."""
    text: str = ""
    """The text of the failure."""
    key: str | None = None
    """The path of the object, for an operation of a storage; that of the URL, for a request of
    :mod:`undaunted.httpx`."""
    is_throttled: bool = False
    """Whether the service asked to slow down."""
    queued: float | None = None
    """The seconds that the attempt waited for its turn, if there is a pacer."""
    pace: float | None = None
    """The rate of the pacer, if there is one and it is active."""
    rule: str | None = None
    """The rule of the configuration that gave the verdict, such as ``"retryable_status 423"``, if
    one did."""


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
    rules: tuple[str | None, ...] = ()
    """The rule that gave the verdict on each of ``failures``, or None where none did."""


ProgressCallback: TypeAlias = Callable[[ProgressInfo], Awaitable[None] | None]
"""A function that is called after each part; it may be a coroutine function."""
