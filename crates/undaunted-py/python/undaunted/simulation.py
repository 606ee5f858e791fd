"""The values of plans and simulations: what :func:`undaunted.plan` and :func:`undaunted.simulate`
return, piece by piece.

All times are in seconds, and all shares from 0 to 1.

>>> import undaunted
>>> from undaunted.simulation import PlannedRetry
>>> first: PlannedRetry = undaunted.plan().schedule[0]
>>> first.min, first.nominal, first.max
(0.75, 1.0, 1.25)
"""

# Annotations of these classes are evaluated here: elsewhere `typing.get_type_hints` would not find
# their names.

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from ._undaunted import RetryBudget

if TYPE_CHECKING:
    Column: TypeAlias = array[float]
else:
    # It takes no parameters before Python 3.12.
    Column = array

BudgetName: TypeAlias = Literal["none", "shipped", "aws", "grpc", "finagle", "envoy", "sre"]
"""Budgets by name: none, a :class:`~undaunted.RetryBudget` with its usual settings, and those of
other libraries to compare with."""

Budget: TypeAlias = RetryBudget | BudgetName | None
"""The allowance for retries that the calls of a process share."""

__all__ = [
    "Budget",
    "BudgetName",
    "BuiltinScenario",
    "Column",
    "ComparisonRow",
    "Crowd",
    "Endurance",
    "PlanUsage",
    "PlanWarning",
    "PlannedRetry",
    "Quantiles",
    "Spread",
    "Ticks",
    "Totals",
    "Wave",
]


@dataclass(frozen=True)
class PlanUsage:
    """How a policy is used: what a plan has to know beside it."""

    clients: int
    """Calls of a process that fail together."""
    payload: int
    """Bytes that a request sends."""
    caller_timeout: float | None
    """After how long the caller stops waiting."""
    person_waits: bool
    """Whether a person waits for the result."""
    other_retries: tuple[int, ...]
    """The retries of other layers, above or below: of an SDK, of a proxy, of a job."""
    attempt_takes: float
    """How long an attempt takes until it fails."""


@dataclass(frozen=True)
class PlannedRetry:
    """The delay before a retry."""

    retry: int
    """The number of the retry, from 1."""
    nominal: float
    """The delay without jitter."""
    min: float
    """The delay at least."""
    mean: float
    """The delay on average."""
    max: float
    """The delay at most."""
    earliest: float
    """When it begins at the earliest, after the beginning of the first attempt, if each attempt
    takes as long to fail as ``attempt_takes`` says."""
    latest: float
    """When it begins at the latest."""


@dataclass(frozen=True)
class Spread:
    """A distribution."""

    min: float
    """At least."""
    p05: float
    """One in 20 is below."""
    p50: float
    """Half are below."""
    p95: float
    """One in 20 is above."""
    max: float
    """At most."""
    mean: float
    """The mean."""


@dataclass(frozen=True)
class Endurance:
    """The longest outage that a call rides out: the time from its first attempt to the beginning of
    its last.
    """

    seconds: Spread
    """How long it is; it differs from call to call, as delays do."""
    by_share: tuple[float, ...] = field(repr=False)
    """The longest outages that 100 %, 95 %, 90 % and so on of the calls ride out."""
    attempts: float
    """Attempts of a call until it fails, on average."""
    ended_by_deadline: float
    """The share of calls that ``total_timeout`` ends before their retries are used up."""
    is_open: bool
    """Whether more retries are left than were looked at: it rides out longer outages than these."""


@dataclass(frozen=True)
class Wave:
    """When retries of the same number come, after calls that failed together."""

    retry: int
    """The number of the retry, from 1."""
    since: float
    """The earliest."""
    until: float
    """The latest."""
    pause: float
    """The time until the next wave in which nobody comes; 0 where they overlap."""


@dataclass(frozen=True)
class Crowd:
    """How clients that fail together come back."""

    clients: int
    """How many they are."""
    peak: float
    """The most of their retries that fall within 10 ms, if all are in one process with its
    budget."""
    waves: tuple[Wave, ...] = field(repr=False)
    """Their retries, as waves in time."""
    merges_from: int | None
    """The wave from which on waves overlap, so that the service has no pauses; None: never."""


@dataclass(frozen=True)
class PlanWarning:
    """Something about a policy that will hurt its callers or the service."""

    kind: str
    """What it is in a word, such as ``"no_timeout"`` or ``"waves"``."""
    text: str
    """What it is and what to do, in sentences."""
    figures: dict[str, float] = field(default_factory=dict[str, float], hash=False)
    """The figures in the text, by name."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class ComparisonRow:
    """One quantity of two policies."""

    what: str
    """What it is."""
    left: str
    """What it is for the first of them."""
    right: str
    """What it is for the second."""


@dataclass(frozen=True)
class Totals:
    """Counts of calls and requests."""

    calls: int
    """Calls that began."""
    succeeded: int
    """Calls that succeeded."""
    lost: int
    """Calls that failed."""
    lost_to_budget: int
    """Of these, those that the budget allowed no further retry."""
    lost_to_deadline: int
    """Of these, those that ``total_timeout`` left no time."""
    overdue: int
    """Calls that had no result when the time was over, and should have had one: those that wait for
    a response that never comes, and those beyond what is usually under way. They count as lost."""
    requests: int
    """Requests, hedges among them."""
    throttled: int
    """Requests that were throttled."""
    failed: int
    """Requests that failed in another way."""
    timed_out: int
    """Requests that the client stopped waiting for."""
    hedges: int
    """Second requests because the first took long."""
    not_sent: int
    """First attempts that the client's own throttle did not send."""
    retries: int
    """Retries that began."""

    @property
    def amplification(self) -> float:
        """Requests for each call."""
        return self.requests / max(self.calls, 1)

    @property
    def lost_share(self) -> float:
        """The share of calls that failed or should have had a result when the time was over. Those
        that are still under way, as usual, do not count."""
        lost = self.lost + self.overdue
        return lost / max(self.succeeded + lost, 1)

    @property
    def unfinished(self) -> int:
        """Calls that had no result when the time was over."""
        return max(self.calls - self.succeeded - self.lost, 0)


@dataclass(frozen=True)
class Quantiles:
    """How long calls took that succeeded, retries and delays included. Infinite if none did."""

    mean: float
    """The mean."""
    p50: float
    """Half were shorter."""
    p95: float
    """95 % were shorter."""
    p99: float
    """99 % were shorter."""
    p999: float
    """99.9 % were shorter."""
    max: float
    """The longest."""


class Ticks(TypedDict):
    """Everything on one time axis, as columns of numbers: arrays that NumPy, pandas and Matplotlib
    take as they are: ``numpy.asarray(ticks["requests"])``, ``pandas.DataFrame(ticks)``.
    """

    at: Column
    """The time at the end of the step."""
    calls: Column
    """Calls that began: the offered load."""
    requests: Column
    """Requests that were sent."""
    succeeded: Column
    """Calls that succeeded: the goodput."""
    lost: Column
    """Calls that failed."""
    throttled: Column
    """Requests that were throttled."""
    queue: Column
    """Seconds of work in the service's queue."""
    tokens: Column
    """Tokens in a process's budget, on average; no number (NaN) without one."""
    pace: Column
    """Requests a second that the pacers allow together; no number while they do not limit them."""


@dataclass(frozen=True)
class BuiltinScenario:
    """A scenario that comes with the package."""

    name: str
    """Its name, as :func:`undaunted.simulate` takes it."""
    summary: str
    """What happens in it, in a sentence."""
    text: str = field(repr=False)
    """The scenario as TOML, to be copied and changed."""
