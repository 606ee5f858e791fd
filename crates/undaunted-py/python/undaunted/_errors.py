"""The exceptions of storages: what kind of failure, on which key, and why."""

# Annotations of these classes are evaluated here: elsewhere `typing.get_type_hints` would not find
# their names.

import errno
from typing import Any, ClassVar

from ._log import add_note
from ._types import RetryReport


class StorageError(Exception):
    """A storage operation failed. The base class of all exceptions of storages.

    Its ``__cause__``, if set, has the details: an :class:`HttpFailure` if the service sent an error
    response, otherwise the error of the connection or of the operating system.

    Args:
        message: What failed, on what, and why.
        key: The key of the object.

    Example:
        >>> from undaunted import StorageError, StorageFileNotFoundError
        >>> try:
        ...     raise StorageFileNotFoundError("a.txt")
        ... except StorageError as error:
        ...     print(error, error.key)
        File not found: a.txt a.txt
    """

    key: str | None
    """The key of the object."""
    report: RetryReport | None = None
    """The attempts, delays and failures of the operation, if it was one of our storages."""
    _condition: str | None = None
    """The kind of condition that did not hold, if it was one."""
    _errno: ClassVar[int | None] = None
    """The number of the operating system's error that means the same."""
    _is_mixed: ClassVar[bool] = False
    """Whether it is of the classes of another library too, by ``undaunted.compat``."""

    def __init__(self, message: str = "", *, key: str | None = None) -> None:
        Exception.__init__(self, message)
        self.key = key
        _number(self, self._errno, key)

    def __str__(self) -> str:
        # That of OSError would put the number and the name before the message.
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        # Subclasses take other arguments, and OSError would read them as its own.
        cls = type(self).__mro__[1] if self._is_mixed else type(self)
        return _restore, (cls, self.args), {**self.__dict__, **_number_of(self)}


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

    _errno = errno.ETIMEDOUT


class StorageFileNotFoundError(StorageError, FileNotFoundError):
    """The file does not exist. ``errno`` is ``ENOENT`` and ``filename`` the key."""

    _errno = errno.ENOENT

    def __init__(self, key: str, message: str | None = None) -> None:
        super().__init__(message or f"File not found: {key}", key=key)


class StorageFileExistsError(StorageError, FileExistsError):
    """The file exists already, and the call must not overwrite it. ``errno`` is ``EEXIST`` and
    ``filename`` the key.
    """

    _errno = errno.EEXIST

    def __init__(self, key: str, message: str | None = None) -> None:
        super().__init__(message or f"File already exists: {key}", key=key)


class StoragePermissionError(StorageError, PermissionError):
    """The credentials do not allow this. ``errno`` is ``EACCES`` and ``filename`` the key."""

    _errno = errno.EACCES


class StorageCredentialsError(StoragePermissionError):
    """The credentials are missing, wrong or expired."""


class StorageConfigurationError(StorageError, ValueError):
    """The storage is configured wrongly: an unknown scheme, a missing or unknown option."""


class StorageInvalidKeyError(StorageError, ValueError):
    """No object can have this key: it is empty, begins or ends with a slash, or has ``..`` in it.
    The message has the name of the argument.
    """


class StorageClosedError(StorageError, ValueError):
    """The storage was closed before."""


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
    condition: str | None = None,
    report: RetryReport | None = None,
    note: str | None = None,
) -> StorageError:
    """The exception for a failure in the Rust store. ``http`` has status, code and request id."""
    cls = made_as(class_name)
    if issubclass(cls, (StorageFileNotFoundError, StorageFileExistsError)):
        error: StorageError = cls(key)
    else:
        error = cls(message, key=key)
    if isinstance(error, (StorageRateLimitError, StorageServiceUnavailableError)):
        error.retry_after = retry_after
    error.report = report
    if condition is not None:
        setattr(error, "_condition", condition)
    if http is not None:
        error.__cause__ = HttpFailure(cause, *http)
    else:
        kinds = (ConnectionError, TimeoutError)
        error.__cause__ = next((kind for kind in kinds if issubclass(cls, kind)), OSError)(cause)
    if note is not None:
        add_note(error, note)
    return error


def _number(error: BaseException, number: int | None, name: str | None) -> None:
    """Sets what Python's own exceptions of this kind have."""
    if isinstance(error, OSError):
        error.errno = number
        error.filename = name


def _number_of(error: BaseException) -> dict[str, object]:
    if not isinstance(error, OSError):
        return {}
    return {"errno": error.errno, "filename": error.filename}


def refused(class_name: str, message: str, key: str | None) -> StorageError:
    """The exception for an operation that makes no request."""
    return made_as(class_name)(message, key=key)


def made_as(class_name: str) -> type[StorageError]:
    """The class of the exceptions that storages raise under this name."""
    cls: type[StorageError] = mixed.get(class_name) or globals()[class_name]
    return cls


def _restore(cls: type[StorageError], args: tuple[Any, ...]) -> StorageError:
    cls = mixed.get(cls.__name__, cls)
    error = cls.__new__(cls)
    error.args = args
    return error


mixed: dict[str, type[StorageError]] = {}
"""The classes that are of another library too, by name; see ``undaunted.compat``."""
