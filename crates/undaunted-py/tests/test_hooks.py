"""Hooks: ``on_retry`` of a configuration, and the libraries that ``instrument`` tells."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

import undaunted
from fake_s3 import FakeS3, Response
from undaunted import (
    RetryableStorage,
    RetryConfig,
    RetryEvent,
    StorageError,
    StorageRateLimitError,
    attempts,
    blocking,
    instrument,
    retry,
    testing,
    with_retry,
)
from waiting import wait_for


def flaky(*failures: Exception) -> Callable[[], str]:
    outcomes = list(failures)

    def fetch() -> str:
        if outcomes:
            raise outcomes.pop(0)
        return "done"

    return fetch


FAILURES = (ConnectionResetError("reset"), StorageRateLimitError("slow down"))


def test_each_retry_is_told(waits: list[float]) -> None:
    told: list[RetryEvent] = []
    config = RetryConfig(jitter=False, on_retry=told.append)
    first, second = (
        RetryEvent("fetch", "retrying", 1, 3, 1.0, error=FAILURES[0], text="reset"),
        RetryEvent(
            "fetch", "retrying", 2, 3, 2.0, error=FAILURES[1], text="slow down", is_throttled=True
        ),
    )
    fetch = flaky(*FAILURES)

    async def call() -> str:
        return fetch()

    assert asyncio.run(with_retry(call, config, name="fetch")) == "done"
    assert told == [first, second]
    told.clear()
    assert retry(config)(flaky(*FAILURES))() == "done"
    assert told == [first, second]
    told.clear()
    assert blocking.with_retry(flaky(*FAILURES), config) == "done"
    assert told == [first, second]
    told.clear()
    fetch = flaky(*FAILURES)
    for attempt in attempts(config, name="fetch"):
        with attempt:
            fetch()
    assert told == [first, second]
    told.clear()
    # The last failure is raised: nothing follows it.
    with pytest.raises(ConnectionResetError):
        retry(RetryConfig(max_retries=0, on_retry=told.append))(flaky(*FAILURES))()
    assert told == []


def test_a_wrapped_storage_has_one_name_for_all_keys(
    waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    told: list[RetryEvent] = []
    faulty = testing.FaultyStorage([ConnectionResetError("reset"), None] * 2)
    storage = RetryableStorage(faulty, RetryConfig(on_retry=told.append))

    async def use() -> None:
        await storage.put("users/jane", b"data")
        assert [file.key async for file in storage.list()] == ["users/jane"]

    asyncio.run(use())
    assert [(event.operation, event.key) for event in told] == [
        ("put", "users/jane"),
        ("list", None),
    ]
    assert caplog.records[0].getMessage().startswith("Retry attempt 1/3 for put users/jane after")


def test_a_hook_that_raises_breaks_nothing(
    waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: RetryEvent) -> None:
        raise RuntimeError("the hook broke")

    assert retry(RetryConfig(on_retry=broken))(flaky(*FAILURES))() == "done"
    told = [record for record in caplog.records if record.exc_info]
    assert len(told) == 2
    assert "broken" in told[0].getMessage()


def test_a_hook_is_a_plain_function() -> None:
    async def hook(event: RetryEvent) -> None:
        return None

    with pytest.raises(
        TypeError, match="on_retry is a coroutine function, but must be a plain one"
    ):
        RetryConfig(on_retry=hook)

    class Hook:
        async def __call__(self, event: RetryEvent) -> None:
            return None

    for name in ("on_retry", "retry_if"):
        with pytest.raises(TypeError, match=f"{name} is a coroutine function"):
            RetryConfig(**{name: Hook()})  # type: ignore[arg-type]


def test_a_hook_that_returns_a_coroutine_is_told_so(
    waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    async def hook(event: RetryEvent) -> None:
        return None

    config = RetryConfig(on_retry=lambda event: hook(event))
    assert retry(config)(flaky(*FAILURES))() == "done"
    told = [record.exc_info for record in caplog.records if record.exc_info]
    assert len(told) == 2
    assert "nobody awaits" in str(told[0][1])


def test_a_storage_tells_its_retries(s3: FakeS3) -> None:
    told: list[RetryEvent] = []
    others: list[RetryEvent] = []
    s3.responses.extend([Response(500, "InternalError"), Response(503, "SlowDown")])
    config = RetryConfig(base_delay=0, on_retry=told.append)
    storage = s3.storage(config).blocking
    with instrument(others.append):
        storage.put("a", b"data")
        wait_for(lambda: len(others) == 3)
    assert [(event.operation, event.key, event.attempt) for event in told] == [
        ("put", "root/a", 1),
        ("put", "root/a", 2),
    ]
    assert told[0].delay == 0.0
    assert "InternalError" in told[0].text
    assert told[1].is_throttled
    assert [event.outcome for event in others] == ["retrying", "retrying", "succeeded"]
    # Another storage has no part in it.
    s3.responses.append(Response(500, "InternalError"))
    s3.storage(RetryConfig(base_delay=0)).blocking.put("b", b"data")
    assert len(told) == 2


def test_structlog(waits: list[float]) -> None:
    from structlog.testing import capture_logs

    with capture_logs() as lines, instrument("structlog"):
        retry(RetryConfig(jitter=False))(flaky(*FAILURES))()
        with pytest.raises(ConnectionResetError):
            retry(RetryConfig(max_retries=1))(flaky(FAILURES[0], FAILURES[0]))()
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("warning", "retry scheduled"),
        ("warning", "retry scheduled"),
        ("debug", "retry succeeded"),
        ("warning", "retry scheduled"),
        ("error", "retries ended"),
    ]
    assert lines[0]["operation"] == "fetch"
    assert (lines[0]["attempt"], lines[0]["delay"], lines[0]["text"]) == (1, 1.0, "reset")
    assert lines[4]["reason"] == "retries_exhausted"


def test_prometheus(waits: list[float], s3: FakeS3) -> None:
    from prometheus_client import REGISTRY

    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    for _ in range(2):
        # A second time, as the registry takes a name only once.
        with instrument("prometheus"):
            retry(flaky(*FAILURES))()
            with pytest.raises(ConnectionResetError):
                retry(RetryConfig(max_retries=1))(flaky(FAILURES[0], FAILURES[0]))()
    assert value("undaunted_retries_total", operation="fetch", verdict="transient") == 4
    assert value("undaunted_retries_total", operation="fetch", verdict="throttled") == 2
    assert value("undaunted_failures_total", operation="fetch", reason="retries_exhausted") == 2
    assert value("undaunted_recoveries_total", operation="fetch") == 2
    assert value("undaunted_delay_seconds_count", operation="fetch") == 6
    s3.responses.append(Response(500, "InternalError"))
    with instrument("prometheus"):
        s3.storage(RetryConfig(base_delay=0)).blocking.put("a", b"data")
        wait_for(lambda: value("undaunted_recoveries_total", operation="put") == 1)
    assert value("undaunted_retries_total", operation="put", verdict="transient") == 1


def test_the_names_of_prometheus_are_those_of_the_metrics(waits: list[float]) -> None:
    from prometheus_client import REGISTRY

    from undaunted._undaunted import metric_labels

    with instrument("prometheus"):
        retry(flaky(*FAILURES))()
    known = metric_labels()
    for family in REGISTRY.collect():
        if not family.name.startswith("undaunted_"):
            continue
        name = family.name + ("_total" if family.type == "counter" else "")
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(known[name]), name


def test_metrics_of_storages(s3: FakeS3) -> None:
    def value(name: str) -> float:
        return undaunted.metrics().get(name, 0)

    names = [
        'undaunted_calls_total{operation="put"}',
        'undaunted_attempts_total{operation="put"}',
        'undaunted_retries_total{operation="put",verdict="transient"}',
        'undaunted_recoveries_total{operation="put"}',
        'undaunted_errors_total{operation="put",error_type="InternalError",verdict="transient"}',
        'undaunted_time_to_first_byte_seconds_count{operation="put"}',
        'undaunted_sent_bytes_total{operation="put"}',
    ]
    before = [value(name) for name in names]
    s3.responses.append(Response(500, "InternalError"))
    s3.storage(RetryConfig(base_delay=0)).blocking.put("secret", b"data")
    added = [value(name) - old for name, old in zip(names, before, strict=True)]
    assert added == [1, 2, 1, 1, 1, 2, 8]
    text = undaunted.metrics_text()
    assert "# TYPE undaunted_calls_total counter" in text.splitlines()
    for name, number in undaunted.metrics().items():
        assert any(line.startswith(name + " ") for line in text.splitlines()), name
        assert number >= 0
    # A key would make a series for each object.
    assert "secret" not in text


def test_opentelemetry(waits: list[float]) -> None:
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    reader, spans = InMemoryMetricReader(), InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([reader]))
    with instrument("opentelemetry"), trace.get_tracer("test").start_as_current_span("job"):
        retry(RetryConfig(jitter=False))(flaky(*FAILURES))()
        with pytest.raises(ConnectionResetError):
            retry(RetryConfig(max_retries=1))(flaky(FAILURES[0], FAILURES[0]))()
    (span,) = spans.get_finished_spans()
    assert [event.name for event in span.events] == ["retry", "retry", "retry", "retries ended"]
    assert dict(span.events[0].attributes or {}) == {
        "operation": "fetch",
        "http.request.resend_count": 1,
        "error.type": "ConnectionResetError",
        "delay": 1.0,
    }
    data: Any = reader.get_metrics_data()
    points = {
        metric.name: list(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert sum(point.value for point in points["undaunted.retries"]) == 3
    assert points["undaunted.failures"][0].attributes["reason"] == "retries_exhausted"
    assert points["undaunted.recoveries"][0].value == 1
    assert points["undaunted.delay"][0].count == 3


def test_a_library_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ImportError, match="pip install prometheus-client"):
        instrument("prometheus")
    with pytest.raises(ValueError, match="library is 'statsd', but must be one of 'structlog', "):
        instrument("statsd")  # type: ignore[arg-type]


def test_nothing_is_told_after_its_end(waits: list[float]) -> None:
    told: list[RetryEvent] = []
    instrumentation = instrument(told.append)
    assert repr(instrumentation) == "<Instrumentation of 1>"
    instrumentation.remove()
    instrumentation.remove()
    retry(flaky(*FAILURES))()
    assert told == []


def test_threads_are_told_apart(waits: list[float]) -> None:
    told: list[str] = []
    with instrument(lambda event: told.append(threading.current_thread().name)):
        thread = threading.Thread(target=retry(flaky(*FAILURES)), name="mine")
        thread.start()
        thread.join()
    assert set(told) == {"mine"}


def test_the_report_and_the_events_agree(s3: FakeS3) -> None:
    told: list[RetryEvent] = []
    s3.responses.extend([Response(500, "InternalError")] * 3)
    with instrument(told.append), pytest.raises(StorageError) as caught:
        s3.storage(RetryConfig(max_retries=2, base_delay=0)).blocking.get_bytes("a")
    wait_for(lambda: len(told) == 3)
    report = caught.value.report
    assert report is not None
    assert (told[-1].attempt, told[-1].reason) == (report.attempts, report.stop_reason)
    assert undaunted.RetryEvent is RetryEvent
