"""``ObjectStorage``: an async storage on the Rust store.

Each operation starts in Rust. A result that is ready by then, as always in a memory store, is
returned directly. Otherwise the operation returns a ``Pending``, which is awaited.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections import deque
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING

from ._bridge import Running, finish
from ._config import RetryConfig
from ._data import AsyncSource, async_parts, size_of, whole
from ._errors import StorageError
from ._open import (
    DEFAULT_CONCURRENCY,
    DEFAULT_EXPIRY,
    DEFAULT_PART_SIZE,
    OptionValue,
    checked_part_size,
    open_store,
    seconds,
)
from ._types import ProgressCallback, ProgressInfo, StoredFile
from ._undaunted import Pending, Store, Upload

if TYPE_CHECKING:
    from .blocking import Storage as BlockingStorage


class ObjectStorage:
    """A storage whose operations are all retried, from :meth:`Storage.open`.

    Lost responses are resolved, interrupted reads are resumed, and all operations share a retry
    budget. Do not put ``@retry`` around them: retries multiply, and 4 calls of 11 attempts are 44.
    """

    __slots__ = ("_store",)

    def __init__(self, store: Store) -> None:
        self._store = store

    @classmethod
    def open(
        cls,
        url: str | os.PathLike[str],
        options: Mapping[str, OptionValue] | None = None,
        *,
        retry: RetryConfig | None = None,
        **more_options: OptionValue,
    ) -> ObjectStorage:
        """Opens the storage that a URL points into; see :meth:`Storage.open`."""
        return cls(open_store(url, options, more_options, retry))

    @property
    def blocking(self) -> BlockingStorage:
        """The same storage for blocking code."""
        from .blocking import Storage as BlockingStorage

        return BlockingStorage(self._store)

    @property
    def budget_tokens(self) -> int | None:
        """The tokens left in the retry budget that all operations share; see
        :class:`RetryBudget`.
        """
        return self._store.budget_tokens

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
        there = data if isinstance(data, bytes) else whole(data)
        if there is None:
            if not overwrite:
                raise ValueError("overwrite=False needs bytes: a stream is written in parts")
            return await self.put_large(key, data, content_type=content_type, metadata=metadata)
        made = self._store.put(key, there, content_type, metadata, overwrite)
        return await finish(made) if isinstance(made, Pending) else made

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
        if concurrency < 1:
            raise ValueError(f"concurrency is {concurrency}, but must be at least 1")
        total = size_of(data)
        part_size = checked_part_size(part_size, total)
        progress = _Progress(key, total, progress_callback)
        parts = async_parts(data, part_size)
        first = await anext(parts, b"")
        second = await anext(parts, None)
        if second is None:
            stored = await self.put(key, first, content_type=content_type, metadata=metadata)
            await progress.add(len(first))
            return stored
        begun = self._store.start_upload(key, content_type, metadata)
        upload = await finish(begun) if isinstance(begun, Pending) else begun
        window = _Window(upload, concurrency, progress)
        try:
            await window.put(first)
            await window.put(second)
            async for part in parts:
                await window.put(part)
            await window.drain()
            made = upload.complete(progress.transferred)
            return await finish(made) if isinstance(made, Pending) else made
        except BaseException:
            window.abort()
            await _abort(upload)
            raise

    async def get(self, key: str) -> AsyncIterator[bytes]:
        """Reads a file in chunks: ``async for chunk in storage.get(key)``.

        An interrupted download is resumed if the file has not changed.

        Raises:
            StorageFileNotFoundError: If the file does not exist.
        """
        begun = self._store.get(key)
        reader = await finish(begun) if isinstance(begun, Pending) else begun
        while True:
            made = reader.next()
            chunk = await finish(made) if isinstance(made, Pending) else made
            if chunk is None:
                return
            yield chunk

    async def get_bytes(self, key: str) -> bytes:
        """Reads a file.

        Raises:
            StorageFileNotFoundError: If the file does not exist.
        """
        made = self._store.get_bytes(key)
        return await finish(made) if isinstance(made, Pending) else made

    async def delete(self, key: str) -> None:
        """Deletes a file. A missing file is an error for local files, and none for object stores.

        Raises:
            StorageFileNotFoundError: If a local file does not exist.
        """
        made = self._store.delete(key)
        if made is not None:
            await finish(made)

    async def exists(self, key: str) -> bool:
        """Whether the file exists."""
        made = self._store.exists(key)
        return await finish(made) if isinstance(made, Pending) else made

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
        while True:
            made = listing.next()
            batch = await finish(made) if isinstance(made, Pending) else made
            if batch is None:
                return
            for stored in batch:
                yield stored

    async def info(self, key: str) -> StoredFile:
        """The description of a file.

        Raises:
            StorageFileNotFoundError: If the file does not exist.
        """
        made = self._store.info(key)
        stored = await finish(made) if isinstance(made, Pending) else made
        return with_type(self._store, stored)

    async def copy(self, source: str, destination: str, *, overwrite: bool = True) -> StoredFile:
        """Copies a file within the storage.

        Raises:
            StorageFileNotFoundError: If the source does not exist.
            StorageFileExistsError: If the destination exists and ``overwrite`` is false.
        """
        made = self._store.copy(source, destination, overwrite)
        stored = await finish(made) if isinstance(made, Pending) else made
        return with_type(self._store, stored)

    async def move(self, source: str, destination: str, *, overwrite: bool = True) -> StoredFile:
        """Moves a file within the storage. Without a native move it is a copy and a delete, each
        retried by itself.

        Raises:
            StorageFileNotFoundError: If the source does not exist.
            StorageFileExistsError: If the destination exists and ``overwrite`` is false.
        """
        made = self._store.move(source, destination, overwrite)
        stored = await finish(made) if isinstance(made, Pending) else made
        return with_type(self._store, stored)

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
        lasts = seconds(DEFAULT_EXPIRY if expires_in is None else expires_in)
        made = self._store.url(key, lasts, method)
        return await finish(made) if isinstance(made, Pending) else made

    async def close(self) -> None:
        """Closes connections. Further operations raise a ``ValueError``."""
        self._store.close()

    async def __aenter__(self) -> ObjectStorage:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        closed = " (closed)" if self._store.closed else ""
        return f"<{type(self).__name__} {self._store.shown_url}{closed}>"


class _Progress:
    """Counts bytes, and calls the callback."""

    def __init__(self, key: str, total: int | None, callback: ProgressCallback | None) -> None:
        self._key = key
        self._total = total
        self._callback = callback
        self.transferred = 0

    async def add(self, size: int) -> None:
        self.transferred += size
        if self._callback is None:
            return
        result = self._callback(ProgressInfo(self.transferred, self._total, "upload", self._key))
        if inspect.isawaitable(result):
            await result


class _Window:
    """The parts in flight, at most ``size`` of them."""

    def __init__(self, upload: Upload, size: int, progress: _Progress) -> None:
        self._upload = upload
        self._size = size
        self._progress = progress
        self._running: deque[tuple[int, Running[None]]] = deque()

    async def put(self, part: bytes) -> None:
        if len(self._running) >= self._size:
            await self._finish_first()
        made = self._upload.put_part(part)
        if made is None:
            await self._progress.add(len(part))
        else:
            self._running.append((len(part), Running(made)))

    async def drain(self) -> None:
        while self._running:
            await self._finish_first()

    def abort(self) -> None:
        for _, running in self._running:
            running.abort()

    async def _finish_first(self) -> None:
        size, running = self._running[0]
        await running.wait()
        self._running.popleft()
        await self._progress.add(size)


async def _abort(upload: Upload) -> None:
    """Aborts an upload. If that fails too, the caller's error says more."""
    try:
        made = upload.abort()
        if made is not None:
            await finish(made)
    except StorageError:
        return


def with_type(store: Store, stored: StoredFile) -> StoredFile:
    """The description with the content type that a local file's name implies."""
    if stored.content_type is not None or store.kind != "files":
        return stored
    # Imported on use: at the top it would be half of this package's import time.
    import mimetypes

    guessed, _ = mimetypes.guess_type(stored.key)
    return dataclasses.replace(stored, content_type=guessed)


def checked_limit(limit: int | None) -> int | None:
    """The limit of a list."""
    if limit is not None and limit < 0:
        raise ValueError(f"limit is {limit}, but must be at least 0")
    return limit
