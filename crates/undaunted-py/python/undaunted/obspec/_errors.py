"""Exceptions under the names that obspec prescribes."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from .._errors import (
    StorageCredentialsError,
    StorageError,
    StorageFileExistsError,
    StorageFileNotFoundError,
    StorageInvalidKeyError,
    StoragePermissionError,
    StorageUnsupportedError,
)


class NotFoundError(StorageFileNotFoundError):
    """There is no such object."""


class AlreadyExistsError(StorageFileExistsError):
    """There is an object already, and the write must not replace it."""


class PermissionDeniedError(StoragePermissionError):
    """The credentials do not allow it."""


class UnauthenticatedError(StorageCredentialsError):
    """The credentials are missing or wrong."""


class InvalidPathError(StorageInvalidKeyError):
    """The path cannot be one."""


class NotSupportedError(StorageUnsupportedError):
    """The storage cannot do this."""


class PreconditionError(StorageError):
    """The object is not in the state that the request demands."""


class NotModifiedError(StorageError):
    """The object is as the caller has it."""


@contextmanager
def prescribed() -> Generator[None]:
    """Exceptions of storages are raised under their prescribed names. They stay what they are:
    the traceback, the notes and the report are the same.
    """
    try:
        yield
    except StorageError as error:
        name = _NAMES.get(type(error)) or _CONDITIONS.get(error._condition)
        if name is not None:
            error.__class__ = name
        raise


_NAMES: dict[type[StorageError], type[StorageError]] = {
    StorageCredentialsError: UnauthenticatedError,
    StorageFileExistsError: AlreadyExistsError,
    StorageFileNotFoundError: NotFoundError,
    StorageInvalidKeyError: InvalidPathError,
    StoragePermissionError: PermissionDeniedError,
    StorageUnsupportedError: NotSupportedError,
}

_CONDITIONS: dict[str | None, type[StorageError]] = {
    "not modified": NotModifiedError,
    "precondition": PreconditionError,
}
