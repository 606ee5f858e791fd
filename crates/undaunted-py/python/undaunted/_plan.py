"""``plan``: what a policy does, before it ships."""

# pyright: reportPrivateUsage=false
# Annotations of the fields are evaluated here: elsewhere `typing.get_type_hints` would not find
# their names.

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import EllipsisType
from typing import TYPE_CHECKING, Any

from ._config import RetryConfig
from ._page import Shown
from ._undaunted import Config, Planned, Policy
from .simulation import (
    Budget,
    ComparisonRow,
    Crowd,
    Endurance,
    PlannedRetry,
    PlanUsage,
    PlanWarning,
    Spread,
    Wave,
)

if TYPE_CHECKING:
    from ._undaunted import Page


@dataclass(frozen=True)
class Plan(Shown):
    """What a policy does, before it ships: the result of :func:`plan`.

    As text it is a few sentences, warnings and a table; in a notebook it is a page with plots.

    Example:
        >>> import undaunted
        >>> print(undaunted.plan().sentences[0])
        It rides out an outage of 7.01 s in the median, 5.25 s at least and 8.75 s at most.
    """

    policy: str
    """The name of the policy."""
    config: RetryConfig = field(repr=False)
    """How often and how patiently it retries."""
    budget: Budget
    """The allowance for retries that the calls of a process share."""
    store: bool
    """Whether it is the policy of a storage, and not of a function."""
    usage: PlanUsage = field(repr=False)
    """How it is used."""
    sentences: tuple[str, ...]
    """What it rides out, what it costs at worst, and how a crowd comes back, in words."""
    retries: int
    """Retries that a call may make at most: those that ``total_timeout`` leaves time for."""
    schedule: tuple[PlannedRetry, ...] = field(repr=False)
    """The delays of these, in order; at most 1,000 of them."""
    outage: Endurance
    """The outage that it rides out."""
    throttling: Endurance | None = field(repr=False)
    """The throttling that it rides out, if that differs."""
    requests_at_worst: float
    """Requests for a call at worst, other layers included."""
    bytes_resent_at_worst: float
    """Bytes that are sent again at worst."""
    vulnerable_above: float | None
    """The load above which a service that was overloaded once may stay so; None with a budget."""
    crowd: Crowd
    """How clients that fail together come back."""
    warnings: tuple[PlanWarning, ...]
    """What will hurt."""

    def compare(self, other: "Plan | RetryConfig") -> "PlanComparison":
        """This plan beside that of another policy, which is used in the same way.

        The other's base delay is changed so that both policies wait equally long on average: then
        what differs is how they wait. Where none makes that so, it is compared as it is.

        Args:
            other: The other plan, or the configuration of one.

        Example:
            >>> import undaunted
            >>> full = undaunted.RetryConfig(jitter="full")
            >>> comparison = undaunted.plan().compare(full)
            >>> comparison.plans[1].config.base_delay
            2.0
        """
        if isinstance(other, RetryConfig):
            other = _planned(other, name_of(other), other.budget, False, self.usage)
        this = self._planned()
        base = this.base_delay_of_equal(other._policy())
        scaled = other
        if base != other.config.base_delay:
            config = replace(other.config, base_delay=base)
            scaled = _planned(config, other.policy, other.budget, other.store, self.usage)
        elif other.usage != self.usage:
            scaled = _planned(other.config, other.policy, other.budget, other.store, self.usage)
        rows = this.compare(scaled._planned())
        return PlanComparison(
            plans=(self, scaled),
            rows=tuple(ComparisonRow(*row) for row in rows),
            is_scaled=scaled.config.base_delay != other.config.base_delay,
        )

    def to_dict(self) -> dict[str, Any]:
        """The plan as numbers and texts, for JSON: what ``undaunted plan --json`` prints.

        Example:
            >>> import undaunted
            >>> undaunted.plan().to_dict()["plan"]["requests_at_worst"]
            4.0
        """
        document: dict[str, Any] = json.loads(self._planned().document())
        return document

    def _policy(self) -> Policy:
        return policy_of(self.config, self.policy, self.budget, self.store)

    def _planned(self) -> Planned:
        return _core(self._policy(), self.usage)

    def _page(self) -> "Page":
        return self._planned().page()

    def __str__(self) -> str:
        return f"{self.policy}: {self.config._core}\n{super().__str__()}"


@dataclass(frozen=True)
class PlanComparison(Shown):
    """Two plans beside each other: the result of :meth:`Plan.compare`.

    Example:
        >>> import undaunted
        >>> comparison = undaunted.plan().compare(undaunted.RetryConfig.storage())
        >>> comparison.rows[4]
        ComparisonRow(what='requests at worst', left='4', right='11')
    """

    plans: tuple[Plan, Plan]
    """The plans. The second has the delays with which it was compared."""
    rows: tuple[ComparisonRow, ...]
    """What differs, as texts."""
    is_scaled: bool
    """Whether the base delay of the second was changed, so that both wait equally long on
    average."""

    def _page(self) -> "Page":
        left, right = self.plans
        return left._planned().page(right._planned())


def plan(
    config: RetryConfig | None = None,
    *,
    clients: int = 1000,
    payload: int = 1_000_000,
    caller_timeout: float | timedelta | None = None,
    person_waits: bool = False,
    other_retries: int | Iterable[int] = (),
    attempt_takes: float | timedelta = 0.0,
    budget: Budget | EllipsisType = ...,
    store: bool = False,
    name: str | None = None,
) -> Plan:
    """Says what a policy does, before it ships: how long an outage it rides out, what it costs the
    service at worst, how clients that fail together come back, and what of it will hurt.

    Nothing is sent anywhere. The figures are found by running the retry code itself, thousands of
    times.

    Args:
        config: How often and how patiently to retry; that of ``@retry()`` if it is left out.
        clients: Calls of a process that fail together.
        payload: Bytes that a request sends.
        caller_timeout: After how long the caller stops waiting.
        person_waits: Whether a person waits for the result.
        other_retries: How often other layers retry, above or below: an SDK, a proxy, a job.
        attempt_takes: How long an attempt takes until it fails.
        budget: The allowance for retries that the calls share: a :class:`RetryBudget`, its name, or
            that of another library's; None for no limit. That of the configuration if it is left
            out; a storage has one anyway.
        store: Whether it is the policy of a storage, which has a budget and a pacer of its own, and
            whose ``total_timeout`` counts from a failure.
        name: The name of the policy in texts; that of the preset if it is left out.

    Raises:
        TypeError: If a value has a wrong type; the message names it.
        ValueError: If a value is out of range; the message names it.

    Example:
        >>> import undaunted
        >>> made = undaunted.plan(person_waits=True, caller_timeout=5, other_retries=3)
        >>> made.requests_at_worst, [warning.kind for warning in made.warnings][:2]
        (16.0, ['nested_layers', 'no_total_timeout'])
    """
    config = RetryConfig() if config is None else config
    if not isinstance(config, RetryConfig):
        raise TypeError(f"config must be a RetryConfig, not {type(config).__name__}")
    if isinstance(budget, EllipsisType):
        budget = "shipped" if store and config.budget is None else config.budget
    others = (other_retries,) if isinstance(other_retries, int) else tuple(other_retries)
    usage = PlanUsage(
        clients=clients,
        payload=payload,
        caller_timeout=_seconds(caller_timeout),
        person_waits=bool(person_waits),
        other_retries=others,
        attempt_takes=_seconds(attempt_takes) or 0.0,
    )
    return _planned(config, name or name_of(config), budget, bool(store), usage)


def _planned(config: RetryConfig, name: str, budget: Budget, store: bool, usage: PlanUsage) -> Plan:
    planned = _core(policy_of(config, name, budget, store), usage)
    document: dict[str, Any] = json.loads(planned.document())
    found: dict[str, Any] = document["plan"]
    throttling = found["throttling"]
    return Plan(
        policy=name,
        config=config,
        budget=budget,
        store=store,
        usage=usage,
        sentences=tuple(document["sentences"]),
        retries=found["retries"],
        schedule=tuple(PlannedRetry(**row) for row in found["schedule"]),
        outage=_endurance(found["outage"]),
        throttling=throttling and _endurance(throttling),
        requests_at_worst=found["requests_at_worst"],
        bytes_resent_at_worst=found["bytes_resent_at_worst"],
        vulnerable_above=found["vulnerable_above"],
        crowd=_crowd(found["crowd"]),
        warnings=tuple(map(_warning, found["warnings"], document["warnings"])),
    )


def policy_of(config: RetryConfig, name: str, budget: Budget, store: bool) -> Policy:
    """The policy as the extension takes it."""
    has_pacer = config.pacer is not False if store else config._pacer is not None
    return Policy(name, config._core, budget, has_pacer, store)


def _core(policy: Policy, used: PlanUsage) -> Planned:
    return Planned(
        policy,
        used.clients,
        used.payload,
        used.caller_timeout,
        used.person_waits,
        list(used.other_retries),
        used.attempt_takes,
    )


def _endurance(found: dict[str, Any]) -> Endurance:
    spread = Spread(**found.pop("seconds"))
    return Endurance(seconds=spread, by_share=tuple(found.pop("by_share")), **found)


def _crowd(found: dict[str, Any]) -> Crowd:
    waves = tuple(Wave(since=wave.pop("from"), **wave) for wave in found.pop("waves"))
    return Crowd(waves=waves, **found)


def _warning(found: dict[str, Any], text: str) -> PlanWarning:
    return PlanWarning(found.pop("kind"), text, found)


def name_of(config: RetryConfig, other: str = "policy") -> str:
    """The name of the preset, or else another."""
    presets = ("default", "interactive", "background", "storage")
    names = (name for name in presets if Config.preset(name) == config._core)
    return next(names, other)


def _seconds(value: float | timedelta | None) -> float | None:
    return value.total_seconds() if isinstance(value, timedelta) else value
