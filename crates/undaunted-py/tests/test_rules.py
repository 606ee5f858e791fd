"""Rules of the user's own: what a status, a code or a text means, for functions and storages."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
from typing import Any

import pytest

from fake_s3 import FakeS3, Response
from test_verdicts import caused, client_class, client_error
from undaunted import (
    RetryConfig,
    RetryEvent,
    StorageError,
    StorageFileNotFoundError,
    StoragePermissionError,
    blocking,
    retry,
)
from undaunted.fsspec import S3FileSystem

RULES: dict[str, Any] = {
    "retryable_status": [423, range(520, 528)],
    "retryable_codes": "LockHeld, WarmingUp",
    "throttled_status": "420",
    "permanent_status": 507,
    "permanent_codes": ["QuotaExceeded"],
    "retryable_text": ["warming up, try later"],
}


def http_error(status: int) -> Exception:
    """An error as httpx raises it."""
    error: Exception = client_class("httpx", "HTTPStatusError")("failed")
    response = type("Response", (), {"status_code": status, "headers": {"retry-after": "7"}})()
    error.response = response  # type: ignore[attr-defined]
    return error


def calls_of(config: RetryConfig, error: BaseException) -> int:
    """How often a function that raises this is called."""
    calls: list[None] = []

    @retry(config)
    def fetch() -> None:
        calls.append(None)
        raise error

    with pytest.raises(type(error)):
        fetch()
    return len(calls)


CASES = [
    (client_error(423), "retryable_status 423"),
    (client_error(524), "retryable_status 520-527"),
    (http_error(423), "retryable_status 423"),
    (http_error(420), "throttled_status 420"),
    (client_error(409, "LockHeld"), "retryable_codes LockHeld"),
    (client_error(400, "warmingup"), "retryable_codes WarmingUp"),
    (caused(ValueError("not stored"), client_error(423)), "retryable_status 423"),
    (KeyError("the index is Warming up, try later"), 'retryable_text "warming up, try later"'),
]


@pytest.mark.parametrize(("error", "rule"), CASES, ids=[str(rule) for _, rule in CASES])
def test_a_rule_makes_failures_retryable(
    error: BaseException, rule: str, waits: list[float]
) -> None:
    told: list[RetryEvent] = []
    # 524 is retried anyway.
    assert calls_of(RetryConfig(2), error) == (3 if "520" in rule else 1)
    assert calls_of(RetryConfig(2, on_retry=told.append, **RULES), error) == 3
    assert [event.rule for event in told] == [rule, rule]
    assert told[0].is_throttled == rule.startswith("throttled")


def test_a_permanent_rule_comes_before_all_that_is_known(
    waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    config = RetryConfig(2, **RULES)
    for error in (client_error(507), client_error(503, "QuotaExceeded")):
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "undaunted.retry"):
            assert calls_of(config, error) == 1
        (record,) = caplog.records
        assert record.levelno == logging.DEBUG
        rule = vars(record)["undaunted"]["rule"]
        assert rule in ("permanent_status 507", "permanent_codes QuotaExceeded")
        (note,) = error.__notes__
        assert note == (
            f"undaunted: 1 attempt; the last failure is not retryable (by the rule {rule})"
        )
    # Those of which the rules say nothing mean what they mean without them.
    assert calls_of(config, client_error(503)) == 3
    assert calls_of(config, client_error(403)) == 1
    assert calls_of(config, TimeoutError()) == 3
    assert calls_of(config, ValueError()) == 1


def test_types_and_functions_beside_rules(waits: list[float]) -> None:
    only = RetryConfig(2, retryable_exceptions=(KeyError,), **RULES)
    assert calls_of(only, client_error(423)) == 3
    assert calls_of(only, client_error(503)) == 1
    assert calls_of(only, KeyError()) == 3
    # A function is asked first, as the most specific rule.
    refusing = RetryConfig(2, retry_if=lambda error: None if error.args else False, **RULES)
    assert calls_of(refusing, client_error(423)) == 3
    silent = client_error(423)
    silent.args = ()
    assert calls_of(refusing, silent) == 1
    assert refusing.is_retryable(client_error(423))
    assert not refusing.is_retryable(client_error(507))
    for never in (asyncio.CancelledError("warming up, try later"), KeyboardInterrupt()):
        assert not RetryConfig(**RULES).is_retryable(never)


def test_the_hint_of_the_service_is_obeyed(waits: list[float]) -> None:
    calls_of(RetryConfig(1, jitter=False, **RULES), http_error(423))
    # It is never cut short; a part of it is added, so that not all come back at the same time.
    assert waits[0] >= 7


def test_a_wait_and_its_rule_are_in_the_log(
    waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    config = RetryConfig(1, jitter=False, **RULES)
    calls_of(config, client_error(423))
    warning, error = caplog.records
    assert warning.getMessage() == (
        "Retry attempt 1/1 for fetch after 1.00s (by the rule retryable_status 423): "
        "An error occurred"
    )
    assert vars(warning)["undaunted"]["rule"] == "retryable_status 423"
    assert vars(error)["undaunted"]["rule"] == "retryable_status 423"


BAD = [
    ("retryable_status", 200, 'retryable_status is "200", but must be a status from 300 to 599'),
    ("retryable_status", [404], "states a fact"),
    ("retryable_status", "soon", "such as 520-527"),
    ("retryable_status", 70_000, "retryable_status is 70000, but must be a status"),
    ("throttled_status", 412, "name its own code in throttled_codes"),
    ("retryable_codes", ["NoSuchKey"], "states a fact"),
    ("permanent_text", " ", 'permanent_text is " ", but must be a part of an error\'s text'),
]


@pytest.mark.parametrize(("field", "value", "words"), BAD)
def test_a_rule_that_cannot_hold_is_refused(field: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        RetryConfig(**{field: value})
    assert str(caught.value).startswith(f"{field} is ")
    assert words in str(caught.value)


@pytest.mark.parametrize("value", [4.23, True, [True], [None], b"423", None])
def test_values_of_other_types_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="retryable_status"):
        RetryConfig(retryable_status=value)


def test_rules_are_values() -> None:
    config = RetryConfig(**RULES)
    assert config.retryable_status == (423, "520-527")
    assert config.retryable_codes == ("LockHeld", "WarmingUp")
    assert config == RetryConfig(**{**RULES, "retryable_status": "423,520-527"})
    assert config != RetryConfig()
    assert hash(config) == hash(RetryConfig(**RULES))
    assert "permanent_status=(507,)" in repr(config)
    assert "retryable" not in repr(RetryConfig())
    for other in (pickle.loads(pickle.dumps(config)), copy.deepcopy(config), eval(repr(config))):
        assert other == config
        assert other.is_retryable(client_error(423))


def test_storages_obey_rules(s3: FakeS3, caplog: pytest.LogCaptureFixture) -> None:
    told: list[RetryEvent] = []
    config = RetryConfig(2, 0, on_retry=told.append, **RULES)
    with blocking.Storage.open("s3://bucket/root", s3.options(), retry=config) as storage:
        s3.responses.extend([Response(423), Response(400, "LockHeld")])
        storage.put("a", b"hello")
        s3.responses.append(Response(507))
        with pytest.raises(StorageError) as caught:
            storage.put("a", b"hello")
        s3.responses.extend([Response(423)] * 3)
        with pytest.raises(StorageError) as exhausted:
            storage.put("a", b"hello")
    assert [event.rule for event in told] == [
        "retryable_status 423",
        "retryable_codes LockHeld",
        "retryable_status 423",
        "retryable_status 423",
    ]
    assert caught.value.report is not None
    assert caught.value.report.rules == ("permanent_status 507",)
    assert exhausted.value.report is not None
    assert exhausted.value.report.rules == ("retryable_status 423",) * 3
    (note,) = caught.value.__notes__
    assert note.endswith("(by the rule permanent_status 507)")
    first = caplog.records[0]
    assert "(by the rule retryable_status 423)" in first.getMessage()
    assert vars(first)["undaunted"]["rule"] == "retryable_status 423"


def test_a_fact_of_a_storage_stays_one(s3: FakeS3) -> None:
    config = RetryConfig(2, 0, retryable_status="400-499", retryable_text="e")
    with blocking.Storage.open("s3://bucket/root", s3.options(), retry=config) as storage:
        with pytest.raises(StorageFileNotFoundError):
            storage.get_bytes("missing")
        assert len(s3.requests) == 1
        s3.responses.extend([Response(403, "AccessDenied")] * 3)
        with pytest.raises(StoragePermissionError):
            storage.put("a", b"hello")
        assert len(s3.requests) == 4


def test_rules_of_a_file_system(s3: FakeS3) -> None:
    files = S3FileSystem(**s3.options(), retry={"max_retries": 1, "base_delay": 0, **RULES})
    s3.responses.append(Response(423))
    files.pipe("bucket/a", b"hello")
    assert len(s3.requests) == 2
    other = S3FileSystem(**s3.options(), retry={"max_retries": 1, "base_delay": 0})
    assert other != files
