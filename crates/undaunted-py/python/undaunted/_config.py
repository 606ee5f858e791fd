"""``RetryConfig``: how often to retry, and how long to wait."""

# Annotations of the fields are evaluated here: elsewhere `typing.get_type_hints` would not find
# their names.

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ._errors import StorageConnectionError
from ._judging import (
    JUDGED,
    PERMANENT,
    RetryIf,
    Verdicts,
    by_predicate,
    by_types,
    judged_each,
    permanent,
    with_aliases,
)
from ._rules import FIELDS, Statuses, Words, by_rules, values_of
from ._types import RetryEvent
from ._undaunted import Config, Pacer, RetryBudget, class_verdict, judge

if TYPE_CHECKING:
    from ._undaunted import Verdict

JitterKind: TypeAlias = Literal["proportional", "full", "equal", "decorrelated", "none"]
"""The kinds of jitter by name; ``"proportional"`` is the ±25 % that ``True`` means."""

ExceptionTypes: TypeAlias = (
    type[BaseException] | tuple[type[BaseException], ...] | list[type[BaseException]]
)
"""One type of exceptions, or several."""


class _Default(tuple[type[BaseException], ...]):
    """Types that were not given. Copies of it, such as that of ``dataclasses.asdict``, stay so."""

    __slots__ = ()


@dataclass(frozen=True, eq=False, repr=False)
class RetryConfig:
    """How often to retry, and how long to wait.

    The default is 3 retries, so at most 4 attempts, with delays of 1 s, 2 s and 4 s, each ±25 %.
    All durations are in seconds, or a ``timedelta``.

    Args:
        max_retries: Retries after the first attempt; 0 makes a single attempt.
        base_delay: The nominal delay before the first retry.
        max_delay: The cap on nominal delays. The default jitter may exceed it by a quarter.
        exponential_base: The factor from one nominal delay to the next; at least 1.
        jitter: ``True`` spreads each delay by ±25 %, ``False`` not at all. A number from 0 to 1 is
            another fraction, a name another kind.
        retryable_exceptions: The types of exceptions that are retried, if they are to be these and
            no others.
        total_timeout: The limit on all attempts and delays together. A storage from
            :meth:`Storage.open` counts from its first failure.
        attempt_timeout: The limit on one attempt of a coroutine function.
        throttled_base_delay: The base delay where the service throttles.
        max_retry_after: The longest wait that a service may ask for.
        budget: An allowance for retries that calls share.
        pacer: A pace that calls share once the service throttles.
        known_clients: Whether errors of well-known clients are judged.
        retryable_status: Statuses of responses that are retried; see the README for the rules.
        retryable_codes: Codes of the service that are retried.
        retryable_text: Parts of the texts of errors that are retried.
        throttled_status: As ``retryable_status``, for a service that throttles.
        throttled_codes: As ``retryable_codes``, for a service that throttles.
        throttled_text: As ``retryable_text``, for a service that throttles.
        permanent_status: Statuses that are not retried.
        permanent_codes: Codes that are not retried.
        permanent_text: Parts of the texts of errors that are not retried.
        retry_if: A function that decides which exceptions are retried.
        on_retry: A function that is called for each retry.

    Raises:
        TypeError: If a value has a wrong type; the message names the field.
        ValueError: If a value is out of range; the message names the field, the value and what
            would be right.

    Example:
        >>> RetryConfig(max_retries=5, base_delay=0.5).schedule()
        [0.5, 1.0, 2.0, 4.0, 8.0]
    """

    max_retries: int = 3
    """Retries after the first attempt; 0 makes a single attempt."""
    base_delay: float = 1.0
    """The nominal delay before the first retry."""
    max_delay: float = 60.0
    """The cap on nominal delays. The default jitter may exceed it by a quarter."""
    exponential_base: float = 2.0
    """The factor from one nominal delay to the next; at least 1."""
    jitter: bool | float | JitterKind = True
    """``True`` spreads each delay by ±25 %, ``False`` not at all. A number from 0 to 1 is another
    fraction, a name another kind: ``"full"`` and ``"equal"`` stay below the nominal delay,
    ``"decorrelated"`` derives each delay from the one before."""
    retryable_exceptions: tuple[type[BaseException], ...] = _Default(
        (StorageConnectionError, TimeoutError, ConnectionError)
    )
    """The types of exceptions that are retried: these and no others. Cancellation,
    ``KeyboardInterrupt`` and ``SystemExit`` never are. If it is not given, exceptions of known
    clients are judged besides: see ``known_clients``. A :class:`~undaunted.ObjectStorage` ignores
    this field: it classifies the responses of its service."""
    total_timeout: float | None = field(default=None, kw_only=True)
    """The limit on all attempts and delays together. A delay that would end later is not begun, and
    a running attempt of a coroutine function is cancelled. A storage from :meth:`Storage.open`
    counts from its first failure, and again from each after progress, such as a part of a file: its
    first attempt is not counted, and ends after 30 s without a response, or by ``attempt_timeout``.
    :func:`~undaunted.deadline` bounds everything."""
    attempt_timeout: float | None = field(default=None, kw_only=True)
    """The limit on one attempt, which is then cancelled and counts as a timeout. For coroutine
    functions only: a plain function cannot be cancelled."""
    throttled_base_delay: float | None = field(default=None, kw_only=True)
    """The base delay after a :class:`~undaunted.StorageRateLimitError`; default: ``base_delay``."""
    max_retry_after: float = field(default=300.0, kw_only=True)
    """The longest ``retry_after`` of an exception that is obeyed. A longer one ends the call."""
    budget: RetryBudget | None = field(default=None, kw_only=True)
    """An allowance for retries that all calls with this configuration share."""
    pacer: Pacer | Literal[False] | None = field(default=None, kw_only=True)
    """A pace that all calls with this configuration share once the service throttles: they then
    wait for their turns in place of failing, and spend nothing of the budget. ``max_retries``
    and ``total_timeout`` still end a call. A storage from :meth:`Storage.open` has a pacer of its
    own unless one is given here; ``False`` means that it has none."""
    known_clients: bool = field(default=True, kw_only=True)
    """Whether exceptions of well-known clients are judged too, by their types, statuses, codes and
    causes: those of boto3, aiobotocore, httpx, aiohttp, requests, urllib3, Google's and Azure's
    clients, s3fs, gcsfs, adlfs and litestar-storages, of ``http.client``, ``ssl``, ``socket`` and
    ``asyncio``, and the numbers of ``OSError``. The README has a table. It has no effect if
    ``retryable_exceptions`` is given."""
    retryable_status: tuple[int | str, ...] = field(default=(), kw_only=True)
    """Statuses that are retried, for functions and for storages: ``[423, "520-527"]``, a ``range``,
    one number, or text. The rules are asked before the types of exceptions and before what is known
    of clients: codes first, then texts, then statuses; permanent ones before throttled ones before
    the others. A fact (304, 404, 409, 412) is never retried because of its status, and is refused
    here. Log records, notes and reports name the rule that decided."""
    retryable_codes: tuple[str, ...] = field(default=(), kw_only=True)
    """Codes of the service, such as ``["LockHeld"]``, that are retried, in any case of their
    letters."""
    retryable_text: tuple[str, ...] = field(default=(), kw_only=True)
    """Parts of the text of an error, or of a cause, that is retried. Texts change from release to
    release: use one where there is neither a status nor a code."""
    throttled_status: tuple[int | str, ...] = field(default=(), kw_only=True)
    """Statuses by which the service asks to slow down."""
    throttled_codes: tuple[str, ...] = field(default=(), kw_only=True)
    """Codes by which the service asks to slow down."""
    throttled_text: tuple[str, ...] = field(default=(), kw_only=True)
    """Parts of texts by which the service asks to slow down."""
    permanent_status: tuple[int | str, ...] = field(default=(), kw_only=True)
    """Statuses that are not retried."""
    permanent_codes: tuple[str, ...] = field(default=(), kw_only=True)
    """Codes of the service that are not retried."""
    permanent_text: tuple[str, ...] = field(default=(), kw_only=True)
    """Parts of the text of an error, or of a cause, that is not retried."""
    retry_if: RetryIf | None = field(default=None, kw_only=True)
    """A function that gets an exception and decides: ``True`` and ``False`` say whether it is
    retried, a number of seconds that it is, after at least so long, and ``None`` that it is judged
    as it would be without this function. Cancellation, ``KeyboardInterrupt`` and ``SystemExit`` are
    never retried. For functions only: a storage from :meth:`Storage.open` refuses it."""
    on_retry: Callable[[RetryEvent], object] | None = field(default=None, kw_only=True)
    """A function that is called before the wait for each retry. It must not block. For a storage
    from :meth:`Storage.open` it is called on a thread of its own. What it raises is logged, and
    changes nothing."""

    if TYPE_CHECKING:
        _core: Config = field(init=False)
        _verdicts: Verdicts = field(init=False)
        _judge: "Callable[[BaseException], Verdict]" = field(init=False)
        """The verdict on an exception whose class has none."""
        _pacer: Pacer | None = field(init=False)
        _is_shared: bool = field(init=False)
        """Whether a success is told to anyone."""
        _is_plain: bool = field(init=False)
        """Whether a call needs nothing but its own count."""

        # It takes more types than the fields have.
        def __init__(
            self,
            max_retries: int = 3,
            base_delay: float | timedelta = 1.0,
            max_delay: float | timedelta = 60.0,
            exponential_base: float = 2.0,
            jitter: bool | float | JitterKind = True,
            retryable_exceptions: ExceptionTypes = ...,
            *,
            total_timeout: float | timedelta | None = None,
            attempt_timeout: float | timedelta | None = None,
            throttled_base_delay: float | timedelta | None = None,
            max_retry_after: float | timedelta = 300.0,
            budget: RetryBudget | None = None,
            pacer: Pacer | Literal[False] | None = None,
            known_clients: bool = True,
            retryable_status: Statuses = (),
            retryable_codes: Words = (),
            retryable_text: Words = (),
            throttled_status: Statuses = (),
            throttled_codes: Words = (),
            throttled_text: Words = (),
            permanent_status: Statuses = (),
            permanent_codes: Words = (),
            permanent_text: Words = (),
            retry_if: RetryIf | None = None,
            on_retry: Callable[[RetryEvent], object] | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        put: Callable[[Any, str, object], None] = object.__setattr__
        for name in _DURATIONS:
            value: object = getattr(self, name)
            if isinstance(value, timedelta):
                put(self, name, value.total_seconds())
        for name in FIELDS:
            put(self, name, values_of(name, getattr(self, name)))
        rules = [(name, values) for name in FIELDS if (values := list(getattr(self, name)))]
        core = Config(
            self.max_retries,
            self.base_delay,
            self.max_delay,
            self.exponential_base,
            self.jitter,
            self.total_timeout,
            self.attempt_timeout,
            self.throttled_base_delay,
            self.max_retry_after,
            rules,
        )
        put(self, "retryable_exceptions", _exceptions(self.retryable_exceptions))
        _check_fields(self)
        retryable = with_aliases(self.retryable_exceptions)
        judges = self.known_clients and self._has_default_exceptions
        verdicts = Verdicts(retryable, class_verdict if judges else permanent)
        judged: Callable[[BaseException], Verdict] = judge
        if rules:
            judged = by_rules(core, by_types(verdicts))
            verdicts = Verdicts((), judged_each)
        if self.retry_if is not None:
            judged = by_predicate(self.retry_if, by_types(verdicts, judged))
            verdicts = Verdicts((), judged_each)
        put(self, "_judge", judged)
        pacer = self.pacer or None
        is_shared = self.budget is not None or pacer is not None
        is_timed = self.total_timeout is not None or self.attempt_timeout is not None
        put(self, "_core", core)
        put(self, "_verdicts", verdicts)
        put(self, "_pacer", pacer)
        put(self, "_is_shared", is_shared)
        put(self, "_is_plain", not (is_shared or is_timed))

    @classmethod
    def interactive(cls) -> "RetryConfig":
        """For an operation that a person waits for: 1 retry after 0.5 s ±25 %, 5 s in all, or 5 s
        after the first failure of a storage.

        Example:
            >>> RetryConfig.interactive().schedule()
            [0.5]
        """
        return cls(**Config.preset("interactive").fields())

    @classmethod
    def background(cls) -> "RetryConfig":
        """For work that nobody waits for: 10 retries from 5 s, doubling to at most 60 s, ±25 %.

        Example:
            >>> RetryConfig.background().schedule()[:5]
            [5.0, 10.0, 20.0, 40.0, 60.0]
        """
        return cls(**Config.preset("background").fields())

    @classmethod
    def storage(cls) -> "RetryConfig":
        """For operations of an object store, and the default of :meth:`Storage.open`.

        10 retries from 0.1 s (1 s where the service throttles), doubling to at most 20 s, full
        jitter, 3 minutes in all, from the first failure on.

        Example:
            >>> RetryConfig.storage().schedule()[:4]
            [0.1, 0.2, 0.4, 0.8]
        """
        return cls(**Config.preset("storage").fields())

    def schedule(self) -> list[float]:
        """The nominal delays of all retries, without jitter; of more than 100,000 the first ones.

        Example:
            >>> RetryConfig().schedule()
            [1.0, 2.0, 4.0]
        """
        return self._core.schedule()

    def calculate_delay(self, attempt: int) -> float:
        """A delay before retry ``attempt``, with jitter. Each call draws a new one.

        Args:
            attempt: The number of the retry, where 0 is the first.

        Raises:
            ValueError: If the number is negative.

        Example:
            >>> RetryConfig(jitter=False).calculate_delay(1)
            2.0
        """
        if isinstance(attempt, bool) or not isinstance(attempt, int):
            raise TypeError(f"attempt must be an int, not {type(attempt).__name__}")
        if attempt < 0:
            raise ValueError(f"attempt is {attempt}, but must be at least 0: the first retry is 0")
        return self._core.jittered_delay(min(attempt, _LAST_RETRY))

    def is_retryable(self, error: BaseException) -> bool:
        """Whether this exception is retried.

        Args:
            error: The exception.

        Example:
            >>> RetryConfig().is_retryable(TimeoutError()), RetryConfig().is_retryable(KeyError())
            (True, False)
        """
        verdict: Verdict = self._verdicts[error.__class__]
        if verdict == JUDGED:
            verdict = self._judge(error)
        return (verdict[0] if isinstance(verdict, tuple) else verdict) != PERMANENT

    @property
    def _has_default_exceptions(self) -> bool:
        """Whether ``retryable_exceptions`` was not given. The same types, if given, are meant to be
        the only ones.
        """
        return isinstance(self.retryable_exceptions, _Default)

    def __eq__(self, other: object) -> bool:
        """Compares the values: ``jitter=True`` and ``jitter=0.25`` are equal, and so are exception
        types that were not given and the same ones given.
        """
        if not isinstance(other, RetryConfig):
            return NotImplemented
        return (
            self._core == other._core
            and self.retryable_exceptions == other.retryable_exceptions
            and self.known_clients == other.known_clients
            and self.budget is other.budget
            and self.pacer is other.pacer
            and self.retry_if == other.retry_if
            and self.on_retry == other.on_retry
        )

    def __hash__(self) -> int:
        return hash((self.max_retries, self.base_delay, self.max_delay, self.retryable_exceptions))

    def __repr__(self) -> str:
        shown: list[str] = []
        for each in fields(self):
            value: object = getattr(self, each.name)
            if each.name == "retryable_exceptions":
                if self._has_default_exceptions:
                    continue
                names = ", ".join(cls.__qualname__ for cls in self.retryable_exceptions)
                comma = "," if len(self.retryable_exceptions) == 1 else ""
                shown.append(f"{each.name}=({names}{comma})")
            elif not each.kw_only or value != each.default:
                shown.append(f"{each.name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        if self._has_default_exceptions:
            del values["retryable_exceptions"]
        return _rebuild, (type(self), values)


def _exceptions(given: ExceptionTypes) -> tuple[type[BaseException], ...]:
    if isinstance(given, type):
        given = (given,)
    if isinstance(given, (list, set, frozenset)):
        given = tuple(given)
    if not isinstance(given, tuple):
        raise TypeError(
            "retryable_exceptions must be exception types such as (TimeoutError,), "
            f"not {type(given).__name__}"
        )
    for each in given:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            raise TypeError(f"retryable_exceptions has {each!r}, which is not an exception type")
    return given


def _check_fields(config: RetryConfig) -> None:
    """Raises for wrong types of the fields that are Python's own."""
    budget: object = config.budget
    if budget is not None and not isinstance(budget, RetryBudget):
        raise TypeError(f"budget must be a RetryBudget, not {type(budget).__name__}")
    pacer: object = config.pacer
    if pacer is not None and pacer is not False and not isinstance(pacer, Pacer):
        name = "True" if pacer is True else type(pacer).__name__
        raise TypeError(f"pacer must be a Pacer, not {name}")
    known: object = config.known_clients
    if not isinstance(known, bool):
        raise TypeError(f"known_clients must be a bool, not {type(known).__name__}")
    for name in ("retry_if", "on_retry"):
        func: object = getattr(config, name)
        if func is not None and not callable(func):
            raise TypeError(f"{name} must be a function, not {type(func).__name__}")
        # A callable object, such as one of a class with an `async def __call__`.
        call = getattr(type(func), "__call__", None)  # noqa: B004
        is_object = not inspect.isroutine(func)
        if inspect.iscoroutinefunction(func) or (is_object and inspect.iscoroutinefunction(call)):
            raise TypeError(f"{name} is a coroutine function, but must be a plain one")


def _rebuild(cls: type[RetryConfig], values: dict[str, Any]) -> "RetryConfig":
    return cls(**values)


# The largest retry number that the core counts.
_LAST_RETRY = 2**32 - 1

_DURATIONS = (
    "base_delay",
    "max_delay",
    "total_timeout",
    "attempt_timeout",
    "throttled_base_delay",
    "max_retry_after",
)
"""The fields that may be given as a ``timedelta``."""
