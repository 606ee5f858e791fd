"""``ObjectStorage``: an async storage on the Rust store.

Each operation begins in Rust, and what is ready at once, as all is that a store in memory does,
comes back at once. The rest is a ``Pending``, which is awaited.
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
    DEFAULT_EXPIRY,
    DEFAULT_PART_SIZE,
    PARTS_AT_ONCE,
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

    Lost answers are resolved, reads go on where they broke, and all its operations share a
    retry budget. So do not put ``@retry`` around them: 4 attempts over 11 are 44.
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
        """The same storage for code that is not async."""
        from .blocking import Storage as BlockingStorage

        return BlockingStorage(self._store)

    @property
    def budget_tokens(self) -> int | None:
        """What is left of the retry budget that all its operations share; see
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
            key: Where, below the storage's URL.
            data: Bytes, or a stream of them: an async iterator, an iterator or an open file. Of
                a stream no more is held in memory than a few parts.
            content_type: The type of the content, such as ``"image/jpeg"``. Local files have one
                by their name only.
            metadata: Names and values of one's own, in ASCII. Local files cannot hold any.
            overwrite: Whether a file that is there already is replaced.

        Raises:
            StorageFileExistsError: Where there is one, and it is not to be overwritten.
            StorageUnsupportedError: Where the storage cannot hold metadata.
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
        concurrency: int = PARTS_AT_ONCE,
        progress_callback: ProgressCallback | None = None,
    ) -> StoredFile:
        """Writes a file in parts, each of which is retried by itself.

        Nothing is to be seen of the file before all of it is there. What fits into one part is
        written at once.

        Args:
            key: Where, below the storage's URL.
            data: As for :meth:`put`.
            content_type: As for :meth:`put`.
            metadata: As for :meth:`put`.
            part_size: Bytes in a part; S3 takes no less than 5 MiB. It grows where the data says
                that there would be more than 10,000 parts.
            concurrency: Parts on their way at once.
            progress_callback: Told after each part; it may be a coroutine function.
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
            await _give_up(upload)
            raise

    async def get(self, key: str) -> AsyncIterator[bytes]:
        """Reads a file in chunks: ``async for chunk in storage.get(key)``.

        A body that breaks is read on where it broke, under the condition that the file is still
        the same.

        Raises:
            StorageFileNotFoundError: Where there is none.
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
            StorageFileNotFoundError: Where there is none.
        """
        made = self._store.get_bytes(key)
        return await finish(made) if isinstance(made, Pending) else made

    async def delete(self, key: str) -> None:
        """Deletes a file. Object stores do not mind if there is none; local files do.

        Raises:
            StorageFileNotFoundError: Where there is none, and the storage minds.
        """
        made = self._store.delete(key)
        if made is not None:
            await finish(made)

    async def exists(self, key: str) -> bool:
        """Whether there is such a file."""
        made = self._store.exists(key)
        return await finish(made) if isinstance(made, Pending) else made

    async def list(
        self, prefix: str = "", *, limit: int | None = None
    ) -> AsyncIterator[StoredFile]:
        """The files whose keys begin with ``prefix``: ``async for file in storage.list("a/")``.

        They come as the storage has them: services by key, local files in no order. A list that
        breaks goes on where it broke.

        Args:
            prefix: What keys begin with; it need not end at a slash.
            limit: The most to give.
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
        """What is known about a file.

        Raises:
            StorageFileNotFoundError: Where there is none.
        """
        made = self._store.info(key)
        stored = await finish(made) if isinstance(made, Pending) else made
        return with_type(self._store, stored)

    async def copy(self, source: str, destination: str, *, overwrite: bool = True) -> StoredFile:
        """Copies a file within the storage.

        Raises:
            StorageFileNotFoundError: Where there is no source.
            StorageFileExistsError: Where there is a destination, and it is not to be overwritten.
        """
        made = self._store.copy(source, destination, overwrite)
        stored = await finish(made) if isinstance(made, Pending) else made
        return with_type(self._store, stored)

    async def move(self, source: str, destination: str, *, overwrite: bool = True) -> StoredFile:
        """Moves a file within the storage: where it has no such operation, a copy and a delete,
        each retried by itself.

        Raises:
            StorageFileNotFoundError: Where there is no source.
            StorageFileExistsError: Where there is a destination, and it is not to be overwritten.
        """
        made = self._store.move(source, destination, overwrite)
        stored = await finish(made) if isinstance(made, Pending) else made
        return with_type(self._store, stored)

    async def url(
        self, key: str, *, expires_in: timedelta | float | None = None, method: str = "GET"
    ) -> str:
        """A URL by which anyone can read the file for a while; of a local file, its ``file://``
        URL.

        It is signed by this machine: whether there is such a file is not asked.

        Args:
            key: Which file.
            expires_in: For how long, in seconds where it is a number; at most 7 days. Default: an
                hour.
            method: ``"PUT"`` makes a URL to write by; ``"HEAD"`` and ``"DELETE"`` are for those.

        Raises:
            StorageUnsupportedError: Where the storage has no URLs.
        """
        lasts = seconds(DEFAULT_EXPIRY if expires_in is None else expires_in)
        made = self._store.url(key, lasts, method)
        return await finish(made) if isinstance(made, Pending) else made

    async def close(self) -> None:
        """Lets go of connections. Further operations are refused."""
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
    """Counts bytes, and tells the callback."""

    def __init__(self, key: str, total: int | None, callback: ProgressCallback | None) -> None:
        self._key = key
        self._total = total
        self._callback = callback
        self.transferred = 0

    async def add(self, size: int) -> None:
        self.transferred += size
        if self._callback is None:
            return
        told = self._callback(ProgressInfo(self.transferred, self._total, "upload", self._key))
        if inspect.isawaitable(told):
            await told


class _Window:
    """Parts on their way, so many at once."""

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


async def _give_up(upload: Upload) -> None:
    """Aborts an upload. What that ends with says less than why it was given up."""
    try:
        made = upload.abort()
        if made is not None:
            await finish(made)
    except StorageError:
        return


def with_type(store: Store, stored: StoredFile) -> StoredFile:
    """A local file has the type that its name says."""
    if stored.content_type is not None or store.kind != "files":
        return stored
    # Half of what an import of this package would cost, for the few who ask.
    import mimetypes

    guessed, _ = mimetypes.guess_type(stored.key)
    return dataclasses.replace(stored, content_type=guessed)


def checked_limit(limit: int | None) -> int | None:
    """The limit of a list."""
    if limit is not None and limit < 0:
        raise ValueError(f"limit is {limit}, but must be at least 0")
    return limit
