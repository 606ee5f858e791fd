"""The Rust extension. An operation of a store returns its value if it is ready immediately, and a
``Pending`` otherwise.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from ._types import RetryEvent, StoredFile

T = TypeVar("T", covariant=True)

__version__: str

Keys: TypeAlias = list[str]
Listed: TypeAlias = tuple[list[StoredFile], list[str]]
"""The files in a folder, and the keys of the folders in it."""

Verdict: TypeAlias = int | tuple[int, float] | tuple[int, float | None, str]
"""What a failure is, the wait in seconds that the service asked for, and the rule that said so."""

Rules: TypeAlias = list[tuple[str, list[Any]]]
"""The fields of rules, with their values."""

class RetryBudget:
    """A shared allowance for retries.

    While calls succeed it stays full. When most calls fail it runs empty, and retries stop for
    everything that shares it, so that they do not make an outage worse. A call that finds it empty
    raises its own error immediately.

    It is a bucket of tokens: a retry costs 14, after a throttled failure 5; a success after retries
    refunds the cost of the last one, and a success at the first attempt deposits 1.

    Args:
        capacity: The tokens it holds when full, up to 65,535.
        refill: Tokens that are added each second, so that an empty bucket recovers.

    Raises:
        ValueError: If a number is out of range; it is named.

    Example:
        >>> budget = RetryBudget()
        >>> budget.tokens
        500
    """

    def __init__(self, capacity: int = 500, refill: int = 1) -> None: ...
    @property
    def tokens(self) -> int:
        """Whole tokens in the bucket, as of the last change."""

    @property
    def capacity(self) -> int:
        """The tokens it holds when full."""

    @property
    def refill(self) -> int:
        """Tokens that are added each second."""

class Pacer:
    """A pace that calls of a throttling service share.

    A service that throttles is healthy: it says how much it takes. With a pacer, a throttled call
    waits for its turn in place of failing, and spends nothing of a budget. Calls are sent first
    come, first served, at the rate that the service takes, which is found out by its responses.

    Until the first throttled failure it does nothing, and it lets go when nothing has been
    throttled for 5 seconds. A failure is throttled if it is a
    :class:`~undaunted.StorageRateLimitError`.

    Threads and event loops can share one. A forked or spawned process has its own.

    Example:
        >>> from undaunted import Pacer, RetryConfig, retry
        >>> config = RetryConfig(max_retries=10, pacer=Pacer())
        >>> @retry(config)
        ... async def fetch(key: str) -> bytes: ...
        >>> config.pacer
        <Pacer, passive>
    """

    def __init__(self) -> None: ...
    @property
    def rate(self) -> float | None:
        """Calls a second, or None while it is passive."""

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""

    @property
    def is_active(self) -> bool:
        """Whether calls are paced now."""

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
        rules: Rules,
    ) -> None: ...
    @staticmethod
    def preset(name: str) -> Config:
        """``default``, ``interactive``, ``background`` or ``storage``."""

    def fields(self) -> dict[str, Any]:
        """All fields by name, as the constructor takes them."""

    def schedule(self) -> list[float]:
        """The nominal delays of all retries."""

    def jittered_delay(self, attempt: int) -> float:
        """A delay with jitter, before retry ``attempt``, where 0 is the first."""

class Scope:
    """What the code around a call lets it do: a deadline so many seconds from now, one attempt, and
    what the code around that said.
    """

    def __init__(
        self, outer: Scope | None, seconds: float | None, is_one_attempt: bool
    ) -> None: ...
    @property
    def left(self) -> float | None:
        """The seconds to the deadline; negative once it has passed."""

class Policy:
    """What a client does about failures, for plans and simulations."""

    def __init__(
        self, name: str, config: Config, budget: object, has_pacer: bool, is_store: bool
    ) -> None: ...
    @staticmethod
    def preset(name: str) -> Policy | None:
        """A call with a preset, or a store with that of stores; None if there is no such preset."""

    @staticmethod
    def from_toml(name: str, text: str) -> Policy:
        """The fields of a ``[[policy]]``."""

    def named(self, name: str) -> Policy:
        """The same with another name."""

    @property
    def name(self) -> str: ...

class Planned:
    """A policy with its plan."""

    def __init__(
        self,
        policy: Policy,
        clients: object,
        payload: object,
        caller_timeout: object,
        person_waits: bool,
        other_retries: list[Any],
        attempt_takes: object,
    ) -> None: ...
    def document(self) -> str:
        """The plan with its sentences and the texts of its warnings, as JSON."""

    def base_delay_of_equal(self, other: Policy) -> float:
        """The base delay with which the other policy waits as long as this one on average."""

    def compare(self, other: Planned) -> list[tuple[str, str, str]]:
        """What differs: what it is, and what it is in each."""

    def page(self, other: Planned | None = None) -> Page:
        """The report of the plan, or of two beside each other."""

class Page:
    """A report."""

    def html(self) -> str:
        """The whole page."""

    def fragment(self) -> str:
        """An element for another page."""

    def text(self) -> str:
        """The words and the tables."""

    def sentences(self) -> list[str]:
        """The result in words."""

class Scenario:
    """A scenario with its policies, from the text of a file."""

    def __init__(
        self, text: str, seed: object = None, lasts: object = None, has_lines: bool = True
    ) -> None: ...
    @property
    def seed(self) -> int: ...
    @property
    def duration(self) -> float: ...
    @property
    def policies(self) -> list[Policy]: ...
    def run(self, policies: list[Policy]) -> list[tuple[str, list[bytes]]]:
        """Runs policies without the GIL: what is said once, as JSON, and the columns of ticks."""

    def page(self, title: str, outcomes: list[tuple[str, list[bytes]]]) -> Page:
        """The report of outcomes."""

    def check(self, outcomes: list[tuple[str, list[bytes]]], conditions: list[str]) -> list[str]:
        """Which conditions are true of which outcome."""

class State:
    """The decisions of one call, and the texts about it."""

    TRANSIENT: ClassVar[int]
    THROTTLED: ClassVar[int]
    PERMANENT: ClassVar[int]
    JUDGED: ClassVar[int]
    """No verdict: each exception of a class is judged by itself."""

    def __init__(
        self,
        config: Config,
        budget: RetryBudget | None = None,
        seed: int | None = None,
        pacer: Pacer | None = None,
        scope: Scope | None = None,
    ) -> None: ...
    def on_failure(
        self, verdict: Verdict, retry_after: object = None, now: float | None = None
    ) -> float | str:
        """The delay before the next attempt, or the stop reason in one word. A ``retry_after`` that
        is a number of seconds is a hint, unless the verdict has one.
        """

    def poll_turn(self, now: float | None = None) -> float | None:
        """The seconds after which to ask again, or None once the attempt may begin."""

    def on_attempt(self, now: float | None = None) -> tuple[float, str, bool] | None:
        """The timeout of the attempt that begins, the text of its error, and whether the limit is
        ``total_timeout``.
        """

    def on_success(self, now: float | None = None) -> bool:
        """The call succeeded: deposits into the budget, and tells the pacer. The result is whether
        pacing has ended.
        """

    def on_drop(self) -> None:
        """The call was dropped during a wait: refunds the cost of that retry to the budget, and
        frees its place at the pacer.
        """

    def log_line(self, operation: str, error: BaseException | None = None) -> str:
        """The log line: after a failure that of the last decision, without an ``error`` that of a
        success.
        """

    def note(self) -> str | None:
        """The note on the exception that ends the call. None if the first attempt failed
        permanently.
        """

    @property
    def rule(self) -> str | None:
        """The rule that gave the verdict on the last failure, if one did."""

    @property
    def retries(self) -> int:
        """Retries granted so far."""

    @property
    def max_retries(self) -> int:
        """The most retries that the configuration and the test switch allow."""

    @property
    def began_pacing(self) -> bool:
        """Whether pacing began with the last failure."""

    @property
    def queued(self) -> float | None:
        """The seconds that the last attempt waited for its turn. None without a pacer."""

    @property
    def pace(self) -> float | None:
        """The pacer's rate in calls a second, if there is one and it is active."""

class Pending(Generic[T]):
    """An operation that was not ready immediately."""

    def start(self, future: asyncio.Future[Any], mailbox: Mailbox) -> None:
        """Runs it, and sets its outcome on the future."""

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

    @property
    def stored(self) -> StoredFile:
        """The description of the file."""

    @property
    def range(self) -> tuple[int, int]:
        """The part that is read: its start and end."""

    def next(self, number: int | None = None) -> bytes | Pending[bytes | None] | None:
        """The next chunk. With a number, the chunk of that number, counted from 0: the next one, or
        the last one again.
        """

class Listing:
    """A list of files, a batch at a time."""

    def next(
        self, number: int | None = None
    ) -> list[StoredFile] | Pending[list[StoredFile] | None] | None:
        """The next batch. With a number, the batch of that number, counted from 0: the next one, or
        the last one again.
        """

class Upload:
    """A file that is being written in parts."""

    def put_part(self, data: bytes) -> None:
        """Begins to write the next part."""

    @property
    def in_flight(self) -> int:
        """The number of parts in flight."""

    def finish_part(self) -> int | Pending[int]:
        """Waits for the first of the parts in flight: its size."""

    def complete(self, size: int) -> StoredFile | Pending[StoredFile]:
        """Makes a file of the parts, all of which have to be finished."""

    def abort(self) -> Pending[None] | None:
        """Drops the parts in flight, and deletes those that were written, also if nobody waits."""

class Store:
    """A store with retries."""

    def __init__(
        self,
        recipe: object,
        url: str,
        options: list[tuple[str, str]],
        config: Config,
        budget: RetryBudget | None = None,
        pacer: Pacer | None = None,
        chaos: str | None = None,
        is_paced: bool = True,
        on_retry: Callable[[RetryEvent], object] | None = None,
        hedge: tuple[str, float, str | None] | None = None,
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
    def get(self, key: str, options: Mapping[str, Any] | None = None) -> Reader | Pending[Reader]:
        """Begins to read. The options have the names of obspec's ``GetOptions``."""

    def get_bytes(self, key: str) -> bytes | Pending[bytes]: ...
    def get_range(
        self, key: str, start: int, stop: int | None, etag: str | None
    ) -> bytes | Pending[bytes]:
        """Reads a part; with an ETag, of this very file."""

    def get_ranges(
        self, key: str, ranges: list[tuple[int, int]]
    ) -> list[bytes] | Pending[list[bytes]]:
        """Reads parts of one version of a file."""

    def delete(self, key: str) -> Pending[None] | None: ...
    def delete_many(self, keys: Keys) -> Pending[None] | None:
        """Tries to delete all; a missing file is no failure."""
    def exists(self, key: str) -> bool | Pending[bool]: ...
    def info(self, key: str) -> StoredFile | Pending[StoredFile]: ...
    def copy(
        self, source: str, destination: str, overwrite: bool
    ) -> StoredFile | Pending[StoredFile]: ...
    def move(
        self, source: str, destination: str, overwrite: bool
    ) -> StoredFile | Pending[StoredFile]: ...
    def list(self, prefix: str, limit: int | None) -> Listing: ...
    def list_folder(self, key: str) -> Listed | Pending[Listed]:
        """The files directly in a folder, and the keys of the folders in it."""

    def is_folder(self, key: str) -> bool | Pending[bool]:
        """Whether there is a file in the folder, at any depth, or a mark that it exists."""
    def url(self, key: str, expires_in: float, method: str) -> str | Pending[str]: ...
    def close(self) -> Pending[None] | None:
        """Closes it, and waits for a limited time for uploads that are being aborted."""

    def injected(self) -> dict[str, int]:
        """How many faults were injected, by kind."""

    @property
    def recipe(self) -> Any:
        """What was given to open it again."""

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
    @property
    def pace(self) -> float | None: ...
    @property
    def hedges(self) -> tuple[int, int]:
        """How many reads were sent a second time, and how many of those were first."""

def check_hedge(after: str, most: float, first_delay: str | None) -> None:
    """Raises a ValueError that says what is wrong with these."""

def builtin_scenarios() -> list[tuple[str, str, str]]:
    """Name, summary and text of each built-in scenario."""

def tick_columns() -> list[str]:
    """The names of the columns of ticks, in their order."""

def class_verdict(cls: type[BaseException]) -> int:
    """The verdict on all exceptions of a class, or ``JUDGED``."""

def judge(error: BaseException) -> Verdict:
    """The verdict on an exception by what it means in its library."""

def judge_by_rules(config: Config, error: BaseException) -> tuple[int, float | None, str] | None:
    """The verdict on an exception by the rules of a configuration, if they say anything."""

def set_switch(attempts: int | None) -> None:
    """Limits every call to this many attempts, without waits between them."""

def switch() -> int | None:
    """The limit that was set."""

def metric_values() -> dict[str, float]:
    """Every number of the storages of this process, by its name in Prometheus."""

def metric_text() -> str:
    """The metrics of this process as Prometheus reads them."""

def metric_labels() -> dict[str, list[str]]:
    """The labels of every metric, by its name in Prometheus."""

def drain_events() -> None:
    """Passes the events of stores to ``logging``."""

def finish_cleanups() -> None:
    """Waits for a limited time for uploads that are being aborted."""

def in_flight() -> int:
    """The number of operations that have neither ended nor been dropped."""

def has_runtime() -> bool:
    """Whether this process has threads for I/O."""

def after_fork() -> None:
    """To be called in the child of a fork."""
