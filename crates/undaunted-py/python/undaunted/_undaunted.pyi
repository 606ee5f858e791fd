"""The Rust part. Operations of a store return their value where it is there at once, and a
``Pending`` where it is not.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from ._types import StoredFile

T = TypeVar("T", covariant=True)

__version__: str

class RetryBudget:
    """An allowance for retries, shared by everything that is given it.

    While calls succeed there is plenty; when they stop succeeding, the retries stop too, for all
    who share it, so that an outage is not made worse. A call that finds it empty gets its own
    error at once.

    A bucket of tokens: a retry costs 14, after a throttled failure 5; a success after retries
    gives back what its last one cost, and a success at the first attempt pays in 1.

    >>> budget = RetryBudget()
    >>> budget.tokens
    500
    """

    def __init__(self, capacity: int = 500, refill: int = 1) -> None:
        """A full bucket.

        Args:
            capacity: The tokens it holds, up to 65,535.
            refill: Tokens a second that come by themselves, so that a bucket which was emptied
                is not dead for ever.
        """

    @property
    def tokens(self) -> int:
        """Whole tokens in the bucket, as of the last change."""

    @property
    def capacity(self) -> int:
        """The tokens it holds when full."""

    @property
    def refill(self) -> int:
        """Tokens a second that come by themselves."""

class Config:
    """A valid policy of the core."""

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
        """How long to wait, or in one word why there is no other attempt. ``retry_after`` is a
        hint where it is a number of seconds.
        """

    def on_attempt(self, now: float | None = None) -> tuple[float, str, bool] | None:
        """When the attempt that begins must be cut, what its error says then, and whether it is
        ``total_timeout`` that ends it.
        """

    def on_success(self) -> None:
        """The call succeeded: the budget is paid."""

    def on_drop(self) -> None:
        """The call was given up during a wait: the budget gets back what that retry cost."""

    @property
    def retries(self) -> int:
        """Retries granted so far."""

    @property
    def waits(self) -> list[float]:
        """The waits before them."""

class Pending(Generic[T]):
    """An operation that was not ready at once."""

    def start(self, future: asyncio.Future[Any], mailbox: Mailbox) -> None:
        """Lets it run, and its outcome become that of the future."""

    def launch(self) -> None:
        """Lets it run; ``wait`` for it later."""

    def wait(self) -> T:
        """Waits for it on this thread, without the GIL. A signal ends it."""

    def abort(self) -> None:
        """Drops it, wherever it is."""

class Mailbox:
    """Where the results of an event loop's operations arrive."""

    def __init__(self, wake: Callable[[], object]) -> None: ...
    def empty(self) -> None:
        """Gives all results to their futures."""

class Reader:
    """The body of a file, a chunk at a time."""

    def next(self) -> bytes | Pending[bytes | None] | None: ...
    def stored(self) -> StoredFile | None: ...

class Listing:
    """Files, some at a time."""

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
        """The URL without what is secret in it."""

    @property
    def budget_tokens(self) -> int | None: ...

def set_switch(attempts: int | None) -> None:
    """Lets calls make at most so many attempts, and wait for none of them."""

def switch() -> int | None:
    """What was set."""

def drain_events() -> None:
    """Hands what happened in stores to ``logging``."""

def in_flight() -> int:
    """Operations that are neither over nor dropped."""

def has_runtime() -> bool:
    """Whether this process has threads for I/O."""

def after_fork() -> None:
    """In the child of a fork."""
