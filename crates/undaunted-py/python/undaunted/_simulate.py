"""``simulate``: many clients and a service in virtual time, and what retry policies do to both."""

# pyright: reportPrivateUsage=false
# Annotations of the fields are evaluated here: elsewhere `typing.get_type_hints` would not find
# their names.

import dataclasses
import json
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ._page import Shown
from ._scenario import PoliciesLike, ScenarioLike, read, scenarios
from ._scenario import policies as policies_of
from ._undaunted import Scenario, tick_columns
from .simulation import Column, Quantiles, Ticks, Totals

if TYPE_CHECKING:
    from ._undaunted import Page


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a policy did in a scenario.

    Example:
        >>> import undaunted
        >>> outcome = undaunted.simulate("outage")["default"]
        >>> outcome.totals.calls, len(outcome.ticks["at"])
        (18021, 180)
    """

    policy: str
    """The name of the policy."""
    totals: Totals
    """The sums over the whole time."""
    latency: Quantiles
    """How long calls took that succeeded, retries and delays included. Infinite if none did."""
    ticks: Ticks = field(repr=False)
    """What happened when, as columns: ``pandas.DataFrame(outcome.ticks)`` is a table of it."""
    step: float
    """Seconds of a tick."""
    seconds: float
    """Seconds that were looked at."""
    recovery: float | None
    """Seconds from the end of the last fault until the rate of successes is back at 95 % of that
    before the first, or of the calls that begin if those are fewer, and stays there for 5 s. None:
    not in this time, or there was no fault."""
    had_fault: bool
    """Whether there was a fault that it could recover from."""

    @property
    def amplification(self) -> float:
        """Requests for each call."""
        return self.totals.amplification

    @property
    def lost_share(self) -> float:
        """The share of calls that failed or should have had a result when the time was over."""
        return self.totals.lost_share

    @property
    def peak_requests(self) -> float:
        """The most requests in one step, as a rate a second."""
        return max(self.ticks["requests"], default=0.0) / self.step

    def to_dict(self) -> dict[str, Any]:
        """The outcome as numbers, lists and texts, for JSON. What is no number is None.

        Example:
            >>> import json, undaunted
            >>> outcome = undaunted.simulate("outage")["default"]
            >>> text = json.dumps(outcome.to_dict())
        """
        columns: dict[str, list[float | None]] = {
            name: [None if math.isnan(value) else value for value in column]
            for name, column in _columns(self.ticks).items()
        }
        return {
            **self._head(),
            "ticks": columns,
            "amplification": self.amplification,
            "lost_share": self.lost_share,
            "unfinished": self.totals.unfinished,
            "peak_requests": self.peak_requests,
        }

    def _head(self) -> dict[str, Any]:
        """What is said once."""
        return {
            "policy": self.policy,
            "totals": dataclasses.asdict(self.totals),
            "latency": {
                name: value if math.isfinite(value) else None
                for name, value in dataclasses.asdict(self.latency).items()
            },
            "step": self.step,
            "seconds": self.seconds,
            "recovery": self.recovery,
            "had_fault": self.had_fault,
        }

    def _core(self) -> tuple[str, list[bytes]]:
        """As the extension takes it."""
        columns = [column.tobytes() for column in _columns(self.ticks).values()]
        return json.dumps(self._head()), columns

    def __eq__(self, other: object) -> bool:
        """Compares columns by their bytes: what is no number equals itself."""
        if not isinstance(other, Outcome):
            return NotImplemented
        return self._core() == other._core()

    def __hash__(self) -> int:
        return hash((self.policy, self.totals, self.latency))


@dataclass(frozen=True)
class Simulation(Shown):
    """What several policies did in the same scenario: the result of :func:`simulate`.

    As text it is a few sentences and a table; in a notebook it is a page with plots.
    ``simulation["default"]`` is the outcome of the policy of this name.

    Example:
        >>> import undaunted
        >>> simulation = undaunted.simulate("outage", ["default", "storage"])
        >>> simulation["default"].totals.lost > 10 * simulation["storage"].totals.lost
        True
    """

    name: str
    """The name of the scenario."""
    scenario: str = field(repr=False)
    """The scenario as TOML."""
    seed: int
    """The seed that everything random came from."""
    duration: float
    """For how many seconds the clients and the service were looked at."""
    outcomes: tuple[Outcome, ...]
    """What each policy did, in the order in which they were given."""

    def __getitem__(self, policy: str) -> Outcome:
        for outcome in self.outcomes:
            if outcome.policy == policy:
                return outcome
        names = ", ".join(repr(outcome.policy) for outcome in self.outcomes)
        raise KeyError(f"no policy is named {policy!r}: there are {names}")

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self.outcomes)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The scenario, and what each policy did, in words."""
        return tuple(self._page().sentences())

    def check(self, *conditions: str) -> list[str]:
        """Which of the conditions are true of which policy, with the figures. It makes a simulation
        a test: ``assert not simulation.check("lost > 0.1%", "p99 > 2s")``.

        The quantities are ``lost`` (the share of calls, from 0 to 1 or in percent; those that
        should have had a result at the end count), ``amplification`` (requests for each call),
        ``recovery`` (the time after the last fault; without a fault nothing is true of it),
        ``p50``, ``p95``, ``p99``, ``p999`` and ``max`` (how long calls take that succeed; infinite
        if none does), ``peak`` (the most requests a second) and ``queue`` (the time to work it
        off).

        Args:
            conditions: The conditions, such as ``"lost > 0.1%"``.

        Raises:
            ValueError: If a text is no condition; it says why.

        Example:
            >>> import undaunted
            >>> undaunted.simulate("outage", "storage").check("amplification > 1000", "lost >= 0%")
            ['storage: lost is 0.155 % (>= 0 %)']
        """
        return self._core().check([outcome._core() for outcome in self.outcomes], list(conditions))

    def to_dict(self) -> dict[str, Any]:
        """The simulation as numbers, lists and texts, for JSON.

        Example:
            >>> import undaunted
            >>> undaunted.simulate("outage", "default").to_dict()["seed"]
            1
        """
        return {
            "scenario": self.name,
            "seed": self.seed,
            "duration": self.duration,
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
        }

    def _core(self) -> Scenario:
        return Scenario(self.scenario, self.seed, self.duration)

    def _page(self) -> "Page":
        titles = {builtin.text: builtin.summary for builtin in scenarios()}
        title = titles.get(self.scenario, "A simulation of retry policies").removesuffix(".")
        return self._core().page(title, [outcome._core() for outcome in self.outcomes])


def simulate(
    scenario: ScenarioLike,
    policies: PoliciesLike | None = None,
    *,
    seed: int | None = None,
    duration: float | timedelta | None = None,
) -> Simulation:
    """Runs clients and a service in virtual time, on the retry code itself, and says what each
    policy does to both. The same scenario, policies and seed give the same result, always.

    Other threads run meanwhile, and Ctrl-C stops it.

    Args:
        scenario: The name of a built-in scenario (see :func:`scenarios`), TOML as text, a
            ``pathlib.Path`` of a TOML file, or a dict of the same form. ``undaunted simulate
            --help`` has all fields.
        policies: The policies: configurations, names of the scenario's policies or of presets
            (``"storage"`` is a storage, with budget and pacer), or dicts of the fields of a
            ``[[policy]]``, such as ``{"preset": "storage", "store": True}``. One or several; a dict
            gives them names. Those of the scenario if it is left out.
        seed: The seed that everything random comes from, in place of the scenario's.
        duration: For how long to look, in place of the scenario's duration.

    Raises:
        OSError: If the file cannot be read.
        TypeError: If a value has a wrong type.
        ValueError: If a value is wrong; the message names the line and the field.

    Example:
        >>> import undaunted
        >>> ours = undaunted.RetryConfig(max_retries=5, budget=undaunted.RetryBudget())
        >>> simulation = undaunted.simulate("overload", {"ours": ours, "none": {"max_retries": 0}})
        >>> [outcome.policy for outcome in simulation.outcomes]
        ['ours', 'none']
    """
    name, text = read(scenario)
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    core = Scenario(text, seed, seconds)
    outcomes = core.run(policies_of(core, policies))
    return Simulation(
        name=name,
        scenario=text,
        seed=core.seed,
        duration=core.duration,
        outcomes=tuple(_outcome(json.loads(head), columns) for head, columns in outcomes),
    )


def _outcome(head: dict[str, Any], columns: Sequence[bytes]) -> Outcome:
    arrays: dict[str, Column] = {}
    for name, numbers in zip(_NAMES, columns, strict=True):
        arrays[name] = array("d")
        arrays[name].frombytes(numbers)
    del head["ticks"]
    return Outcome(
        totals=Totals(**head.pop("totals")),
        latency=Quantiles(
            **{
                name: math.inf if value is None else value
                for name, value in head.pop("latency").items()
            }
        ),
        ticks=Ticks(**arrays),  # type: ignore[typeddict-item]
        **head,
    )


def _columns(ticks: Ticks) -> dict[str, Column]:
    """The columns in their order, as arrays of floats whatever a user has put there."""
    return {name: array("d", ticks[name]) for name in _NAMES}  # type: ignore[literal-required]


_NAMES: list[str] = tick_columns()
