"""``ObjectStorage``: an async storage on the Rust store.

Each operation starts in Rust. A result that is ready by then, as always in a memory store, is
returned directly. Otherwise the operation returns a ``Pending``, which is awaited.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

from ._bridge import result_of
from ._data import AsyncSource, async_parts, size_of, whole
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
from ._types import ProgressCallback, ProgressInfo, StoredFile
from ._undaunted import Upload

if TYPE_CHECKING:
    from .blocking import Storage as BlockingStorage


class ObjectStorage(OpenedStorage):
    """A storage whose operations are all retried, from :meth:`Storage.open`.

    Lost responses are resolved, interrupted reads are resumed, and all operations share a retry
    budget. Do not put ``@retry`` around them: retries multiply, and 4 calls of 11 attempts are 44.
    """

    __slots__ = ()

    @property
    def blocking(self) -> BlockingStorage:
        """The same storage for blocking code."""
        from .blocking import Storage as BlockingStorage

        return BlockingStorage(self._store)

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
            data: Bytes, or a stream of them: an async iterator, an iterator or an open file. Only
                a few parts of a stream are held in memory.
            content_type: The type of the content, such as ``"image/jpeg"``. The type of a local
                file follows from its name.
            metadata: Your own names and values, in ASCII. Local files cannot hold any.
            overwrite: Whether an existing file is replaced.

        Raises:
            StorageFileExistsError: If the file exists and ``overwrite`` is false.
            StorageUnsupportedError: If the storage cannot hold metadata.
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
            progress_callback: Called after each part; it may be a coroutine function.
        """
        total = size_of(data)
        part_size = checked_part_size(part_size, concurrency, total)
        progress = Progress(key, total)
        parts = async_parts(data, part_size)
        first = await anext(parts, b"")
        part = await anext(parts, None)
        if part is None:
            stored = await self.put(key, first, content_type=content_type, metadata=metadata)
            await _report(progress.add(len(first)), progress_callback)
            return stored
        upload = await result_of(self._store.start_upload(key, content_type, metadata))
        try:
            upload.put_part(first)
            while part is not None or upload.in_flight:
                if part is None or upload.in_flight >= concurrency:
                    size = await result_of(upload.finish_part())
                    await _report(progress.add(size), progress_callback)
                else:
                    upload.put_part(part)
                    part = await anext(parts, None)
            return await result_of(upload.complete(progress.transferred))
        except BaseException:
            await _abort(upload)
            raise

    async def get(self, key: str) -> AsyncIterator[bytes]:
        """Reads a file in chunks: ``async for chunk in storage.get(key)``.

        An interrupted download is resumed if the file has not changed.

        Raises:
            StorageFileNotFoundError: If the file does not exist.
        """
        reader = await result_of(self._store.get(key))
        while (chunk := await result_of(reader.next())) is not None:
            yield chunk

    async def get_bytes(self, key: str) -> bytes:
        """Reads a file.

        Raises:
            StorageFileNotFoundError: If the file does not exist.
        """
        return await result_of(self._store.get_bytes(key))

    async def delete(self, key: str) -> None:
        """Deletes a file. A missing file is an error for local files, and none for object stores.

        Raises:
            StorageFileNotFoundError: If a local file does not exist.
        """
        await result_of(self._store.delete(key))

    async def exists(self, key: str) -> bool:
        """Whether the file exists."""
        return await result_of(self._store.exists(key))

    async def list(
        self, prefix: str = "", *, limit: int | None = None
    ) -> AsyncIterator[StoredFile]:
        """The files whose keys begin with ``prefix``: ``async for file in storage.list("a/")``.

        Services list by key, local files come in no order. An interrupted list is resumed.

        Args:
            prefix: The beginning of the keys; it need not end at a slash.
            limit: The maximum number of files.
        """
        listing = self._store.list(prefix, checked_limit(limit))
        while (batch := await result_of(listing.next())) is not None:
            for stored in batch:
                yield stored

    async def info(self, key: str) -> StoredFile:
        """The description of a file.

        Raises:
            StorageFileNotFoundError: If the file does not exist.
        """
        return self._with_type(await result_of(self._store.info(key)))

    async def copy(self, source: str, destination: str, *, overwrite: bool = True) -> StoredFile:
        """Copies a file within the storage.

        Raises:
            StorageFileNotFoundError: If the source does not exist.
            StorageFileExistsError: If the destination exists and ``overwrite`` is false.
        """
        return self._with_type(await result_of(self._store.copy(source, destination, overwrite)))

    async def move(self, source: str, destination: str, *, overwrite: bool = True) -> StoredFile:
        """Moves a file within the storage. Without a native move it is a copy and a delete, each
        retried by itself.

        Raises:
            StorageFileNotFoundError: If the source does not exist.
            StorageFileExistsError: If the destination exists and ``overwrite`` is false.
        """
        return self._with_type(await result_of(self._store.move(source, destination, overwrite)))

    async def url(
        self, key: str, *, expires_in: timedelta | float | None = None, method: str = "GET"
    ) -> str:
        """A URL with which anyone can read the file for a limited time; for a local file, its
        ``file://`` URL.

        The URL is signed locally: no request is made, so the file may be missing.

        Args:
            key: The key of the file.
            expires_in: The lifetime of the URL, a number in seconds; at most 7 days. Default: an
                hour.
            method: ``"PUT"`` makes a URL for writing; ``"HEAD"`` and ``"DELETE"`` are accepted too.

        Raises:
            StorageUnsupportedError: If the storage cannot sign URLs.
        """
        return await result_of(self._store.url(key, seconds(expires_in), method))

    async def close(self) -> None:
        """Closes connections. Further operations raise a ``ValueError``."""
        self._store.close()

    async def __aenter__(self) -> ObjectStorage:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _report(info: ProgressInfo, callback: ProgressCallback | None) -> None:
    if callback is not None:
        result = callback(info)
        if inspect.isawaitable(result):
            await result


async def _abort(upload: Upload) -> None:
    """Aborts an upload. If that fails too, the caller's error says more."""
    try:
        await result_of(upload.abort())
    except StorageError:
        return
