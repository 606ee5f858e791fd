"""The Rust extension. An operation of a store returns its value if it is ready immediately, and a
``Pending`` otherwise.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from ._types import StoredFile

T = TypeVar("T", covariant=True)

__version__: str

class RetryBudget:
    """A shared allowance for retries.

    While calls succeed it stays full. When most calls fail it runs empty, and retries stop for
    everything that shares it, so that they do not make an outage worse. A call that finds it empty
    raises its own error immediately.

    It is a bucket of tokens: a retry costs 14, after a throttled failure 5; a success after retries
    refunds the cost of the last one, and a success at the first attempt deposits 1.

    >>> budget = RetryBudget()
    >>> budget.tokens
    500
    """

    def __init__(self, capacity: int = 500, refill: int = 1) -> None:
        """A full bucket.

        Args:
            capacity: The tokens it holds, up to 65,535.
            refill: Tokens that are added each second, so that an empty bucket recovers.
        """

    @property
    def tokens(self) -> int:
        """Whole tokens in the bucket, as of the last change."""

    @property
    def capacity(self) -> int:
        """The tokens it holds when full."""

    @property
    def refill(self) -> int:
        """Tokens that are added each second."""

class Config:
    """A valid configuration of the core."""

    def __init__(
        self,
        max_retries: object,
        base_delay: object,
        max_delay: object,
        exponential_base: object,
        jitter: object,
        total_timeout: object,
        attempt_timeout: object,
        throttled_base_delay: object,
        max_retry_after: object,
    ) -> None: ...
    @staticmethod
    def preset(name: str) -> dict[str, Any]:
        """The fields of a preset."""

    def schedule(self) -> list[float]:
        """The nominal delays of all retries."""

    def jittered_delay(self, attempt: int) -> float:
        """A delay with jitter, before retry ``attempt``, where 0 is the first."""

    @property
    def max_retries(self) -> int: ...

class State:
    """The decisions of one call."""

    TRANSIENT: ClassVar[int]
    THROTTLED: ClassVar[int]
    PERMANENT: ClassVar[int]

    def __init__(
        self,
        config: Config,
        budget: RetryBudget | None = None,
        seed: int | None = None,
    ) -> None: ...
    def on_failure(
        self, verdict: int, retry_after: object = None, now: float | None = None
    ) -> float | str:
        """The delay before the next attempt, or the stop reason in one word. A ``retry_after`` that
        is a number of seconds is a hint.
        """

    def on_attempt(self, now: float | None = None) -> tuple[float, str, bool] | None:
        """The timeout of the attempt that begins, the text of its error, and whether the limit is
        ``total_timeout``.
        """

    def on_success(self) -> None:
        """The call succeeded: deposits into the budget."""

    def on_drop(self) -> None:
        """The call was dropped during a wait: refunds the cost of that retry to the budget."""

    @property
    def retries(self) -> int:
        """Retries granted so far."""

    @property
    def waits(self) -> list[float]:
        """The waits before them."""

class Pending(Generic[T]):
    """An operation that was not ready immediately."""

    def start(self, future: asyncio.Future[Any], mailbox: Mailbox) -> None:
        """Runs it, and sets its outcome on the future."""

    def launch(self) -> None:
        """Starts it; ``wait`` for it later."""

    def wait(self) -> T:
        """Waits for it on this thread, without the GIL. A signal interrupts it."""

    def abort(self) -> None:
        """Drops it."""

class Mailbox:
    """Receives the results of an event loop's operations."""

    def __init__(self, wake: Callable[[], object]) -> None: ...
    def empty(self) -> None:
        """Sets all results on their futures."""

class Reader:
    """The body of a file, a chunk at a time."""

    def next(self) -> bytes | Pending[bytes | None] | None: ...
    def stored(self) -> StoredFile | None: ...

class Listing:
    """A list of files, a batch at a time."""

    def next(self) -> list[StoredFile] | Pending[list[StoredFile] | None] | None: ...

class Upload:
    """A file that is being written in parts."""

    def put_part(self, data: bytes) -> Pending[None] | None: ...
    def complete(self, size: int) -> StoredFile | Pending[StoredFile]: ...
    def abort(self) -> Pending[None] | None: ...

class Store:
    """A store with retries."""

    def __init__(
        self,
        url: str,
        options: list[tuple[str, str]],
        config: Config,
        budget: RetryBudget | None = None,
        chaos: str | None = None,
    ) -> None: ...
    def put(
        self,
        key: str,
        data: bytes | bytearray,
        content_type: str | None,
        metadata: dict[str, str] | None,
        overwrite: bool,
    ) -> StoredFile | Pending[StoredFile]: ...
    def start_upload(
        self, key: str, content_type: str | None, metadata: dict[str, str] | None
    ) -> Upload | Pending[Upload]: ...
    def get(self, key: str) -> Reader | Pending[Reader]: ...
    def get_bytes(self, key: str) -> bytes | Pending[bytes]: ...
    def delete(self, key: str) -> Pending[None] | None: ...
    def exists(self, key: str) -> bool | Pending[bool]: ...
    def info(self, key: str) -> StoredFile | Pending[StoredFile]: ...
    def copy(
        self, source: str, destination: str, overwrite: bool
    ) -> StoredFile | Pending[StoredFile]: ...
    def move(
        self, source: str, destination: str, overwrite: bool
    ) -> StoredFile | Pending[StoredFile]: ...
    def list(self, prefix: str, limit: int | None) -> Listing: ...
    def url(self, key: str, expires_in: float, method: str) -> str | Pending[str]: ...
    def close(self) -> None: ...
    def injected(self) -> dict[str, int]:
        """How many faults were injected, by kind."""

    @property
    def closed(self) -> bool: ...
    @property
    def kind(self) -> str:
        """``files``, ``memory`` or ``service``."""

    @property
    def shown_url(self) -> str:
        """The URL without its secrets."""

    @property
    def budget_tokens(self) -> int | None: ...

def set_switch(attempts: int | None) -> None:
    """Limits every call to this many attempts, without waits between them."""

def switch() -> int | None:
    """The limit that was set."""

def drain_events() -> None:
    """Passes the events of stores to ``logging``."""

def in_flight() -> int:
    """The number of operations that have neither ended nor been dropped."""

def has_runtime() -> bool:
    """Whether this process has threads for I/O."""

def after_fork() -> None:
    """To be called in the child of a fork."""
