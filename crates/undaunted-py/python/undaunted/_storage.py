"""``ObjectStorage``: an async storage on the Rust store.

Each operation starts in Rust. A result that is ready by then, as always in a memory store, is
returned directly. Otherwise the operation returns a ``Pending``, which is awaited.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from ._bridge import result_of
from ._data import AsyncSource, Closing, async_parts, size_of, whole
from ._errors import StorageError
from ._open import (
    DEFAULT_CONCURRENCY,
    DEFAULT_PART_SIZE,
    OpenedStorage,
    Progress,
    checked_limit,
    checked_part_size,
    seconds,
)
from ._streams import AsyncFlatStream, AsyncStream
from ._types import ProgressCallback, ProgressInfo, StoredFile
from ._undaunted import Pending
from ._uploads import running

if TYPE_CHECKING:
    from . import blocking


class ObjectStorage(OpenedStorage):
    """A storage whose operations are all retried, from :meth:`Storage.open`.

    Lost responses are resolved, interrupted reads are resumed, and all operations share a retry
    budget. Do not put ``@retry`` around them: retries multiply, and 4 calls of 11 attempts are 44.
    """

    __slots__ = ()

    @property
    def blocking(self) -> blocking.Storage:
        """The same storage for blocking code."""
        from . import blocking

        return blocking.Storage(self._store)

    async def put(
        self,
        key: str,
        data: AsyncSource,
        *,
        content_type: str | None = None,
        metadata: dict[str, str] | None = None,
        overwrite: bool = True,
    ) -> StoredFile:
        """Writes a file.

        Args:
            key: The key of the file, relative to the storage's URL.
            data: Bytes, or a stream of them: an async iterator, an iterator, or an open file, whose
                ``read`` may be a coroutine function. Only a few parts of a stream are held in
                memory. A file that can seek may be given again; any other stream that was read is
                refused. An async generator is closed if the write ends early.
            content_type: The type of the content, such as ``"image/jpeg"``. The type of a local
                file follows from its name.
            metadata: Your own names and values, in ASCII. Local files cannot hold any.
            overwrite: Whether an existing file is replaced.

        Raises:
            StorageFileExistsError: If the file exists and ``overwrite`` is false.
            StorageUnsupportedError: If the storage cannot hold metadata.
            ValueError: If the data was read by an earlier write, and cannot be taken back.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main():
            ...     storage = Storage.open("memory://")
            ...     await storage.put("a.txt", b"hello")
            ...     return (await storage.put("b.txt", b"data", overwrite=False)).size
            >>> asyncio.run(main())
            4
        """
        content = data if isinstance(data, bytes) else whole(data)
        if content is None:
            if not overwrite:
                raise ValueError("overwrite=False needs bytes: a stream is written in parts")
            return await self.put_large(key, data, content_type=content_type, metadata=metadata)
        made = self._store.put(key, content, content_type, metadata, overwrite)
        return await result_of(made)

    async def put_large(
        self,
        key: str,
        data: AsyncSource,
        *,
        content_type: str | None = None,
        metadata: dict[str, str] | None = None,
        part_size: int = DEFAULT_PART_SIZE,
        concurrency: int = DEFAULT_CONCURRENCY,
        progress_callback: ProgressCallback | None = None,
    ) -> StoredFile:
        """Writes a file in parts, each of which is retried by itself.

        The file becomes visible only when it is complete. Data that fits into one part is
        written by :meth:`put`.

        Args:
            key: The key of the file, relative to the storage's URL.
            data: As for :meth:`put`.
            content_type: As for :meth:`put`.
            metadata: As for :meth:`put`.
            part_size: Bytes in a part; S3 requires at least 5 MiB. It is increased if the data
                would need more than 10,000 parts.
            concurrency: Parts in flight.
            progress_callback: Called after each part; it may be a coroutine function. If it raises,
                the upload is aborted.

        Raises:
            ValueError: If ``part_size`` or ``concurrency`` is less than 1.
            ValueError: If the data was read by an earlier write, and cannot be taken back.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main():
            ...     storage = Storage.open("memory://")
            ...     await storage.put("a.txt", b"hello")
            ...     stored = await storage.put_large("big", bytes(12_000_000), part_size=5 << 20)
            ...     return stored.size
            >>> asyncio.run(main())
            12000000
        """
        total = size_of(data)
        part_size = checked_part_size(part_size, concurrency, total)
        progress = Progress(key, total, progress_callback)
        async with Closing(async_parts(data, part_size)) as parts:
            first = await anext(parts, b"")
            part = await anext(parts, None)
            if part is None and (progress_callback is None or not first):
                # A callback that raises must leave nothing: it is called before, or between parts.
                await _report(progress.add(0), progress_callback)
                return await self.put(key, first, content_type=content_type, metadata=metadata)
            upload = await result_of(self._store.start_upload(key, content_type, metadata))
            try:
                with running(upload):
                    upload.put_part(first)
                    while part is not None or upload.in_flight:
                        if part is None or upload.in_flight >= concurrency:
                            size = await result_of(upload.finish_part())
                            await _report(progress.add(size), progress_callback)
                        else:
                            upload.put_part(part)
                            part = await anext(parts, None)
                    return await result_of(upload.complete(progress.transferred))
            except Exception:
                await _ended(upload.abort())
                raise
            except BaseException:
                # It goes on in the background: a task that is cancelled cannot wait.
                upload.abort()
                raise

    def get(self, key: str) -> AsyncIterator[bytes]:
        """Reads a file in chunks: ``async for chunk in storage.get(key)``.

        An interrupted download is resumed if the file has not changed. After a wait for a chunk
        that was cancelled, as by a timeout, ``anext`` continues with that chunk.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StorageFileNotFoundError: If the file does not exist.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main():
            ...     storage = Storage.open("memory://")
            ...     await storage.put("a.txt", b"hello")
            ...     return [chunk async for chunk in storage.get("a.txt")]
            >>> asyncio.run(main())
            [b'hello']
        """
        return AsyncStream(lambda: self._store.get(key))

    async def get_bytes(self, key: str) -> bytes:
        """Reads a file.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StorageFileNotFoundError: If the file does not exist.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main():
            ...     storage = Storage.open("memory://")
            ...     await storage.put("a.txt", b"hello")
            ...     return await storage.get_bytes("a.txt")
            >>> asyncio.run(main())
            b'hello'
        """
        return await result_of(self._store.get_bytes(key))

    async def delete(self, key: str) -> None:
        """Deletes a file. A file that does not exist is no error: services do not tell.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StoragePermissionError: If the credentials do not allow it.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main():
            ...     storage = Storage.open("memory://")
            ...     await storage.put("a.txt", b"hello")
            ...     await storage.delete("a.txt")
            ...     return await storage.exists("a.txt")
            >>> asyncio.run(main())
            False
        """
        await result_of(self._store.delete(key))

    async def exists(self, key: str) -> bool:
        """Whether the file exists.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StorageError: If the storage fails, so that nobody knows.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main():
            ...     storage = Storage.open("memory://")
            ...     await storage.put("a.txt", b"hello")
            ...     return await storage.exists("a.txt")
            >>> asyncio.run(main())
            True
        """
        return await result_of(self._store.exists(key))

    def list(self, prefix: str = "", *, limit: int | None = None) -> AsyncIterator[StoredFile]:
        """The files whose keys begin with ``prefix``: ``async for file in storage.list("a/")``.

        Services list by key, local files come in no order. An interrupted list is resumed, and
        continues after a wait for a file that was cancelled.
        Keys that object_store cannot hold, such as ``a//b``, are left out: a warning names them.

        Args:
            prefix: The beginning of the keys; it need not end at a slash.
            limit: The maximum number of files; default: all.

        Raises:
            ValueError: If the limit is negative.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main():
            ...     storage = Storage.open("memory://")
            ...     await storage.put("a.txt", b"hello")
            ...     return [file.key async for file in storage.list("a")]
            >>> asyncio.run(main())
            ['a.txt']
        """
        return AsyncFlatStream(AsyncStream(lambda: self._store.list(prefix, checked_limit(limit))))

    async def info(self, key: str) -> StoredFile:
        """The description of a file.

        Args:
            key: The key of the file, relative to the storage's URL.

        Raises:
            StorageFileNotFoundError: If the file does not exist.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main():
            ...     storage = Storage.open("memory://")
            ...     await storage.put("a.txt", b"hello")
            ...     return (await storage.info("a.txt")).size
            >>> asyncio.run(main())
            5
        """
        return self._with_type(await result_of(self._store.info(key)))

    async def copy(self, source: str, destination: str, *, overwrite: bool = True) -> StoredFile:
        """Copies a file within the storage. A copy onto itself changes nothing.

        Args:
            source: The key of the file that is there.
            destination: The key that it gets.
            overwrite: Whether an existing file at the destination is replaced.

        Raises:
            StorageFileNotFoundError: If the source does not exist.
            StorageFileExistsError: If the destination exists and ``overwrite`` is false.
            StorageUnsupportedError: If ``overwrite`` is false and the service is not known to check
                that; the message says which option to set.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main():
            ...     storage = Storage.open("memory://")
            ...     await storage.put("a.txt", b"hello")
            ...     return (await storage.copy("a.txt", "b.txt")).key
            >>> asyncio.run(main())
            'b.txt'
        """
        return self._with_type(await result_of(self._store.copy(source, destination, overwrite)))

    async def move(self, source: str, destination: str, *, overwrite: bool = True) -> StoredFile:
        """Moves a file within the storage. Without a native move it is a copy and a delete, each
        retried by itself. A move onto itself changes nothing.

        Args:
            source: The key of the file that is there.
            destination: The key that it gets.
            overwrite: Whether an existing file at the destination is replaced.

        Raises:
            StorageFileNotFoundError: If the source does not exist.
            StorageFileExistsError: If the destination exists and ``overwrite`` is false.
            StorageUnsupportedError: If ``overwrite`` is false and the service is not known to check
                that; the message says which option to set.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main():
            ...     storage = Storage.open("memory://")
            ...     await storage.put("a.txt", b"hello")
            ...     return (await storage.move("a.txt", "b.txt")).key
            >>> asyncio.run(main())
            'b.txt'
        """
        return self._with_type(await result_of(self._store.move(source, destination, overwrite)))

    async def url(
        self, key: str, *, expires_in: timedelta | float | None = None, method: str = "GET"
    ) -> str:
        """A URL with which anyone can read the file for a limited time; for a local file, its
        ``file://`` URL.

        The URL is signed locally: no request is made, so the file may be missing.

        Args:
            key: The key of the file, relative to the storage's URL.
            expires_in: The lifetime of the URL, a number in seconds; at most 7 days. Default: an
                hour.
            method: ``"PUT"`` makes a URL for writing; ``"HEAD"`` and ``"DELETE"`` are accepted too.

        Raises:
            StorageUnsupportedError: If the storage cannot sign URLs.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> storage = Storage.open("/reports")
            >>> asyncio.run(storage.url("a.txt"))
            'file:///reports/a.txt'
        """
        return await result_of(self._store.url(key, seconds(expires_in), method))

    async def close(self) -> None:
        """Closes connections. Further operations raise a :class:`StorageClosedError`.

        It waits for uploads that failed or were cancelled and are being aborted, for at most 5
        seconds.

        Example:
            >>> import asyncio
            >>> from undaunted import Storage
            >>> async def main():
            ...     storage = Storage.open("memory://")
            ...     await storage.put("a.txt", b"hello")
            ...     await storage.close()
            ...     return storage
            >>> asyncio.run(main())
            <ObjectStorage memory:// (closed)>
        """
        await result_of(self._store.close())

    async def __aenter__(self) -> ObjectStorage:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _report(info: ProgressInfo, callback: ProgressCallback | None) -> None:
    if callback is not None:
        result = callback(info)
        if inspect.isawaitable(result):
            await result


async def _ended(aborted: Pending[None] | None) -> None:
    """Waits for the end of an abort. If that fails too, the caller's error says more."""
    with suppress(StorageError):
        await result_of(aborted)
