"""Retries that make storage operations survive transient failure.

- :func:`retry` around a function, :func:`with_retry` around a call, :func:`attempts` around a
  block, and ``blocking.with_retry`` where there is no event loop
- :class:`RetryConfig` for how often and how long, with its presets ``interactive``, ``background``
  and ``storage``; :class:`RetryBudget` and :class:`Pacer` for what calls share
- :class:`deadline` around what may take so long in all, and :class:`one_attempt` around what is
  retried below
- :class:`Storage` for files on S3, Google Cloud Storage, Azure, HTTP, local disks and in memory,
  whose operations are retried, resumed and resolved; :class:`RetryableStorage` around any other
- :func:`plan` and :func:`simulate` for what a policy does, before it ships
- :func:`instrument` for structlog, Prometheus and OpenTelemetry, ``testing`` for tests, and
  ``compat`` for programs that come from litestar-storages

The pages in ``docs`` of the repository say how to choose a policy, wrap a client, test, observe,
and come from another library.

>>> import asyncio
>>> from undaunted import RetryConfig, Storage, retry
>>>
>>> @retry(RetryConfig(max_retries=5, base_delay=0.5))
... async def upload(storage: Storage, key: str, data: bytes) -> int:
...     return (await storage.put(key, data)).size
>>>
>>> asyncio.run(upload(Storage.open("memory://"), "a.txt", b"hello"))
5
"""

from __future__ import annotations

import atexit
import os
from importlib import import_module
from typing import TYPE_CHECKING

from ._attempts import Attempt, Attempts, attempts
from ._config import JitterKind, RetryConfig
from ._errors import (
    HttpFailure,
    StorageAmbiguousError,
    StorageClosedError,
    StorageConfigurationError,
    StorageConnectionError,
    StorageCredentialsError,
    StorageError,
    StorageFileExistsError,
    StorageFileNotFoundError,
    StorageInvalidKeyError,
    StoragePermissionError,
    StorageRateLimitError,
    StorageServiceUnavailableError,
    StorageTimeoutError,
    StorageUnsupportedError,
)
from ._hedge import Hedge
from ._open import OptionValue
from ._protocol import FileInfo, Storage
from ._retry import retry, with_retry
from ._retryable import RetryableStorage
from ._scope import deadline, one_attempt, time_left
from ._storage import ObjectStorage
from ._types import ProgressCallback, ProgressInfo, RetryEvent, RetryReport, StoredFile
from ._undaunted import Pacer, RetryBudget, __version__, after_fork, drain_events, finish_cleanups
from ._uploads import abort_all

if TYPE_CHECKING:
    # Imported when they are used.
    from . import blocking as blocking
    from . import compat as compat
    from . import simulation as simulation
    from . import testing as testing
    from ._instrument import Instrumentation, instrument, metrics, metrics_text
    from ._plan import Plan, PlanComparison, plan
    from ._scenario import scenarios
    from ._simulate import Outcome, Simulation, simulate

ConfigurationError = StorageConfigurationError
"""The name of :class:`StorageConfigurationError` in litestar-storages."""

__all__ = [
    "Attempt",
    "Attempts",
    "ConfigurationError",
    "FileInfo",
    "Hedge",
    "HttpFailure",
    "Instrumentation",
    "JitterKind",
    "ObjectStorage",
    "OptionValue",
    "Outcome",
    "Pacer",
    "Plan",
    "PlanComparison",
    "ProgressCallback",
    "ProgressInfo",
    "RetryBudget",
    "RetryConfig",
    "RetryEvent",
    "RetryReport",
    "RetryableStorage",
    "Simulation",
    "Storage",
    "StorageAmbiguousError",
    "StorageClosedError",
    "StorageConfigurationError",
    "StorageConnectionError",
    "StorageCredentialsError",
    "StorageError",
    "StorageFileExistsError",
    "StorageFileNotFoundError",
    "StorageInvalidKeyError",
    "StoragePermissionError",
    "StorageRateLimitError",
    "StorageServiceUnavailableError",
    "StorageTimeoutError",
    "StorageUnsupportedError",
    "StoredFile",
    "__version__",
    "attempts",
    "blocking",
    "deadline",
    "instrument",
    "metrics",
    "metrics_text",
    "one_attempt",
    "plan",
    "retry",
    "scenarios",
    "simulate",
    "simulation",
    "time_left",
    "with_retry",
]


def _name_after_this() -> None:
    """Makes tracebacks and documentation name the public package, not its private modules."""
    for name in __all__:
        thing: object = globals().get(name)
        if str(getattr(thing, "__module__", "")).startswith(f"{__name__}."):
            setattr(thing, "__module__", __name__)


def __getattr__(name: str) -> object:
    if name in ("blocking", "compat", "simulation", "testing"):
        return import_module(f"{__name__}.{name}")
    if name in _LATER:
        thing: object = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
        setattr(thing, "__module__", __name__)
        globals()[name] = thing
        return thing
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "compat", "testing"})


def _finish() -> None:
    """At the end of the program: uploads that were left are aborted, and the log is written."""
    abort_all()
    finish_cleanups()
    drain_events()
    # The thread that writes the log has to leave Python, too.
    finish_cleanups()


_LATER = {
    "Instrumentation": "_instrument",
    "Outcome": "_simulate",
    "Plan": "_plan",
    "PlanComparison": "_plan",
    "Simulation": "_simulate",
    "instrument": "_instrument",
    "metrics": "_instrument",
    "metrics_text": "_instrument",
    "plan": "_plan",
    "scenarios": "_scenario",
    "simulate": "_simulate",
}
"""What is imported when it is used, and where it is."""

_name_after_this()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)
atexit.register(_finish)
