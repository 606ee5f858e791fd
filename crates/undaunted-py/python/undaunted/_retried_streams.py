"""The streams of ``RetryableStorage``, around those of a storage of which nothing is known.

Many of them are generators, which have ended once a wait in them failed or was cancelled. What
follows must not look like the end of the file or of the list.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Generic, TypeAlias, TypeVar

from ._errors import StorageError
from ._protocol import FileInfo

T = TypeVar("T")

Retried: TypeAlias = Callable[[Callable[[], Awaitable[T]]], Awaitable[T]]
"""Makes the attempts of one call."""


class _RetriedStream(Generic[T]):
    """A stream for which one task may wait at a time."""

    def __init__(self) -> None:
        self._is_waiting = False
        self._is_over = False

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        if self._is_waiting:
            raise RuntimeError("another task waits for the next piece of this stream")
        if self._is_over:
            raise StopAsyncIteration
        self._is_waiting = True
        try:
            return await self._next()
        except StopAsyncIteration:
            await self.aclose()
            raise
        finally:
            self._is_waiting = False

    async def aclose(self) -> None:
        """Ends the stream, and closes that of the storage."""
        self._is_over = True
        await self._close()

    async def _next(self) -> T:
        raise NotImplementedError

    async def _close(self) -> None:
        raise NotImplementedError


class RetriedChunks(_RetriedStream[bytes]):
    """The chunks of a file. Up to the first one, the read is retried."""

    def __init__(
        self,
        key: str,
        begin: Callable[[], Awaitable[AsyncIterator[bytes]]],
        retried: Retried[bytes | None],
    ) -> None:
        super().__init__()
        self._key = key
        self._begin = begin
        self._retried = retried
        self._chunks: AsyncIterator[bytes] | None = None
        self._has_begun = False
        self._failure: str | None = None

    async def _next(self) -> bytes:
        if self._failure is not None:
            raise StorageError(
                f"cannot continue to read {self._key} after {self._failure}: begin to read it anew",
                key=self._key,
            )
        try:
            if not self._has_begun:
                first = await self._retried(self._first)
                self._has_begun = True
                if first is None:
                    raise StopAsyncIteration
                return first
            assert self._chunks is not None
            return await anext(self._chunks)
        except StopAsyncIteration:
            raise
        except BaseException as error:
            if self._has_begun:
                self._failure = f"{type(error).__name__}: {error}" if str(error) else repr(error)
            await self._close()
            raise

    async def _first(self) -> bytes | None:
        await self._close()
        self._chunks = await self._begin()
        return await anext(self._chunks, None)

    async def _close(self) -> None:
        chunks, self._chunks = self._chunks, None
        await close(chunks)


class RetriedFiles(_RetriedStream[FileInfo]):
    """The files of a list. One that breaks is read again, without the files before."""

    def __init__(
        self,
        begin: Callable[[], AsyncIterator[FileInfo]],
        limit: int | None,
        retried: Retried[FileInfo | None],
    ) -> None:
        super().__init__()
        self._begin = begin
        self._limit = limit
        self._retried = retried
        self._files: AsyncIterator[FileInfo] | None = None
        self._given: set[str] = set()

    async def _next(self) -> FileInfo:
        if self._limit is not None and len(self._given) >= self._limit:
            raise StopAsyncIteration
        try:
            file = await self._retried(self._following)
        except BaseException:
            # A file may be lost with it: the next wait begins a new list too.
            await self._close()
            raise
        if file is None:
            raise StopAsyncIteration
        self._given.add(file.key)
        return file

    async def _following(self) -> FileInfo | None:
        try:
            if self._files is None:
                self._files = self._begin()
            while True:
                file: FileInfo | None = await anext(self._files, None)
                if file is None or file.key not in self._given:
                    return file
        except BaseException:
            # The next attempt begins a new list.
            await self._close()
            raise

    async def _close(self) -> None:
        files, self._files = self._files, None
        await close(files)


async def close(stream: Any) -> None:
    """Closes a stream that can be closed, such as a generator, and does not leave it for later."""
    aclose: Any = getattr(stream, "aclose", None)
    if aclose is not None:
        await aclose()
