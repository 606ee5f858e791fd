"""``RetryConfig``: its fields, the values that it refuses, and its repr."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from undaunted import (
    Pacer,
    RetryBudget,
    RetryConfig,
    StorageConnectionError,
    StorageFileNotFoundError,
    StorageRateLimitError,
    StorageServiceUnavailableError,
    StorageTimeoutError,
)
from undaunted._rules import FIELDS
from undaunted._undaunted import Config


def test_the_defaults_are_those_of_the_retry_guide() -> None:
    config = RetryConfig()
    assert config.max_retries == 3
    assert config.base_delay == 1.0
    assert config.max_delay == 60.0
    assert config.exponential_base == 2.0
    assert config.jitter is True
    assert config.retryable_exceptions == (StorageConnectionError, TimeoutError, ConnectionError)
    assert config.schedule() == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_retries", -1),
        ("max_retries", 2**32),
        ("base_delay", -0.1),
        ("base_delay", float("nan")),
        ("base_delay", float("inf")),
        ("max_delay", -1),
        ("max_delay", float("nan")),
        ("max_delay", 10**400),
        ("exponential_base", 0.5),
        ("exponential_base", float("nan")),
        ("exponential_base", float("inf")),
        ("jitter", 1.5),
        ("jitter", -0.1),
        ("jitter", float("nan")),
        ("jitter", "some"),
        ("total_timeout", 0),
        ("total_timeout", -1),
        ("attempt_timeout", 0.0),
        ("attempt_timeout", float("nan")),
        ("throttled_base_delay", -1),
        ("max_retry_after", -1),
        ("max_retry_after", float("inf")),
    ],
)
def test_an_invalid_value_is_refused_by_name(field: str, value: object) -> None:
    make: Callable[..., RetryConfig] = RetryConfig
    with pytest.raises(ValueError, match=rf"^{field} is .*, but must be "):
        make(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_retries", 3.0),
        ("max_retries", True),
        ("max_retries", "3"),
        ("max_retries", None),
        ("base_delay", "1s"),
        ("base_delay", True),
        ("max_delay", None),
        ("jitter", None),
        ("jitter", []),
        ("budget", 500),
        ("pacer", True),
        ("retryable_exceptions", "TimeoutError"),
        ("retryable_exceptions", {TimeoutError: 1}),
        ("retry_if", True),
        ("on_retry", "print"),
    ],
)
def test_an_invalid_type_is_refused_by_name(field: str, value: object) -> None:
    make: Callable[..., RetryConfig] = RetryConfig
    with pytest.raises(TypeError, match=field):
        make(**{field: value})


def test_a_type_that_is_not_an_exception_is_refused() -> None:
    make: Callable[..., RetryConfig] = RetryConfig
    with pytest.raises(TypeError, match=r"retryable_exceptions has <class 'int'>"):
        make(retryable_exceptions=(TimeoutError, int))
    with pytest.raises(TypeError, match="is not an exception type"):
        make(retryable_exceptions=(TimeoutError("an instance"),))


def test_it_is_a_frozen_dataclass() -> None:
    config = RetryConfig(5, 0.5, 30.0, 3.0, False, (OSError,))
    assert dataclasses.is_dataclass(config)
    assert config.schedule() == [0.5, 1.5, 4.5, 13.5, 30.0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.max_retries = 1  # type: ignore[misc]
    more = dataclasses.replace(config, max_retries=6)
    assert more.max_retries == 6
    assert more.base_delay == 0.5


def test_the_schedule_of_an_endless_policy_ends() -> None:
    endless = RetryConfig(max_retries=2**32 - 1)
    assert endless.schedule()[:3] == [1.0, 2.0, 4.0]
    assert len(endless.schedule()) == 100_000
    assert len(RetryConfig(max_retries=5_000).schedule()) == 5_000


def test_equal_configs_are_equal() -> None:
    assert RetryConfig() == RetryConfig(3, 1, 60, 2)
    assert RetryConfig(jitter=True) == RetryConfig(jitter=0.25)
    assert RetryConfig(jitter=True) == RetryConfig(jitter="proportional")
    assert RetryConfig(jitter=False) == RetryConfig(jitter="none")
    # 1.0 == True in Python, but as jitter they mean ±100 % and ±25 %.
    assert RetryConfig(jitter=1.0) != RetryConfig(jitter=True)
    assert RetryConfig() != RetryConfig(max_retries=4)
    assert RetryConfig() != RetryConfig(retryable_exceptions=(OSError,))
    assert RetryConfig(budget=RetryBudget()) != RetryConfig(budget=RetryBudget())
    assert RetryConfig(pacer=Pacer()) != RetryConfig(pacer=Pacer())
    assert RetryConfig() != 3
    assert hash(RetryConfig()) == hash(RetryConfig(3, 1, 60, 2, jitter=0.25))


def test_its_repr_can_be_read_back() -> None:
    config = RetryConfig(
        max_retries=5, jitter="full", total_timeout=30, retryable_exceptions=(OSError,)
    )
    assert repr(config) == (
        "RetryConfig(max_retries=5, base_delay=1.0, max_delay=60.0, exponential_base=2.0, "
        "jitter='full', retryable_exceptions=(OSError,), total_timeout=30)"
    )
    assert eval(repr(config)) == config


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_it_can_be_copied_and_pickled(again: Callable[[RetryConfig], RetryConfig]) -> None:
    for config in (
        RetryConfig(),
        RetryConfig.storage(),
        RetryConfig(jitter=0.5, total_timeout=9.0),
    ):
        copied = again(config)
        assert copied == config
        assert copied.schedule() == config.schedule()
        assert copied.is_retryable(TimeoutError())


def test_a_copy_shares_the_budget_and_another_process_gets_its_own() -> None:
    config = RetryConfig(budget=RetryBudget(100, 2))
    assert copy.deepcopy(config).budget is config.budget
    sent = pickle.loads(pickle.dumps(config)).budget
    assert sent is not config.budget
    assert (sent.capacity, sent.refill, sent.tokens) == (100, 2, 100)


def test_a_delay_is_within_its_jitter() -> None:
    config = RetryConfig(max_retries=10)
    for attempt, nominal in enumerate([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]):
        drawn = [config.calculate_delay(attempt) for _ in range(200)]
        assert all(0.75 * nominal <= delay <= 1.25 * nominal for delay in drawn)
        assert len(set(drawn)) > 100
    assert [RetryConfig(jitter=False).calculate_delay(n) for n in range(8)] == [
        1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("jitter", "low", "high"),
    [("full", 0.0, 4.0), ("equal", 2.0, 4.0), ("decorrelated", 1.0, 27.0), (0.5, 2.0, 6.0)],
)
def test_the_kinds_of_jitter(jitter: Any, low: float, high: float) -> None:
    config = RetryConfig(jitter=jitter)
    drawn = [config.calculate_delay(2) for _ in range(500)]
    assert all(low <= delay <= high for delay in drawn)
    assert max(drawn) - min(drawn) > (high - low) / 2


def test_no_attempt_overflows() -> None:
    for jitter in (True, False, "full", "equal", "decorrelated"):
        config = RetryConfig(jitter=jitter, exponential_base=1e300)
        for attempt in (1024, 10_000, 2**32, 10**30):
            assert config.calculate_delay(attempt) <= 75.0


def test_an_attempt_is_an_integer_from_0() -> None:
    config = RetryConfig()
    with pytest.raises(ValueError, match="attempt is -1, but must be at least 0"):
        config.calculate_delay(-1)
    for attempt in (1.0, True, "1"):
        with pytest.raises(TypeError, match="attempt must be an int"):
            config.calculate_delay(attempt)  # type: ignore[arg-type]


def test_the_presets_are_the_cores() -> None:
    assert RetryConfig.interactive() == RetryConfig(1, 0.5, total_timeout=5)
    assert RetryConfig.background() == RetryConfig(10, 5)
    assert RetryConfig.storage() == RetryConfig(
        10, 0.1, 20, jitter="full", throttled_base_delay=1, total_timeout=180
    )


PRESETS: dict[str, Callable[[], RetryConfig]] = {
    "background": RetryConfig.background,
    "default": RetryConfig,
    "interactive": RetryConfig.interactive,
    "storage": RetryConfig.storage,
}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_every_field_of_the_cores(name: str) -> None:
    core = Config.preset(name)
    config = PRESETS[name]()
    # Compared in Rust, with all fields that the core has.
    assert config._core == core
    only_in_python = {
        *("retryable_exceptions", "budget", "pacer", "known_clients", "retry_if", "on_retry"),
        # No preset has rules.
        *FIELDS,
    }
    assert core.fields() == {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if field.init and field.name not in only_in_python
    }
    with pytest.raises(ValueError, match='no preset is named "fast"'):
        Config.preset("fast")


@pytest.mark.parametrize(
    "jitter", [True, False, "full", "equal", "decorrelated", "none", "proportional", 0.0, 0.5, 1.0]
)
@pytest.mark.parametrize("throttled_base_delay", [None, 0.0, 2.5])
def test_every_field_survives_the_way_through_rust(
    jitter: Any, throttled_base_delay: float | None
) -> None:
    config = RetryConfig(
        7,
        0.25,
        45.0,
        1.5,
        jitter,
        total_timeout=90.0,
        attempt_timeout=9.0,
        throttled_base_delay=throttled_base_delay,
        max_retry_after=12.0,
    )
    fields = config._core.fields()
    assert fields["throttled_base_delay"] == throttled_base_delay
    assert fields["max_retry_after"] == 12.0
    assert RetryConfig(**fields) == config


def test_what_is_retried_by_default() -> None:
    config = RetryConfig()
    for error in (
        StorageConnectionError("reset"),
        StorageRateLimitError("slow down"),
        StorageServiceUnavailableError("503"),
        StorageTimeoutError("slow"),
        TimeoutError(),
        ConnectionResetError(),
    ):
        assert config.is_retryable(error), error
    for error in (ValueError(), StorageFileNotFoundError("a"), PermissionError(), OSError()):
        assert not config.is_retryable(error), error
    everything = RetryConfig(retryable_exceptions=(BaseException,))
    assert everything.is_retryable(ValueError())
    for never in (KeyboardInterrupt(), SystemExit(), GeneratorExit()):
        assert not everything.is_retryable(never)


def test_the_budget_shows_its_tokens() -> None:
    budget = RetryBudget()
    assert (budget.tokens, budget.capacity, budget.refill) == (500, 500, 1)
    assert repr(RetryBudget(20, 0)) == "RetryBudget(capacity=20, refill=0)"
    for wrong in (-1, 65_536, 10**30):
        with pytest.raises(ValueError, match=f"capacity is {wrong}, but must be"):
            RetryBudget(wrong)
        with pytest.raises(ValueError, match=f"refill is {wrong}, but must be"):
            RetryBudget(refill=wrong)
    with pytest.raises(TypeError, match="capacity must be an int, not float"):
        RetryBudget(1.5)  # type: ignore[arg-type]
