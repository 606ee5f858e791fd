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
        """Writes a file.

        Args:
            key: The key of the file, relative to the storage's URL.
            data: Bytes, or an async generator of them. A storage from :meth:`Storage.open` takes
                more; see :meth:`ObjectStorage.put`.
            content_type: The type of the content, such as ``"image/jpeg"``.
            metadata: Your own names and values.

        Raises:
            StorageUnsupportedError: If the storage cannot hold metadata.
            StorageError: If the storage fails; the subclass says how.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main(storage: Storage):
            ...     stored = await storage.put("a.txt", b"hello", content_type="text/plain")
            ...     return stored.size
            >>> asyncio.run(main(Storage.open("memory://")))
            5
        """
        ...

    def get(self, key: str) -> AsyncIterator[bytes]:
        """Reads a file in chunks.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StorageFileNotFoundError: If the file does not exist.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main(storage: Storage):
            ...     await storage.put("a.txt", b"hello")
            ...     async for chunk in storage.get("a.txt"):
            ...         print(chunk)
            >>> asyncio.run(main(Storage.open("memory://")))
            b'hello'
        """
        ...

    async def get_bytes(self, key: str) -> bytes:
        """Reads a file.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StorageFileNotFoundError: If the file does not exist.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main(storage: Storage):
            ...     await storage.put("a.txt", b"hello")
            ...     return await storage.get_bytes("a.txt")
            >>> asyncio.run(main(Storage.open("memory://")))
            b'hello'
        """
        ...

    async def delete(self, key: str) -> None:
        """Deletes a file.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StorageFileNotFoundError: If the file does not exist and the storage tells; one from
                :meth:`Storage.open` does not.
            StoragePermissionError: If the credentials do not allow it.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main(storage: Storage):
            ...     await storage.put("a.txt", b"hello")
            ...     await storage.delete("a.txt")
            ...     return await storage.exists("a.txt")
            >>> asyncio.run(main(Storage.open("memory://")))
            False
        """
        ...

    async def exists(self, key: str) -> bool:
        """Whether the file exists.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StorageError: If the storage fails, so that nobody knows.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main(storage: Storage):
            ...     return await storage.exists("missing.txt")
            >>> asyncio.run(main(Storage.open("memory://")))
            False
        """
        ...

    def list(self, prefix: str = "", *, limit: int | None = None) -> AsyncIterator[FileInfo]:
        """The files whose keys begin with a prefix.

        Args:
            prefix: The beginning of the keys; it need not end at a slash.
            limit: The maximum number of files; default: all.

        Raises:
            StorageError: If the storage fails, also after some of the files.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main(storage: Storage):
            ...     await storage.put("2026/a.txt", b"hello")
            ...     await storage.put("2027/b.txt", b"hello")
            ...     return [file.key async for file in storage.list("2026/")]
            >>> asyncio.run(main(Storage.open("memory://")))
            ['2026/a.txt']
        """
        ...

    async def url(self, key: str, *, expires_in: timedelta | None = None) -> str:
        """A URL for reading the file.

        Args:
            key: The key of the file, relative to the storage's URL.
            expires_in: The lifetime of the URL; default: that of the storage.

        Raises:
            StorageUnsupportedError: If the storage cannot sign URLs.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main(storage: Storage):
            ...     return await storage.url("a.txt")
            >>> asyncio.run(main(Storage.open("/reports")))
            'file:///reports/a.txt'
        """
        ...

    async def copy(self, source: str, destination: str) -> FileInfo:
        """Copies a file within the storage.

        Args:
            source: The key of the file that is there.
            destination: The key that it gets.

        Raises:
            StorageFileNotFoundError: If the source does not exist.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main(storage: Storage):
            ...     await storage.put("a.txt", b"hello")
            ...     await storage.copy("a.txt", "b.txt")
            ...     return [file.key async for file in storage.list()]
            >>> asyncio.run(main(Storage.open("memory://")))
            ['a.txt', 'b.txt']
        """
        ...

    async def move(self, source: str, destination: str) -> FileInfo:
        """Moves a file within the storage.

        Args:
            source: The key of the file that is there.
            destination: The key that it gets.

        Raises:
            StorageFileNotFoundError: If the source does not exist.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main(storage: Storage):
            ...     await storage.put("a.txt", b"hello")
            ...     await storage.move("a.txt", "b.txt")
            ...     return [file.key async for file in storage.list()]
            >>> asyncio.run(main(Storage.open("memory://")))
            ['b.txt']
        """
        ...

    async def info(self, key: str) -> FileInfo:
        """The description of a file.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StorageFileNotFoundError: If the file does not exist.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main(storage: Storage):
            ...     await storage.put("a.txt", b"hello")
            ...     return (await storage.info("a.txt")).size
            >>> asyncio.run(main(Storage.open("memory://")))
            5
        """
        ...

    async def close(self) -> None:
        """Closes connections.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main(storage: Storage):
            ...     await storage.put("a.txt", b"hello")
            ...     await storage.close()
            >>> asyncio.run(main(Storage.open("memory://")))
        """
        ...
