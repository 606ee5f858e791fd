"""The exceptions of storages: what kind of failure, on which key, and why."""

from __future__ import annotations

from typing import Any

from ._log import add_note
from ._types import RetryReport


class StorageError(Exception):
    """A storage operation failed. The base class of all exceptions of storages.

    Its ``__cause__``, if set, has the details: an :class:`HttpFailure` if the service sent an error
    response, otherwise the error of the connection or of the operating system.
    """

    key: str | None
    """The key of the object."""
    report: RetryReport | None = None
    """The attempts, delays and failures of the operation, if it was one of our storages."""

    def __init__(self, message: str = "", *, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key

    def __reduce__(self) -> tuple[Any, ...]:
        # Subclasses take other arguments, and OSError would read them as its own.
        return _restore, (type(self), self.args), self.__dict__


class StorageConnectionError(StorageError, ConnectionError):
    """The connection could not be opened, or was lost. Retried by default."""


class StorageRateLimitError(StorageConnectionError):
    """The service asked its callers to slow down (429, ``SlowDown``). Retried by default."""

    retry_after: float | None
    """The wait in seconds that the service asked for, if any."""

    def __init__(
        self,
        message: str = "rate limited",
        *,
        key: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, key=key)
        self.retry_after = retry_after


class StorageServiceUnavailableError(StorageConnectionError):
    """The service is temporarily unavailable (500, 502, 503, 504). Retried by default."""

    retry_after: float | None
    """The wait in seconds that the service asked for, if any."""

    def __init__(
        self,
        message: str = "service unavailable",
        *,
        key: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, key=key)
        self.retry_after = retry_after


class StorageTimeoutError(StorageError, TimeoutError):
    """The operation took too long. Retried by default, as a TimeoutError."""


class StorageFileNotFoundError(StorageError, FileNotFoundError):
    """The file does not exist."""

    def __init__(self, key: str, message: str | None = None) -> None:
        super().__init__(message or f"File not found: {key}", key=key)


class StorageFileExistsError(StorageError, FileExistsError):
    """The file exists already, and the call must not overwrite it."""

    def __init__(self, key: str, message: str | None = None) -> None:
        super().__init__(message or f"File already exists: {key}", key=key)


class StoragePermissionError(StorageError, PermissionError):
    """The credentials do not allow this."""


class StorageCredentialsError(StoragePermissionError):
    """The credentials are missing, wrong or expired."""


class StorageConfigurationError(StorageError, ValueError):
    """The storage is configured wrongly: an unknown scheme, a missing or unknown option."""


class StorageUnsupportedError(StorageError):
    """The storage cannot do this."""


class StorageAmbiguousError(StorageError):
    """The response to a write was lost, and nothing shows whether the write was applied.

    The caller decides: read the object, or write again under another condition.
    """


class HttpFailure(Exception):
    """An error response of the service: the cause of a :class:`StorageError`."""

    status: int
    code: str | None
    """The error code of the service, such as ``SlowDown``."""
    request_id: str | None
    """The id that the service gave the request; its support asks for it."""

    def __init__(
        self, message: str, status: int, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message, status, code, request_id)
        self.status = status
        self.code = code
        self.request_id = request_id

    def __str__(self) -> str:
        return str(self.args[0])


def make_storage_error(
    *,
    class_name: str,
    message: str,
    key: str,
    cause: str,
    http: tuple[int, str | None, str | None] | None = None,
    retry_after: float | None = None,
    report: RetryReport | None = None,
    note: str | None = None,
) -> StorageError:
    """The exception for a failure in the Rust store. ``http`` has status, code and request id."""
    cls: type[StorageError] = globals()[class_name]
    if issubclass(cls, (StorageFileNotFoundError, StorageFileExistsError)):
        error: StorageError = cls(key)
    else:
        error = cls(message, key=key)
    if isinstance(error, (StorageRateLimitError, StorageServiceUnavailableError)):
        error.retry_after = retry_after
    error.report = report
    if http is not None:
        error.__cause__ = HttpFailure(cause, *http)
    else:
        kinds = (ConnectionError, TimeoutError)
        error.__cause__ = next((kind for kind in kinds if issubclass(cls, kind)), OSError)(cause)
    if note is not None:
        add_note(error, note)
    return error


def _restore(cls: type[StorageError], args: tuple[Any, ...]) -> StorageError:
    error = cls.__new__(cls)
    error.args = args
    return error
