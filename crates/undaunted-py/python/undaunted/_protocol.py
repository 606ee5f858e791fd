"""``Storage``: the protocol of storages, for type hints, and ``Storage.open``."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ._config import RetryConfig

if TYPE_CHECKING:
    from abc import ABCMeta as _ProtocolType

    from ._hedge import Hedge
    from ._open import OptionValue
    from ._storage import ObjectStorage
else:
    _ProtocolType = type(Protocol)


class FileInfo(Protocol):
    """The description of a stored file: :class:`StoredFile`, or that of another library."""

    @property
    def key(self) -> str:
        """The key, relative to the storage."""
        ...

    @property
    def size(self) -> int:
        """The number of bytes."""
        ...

    @property
    def content_type(self) -> str | None:
        """The type of the content, if it is known."""
        ...

    @property
    def etag(self) -> str | None:
        """What changes with the content, if the storage has it."""
        ...

    @property
    def last_modified(self) -> datetime | None:
        """The time of the last write, if it is known."""
        ...

    @property
    def metadata(self) -> dict[str, str]:
        """The names and values that were given to the write."""
        ...


class _StorageType(_ProtocolType):
    """Adds ``open`` outside the protocol, so that your own storages need no ``open``."""

    def open(
        cls,
        url: str | os.PathLike[str],
        options: Mapping[str, OptionValue] | None = None,
        *,
        retry: RetryConfig | None = None,
        hedge: bool | Hedge = False,
        **more_options: OptionValue,
    ) -> ObjectStorage:
        """Opens the storage that a URL points into, with retries.

        ``s3://bucket/folder``, ``gs://``, ``az://``, ``https://``, ``file:///folder``,
        ``memory://``, or a plain path. All keys are relative to the URL's path. No request is
        made: wrong credentials fail at the first operation.

        Args:
            url: The URL or the path of the storage.
            options: Options of the store by object_store's names, such as ``aws_region``,
                ``google_service_account``, ``azure_storage_account_name`` or ``allow_http``.
                Environment variables of these names count too; options take precedence.
            retry: How all operations are retried; default: :meth:`RetryConfig.storage`.
            hedge: Whether reads that take long are sent a second time, at most 5 of 100: True, or
                a :class:`Hedge` with figures of your own.
            more_options: Options as keyword arguments.

        Raises:
            StorageConfigurationError: If the scheme or an option is unknown, or an option is
                missing.
            ValueError: If ``retry`` has a ``retry_if``.

        Example:
            >>> from undaunted import Storage
            >>> Storage.open("memory:///reports")
            <ObjectStorage memory:///reports>
        """
        from ._storage import ObjectStorage

        return ObjectStorage.open(url, options, retry=retry, hedge=hedge, **more_options)


@runtime_checkable
class Storage(Protocol, metaclass=_StorageType):
    """An async storage of files by key. Any object with these methods is one.

    :meth:`Storage.open` opens one on the Rust core; litestar-storages has others.
    """

    async def put(
        self,
        key: str,
        data: bytes | AsyncGenerator[bytes, None],
        *,
        content_type: str | None = None,
        metadata: dict[str, str] | None = None,
    ) -> FileInfo:
        """Writes a file."""
        ...

    def get(self, key: str) -> AsyncIterator[bytes]:
        """Reads a file in chunks."""
        ...

    async def get_bytes(self, key: str) -> bytes:
        """Reads a file."""
        ...

    async def delete(self, key: str) -> None:
        """Deletes a file."""
        ...

    async def exists(self, key: str) -> bool:
        """Whether the file exists."""
        ...

    def list(self, prefix: str = "", *, limit: int | None = None) -> AsyncIterator[FileInfo]:
        """The files whose keys begin with a prefix."""
        ...

    async def url(self, key: str, *, expires_in: timedelta | None = None) -> str:
        """A URL for reading the file."""
        ...

    async def copy(self, source: str, destination: str) -> FileInfo:
        """Copies a file within the storage."""
        ...

    async def move(self, source: str, destination: str) -> FileInfo:
        """Moves a file within the storage."""
        ...

    async def info(self, key: str) -> FileInfo:
        """The description of a file."""
        ...

    async def close(self) -> None:
        """Closes connections."""
        ...
