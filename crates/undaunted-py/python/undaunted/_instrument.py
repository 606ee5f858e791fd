"""``instrument``: retries in the logs, metrics and traces of other libraries."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal, TypeAlias

from ._log import listeners
from ._types import RetryEvent
from ._undaunted import metric_text, metric_values

Library: TypeAlias = Literal["structlog", "prometheus", "opentelemetry"]
"""The libraries that :func:`instrument` knows."""

Listener: TypeAlias = Callable[[RetryEvent], object]
"""A function that is told every event."""


class Instrumentation:
    """What :func:`instrument` has set up. ``remove()``, or the end of a ``with`` block, ends it.

    Example:
        >>> from undaunted import instrument
        >>> with instrument(print) as instrumentation:
        ...     pass
    """

    def __init__(self, added: list[Listener]) -> None:
        self._added = added
        listeners.extend(added)

    def remove(self) -> None:
        """Ends it. A second call does nothing.

        Example:
            >>> from undaunted import instrument
            >>> instrument(print).remove()
        """
        while self._added:
            listeners.remove(self._added.pop())

    def __enter__(self) -> Instrumentation:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<Instrumentation of {len(self._added)}>"


def instrument(*libraries: Library | Listener) -> Instrumentation:
    """Tells retries of all functions and storages of this process to other libraries.

    - ``"structlog"``: events ``retry scheduled``, ``retries ended`` and ``retry succeeded`` of the
      logger ``undaunted.retry``, with the fields of a :class:`RetryEvent`.
    - ``"prometheus"``: the counters ``undaunted_retries_total`` by operation and verdict,
      ``undaunted_failures_total`` by operation and reason, ``undaunted_recoveries_total`` by
      operation, and the histogram ``undaunted_delay_seconds``. :func:`metrics` has these for
      storages, and more, by the same names.
    - ``"opentelemetry"``: the same as counters and a histogram of the meter ``undaunted``, and an
      event ``retry`` in the current span of a function.
    - A function: it is called with each :class:`RetryEvent`. It must not block.

    A call that succeeds at its first attempt tells nothing. The events of a storage come on a
    thread of its own, so they have no current span.

    Args:
        libraries: The names of libraries, or functions.

    Raises:
        ImportError: If a library is not installed; the message says how it is.
        ValueError: If it is none of these.

    Example:
        >>> from undaunted import instrument
        >>> instrumentation = instrument(lambda event: print(event.operation, event.outcome))
        >>> instrumentation.remove()
    """
    return Instrumentation([_listener(each) for each in libraries])


def metrics() -> dict[str, float]:
    """The metrics of all storages of this process, by the names that they have in Prometheus.

    There are calls, attempts, retries, errors by type, durations, times to the first byte, bytes,
    delays, queue, pace and budget, by operation; of a distribution its ``_count``, ``_sum`` and
    ``_bucket``. Functions with ``@retry`` are not counted here: a success stays in Python. A child
    of a fork begins anew.

    Example:
        >>> import undaunted
        >>> with undaunted.Storage.open("memory:///").blocking as storage:
        ...     stored = storage.put("a.txt", b"hello")
        >>> undaunted.metrics()['undaunted_attempts_total{operation="put"}'] >= 1
        True
    """
    return metric_values()


def metrics_text() -> str:
    """:func:`metrics` in the text format of Prometheus, for an endpoint or a file.

    Example:
        >>> import undaunted
        >>> text = undaunted.metrics_text()
    """
    return metric_text()


def _listener(library: object) -> Listener:
    if callable(library):
        return library
    made = _MAKERS.get(library) if isinstance(library, str) else None
    if made is None:
        raise ValueError(
            f"library is {library!r}, but must be one of {', '.join(map(repr, _MAKERS))}, or a "
            "function"
        )
    return made()


def _structlog() -> Listener:
    log: Any = _imported("structlog", "structlog").get_logger("undaunted.retry")

    def tell(event: RetryEvent) -> None:
        say, text = {
            "retrying": (log.warning, "retry scheduled"),
            "stopped": (log.error, "retries ended"),
            "succeeded": (log.debug, "retry succeeded"),
        }[event.outcome]
        fields = {name: value for name, value in vars(event).items() if value is not None}
        fields.pop("error", None)
        say(text, **fields)

    return tell


def _prometheus() -> Listener:
    client: Any = _imported("prometheus_client", "prometheus-client")

    def metric(kind: Any, name: str, text: str, labels: list[str]) -> Any:
        # A registry takes each name once in a process.
        full = f"undaunted_{name}"
        if full not in _metrics:
            _metrics[full] = kind(full, text, labels)
        return _metrics[full]

    retries = metric(client.Counter, "retries", "Retries", ["operation", "verdict"])
    failures = metric(client.Counter, "failures", "Calls that failed", ["operation", "reason"])
    recoveries = metric(
        client.Counter, "recoveries", "Calls that succeeded after retries", ["operation"]
    )
    delays = metric(client.Histogram, "delay_seconds", "Delays before retries", ["operation"])

    def tell(event: RetryEvent) -> None:
        if event.outcome == "retrying":
            retries.labels(event.operation, _verdict(event)).inc()
            delays.labels(event.operation).observe(event.delay)
        elif event.outcome == "stopped":
            failures.labels(event.operation, event.reason).inc()
        else:
            recoveries.labels(event.operation).inc()

    return tell


def _opentelemetry() -> Listener:
    metrics: Any = _imported("opentelemetry.metrics", "opentelemetry-api")
    trace: Any = _imported("opentelemetry.trace", "opentelemetry-api")
    meter = metrics.get_meter("undaunted")
    retries = meter.create_counter("undaunted.retries", "1", "Retries")
    failures = meter.create_counter("undaunted.failures", "1", "Calls that failed")
    recoveries = meter.create_counter(
        "undaunted.recoveries", "1", "Calls that succeeded after retries"
    )
    delays = meter.create_histogram("undaunted.delay", "s", "Delays before retries")

    def tell(event: RetryEvent) -> None:
        operation = {"operation": event.operation}
        if event.outcome == "retrying":
            retries.add(1, {**operation, "verdict": _verdict(event)})
            delays.record(event.delay, operation)
        elif event.outcome == "stopped":
            failures.add(1, {**operation, "reason": event.reason})
        else:
            recoveries.add(1, operation)
        if event.error is not None:
            fields: dict[str, str | float] = {
                **operation,
                "http.request.resend_count": event.attempt,
                "error.type": type(event.error).__qualname__,
            }
            if event.delay is not None:
                fields["delay"] = event.delay
            if event.reason is not None:
                fields["reason"] = event.reason
            name = "retry" if event.outcome == "retrying" else "retries ended"
            trace.get_current_span().add_event(name, fields)

    return tell


def _verdict(event: RetryEvent) -> str:
    """What the failure was judged to be that is retried."""
    return "throttled" if event.is_throttled else "transient"


def _imported(module: str, package: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"instrument needs {package}, which cannot be imported: pip install {package}",
            name=error.name,
        ) from error


_metrics: dict[str, Any] = {}
"""The metrics of prometheus-client that were made, by name."""

_MAKERS: dict[str, Callable[[], Listener]] = {
    "structlog": _structlog,
    "prometheus": _prometheus,
    "opentelemetry": _opentelemetry,
}
